//! How a scenario begins.

use std::time::Duration;

use super::{Words, number, word};
use crate::compose::Patch;
use crate::contract::Kind;
use crate::engine::RunId;
use crate::suite::{Failure, ScenarioWorld, launch};

/// From one run of a health check to the next.
const OFTEN: Duration = Duration::from_secs(1);
/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Ports below this one are root's, or need a capability (capabilities(7), `CAP_NET_BIND_SERVICE`).
const FIRST_HIGH_PORT: u16 = 1024;

/// From its start on, the app's processes go to the timeline.
pub(super) async fn processes_are_watched(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    world.setup()?.watch_processes = true;
    Ok(())
}

/// The app's health check, declared by the compose file or by the image, runs this often. It may take its time: on a busy machine
/// it would otherwise run into its own time-out, over and over.
pub(super) async fn health_check_runs_often(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    change_app(world, |service| Patch::HealthInterval { service, interval: OFTEN, timeout: Some(PATIENCE) })
}

/// The same with the time-out that is declared.
pub(super) async fn health_check_runs_often_as_declared(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    change_app(world, |service| Patch::HealthInterval { service, interval: OFTEN, timeout: None })
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
    // An app that starts slowly shows nothing before.
    let begins = launch::first_sign(bench, stack, started).await;
    world.mark(begins, "its first sign of life")
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

/// The app's root file system is read-only, with `/tmp` in memory.
pub(super) async fn root_is_read_only(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    change_app(world, |service| Patch::ReadOnly { service, read_only: true })
}

/// The app's root file system can be written to, whatever the compose file says.
pub(super) async fn root_is_writable(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    change_app(world, |service| Patch::ReadOnly { service, read_only: false })
}

/// The app has no capabilities but, where its port is below 1024, that of listening there.
pub(super) async fn no_capabilities(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let binds_low_ports = world.bench()?.contract.port < FIRST_HIGH_PORT;
    change_app(world, |service| Patch::NoCapabilities { service, binds_low_ports })
}

/// No process of the app can become more than what started it.
pub(super) async fn no_new_privileges(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    change_app(world, |service| Patch::NoNewPrivileges { service })
}

/// The app has this much memory and half a processor.
pub(super) async fn limits(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let memory = number(&words, 0)?;
    change_app(world, |service| Patch::Limits { service, memory, cpus: 0.5 })
}

/// The app runs as this user and group, whom its image need not know.
pub(super) async fn user(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let user = word(&words, 0)?.to_owned();
    change_app(world, |service| Patch::User { service, user })
}

fn change_app(world: &mut ScenarioWorld, change: impl FnOnce(String) -> Patch) -> Result<(), Failure> {
    let service = world.bench()?.contract.app.clone();
    world.setup()?.patches.push(change(service));
    Ok(())
}
