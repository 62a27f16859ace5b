//! What becomes of the app's processes.

use std::time::Duration;

use crate::suite::error::settle;
use crate::suite::steps::Words;
use crate::suite::{Failure, ScenarioWorld};
use crate::timeline::Fact;
use crate::verdict::{left_no_zombies, ran_without_root, stayed_the_same_process};

/// How many looks at the processes after readiness are enough.
const LOOKS: usize = 3;
const LOOKS_LIMIT: Duration = Duration::from_secs(30);
/// A zombie that stays this long is nobody's.
const APART: Duration = Duration::from_secs(3);

/// The app's first process has not ended since the scenario began with it.
pub(in crate::suite::steps) async fn same(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    world
        .look_back(|bench, moments, observations| stayed_the_same_process(&bench.contract.app, moments.app_started, observations))
        .await
}

/// An app that exited is started again by the engine, after pauses that are not its own: nothing can be said of its pace.
pub(in crate::suite::steps) async fn has_not_exited(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    match same(world, words).await {
        Err(Failure::Failed(finding)) => {
            Err(Failure::NotApplicable(format!("the engine's pauses would be measured: {}", finding.seen)))
        }
        other => other,
    }
}

/// At every look since its start, no process of the app ran as user 0.
pub(in crate::suite::steps) async fn nothing_runs_as_root(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
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
    settle(stack.timeline().wait(deadline, judge).await, "the processes of the app could not be listed")
}

/// No process of the app is left as a zombie: looked at twice.
pub(in crate::suite::steps) async fn no_zombies(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let (app, clock) = (&bench.contract.app, stack.timeline().clock());
    for look in 0..2 {
        if look > 0 {
            clock.reach(clock.now() + APART).await;
        }
        let pids = bench.engine.zombies(&stack.service(app)?.container).await?;
        let pids = pids.ok_or_else(|| Failure::NotApplicable("the kernel's process table is out of sight from here".into()))?;
        stack.timeline().record(Fact::Zombies { service: app.clone(), pids });
    }
    world.look_back(|bench, _, observations| left_no_zombies(&bench.contract.app, APART, observations)).await
}
