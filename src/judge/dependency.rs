//! Judging whether a dependency can be used.

use std::time::Duration;

use super::window::{changes, restarts};
use super::words::{count_exits, deaths, exits, seconds};
use crate::model::{ContainerChange, DependencyState, Fact, Observation, Outcome};

/// How often a service that the engine restarts may exit, with nothing wrong around it, before it is taken to be broken.
const EXITS: usize = 3;
/// For how long credentials may be turned down before more waiting is pointless. An init script may still create the user.
const REJECTION_LIMIT: Duration = Duration::from_secs(5);

/// What is awaited of a service, and since when.
#[derive(Clone, Copy, Debug)]
pub struct Awaited<'a> {
    /// The service.
    pub service: &'a str,
    /// What happened before this moment does not count.
    pub since: Duration,
    /// The time that is allowed, for messages.
    pub limit: Duration,
}

impl Awaited<'_> {
    fn broken(&self, facts: &[Observation], what: &str, seen: String) -> Outcome {
        let evidence = deaths(facts, self.service, self.since).map(|death| death.id).collect();
        Outcome::broken(format!("`{}` {what} within {}", self.service, seconds(self.limit)), seen, evidence)
    }

    /// Its exits, once they are so many that it is gone.
    fn gone(&self, facts: &[Observation]) -> Option<String> {
        let gone_after = gone_after(facts, self.service);
        let is_gone = count_exits(facts, self.service, self.since) >= gone_after;
        exits(facts, self.service, self.since, self.since).filter(|_| is_gone)
    }
}

/// The number of exits after which a service that nothing disturbs is taken to be gone.
#[must_use]
pub fn gone_after(facts: &[Observation], service: &str) -> usize {
    if restarts(facts, service) { EXITS } else { 1 }
}

/// The health check of a service passes. Held by the fact that says so.
#[must_use]
pub fn became_healthy(awaited: Awaited<'_>, facts: &[Observation], over: bool) -> Outcome {
    let healthy = changes(facts, awaited.service)
        .find(|(one, change)| one.at >= awaited.since && matches!(change, ContainerChange::Health { healthy: true }));
    match healthy {
        Some((one, _)) => Outcome::Held(vec![one.id]),
        None => match awaited.gone(facts) {
            Some(exits) => awaited.broken(facts, "becomes healthy", exits),
            None if over => awaited.broken(facts, "becomes healthy", "its health check did not pass".into()),
            None => Outcome::Pending,
        },
    }
}

/// A service ends with status 0. Held by its end.
#[must_use]
pub fn completed(awaited: Awaited<'_>, facts: &[Observation], over: bool) -> Outcome {
    let what = "ends with status 0";
    match deaths(facts, awaited.service, awaited.since).next() {
        Some(death) if death.exit_code == 0 => Outcome::Held(vec![death.id]),
        Some(_) => {
            let seen = exits(facts, awaited.service, awaited.since, awaited.since);
            awaited.broken(facts, what, seen.unwrap_or_default())
        }
        None if over => awaited.broken(facts, what, "it still runs".into()),
        None => Outcome::Pending,
    }
}

/// The dependency accepts for the first time since the moment. Held by its acceptance.
#[must_use]
pub fn started_to_accept(awaited: Awaited<'_>, facts: &[Observation], over: bool) -> Outcome {
    let Awaited { service, since, .. } = awaited;
    let mut first_rejection = None;
    let mut last_reason = "its container never had an address";
    for one in facts {
        let Fact::Dependency { service: name, sent, state } = &one.fact else { continue };
        if name != service || one.at < since {
            continue;
        }
        match state {
            DependencyState::Accepting => return Outcome::Held(vec![one.id]),
            DependencyState::Rejecting { reason } => {
                let first = *first_rejection.get_or_insert(*sent);
                last_reason = reason;
                if one.at.saturating_sub(first) > REJECTION_LIMIT {
                    return awaited.broken(facts, "accepts", format!("it rejects the login: {reason}"));
                }
            }
            DependencyState::NotAccepting { reason } | DependencyState::Unclear { reason } => last_reason = reason,
            DependencyState::Lost => {}
        }
    }
    match awaited.gone(facts) {
        Some(exits) => awaited.broken(facts, "accepts", exits),
        None if over => awaited.broken(facts, "accepts", last_reason.to_owned()),
        None => Outcome::Pending,
    }
}
