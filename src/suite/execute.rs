//! Our own runner: performs the experiments of a plan, so many at once.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};

use super::company::{self, companies};
use super::conclude::conclude;
use super::eliminate::eliminate;
use super::length::length;
use super::pace::Pace;
use crate::causes::with_causes;
use crate::experiment::{Event, Line, Progress, RunContext, Stage};
use crate::gherkin::{Plan, PlannedExperiment, Turns};
use crate::model::{CheckRecord, Fact, Halt, Observation};

/// What came of one experiment: all that was observed, and what each of its checks came to, by its number in the plan.
#[derive(Debug)]
pub(super) struct Performed {
    /// The app that it is about, where the run has several.
    pub(super) app: Option<String>,
    pub(super) name: String,
    pub(super) timeline: Vec<Observation>,
    pub(super) checks: Vec<(usize, CheckRecord)>,
}

impl Performed {
    /// Tells what the checks came to.
    pub(super) fn tell(&self, progress: &Arc<dyn Progress>) {
        for (_, check) in &self.checks {
            progress.tell(Event::CheckFinished(check));
        }
    }
}

/// Performs the experiments of a plan, each in the context of its app, as many at once as its pace allows, those first that take longest.
/// Returns them in the order in which they ended.
pub(super) async fn execute(
    contexts: &[Arc<RunContext>],
    plan: &Plan,
    pace: &Pace,
    progress: &Arc<dyn Progress>,
) -> Vec<Performed> {
    let mut experiments: Vec<&PlannedExperiment> = plan.experiments.iter().collect();
    experiments.sort_by_key(|experiment| Reverse(length(experiment, &contexts[experiment.app].contract)));
    // Each is driven from here; what they wait for runs in tasks of its own.
    let running: FuturesUnordered<_> = FuturesUnordered::new();
    for company in companies(experiments.into_iter(), contexts, plan) {
        running.push(async move {
            let _place = pace.enter().await;
            perform_all(contexts, plan, &company, progress).await
        });
    }
    running.concat().await
}

/// Performs experiments together, or one after the other where that can't be.
async fn perform_all(
    contexts: &[Arc<RunContext>],
    plan: &Plan,
    company: &[&PlannedExperiment],
    progress: &Arc<dyn Progress>,
) -> Vec<Performed> {
    if company.len() > 1
        && let Some(performed) = company::perform(contexts, plan, company, progress).await
    {
        return performed;
    }
    let mut performed = vec![];
    for experiment in company {
        performed.extend(perform(&contexts[experiment.app], plan, experiment, progress).await);
    }
    performed
}

/// Performs an experiment with all of its checks, and tells what they came to.
pub(super) async fn perform(
    context: &Arc<RunContext>,
    plan: &Plan,
    experiment: &PlannedExperiment,
    progress: &Arc<dyn Progress>,
) -> Vec<Performed> {
    let name = experiment.name.as_str();
    progress.tell(Event::ExperimentStarted { name, what: &what(plan, experiment) });
    let performed = eliminate(experiment, async |experiment| once(context, plan, experiment, progress).await).await;
    progress.tell(Event::ExperimentEnded { name });
    for performed in &performed {
        performed.tell(progress);
    }
    performed
}

/// What is performed, in words.
pub(super) fn what(plan: &Plan, experiment: &PlannedExperiment) -> String {
    match &experiment.checks[..] {
        [Turns { index, .. }] => plan.checks[*index].title.clone(),
        several => format!("{} checks", several.len()),
    }
}

/// An empty stage for an experiment, on which liveness is asked where a check of its rule is about it.
pub(super) fn stage(context: &Arc<RunContext>, experiment: &PlannedExperiment, progress: &Arc<dyn Progress>) -> Stage {
    let mut stage = Stage::new(Arc::clone(context), experiment.name.clone(), Arc::clone(progress));
    if !experiment.asks_liveness {
        stage.leave_liveness();
    }
    stage
}

async fn once(context: &Arc<RunContext>, plan: &Plan, experiment: &PlannedExperiment, progress: &Arc<dyn Progress>) -> Performed {
    let mut stage = stage(context, experiment, progress);
    if AssertUnwindSafe(take_all(&mut stage, plan, experiment)).catch_unwind().await.is_err() {
        let reason = "a bug in seaworthy: a step panicked".to_owned();
        let advice = "please report it, with the command line and the compose file".to_owned();
        stage.timeline().record(Fact::Halted { halt: Halt::CouldNotRun { reason, advice, service: None }, check: None });
    }
    finish(plan, experiment.name.clone(), &mut stage, experiment.wholes(), progress).await
}

/// Takes the lines of the background, as far as the checks need them, and after each those of every check whose turn has come, as long as
/// a check lets its next one be taken.
async fn take_all(stage: &mut Stage, plan: &Plan, experiment: &PlannedExperiment) {
    let mut ended: BTreeSet<usize> = BTreeSet::new();
    for turn in 0..=experiment.needed() {
        if let Some(before) = turn.checked_sub(1)
            && stage.take(&experiment.background[before], None).await.is_break()
        {
            return;
        }
        take_turn(stage, plan, experiment, turn, &mut ended).await;
    }
}

/// Takes the lines of every check whose turn it is after so many lines of the background, as long as the check, which has not ended, lets its
/// next one be taken.
pub(super) async fn take_turn(
    stage: &mut Stage,
    plan: &Plan,
    experiment: &PlannedExperiment,
    turn: usize,
    ended: &mut BTreeSet<usize>,
) {
    for Turns { index, lines, .. } in &experiment.checks {
        let name = plan.checks[*index].name();
        for (_, line) in lines.iter().filter(|(of, _)| *of == turn) {
            if !ended.contains(index) && stage.take(line, Some(&name)).await.is_break() {
                ended.insert(*index);
            }
        }
    }
}

/// Ends an experiment, with its last log lines on the timeline and everything removed, and concludes its checks: each by its number in
/// the plan, with all its lines.
pub(super) async fn finish(
    plan: &Plan,
    name: String,
    stage: &mut Stage,
    checks: impl Iterator<Item = (usize, Vec<Line>)>,
    progress: &Arc<dyn Progress>,
) -> Performed {
    if let Err(error) = stage.end().await {
        // The end of the run removes everything once more, and says what is left then.
        progress.tell(Event::Warning(&format!("an instance of the stack is not removed yet: {}", with_causes(&error))));
    }
    let (context, timeline) = (stage.context(), stage.timeline().observations());
    let checks = checks.map(|(index, lines)| {
        let check = conclude(context, &plan.checks[index], &lines, stage.timeline(), &timeline);
        (index, check)
    });
    let checks = checks.collect();
    Performed { app: context.one_of_several.clone(), name, timeline, checks }
}
