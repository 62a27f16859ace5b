//! How the app stops.

use std::time::Duration;

use crate::suite::steps::Words;
use crate::suite::world::Moments;
use crate::suite::{Bench, Failure, ScenarioWorld};
use crate::timeline::Observation;
use crate::verdict::{
    Finding, Stop, answered_in_flight, ended_with, left_nothing_hanging, signal_reached, stopped_in_time, tore_nothing,
    was_not_killed,
};

/// How long a request may be left without an answer before the app ends.
const PATIENCE: Duration = Duration::from_secs(2);

async fn judge(
    world: &mut ScenarioWorld,
    judge: impl Fn(Stop<'_>, &[Observation]) -> Result<(), Finding>,
) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let stop = stop(bench, moments)?;
    stack.timeline().read(|observations| judge(stop, observations)).map_err(Failure::Failed)
}

fn stop<'a>(bench: &'a Bench, moments: &'a Moments) -> Result<Stop<'a>, Failure> {
    let (Some((signal, told)), Some((died, status, oom_killed))) = (&moments.told_to_stop, moments.death) else {
        return Err(Failure::not_measured("the engine did not report the end of the app"));
    };
    let grace = bench.contract.stop_grace_period;
    Ok(Stop { app: &bench.contract.app, signal, told: *told, grace, died, status, oom_killed })
}

/// The app ended within its grace period after it was told to.
pub(in crate::suite::steps) async fn in_time(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    judge(world, stopped_in_time).await
}

/// The app's end was its own.
pub(in crate::suite::steps) async fn not_killed(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    judge(world, was_not_killed).await
}

/// The exit status is one of the contract's.
pub(in crate::suite::steps) async fn status(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let allowed = world.bench()?.contract.stop_status.clone();
    judge(world, |stop, observations| ended_with(stop, &allowed, observations)).await
}

/// No shell swallowed the signal.
pub(in crate::suite::steps) async fn reached(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    judge(world, signal_reached).await
}

/// The request that was held is answered completely.
pub(in crate::suite::steps) async fn request_answered(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let stop = stop(bench, moments)?;
    let ruling = stack.timeline().read(|observations| answered_in_flight(stop, observations));
    match ruling {
        Some(ruling) => ruling.map_err(Failure::Failed),
        None => Err(Failure::NotApplicable("the business path answers without its dependency: no request could be held".into())),
    }
}

/// No accepted request of the clients is torn.
pub(in crate::suite::steps) async fn nothing_torn(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let stop = stop(bench, moments)?;
    match stack.timeline().read(|observations| tore_nothing(stop, observations)) {
        Some(ruling) => ruling.map_err(Failure::Failed),
        None => Err(Failure::not_measured("no request of the clients was answered")),
    }
}

/// What was asked after the signal was answered or turned away.
pub(in crate::suite::steps) async fn nothing_hangs(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    judge(world, |stop, observations| left_nothing_hanging(stop.told, PATIENCE, observations)).await
}
