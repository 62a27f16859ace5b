//! Judging whether a dependency can be used.

use std::time::Duration;

use super::window::{changes, restarts};
use super::words::{deaths, exits, seconds};
use crate::model::{ContainerChange, DependencyState, Fact, Observation, Outcome};

/// How often a service that the engine restarts may exit, with nothing wrong around it, before it is taken to be broken; and for how long at least.
/// Some exit until what they need is there, and leave the retries to the engine.
const EXITS: usize = 3;
const RESTARTED_FOR: Duration = Duration::from_secs(20);
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

    /// Its exits, once it has exited for good or the wait is over.
    fn exits(&self, facts: &[Observation], over: bool) -> Option<String> {
        exits(facts, self.service, self.since, self.since).filter(|_| over || self.is_given_up(facts))
    }

    /// Whether it has exited for good: one that the engine starts again has exited several times, over some time.
    fn is_given_up(&self, facts: &[Observation]) -> bool {
        let ended: Vec<Duration> = deaths(facts, self.service, self.since).map(|death| death.at).collect();
        let (Some(first), Some(last)) = (ended.first(), ended.last()) else { return false };
        let lasted = last.saturating_sub(*first) >= RESTARTED_FOR;
        ended.len() >= gone_after(facts, self.service) && (lasted || !restarts(facts, self.service))
    }
}

/// The number of exits after which a service that nothing disturbs is taken to be broken, at the earliest.
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
        None => match awaited.exits(facts, over) {
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
    if let Some(death) = deaths(facts, awaited.service, awaited.since).find(|death| death.exit_code == 0) {
        return Outcome::Held(vec![death.id]);
    }
    match awaited.exits(facts, over) {
        Some(exits) => awaited.broken(facts, what, exits),
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
    match awaited.exits(facts, over) {
        Some(exits) => awaited.broken(facts, "accepts", exits),
        None if over => awaited.broken(facts, "accepts", last_reason.to_owned()),
        None => Outcome::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Told, container, database, finding, held, is_broken, is_held, refused, timeline};
    use crate::model::FactId;

    const DB: Awaited<'static> = Awaited { service: "db", since: Duration::from_millis(100), limit: Duration::from_mins(1) };

    fn died(ms: u64, exit_code: i64) -> Told {
        container(ms, "db", ContainerChange::Died { exit_code, oom_killed: false })
    }

    fn attempt(ms: u64, state: DependencyState) -> Told {
        database(ms, ms, state)
    }

    fn judge<const N: usize>(told: [Told; N], over: bool) -> Outcome {
        started_to_accept(DB, &timeline(told), over)
    }

    #[test]
    fn only_an_acceptance_since_the_moment_counts() {
        assert_eq!(judge([attempt(50, DependencyState::Accepting)], false), Outcome::Pending);
        let both = [attempt(50, DependencyState::Accepting), attempt(150, DependencyState::Accepting)];
        assert_eq!(judge(both, false), held([1]));
    }

    #[test]
    fn a_lasting_rejection_or_an_exit_ends_the_wait() {
        let rejecting = || DependencyState::Rejecting { reason: "password".into() };
        assert_eq!(judge([attempt(150, rejecting()), attempt(4000, rejecting())], false), Outcome::Pending);
        let lasting = finding(judge([attempt(150, rejecting()), attempt(6000, rejecting())], false));
        assert_eq!(lasting.seen, "it rejects the login: password");
        let gone = finding(judge([died(300, 1)], false));
        assert_eq!((gone.seen.as_str(), gone.evidence), ("`db` exited with status 1 at +0.2 s", vec![FactId(0)]));
    }

    #[test]
    fn one_that_the_engine_starts_again_is_gone_after_several_exits_over_some_time() {
        let restarted = |ends: &[Told]| {
            let created = container(0, "db", ContainerChange::Created { restarts: true });
            timeline([created].into_iter().chain(ends.to_vec()))
        };
        let judge = |ends: &[Told]| started_to_accept(DB, &restarted(ends), false);
        assert_eq!(judge(&[died(300, 1), died(24_000, 1)]), Outcome::Pending);
        let soon: Vec<Told> = (0..7).map(|n| died(300 + n * 600, 1)).collect();
        assert_eq!(judge(&soon), Outcome::Pending, "what it needs may come");
        assert!(is_broken(&judge(&[died(300, 1), died(9_000, 1), died(21_000, 1)])));
        let complete = |ends: &[Told], over| completed(DB, &restarted(ends), over);
        assert_eq!(complete(&[died(300, 1), died(900, 0)], false), held([2]), "its second start is its work too");
        assert_eq!(complete(&[died(300, 1)], false), Outcome::Pending);
        assert!(is_broken(&complete(&[died(300, 1)], true)));
    }

    #[test]
    fn the_last_reason_is_told_at_the_limit() {
        assert_eq!(finding(judge([attempt(150, refused())], true)).seen, "refused");
        assert_eq!(finding(judge([], true)).seen, "its container never had an address");
    }

    #[test]
    fn a_one_shot_completes_with_status_0_only() {
        let judge = |told: &[Told], over| completed(DB, &timeline(told.to_vec()), over);
        assert_eq!(judge(&[died(50, 0)], false), Outcome::Pending, "an earlier end");
        assert_eq!(judge(&[died(50, 0), died(300, 0)], false), held([1]));
        assert_eq!(finding(judge(&[died(300, 4)], false)).seen, "`db` exited with status 4 at +0.2 s");
        assert_eq!(finding(judge(&[], true)).seen, "it still runs");
    }

    #[test]
    fn health_is_what_the_engine_says() {
        let health = |healthy| container(300, "db", ContainerChange::Health { healthy });
        let judge = |told| became_healthy(DB, &timeline([told]), false);
        assert_eq!(judge(health(false)), Outcome::Pending);
        assert!(is_held(&judge(health(true))));
        assert!(is_broken(&judge(died(200, 1))));
    }
}
