//! Our own runner: performs the experiments of a plan, so many at once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream};

use super::conclude::conclude;
use crate::causes::with_causes;
use crate::experiment::{Event, Line, Progress, RunContext, Stage};
use crate::gherkin::{Plan, PlannedExperiment};
use crate::judge::used;
use crate::model::{CheckRecord, Fact, Halt, Observation};

/// What came of one experiment: all that was observed, and what each of its checks came to, by its number in the plan.
#[derive(Debug)]
pub(super) struct Performed {
    pub(super) name: String,
    pub(super) timeline: Vec<Observation>,
    pub(super) checks: Vec<(usize, CheckRecord)>,
}

/// Performs the experiments of a plan, at most so many at once. Returns them in the order in which they ended.
pub(super) async fn execute(context: &Arc<RunContext>, plan: &Plan, jobs: usize, progress: &Arc<dyn Progress>) -> Vec<Performed> {
    // Each is driven from here; what they wait for runs in tasks of its own.
    let experiments = plan.experiments.iter().map(|experiment| perform(context, plan, experiment, progress));
    let experiments: Vec<_> = experiments.collect();
    stream::iter(experiments).buffer_unordered(jobs.max(1)).collect().await
}

async fn perform(
    context: &Arc<RunContext>,
    plan: &Plan,
    experiment: &PlannedExperiment,
    progress: &Arc<dyn Progress>,
) -> Performed {
    for (index, _) in &experiment.checks {
        let planned = &plan.checks[*index];
        progress.tell(Event::CheckStarted { name: &planned.name(), title: &planned.title });
    }
    let mut stage = Stage::new(Arc::clone(context), experiment.name.clone(), Arc::clone(progress));
    if AssertUnwindSafe(take_all(&mut stage, plan, experiment)).catch_unwind().await.is_err() {
        let reason = "a bug in seaworthy: a step panicked".to_owned();
        let advice = "please report it, with the command line and the compose file".to_owned();
        stage.timeline().record(Fact::Halted { halt: Halt::CouldNotRun { reason, advice, service: None }, check: None });
    }
    let whole = |own: &Vec<Line>| experiment.background.iter().chain(own).cloned().collect();
    let checks = experiment.checks.iter().map(|(index, own)| (*index, whole(own)));
    finish(context, plan, experiment.name.clone(), &mut stage, checks, progress).await
}

/// Does what the background says, and then lets each check take its lines, as long as each lets the next one be taken.
async fn take_all(stage: &mut Stage, plan: &Plan, experiment: &PlannedExperiment) {
    for line in &experiment.background {
        if stage.take(line, None).await.is_break() {
            return;
        }
    }
    for (index, lines) in &experiment.checks {
        let name = plan.checks[*index].name();
        stage.turn_to_a_check();
        for line in lines {
            if stage.take(line, Some(&name)).await.is_break() {
                break;
            }
        }
    }
}

/// Ends an experiment, with its last log lines on the timeline and everything removed, and concludes its checks: each by its number in
/// the plan, with all its lines.
pub(super) async fn finish(
    context: &RunContext,
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
    let timeline = stage.timeline().observations();
    let used = used(&timeline);
    let checks = checks.map(|(index, lines)| {
        let check = conclude(context, &plan.checks[index], &lines, stage.timeline(), &timeline);
        progress.tell(Event::CheckFinished(&check, used.as_deref()));
        (index, check)
    });
    let checks = checks.collect();
    Performed { name, timeline, checks }
}
