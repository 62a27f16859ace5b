//! Judging how an app logs.

use std::time::Duration;

use serde_json::{Map, Value};

use super::log::{Line, lines};
use super::stop::no_end;
use super::window::Window;
use super::words::{seconds, since};
use crate::model::{Outcome, excerpt};

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
pub(super) fn wrote(window: &Window<'_>, limit: Duration) -> Outcome {
    let (app, until) = (window.app(), window.from + limit);
    if let Some(line) = lines(window.facts, app, Duration::ZERO).find(|line| line.at <= until) {
        return Outcome::Held(vec![line.id]);
    }
    if !window.over {
        return Outcome::Pending;
    }
    let expected = format!("`{app}` has written to standard output or standard error when it is ready");
    Outcome::broken(expected, format!("nothing, until {}", since(window.from, until)), vec![])
}

/// Every line is a JSON object with a time, a level and a message; of one that was cut that can't be said. Not applicable when there is no line to judge by.
pub(super) fn is_structured(window: &Window<'_>) -> Outcome {
    let app = window.app();
    let all: Vec<Line<'_>> =
        lines(window.facts, app, Duration::ZERO).filter(|line| !line.text.trim().is_empty() && !line.is_cut).collect();
    let lacks = |line: &str| match serde_json::from_str::<Map<String, Value>>(line) {
        Err(_) => Some("is no JSON object"),
        Ok(object) => {
            let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
            let fields = [(&TIMES[..], "has no time"), (&LEVELS[..], "has no level"), (&MESSAGES[..], "has no message")];
            fields.into_iter().find(|(names, _)| !has(names)).map(|(_, lack)| lack)
        }
    };
    let Some(last) = all.last() else { return Outcome::NotApplicable(format!("`{app}` writes nothing")) };
    let wrong: Vec<(&Line<'_>, &str)> = all.iter().filter_map(|line| Some((line, lacks(line.text)?))).collect();
    let Some((line, lack)) = wrong.first() else { return Outcome::Held(vec![last.id]) };
    Outcome::broken(
        format!("every line of `{app}` is one JSON object with time, level and message"),
        format!("{} of {} lines are not; the first one {lack}: {}", wrong.len(), all.len(), excerpt(line.text, 0)),
        vec![line.id],
    )
}

/// The app wrote a line after it was told to stop, other than about a request.
pub(super) fn had_last_words(window: &Window<'_>) -> Outcome {
    let Some(stop) = window.stop() else { return no_end(window) };
    let written: Vec<Line<'_>> = lines(window.facts, stop.app, stop.told).collect();
    if let Some(line) = written.iter().find(|line| !is_about_a_request(line.text)) {
        return Outcome::Held(vec![line.id]);
    }
    let found = if written.is_empty() { "not one" } else { "only lines about requests" };
    Outcome::broken(
        format!("`{}` writes a line about stopping after {}", stop.app, stop.signal),
        format!("{found} in the {} until its end", seconds(stop.died.saturating_sub(stop.told))),
        vec![stop.sent, stop.death],
    )
}

fn is_about_a_request(line: &str) -> bool {
    let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.any(|word| METHODS.contains(&word)) || REQUEST_FIELDS.iter().any(|field| line.contains(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, Told, died, held, ids, is_broken, line, told_to_stop};

    #[test]
    fn lines_of_the_common_loggers_are_structured() {
        for text in [
            r#"{"timestamp": "2026-01-01T00:00:00Z", "level": "info", "event": "started"}"#,
            r#"{"level":30,"time":1795243488915,"pid":7,"hostname":"x","msg":"Server listening"}"#,
            r#"{"time":"2026-01-01T00:00:00Z","level":"INFO","msg":"started"}"#,
            r#"{"@timestamp":"2026-01-01T00:00:00Z","@version":"1","message":"started","level":"INFO"}"#,
            r#"{"timestamp":"2026-01-01T00:00:00Z","level":"INFO","fields":{"message":"started"},"target":"app"}"#,
            r#"{"level":"info","ts":1700000000.1,"caller":"main.go:1","msg":"started"}"#,
        ] {
            assert_eq!(Case::of([line(1, text)]).judge(&Claim::Structured), held([0]), "{text}");
        }
        for nothing in [Case::of([]), Case::of([line(1, " ")])] {
            assert_eq!(nothing.judge(&Claim::Structured), Outcome::NotApplicable("`app` writes nothing".into()));
        }
    }

    #[test]
    fn one_plain_line_is_enough() {
        for (text, lack) in [
            ("INFO started", "is no JSON object"),
            ("[1, 2]", "is no JSON object"),
            (r#"{"level": "info", "msg": "x"}"#, "has no time"),
            (r#"{"time": 1, "msg": "x"}"#, "has no level"),
            (r#"{"time": 1, "level": "info"}"#, "has no message"),
        ] {
            let good = line(1, r#"{"time": 1, "level": "info", "msg": "x"}"#);
            let finding = Case::of([good, line(2, text)]).finding(&Claim::Structured);
            assert_eq!(finding.seen, format!("1 of 2 lines are not; the first one {lack}: {text}"));
            assert_eq!(finding.evidence, ids([1]));
        }
    }

    #[test]
    fn words_after_the_signal_are_last_words() {
        let stopped = |told: &[Told]| Case::of(told.iter().cloned().chain([told_to_stop(1000), died(2000, 0)]));
        let mute = stopped(&[line(500, "started")]).finding(&Claim::LastWords);
        assert_eq!((mute.seen.as_str(), mute.evidence), ("not one in the 1.0 s until its end", ids([1, 2])));
        assert_eq!(stopped(&[line(500, "started"), line(1500, "stopping")]).judge(&Claim::LastWords), held([1]));
        for text in [
            r#"172.18.0.1 - - [21/Nov/2026:20:20:58 +0000] "GET /health HTTP/1.1" 200 15"#,
            r#"{"level":30,"reqId":"req-9","res":{"statusCode":200},"responseTime":0.4,"msg":"request completed"}"#,
        ] {
            let seen = stopped(&[line(1500, text)]).seen(&Claim::LastWords);
            assert_eq!(seen, "only lines about requests in the 1.0 s until its end", "{text}");
        }
        assert!(matches!(Case::of([line(1500, "x")]).over().judge(&Claim::LastWords), Outcome::Undecided(_)));
    }

    #[test]
    fn whoever_writes_nothing_is_waited_for() {
        assert_eq!(Case::of([line(10, "started")]).from(60_000).judge(&Claim::Wrote), held([0]), "also before it was ready");
        assert_eq!(Case::of([]).judge(&Claim::Wrote), Outcome::Pending);
        assert_eq!(Case::of([]).over().seen(&Claim::Wrote), "nothing, until +5.0 s");
        assert!(is_broken(&Case::of([line(5001, "started")]).over().judge(&Claim::Wrote)));
    }
}
