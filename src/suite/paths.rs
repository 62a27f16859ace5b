//! Finds the paths that nobody declared, by asking the running app for those that are in use everywhere.
//!
//! An app that answers 2xx to any path, as the server of a single-page application does, tells nothing by answering: with
//! dependencies its readiness path has to be declared.

use std::time::Duration;

use super::setup::Setup;
use super::try_out::not_ready;
use super::{Bench, Failure, RunError, launch};
use crate::contract::Found;
use crate::engine::Reach;
use crate::probe::ask_once;
use crate::stack::Stack;
use crate::timeline::{Answer, Timeline};
use crate::verdict::count_exits;

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
/// Where apps say that they live.
const LIVENESS: [&str; 9] = [
    "/health/live",
    "/livez",
    "/live",
    "/liveness",
    "/healthz/live",
    "/health/liveness",
    "/actuator/health/liveness",
    "/-/healthy",
    "/alive",
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
pub(super) async fn find_readiness(bench: &Bench) -> Result<Option<Found<String>>, RunError> {
    let timeline = Timeline::new(bench.engine.clock(), bench.redactor.clone());
    let app = &bench.contract.app;
    let stack = launch::create(bench, &timeline, &Setup::default()).await;
    let mut stack = stack.map_err(|failure| not_ready(app, failure, &timeline))?;
    let found = match launch::start_app(bench, &stack).await {
        Ok(started) => Ok(ask_until_ready(bench, &stack, started + bench.contract.startup_limit).await),
        Err(failure) => Err(failure),
    };
    launch::stop_observing(bench, &mut stack).await;
    stack.down().await?;
    match found {
        Ok(None) if has_ended(bench, &timeline) => Err(not_ready(app, exits(bench), &timeline)),
        found => found.map_err(|failure| not_ready(app, failure, &timeline)),
    }
}

/// Whether the app has ended for good.
fn has_ended(bench: &Bench, timeline: &Timeline) -> bool {
    let app = &bench.contract.app;
    let exits = timeline.read(|observations| count_exits(observations, app, Duration::ZERO));
    exits >= launch::gone_after(bench, app)
}

fn exits(bench: &Bench) -> Failure {
    let app = &bench.contract.app;
    Failure::CouldNotRun {
        message: format!("{} does not come up even undisturbed: `{app}` exits", bench.model.file().path().display()),
        advice: format!("find out from its log why `{app}` exits"),
        service: None,
    }
}

async fn ask_until_ready(bench: &Bench, stack: &Stack, deadline: Duration) -> Option<Found<String>> {
    let clock = stack.timeline().clock();
    let mut reach = stack.service(&bench.contract.app).ok()?.reach.clone();
    let mut unready = None;
    while clock.now() < deadline && !has_ended(bench, stack.timeline()) {
        let began = clock.now();
        let here = tokio::select! {
            here = reach.wait_for(Option::is_some) => here.ok()?.clone()?,
            () = clock.reach(began + PAUSE) => continue,
        };
        match ask_all(bench, &here).await {
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

async fn ask_all(bench: &Bench, here: &Reach) -> Ruled {
    let Some(nowhere) = status(bench, here, NOWHERE).await else { return Ruled::Nothing };
    let has_dependencies = !bench.contract.dependencies.is_empty();
    if !is_success(nowhere) {
        for path in READINESS {
            match status(bench, here, path).await {
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
    match status(bench, here, ROOT).await {
        Some(status) if is_success(status) => Ruled::Ready(ROOT.into(), status),
        _ => Ruled::Nothing,
    }
}

/// The path at which a running, ready app says that it lives, apart from its readiness path.
pub(super) async fn find_liveness(bench: &Bench, stack: &Stack) -> Option<Found<String>> {
    let here = stack.service(&bench.contract.app).ok()?.reach.borrow().clone()?;
    if is_success(status(bench, &here, NOWHERE).await?) {
        return None;
    }
    for path in LIVENESS.into_iter().filter(|path| *path != bench.contract.readiness) {
        if let Some(status) = status(bench, &here, path).await.filter(|status| is_success(*status)) {
            return Some(Found::new(path.into(), format!("it answers {status} there")));
        }
    }
    None
}

async fn status(bench: &Bench, here: &Reach, path: &str) -> Option<u16> {
    match ask_once(here.socket(bench.contract.port)?, path, bench.contract.probe_timeout).await {
        Answer::Status(status) => Some(status),
        _ => None,
    }
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}
