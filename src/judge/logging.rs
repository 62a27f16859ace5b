//! Judging how an app logs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use super::log::{Line, lines};
use super::stop::no_end;
use super::window::Window;
use super::words::seconds;
use crate::model::{Fact, Finding, Observation, Outcome, beginning, shape};

/// The names that common loggers give to the time (structlog, pino, slog, logback, tracing, zap, bunyan, the ECS fields).
const TIMES: [&str; 7] = ["time", "timestamp", "@timestamp", "ts", "datetime", "date", "t"];
/// Likewise to the level.
const LEVELS: [&str; 7] = ["level", "severity", "log.level", "levelname", "lvl", "loglevel", "priority"];
/// Likewise to the message.
const MESSAGES: [&str; 5] = ["message", "msg", "event", "body", "fields"];

/// What a line about a request holds: the probes ask while the app is told to stop, and what they are answered says nothing about that.
const METHODS: [&str; 3] = ["GET", "HEAD", "POST"];
const REQUEST_FIELDS: [&str; 4] = ["HTTP/1", "\"reqId\"", "\"responseTime\"", "\"statusCode\""];

/// Words by which a program tells that it stops. A database that has set itself up with a server of its own has said them before.
const STOPS: [&str; 7] = ["shutdown", "shut down", "shutting down", "stopping", "terminating", "exiting", "sigterm"];

/// The app writes something, from its start to the end of the window.
pub(super) fn wrote(window: &Window<'_>) -> Outcome {
    let app = window.app();
    if let Some(line) = lines(window.facts, app, Duration::ZERO).next() {
        return Outcome::Held(vec![line.id]);
    }
    if !window.over {
        return Outcome::Pending;
    }
    let expected = format!("`{app}` writes to standard output or standard error while it runs");
    let (seen, evidence) = match window.stop() {
        Some(stop) => {
            let lived = stop.died.saturating_sub(window.started());
            (format!("nothing from its start to its end, in {}", seconds(lived)), vec![stop.death])
        }
        None => ("nothing".to_owned(), vec![]),
    };
    Outcome::broken(expected, seen, evidence)
}

/// Every line is a JSON object with a time, a level and a message; of one that was cut that can't be said. Not applicable when there is no
/// line to judge by.
pub(super) fn is_structured(window: &Window<'_>) -> Outcome {
    let app = window.app();
    let Some(last) = lines(window.facts, app, Duration::ZERO).rfind(|line| !line.is_cut) else {
        return Outcome::NotApplicable(format!("`{app}` writes nothing"));
    };
    unstructured(window.facts, app).map_or_else(|| Outcome::Held(vec![last.id]), Outcome::Broken)
}

/// The lines of an app that are no such objects, where there are any.
pub(super) fn unstructured(facts: &[Observation], app: &str) -> Option<Finding> {
    let all: Vec<Line<'_>> = lines(facts, app, Duration::ZERO).filter(|line| !line.is_cut).collect();
    let wrong: Vec<(&Line<'_>, Lack)> = all.iter().filter_map(|line| Some((line, lack(line.text)?))).collect();
    let of_kind = |is_object: bool| wrong.iter().filter(move |(_, lack)| (*lack == Lack::Object) == is_object);
    // Where lines are no objects at all, it is one of them that shows how the app logs.
    let told: Vec<&(&Line<'_>, Lack)> = of_kind(true).next().into_iter().chain(of_kind(false).next()).collect();
    let words: Vec<String> = told.iter().map(|(line, lack)| format!("{lack}: {}", beginning(line.text))).collect();
    let seen = format!(
        "{} of {} lines are not JSON objects with time, level and message: the first one {}",
        wrong.len(),
        all.len(),
        words.join("; another one ")
    );
    let expected = format!("every line of `{app}` is one JSON object with time, level and message");
    (!told.is_empty()).then(|| Finding::new(expected, seen, told.iter().map(|(line, _)| line.id).collect()))
}

/// The message of a line that is a JSON object, where it has one; `tracing` has it in its fields.
pub(super) fn message_of(line: &str) -> Option<String> {
    let object = serde_json::from_str::<Map<String, Value>>(line).ok()?;
    let said = MESSAGES.iter().find_map(|name| object.get(*name))?;
    said.as_str().or_else(|| said.get("message")?.as_str()).map(str::to_owned)
}

/// What a line is not, or has not.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Lack {
    /// It is no JSON object.
    Object,
    /// It has none of the names that are usual for these.
    Fields(Vec<&'static str>),
}

impl fmt::Display for Lack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object => formatter.write_str("is not a JSON object"),
            Self::Fields(names) => write!(formatter, "has {}", names.join(", ")),
        }
    }
}

/// What a line lacks of one that programs can read.
fn lack(line: &str) -> Option<Lack> {
    let Ok(object) = serde_json::from_str::<Map<String, Value>>(line) else { return Some(Lack::Object) };
    let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    let fields = [(&TIMES[..], "no time"), (&LEVELS[..], "no level"), (&MESSAGES[..], "no message")];
    let missing: Vec<&str> = fields.into_iter().filter(|(names, _)| !has(names)).map(|(_, lack)| lack).collect();
    (!missing.is_empty()).then_some(Lack::Fields(missing))
}

/// The app wrote a line after it was told to stop, other than about a request, and of a shape that none had before: what is started late says
/// what others have said when they were started.
pub(super) fn had_last_words(window: &Window<'_>) -> Outcome {
    let Some(stop) = window.stop() else { return no_end(window) };
    let (before, after): (Vec<Line<'_>>, Vec<Line<'_>>) =
        lines(window.facts, stop.app, Duration::ZERO).partition(|line| line.at < stop.told);
    let known: BTreeSet<String> = before.iter().map(|line| shape(line.text)).collect();
    let mut new: BTreeMap<String, Vec<&Line<'_>>> = BTreeMap::new();
    for line in after.iter().filter(|line| !is_about_a_request(line.text)) {
        let shape = shape(line.text);
        if !known.contains(&shape) || tells_of_a_stop(line.text) {
            new.entry(shape).or_default().push(line);
        }
    }
    let answered = answered_requests(window.facts, stop.told);
    let words = new.values().filter(|alike| !come_with_requests(alike, &answered)).filter_map(|alike| alike.first());
    if let Some(line) = words.min_by_key(|line| line.at) {
        return Outcome::Held(vec![line.id]);
    }
    let found = match after.len() {
        0 => "no line".to_owned(),
        count => format!("only lines about requests, or like those from before the signal ({count})"),
    };
    Outcome::broken(
        format!("`{}` writes a line about stopping after {}", stop.app, stop.signal),
        format!("{found} in the {} until its end", seconds(stop.died.saturating_sub(stop.told))),
        vec![stop.sent, stop.death],
    )
}

/// From when to when each request of ours was answered that had not ended at a moment.
fn answered_requests(facts: &[Observation], moment: Duration) -> Vec<(Duration, Duration)> {
    let answered = facts.iter().filter_map(|one| match &one.fact {
        Fact::Probe { sent, answer, .. } if one.at >= moment && answer.is_an_answer() => Some((*sent, one.at)),
        _ => None,
    });
    answered.collect()
}

/// Whether lines that are alike were written while our requests were answered, and never else: such as what a driver tells of each query.
/// What was written only once, or for one request, is none.
fn come_with_requests(lines: &[&Line<'_>], answered: &[(Duration, Duration)]) -> bool {
    let request = |line: &&Line<'_>| answered.iter().find(|(sent, at)| (*sent..=*at).contains(&line.at));
    let requests: Option<BTreeSet<_>> = lines.iter().map(request).collect();
    requests.is_some_and(|requests| requests.len() > 1)
}

fn tells_of_a_stop(line: &str) -> bool {
    let line = line.to_lowercase();
    STOPS.iter().any(|word| line.contains(word))
}

fn is_about_a_request(line: &str) -> bool {
    let mut words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.any(|word| METHODS.contains(&word)) || REQUEST_FIELDS.iter().any(|field| line.contains(field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, Told, died, held, ids, is_broken, line, readiness, told_to_stop};
    use crate::model::Answer;

    #[test]
    fn the_message_of_a_line_with_fields_is_found() {
        let of = |line: &str| message_of(line);
        assert_eq!(of(r#"{"time": 1, "level": "error", "msg": "no such host"}"#).as_deref(), Some("no such host"));
        assert_eq!(of(r#"{"level": "ERROR", "fields": {"message": "refused", "n": 1}}"#).as_deref(), Some("refused"));
        assert_eq!([of(r#"{"level": "error"}"#), of("refused"), of(r#"{"msg": 7}"#)], [None, None, None]);
    }

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
            ("INFO started", "is not a JSON object"),
            ("[1, 2]", "is not a JSON object"),
            (r#"{"level": "info", "msg": "x"}"#, "has no time"),
            (r#"{"time": 1, "msg": "x"}"#, "has no level"),
            (r#"{"time": 1, "level": "info"}"#, "has no message"),
            (r#"{"note": 1}"#, "has no time, no level, no message"),
        ] {
            let good = line(1, r#"{"time": 1, "level": "info", "msg": "x"}"#);
            let finding = Case::of([good, line(2, text)]).finding(&Claim::Structured);
            assert_eq!(
                finding.seen,
                format!("1 of 2 lines are not JSON objects with time, level and message: the first one {lack}: {text}")
            );
            assert_eq!(finding.evidence, ids([1]));
        }
    }

    #[test]
    fn the_line_that_is_no_object_is_cited_and_shortened() {
        let long = "x".repeat(300);
        let told = [line(1, r#"{"time": 1, "msg": "x"}"#), line(2, ""), line(3, &long), line(4, "more")];
        let finding = Case::of(told).finding(&Claim::Structured);
        let expected = format!(
            "3 of 3 lines are not JSON objects with time, level and message: the first one is not a JSON object: {} … (100 bytes more); another one has no level: {}",
            &long[..200],
            r#"{"time": 1, "msg": "x"}"#
        );
        assert_eq!((finding.seen, finding.evidence), (expected, ids([2, 0])));
    }

    #[test]
    fn words_after_the_signal_are_last_words() {
        let stopped = |told: &[Told]| Case::of(told.iter().cloned().chain([told_to_stop(1000), died(2000, 0)]));
        let mute = stopped(&[line(500, "started")]).finding(&Claim::LastWords);
        assert_eq!((mute.seen.as_str(), mute.evidence), ("no line in the 1.0 s until its end", ids([1, 2])));
        assert_eq!(stopped(&[line(500, "started"), line(1500, "stopping")]).judge(&Claim::LastWords), held([1]));
        for text in [
            r#"172.18.0.1 - - [21/Nov/2026:20:20:58 +0000] "GET /health HTTP/1.1" 200 15"#,
            r#"{"level":30,"reqId":"req-9","res":{"statusCode":200},"responseTime":0.4,"msg":"request completed"}"#,
        ] {
            let seen = stopped(&[line(1500, text)]).seen(&Claim::LastWords);
            let expected = "only lines about requests, or like those from before the signal (1) in the 1.0 s until its end";
            assert_eq!(seen, expected, "{text}");
        }
        assert!(is_broken(&stopped(&[line(1500, " ")]).judge(&Claim::LastWords)), "a blank line says nothing");
        assert!(matches!(Case::of([line(1500, "x")]).over().judge(&Claim::LastWords), Outcome::Undecided(_)));
    }

    #[test]
    fn what_is_like_a_line_from_before_the_signal_is_no_last_word() {
        let case = |after: &[&str]| {
            let before = [
                "INFO:     Started server process [27]",
                "INFO:     Application startup complete.",
                "DEBUG Connection <connection object at 0x7f1; dsn: 'user=kinto', closed: 0> checked out from pool",
            ];
            let told = before.iter().map(|text| line(500, text)).chain(after.iter().map(|text| line(1500, text)));
            Case::of(told.chain([told_to_stop(1000), died(2000, 137)]))
        };
        let late = [
            "INFO:     Started server process [28]",
            "INFO:     Application startup complete.",
            "DEBUG Connection <connection object at 0x8c3; dsn: 'user=kinto', closed: 0> checked out from pool",
        ];
        assert!(is_broken(&case(&late).judge(&Claim::LastWords)));
        assert_eq!(case(&[&late[..], &["INFO:     Shutting down"]].concat()).judge(&Claim::LastWords), held([6]));
        assert_eq!(case(&["INFO:     Finished server process [27]"]).judge(&Claim::LastWords), held([3]));
    }

    #[test]
    fn a_line_about_the_end_counts_also_where_a_first_boot_has_said_it() {
        let told = ["[Note] mariadbd: Normal shutdown", "[Note] mariadbd: ready"].map(|text| line(500, text));
        let case = |after: &str| Case::of(told.clone().into_iter().chain([line(1500, after), told_to_stop(1000), died(2000, 0)]));
        assert_eq!(case("[Note] mariadbd: Normal shutdown").judge(&Claim::LastWords), held([2]));
        assert!(is_broken(&case("[Note] mariadbd: ready").judge(&Claim::LastWords)));
    }

    #[test]
    fn what_comes_with_each_request_is_no_last_word() {
        let case = |lines: &[(u64, &str)]| {
            let requests = [1200, 1400, 1600].map(|ms| readiness(ms, ms + 20, Answer::Status(200)));
            let lines = lines.iter().map(|(ms, text)| line(*ms, text));
            Case::of(lines.chain(requests).chain([told_to_stop(1000), died(2000, 137)])).judge(&Claim::LastWords)
        };
        let query = "DEBUG rollback of a connection that is returned";
        assert!(is_broken(&case(&[(1210, query), (1410, query), (1610, query)])));
        assert_eq!(case(&[(1210, query), (1300, query), (1410, query)]), held([0]), "between requests too");
        assert_eq!(case(&[(1210, "worker 1 stops"), (1211, "worker 2 stops")]), held([0]), "all within one request");
    }

    #[test]
    fn whoever_writes_nothing_is_waited_for() {
        assert_eq!(Case::of([line(10, "started")]).from(60_000).judge(&Claim::Wrote), held([0]), "also before it was ready");
        assert_eq!(Case::of([line(10, " ")]).judge(&Claim::Wrote), Outcome::Pending);
        assert_eq!(Case::of([]).over().seen(&Claim::Wrote), "nothing");
    }

    #[test]
    fn an_app_that_is_quiet_until_its_end_has_written_something() {
        let life =
            |told: &[Told]| Case::of([told_to_stop(30_000), died(31_000, 0)].into_iter().chain(told.iter().cloned())).over();
        assert_eq!(life(&[line(30_500, "stopping")]).from(30_000).judge(&Claim::Wrote), held([2]));
        let finding = life(&[]).from(30_000).finding(&Claim::Wrote);
        assert_eq!((finding.seen.as_str(), finding.evidence), ("nothing from its start to its end, in 31.0 s", ids([1])));
    }
}
