//! Reports: written from a finished run, with nothing else at hand.

mod compare;
mod explain;
mod format;
mod gherkin;
mod github;
mod html;
mod junit;
mod lanes;
mod look;
mod moments;
mod proof;
mod sarif;
mod summary;
mod terminal;
mod words;

pub use self::compare::{Comparison, compare};
pub use self::explain::explain;
pub use self::format::Format;
pub use self::gherkin::to_cucumber_json;
pub use self::github::{to_annotations, to_job_summary};
pub use self::html::to_html;
pub use self::junit::to_junit;
pub use self::look::{Detail, Look};
pub use self::sarif::to_sarif;
pub use self::terminal::describe;

use crate::model::Verdict;
use crate::model::{CheckRecord, Run};

/// The saved run as JSON.
#[must_use]
pub fn to_json(run: &Run) -> String {
    match serde_json::to_string_pretty(run) {
        Ok(json) => json,
        Err(error) => unreachable!("a run has string keys only: {error}"),
    }
}

/// What a check came to, as labelled texts: what was expected and seen of a failure, or the reason without a label. A waiver comes first.
fn outcome(check: &CheckRecord) -> Vec<(&'static str, &str)> {
    let reason = check.reason.as_deref().map(|reason| (if check.finding.is_some() { "waived" } else { "" }, reason));
    let see = check.blocked_by.as_deref().map(|other| ("blocked, see", other));
    let finding = check.finding.iter().flat_map(|found| [("expected", found.expected.as_str()), ("seen", found.seen.as_str())]);
    reason.into_iter().chain(see).chain(finding).collect()
}

/// What a check came to as one text, with a separator between the parts: what was expected and seen, or the reason.
#[must_use]
pub fn message(check: &CheckRecord, separator: &str) -> String {
    let told = outcome(check).into_iter().map(|(label, text)| match label {
        "" => text.to_owned(),
        label => format!("{label}: {text}"),
    });
    told.collect::<Vec<_>>().join(separator)
}

/// The topic of a check.
fn topic(check: &CheckRecord) -> &str {
    check.id.split('.').next().unwrap_or_default()
}

/// The checks of each topic, app by app.
fn by_topic(run: &Run) -> impl Iterator<Item = &[CheckRecord]> {
    run.checks.chunk_by(|one, other| topic(one) == topic(other) && one.app == other.app)
}

/// The topic of a check, with its app in front where the run has several, and something between them.
fn topic_of_app(check: &CheckRecord, between: &str) -> String {
    check.app.iter().map(String::as_str).chain([topic(check)]).collect::<Vec<_>>().join(between)
}

/// What runs a check again, as it follows the command and its stack.
fn selection(check: &CheckRecord) -> String {
    let app = check.app.iter().map(|app| format!("--app {app} "));
    app.chain([format!("--tags @{}", check.id)]).collect()
}

/// The words for a verdict.
#[must_use]
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::NotApplicable => "not applicable",
        Verdict::Waived => "waived",
        Verdict::CouldNotRun => "could not run",
        Verdict::Blocked => "blocked",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Finding;

    fn check(verdict: Verdict, finding: Option<Finding>, reason: Option<&str>) -> CheckRecord {
        let mut run = Run::read(include_bytes!("../tests/fixtures/runs/version-1.json")).expect("a run");
        CheckRecord { verdict, finding, reason: reason.map(str::to_owned), ..run.checks.remove(0) }
    }

    #[test]
    fn a_check_is_told_by_its_waiver_and_what_was_expected_and_seen() {
        let finding = || Some(Finding::new("it stops", "it does not", vec![]));
        let (expected, seen) = (("expected", "it stops"), ("seen", "it does not"));
        for (check, told, text) in [
            (
                check(Verdict::Waived, finding(), Some("the next release has it")),
                vec![("waived", "the next release has it"), expected, seen],
                "waived: the next release has it; expected: it stops; seen: it does not",
            ),
            (check(Verdict::Failed, finding(), None), vec![expected, seen], "expected: it stops; seen: it does not"),
            (check(Verdict::NotApplicable, None, Some("no database")), vec![("", "no database")], "no database"),
            (check(Verdict::CouldNotRun, None, Some("it broke. look")), vec![("", "it broke. look")], "it broke. look"),
            (check(Verdict::Passed, None, None), vec![], ""),
        ] {
            assert_eq!(outcome(&check), told);
            assert_eq!(message(&check, "; "), text);
        }
    }
}
