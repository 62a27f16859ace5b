//! What a scenario expects of a stack. Limits and times are counted from the last disturbance or its end.

use std::time::Duration;

use super::Words;
use super::when::seconds;
use crate::suite::{Failure, ScenarioWorld, launch};
use crate::timeline::Ruling;
use crate::verdict::{
    answered_ready, answered_status, never_ready_before, ran_without_root, stayed_the_same_process, stayed_unready,
    stopped_in_time, was_not_killed as judge_not_killed,
};

/// How many looks at the processes after readiness are enough.
const LOOKS: usize = 3;
const LOOKS_LIMIT: Duration = Duration::from_secs(30);

/// No ready answer was complete before the database accepted.
pub(super) async fn not_ready_before_database(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, _, _) = world.stack().await?;
    let (database, limit) = (launch::database(bench)?, bench.contract.startup_limit);
    world.expect(limit, |judged, observations, _| never_ready_before(judged, &database, observations)).await
}

/// Readiness says 2xx within the limit of this name.
pub(super) async fn ready_within(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, _, _) = world.stack().await?;
    let recovery = words.first().is_some_and(|limit| limit == "recovery");
    let limit = if recovery { bench.contract.recovery_limit } else { bench.contract.startup_limit };
    world.expect(limit, answered_ready).await.map(drop)
}

/// Readiness says this status within the outage limit. Limits of later steps count from that answer.
pub(super) async fn answers_within(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, _, _) = world.stack().await?;
    let limit = bench.contract.outage_limit;
    let status = words.first().and_then(|status| status.parse().ok()).unwrap_or_default();
    let answered = world.expect(limit, |judged, observations, over| answered_status(judged, status, observations, over)).await?;
    world.mark(answered, format!("the first {status}"))
}

/// Readiness says no 2xx in the whole window.
pub(super) async fn unready_throughout(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    world.expect(seconds(&words, 0)?, stayed_unready).await
}

/// The app's first process has not ended since the scenario began with it.
pub(super) async fn same_process(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let judge = |observations: &[_]| stayed_the_same_process(&bench.contract.app, moments.app_started, observations);
    stack.timeline().read(judge).map_err(Failure::Failed)
}

/// The app ended within its grace period after it was told to.
pub(super) async fn exits_in_time(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let contract = &bench.contract;
    let Some((died, status, _)) = moments.death else {
        return Err(Failure::not_measured("the engine did not report the end of the app"));
    };
    let signal = (contract.stop_signal.as_str(), moments.told_to_stop);
    let judge =
        |observations: &[_]| stopped_in_time(&contract.app, signal, contract.stop_grace_period, (died, status), observations);
    stack.timeline().read(judge).map_err(Failure::Failed)
}

/// The app's end was its own.
pub(super) async fn was_not_killed(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, _, moments) = world.stack().await?;
    let Some((_, status, oom_killed)) = moments.death else {
        return Err(Failure::not_measured("the engine did not report the end of the app"));
    };
    judge_not_killed(&bench.contract.app, status, oom_killed).map_err(Failure::Failed)
}

/// At every look since its start, no process of the app ran as user 0.
pub(super) async fn nothing_runs_as_root(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    if bench.engine.remaps_users().await? {
        return Err(Failure::CouldNotRun {
            message: "the engine maps users (rootless or userns-remap): the users of its processes can't be read from outside"
                .into(),
            advice: "run this check on an engine without user mapping".into(),
            service: None,
        });
    }
    let deadline = stack.timeline().clock().now() + LOOKS_LIMIT;
    let judge = |observations: &[_], _| ran_without_root(&bench.contract.app, moments.since, LOOKS, observations);
    match stack.timeline().wait(deadline, judge).await {
        Ruling::Holds(()) => Ok(()),
        Ruling::Broken(finding) => Err(Failure::Failed(finding)),
        Ruling::Open => Err(Failure::not_measured("the processes of the app could not be listed")),
    }
}
