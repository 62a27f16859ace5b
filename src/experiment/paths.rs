//! Finds the paths that nobody declared, by asking the running app for those that are in use everywhere.
//!
//! An app that answers 2xx to any path, as the server of a single-page application does, tells nothing by answering: with
//! dependencies its readiness path has to be declared.

use std::time::Duration;

use super::arrangement::Arrangement;
use super::baseline::not_ready;
use super::{RunContext, RunError, launch};
use crate::engine::Reach;
use crate::judge::{count_exits, gone_after};
use crate::model::{Answer, Halt, Timeline};
use crate::probe::ask_once;
use crate::subject::Found;
use crate::target::Instance;

/// Where apps say that they can serve; the more explicit first.
const READINESS: [&str; 17] = [
    "/health/ready",
    "/ready",
    "/readyz",
    "/readiness",
    "/healthz/ready",
    "/health/readiness",
    "/actuator/health/readiness",
    "/-/ready",
    "/api/health/ready",
    "/health",
    "/healthz",
    "/api/health",
    "/api/healthz",
    "/actuator/health",
    "/_health",
    "/healthcheck",
    "/up",
];
/// Where apps say that they live, also beside their readiness path; `/__lbheartbeat__` is Dockerflow's.
const LIVENESS: [&str; 10] = [
    "/health/live",
    "/livez",
    "/live",
    "/liveness",
    "/healthz/live",
    "/health/liveness",
    "/actuator/health/liveness",
    "/-/healthy",
    "/alive",
    "/__lbheartbeat__",
];
/// No app has this path on purpose.
const NOWHERE: &str = "/seaworthy-asks-for-a-path-that-nobody-has";
const ROOT: &str = "/";
/// The time from one round of questions to the next.
const PAUSE: Duration = Duration::from_millis(250);

/// The path to begin with while none is known.
#[must_use]
pub(super) fn any_readiness() -> Found<String> {
    Found::new(READINESS[0].into(), "not known yet")
}

/// Starts the app once, with all that it needs, and returns the path at which it says that it is ready; nothing when it answers
/// at none of the usual ones within the startup limit.
pub(super) async fn find_readiness(context: &RunContext) -> Result<Option<Found<String>>, RunError> {
    let timeline = Timeline::new(context.engine.clock(), context.redactor.clone());
    let app = &context.contract.app;
    let instance = launch::create(context, &timeline, &Arrangement::default()).await;
    let mut instance = instance.map_err(|failure| not_ready(app, failure, &timeline))?;
    let found = match launch::start_app(context, &instance).await {
        Ok(started) => Ok(ask_until_ready(context, &instance, started + context.contract.startup_limit).await),
        Err(failure) => Err(failure),
    };
    launch::stop_observing(context, &mut instance).await;
    instance.down().await?;
    match found {
        Ok(None) if has_ended(context, &timeline) => Err(not_ready(app, exits(context), &timeline)),
        found => found.map_err(|failure| not_ready(app, failure, &timeline)),
    }
}

/// Whether the app has ended for good.
fn has_ended(context: &RunContext, timeline: &Timeline) -> bool {
    let app = &context.contract.app;
    timeline.read(|facts| count_exits(facts, app, Duration::ZERO) >= gone_after(facts, app))
}

fn exits(context: &RunContext) -> Halt {
    let app = &context.contract.app;
    Halt::CouldNotRun {
        reason: format!("{} does not start even with nothing disturbed: `{app}` exits", context.model.file().path().display()),
        advice: format!("see its log for why `{app}` exits"),
        service: None,
    }
}

async fn ask_until_ready(context: &RunContext, instance: &Instance, deadline: Duration) -> Option<Found<String>> {
    let clock = instance.timeline().clock();
    let mut reach = instance.service(&context.contract.app).ok()?.reach.clone();
    let mut unready = None;
    while clock.now() < deadline && !has_ended(context, instance.timeline()) {
        let began = clock.now();
        let here = tokio::select! {
            here = reach.wait_for(Option::is_some) => here.ok()?.clone()?,
            () = clock.reach(began + PAUSE) => continue,
        };
        match ask_all(context, &here).await {
            Ruled::Ready(path, status) => return Some(Found::new(path, format!("it answers {status} there"))),
            Ruled::Unready(path, status) => unready = Some(Found::new(path, format!("it answers {status} there"))),
            Ruled::Nothing => {}
        }
        clock.reach(began + PAUSE).await;
    }
    // It has the path and never said that it is ready: the try-out will tell.
    unready
}

/// What one round of questions showed.
enum Ruled {
    Ready(String, u16),
    /// It has the path, and is not ready.
    Unready(String, u16),
    Nothing,
}

async fn ask_all(context: &RunContext, here: &Reach) -> Ruled {
    let Some(nowhere) = status(context, here, NOWHERE).await else { return Ruled::Nothing };
    let has_dependencies = !context.contract.dependencies.is_empty();
    if !is_success(nowhere) {
        for path in READINESS {
            match status(context, here, path).await {
                Some(status) if is_success(status) => return Ruled::Ready(path.into(), status),
                // Anything but an error like the one for a path that is not there.
                Some(status) if status >= 500 && status != nowhere => return Ruled::Unready(path.into(), status),
                Some(_) => {}
                None => return Ruled::Nothing,
            }
        }
    }
    if has_dependencies {
        return Ruled::Nothing;
    }
    match status(context, here, ROOT).await {
        Some(status) if is_success(status) => Ruled::Ready(ROOT.into(), status),
        _ => Ruled::Nothing,
    }
}

/// The path at which a running, ready app says that it lives, apart from its readiness path.
pub(super) async fn find_liveness(context: &RunContext, instance: &Instance) -> Option<Found<String>> {
    let here = instance.service(&context.contract.app).ok()?.reach.borrow().clone()?;
    let readiness = &context.contract.readiness;
    for folder in folders(readiness) {
        if is_success(status(context, &here, &format!("{folder}{NOWHERE}")).await?) {
            continue;
        }
        for path in LIVENESS.map(|path| format!("{folder}{path}")).into_iter().filter(|path| path != readiness) {
            if let Some(status) = status(context, &here, &path).await.filter(|status| is_success(*status)) {
                return Some(Found::new(path, format!("it answers {status} there")));
            }
        }
    }
    None
}

/// Where paths are looked for beside a known one: in its own folder, and at the root.
fn folders(readiness: &str) -> Vec<&str> {
    let folder = readiness.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
    if folder.is_empty() { vec![""] } else { vec![folder, ""] }
}

async fn status(context: &RunContext, here: &Reach, path: &str) -> Option<u16> {
    match ask_once(here.socket(context.contract.port)?, path, context.contract.probe_timeout).await {
        Answer::Status(status) => Some(status),
        _ => None,
    }
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn liveness_is_looked_for_beside_readiness() {
        for (readiness, expected) in [
            ("/v1/__heartbeat__", vec!["/v1", ""]),
            ("/api/health/ready", vec!["/api/health", ""]),
            ("/healthcheck/", vec![""]),
            ("/ready", vec![""]),
            ("/", vec![""]),
        ] {
            assert_eq!(folders(readiness), expected, "{readiness}");
        }
    }
}
