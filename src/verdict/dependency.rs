//! Judging whether a dependency can be used.

use std::time::Duration;

use super::Finding;
use super::words::{count_exits, exits, seconds};
use crate::timeline::{DependencyState, Fact, Observation, Ruling};

/// For how long credentials may be turned down before more waiting is pointless. An init script may still create the user.
const REJECTION_LIMIT: Duration = Duration::from_secs(5);

/// The dependency accepts for the first time since the moment. Holds with the moment of its acceptance.
///
/// `gone_after` is the number of exits after which it is taken to be gone.
#[must_use]
pub fn started_to_accept(
    service: &str,
    since: Duration,
    limit: Duration,
    gone_after: usize,
    observations: &[Observation],
    over: bool,
) -> Ruling<Duration, Finding> {
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
                    return broken(service, limit, format!("it turns the login down: {reason}"));
                }
            }
            DependencyState::NotAccepting { reason } | DependencyState::Unclear { reason } => last_reason = reason,
            DependencyState::Lost => {}
        }
    }
    if let Some(exits) = exits(observations, service, since).filter(|_| count_exits(observations, service, since) >= gone_after) {
        return broken(service, limit, exits);
    }
    if over { broken(service, limit, last_reason.to_owned()) } else { Ruling::Open }
}

fn broken(service: &str, limit: Duration, seen: String) -> Ruling<Duration, Finding> {
    Ruling::Broken(Finding { expected: format!("`{service}` accepts within {}", seconds(limit)), seen })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::ContainerChange;

    fn attempt(ms: u64, state: DependencyState) -> Observation {
        let at = Duration::from_millis(ms);
        Observation { at, fact: Fact::Dependency { service: "db".into(), sent: at, state } }
    }

    fn judge(observations: &[Observation], over: bool) -> Ruling<Duration, Finding> {
        started_to_accept("db", Duration::from_millis(100), Duration::from_mins(1), 1, observations, over)
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
        let died = Fact::Container { service: "db".into(), change: ContainerChange::Died { exit_code: 1, oom_killed: false } };
        let observations = [Observation { at: Duration::from_millis(300), fact: died }];
        assert!(matches!(judge(&observations, false), Ruling::Broken(_)));
    }

    #[test]
    fn the_last_reason_is_told_at_the_limit() {
        let refused = DependencyState::NotAccepting { reason: "refused".into() };
        let Ruling::Broken(finding) = judge(&[attempt(150, refused)], true) else { panic!("not broken") };
        assert_eq!(finding.seen, "refused");
    }
}
