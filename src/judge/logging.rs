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
