//! SARIF 2.1.0 (OASIS standard, 27 March 2020), for code scanning: every check as a rule, every failure as a result.
//!
//! A failure points to the line that is at fault where that is known, else to the first line of the file that it is about: the
//! Dockerfile for what is said of the image, the compose file for the rest.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{message, topic};
use crate::model::Verdict;
use crate::model::{CheckRecord, Place, Run, Severity};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// All but what may stand in a path as it is (RFC 3986, 3.3), without the colon, which a relative one must not begin with.
const NOT_IN_A_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b'@');
const HOME: &str = "https://github.com/seaworthy-dev/seaworthy";

/// What failed, was waived or could not be run, as SARIF.
#[must_use]
pub fn to_sarif(run: &Run) -> String {
    let mut rules: Vec<Value> = vec![];
    let mut indexes: BTreeMap<&str, usize> = BTreeMap::new();
    for check in &run.checks {
        indexes.entry(&check.id).or_insert_with(|| {
            rules.push(rule(check));
            rules.len() - 1
        });
    }
    let of_verdict = |verdicts: &'static [Verdict]| run.checks.iter().filter(|check| verdicts.contains(&check.verdict));
    let results: Vec<Value> =
        of_verdict(&[Verdict::Failed, Verdict::Waived]).map(|check| result(run, check, indexes[check.id.as_str()])).collect();
    let could_not_run = run.checks.iter().any(|check| check.verdict == Verdict::CouldNotRun);
    let notifications: Vec<Value> = of_verdict(&[Verdict::CouldNotRun, Verdict::Blocked])
        .map(|check| {
            let (level, what) =
                if check.verdict == Verdict::Blocked { ("note", "could not be judged") } else { ("error", "could not run") };
            json!({
                "level": level,
                "message": {"text": format!("{} {what}: {}", check.name(), message(check, "; "))},
                "associatedRule": {"id": check.id, "index": indexes[check.id.as_str()]},
            })
        })
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": run.tool.name,
                "semanticVersion": run.tool.version,
                "informationUri": HOME,
                "rules": rules,
            }},
            "automationDetails": {"id": format!("seaworthy/{}/", run.subject.stack)},
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": !could_not_run,
                "startTimeUtc": run.subject.started_at,
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
        }],
    });
    format!("{log:#}")
}

fn rule(check: &CheckRecord) -> Value {
    // The name of the dependency belongs to the result.
    let title = match &check.dependency {
        Some(dependency) => check.title.replace(dependency.as_str(), "a dependency"),
        None => check.title.clone(),
    };
    json!({
        "id": check.id,
        "shortDescription": {"text": title},
        "fullDescription": {"text": check.why},
        "help": {"text": format!("To fix: {}", check.fix)},
        "defaultConfiguration": {"level": level(check)},
        "properties": {"tags": [topic(check)]},
    })
}

fn result(run: &Run, check: &CheckRecord, rule: usize) -> Value {
    let places = match (check.places(), default_place(run, check)) {
        ([], Some(place)) => vec![place],
        (places, _) => places.to_vec(),
    };
    let mut result = json!({
        "ruleId": check.id,
        "ruleIndex": rule,
        "kind": "fail",
        "level": level(check),
        "message": {"text": format!("{}: {}", check.full_title(), message(check, "; "))},
        "locations": places.iter().map(location).collect::<Vec<_>>(),
        // The same failure of the next run, whatever became of the lines.
        "partialFingerprints": {"check/v1": check.name()},
    });
    if check.verdict == Verdict::Waived {
        result["suppressions"] = json!([{"kind": "external", "justification": check.reason}]);
    }
    result
}

/// The file that a check is about.
fn default_place(run: &Run, check: &CheckRecord) -> Option<Place> {
    let files = &run.subject.files;
    let about_image = matches!(topic(check), "image" | "nonroot");
    let of_app = run.apps.several().iter().find(|app| check.app.as_ref() == Some(&app.contract.app));
    let dockerfile = of_app.map_or(files.dockerfile.as_ref(), |app| app.dockerfile.as_ref());
    let file = if about_image { dockerfile.or(files.compose.first()) } else { files.compose.first() };
    file.map(|file| Place { file: file.clone(), line: 1 })
}

fn location(place: &Place) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&place.file)},
        "region": {"startLine": place.line.max(1)},
    }})
}

/// A path as a relative or `file:` URI (RFC 3986, RFC 8089).
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", utf8_percent_encode(path.trim_start_matches("./"), NOT_IN_A_PATH))
}

fn level(check: &CheckRecord) -> &'static str {
    match check.severity {
        Severity::Must => "error",
        Severity::Should => "warning",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        for (path, expected) in [
            ("./stacks/a b.yaml", "stacks/a%20b.yaml"),
            ("compose.yaml", "compose.yaml"),
            ("/srv/ü.yaml", "file:///srv/%C3%BC.yaml"),
            ("a:b#c", "a%3Ab%23c"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
