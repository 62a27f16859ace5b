//! Judging what an app writes: in its log, and in the bodies of its answers.

use std::time::Duration;

use super::window::Window;
use super::words::{deaths, seconds, since};
use crate::model::{Answer, Endpoint, Fact, FactId, Flood, Observation, Outcome, excerpt};
use crate::redact::MASK;
use crate::subject::Kind;

/// How stack traces begin, in the languages that servers are written in.
const TRACES: [&str; 7] = [
    "Traceback (most recent call last)",
    "goroutine 1 [",
    "stack backtrace:",
    "\n    at ",
    "\\n    at ",
    "\tat ",
    "Exception in thread",
];
/// What a connection string looks like.
const CONNECTIONS: [&str; 8] =
    ["postgres://", "postgresql://", "redis://", "mysql://", "amqp://", "mongodb://", "password=", "jdbc:"];
/// Words by which a failed login is told.
const LOGIN: [&str; 6] = ["password", "authenticat", "credential", "access denied", "login", "28p01"];
/// How many of a log's last lines count as last words.
const LAST_WORDS: usize = 10;

/// A line that a service wrote.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) id: FactId,
    pub(super) at: Duration,
    pub(super) text: &'a str,
    /// Whether it was cut, so that its form proves nothing.
    pub(super) is_cut: bool,
}

/// The lines that a service wrote from a moment on.
pub(super) fn lines<'a>(facts: &'a [Observation], service: &'a str, from: Duration) -> impl DoubleEndedIterator<Item = Line<'a>> {
    facts.iter().filter_map(move |one| match &one.fact {
        Fact::Log { service: name, line, is_cut, .. } if name == service && one.at >= from => {
            Some(Line { id: one.id, at: one.at, text: line.as_str(), is_cut: *is_cut })
        }
        _ => None,
    })
}

/// Whether lines that a service wrote from a moment on are not on the timeline.
fn was_thinned(window: &Window<'_>) -> bool {
    window.facts.iter().any(|one| match &one.fact {
        Fact::Thinned { of: Flood::Log { service }, until, .. } => service == window.app() && *until >= window.from,
        _ => false,
    })
}

/// Names by which a log may speak of a dependency: its service, and what it is.
fn names_of(window: &Window<'_>, service: &str) -> Vec<String> {
    let kind = match window.contract.dependency(service).map(|dependency| &dependency.kind) {
        Some(Kind::Postgres { .. }) => "postgres",
        Some(Kind::Mysql { .. }) => "mysql",
        Some(Kind::Redis { .. }) => "redis",
        Some(Kind::Rabbitmq { .. }) => "rabbit",
        _ => "connect",
    };
    let mut names = vec![service.to_lowercase(), kind.to_owned()];
    if ["postgres", "mysql"].contains(&kind) {
        names.extend(["database", "sql", "pool"].map(str::to_owned));
    }
    if kind == "redis" {
        names.push("cache".into());
    }
    names
}

fn speaks_of(text: &str, names: &[impl AsRef<str>]) -> bool {
    let text = text.to_lowercase();
    names.iter().any(|name| text.contains(name.as_ref()))
}

/// Some line of the log names the dependency.
pub(super) fn names_dependency(window: &Window<'_>, service: &str, limit: Duration) -> Outcome {
    let names = names_of(window, service);
    let expected = format!("within {} `{}` logs what it misses: {}", seconds(limit), window.app(), names.join(", "));
    some_line_says(window, &names, limit, expected)
}

/// Some line of the log says that the login failed.
pub(super) fn told_of_login(window: &Window<'_>, limit: Duration) -> Outcome {
    let expected = format!("within {} `{}` logs that its login failed ({})", seconds(limit), window.app(), LOGIN.join(", "));
    some_line_says(window, &LOGIN, limit, expected)
}

fn some_line_says(window: &Window<'_>, words: &[impl AsRef<str>], limit: Duration, expected: String) -> Outcome {
    let written: Vec<Line<'_>> =
        lines(window.facts, window.app(), window.from).filter(|line| line.at <= window.from + limit).collect();
    if let Some(line) = written.iter().find(|line| speaks_of(line.text, words)) {
        return Outcome::Held(vec![line.id]);
    }
    if !window.over {
        return Outcome::Pending;
    }
    if was_thinned(window) {
        return Outcome::Undecided("the log is too long: a line that was left out may have said it".into());
    }
    let last = written.last().map_or(String::new(), |line| format!(", the last one: {}", excerpt(line.text, 0)));
    let seen = format!("none of its {} lines does{last}", written.len());
    Outcome::broken(expected, seen, written.last().map(|line| line.id).into_iter().collect())
}

/// The log holds at most one stack trace in a while.
pub(super) fn no_trace_per_attempt(window: &Window<'_>, time: Duration) -> Outcome {
    if !window.over {
        return Outcome::Pending;
    }
    let app = window.app();
    let within = lines(window.facts, app, window.from).filter(|line| line.at <= window.from + time);
    let traces: Vec<Line<'_>> = within.filter(|line| begins_trace(line.text)).collect();
    let [first, .., last] = &traces[..] else { return Outcome::Held(vec![]) };
    let (first, last) = (since(window.from, first.at), since(window.from, last.at));
    Outcome::broken(
        format!("`{app}` says in a line that its dependency is missing"),
        format!("{} stack traces, at {first} to {last}", traces.len()),
        traces.iter().map(|line| line.id).collect(),
    )
}

fn begins_trace(line: &str) -> bool {
    TRACES.iter().any(|trace| line.contains(trace.trim_start_matches('\n')))
}

/// An app that gave up said so: it exited with a status other than 0, and its last words name what it missed.
pub(super) fn gave_up_cleanly(window: &Window<'_>, service: &str, limit: Duration) -> Outcome {
    if !window.over {
        return Outcome::Pending;
    }
    let (app, from, names) = (window.app(), window.from, names_of(window, service));
    for death in deaths(window.facts, app, from).filter(|death| death.at <= from + limit) {
        let at = since(from, death.at);
        if death.exit_code == 0 {
            let expected = format!("`{app}`, if it gives up, exits with a status other than 0");
            return Outcome::broken(expected, format!("it exited with status 0 at {at}"), vec![death.id]);
        }
        let before: Vec<Line<'_>> = lines(window.facts, app, from).filter(|line| line.at <= death.at).collect();
        let last = &before[before.len().saturating_sub(LAST_WORDS)..];
        if !last.iter().any(|line| speaks_of(line.text, &names)) {
            let status = death.exit_code;
            let one = last.last().map_or(String::new(), |line| format!("; the last one: {}", excerpt(line.text, 0)));
            let seen = format!("it exited with status {status} at {at}, and its last lines do not say why{one}");
            let evidence = [death.id].into_iter().chain(last.last().map(|line| line.id)).collect();
            return Outcome::broken(format!("`{app}`, if it gives up, says why: {}", names.join(", ")), seen, evidence);
        }
    }
    Outcome::Held(vec![])
}

/// No secret of the stack stands in the log or in a body. They were masked when they were read.
pub(super) fn kept_secrets(window: &Window<'_>) -> Outcome {
    let app = window.app();
    let masked = |line: Line<'_>| Some((line.id, excerpt(line.text, line.text.find(MASK)?)));
    let in_log = lines(window.facts, app, Duration::ZERO).find_map(masked).map(|(id, line)| (id, format!("its log: {line}")));
    let in_body = || bodies(window.facts).find_map(masked).map(|(id, body)| (id, format!("an answer's body: {body}")));
    match in_log.or_else(in_body) {
        None => Outcome::Held(vec![]),
        Some((id, seen)) => Outcome::broken(format!("`{app}` shows no secret"), format!("one stands in {seen}"), vec![id]),
    }
}

/// The bodies of answers other than 2xx show no secret, no connection string and no stack trace.
pub(super) fn was_discreet(window: &Window<'_>) -> Outcome {
    let mut evidence = vec![];
    for Line { id, text: body, .. } in bodies(window.facts).filter(|body| body.at >= window.started()) {
        let lower = body.to_lowercase();
        let first = |text: &str, words: &[&str]| words.iter().find_map(|words| text.find(words));
        let secret = || Some(("a secret", body.find(MASK)?));
        let connection = || Some(("a connection string", first(&lower, &CONNECTIONS)?));
        let trace = || Some(("a stack trace", first(body, &TRACES).or_else(|| first(&lower, &["file \"/", "file \\\"/"]))?));
        if let Some((shown, place)) = secret().or_else(connection).or_else(trace) {
            let expected = format!("`{}` answers 503 without showing how it is built", window.app());
            return Outcome::broken(expected, format!("the body shows {shown}: {}", excerpt(body, place)), vec![id]);
        }
        evidence.push(id);
    }
    Outcome::Held(evidence)
}

/// Some body of an answer other than 2xx names the dependency.
pub(super) fn body_named(window: &Window<'_>, service: &str) -> Outcome {
    let names = names_of(window, service);
    let found: Vec<Line<'_>> = bodies(window.facts).filter(|body| body.at >= window.started()).collect();
    if let Some(body) = found.iter().find(|body| speaks_of(body.text, &names)) {
        return Outcome::Held(vec![body.id]);
    }
    let seen = found.last().map_or("there is no body".to_owned(), |body| format!("the body is {}", excerpt(body.text, 0)));
    let evidence = found.last().map(|body| body.id).into_iter().collect();
    let expected = format!("the body of `{}`'s 503 names what is missing: {}", window.app(), names.join(", "));
    Outcome::broken(expected, seen, evidence)
}

/// The bodies of readiness answers other than 2xx, as far as they were kept.
fn bodies(facts: &[Observation]) -> impl Iterator<Item = Line<'_>> {
    facts.iter().filter_map(|one| match &one.fact {
        Fact::Probe { endpoint: Endpoint::Readiness, answer: Answer::Status(status), body: Some(body), .. } if *status >= 300 => {
            Some(Line { id: one.id, at: one.at, text: body.as_str(), is_cut: false })
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, Told, died, held, is_broken, is_held, line, mark};
    use crate::model::Mark;
    use crate::subject::Meant;

    const LIMIT: Duration = Duration::from_secs(10);
    const NAMES: Claim = Claim::LogNames { dependency: Meant::Database, within: LIMIT };

    fn body(ms: u64, text: &str) -> Told {
        let answer = Answer::Status(503);
        (ms, Fact::Probe { endpoint: Endpoint::Readiness, sent: Duration::ZERO, answer, body: Some(text.into()) })
    }

    #[test]
    fn a_line_that_names_the_dependency_is_found() {
        let said = |text| Case::of([line(5, text)]);
        assert_eq!(said("Database is not available").judge(&NAMES), held([0]));
        assert_eq!(said("starting").judge(&NAMES), Outcome::Pending);
        let finding = said("starting").over().finding(&NAMES);
        assert_eq!(finding.expected, "within 10.0 s `app` logs what it misses: db, postgres, database, sql, pool");
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
        let names = |service: &str| Claim::LogNames { dependency: Meant::Named(service.into()), within: LIMIT };
        assert!(is_held(&Case::of([line(5, "the Cache is gone")]).judge(&names("cache"))));
        assert!(is_held(&Case::of([line(5, "Redis is gone")]).judge(&names("cache"))));
        assert!(is_broken(&Case::of([line(5, "the pool is empty")]).over().judge(&names("cache"))));
        assert!(is_held(&Case::of([line(5, "can't connect")]).judge(&names("search"))));
    }

    #[test]
    fn a_login_that_failed_is_told() {
        let judge = |text| Case::of([line(5, text)]).over().judge(&Claim::TellsOfLogin(LIMIT));
        assert!(is_held(&judge("FATAL: password authentication failed")) && is_held(&judge("ERROR 28P01")));
        assert!(is_broken(&judge("can't connect")));
    }

    #[test]
    fn one_trace_is_forgiven() {
        let trace = "Traceback (most recent call last):";
        let claim = Claim::NoTraces(LIMIT);
        let one = Case::of([line(1, trace), line(2, "  File")]);
        assert_eq!(one.judge(&claim), Outcome::Pending, "there may be more");
        assert!(is_held(&one.over().judge(&claim)));
        let finding = Case::of([line(1, trace), line(2, trace)]).over().finding(&claim);
        assert_eq!(
            (finding.seen.as_str(), finding.evidence),
            ("2 stack traces, at +0.0 s to +0.0 s", vec![FactId(0), FactId(1)])
        );
        assert!(is_held(&Case::of([line(1, trace), line(10_001, trace)]).over().judge(&claim)), "after the window");
    }

    #[test]
    fn giving_up_is_told_by_the_status_and_the_last_words() {
        let claim = Claim::GivesUpCleanly { dependency: Meant::Database, within: LIMIT };
        let case = |told: &[Told]| Case::of(told.to_vec()).over();
        assert_eq!(case(&[]).judge(&claim), held([]));
        assert_eq!(Case::of([]).judge(&claim), Outcome::Pending);
        assert!(is_held(&case(&[line(1, "no database"), died(2, 1)]).judge(&claim)));
        assert_eq!(case(&[line(1, "no database"), died(2, 0)]).seen(&claim), "it exited with status 0 at +0.0 s");
        let mute = case(&[line(1, "bye"), died(2, 1)]).finding(&claim);
        assert_eq!(mute.seen, "it exited with status 1 at +0.0 s, and its last lines do not say why; the last one: bye");
        assert_eq!(mute.evidence, [FactId(1), FactId(0)]);
        assert!(is_held(&case(&[line(1, "bye"), died(10_001, 0)]).judge(&claim)), "after the limit");
        let long_ago = [line(1, "no database")].into_iter().chain((2..12).map(|ms| line(ms, "bye"))).chain([died(20, 1)]);
        assert!(is_broken(&Case::of(long_ago).over().judge(&claim)), "not among its last words");
    }

    #[test]
    fn bodies_are_searched() {
        let judge = |text| Case::of([body(1, text)]).judge(&Claim::Discreet);
        assert_eq!(judge(r#"{"status":"degraded","checks":{"database":"unavailable"}}"#), held([0]));
        for text in ["postgres://u@db/app", "[redacted]", "Traceback (most recent call last)", "host=db password=x"] {
            assert!(is_broken(&judge(text)), "{text}");
        }
        let named = Claim::BodyNames(Meant::Database);
        assert_eq!(Case::of([body(1, "database: down")]).judge(&named), held([0]));
        assert_eq!(Case::of([body(1, "unavailable")]).seen(&named), "the body is unavailable");
        assert_eq!(Case::of([]).seen(&named), "there is no body");
    }

    #[test]
    fn bodies_from_before_the_start_of_the_app_do_not_count() {
        let restarted = |text| Case::of([body(1, text), mark(5, Mark::AppStarted { again: true })]).from(10);
        assert_eq!(restarted("postgres://u@db/app").judge(&Claim::Discreet), held([]));
        assert!(is_broken(&restarted("database: down").judge(&Claim::BodyNames(Meant::Database))));
    }

    #[test]
    fn a_secret_is_found_in_the_log_and_in_bodies() {
        let seen = |told| Case::of([told]).seen(&Claim::KeepsSecrets);
        assert_eq!(seen(line(1, "db is postgres://u:[redacted]@db")), "one stands in its log: db is postgres://u:[redacted]@db");
        assert_eq!(seen(body(1, "[redacted]")), "one stands in an answer's body: [redacted]");
        assert!(is_held(&Case::of([line(1, "started"), body(2, "down")]).judge(&Claim::KeepsSecrets)));
    }
}
