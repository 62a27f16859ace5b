//! Judging what the app answers.

use std::fmt;
use std::time::Duration;

use super::Finding;
use super::words::{answers, count_exits, exits, seconds};
use crate::timeline::{Answer, ContainerChange, DependencyState, Endpoint, Fact, Observation, Ruling};

/// Whose answers are judged, and from when on.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The service.
    pub app: &'a str,
    /// When it was started.
    pub started: Duration,
    /// The number of exits since then after which it is taken to be gone: one, unless the engine starts it again.
    pub gone_after: usize,
    /// Answers to requests sent before this moment don't count; times in messages are relative to it.
    pub since: Duration,
    /// What happened at that moment, in words that follow "of" and "since".
    pub event: &'a str,
    /// The time that was allowed, for messages.
    pub limit: Duration,
}

/// A request to an endpoint: sent, complete, answer.
pub(super) fn probes(observations: &[Observation], endpoint: Endpoint) -> impl Iterator<Item = (Duration, Duration, &Answer)> {
    observations.iter().filter_map(move |observation| match &observation.fact {
        Fact::Probe { endpoint: asked, sent, answer, .. } if *asked == endpoint => Some((*sent, observation.at, answer)),
        _ => None,
    })
}

impl Judged<'_> {
    /// Whether the app has exited for good.
    fn is_gone(&self, observations: &[Observation]) -> bool {
        count_exits(observations, self.app, self.started) >= self.gone_after
    }

    fn broken<T>(&self, observations: &[Observation], endpoint: Endpoint, expected: String) -> Ruling<T, Finding> {
        let seen = match exits(observations, self.app, self.started, self.since) {
            Some(exits) => format!("{}; {exits}", answers(observations, endpoint, self.since)),
            None => answers(observations, endpoint, self.since),
        };
        Ruling::Broken(Finding { expected, seen })
    }
}

/// What an endpoint is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Any 2xx.
    Success,
    /// This status.
    Status(u16),
}

impl Wanted {
    fn is(self, answer: &Answer) -> bool {
        match self {
            Self::Success => answer.is_success(),
            Self::Status(status) => *answer == Answer::Status(status),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => formatter.write_str("2xx"),
            Self::Status(status) => write!(formatter, "{status}"),
        }
    }
}

/// An endpoint says this at least once. Holds with the moment of the first such answer.
#[must_use]
pub fn answered(
    judged: Judged<'_>,
    (endpoint, wanted): (Endpoint, Wanted),
    observations: &[Observation],
    over: bool,
) -> Ruling<Duration, Finding> {
    let first = probes(observations, endpoint).find(|(sent, _, answer)| *sent >= judged.since && wanted.is(answer));
    match first {
        Some((_, at, _)) => Ruling::Holds(at),
        None if over || judged.is_gone(observations) => {
            let expected = format!("{endpoint} answers {wanted} within {} of {}", seconds(judged.limit), judged.event);
            judged.broken(observations, endpoint, expected)
        }
        None => Ruling::Open,
    }
}

/// What an endpoint is to say all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// 2xx and nothing else.
    Success,
    /// Anything but 2xx.
    NoSuccess,
    /// 503 from its first answer on; that nobody listens yet, or that a connection breaks, says nothing.
    OnlyUnavailable,
    /// Anything, in time.
    Bounded,
}

impl Lasting {
    fn breaks(self, answer: &Answer) -> bool {
        match self {
            Self::Success => !answer.is_success(),
            Self::NoSuccess => answer.is_success(),
            Self::OnlyUnavailable => matches!(answer, Answer::Status(status) if *status != 503) || *answer == Answer::TimedOut,
            Self::Bounded => *answer == Answer::TimedOut,
        }
    }

    /// Whether silence is as good as an answer.
    fn needs_no_answer(self) -> bool {
        matches!(self, Self::OnlyUnavailable | Self::Bounded)
    }
}

impl fmt::Display for Lasting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Success => "answers 2xx",
            Self::NoSuccess => "answers no 2xx",
            Self::OnlyUnavailable => "answers nothing but 503",
            Self::Bounded => "never hangs",
        })
    }
}

/// An endpoint says this in the whole window, in which it is asked at least once.
///
/// What was sent before the window's end is waited for. There is one request at a time, so the end of a later one shows that all before
/// it have ended. Whether it hangs is seen late: there a request that was under way when the window began counts too.
#[must_use]
pub fn stayed(
    judged: Judged<'_>,
    (endpoint, lasting): (Endpoint, Lasting),
    observations: &[Observation],
    over: bool,
) -> Ruling<(), Finding> {
    let end = judged.since + judged.limit;
    let counts = |sent: Duration, at: Duration| {
        let begins_within = sent >= judged.since || (lasting == Lasting::Bounded && at > judged.since);
        begins_within && sent < end
    };
    let mut asked = probes(observations, endpoint).filter(|(sent, at, _)| counts(*sent, *at)).peekable();
    let was_asked = asked.peek().is_some() || lasting.needs_no_answer();
    if asked.any(|(_, _, answer)| lasting.breaks(answer)) {
        let expected = format!("{endpoint} {lasting} throughout {} from {} on", seconds(judged.limit), judged.event);
        return judged.broken(observations, endpoint, expected);
    }
    let is_past = probes(observations, endpoint).any(|(_, at, _)| at >= end);
    if (over || is_past) && was_asked { Ruling::Holds(()) } else { Ruling::Open }
}

/// After the app was told to stop, nothing that it was asked is left hanging: it answers, or turns the request away.
///
/// Hanging means no answer for longer than this after the signal, until the probe's time-out or the end of the app.
pub fn left_nothing_hanging(told: Duration, patience: Duration, observations: &[Observation]) -> Result<(), Finding> {
    let waited = |sent: Duration, at: Duration| at.saturating_sub(sent.max(told));
    let hung = probes(observations, Endpoint::Readiness)
        .find(|(sent, at, answer)| matches!(answer, Answer::TimedOut | Answer::Broken(_)) && waited(*sent, *at) > patience);
    let Some((sent, at, answer)) = hung else { return Ok(()) };
    Err(Finding {
        expected: "what is asked after the signal is answered, or turned away".into(),
        seen: format!(
            "a request that was sent at {} was accepted and left hanging for {} after the signal: {answer}",
            super::since(told, sent),
            seconds(waited(sent, at)),
        ),
    })
}

/// No ready answer comes before the dependency accepts.
///
/// Broken only by proof: the answer was complete before an attempt began that the dependency turned down, or before its
/// container was started at all. That the dependency is seen to accept a little late proves nothing.
#[must_use]
pub fn never_ready_before(judged: Judged<'_>, dependency: &str, observations: &[Observation]) -> Ruling<(), Finding> {
    let turned_down = observations.iter().filter_map(|observation| match &observation.fact {
        Fact::Dependency { service, sent, state: DependencyState::NotAccepting { reason } } if service == dependency => {
            Some((*sent, observation.at, reason.clone()))
        }
        Fact::Container { service, change: ContainerChange::Started { .. } } if service == dependency => {
            Some((observation.at, observation.at, "its container was not started yet".into()))
        }
        _ => None,
    });
    let accepted = observations.iter().find_map(|observation| match &observation.fact {
        Fact::Dependency { service, state: DependencyState::Accepting, .. } if service == dependency => Some(observation.at),
        _ => None,
    });
    let ready = probes(observations, Endpoint::Readiness)
        .find(|(sent, _, answer)| *sent >= judged.since && answer.is_success())
        .map(|(_, at, _)| at);
    let proof = ready.and_then(|ready| {
        // After the first acceptance a refusal is another story.
        turned_down
            .filter(|(sent, at, _)| *sent > ready && accepted.is_none_or(|accepted| *at < accepted))
            .max_by_key(|(sent, _, _)| *sent)
    });
    if let (Some(ready), Some((sent, _, reason))) = (ready, proof) {
        let seen = format!(
            "the first ready answer came at {}, but at {} `{dependency}` still did not accept: {reason}",
            super::since(judged.since, ready),
            super::since(judged.since, sent),
        );
        let expected = format!("readiness answers no 2xx before `{dependency}` accepts");
        return Ruling::Broken(Finding { expected, seen });
    }
    if accepted.is_some() { Ruling::Holds(()) } else { Ruling::Open }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: Judged<'static> = Judged {
        app: "app",
        started: Duration::ZERO,
        gone_after: 1,
        since: Duration::ZERO,
        event: "its start",
        limit: Duration::from_secs(5),
    };

    const READY: (Endpoint, Wanted) = (Endpoint::Readiness, Wanted::Success);
    const UNAVAILABLE: (Endpoint, Wanted) = (Endpoint::Readiness, Wanted::Status(503));
    const UNREADY: (Endpoint, Lasting) = (Endpoint::Readiness, Lasting::NoSuccess);

    fn at(ms: u64, fact: Fact) -> Observation {
        Observation { at: Duration::from_millis(ms), fact }
    }

    fn readiness(sent: u64, complete: u64, answer: Answer) -> Observation {
        let sent = Duration::from_millis(sent);
        at(complete, Fact::Probe { endpoint: Endpoint::Readiness, sent, answer, body: None })
    }

    fn database(sent: u64, complete: u64, state: DependencyState) -> Observation {
        at(complete, Fact::Dependency { service: "db".into(), sent: Duration::from_millis(sent), state })
    }

    fn container(ms: u64, service: &str, change: ContainerChange) -> Observation {
        at(ms, Fact::Container { service: service.into(), change })
    }

    fn refused() -> DependencyState {
        DependencyState::NotAccepting { reason: "refused".into() }
    }

    fn died(exit_code: i64) -> ContainerChange {
        ContainerChange::Died { exit_code, oom_killed: false }
    }

    #[test]
    fn a_ready_answer_before_a_refusal_is_proof() {
        let observations = [readiness(90, 100, Answer::Status(200)), database(110, 112, refused())];
        assert!(matches!(never_ready_before(APP, "db", &observations), Ruling::Broken(_)));
    }

    #[test]
    fn a_ready_answer_before_the_dependency_is_started_is_proof() {
        let observations = [
            readiness(90, 100, Answer::Status(200)),
            container(150, "db", ContainerChange::Started { pid: 1 }),
            database(160, 200, DependencyState::Accepting),
        ];
        assert!(matches!(never_ready_before(APP, "db", &observations), Ruling::Broken(_)));
    }

    #[test]
    fn an_attempt_that_was_under_way_when_the_app_got_ready_is_no_proof() {
        let observations = [
            database(95, 112, refused()),
            readiness(90, 100, Answer::Status(200)),
            database(150, 160, DependencyState::Accepting),
        ];
        assert_eq!(never_ready_before(APP, "db", &observations), Ruling::Holds(()));
    }

    #[test]
    fn a_refusal_after_the_first_acceptance_is_no_proof() {
        let observations = [
            database(10, 20, DependencyState::Accepting),
            readiness(90, 100, Answer::Status(200)),
            database(150, 160, refused()),
        ];
        assert_eq!(never_ready_before(APP, "db", &observations), Ruling::Holds(()));
    }

    #[test]
    fn an_unclear_attempt_is_no_proof() {
        let unclear = DependencyState::Unclear { reason: "no answer in time".into() };
        let observations = [readiness(90, 100, Answer::Status(200)), database(110, 5110, unclear)];
        assert_eq!(never_ready_before(APP, "db", &observations), Ruling::Open);
    }

    #[test]
    fn a_wait_for_readiness_ends_when_the_app_is_gone() {
        let observations = [readiness(50, 60, Answer::Refused), container(100, "app", died(3))];
        let Ruling::Broken(finding) = answered(APP, READY, &observations, false) else { panic!("not broken") };
        assert_eq!(finding.seen, "connection refused (once, +0.1 s); `app` exited with status 3 at +0.1 s");
        let restarted = Judged { gone_after: 2, ..APP };
        assert_eq!(answered(restarted, READY, &observations, false), Ruling::Open);
    }

    #[test]
    fn an_app_that_was_gone_before_is_gone() {
        let later = Judged { since: Duration::from_secs(6), ..APP };
        let Ruling::Broken(finding) = answered(later, READY, &[container(100, "app", died(1))], false) else {
            panic!("not broken")
        };
        assert_eq!(finding.seen, "no answer at all; `app` exited with status 1 at -5.9 s");
    }

    #[test]
    fn an_answer_to_an_older_request_does_not_count() {
        let observations = [readiness(100, 900, Answer::Status(503))];
        let later = Judged { since: Duration::from_millis(500), ..APP };
        assert_eq!(answered(later, UNAVAILABLE, &observations, false), Ruling::Open);
        assert!(matches!(answered(APP, UNAVAILABLE, &observations, false), Ruling::Holds(_)));
    }

    #[test]
    fn the_whole_window_is_told() {
        let mut observations: Vec<Observation> = (0..3).map(|n| readiness(n * 50, n * 50 + 10, Answer::Status(200))).collect();
        observations.push(readiness(150, 5000, Answer::TimedOut));
        let Ruling::Broken(finding) = answered(APP, UNAVAILABLE, &observations, true) else { panic!("not broken") };
        assert_eq!(finding.seen, "200 (3 times, +0.0 s to +0.1 s), then no answer in time (once, +5.0 s)");
    }

    #[test]
    fn staying_unready_needs_at_least_one_answer() {
        assert_eq!(stayed(APP, UNREADY, &[], true), Ruling::Open);
        assert_eq!(stayed(APP, UNREADY, &[readiness(1, 2, Answer::Status(503))], true), Ruling::Holds(()));
        assert!(matches!(stayed(APP, UNREADY, &[readiness(1, 2, Answer::Status(200))], false), Ruling::Broken(_)));
    }

    #[test]
    fn what_lasts_is_judged_over_the_whole_window() {
        let say = |lasting, answer: Answer| stayed(APP, (Endpoint::Readiness, lasting), &[readiness(1, 2, answer)], true);
        for (lasting, good, bad) in [
            (Lasting::Success, Answer::Status(204), Answer::Refused),
            (Lasting::NoSuccess, Answer::TimedOut, Answer::Status(200)),
            (Lasting::OnlyUnavailable, Answer::Status(503), Answer::Status(500)),
            (Lasting::OnlyUnavailable, Answer::Refused, Answer::Status(200)),
            (Lasting::OnlyUnavailable, Answer::Reset, Answer::TimedOut),
            (Lasting::Bounded, Answer::Status(500), Answer::TimedOut),
        ] {
            assert_eq!(say(lasting, good), Ruling::Holds(()), "{lasting}");
            assert!(matches!(say(lasting, bad), Ruling::Broken(_)), "{lasting}");
        }
        let hung = readiness(4900, 9900, Answer::TimedOut);
        let before = Judged { since: Duration::from_secs(5), ..APP };
        let bounded = (Endpoint::Readiness, Lasting::Bounded);
        let Ruling::Broken(Finding { seen, .. }) = stayed(before, bounded, &[hung], false) else {
            panic!("it was under way when the window began")
        };
        assert_eq!(seen, "no answer in time (once, +4.9 s)");
        let quick = [readiness(5100, 5200, Answer::Status(503))];
        assert_eq!(stayed(before, bounded, &quick, false), Ruling::Open);
        let late = [quick[0].clone(), readiness(9990, 10001, Answer::Status(503))];
        assert_eq!(stayed(before, bounded, &late, false), Ruling::Holds(()), "whatever was sent before has ended");
        let late = readiness(6000, 6001, Answer::Status(500));
        assert_eq!(
            stayed(APP, (Endpoint::Readiness, Lasting::OnlyUnavailable), &[late], true),
            Ruling::Holds(()),
            "after the window"
        );
    }

    #[test]
    fn hanging_after_the_signal_is_found() {
        let (told, patience) = (Duration::from_millis(100), Duration::from_secs(1));
        let judge = |observation: Observation| left_nothing_hanging(told, patience, &[observation]);
        assert!(judge(readiness(50, 90, Answer::TimedOut)).is_ok(), "over before the signal");
        assert!(judge(readiness(50, 5050, Answer::TimedOut)).is_err(), "under way at the signal");
        assert!(judge(readiness(150, 160, Answer::Refused)).is_ok());
        assert!(judge(readiness(150, 400, Answer::Broken("the container stopped".into()))).is_ok());
        assert!(judge(readiness(150, 1400, Answer::Broken("the container stopped".into()))).is_err());
        assert!(judge(readiness(150, 5150, Answer::TimedOut)).is_err());
    }
}
