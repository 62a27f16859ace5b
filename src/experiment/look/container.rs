//! What the engine shows of the app's container, and what stays in a volume.

use std::time::Duration;

use serde_json::Value;

use super::{inspected, reach};
use crate::compose::Model;
use crate::engine::Reach;
use crate::experiment::{RunContext, Stage};
use crate::image::Identity;
use crate::model::{Fact, Halt, HealthTimes, Inspection, Replacement, RowState};
use crate::probe::{catch_up_logs, query};
use crate::subject::{self, Kind};
use crate::target::Instance;

/// The table of users in every image that has names for them.
const PASSWD: &str = "/etc/passwd";
/// The engine's values where none are set.
const DEFAULT_TIME: Duration = Duration::from_secs(30);
const DEFAULT_RETRIES: u32 = 3;
/// The row that is written; the table has a name that no app uses.
const WRITE: &str = "CREATE TABLE seaworthy_survives (id int); INSERT INTO seaworthy_survives VALUES (42)";
const READ: &str = "SELECT id FROM seaworthy_survives";
/// From one question to the next while a database starts.
const PAUSE: Duration = Duration::from_millis(100);
/// Lines of a shell script that end something and do nothing.
const CLOSING: [&str; 5] = ["fi", "done", "esac", "}", ";;"];
/// Programs that a script may be written for.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "busybox"];

/// The last lines of the app.
pub(super) async fn read_log_to_the_end(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let app = &context.contract.app;
    catch_up_logs(&context.engine, app, &instance.service(app)?.container, instance.timeline()).await;
    Ok(())
}

/// Whether the root file system of the app can be written to.
pub(super) async fn root_file_system(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let container = &instance.service(&context.contract.app)?.container;
    let writable = context.engine.can_write_to_root(container).await?;
    inspected(stage, Inspection::RootFileSystem { writable });
    Ok(())
}

/// What the app has changed in its container's file system so long after the moment that limits count from.
pub(super) async fn changes(stage: &mut Stage, time: Duration) -> Result<(), Halt> {
    reach(stage, time).await;
    let (context, instance) = stage.instance().await?;
    let app = &context.contract.app;
    let container = &instance.service(app)?.container;
    let paths = context.engine.changes(container).await?;
    let mut mounts = context.engine.mount_points(container).await?;
    // What is in memory, and what Compose itself puts there, is no mount for the engine.
    mounts.extend(mounted(&context.model, app));
    mounts.sort_unstable();
    mounts.dedup();
    inspected(stage, Inspection::Changes { paths, mounts });
    Ok(())
}

/// Where something is mounted into a service: the engine makes folders for that.
fn mounted(model: &Model, service: &str) -> Vec<String> {
    let Some(service) = model.service(service) else { return vec![] };
    let list = |key: &str| service.get(key).and_then(Value::as_array).into_iter().flatten();
    let targets = list("volumes").filter_map(|mount| mount.get("target")?.as_str());
    let in_memory = list("tmpfs").filter_map(|mount| mount.as_str()?.split(':').next());
    let files = [("configs", "/"), ("secrets", "/run/secrets/")].into_iter().flat_map(|(key, folder)| {
        let named = list(key).filter_map(|file| file.get("target").or_else(|| file.get("source"))?.as_str());
        named.map(move |name| if name.starts_with('/') { name.to_owned() } else { format!("{folder}{name}") })
    });
    targets.chain(in_memory).map(str::to_owned).chain(files).collect()
}

/// What the app's container starts.
pub(super) async fn command(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let container = &instance.service(&context.contract.app)?.container;
    let words = context.engine.declared(container).await?.command;
    let script = match words.first().filter(|program| program.starts_with('/')) {
        Some(program) => context.engine.read_file(container, program).await?,
        None => None,
    };
    let last_line = script.and_then(|script| last_line(&String::from_utf8_lossy(&script)));
    inspected(stage, Inspection::Command { words, last_line });
    Ok(())
}

/// The last line of a shell script that does something; nothing where the text is no such script.
fn last_line(script: &str) -> Option<String> {
    let first = script.lines().next().unwrap_or_default();
    let program = first.strip_prefix("#!").and_then(|line| line.split_whitespace().rfind(|word| !word.starts_with('-')))?;
    let name = program.rsplit('/').next().unwrap_or_default();
    if !SHELLS.contains(&name) {
        return None;
    }
    let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Some(lines.rfind(|line| !CLOSING.contains(line)).unwrap_or_default().to_owned())
}

/// The signals that the app handles, where somebody has chosen which one stops it.
pub(super) async fn signals(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let app = &context.contract.app;
    if !context.sets_stop_signal(app) {
        return Err(Halt::not_applicable("no STOPSIGNAL is set, so the engine stops it with SIGTERM"));
    }
    let handled = context.engine.handled_signals(&instance.service(app)?.container).await?;
    let handled = handled.ok_or_else(out_of_sight)?;
    inspected(stage, Inspection::Signals { handled });
    Ok(())
}

/// The ports of the app.
pub(super) async fn ports(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let app = &context.contract.app;
    let container = &instance.service(app)?.container;
    let listening = context.engine.listening(container).await?.ok_or_else(out_of_sight)?;
    let within = context.engine.listening_within(container).await?.unwrap_or_default();
    let inherited = context.base().await?.map(|base| base.exposed.iter().copied().collect()).unwrap_or_default();
    let exposed = context.exposed_ports(app).into_iter().collect();
    inspected(stage, Inspection::Ports { exposed, inherited, listening, within });
    Ok(())
}

fn out_of_sight() -> Halt {
    Halt::not_applicable("the engine runs on another kernel, so its processes can't be seen from this machine")
}

/// What the last run of the app's health check came to.
pub(super) async fn last_health_check(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let last = context.engine.last_health_check(&instance.service(&context.contract.app)?.container).await;
    inspected(stage, Inspection::HealthRun { last });
    Ok(())
}

/// The path that the app's health check asks, where it asks one.
pub(super) async fn health_path(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let declared = context.engine.declared(&instance.service(&context.contract.app)?.container).await?.health_check;
    if let Some(path) = declared.and_then(|check| subject::health_path(&check.test)) {
        inspected(stage, Inspection::HealthPath { path });
    }
    Ok(())
}

/// The times of the app's health check, as the engine has them.
pub(super) async fn health_times(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let declared = context.engine.declared(&instance.service(&context.contract.app)?.container).await?.health_check;
    let declared = declared.ok_or_else(|| Halt::not_measured("the health check"))?;
    let time = |nanoseconds: i64| Duration::from_micros(u64::try_from(nanoseconds).unwrap_or_default() / 1000);
    let or_default = |time: Duration| if time.is_zero() { DEFAULT_TIME } else { time };
    let retries = u32::try_from(declared.retries).unwrap_or_default();
    let times = HealthTimes {
        interval: or_default(time(declared.interval)),
        timeout: or_default(time(declared.timeout)),
        start_period: time(declared.start_period),
        retries: if retries == 0 { DEFAULT_RETRIES } else { retries },
        app_start: context.undisturbed_start,
    };
    inspected(stage, Inspection::HealthTimes(times));
    Ok(())
}

/// The user that the app is started as.
pub(super) async fn user(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let container = &instance.service(&context.contract.app)?.container;
    let declared = context.engine.declared(container).await?.user;
    let passwd = context.engine.read_file(container, PASSWD).await?.unwrap_or_default();
    let user = declared.split(':').next().unwrap_or_default();
    let uid = Identity::resolve(user, &String::from_utf8_lossy(&passwd), "").map(|identity| identity.uid);
    inspected(stage, Inspection::User { declared, uid });
    Ok(())
}

/// A row is written, the container of the database is replaced in both of the ways in which Compose does that, and the row is looked for
/// after each.
pub(super) async fn row(stage: &mut Stage, service: &str) -> Result<(), Halt> {
    let (context, instance) = stage.instance_to_change().await?;
    let database = context.contract.dependency(service).ok_or_else(|| Halt::not_measured("the database"))?;
    let here = where_is(instance, service).ok_or_else(|| Halt::not_measured("the database can't be reached"))?;
    query(&here, &database.kind, WRITE)
        .await
        .map_err(|error| Halt::not_measured(format!("a row could not be written: {error}")))?;

    for by in [Replacement::Recreate, Replacement::DownAndUp] {
        match by {
            Replacement::Recreate => instance.recreate(service).await?,
            Replacement::DownAndUp => instance.replace(service).await?,
        }
        let became = look_for_row(context, instance, service, &database.kind).await?;
        let inspection = Inspection::Row { service: service.to_owned(), by, state: became };
        instance.timeline().record(Fact::Inspected { inspection });
        // What is lost once is not there to be lost again.
        if became != RowState::Kept {
            break;
        }
    }
    Ok(())
}

fn where_is(instance: &Instance, service: &str) -> Option<Reach> {
    instance.service(service).ok()?.reach.borrow().clone()
}

/// Starts the database, and looks for the row as soon as it answers.
async fn look_for_row(context: &RunContext, instance: &Instance, service: &str, kind: &Kind) -> Result<RowState, Halt> {
    let clock = instance.timeline().clock();
    let started = instance.start(service).await?;
    let deadline = started + context.contract.startup_limit;
    let mut error = "its container never had an address".to_owned();
    while clock.now() < deadline {
        let asked = clock.now();
        if let Some(here) = where_is(instance, service) {
            let row = match query(&here, kind, READ).await {
                Ok(rows) if rows == ["42"] => Some(RowState::Kept),
                Ok(_) => Some(RowState::Empty),
                Err(answer) if answer.contains("does not exist") && answer.contains("relation") => Some(RowState::Gone),
                // Without its data it may turn the login down while it initialises.
                Err(answer) => {
                    error = answer;
                    None
                }
            };
            if let Some(state) = row {
                return Ok(state);
            }
        }
        clock.reach(asked + PAUSE).await;
    }
    Err(Halt::not_measured(format!("`{service}` did not accept again: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_for_a_shell_ends_in_what_its_last_line_does() {
        for (script, last) in [
            ("#!/bin/sh -e\nprepare\nexec \"$@\"\n", Some("exec \"$@\"")),
            ("#!/usr/bin/env bash\nif x; then\n  exec server\nfi\n", Some("exec server")),
            ("#!/bin/sh\n# exec it\n\"$@\"\n", Some("\"$@\"")),
            ("#!/bin/sh\n", Some("")),
            ("#!/usr/bin/env python3\nserve()\n", None),
            ("\u{7f}ELF", None),
            ("", None),
        ] {
            assert_eq!(last_line(script).as_deref(), last, "{script:?}");
        }
    }
}
