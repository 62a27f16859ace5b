//! Faults on the wire to a dependency that is behind the tap. Limits of later steps count from the fault, or from its end.

use std::time::Duration;

use crate::fault::{self, OnTheWire};
use crate::stack::Stack;
use crate::suite::steps::{Words, seconds, word};
use crate::suite::{Bench, Failure, ScenarioWorld, launch};

/// The app is started while the dependency turns it down. That ends so many seconds after the app's first attempt, and limits
/// count from then.
pub(in crate::suite::steps) async fn started_while(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let is_quiet = world.setup()?.is_quiet;
    let (bench, stack, moments) = world.stack().await?;
    let dependency = launch::meant(bench, word(&words, 0)?)?;
    let how = if word(&words, 1)? == "is starting up" { OnTheWire::StartingUp } else { OnTheWire::Refuse };
    if is_quiet {
        attempts_are_the_apps(bench, &dependency)?;
        launch::start_dependencies(bench, stack).await?;
    } else {
        launch::start_before_app(bench, stack).await?;
    }
    fault::disturb_wire(stack, &dependency, how).await?;
    moments.app_started = stack.start(&bench.contract.app).await?;
    let first = launch::first_attempt(bench, stack, &dependency, moments.app_started).await;
    let first = first.ok_or_else(|| {
        let asked = if is_quiet { " by itself" } else { "" };
        Failure::NotApplicable(format!("`{}` does not try to reach `{dependency}`{asked} at its start", bench.contract.app))
    })?;
    stack.timeline().clock().reach(first + seconds(&words, 2)?).await;
    let healed = fault::heal_wire(stack, &dependency, how).await?;
    world.mark(healed, format!("`{dependency}` being within reach"))
}

/// What the tap sees comes from the app alone.
fn attempts_are_the_apps(bench: &Bench, dependency: &str) -> Result<(), Failure> {
    let app = &bench.contract.app;
    if bench.model.replicas(app) > 1 {
        return Err(Failure::NotApplicable(format!("the attempts of several replicas of `{app}` can't be told apart")));
    }
    let others = bench.contract.dependencies.iter().map(|other| other.service.as_str());
    match others.into_iter().find(|other| bench.model.depends_on(other).contains(&dependency)) {
        Some(other) => Err(Failure::NotApplicable(format!("`{other}` reaches `{dependency}` too, and can't be told apart"))),
        None => Ok(()),
    }
}

/// The withheld dependency is started this long after the app has first tried to reach it; without a tap, or when it does not
/// try, after its start. Limits count from its acceptance.
pub(in crate::suite::steps) async fn late(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let dependency = launch::meant(bench, word(&words, 0)?)?;
    let first = if fault::has_tap(stack, &dependency) {
        launch::first_attempt(bench, stack, &dependency, moments.app_started).await
    } else {
        None
    };
    let from = first.unwrap_or(moments.app_started);
    super::start::start_late(world, &dependency, from + seconds(&words, 1)?).await
}

/// Every connection to the dependency is reset, once.
pub(in crate::suite::steps) async fn is_reset(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (dependency, at) = disturb(world, &words, OnTheWire::Reset).await?;
    world.mark(at, format!("the reset of all connections to `{dependency}`"))
}

/// Whatever the dependency says arrives so many seconds later.
pub(in crate::suite::steps) async fn answers_late(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (dependency, at) = disturb(world, &words, OnTheWire::Delay(seconds(&words, 1)?)).await?;
    world.mark(at, format!("`{dependency}` being slow"))
}

/// Nothing gets through to the dependency, and nobody says so.
pub(in crate::suite::steps) async fn is_lost(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (dependency, at) = disturb(world, &words, OnTheWire::Lose).await?;
    world.mark(at, format!("the loss of all packets to `{dependency}`"))
}

async fn disturb(world: &mut ScenarioWorld, words: &Words, how: OnTheWire) -> Result<(String, Duration), Failure> {
    let (bench, stack, _): (&Bench, &Stack, _) = world.stack().await?;
    let dependency = launch::meant(bench, word(words, 0)?)?;
    let at = fault::disturb_wire(stack, &dependency, how).await?;
    Ok((dependency, at))
}
