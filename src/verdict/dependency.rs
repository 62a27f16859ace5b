//! Judging whether a dependency can be used.

use std::time::Duration;

use super::words::{count_exits, exits, seconds};
use super::{Finding, changes};
use crate::timeline::{ContainerChange, DependencyState, Fact, Observation, Ruling};

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
    /// The number of exits after which the service is taken to be gone.
    pub gone_after: usize,
}

impl Awaited<'_> {
    fn broken(&self, what: &str, seen: String) -> Ruling<Duration, Finding> {
        Ruling::Broken(Finding { expected: format!("`{}` {what} within {}", self.service, seconds(self.limit)), seen })
    }

    /// Its exits, once they are so many that it is gone.
    fn gone(&self, observations: &[Observation]) -> Option<String> {
        let is_gone = count_exits(observations, self.service, self.since) >= self.gone_after;
        exits(observations, self.service, self.since, self.since).filter(|_| is_gone)
    }
}

/// The health check of a service passes. Holds with the moment at which the engine said so.
#[must_use]
pub fn became_healthy(awaited: Awaited<'_>, observations: &[Observation], over: bool) -> Ruling<Duration, Finding> {
    let healthy = changes(observations, awaited.service)
        .find(|(at, change)| *at >= awaited.since && matches!(change, ContainerChange::Health { healthy: true }));
    match healthy {
        Some((at, _)) => Ruling::Holds(at),
        None => match awaited.gone(observations) {
            Some(exits) => awaited.broken("becomes healthy", exits),
            None if over => awaited.broken("becomes healthy", "its health check did not pass".into()),
            None => Ruling::Open,
        },
    }
}

/// A service ends with status 0. Holds with the moment of its end.
#[must_use]
pub fn completed(awaited: Awaited<'_>, observations: &[Observation], over: bool) -> Ruling<Duration, Finding> {
    let end = changes(observations, awaited.service).find_map(|(at, change)| match change {
        ContainerChange::Died { exit_code, .. } if at >= awaited.since => Some((at, *exit_code)),
        _ => None,
    });
    match end {
        Some((at, 0)) => Ruling::Holds(at),
        Some(_) => awaited
            .broken("ends with status 0", exits(observations, awaited.service, awaited.since, awaited.since).unwrap_or_default()),
        None if over => awaited.broken("ends with status 0", "it still runs".into()),
        None => Ruling::Open,
    }
}

/// The dependency accepts for the first time since the moment. Holds with the moment of its acceptance.
#[must_use]
pub fn started_to_accept(awaited: Awaited<'_>, observations: &[Observation], over: bool) -> Ruling<Duration, Finding> {
    let Awaited { service, since, .. } = awaited;
    let mut first_rejection = None;
    let mut last_reason = "its container never had an address";
    for observation in observations {
        let Fact::Dependency { service: name, sent, state } = &observation.fact else { continue };
        if name != service || observation.at < since {
            continue;
        }
        match state {
            DependencyState::Accepting => return Ruling::Holds(observation.at),
            DependencyState::Rejecting { reason } => {
                let first = *first_rejection.get_or_insert(*sent);
                last_reason = reason;
                if observation.at.saturating_sub(first) > REJECTION_LIMIT {
                    return awaited.broken("accepts", format!("it turns the login down: {reason}"));
                }
            }
            DependencyState::NotAccepting { reason } | DependencyState::Unclear { reason } => last_reason = reason,
            DependencyState::Lost => {}
        }
    }
    match awaited.gone(observations) {
        Some(exits) => awaited.broken("accepts", exits),
        None if over => awaited.broken("accepts", last_reason.to_owned()),
        None => Ruling::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DB: Awaited<'static> =
        Awaited { service: "db", since: Duration::from_millis(100), limit: Duration::from_mins(1), gone_after: 1 };

    fn container(ms: u64, change: ContainerChange) -> Observation {
        Observation { at: Duration::from_millis(ms), fact: Fact::Container { service: "db".into(), change } }
    }

    fn died(exit_code: i64) -> ContainerChange {
        ContainerChange::Died { exit_code, oom_killed: false }
    }

    fn attempt(ms: u64, state: DependencyState) -> Observation {
        let at = Duration::from_millis(ms);
        Observation { at, fact: Fact::Dependency { service: "db".into(), sent: at, state } }
    }

    fn judge(observations: &[Observation], over: bool) -> Ruling<Duration, Finding> {
        started_to_accept(DB, observations, over)
    }

    #[test]
    fn only_an_acceptance_since_the_moment_counts() {
        assert_eq!(judge(&[attempt(50, DependencyState::Accepting)], false), Ruling::Open);
        let observations = [attempt(50, DependencyState::Accepting), attempt(150, DependencyState::Accepting)];
        assert_eq!(judge(&observations, false), Ruling::Holds(Duration::from_millis(150)));
    }

    #[test]
    fn a_lasting_rejection_or_an_exit_ends_the_wait() {
        let rejecting = || DependencyState::Rejecting { reason: "password".into() };
        assert_eq!(judge(&[attempt(150, rejecting()), attempt(4000, rejecting())], false), Ruling::Open);
        assert!(matches!(judge(&[attempt(150, rejecting()), attempt(6000, rejecting())], false), Ruling::Broken(_)));
        assert!(matches!(judge(&[container(300, died(1))], false), Ruling::Broken(_)));
    }

    #[test]
    fn the_last_reason_is_told_at_the_limit() {
        let refused = DependencyState::NotAccepting { reason: "refused".into() };
        let Ruling::Broken(finding) = judge(&[attempt(150, refused)], true) else { panic!("not broken") };
        assert_eq!(finding.seen, "refused");
    }

    #[test]
    fn a_one_shot_completes_with_status_0_only() {
        assert_eq!(completed(DB, &[container(50, died(0))], false), Ruling::Open, "an earlier end");
        assert_eq!(completed(DB, &[container(300, died(0))], false), Ruling::Holds(Duration::from_millis(300)));
        let Ruling::Broken(finding) = completed(DB, &[container(300, died(4))], false) else { panic!("not broken") };
        assert_eq!(finding.seen, "`db` exited with status 4 at +0.2 s");
        assert!(matches!(completed(DB, &[], true), Ruling::Broken(_)));
    }

    #[test]
    fn health_is_what_the_engine_says() {
        let health = |healthy| container(300, ContainerChange::Health { healthy });
        assert_eq!(became_healthy(DB, &[health(false)], false), Ruling::Open);
        assert!(matches!(became_healthy(DB, &[health(true)], false), Ruling::Holds(_)));
        assert!(matches!(became_healthy(DB, &[container(200, died(1))], false), Ruling::Broken(_)));
    }
}
