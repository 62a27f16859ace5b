//! What an instance is to be like. Changes count only before it is created.

use std::time::Duration;

use crate::compose::Patch;
use crate::engine::RunId;
use crate::experiment::{Stage, launch};
use crate::model::Halt;
use crate::subject::{Kind, Meant};

/// From one run of a health check to the next.
const OFTEN: Duration = Duration::from_secs(1);
/// How long a run may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// One failure decides where it is asked whether a health check can fail at all. How many it declares says how soon, which is another
/// question.
const ONE: u32 = 1;
/// Ports below this one are root's, or need a capability (capabilities(7), `CAP_NET_BIND_SERVICE`).
const FIRST_HIGH_PORT: u16 = 1024;

/// From its start on, the app's processes go to the timeline.
pub(super) fn watch_processes(stage: &mut Stage) {
    stage.arrangement().watch_processes = true;
}

/// The app's health check, declared by the compose file or by the image, runs this often. It may take its time: on a busy machine
/// it would otherwise run into its own timeout, over and over; unless that is what is asked: then its first failure counts, whatever
/// number of retries and start period it declares.
pub(super) fn run_health_check_often(stage: &mut Stage, own_timeout: bool) {
    let context = stage.context();
    if !context.has_health_check(&context.contract.app) {
        return;
    }
    let (timeout, retries) = if own_timeout { (None, Some(ONE)) } else { (Some(PATIENCE), None) };
    change_app(stage, |service| Patch::HealthInterval { service, interval: OFTEN, timeout, retries });
}

/// The app keeps the password that it has, and the database gets another one.
pub(super) fn give_database_another_password(stage: &mut Stage) -> Result<(), Halt> {
    let context = stage.context();
    let database = context.contract.database().filter(|database| matches!(database.kind, Kind::Postgres { .. }));
    let service = database.ok_or_else(|| Halt::not_applicable("the app has no PostgreSQL"))?.service.clone();
    let names = ["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"];
    let name = names.into_iter().find(|name| context.model.setting(&service, name).is_some());
    let name = name.ok_or_else(|| Halt::not_applicable(format!("`{service}` is not given a password")))?.to_owned();
    let value = format!("another-{}", RunId::random());
    let arrangement = stage.arrangement();
    arrangement.other_password = Some(value.clone());
    arrangement.patches.push(Patch::Variable { service, name, value });
    Ok(())
}

/// The tap stands in the place of a dependency: it sees every attempt to connect, and can disturb the wire. Where it can't stand there,
/// the check does not apply, or does without.
pub(super) fn put_behind_the_tap(stage: &mut Stage, dependency: &Meant, if_possible: bool) -> Result<(), Halt> {
    let context = stage.context();
    let dependency = launch::meant(context, dependency)?;
    match context.tap_is_missing(&dependency) {
        Some(_) if if_possible => Ok(()),
        Some(reason) => Err(Halt::not_applicable(reason)),
        None => {
            stage.arrangement().tap = Some(dependency);
            Ok(())
        }
    }
}

/// Neither the probes nor the health check ask the app anything: what it does, it does by itself.
pub(super) fn ask_nothing(stage: &mut Stage) {
    stage.arrangement().is_quiet = true;
    change_app(stage, |service| Patch::NoHealthCheck { service });
}

/// The app's root file system is read-only, with `/tmp` in memory; or can be written to, whatever the compose file says.
pub(super) fn root_file_system(stage: &mut Stage, read_only: bool) {
    change_app(stage, |service| Patch::ReadOnly { service, read_only });
}

/// The app has no capabilities but, where its port is below 1024, that of listening there.
pub(super) fn no_capabilities(stage: &mut Stage) {
    let context = stage.context();
    let port = context.contract.port_of(&context.contract.readiness).or(context.contract.port);
    let binds_low_ports = port.is_some_and(|port| port < FIRST_HIGH_PORT);
    change_app(stage, |service| Patch::NoCapabilities { service, binds_low_ports });
}

/// No process of the app can become more than what started it.
pub(super) fn no_new_privileges(stage: &mut Stage) {
    change_app(stage, |service| Patch::NoNewPrivileges { service });
}

/// The app has this much memory and half a processor.
pub(super) fn limits(stage: &mut Stage, memory: u64) {
    change_app(stage, |service| Patch::Limits { service, memory, cpus: 0.5 });
}

/// The app runs as this user and group, whom its image need not know.
pub(super) fn user(stage: &mut Stage, user: &str) {
    let user = user.to_owned();
    change_app(stage, |service| Patch::User { service, user });
}

fn change_app(stage: &mut Stage, change: impl FnOnce(String) -> Patch) {
    let service = stage.context().contract.app.clone();
    stage.arrangement().patches.push(change(service));
}
