//! Cucumber JSON: one feature per topic, one scenario per check, with the steps that were begun.
//!
//! The form is that of Cucumber's own JSON formatter, as Jenkins and others read it: durations in nanoseconds.

use std::time::Duration;

use serde_json::{Value, json};

use super::{by_topic, message, topic, topic_of_app};
use crate::model::Verdict;
use crate::model::{CheckRecord, Run};
use crate::model::{Fact, in_app};

/// The run as Cucumber JSON.
#[must_use]
pub fn to_cucumber_json(run: &Run) -> String {
    let mut lines = 1..;
    let features = by_topic(run).enumerate().map(|(index, checks)| {
        let elements: Vec<Value> = checks.iter().zip(&mut lines).map(|(check, line)| element(run, check, line)).collect();
        feature(&checks[0], index + 1, &elements)
    });
    format!("{:#}", features.collect::<Value>())
}

fn feature(first: &CheckRecord, line: usize, elements: &[Value]) -> Value {
    let topic = topic(first);
    json!({
        "uri": format!("features/{}.feature", topic_of_app(first, "/")),
        "id": topic_of_app(first, "-"),
        "keyword": "Feature",
        "name": in_app(first.app.as_deref(), topic),
        "description": "",
        "line": line,
        "tags": [{"name": format!("@{topic}"), "line": line}],
        "elements": elements,
    })
}

fn element(run: &Run, check: &CheckRecord, line: usize) -> Value {
    let tag = |name: &str| json!({"name": format!("@{name}"), "line": line});
    json!({
        "id": format!("{};{}", topic_of_app(check, "-"), check.name()),
        "keyword": "Scenario",
        "type": "scenario",
        "name": format!("{}: {}", check.name(), check.title),
        "description": format!("{}\n\nTo fix: {}", check.why, check.fix),
        "line": line,
        "tags": [tag(&check.id), tag(check.severity.word())],
        "steps": steps(run, check, line),
    })
}

/// The steps that were begun, the last of them with the verdict; the title as the only one where none was.
fn steps(run: &Run, check: &CheckRecord, line: usize) -> Vec<Value> {
    let seen = run.seen_by(check);
    let begun = seen.iter().filter_map(|observation| match &observation.fact {
        Fact::Step { line, .. } => Some((line.word.as_str(), line.text.as_str(), observation.at)),
        _ => None,
    });
    let mut begun: Vec<(&str, &str, Duration)> = begun.collect();
    let start = begun.first().map_or(Duration::ZERO, |(_, _, at)| *at);
    if begun.is_empty() {
        begun.push(("", &check.title, start));
    }
    let ends = begun.iter().skip(1).map(|(_, _, at)| *at).chain([start + check.duration]);
    let last = begun.len() - 1;
    let step = |(index, ((word, name, at), end)): (usize, (&(&str, &str, Duration), Duration))| {
        let keyword = if word.is_empty() { "*" } else { word };
        let mut result = json!({"status": "passed", "duration": nanos(end.saturating_sub(*at))});
        if index == last {
            result["status"] = status(check.verdict).into();
            if check.verdict != Verdict::Passed {
                result["error_message"] = message(check, "; ").into();
            }
        }
        json!({
            "keyword": format!("{keyword} "),
            "name": name,
            "line": line,
            "match": {"location": format!("features/{}.feature:{line}", topic_of_app(check, "/"))},
            "result": result,
        })
    };
    begun.iter().zip(ends).enumerate().map(step).collect()
}

fn status(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        // Cucumber has no word for it, and a pending step counts as neither passed nor failed.
        Verdict::CouldNotRun => "pending",
        Verdict::NotApplicable | Verdict::Blocked | Verdict::Waived => "skipped",
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
