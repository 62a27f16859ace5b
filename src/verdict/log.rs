//! Judging what an app writes: in its log, and in the bodies of its answers.

use std::time::Duration;

use super::words::{deaths, seconds};
use super::{Finding, since};
use crate::redact::MASK;
use crate::timeline::{Answer, Endpoint, Fact, Flood, Observation, Ruling, excerpt};

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

/// The lines that a service wrote from a moment on.
pub(super) fn lines<'a>(
    observations: &'a [Observation],
    service: &str,
    from: Duration,
) -> impl DoubleEndedIterator<Item = (Duration, &'a str)> {
    observations.iter().filter_map(move |observation| match &observation.fact {
        Fact::Log { service: name, line, .. } if name == service && observation.at >= from => {
            Some((observation.at, line.as_str()))
        }
        _ => None,
    })
}

/// Whether lines that a service wrote from a moment on are not on the timeline.
fn was_thinned(observations: &[Observation], service: &str, from: Duration) -> bool {
    observations.iter().any(|observation| match &observation.fact {
        Fact::Thinned { of: Flood::Log { service: name }, until, .. } => name == service && *until >= from,
        _ => false,
    })
}

/// Names by which a log may speak of a dependency: its service, and what it is.
#[must_use]
pub fn names_of(service: &str, kind: &str) -> Vec<String> {
    let mut names = vec![service.to_lowercase(), kind.to_owned()];
    if ["postgres", "mysql"].contains(&kind) {
        names.extend(["database", "sql", "pool"].map(str::to_owned));
    }
    if kind == "redis" {
        names.push("cache".into());
    }
    names
}

/// Some line of the log names the dependency.
#[must_use]
pub fn named(
    app: &str,
    names: &[String],
    from: Duration,
    limit: Duration,
    observations: &[Observation],
    over: bool,
) -> Ruling<(), Finding> {
    let names_it = |line: &str| names.iter().any(|name| line.to_lowercase().contains(name.as_str()));
    if lines(observations, app, from).any(|(_, line)| names_it(line)) {
        return Ruling::Holds(());
    }
    // A line that was left out may have named it.
    if !over || was_thinned(observations, app, from) {
        return Ruling::Open;
    }
    let written = lines(observations, app, from).count();
    let last = lines(observations, app, from)
        .next_back()
        .map_or(String::new(), |(_, line)| format!(", the last one: {}", excerpt(line, 0)));
    Ruling::Broken(Finding {
        expected: format!("within {} `{app}` logs what it misses: {}", seconds(limit), names.join(", ")),
        seen: format!("none of its {written} lines does{last}"),
    })
}

/// The log holds at most one stack trace from a moment on.
pub fn no_trace_per_attempt(app: &str, from: Duration, observations: &[Observation]) -> Result<(), Finding> {
    let traces: Vec<(Duration, &str)> = lines(observations, app, from).filter(|(_, line)| begins_trace(line)).collect();
    if traces.len() < 2 {
        return Ok(());
    }
    let (first, last) = (traces[0].0, traces[traces.len() - 1].0);
    Err(Finding {
        expected: format!("`{app}` says in a line that its dependency is missing"),
        seen: format!("{} stack traces, at {} to {}", traces.len(), since(from, first), since(from, last)),
    })
}

fn begins_trace(line: &str) -> bool {
    TRACES.iter().any(|trace| line.contains(trace.trim_start_matches('\n')))
}

/// An app that gave up said so: it exited with a status other than 0, and its last words name what it missed.
pub fn gave_up_cleanly(app: &str, names: &[String], from: Duration, observations: &[Observation]) -> Result<(), Finding> {
    for (at, exit_code) in deaths(observations, app, from) {
        if exit_code == 0 {
            return Err(Finding {
                expected: format!("`{app}`, if it gives up, exits with a status other than 0"),
                seen: format!("it exited with status 0 at {}", since(from, at)),
            });
        }
        let before: Vec<&str> =
            lines(observations, app, from).filter(|(written, _)| *written <= at).map(|(_, line)| line).collect();
        let last = &before[before.len().saturating_sub(LAST_WORDS)..];
        if !last.iter().any(|line| names.iter().any(|name| line.to_lowercase().contains(name.as_str()))) {
            return Err(Finding {
                expected: format!("`{app}`, if it gives up, says why: {}", names.join(", ")),
                seen: format!(
                    "it exited with status {exit_code} at {}, and its last lines do not say why{}",
                    since(from, at),
                    last.last().map_or(String::new(), |line| format!("; the last one: {}", excerpt(line, 0)))
                ),
            });
        }
    }
    Ok(())
}

/// Some line of the log says that the login failed.
#[must_use]
pub fn told_of_login(
    app: &str,
    from: Duration,
    limit: Duration,
    observations: &[Observation],
    over: bool,
) -> Ruling<(), Finding> {
    let words: Vec<String> = LOGIN.map(str::to_owned).into();
    match named(app, &words, from, limit, observations, over) {
        Ruling::Broken(Finding { seen, .. }) => Ruling::Broken(Finding {
            expected: format!("within {} `{app}` logs that its login failed ({})", seconds(limit), words.join(", ")),
            seen,
        }),
        other => other,
    }
}

/// No secret of the stack stands in the log or in a body. They were masked when they were read.
pub fn kept_secrets(app: &str, observations: &[Observation]) -> Result<(), Finding> {
    let masked = |(_, text): (Duration, &str)| Some(excerpt(text, text.find(MASK)?));
    let in_log = lines(observations, app, Duration::ZERO).find_map(masked).map(|line| format!("its log: {line}"));
    let in_body = bodies(observations).find_map(masked).map(|body| format!("an answer's body: {body}"));
    match in_log.or(in_body) {
        None => Ok(()),
        Some(seen) => Err(Finding { expected: format!("`{app}` shows no secret"), seen: format!("one stands in {seen}") }),
    }
}

/// The bodies of answers other than 2xx show no secret, no connection string and no stack trace.
pub fn was_discreet(app: &str, from: Duration, observations: &[Observation]) -> Result<(), Finding> {
    for (_, body) in bodies(observations).filter(|(at, _)| *at >= from) {
        let lower = body.to_lowercase();
        let first = |text: &str, words: &[&str]| words.iter().find_map(|words| text.find(words));
        let secret = || Some(("a secret", body.find(MASK)?));
        let connection = || Some(("a connection string", first(&lower, &CONNECTIONS)?));
        let trace = || Some(("a stack trace", first(body, &TRACES).or_else(|| first(&lower, &["file \"/", "file \\\"/"]))?));
        if let Some((shown, place)) = secret().or_else(connection).or_else(trace) {
            let expected = format!("`{app}` answers 503 without showing how it is built");
            return Err(Finding { expected, seen: format!("the body shows {shown}: {}", excerpt(body, place)) });
        }
    }
    Ok(())
}

/// Some body of an answer other than 2xx names the dependency.
pub fn body_named(app: &str, names: &[String], from: Duration, observations: &[Observation]) -> Result<(), Finding> {
    let found: Vec<&str> = bodies(observations).filter(|(at, _)| *at >= from).map(|(_, body)| body).collect();
    if found.iter().any(|body| names.iter().any(|name| body.to_lowercase().contains(name.as_str()))) {
        return Ok(());
    }
    let seen = found.last().map_or("there is no body".to_owned(), |body| format!("the body is {}", excerpt(body, 0)));
    Err(Finding { expected: format!("the body of `{app}`'s 503 names what is missing: {}", names.join(", ")), seen })
}

/// The bodies of readiness answers other than 2xx, as far as they were kept.
fn bodies(observations: &[Observation]) -> impl Iterator<Item = (Duration, &str)> {
    observations.iter().filter_map(|observation| match &observation.fact {
        Fact::Probe { endpoint: Endpoint::Readiness, answer: Answer::Status(status), body: Some(body), .. } if *status >= 300 => {
            Some((observation.at, body.as_str()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{ContainerChange, LogStream};

    fn line(ms: u64, text: &str) -> Observation {
        let fact = Fact::Log { service: "app".into(), stream: LogStream::Stdout, line: text.into() };
        Observation { at: Duration::from_millis(ms), fact }
    }

    fn body(text: &str) -> Observation {
        let answer = Answer::Status(503);
        let fact = Fact::Probe { endpoint: Endpoint::Readiness, sent: Duration::ZERO, answer, body: Some(text.into()) };
        Observation { at: Duration::from_millis(1), fact }
    }

    fn died(ms: u64, exit_code: i64) -> Observation {
        let change = ContainerChange::Died { exit_code, oom_killed: false };
        Observation { at: Duration::from_millis(ms), fact: Fact::Container { service: "app".into(), change } }
    }

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn a_line_that_names_the_dependency_is_found() {
        let names = names_of("db", "postgres");
        let judge = |text, over| named("app", &names, Duration::ZERO, LIMIT, &[line(5, text)], over);
        assert_eq!(judge("Database is not available", false), Ruling::Holds(()));
        assert_eq!(judge("starting", false), Ruling::Open);
        assert!(matches!(judge("starting", true), Ruling::Broken(_)));
    }

    #[test]
    fn what_was_left_out_proves_nothing() {
        let until = Duration::from_millis(50);
        let fact = Fact::Thinned { of: Flood::Log { service: "app".into() }, until, count: 9, bytes: 99, unread: false };
        let observations = [line(5, "starting"), Observation { at: Duration::from_millis(6), fact }, line(60, "flood")];
        let judge = |from| named("app", &names_of("db", "postgres"), from, LIMIT, &observations, true);
        assert_eq!(judge(Duration::ZERO), Ruling::Open);
        assert!(matches!(judge(until * 2), Ruling::Broken(_)), "what was left out is older");
    }

    #[test]
    fn one_trace_is_forgiven() {
        let trace = "Traceback (most recent call last):";
        assert!(no_trace_per_attempt("app", Duration::ZERO, &[line(1, trace), line(2, "  File")]).is_ok());
        assert!(no_trace_per_attempt("app", Duration::ZERO, &[line(1, trace), line(2, trace)]).is_err());
    }

    #[test]
    fn giving_up_is_told_by_the_status_and_the_last_words() {
        let names = names_of("db", "postgres");
        let judge = |observations: &[Observation]| gave_up_cleanly("app", &names, Duration::ZERO, observations);
        assert!(judge(&[]).is_ok());
        assert!(judge(&[line(1, "no database"), died(2, 1)]).is_ok());
        assert!(judge(&[line(1, "no database"), died(2, 0)]).is_err());
        assert!(judge(&[line(1, "bye"), died(2, 1)]).is_err());
    }

    #[test]
    fn bodies_are_searched() {
        let judge = |text| was_discreet("app", Duration::ZERO, &[body(text)]).is_ok();
        assert!(judge(r#"{"status":"degraded","checks":{"database":"unavailable"}}"#));
        for text in ["postgres://u@db/app", "[redacted]", "Traceback (most recent call last)", "host=db password=x"] {
            assert!(!judge(text), "{text}");
        }
        assert!(body_named("app", &names_of("db", "postgres"), Duration::ZERO, &[body("database: down")]).is_ok());
        assert!(body_named("app", &names_of("db", "postgres"), Duration::ZERO, &[body("unavailable")]).is_err());
    }
}
