//! Whether an outage was felt at all: what nobody felt, nobody has survived.

use std::time::Duration;

use super::answers::{Request, requests};
use super::attempts::attempts;
use super::log::line_of_failure;
use super::meaning::ready_in_words;
use super::window::Window;
use super::words::{answers, deaths, seconds};
use crate::model::{Endpoint, Fact, FactId, FaultKind, Mark, Outcome, Phase};
use crate::subject::Form;

/// An answer that takes so long has waited for something. One second is what some apps pause for, whatever they answer afterwards.
const SLOW: Duration = Duration::from_millis(1500);

/// The disturbance that a window is about: the last one, from the first time that the service was disturbed in this way until it was back
/// for the last time.
#[derive(Debug)]
struct Outage<'a> {
    service: &'a str,
    fault: FaultKind,
    begin: Duration,
    end: Option<Duration>,
}

impl<'a> Outage<'a> {
    fn of(window: &Window<'a>) -> Option<Self> {
        let disturbed = window.facts.iter().filter_map(|one| match &one.fact {
            Fact::Fault { service, fault, phase: Phase::Begins } => Some((service.as_str(), *fault, one.at)),
            _ => None,
        });
        let disturbed: Vec<(&str, FaultKind, Duration)> = disturbed.collect();
        let (service, fault, last) = *disturbed.last()?;
        let begin = disturbed.iter().find(|(of, how, _)| *of == service && *how == fault).map_or(last, |(.., at)| *at);
        let back = |mark: &Mark| match mark {
            Mark::Accepts { service: of, .. } | Mark::WithinReach { service: of } | Mark::SlotsFree { service: of } => {
                of == service
            }
            _ => false,
        };
        let end = window.facts.iter().rev().find(|one| one.at > last && matches!(&one.fact, Fact::Mark { mark } if back(mark)));
        Some(Self { service, fault, begin, end: end.map(|one| one.at) })
    }

    /// What readiness, or the tap, shows of it.
    fn shown(&self, window: &Window<'_>) -> Option<FactId> {
        let (begin, until) = (self.begin, self.end.unwrap_or(Duration::MAX));
        let is_felt = |one: &Request<'_>| !one.is_ready() || one.at.saturating_sub(one.sent) >= SLOW;
        let answer = requests(window, Endpoint::Readiness).find(|one| one.at > begin && one.sent < until && is_felt(one));
        let attempt = || attempts(window.facts, self.service).find(|one| one.at > begin && one.at < until).map(|one| one.id);
        answer.map(|one| one.id).or_else(attempt)
    }

    /// Nothing has shown it: with what readiness said instead. What is under way is waited for.
    fn missed(&self, window: &Window<'_>, expected: String) -> Outcome {
        let asked_after = self.end.is_some_and(|end| requests(window, Endpoint::Readiness).any(|one| one.sent >= end));
        if !window.over && !asked_after {
            return Outcome::Pending;
        }
        let last = self.end.unwrap_or(Duration::MAX).min(window.facts.last().map_or(self.begin, |one| one.at));
        let during = |one: &Request<'_>| one.sent >= self.begin && one.at <= last;
        let asked: Vec<FactId> = requests(window, Endpoint::Readiness).filter(during).map(|one| one.id).collect();
        let evidence = asked.first().into_iter().chain(asked.last()).copied().collect();
        Outcome::broken(expected, answers(window.facts, Endpoint::Readiness, (self.begin, last)), evidence)
    }
}

/// Readiness shows that the outage reached the app: an answer other than 2xx, one that took longer than usual, or a new connection that the tap saw
/// before the app was ready again.
pub(super) fn was_felt(window: &Window<'_>) -> Outcome {
    let Some(outage) = Outage::of(window) else {
        return Outcome::undecided_when(window.over, "nothing was disturbed");
    };
    if outage.fault == FaultKind::Slow && window.contract.readiness == Form::HealthCheck {
        let why = "readiness is read from the health check, which says nothing about how long an answer takes";
        return Outcome::NotApplicable(why.into());
    }
    if let Some(id) = outage.shown(window) {
        return Outcome::Held(vec![id]);
    }
    let ready = ready_in_words(Endpoint::Readiness, window.contract);
    let service = outage.service;
    let expected = format!(
        "readiness shows the outage of `{service}`: an answer other than {ready}, or one that takes {} or longer",
        seconds(SLOW)
    );
    outage.missed(window, expected)
}

/// Something shows that the outage reached the app: what readiness shows, an exit, a line of its log that says that something is wrong with the
/// dependency, or a session that it had when the dependency was killed, which no session survives.
pub(super) fn has_reached(window: &Window<'_>) -> Outcome {
    let Some(outage) = Outage::of(window) else {
        return Outcome::undecided_when(window.over, "nothing was disturbed");
    };
    let Outage { service, fault, begin, end } = outage;
    let until = end.unwrap_or(Duration::MAX);
    let death = || deaths(window.facts, window.app(), begin).next().map(|death| death.id);
    let session = || {
        let counts = window.facts.iter().rev().filter(|one| one.at <= begin).find_map(|one| match &one.fact {
            Fact::Sessions { service: of, count } if of == service => Some((one.id, *count)),
            _ => None,
        });
        counts.filter(|(_, count)| *count > 0 && fault == FaultKind::Killed).map(|(id, _)| id)
    };
    let line = || line_of_failure(window, service, (begin, until));
    if let Some(id) = outage.shown(window).or_else(death).or_else(session).or_else(line) {
        return Outcome::Held(vec![id]);
    }
    let app = window.app();
    let expected = format!(
        "something shows that the outage of `{service}` has reached `{app}`: an answer, its log, or a connection of its own"
    );
    outage.missed(window, expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Case, Told, died, held, is_broken, line, mark, readiness};
    use crate::judge::{Anchor, Claim};
    use crate::model::Answer;
    use crate::model::Return;

    const FELT: Claim = Claim::OutageFelt(Anchor::Return);

    fn disturbed(ms: u64, fault: FaultKind) -> Told {
        (ms, Fact::Fault { service: "db".into(), fault, phase: Phase::Begins })
    }

    fn back(ms: u64) -> Told {
        mark(ms, Mark::Accepts { service: "db".into(), after: Return::Outage })
    }

    fn status(ms: u64, status: u16) -> Told {
        readiness(ms, ms + 10, Answer::Status(status))
    }

    #[test]
    fn only_what_readiness_shows_during_the_outage_counts() {
        let killed = disturbed(1000, FaultKind::Killed);
        let judged = |others: &[Told]| Case::of([killed.clone(), back(6000)].into_iter().chain(others.to_vec())).judge(&FELT);
        assert_eq!(judged(&[status(2000, 503)]), held([2]));
        assert_eq!(judged(&[status(2000, 500)]), held([2]), "whatever the status");
        assert_eq!(judged(&[readiness(2000, 3600, Answer::Status(200))]), held([2]), "a slow answer");
        assert_eq!(judged(&[readiness(2000, 3100, Answer::Status(200))]), Outcome::Pending, "a second is a common pause");
        assert_eq!(judged(&[readiness(900, 5900, Answer::TimedOut)]), held([2]), "a request that hung into it");
        assert_eq!(judged(&[(1500, Fact::Attempt { service: "db".into() })]), held([2]), "the tap saw the app come back");
        assert!(is_broken(&judged(&[status(500, 503), status(2000, 200), status(6100, 503)])), "before and after it");
        assert!(is_broken(&judged(&[(1500, Fact::Attempt { service: "cache".into() }), status(6100, 200)])), "another one's");
        assert_eq!(judged(&[status(2000, 200)]), Outcome::Pending, "one may be under way");
    }

    #[test]
    fn what_is_survived_has_reached_the_app() {
        let reached = |others: &[Told]| {
            let told = [disturbed(1000, FaultKind::Killed), back(6000), status(6100, 200)];
            Case::of(told.into_iter().chain(others.to_vec())).over().judge(&Claim::OutageReached(Anchor::Return))
        };
        let sessions = |ms, service: &str, count| (ms, Fact::Sessions { service: service.into(), count });
        assert!(is_broken(&reached(&[status(2000, 200)])), "nobody has noticed anything");
        assert_eq!(reached(&[status(2000, 503)]), held([3]));
        assert_eq!(reached(&[died(2000, 1)]), held([3]));
        assert_eq!(reached(&[sessions(900, "db", 2)]), held([3]), "they can't outlive it");
        assert!(is_broken(&reached(&[sessions(900, "db", 0)])), "it had none");
        assert!(is_broken(&reached(&[sessions(900, "cache", 2), sessions(7000, "db", 2)])), "another one's, and later ones");
        assert_eq!(reached(&[line(2000, "lost connection to db: server closed the connection unexpectedly; retry")]), held([3]));
        assert!(is_broken(&reached(&[line(900, "error: db refused"), line(2000, "reading from db")])), "before, and no failure");
    }

    #[test]
    fn an_outage_without_end_is_waited_for() {
        let slow = Case::of([disturbed(1000, FaultKind::Slow), status(2000, 200)]);
        assert_eq!(slow.judge(&FELT), Outcome::Pending);
        let finding = slow.over().finding(&FELT);
        assert_eq!(finding.seen, "200 (once, +1.0 s)");
        assert!(finding.expected.contains("the outage of `db`"), "{}", finding.expected);
    }

    #[test]
    fn a_health_check_does_not_show_that_a_dependency_is_slow() {
        let case = |fault| {
            let mut case = Case::of([disturbed(1000, fault), status(2000, 503)]);
            case.contract.readiness = Form::HealthCheck;
            case.judge(&FELT)
        };
        assert!(matches!(case(FaultKind::Slow), Outcome::NotApplicable(_)));
        assert!(matches!(case(FaultKind::Killed), Outcome::Held(_)));
    }

    #[test]
    fn every_round_of_the_same_disturbance_counts() {
        let rounds = [
            disturbed(100, FaultKind::Reset),
            disturbed(1000, FaultKind::Killed),
            status(1500, 503),
            back(2000),
            disturbed(3000, FaultKind::Killed),
            back(4000),
        ];
        assert_eq!(Case::of(rounds.clone()).judge(&FELT), held([2]));
        let earlier = [rounds[0].clone(), status(500, 503), rounds[4].clone(), rounds[5].clone(), status(4500, 200)];
        assert!(is_broken(&Case::of(earlier).judge(&FELT)), "what another disturbance has done");
    }

    #[test]
    fn without_a_disturbance_there_is_nothing_to_feel() {
        assert!(matches!(Case::of([status(500, 503)]).over().judge(&FELT), Outcome::Undecided(_)));
    }
}
