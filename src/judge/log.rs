//! Judging what an app writes in its log.

use std::time::Duration;

use super::body;
use super::failure;
use super::names::{has_address, has_name, is_about_code, names_of, outside_paths, unfolded};
use super::trace::{Code, Part, part};
use super::window::{Event, Window};
use super::words::{deaths, seconds, since};
use crate::model::{Fact, FactId, Flood, Mark, Observation, Outcome, excerpt};
use crate::redact::MASK;

/// Words by which a failed login is told.
const LOGIN: [&str; 6] = ["password", "authenticat", "credential", "access denied", "login", "28p01"];
/// How long a line may take from the app to us.
const ARRIVAL: Duration = Duration::from_secs(2);
/// How many of the last lines that say something count as last words.
const LAST_WORDS: usize = 10;
/// What one attempt writes comes within this time: an exception may be logged where it is caught, and again where it ends the process.
const ATTEMPT: Duration = Duration::from_secs(2);
/// How many lines may stand between two frames of one trace.
const WITHIN_A_TRACE: usize = 2;

/// A line that a service wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) id: FactId,
    pub(super) at: Duration,
    pub(super) text: &'a str,
    /// Whether it was cut, so that its form proves nothing.
    pub(super) is_cut: bool,
}

/// The lines that a service wrote from a moment on. Blank ones say nothing.
pub(super) fn lines<'a>(facts: &'a [Observation], service: &'a str, from: Duration) -> impl DoubleEndedIterator<Item = Line<'a>> {
    facts.iter().filter_map(move |one| match &one.fact {
        Fact::Log { service: name, line, is_cut, .. } if name == service && one.at >= from && !line.trim().is_empty() => {
            Some(Line { id: one.id, at: one.at, text: line.as_str(), is_cut: *is_cut })
        }
        _ => None,
    })
}

/// Whether lines that a service wrote from a moment on are not on the timeline.
pub(super) fn was_thinned(window: &Window<'_>) -> bool {
    window.facts.iter().any(|one| match &one.fact {
        Fact::Thinned { of: Flood::Log { service }, until, .. } => service == window.app() && *until >= window.from,
        _ => false,
    })
}

/// Lines with what each says: without the code of stack traces, and without warnings about a line of code.
fn said<'a>(lines: impl Iterator<Item = Line<'a>>) -> impl Iterator<Item = (Line<'a>, String)> {
    let mut code = Code::default();
    lines.map(move |line| {
        let text = unfolded(line.text);
        let said = text.lines().filter(|part| !code.is_code(part) && !is_about_code(part));
        (line, said.collect::<Vec<_>>().join("\n"))
    })
}

/// Whether a line of a log tells which dependency it is about, by one of these names or by the address that it was tried at.
fn tells<'a>(window: &Window<'_>, service: &str, names: &'a [String]) -> impl Fn(&str) -> bool + use<'a> {
    let port = window.contract.dependency(service).and_then(|dependency| dependency.kind.port());
    move |text| has_name(text, names) || port.is_some_and(|port| has_address(text, port))
}

/// Some line of the log names the dependency.
pub(super) fn names_dependency(window: &Window<'_>, service: &str, limit: Duration) -> Outcome {
    let names = names_of(window, service);
    let expected = format!("within {} the log of `{}` names what is missing: {}", seconds(limit), window.app(), names.join(", "));
    some_line_says(window, tells(window, service, &names), limit, expected)
}

/// The first line between two moments that says that something is wrong with a dependency.
pub(super) fn line_of_failure(window: &Window<'_>, service: &str, (from, until): (Duration, Duration)) -> Option<FactId> {
    let names = names_of(window, service);
    let is_about_it = tells(window, service, &names);
    let written = lines(window.facts, window.app(), from).filter(|line| line.at < until);
    said(written).find(|(_, text)| failure::is_told(text) && is_about_it(text)).map(|(line, _)| line.id)
}

/// Some line of the log says that the login failed.
pub(super) fn told_of_login(window: &Window<'_>, limit: Duration) -> Outcome {
    let expected = format!("within {} `{}` logs that its login failed ({})", seconds(limit), window.app(), LOGIN.join(", "));
    let tells = |text: &str| {
        let text = outside_paths(text).to_lowercase();
        // A banner may speak of logins too.
        failure::is_told(&text) && LOGIN.iter().any(|word| text.contains(word))
    };
    some_line_says(window, tells, limit, expected)
}

fn some_line_says(window: &Window<'_>, says: impl Fn(&str) -> bool, limit: Duration, expected: String) -> Outcome {
    let written: Vec<Line<'_>> =
        lines(window.facts, window.app(), written_from(window)).filter(|line| line.at <= window.from + limit).collect();
    if let Some((line, _)) = said(written.iter().copied()).find(|(_, text)| says(text)) {
        return Outcome::Held(vec![line.id]);
    }
    let is_past = window.facts.last().is_some_and(|last| last.at > window.from + limit + ARRIVAL);
    if !window.over && !is_past {
        return Outcome::Pending;
    }
    if was_thinned(window) {
        return Outcome::Undecided("the log is too long: a line that was left out may have said it".into());
    }
    let mut code = Code::default();
    let total = written.len();
    let written: Vec<Line<'_>> = written.into_iter().filter(|line| !code.is_code(line.text)).collect();
    // The end of a block is no line that says anything.
    let last = written.iter().rev().find(|line| line.text.chars().filter(|one| one.is_alphabetic()).nth(2).is_some());
    let last = last.map_or(String::new(), |line| format!(", the last one: {}", excerpt(line.text, 0)));
    let outside = if written.len() < total { " outside of stack traces" } else { "" };
    let seen = match written.len() {
        0 if total == 0 => "it writes nothing in that time".to_owned(),
        count => format!("none of its {count} lines{outside} does{last}"),
    };
    Outcome::broken(expected, seen, written.last().map(|line| line.id).into_iter().collect())
}

/// From when on lines count. A first sign of life may be put down a little after what the app wrote because of it: there it is the start.
fn written_from(window: &Window<'_>) -> Duration {
    if window.event == Event::Mark(&Mark::FirstSign) { window.started() } else { window.from }
}

/// The log holds no stack trace for each attempt.
pub(super) fn no_trace_per_attempt(window: &Window<'_>, time: Duration) -> Outcome {
    if !window.over {
        return Outcome::Pending;
    }
    few_traces(window.facts, window.app(), (window.from, window.from + time))
}

/// An app writes no stack trace for each attempt in a time: what is written at one time is written by one.
pub(super) fn few_traces(facts: &[Observation], app: &str, (from, until): (Duration, Duration)) -> Outcome {
    let within = lines(facts, app, from).filter(|line| line.at <= until);
    let traces = traces(within);
    let deaths: Vec<Duration> = deaths(facts, app, from).map(|death| death.at).collect();
    let (mut attempts, mut kept): (Vec<&Line<'_>>, Vec<FactId>) = (vec![], vec![]);
    for (place, trace) in traces.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| traces[place].at);
        let is_of_another_life = before.is_some_and(|before| deaths.iter().any(|death| (before..trace.at).contains(death)));
        // A process that ends by an error writes its trace once: that it is started again is not its own doing.
        if is_of_another_life && attempts.len() < 2 {
            kept.extend(attempts.drain(..).map(|line| line.id));
        }
        if attempts.last().is_none_or(|first| trace.at >= first.at + ATTEMPT) {
            attempts.push(trace);
        }
    }
    if attempts.len() < 2 {
        kept.extend(attempts.iter().map(|line| line.id));
        return Outcome::Held(kept);
    }
    let (first, last) = (traces[0].at, traces[traces.len() - 1].at);
    Outcome::broken(
        format!("`{app}` reports the missing dependency in one line, without a stack trace"),
        format!("{} stack traces, at {} to {}", traces.len(), since(from, first), since(from, last)),
        attempts.iter().map(|line| line.id).collect(),
    )
}

/// Where stack traces begin. Those of an exception and of its causes are one.
fn traces<'a>(lines: impl Iterator<Item = Line<'a>>) -> Vec<Line<'a>> {
    let mut found = vec![];
    let (mut is_chained, mut since_frame) = (false, usize::MAX);
    for line in lines {
        let part = part(line.text);
        let begins = match part {
            Some(Part::Header) => true,
            Some(Part::Frame) => since_frame > WITHIN_A_TRACE,
            Some(Part::Chain) | None => false,
        };
        if begins && !is_chained {
            found.push(line);
        }
        is_chained = match part {
            Some(Part::Chain) => true,
            Some(Part::Header | Part::Frame) => false,
            None => is_chained,
        };
        since_frame = if part.is_some() { 0 } else { since_frame.saturating_add(1) };
    }
    found
}

/// An app that gave up said so: it exited with a status other than 0, and its last words name what it missed. One that goes on trying does not
/// show how it gives up.
pub(super) fn gave_up_cleanly(window: &Window<'_>, service: &str, limit: Duration) -> Outcome {
    if !window.over {
        return Outcome::Pending;
    }
    let (app, from, names) = (window.app(), window.from, names_of(window, service));
    let mut clean = vec![];
    for death in deaths(window.facts, app, from).filter(|death| death.at <= from + limit) {
        let at = since(from, death.at);
        if death.exit_code == 0 {
            let expected = format!("`{app}`, if it gives up, exits with a status other than 0");
            return Outcome::broken(expected, format!("it exited with status 0 at {at}"), vec![death.id]);
        }
        let written = lines(window.facts, app, written_from(window)).filter(|line| line.at <= death.at);
        // A stack trace at the end is no reason that what comes before it goes unread, nor is a frame of asterisks.
        let says = |(_, text): &(Line<'_>, String)| text.contains(char::is_alphanumeric);
        let before: Vec<(Line<'_>, String)> = said(written).filter(says).collect();
        let last = &before[before.len().saturating_sub(LAST_WORDS)..];
        if !last.iter().any(|(_, text)| tells(window, service, &names)(text)) {
            let status = death.exit_code;
            let one = last.last().map_or(String::new(), |(line, _)| format!("; the last one: {}", excerpt(line.text, 0)));
            let seen = format!("it exited with status {status} at {at}, and its last lines do not say why{one}");
            let evidence = [death.id].into_iter().chain(last.last().map(|(line, _)| line.id)).collect();
            return Outcome::broken(format!("`{app}`, if it gives up, says why: {}", names.join(", ")), seen, evidence);
        }
        clean.push(death.id);
    }
    if clean.is_empty() {
        return Outcome::NotApplicable(format!("`{app}` did not give up within {}", seconds(limit)));
    }
    Outcome::Held(clean)
}

/// No secret of the stack stands in the log or in a body. They were masked when they were read. Held by the first and the last line, and the
/// bodies, that were searched.
pub(super) fn kept_secrets(window: &Window<'_>) -> Outcome {
    let app = window.app();
    let (log, bodies): (Vec<Line<'_>>, Vec<Line<'_>>) =
        (lines(window.facts, app, Duration::ZERO).collect(), body::kept(window.facts).collect());
    if let Some((id, seen)) = shown_secret(window.facts, app) {
        return Outcome::broken(format!("`{app}` shows no secret"), format!("a secret is in {seen}"), vec![id]);
    }
    let searched: Vec<FactId> =
        log.first().into_iter().chain(log[1.min(log.len())..].last()).chain(&bodies).map(|line| line.id).collect();
    if searched.is_empty() {
        return Outcome::NotApplicable(format!("`{app}` writes and answers nothing"));
    }
    Outcome::Held(searched)
}

/// The first secret that stands in what an app wrote or answered, in words that follow "in".
pub(super) fn shown_secret(facts: &[Observation], app: &str) -> Option<(FactId, String)> {
    let masked = |line: Line<'_>| Some((line.id, excerpt(line.text, line.text.find(MASK)?)));
    let in_log = lines(facts, app, Duration::ZERO).find_map(masked).map(|(id, line)| (id, format!("its log: {line}")));
    let in_body = || body::kept(facts).find_map(masked).map(|(id, body)| (id, format!("an answer's body: {body}")));
    in_log.or_else(in_body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Case, Told, died, held, is_broken, is_held, line};
    use crate::judge::{Anchor, Claim, Limit};
    use crate::model::{Answer, Endpoint};
    use crate::subject::Meant;

    const LIMIT: Duration = Duration::from_secs(10);
    const SECRETS: Claim = Claim::KeepsSecrets(Anchor::Latest);
    const NAMES: Claim = Claim::LogNames { dependency: Meant::Database, within: LIMIT, of: Anchor::Latest };

    fn body(ms: u64, status: u16, text: &str) -> Told {
        let answer = Answer::Status(status);
        (ms, Fact::Probe { endpoint: Endpoint::Liveness, sent: Duration::ZERO, answer, body: Some(text.into()) })
    }

    #[test]
    fn the_code_of_a_stack_trace_is_not_counted() {
        let log = [
            line(1, "Traceback (most recent call last):"),
            line(2, "  File \"/app/asyncpg/connect.py\", line 3, in connect"),
            line(3, "    await database.connect()"),
            line(4, "Application startup failed"),
            line(5, "    at Parser.handlePacket (/app/parser.js:143:27)"),
        ];
        let seen = Case::of(log).over().finding(&NAMES).seen;
        assert_eq!(seen, "none of its 2 lines outside of stack traces does, the last one: Application startup failed");
    }

    #[test]
    fn a_line_that_names_the_dependency_is_found() {
        let said = |text| Case::of([line(5, text)]);
        assert_eq!(said("Database is not available").judge(&NAMES), held([0]));
        assert_eq!(said("starting").judge(&NAMES), Outcome::Pending);
        let finding = said("starting").over().finding(&NAMES);
        assert_eq!(finding.expected, "within 10.0 s the log of `app` names what is missing: db, postgres, database, sql, pool");
        assert_eq!(finding.seen, "none of its 1 lines does, the last one: starting");
        assert_eq!(finding.evidence, [FactId(0)]);
    }

    #[test]
    fn a_line_before_the_window_or_after_the_limit_does_not_count() {
        let at = |ms| Case::of([line(ms, "no database")]).from(1000).over().judge(&NAMES);
        assert!(is_broken(&at(999)) && is_held(&at(1000)) && is_held(&at(11_000)) && is_broken(&at(11_001)));
    }

    #[test]
    fn a_cache_is_named_as_one() {
        let names =
            |service: &str| Claim::LogNames { dependency: Meant::Named(service.into()), within: LIMIT, of: Anchor::Latest };
        assert!(is_held(&Case::of([line(5, "the Cache is gone")]).judge(&names("cache"))));
        assert!(is_held(&Case::of([line(5, "Redis is gone")]).judge(&names("cache"))));
        assert!(is_broken(&Case::of([line(5, "the pool is empty")]).over().judge(&names("cache"))));
        assert!(is_held(&Case::of([line(5, "can't connect")]).judge(&names("search"))));
    }

    #[test]
    fn a_login_that_failed_is_told() {
        let judge = |text| Case::of([line(5, text)]).over().judge(&Claim::TellsOfLogin(Limit::Fixed(LIMIT)));
        assert!(is_held(&judge("FATAL: password authentication failed")) && is_held(&judge("ERROR 28P01")));
        assert!(is_broken(&judge("can't connect")) && is_broken(&judge("loaded /app/authentication.py")));
        let claim = Claim::TellsOfLogin(Limit::Fixed(LIMIT));
        let until = u64::try_from(LIMIT.as_millis()).expect("a number");
        let written = |ms| Case::of([line(5, "can't connect"), line(until + ms, "can't connect")]).judge(&claim);
        assert_eq!(written(1_900), Outcome::Pending, "a line may be on its way");
        assert!(is_broken(&written(2_100)), "it would be here by now");
    }

    #[test]
    fn one_trace_is_forgiven() {
        let trace = "Traceback (most recent call last):";
        let claim = Claim::NoTraces { time: LIMIT, of: Anchor::Latest };
        let one = Case::of([line(1, trace), line(2, "  File")]);
        assert_eq!(one.judge(&claim), Outcome::Pending, "there may be more");
        assert_eq!(one.over().judge(&claim), held([0]));
        let finding = Case::of([line(1, trace), line(2, trace), line(3001, trace)]).over().finding(&claim);
        assert_eq!(
            (finding.seen.as_str(), finding.evidence),
            ("3 stack traces, at +0.0 s to +3.0 s", vec![FactId(0), FactId(2)])
        );
        assert!(is_held(&Case::of([line(1, trace), line(10_001, trace)]).over().judge(&claim)), "after the window");
    }

    #[test]
    fn one_attempt_writes_no_trace_per_attempt() {
        let claim = Claim::NoTraces { time: LIMIT, of: Anchor::Latest };
        let chained = [
            line(100, "Traceback (most recent call last):"),
            line(100, "psycopg2.OperationalError: could not translate host name \"db\" to address"),
            line(100, "The above exception was the direct cause of the following exception:"),
            line(2200, "Traceback (most recent call last):"),
            line(2200, "During handling of the above exception, another exception occurred:"),
            line(2200, "Traceback (most recent call last):"),
        ];
        assert_eq!(Case::of(chained).over().judge(&claim), held([0]), "one exception, however slowly it is written");
        let java =
            ["Exception in thread \"main\" X", "\tat a.B.c(B.java:1)", "Caused by: Y", "\tat d.E.f(E.java:2)", "\t... 12 more"];
        let java = |from| java.iter().map(move |text| line(from, text));
        assert_eq!(Case::of(java(100)).over().judge(&claim), held([0]));
        assert_eq!(Case::of(java(100).chain(java(4000))).over().seen(&claim), "2 stack traces, at +0.1 s to +4.0 s");
        let logged_and_uncaught = [(100, "Traceback (most recent call last):"), (900, "Traceback (most recent call last):")];
        let logged_and_uncaught = logged_and_uncaught.map(|(ms, text)| line(ms, text)).into_iter().chain([died(950, 1)]);
        assert_eq!(Case::of(logged_and_uncaught.clone()).over().judge(&claim), held([0]), "it ends the process");
        let again = logged_and_uncaught.chain([line(1500, "Traceback (most recent call last):")]);
        assert_eq!(Case::of(again.clone()).over().judge(&claim), held([0, 3]), "one in each of its lives");
        let more = again.chain([line(4500, "Traceback (most recent call last):")]);
        assert_eq!(Case::of(more).over().seen(&claim), "4 stack traces, at +0.1 s to +4.5 s", "two in one");
        let hot = (0..900)
            .map(|n| line(n * 10, "    at connect (/app/db.js:1:2)"))
            .flat_map(|one| [one.clone(), line(one.0, "a"), line(one.0, "b"), line(one.0, "c")]);
        assert_eq!(Case::of(hot).over().seen(&claim), "900 stack traces, at +0.0 s to +9.0 s");
    }

    #[test]
    fn what_speaks_of_code_names_no_dependency() {
        let judge = |lines: &[&str]| Case::of(lines.iter().map(|text| line(5, text))).over().judge(&NAMES);
        for lines in [
            &["/opt/venv/kinto/core/storage/postgresql/client.py:96: UserWarning: Reuse existing PostgreSQL connection."][..],
            &["  File \"/app/db.py\", line 3, in connect", "    return pool.connect(db)", "OSError: no route"],
            &["Error: no route", "    at Pool.connect (/app/pool.js:1:2)"],
            &[r#"{"msg":"no route","stack":"Error: no route\n    at Pool.connect (/app/pool.js:1:2)"}"#],
            &["INFO app.db.pool: starting"],
            &["debugging is on"],
        ] {
            assert!(is_broken(&judge(lines)), "{lines:?}");
        }
        assert!(is_held(&judge(&[r#"{"exc":"Traceback\n  File \"/app/x.py\"\n    x()\nOperationalError: \"db\" is unknown"}"#])));
    }

    #[test]
    fn giving_up_is_told_by_the_status_and_the_last_words() {
        let claim = Claim::GivesUpCleanly { dependency: Meant::Database, within: LIMIT, of: Anchor::Latest };
        let code = (0..12).map(|_| line(3, "  File \"/srv/app.py\", line 7, in main"));
        let traced = [line(2, "no connection to db"), line(3, "Traceback (most recent call last):")].into_iter().chain(code);
        let written = traced.chain([line(4, "*********"), died(5, 1)]);
        assert_eq!(Case::of(written).over().judge(&claim), held([15]), "code and asterisks are no words");
        let case = |told: &[Told]| Case::of(told.to_vec()).over();
        let goes_on = |told: &[Told]| assert!(matches!(case(told).judge(&claim), Outcome::NotApplicable(_)), "{told:?}");
        goes_on(&[]);
        assert_eq!(Case::of([]).judge(&claim), Outcome::Pending);
        assert!(is_held(&case(&[line(1, "no database"), died(2, 1)]).judge(&claim)));
        assert_eq!(case(&[line(1, "no database"), died(2, 0)]).seen(&claim), "it exited with status 0 at +0.0 s");
        let mute = case(&[line(1, "bye"), died(2, 1)]).finding(&claim);
        assert_eq!(mute.seen, "it exited with status 1 at +0.0 s, and its last lines do not say why; the last one: bye");
        assert_eq!(mute.evidence, [FactId(1), FactId(0)]);
        goes_on(&[line(1, "bye"), died(10_001, 0)]);
        let long_ago = [line(1, "no database")].into_iter().chain((2..12).map(|ms| line(ms, "bye"))).chain([died(20, 1)]);
        assert!(is_broken(&Case::of(long_ago).over().judge(&claim)), "not among its last words");
    }

    #[test]
    fn a_secret_is_found_in_the_log_and_in_bodies() {
        let seen = |told| Case::of([told]).seen(&SECRETS);
        assert_eq!(seen(line(1, "db is postgres://u:[redacted]@db")), "a secret is in its log: db is postgres://u:[redacted]@db");
        assert_eq!(seen(body(1, 503, "[redacted]")), "a secret is in an answer's body: [redacted]");
        assert_eq!(seen(body(1, 200, "[redacted]")), "a secret is in an answer's body: [redacted]");
        let all = [line(1, "started"), line(2, "serving"), body(3, 503, "down"), line(4, "stopped")];
        assert_eq!(Case::of(all).judge(&SECRETS), held([0, 3, 2]), "what was searched");
        assert_eq!(Case::of([line(1, "started")]).judge(&SECRETS), held([0]));
        let nothing = Outcome::NotApplicable("`app` writes and answers nothing".into());
        assert_eq!(Case::of([line(1, " ")]).judge(&SECRETS), nothing);
    }
}
