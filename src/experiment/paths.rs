//! Finds the paths that nobody declared, by asking the running app for those that are in use everywhere.
//!
//! An app that answers 2xx to any path, as the server of a single-page application does, tells nothing by answering: with
//! dependencies its readiness path has to be declared, and a liveness path has to answer something else than all others.

use std::collections::BTreeSet;
use std::time::Duration;

use super::RunContext;
use crate::engine::Reach;
use crate::model::{Answer, shape};
use crate::probe::{ask_either, ask_for_body, ask_once};
use crate::subject::{Form, Found, HttpForm};
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
/// Where an app whose readiness has a path of its own says that it lives.
const HEALTH: &str = "/healthz";
/// No app has this path on purpose.
const NOWHERE: &str = "/seaworthy-asks-for-a-path-that-nobody-has";
const ROOT: &str = "/";
/// How long an answer may take while paths are looked for.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// What one round of questions to a port showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It says that it is ready, at this path and with this status.
    Ready(HttpForm, u16),
    /// It has the path, and is not ready.
    Unready(HttpForm, u16),
    /// It speaks HTTP, and has none of the usual paths: the statuses that it answered.
    Elsewhere(BTreeSet<u16>),
    /// Somebody listens, and does not speak HTTP.
    NotHttp,
    /// Nobody listens.
    Nobody,
}

/// Asks a port for all usual readiness paths.
pub(super) async fn ask_all(context: &RunContext, here: &Reach, port: u16) -> Heard {
    let Some(socket) = here.socket(port) else { return Heard::Nobody };
    let limit = context.contract.probe_timeout.min(ANSWER_LIMIT);
    let (known, nowhere) = match ask_either(socket, NOWHERE, limit).await {
        (known, Answer::Status(status)) => (known, status),
        (_, Answer::Refused) => return Heard::Nobody,
        _ => return Heard::NotHttp,
    };
    let ask = async |path: &str| {
        let form = known.beside(path);
        let answer = ask_once(socket, &form, limit).await;
        (form, answer)
    };
    let has_dependencies = !context.contract.dependencies.is_empty();
    let mut heard = BTreeSet::from([nowhere]);
    if !is_success(nowhere) {
        for path in READINESS {
            match ask(path).await {
                (form, Answer::Status(status)) if is_success(status) => return Heard::Ready(form, status),
                // Anything but an error like the one for a path that is not there.
                (form, Answer::Status(status)) if status >= 500 && status != nowhere => return Heard::Unready(form, status),
                (_, Answer::Status(status)) => {
                    heard.insert(status);
                }
                _ => return Heard::Elsewhere(heard),
            }
        }
    }
    if has_dependencies {
        return Heard::Elsewhere(heard);
    }
    match ask(ROOT).await {
        (form, Answer::Status(status)) if is_success(status) => Heard::Ready(form, status),
        (_, Answer::Status(status)) => {
            heard.insert(status);
            Heard::Elsewhere(heard)
        }
        _ => Heard::Elsewhere(heard),
    }
}

/// The path at which a running, ready app says that it lives, apart from its readiness path; asked as readiness is.
pub(super) async fn find_liveness(context: &RunContext, instance: &Instance) -> Option<Found<Form>> {
    let contract = &context.contract;
    let here = instance.service(&contract.app).ok()?.reach.borrow().clone()?;
    let known = contract.readiness.http()?;
    let socket = here.socket(contract.port_of(&contract.readiness)?)?;
    let ask = async |path: &str| match ask_for_body(socket, &known.beside(path), contract.probe_timeout).await {
        (Answer::Status(status), body) => Some((status, body.unwrap_or_default())),
        _ => None,
    };
    let readiness = &known.path;
    // Some routers answer below a path whatever is asked there.
    let below = format!("{}/", readiness.trim_end_matches('/'));
    let is_anything_below = is_success(ask(&format!("{}{NOWHERE}", readiness.trim_end_matches('/'))).await?.0);
    for folder in folders(readiness) {
        let nowhere = ask(&format!("{folder}{NOWHERE}")).await?;
        for path in usual(readiness).map(|path| format!("{folder}{path}")).filter(|path| path != readiness) {
            if is_anything_below && path.starts_with(&below) {
                continue;
            }
            let Some((status, body)) = ask(&path).await else { continue };
            if is_success(status) && (!is_success(nowhere.0) || is_another(&body, &nowhere.1)) {
                return Some(Found::new(Form::Http(known.beside(&path)), format!("it answers {status} there")));
            }
        }
    }
    None
}

/// Whether a body is an answer of its own where every path is answered with the page of an application.
fn is_another(body: &str, nowhere: &str) -> bool {
    !body.trim_start().starts_with('<') && shape(body) != shape(nowhere)
}

/// The usual liveness paths beside a readiness path. One that only speaks of health tells of the process where another one tells of
/// readiness; elsewhere it may be the same as that.
fn usual(readiness: &str) -> impl Iterator<Item = &'static str> {
    let last = readiness.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let speaks_of_readiness = last.contains("ready") || last.contains("readiness");
    LIVENESS.into_iter().chain(speaks_of_readiness.then_some(HEALTH))
}

/// Where paths are looked for beside a known one: in its own folder, and at the root.
fn folders(readiness: &str) -> Vec<&str> {
    let folder = readiness.trim_end_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
    if folder.is_empty() { vec![""] } else { vec![folder, ""] }
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

    #[test]
    fn an_answer_of_its_own_is_no_page() {
        let page = "<!DOCTYPE html><html></html>";
        for (body, nowhere, is_own) in [
            ("OK", page, true),
            (r#"{"status":"ok"}"#, page, true),
            (page, page, false),
            ("<html>another</html>", page, false),
            (r#"{"at": 17}"#, r#"{"at": 18}"#, false),
        ] {
            assert_eq!(is_another(body, nowhere), is_own, "{body}");
        }
    }

    #[test]
    fn what_speaks_of_health_tells_of_the_process_beside_readiness() {
        for (readiness, is_liveness) in
            [("/readyz", true), ("/health/ready", true), ("/readiness/", true), ("/health", false), ("/api/status", false)]
        {
            assert_eq!(usual(readiness).any(|path| path == "/healthz"), is_liveness, "{readiness}");
            assert!(usual(readiness).any(|path| path == "/livez"), "{readiness}");
        }
    }
}
