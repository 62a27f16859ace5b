//! Judging the bodies of the app's answers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::claim::Anchor;
use super::log::Line;
use super::meaning::Meaning;
use super::names::{has_name, names_of};
use super::trace;
use super::window::Window;
use crate::model::{Answer, Endpoint, Fact, FactId, Observation, Outcome, excerpt, is_cut, visible_text};
use crate::redact::MASK;

/// What a connection string looks like.
const CONNECTIONS: [&str; 8] =
    ["postgres://", "postgresql://", "redis://", "mysql://", "amqp://", "mongodb://", "password=", "jdbc:"];
/// How a frame of a stack trace names its file in Python: as it is, and in JSON.
const FILES: [&str; 2] = ["file \"/", "file \\\"/"];

/// The bodies that were kept, of all answers of the app.
pub(super) fn kept(facts: &[Observation]) -> impl Iterator<Item = Line<'_>> {
    facts.iter().filter_map(|one| match &one.fact {
        Fact::Probe { body: Some(body), .. } => Some(Line { id: one.id, at: one.at, text: body.as_str(), is_cut: is_cut(body) }),
        _ => None,
    })
}

/// A failing answer, and its body.
#[derive(Clone, Copy, Debug)]
struct Failure<'a> {
    status: u16,
    /// The answer, and that with whose body it came.
    id: FactId,
    body: Line<'a>,
}

/// The answers other than 2xx in the outage that have different bodies; from the app's start on where nothing was disturbed.
///
/// A body is kept only where it differs from that of the last answer with the same status.
fn failures<'a>(window: &Window<'a>) -> Vec<Failure<'a>> {
    let (begin, end) = outage(window);
    let mut last: BTreeMap<u16, Line<'a>> = BTreeMap::new();
    let mut found: Vec<Failure<'a>> = vec![];
    for one in window.facts {
        let Fact::Probe { endpoint: Endpoint::Readiness, sent, answer: answer @ Answer::Status(status), body } = &one.fact else {
            continue;
        };
        if let Some(body) = body {
            last.insert(*status, Line { id: one.id, at: one.at, text: body.as_str(), is_cut: is_cut(body) });
        }
        let is_within = one.at >= begin && *sent < end;
        if let Some(body) =
            last.get(status).filter(|_| Meaning::of(answer, Endpoint::Readiness, window.contract) != Meaning::Ready && is_within)
            && found.iter().all(|failure| failure.body.id != body.id)
        {
            found.push(Failure { status: *status, id: one.id, body: *body });
        }
    }
    found
}

/// When the last outage began, and when it was over.
fn outage(window: &Window<'_>) -> (Duration, Duration) {
    let marks = |anchor: Anchor| {
        window.facts.iter().filter_map(move |one| match &one.fact {
            Fact::Mark { mark } if anchor.is(mark) => Some(one.at),
            _ => None,
        })
    };
    let begin = marks(Anchor::Outage).rev().find(|at| *at <= window.from).unwrap_or_default().max(window.started());
    (begin, marks(Anchor::Return).find(|at| *at > begin).unwrap_or(Duration::MAX))
}

/// Nothing to judge by.
fn no_failure(window: &Window<'_>) -> Outcome {
    Outcome::undecided_when(window.over, format!("`{}` gave no failing answer with a body to judge", window.app()))
}

/// The bodies of failing answers show no secret, no connection string and no stack trace.
pub(super) fn was_discreet(window: &Window<'_>) -> Outcome {
    let failures = failures(window);
    for Failure { status, id, body } in &failures {
        if let Some((shown, what)) = leak(body.text) {
            let expected = format!("a failing answer of `{}` shows no internals", window.app());
            return Outcome::broken(expected, format!("the body of a {status} shows {shown}: {what}"), evidence(*id, body));
        }
    }
    if failures.iter().all(|failure| failure.body.is_cut) {
        return no_failure(window);
    }
    Outcome::Held(failures.iter().flat_map(|failure| evidence(failure.id, &failure.body)).collect())
}

/// What a body shows that it should not, and the part of it that does.
fn leak(body: &str) -> Option<(&'static str, String)> {
    let text = visible_text(body);
    [body, text.as_ref()].into_iter().find_map(|body| {
        let lower = body.to_ascii_lowercase();
        let first = |text: &str, words: &[&str]| words.iter().find_map(|words| text.find(words));
        let secret = || Some(("a secret", body.find(MASK)?));
        let connection = || Some(("a connection string", first(&lower, &CONNECTIONS)?));
        let trace = || Some(("a stack trace", trace::place(body).or_else(|| first(&lower, &FILES))?));
        let (shown, place) = secret().or_else(connection).or_else(trace)?;
        Some((shown, excerpt(body, place)))
    })
}

/// Some body of a failing answer names the dependency.
pub(super) fn body_named(window: &Window<'_>, service: &str) -> Outcome {
    let (names, failures) = (names_of(window, service), failures(window));
    let mut texts = failures.iter().map(|failure| (failure, visible_text(failure.body.text)));
    if let Some((failure, _)) = texts.clone().find(|(_, text)| has_name(text, &names)) {
        return Outcome::Held(evidence(failure.id, &failure.body));
    }
    let Some((Failure { status, id, body, .. }, text)) =
        texts.next_back().filter(|_| failures.iter().all(|one| !one.body.is_cut))
    else {
        return no_failure(window);
    };
    let expected = format!("the body of a failing answer of `{}` names what is missing: {}", window.app(), names.join(", "));
    let seen =
        if text.is_empty() { format!("the body of the {status} is empty") } else { format!("the body is {}", excerpt(&text, 0)) };
    Outcome::broken(expected, seen, evidence(*id, body))
}

/// An answer, and the one whose body it had, where that is another.
fn evidence(answer: FactId, body: &Line<'_>) -> Vec<FactId> {
    if answer == body.id { vec![answer] } else { vec![answer, body.id] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, Told, held, is_broken, is_held, mark};
    use crate::model::{FaultKind, Mark, Return, cut_mark};
    use crate::subject::Meant;

    const NAMED: Claim = Claim::BodyNames(Meant::Database);

    fn answer(ms: u64, status: u16, body: Option<&str>) -> Told {
        let sent = Duration::from_millis(ms.saturating_sub(5));
        let body = body.map(str::to_owned);
        (ms, Fact::Probe { endpoint: Endpoint::Readiness, sent, answer: Answer::Status(status), body })
    }

    fn body(ms: u64, text: &str) -> Told {
        answer(ms, 503, Some(text))
    }

    fn killed(ms: u64) -> Told {
        mark(ms, Mark::Disturbed { service: "db".into(), fault: FaultKind::Killed })
    }

    fn back(ms: u64) -> Told {
        mark(ms, Mark::Accepts { service: "db".into(), after: Return::Outage })
    }

    #[test]
    fn bodies_are_searched() {
        let judge = |text| Case::of([body(1, text)]).judge(&Claim::Discreet);
        assert_eq!(judge(r#"{"status":"degraded","checks":{"database":"unavailable"}}"#), held([0]));
        assert_eq!(judge(""), held([0]));
        for text in [
            "postgres://u@db/app",
            "[redacted]",
            "Traceback (most recent call last)",
            "host=db password=x",
            "<html><p>File &quot;/app/x.py&quot;</p></html>",
            "<html><script>var url = 'postgres://u@db'</script></html>",
            "<pre>Error: x<br> &nbsp; &nbsp;at f (/app/x.js:1:2)</pre>",
        ] {
            assert!(is_broken(&judge(text)), "{text}");
        }
        assert_eq!(Case::of([body(1, "database: down")]).judge(&NAMED), held([0]));
        assert_eq!(Case::of([body(1, "unavailable")]).seen(&NAMED), "the body is unavailable");
        assert_eq!(Case::of([body(1, "")]).seen(&NAMED), "the body of the 503 is empty");
    }

    #[test]
    fn any_failing_answer_is_judged_whatever_its_status() {
        for status in [500, 404, 302] {
            assert_eq!(Case::of([answer(1, status, Some("the database is down"))]).judge(&NAMED), held([0]));
            let shown = Case::of([answer(1, status, Some("Traceback (most recent call last)"))]).seen(&Claim::Discreet);
            assert_eq!(shown, format!("the body of a {status} shows a stack trace: Traceback (most recent call last)"));
        }
    }

    #[test]
    fn without_a_failing_answer_nothing_can_be_said() {
        let ready = answer(1, 200, Some("the database is up"));
        for told in [vec![], vec![ready.clone()], vec![answer(1, 503, None)], vec![body(1, &format!("x{}", cut_mark(9)))]] {
            for claim in [Claim::Discreet, NAMED] {
                assert_eq!(Case::of(told.clone()).judge(&claim), Outcome::Pending, "{claim:?} {told:?}");
                assert!(matches!(Case::of(told.clone()).over().judge(&claim), Outcome::Undecided(_)), "{claim:?} {told:?}");
            }
        }
    }

    #[test]
    fn what_the_app_calls_its_database_is_a_name() {
        let mut case = Case::of([body(1, r#"{"storage":false,"permission":false,"cache":false}"#)]);
        assert!(is_broken(&case.judge(&NAMED)));
        case.contract.dependencies[1].names = vec!["storage".into()];
        assert_eq!(case.judge(&NAMED), held([0]));
        case.contract.dependencies[1].names = vec!["stor".into()];
        let finding = case.finding(&NAMED);
        assert!(
            finding.expected.ends_with("names what is missing: db, postgres, database, sql, pool, stor"),
            "{}",
            finding.expected
        );
    }

    #[test]
    fn a_page_is_judged_by_its_text() {
        let page =
            |text: &str| format!("<html><head><style>.db {{ color: red }}</style></head><body class=\"db\">{text}</body></html>");
        assert_eq!(Case::of([body(1, &page("down"))]).seen(&NAMED), "the body is down");
        assert_eq!(Case::of([body(1, &page("<td>database</td><td>down</td>"))]).judge(&NAMED), held([0]));
    }

    #[test]
    fn only_answers_in_the_outage_count() {
        let told = |ms, text: &str| [body(10, "starting"), answer(20, 200, None), killed(1000), body(ms, text), back(5000)];
        let judge = |ms, text| Case::of(told(ms, text)).from(1000).over().judge(&NAMED);
        assert!(is_held(&judge(1100, "no database")));
        assert!(matches!(judge(900, "no database"), Outcome::Undecided(_)), "before it");
        assert!(matches!(judge(5100, "no database"), Outcome::Undecided(_)), "after it");
        let known = [body(10, "no database"), answer(20, 200, Some("ok")), killed(1000), answer(1100, 503, None)];
        assert_eq!(Case::of(known).from(1000).judge(&NAMED), held([3, 0]), "a body that is known is not kept again");
    }

    #[test]
    fn bodies_from_before_the_start_of_the_app_do_not_count() {
        let restarted = |text| Case::of([body(1, text), mark(5, Mark::AppStarted { again: true })]).from(10).over();
        for claim in [Claim::Discreet, NAMED] {
            assert!(matches!(restarted("postgres://u@db/app").judge(&claim), Outcome::Undecided(_)));
        }
    }
}
