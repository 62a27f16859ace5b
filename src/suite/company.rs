//! Company: experiments of several apps that do the same to the stack are performed in one instance of it, once for all. Each app keeps a timeline
//! and verdicts of its own.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;

use super::execute::{Performed, finish, stage, take_turn, what};
use crate::experiment::{Act, Event, Line, Progress, RunContext, Stage};
use crate::gherkin::{Grouping, Plan, PlannedExperiment, Turns};

/// Experiments that are performed together: one, or one of each of several apps.
pub(super) type Company<'a> = Vec<&'a PlannedExperiment>;

/// Puts those together that may be performed together, in the order of the first of each.
pub(super) fn companies<'a>(
    experiments: impl Iterator<Item = &'a PlannedExperiment>,
    contexts: &[Arc<RunContext>],
    plan: &Plan,
) -> Vec<Company<'a>> {
    let mut companies: Vec<(Option<Vec<Act>>, Company<'a>)> = vec![];
    for experiment in experiments {
        let is_alone = contexts.len() == 1 || plan.grouping == Grouping::Isolated;
        let acts = if is_alone { None } else { common(experiment, &contexts[experiment.app]) };
        let known = companies.iter_mut().find(|(known, company)| {
            acts.is_some() && *known == acts && company.iter().all(|member| member.app != experiment.app)
        });
        match known {
            Some((_, company)) => company.push(experiment),
            None => companies.push((acts, vec![experiment])),
        }
    }
    companies.into_iter().map(|(_, company)| company).collect()
}

/// What an experiment does to the stack, when none of it is about one app, and something is disturbed.
fn common(experiment: &PlannedExperiment, context: &RunContext) -> Option<Vec<Act>> {
    let experiment = experiment.in_phases();
    let common = |line: &Line| line.act()?.common(&context.contract);
    let acts: Option<Vec<Act>> = experiment.background.iter().map(common).collect();
    let asserts =
        |turns: &Turns| turns.alone.is_empty() && turns.lines.iter().all(|(_, line)| line.act().is_none() && line.step.is_some());
    acts.filter(|acts| acts.len() > 1 && experiment.checks.iter().all(asserts))
}

/// Performs experiments of several apps together; nothing when an app is not ready in company, which says nothing about it.
pub(super) async fn perform(
    contexts: &[Arc<RunContext>],
    plan: &Plan,
    company: &[&PlannedExperiment],
    progress: &Arc<dyn Progress>,
) -> Option<Vec<Performed>> {
    let members: Vec<PlannedExperiment> = company.iter().map(|experiment| experiment.in_phases()).collect();
    let mut stages: Vec<Stage> = members.iter().map(|one| stage(&contexts[one.app], one, progress)).collect();
    for experiment in &members {
        progress.tell(Event::ExperimentStarted { name: &experiment.name, what: &what(plan, experiment) });
    }
    let taken = AssertUnwindSafe(take_all(&mut stages, plan, &members)).catch_unwind().await;
    let is_usable = taken.unwrap_or(false);
    let mut performed = vec![];
    // The first one's end removes the instance.
    for (stage, experiment) in stages.iter_mut().zip(&members).rev() {
        performed.push(finish(plan, experiment.name.clone(), stage, experiment.wholes(), progress).await);
    }
    performed.reverse();
    for experiment in &members {
        progress.tell(Event::ExperimentEnded { name: &experiment.name });
    }
    if !is_usable {
        return None;
    }
    for performed in &performed {
        performed.tell(progress);
    }
    Some(performed)
}

/// Takes all lines of all: the first stage does what the background says, the others follow. Returns whether all apps were ready.
async fn take_all(stages: &mut [Stage], plan: &Plan, members: &[PlannedExperiment]) -> bool {
    if Stage::share(stages).await.is_err() {
        return false;
    }
    let needed = members.iter().map(PlannedExperiment::needed).max().unwrap_or_default();
    let mut ended = vec![BTreeSet::new(); members.len()];
    for turn in 0..=needed {
        if let Some(before) = turn.checked_sub(1)
            && act(stages, members, before).await.is_break()
        {
            // The first line brings everything up.
            return before > 0;
        }
        let turns = stages.iter_mut().zip(members).zip(&mut ended);
        join_all(turns.map(|((stage, experiment), ended)| take_turn(stage, plan, experiment, turn, ended))).await;
    }
    true
}

/// Takes a line of the background for all. Breaks when it can't be taken for one of them.
async fn act(stages: &mut [Stage], members: &[PlannedExperiment], number: usize) -> ControlFlow<()> {
    let (Some((host, guests)), Some((of_host, of_guests))) = (stages.split_first_mut(), members.split_first()) else {
        return ControlFlow::Continue(());
    };
    for (guest, experiment) in guests.iter_mut().zip(of_guests) {
        guest.announce(&experiment.background[number]).await;
    }
    if host.take(&of_host.background[number], None).await.is_break() {
        return ControlFlow::Break(());
    }
    let followed = guests.iter_mut().zip(of_guests).map(|(guest, experiment)| guest.follow(&experiment.background[number]));
    if join_all(followed).await.iter().any(ControlFlow::is_break) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
