//! Whether the app missed a dependency that was not there when it started: one that never asked for it has waited for nothing.

use std::time::Duration;

use super::answers::requests;
use super::log::lines_that_say;
use super::meaning::{Meaning, ready_in_words};
use super::names::{has_name, names_of};
use super::window::{SLOWER, Window};
use super::words::{answers, deaths};
use crate::model::{Endpoint, Fact, FactId, Mark, Outcome};

/// For so long after its return an app that was ready all the time may come to use the dependency.
const LATER: Duration = Duration::from_secs(5);
/// How long a fact may take from what it tells of to us.
const ARRIVAL: Duration = Duration::from_secs(1);
/// Words by which a log speaks of something that does not work.
const FAILURES: [&str; 20] = [
    "error",
    "fail",
    "exception",
    "refused",
    "reset",
    "timeout",
    "timed out",
    "unavailable",
    "not available",
    "unreachable",
    "not known",
    "unknown host",
    "no such host",
    "enotfound",
    "eai_again",
    "could not",
    "cannot",
    "can't",
    "unable",
    "retry",
];

/// How long after the return of the dependency it takes at most until this is known of an app that is ready by then.
pub(super) const PATIENCE: Duration = LATER.saturating_add(ARRIVAL);

/// The app missed the dependency while that was not there. Held by what shows it: readiness said something else than 2xx, or nothing for
/// longer than a start takes; the app exited; its log says that something is wrong with the dependency; or it was ready all the time, and
/// came to use the dependency afterwards.
///
/// Held too where the app is not ready afterwards: that nobody can take for a success.
pub(super) fn missed(window: &Window<'_>, service: &str) -> Outcome {
    let started = window.started();
    let is_back =
        |mark: &Mark| matches!(mark, Mark::Accepts { service: of, .. } | Mark::WithinReach { service: of } if of == service);
    let Some(back) = window.facts.iter().rev().find(|one| matches!(&one.fact, Fact::Mark { mark } if is_back(mark))) else {
        return Outcome::undecided_when(window.over, format!("when `{service}` was there"));
    };
    if let Some(id) = shown_before(window, service, back.at) {
        return Outcome::Held(vec![id]);
    }
    let ready = requests(window, Endpoint::Readiness).find(|one| one.sent >= back.at && one.is_ready());
    let Some(ready) = ready else {
        let is_past = window.facts.last().is_some_and(|last| last.at > back.at + window.start_limit());
        return if window.over || is_past { Outcome::Held(vec![back.id]) } else { Outcome::Pending };
    };
    let until = ready.at.max(back.at + LATER);
    if let Some(evidence) = used_afterwards(window, service, (back.at, until)) {
        return Outcome::Held(evidence);
    }
    if !window.over && !window.facts.last().is_some_and(|last| last.at > until + ARRIVAL) {
        return Outcome::Pending;
    }
    let before: Vec<FactId> =
        requests(window, Endpoint::Readiness).filter(|one| one.sent >= started && one.at <= back.at).map(|one| one.id).collect();
    let evidence = before.first().into_iter().chain(before.last()).copied().chain([back.id]).collect();
    let app = window.app();
    let words = ready_in_words(Endpoint::Readiness, window.contract);
    Outcome::broken(
        format!(
            "`{app}` shows that it missed `{service}`: readiness other than {words} until that was there, or its use afterwards"
        ),
        format!(
            "readiness until then: {}; nothing else shows that it asked",
            answers(window.facts, Endpoint::Readiness, (started, back.at))
        ),
        evidence,
    )
}

/// What the app showed before the dependency was there.
fn shown_before(window: &Window<'_>, service: &str, back: Duration) -> Option<FactId> {
    let started = window.started();
    let sign = window.facts.iter().find(|one| one.at >= started && matches!(one.fact, Fact::Mark { mark: Mark::FirstSign }));
    let should_be_ready = sign.map_or(started, |sign| sign.at) + window.rest_of_start() * SLOWER;
    let mut asked = requests(window, Endpoint::Readiness).filter(|one| one.sent >= started && one.sent < back);
    let answer = asked.find(|one| match one.meaning {
        Meaning::Ready => false,
        Meaning::Unready | Meaning::Otherwise | Meaning::Hung => true,
        Meaning::Nothing => one.sent >= should_be_ready,
    });
    let death = || deaths(window.facts, window.app(), started).next().map(|death| death.id);
    let names = names_of(window, service);
    let says = |text: &str| {
        let lower = text.to_lowercase();
        FAILURES.iter().any(|word| lower.contains(word)) && has_name(text, &names)
    };
    answer.map(|one| one.id).or_else(death).or_else(|| lines_that_say(window, (started, back), says).next())
}

/// What shows that the app, which was turned down or had been ready without the dependency, uses it.
fn used_afterwards(window: &Window<'_>, service: &str, (back, until): (Duration, Duration)) -> Option<Vec<FactId>> {
    let started = window.started();
    let attempts = || {
        let of_it = |fact: &Fact| matches!(fact, Fact::Attempt { service: of } if of == service);
        window.facts.iter().filter(move |one| one.at >= started && one.at <= until && of_it(&one.fact))
    };
    let failed = attempts().find(|one| one.at < back);
    let later = attempts().find(|one| one.at >= back);
    if let (Some(failed), Some(later)) = (failed, later) {
        return Some(vec![failed.id, later.id]);
    }
    let without = requests(window, Endpoint::Readiness).find(|one| one.sent >= started && one.at < back && one.is_ready())?;
    let session = window.facts.iter().find(|one| {
        matches!(&one.fact, Fact::Sessions { service: of, count } if of == service && *count > 0)
            && (back..=until).contains(&one.at)
    })?;
    Some(vec![without.id, session.id])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, Told, died, held, is_broken, is_held, line, mark, readiness};
    use crate::model::{Answer, Inspection, Return};
    use crate::subject::Meant;

    const MISSED: Claim = Claim::Missed(Meant::Database);

    fn back(ms: u64) -> Told {
        mark(ms, Mark::Accepts { service: "db".into(), after: Return::FirstStart })
    }

    fn attempt(ms: u64, service: &str) -> Told {
        (ms, Fact::Attempt { service: service.into() })
    }

    fn sessions(ms: u64, count: usize) -> Told {
        (ms, Fact::Sessions { service: "db".into(), count })
    }

    fn status(ms: u64, status: u16) -> Told {
        readiness(ms, ms + 10, Answer::Status(status))
    }

    /// An app whose start takes a second and a half, with a dependency that is there after six.
    fn case(told: &[Told]) -> Case {
        let took = Inspection::UndisturbedStart { took: Duration::from_millis(1500) };
        let begin = [
            (0, Fact::Inspected { inspection: took }),
            mark(0, Mark::AppStarted { again: false }),
            mark(1000, Mark::FirstSign),
            back(6000),
        ];
        Case::of(begin.into_iter().chain(told.to_vec())).from(6000)
    }

    fn judged(told: &[Told]) -> Outcome {
        case(told).over().judge(&MISSED)
    }

    #[test]
    fn readiness_that_is_always_2xx_shows_nothing() {
        let finding = case(&[readiness(500, 510, Answer::Refused), status(1200, 200), status(5000, 200), status(6100, 200)])
            .over()
            .finding(&MISSED);
        assert_eq!(
            finding.expected,
            "`app` shows that it missed `db`: readiness other than 2xx until that was there, or its use afterwards"
        );
        assert_eq!(
            finding.seen,
            "readiness until then: connection refused (once, +0.5 s), then 200 (2 times, +1.2 s to +5.0 s); nothing else shows that it asked"
        );
    }

    #[test]
    fn readiness_that_follows_shows_it_at_once() {
        for answer in [Answer::Status(503), Answer::Status(500), Answer::TimedOut, Answer::Unready("x".into())] {
            assert_eq!(case(&[readiness(1200, 1300, answer.clone())]).judge(&MISSED), held([4]), "{answer}");
        }
        assert!(is_broken(&judged(&[status(6100, 503), status(6300, 200)])), "it was there by then");
    }

    #[test]
    fn silence_counts_when_a_start_takes_less() {
        let refused = |ms| readiness(ms, ms + 10, Answer::Refused);
        assert!(is_broken(&judged(&[refused(1900), status(6100, 200)])), "it may still have been starting");
        assert!(is_held(&judged(&[refused(2100), status(6100, 200)])));
    }

    #[test]
    fn an_exit_or_a_line_of_the_log_shows_it() {
        assert!(is_held(&judged(&[died(2000, 1), status(6100, 200)])));
        let says = |ms, text: &str| judged(&[line(ms, text), status(6100, 200)]);
        assert!(is_held(&says(2000, "psycopg2.OperationalError: could not translate host name \"db\" to address")));
        assert!(is_broken(&says(2000, "using the database at db:5432")), "that is no failure");
        assert!(is_broken(&says(2000, "cache: connection refused")), "another one's");
        assert!(is_broken(&says(6050, "could not reach db")), "it was there by then");
    }

    #[test]
    fn an_attempt_that_failed_and_one_that_got_through_show_it() {
        let ready = [status(1200, 200), status(6100, 200)];
        let tried = |attempts: &[Told]| judged(&[&ready[..], attempts].concat());
        assert_eq!(tried(&[attempt(1100, "db"), attempt(7000, "db")]), held([6, 7]));
        assert!(is_broken(&tried(&[attempt(1100, "db")])), "it has given up");
        assert!(is_broken(&tried(&[attempt(7000, "db")])), "it missed nothing");
        assert!(is_broken(&tried(&[attempt(1100, "cache"), attempt(7000, "cache")])), "another one's");
        assert!(is_broken(&tried(&[attempt(1100, "db"), attempt(12_000, "db")])), "too late to be waited for");
    }

    #[test]
    fn a_session_afterwards_shows_it_of_an_app_that_was_ready_before() {
        assert_eq!(judged(&[status(1200, 200), status(6100, 200), sessions(7000, 2)]), held([4, 6]));
        assert!(is_broken(&judged(&[status(1200, 200), status(6100, 200), sessions(7000, 0)])), "it has none");
        assert!(is_broken(&judged(&[status(6100, 200), sessions(7000, 2)])), "a slow start that never missed it");
    }

    #[test]
    fn what_may_still_come_is_waited_for() {
        let ready = [status(1200, 200), status(6100, 200)];
        assert_eq!(case(&ready).judge(&MISSED), Outcome::Pending);
        assert_eq!(case(&[&ready[..], &[status(11_500, 200)]].concat()).judge(&MISSED), Outcome::Pending, "its way here");
        assert!(is_broken(&case(&[&ready[..], &[status(12_100, 200)]].concat()).judge(&MISSED)));
        let hours = readiness(90_000, 90_010, Answer::Refused);
        assert!(is_held(&case(&[status(1200, 200), hours]).judge(&MISSED)), "longer than a start may take");
        let never = [status(1200, 200), readiness(9000, 9010, Answer::Refused), readiness(20_000, 20_010, Answer::Refused)];
        assert_eq!(case(&never).judge(&MISSED), Outcome::Pending);
        assert_eq!(case(&never).over().judge(&MISSED), held([3]), "the claim is broken by itself");
        let without = Case::of([status(1200, 200)]).over().judge(&MISSED);
        assert_eq!(without, Outcome::Undecided("when `db` was there".into()));
    }
}
