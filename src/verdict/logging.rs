//! Judging how an app logs.

use std::time::Duration;

use serde_json::{Map, Value};

use super::log::lines;
use super::words::seconds;
use super::{Finding, since};
use crate::timeline::{Observation, Ruling, excerpt, is_cut};

/// The names that common loggers give to the time (structlog, pino, slog, logback, tracing, zap, bunyan, the ECS fields).
const TIMES: [&str; 7] = ["time", "timestamp", "@timestamp", "ts", "datetime", "date", "t"];
/// Likewise to the level.
const LEVELS: [&str; 7] = ["level", "severity", "log.level", "levelname", "lvl", "loglevel", "priority"];
/// Likewise to the message.
const MESSAGES: [&str; 5] = ["message", "msg", "event", "body", "fields"];

/// What a line about a request holds: the probes ask while the app is told to stop, and what they are answered says nothing about that.
const METHODS: [&str; 3] = ["GET", "HEAD", "POST"];
const REQUEST_FIELDS: [&str; 4] = ["HTTP/1", "\"reqId\"", "\"responseTime\"", "\"statusCode\""];

/// The app writes something within the limit.
#[must_use]
pub fn wrote(app: &str, (from, limit): (Duration, Duration), observations: &[Observation], over: bool) -> Ruling<(), Finding> {
    if lines(observations, app, Duration::ZERO).next().is_some() {
        return Ruling::Holds(());
    }
    if !over {
        return Ruling::Open;
    }
    Ruling::Broken(Finding {
        expected: format!("`{app}` has written to standard output or standard error when it is ready"),
        seen: format!("nothing, until {}", since(from, from + limit)),
    })
}

/// Every line is a JSON object with a time, a level and a message; of one that was cut that can't be said. Nothing when there is no
/// line to judge by.
#[must_use]
pub fn is_structured(app: &str, observations: &[Observation]) -> Option<Result<(), Finding>> {
    let all: Vec<&str> = lines(observations, app, Duration::ZERO)
        .map(|(_, line)| line)
        .filter(|line| !line.trim().is_empty() && !is_cut(line))
        .collect();
    let lacks = |line: &str| match serde_json::from_str::<Map<String, Value>>(line) {
        Err(_) => Some("is no JSON object"),
        Ok(object) => {
            let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
            let fields = [(&TIMES[..], "has no time"), (&LEVELS[..], "has no level"), (&MESSAGES[..], "has no message")];
            fields.into_iter().find(|(names, _)| !has(names)).map(|(_, lack)| lack)
        }
    };
    if all.is_empty() {
        return None;
    }
    let wrong: Vec<(&str, &str)> = all.iter().filter_map(|line| Some((*line, lacks(line)?))).collect();
    let Some((line, lack)) = wrong.first() else { return Some(Ok(())) };
    Some(Err(Finding {
        expected: format!("every line of `{app}` is one JSON object with time, level and message"),
        seen: format!("{} of {} lines are not; the first one {lack}: {}", wrong.len(), all.len(), excerpt(line, 0)),
    }))
}

/// The app wrote a line after it was told to stop, other than about a request.
pub fn had_last_words(app: &str, told: (&str, Duration), ended: Duration, observations: &[Observation]) -> Result<(), Finding> {
    let (signal, sent) = told;
    let written: Vec<&str> = lines(observations, app, sent).map(|(_, line)| line).collect();
    if written.iter().any(|line| !is_about_a_request(line)) {
        return Ok(());
    }
    let found = if written.is_empty() { "not one" } else { "only lines about requests" };
    Err(Finding {
        expected: format!("`{app}` writes a line about stopping after {signal}"),
        seen: format!("{found} in the {} until its end", seconds(ended.saturating_sub(sent))),
    })
}

fn is_about_a_request(line: &str) -> bool {
    let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.any(|word| METHODS.contains(&word)) || REQUEST_FIELDS.iter().any(|field| line.contains(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Fact, LogStream};

    fn said(lines: &[(u64, &str)]) -> Vec<Observation> {
        let line = |&(ms, line): &(u64, &str)| Observation {
            at: Duration::from_millis(ms),
            fact: Fact::Log { service: "app".into(), stream: LogStream::Stdout, line: line.into() },
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn lines_of_the_common_loggers_are_structured() {
        for line in [
            r#"{"timestamp": "2026-01-01T00:00:00Z", "level": "info", "event": "started"}"#,
            r#"{"level":30,"time":1795243488915,"pid":7,"hostname":"x","msg":"Server listening"}"#,
            r#"{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"started"}"#,
            r#"{"@timestamp":"2026-01-01T00:00:00Z","@version":"1","message":"started","level":"INFO"}"#,
            r#"{"timestamp":"2026-01-01T00:00:00Z","level":"INFO","fields":{"message":"started"},"target":"app"}"#,
            r#"{"level":"info","ts":1700000000.1,"caller":"main.go:1","msg":"started"}"#,
        ] {
            assert_eq!(is_structured("app", &said(&[(1, line)])), Some(Ok(())), "{line}");
        }
        assert_eq!(is_structured("app", &[]), None);
        assert_eq!(is_structured("app", &said(&[(1, r#"{"msg": "very … (70000 bytes more)"#)])), None);
    }

    #[test]
    fn one_plain_line_is_enough() {
        for (line, lack) in [
            ("INFO started", "is no JSON object"),
            ("[1, 2]", "is no JSON object"),
            (r#"{"level": "info", "msg": "x"}"#, "has no time"),
            (r#"{"time": 1, "msg": "x"}"#, "has no level"),
            (r#"{"time": 1, "level": "info"}"#, "has no message"),
        ] {
            let lines = said(&[(1, r#"{"time": 1, "level": "info", "msg": "x"}"#), (2, line)]);
            let Some(Err(finding)) = is_structured("app", &lines) else { panic!("{line}") };
            assert!(finding.seen.starts_with("1 of 2 lines are not") && finding.seen.contains(lack), "{}", finding.seen);
        }
    }

    #[test]
    fn words_after_the_signal_are_last_words() {
        let (told, ended) = (("SIGTERM", Duration::from_secs(1)), Duration::from_secs(2));
        assert!(had_last_words("app", told, ended, &said(&[(500, "started")])).is_err());
        assert!(had_last_words("app", told, ended, &said(&[(500, "started"), (1500, "stopping")])).is_ok());
        for line in [
            r#"172.18.0.1 - - [21/Nov/2026:20:20:58 +0000] "GET /health HTTP/1.1" 200 15"#,
            r#"{"level":30,"reqId":"req-9","res":{"statusCode":200},"responseTime":0.4,"msg":"request completed"}"#,
        ] {
            assert!(had_last_words("app", told, ended, &said(&[(1500, line)])).is_err(), "{line}");
        }
    }
}
