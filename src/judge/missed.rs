//! Whether the app missed a dependency that was not there when it started: one that never asked for it has waited for nothing.

use std::time::Duration;

use super::answers::requests;
use super::attempts::attempts;
use super::log::line_of_failure;
use super::meaning::{Meaning, ready_in_words};
use super::window::{SLOWER, Window};
use super::words::{answers, deaths};
use crate::model::{Endpoint, Fact, FactId, Mark, Observation, Outcome, Phase};

/// For so long after its return an app that was ready all the time may come to use the dependency.
const LATER: Duration = Duration::from_secs(5);
/// So long before the end of a fault nothing of its end can be felt.
const SURELY: Duration = Duration::from_millis(500);
/// How long a fact may take from what it tells of to us.
const ARRIVAL: Duration = Duration::from_secs(1);
/// How long after the return of the dependency it takes at most until this is known of an app that is ready by then.
pub(super) const PATIENCE: Duration = LATER.saturating_add(ARRIVAL);

/// The app missed the dependency while that was not there, and has it now. Of an app that was not ready before, that it is afterwards shows
/// the second; the first is shown by an answer that is none of readiness, silence for longer than a start takes, a line of its log that
/// says that something is wrong with the dependency, or a failed attempt. One that said that it was ready without the dependency has to come to
/// use it.
/// One that exited has missed it.
///
/// Held too where the app is not ready afterwards: that nobody can take for a success.
pub(super) fn missed(window: &Window<'_>, service: &str) -> Outcome {
    let started = window.started();
    let is_back =
        |mark: &Mark| matches!(mark, Mark::Accepts { service: of, .. } | Mark::WithinReach { service: of } if of == service);
    let Some(back) = window.facts.iter().rev().find(|one| matches!(&one.fact, Fact::Mark { mark } if is_back(mark))) else {
        return Outcome::undecided_when(window.over, format!("when `{service}` was there"));
    };
    let provided = provided(window, service, back.at);
    // That a process runs, or listens, is no word of the app about what it needs.
    let without = requests(window, Endpoint::Readiness)
        .find(|one| one.sent >= started && one.at + SURELY < provided && one.is_ready())
        .filter(|_| window.contract.readiness.tells_of_the_start());
    let death = deaths(window.facts, window.app(), started).next().map(|death| death.id);
    let shown = || shown_before(window, service, (provided, back.at)).filter(|_| without.is_none());
    if let Some(id) = death.or_else(shown) {
        return Outcome::Held(vec![id]);
    }
    let ready = requests(window, Endpoint::Readiness).find(|one| one.sent >= back.at && one.is_ready());
    let Some(ready) = ready else {
        let is_past = window.facts.last().is_some_and(|last| last.at > back.at + window.start_limit());
        return if window.over || is_past { Outcome::Held(vec![back.id]) } else { Outcome::Pending };
    };
    let until = ready.at.max(back.at + LATER);
    let use_of_it = used_afterwards(window, service, (provided, until));
    if let (Some(without), Some(used)) = (without, use_of_it) {
        return Outcome::Held(vec![without.id, used]);
    }
    if !window.over && window.facts.last().is_none_or(|last| last.at <= until + ARRIVAL) {
        return Outcome::Pending;
    }
    let before: Vec<FactId> =
        requests(window, Endpoint::Readiness).filter(|one| one.sent >= started && one.at <= back.at).map(|one| one.id).collect();
    let evidence = before.first().into_iter().chain(before.last()).copied().chain([back.id]).collect();
    let app = window.app();
    let words = ready_in_words(Endpoint::Readiness, window.contract);
    Outcome::broken(
        format!(
            "`{app}` shows that it missed `{service}`: readiness does not answer {words} until `{service}` is up, or `{app}` connects to \
             `{service}` after that"
        ),
        format!(
            "nothing shows that it tried to reach `{service}`; readiness until then: {}",
            answers(window.facts, Endpoint::Readiness, (started, back.at))
        ),
        evidence,
    )
}

/// The app uses the dependency again: an attempt to reach it after its return, or a session with it. Readiness that tells of dependencies shows as
/// much, and nothing more is asked of it. An app that tries once and then does nothing at all still runs.
pub(super) fn is_used_again(window: &Window<'_>, service: &str) -> Outcome {
    if window.contract.readiness.tells_of_the_start() {
        return Outcome::Held(vec![]);
    }
    let Some((back, _)) = window.returned().filter(|(_, of)| *of == service) else {
        return Outcome::undecided_when(window.over, format!("when `{service}` was there"));
    };
    let until = back.at + window.contract.recovery_limit;
    if let Some(used) = used_afterwards(window, service, (provided(window, service, back.at), until)) {
        return Outcome::Held(vec![used]);
    }
    if !window.over && window.facts.last().is_none_or(|last| last.at <= until + ARRIVAL) {
        return Outcome::Pending;
    }
    let app = window.app();
    let counted = |fact: &Fact| matches!(fact, Fact::Sessions { service: of, .. } if of == service);
    let is_seen = window.facts.iter().any(|one| counted(&one.fact)) || attempts(window.facts, service).next().is_some();
    if !is_seen {
        return Outcome::NotApplicable(format!(
            "neither attempts of `{app}` to reach `{service}` nor its sessions can be seen from here"
        ));
    }
    let expected = format!("`{app}` connects to `{service}` {}", window.within(window.contract.recovery_limit));
    Outcome::broken(expected, format!("it made no attempt to reach `{service}`, and has no session with it"), vec![back.id])
}

/// When the dependency was let go on, after which it may accept before we see it; its return where that is not known.
fn provided(window: &Window<'_>, service: &str, back: Duration) -> Duration {
    let ends = |fact: &Fact| matches!(fact, Fact::Fault { service: of, phase: Phase::Ends, .. } if of == service);
    window.facts.iter().rev().filter(|one| one.at <= back).find(|one| ends(&one.fact)).map_or(back, |one| one.at)
}

/// What the app showed before the dependency was let go on, or was there.
fn shown_before(window: &Window<'_>, service: &str, (provided, back): (Duration, Duration)) -> Option<FactId> {
    let started = window.started();
    let should_be_ready = window.first_sign().unwrap_or(started) + window.rest_of_start() * SLOWER;
    let mut asked = requests(window, Endpoint::Readiness).filter(|one| one.sent >= started && one.sent < back);
    let answer = asked.find(|one| match one.meaning {
        Meaning::Ready => false,
        Meaning::Unready | Meaning::Otherwise | Meaning::Hung => true,
        Meaning::Nothing => one.sent >= should_be_ready,
    });
    let attempt = || attempts(window.facts, service).find(|one| one.at >= started && one.at < provided).map(|one| one.id);
    answer.map(|one| one.id).or_else(attempt).or_else(|| line_of_failure(window, service, (started, provided)))
}

/// What shows that the app uses the dependency from its return to a moment: an attempt to reach it, or a session with it.
fn used_afterwards(window: &Window<'_>, service: &str, (provided, until): (Duration, Duration)) -> Option<FactId> {
    let is_session = |fact: &Fact| matches!(fact, Fact::Sessions { service: of, count } if of == service && *count > 0);
    let mut sessions = window.facts.iter().filter(|one| is_session(&one.fact));
    let within = |one: &&Observation| (provided..=until).contains(&one.at);
    attempts(window.facts, service).find(within).or_else(|| sessions.find(within)).map(|one| one.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, Told, died, held, is_broken, is_held, line, mark, readiness};
    use crate::model::{Answer, FaultKind, Inspection, Return};
    use crate::subject::{Form, Meant};

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
            (5500, Fact::Fault { service: "db".into(), fault: FaultKind::Absent, phase: Phase::Ends }),
            back(6000),
        ];
        Case::of(begin.into_iter().chain(told.to_vec())).from(6000)
    }

    fn judged(told: &[Told]) -> Outcome {
        case(told).over().judge(&MISSED)
    }

    #[test]
    fn readiness_that_is_always_2xx_shows_nothing() {
        let finding = case(&[readiness(500, 510, Answer::Refused), status(1200, 200), status(5400, 200), status(6100, 200)])
            .over()
            .finding(&MISSED);
        assert_eq!(
            finding.expected,
            "`app` shows that it missed `db`: readiness does not answer 2xx until `db` is up, or `app` connects to `db` after that"
        );
        assert_eq!(
            finding.seen,
            "nothing shows that it tried to reach `db`; readiness until then: connection refused (once, +0.5 s), then 200 (2 times, \
             +1.2 s to +5.4 s)"
        );
    }

    #[test]
    fn that_a_process_runs_is_no_word_of_the_app() {
        let running = readiness(1200, 1210, Answer::Ready);
        let judged = |told: &[Told]| {
            let mut case = case(told).over();
            case.contract.readiness = Form::Runs;
            case.judge(&MISSED)
        };
        assert!(is_held(&judged(&[attempt(1100, "db"), running.clone()])));
        assert!(is_broken(&judged(&[running, readiness(6100, 6110, Answer::Ready)])), "nothing shows that it needs it");
    }

    #[test]
    fn readiness_that_follows_shows_it_at_once() {
        for answer in [Answer::Status(503), Answer::Status(500), Answer::TimedOut, Answer::Unready("x".into())] {
            assert_eq!(case(&[readiness(1200, 1300, answer.clone())]).judge(&MISSED), held([5]), "{answer}");
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
        assert!(is_held(&says(2000, "Error: connect ECONNREFUSED 172.18.0.2:5432")), "by its address");
        assert!(is_broken(&says(2000, "using the database at db:5432")), "that is no failure");
        assert!(is_broken(&says(2000, "cache: connection refused")), "another one's");
        assert!(is_broken(&says(6050, "could not reach db")), "it was there by then");
    }

    #[test]
    fn an_app_that_was_ready_without_it_has_to_come_to_use_it() {
        let ready = [status(1200, 200), status(6100, 200)];
        let then = |others: &[Told]| judged(&[&ready[..], others].concat());
        assert_eq!(then(&[attempt(7000, "db")]), held([5, 7]));
        assert_eq!(then(&[sessions(7000, 2)]), held([5, 7]));
        assert!(is_broken(&then(&[attempt(1100, "db")])), "it has given up");
        assert!(is_broken(&then(&[attempt(7000, "cache")])), "another one's");
        assert!(is_broken(&then(&[attempt(12_000, "db")])), "too late to be waited for");
        assert!(is_broken(&then(&[sessions(7000, 0)])), "it has none");
        assert!(is_broken(&then(&[status(1100, 503)])), "it was ready all the same");
        assert!(is_broken(&then(&[line(2000, "could not reach db")])), "and does not try again");
    }

    #[test]
    fn an_app_that_was_not_ready_has_it_when_it_is() {
        let ready = |others: &[Told]| judged(&[&[status(6100, 200)][..], others].concat());
        assert_eq!(ready(&[attempt(1100, "db")]), held([6]));
        assert!(is_broken(&ready(&[attempt(7000, "db")])), "it missed nothing");
        assert!(is_broken(&ready(&[attempt(1100, "cache")])), "another one's");
        assert!(is_broken(&ready(&[sessions(7000, 2)])), "a slow start");
        assert!(is_broken(&ready(&[attempt(5600, "db")])), "it was on its way by then");
        let early = [readiness(2100, 2110, Answer::Refused), status(5600, 200), status(6100, 200)];
        assert!(is_held(&judged(&early)), "the app may see it before we do");
    }

    #[test]
    fn an_app_whose_readiness_says_nothing_has_to_come_to_use_it() {
        let judged = |form: Form, told: &[Told]| {
            let mut case = case(told).over();
            (case.contract.readiness, case.contract.recovery_limit) = (form, Duration::from_secs(20));
            case.judge(&Claim::UsedAgain(Meant::Database))
        };
        assert_eq!(judged(Form::Runs, &[attempt(1100, "db"), attempt(12_000, "db")]), held([6]));
        assert_eq!(judged(Form::Runs, &[sessions(7000, 0), sessions(9000, 1)]), held([6]));
        assert!(is_broken(&judged(Form::Runs, &[attempt(1100, "db")])), "it tried once");
        assert!(is_broken(&judged(Form::Runs, &[attempt(1100, "db"), attempt(27_000, "db")])), "too late");
        assert!(matches!(judged(Form::Runs, &[]), Outcome::NotApplicable(_)), "nobody could see it");
        assert_eq!(judged(Form::path("/health"), &[]), held([]), "readiness tells");
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
        assert_eq!(case(&never).over().judge(&MISSED), held([4]), "the claim is broken by itself");
        let without = Case::of([status(1200, 200)]).over().judge(&MISSED);
        assert_eq!(without, Outcome::Undecided("when `db` was there".into()));
    }
}
