//! How a scenario begins.

use std::time::Duration;

use super::{Words, word};
use crate::compose::Patch;
use crate::contract::Kind;
use crate::engine::RunId;
use crate::suite::{Failure, ScenarioWorld, launch};

/// From its start on, the app's processes go to the timeline.
pub(super) async fn processes_are_watched(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    world.setup()?.watch_processes = true;
    Ok(())
}

/// The app's health check, declared by the compose file or by the image, runs this often.
pub(super) async fn health_check_runs_often(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let service = world.bench()?.contract.app.clone();
    world.setup()?.patches.push(Patch::HealthInterval { service, interval: Duration::from_secs(1) });
    Ok(())
}

/// The app keeps the password that it has, and the database gets another one.
pub(super) async fn database_has_another_password(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let database = bench.contract.database().filter(|database| matches!(database.kind, Kind::Postgres { .. }));
    let service = database.ok_or_else(|| Failure::NotApplicable("the app has no PostgreSQL".into()))?.service.clone();
    let names = ["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"];
    let name = names.into_iter().find(|name| bench.model.setting(&service, name).is_some());
    let name = name.ok_or_else(|| Failure::NotApplicable(format!("`{service}` is not given a password")))?.to_owned();
    let value = format!("another-{}", RunId::random());
    let setup = world.setup()?;
    setup.other_password = Some(value.clone());
    setup.patches.push(Patch::Variable { service, name, value });
    Ok(())
}

/// The tap stands in the place of a dependency: it sees every attempt to connect, and can disturb the wire.
pub(super) async fn is_behind_the_tap(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let dependency = launch::meant(bench, word(&words, 0)?)?;
    if let Some(reason) = bench.tap_is_missing(&dependency) {
        return Err(Failure::NotApplicable(reason));
    }
    world.setup()?.tap = Some(dependency);
    Ok(())
}

/// The same where it can stand there; elsewhere the scenario does without.
pub(super) async fn is_behind_the_tap_if_possible(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    match is_behind_the_tap(world, words).await {
        Err(Failure::NotApplicable(_)) => Ok(()),
        done => done,
    }
}

/// Neither the probes nor the health check ask the app anything: what it does, it does by itself.
pub(super) async fn nobody_asks(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let service = world.bench()?.contract.app.clone();
    let setup = world.setup()?;
    setup.is_quiet = true;
    setup.patches.push(Patch::NoHealthCheck { service });
    Ok(())
}

/// Everything is started in order, and the app has answered ready.
pub(super) async fn stack_is_ready(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let (started, ready) = launch::start_until_ready(bench, stack).await?;
    moments.app_started = started;
    world.mark(ready, "the app being ready")
}

/// Everything runs, the app too, except that one dependency is not there yet.
pub(super) async fn all_but_one(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let dependency = launch::meant(bench, word(&words, 0)?)?;
    let without = launch::start_without(bench, stack, &dependency).await?;
    let started = without.app_started;
    moments.app_started = started;
    moments.without = Some(without);
    world.mark(started, "its start")
}

/// The app is started once its dependencies accept, without one-shot services: they may need what this scenario takes away.
pub(super) async fn app_and_dependencies(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    launch::start_dependencies(bench, stack).await?;
    let started = stack.start(&bench.contract.app).await?;
    moments.app_started = started;
    world.mark(started, "its start")
}

/// Everything is started in order; the app need not be ready.
pub(super) async fn app_is_started(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let started = launch::start_app(bench, stack).await?;
    moments.app_started = started;
    world.mark(started, "its start")
}
