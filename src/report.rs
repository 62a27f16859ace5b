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
mod sarif;
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
pub use self::terminal::{check_line, describe};

use crate::record::{CheckRecord, Run};
use crate::verdict::Verdict;

/// The saved run as JSON.
#[must_use]
pub fn to_json(run: &Run) -> String {
    match serde_json::to_string_pretty(run) {
        Ok(json) => json,
        Err(error) => unreachable!("a run has string keys only: {error}"),
    }
}

/// The run as it is when it has been saved and read again.
#[must_use]
pub fn saved(run: &Run) -> Run {
    Run::read(to_json(run).as_bytes()).unwrap_or_else(|error| unreachable!("what is saved can be read: {error}"))
}

/// The topic of a check.
fn topic(check: &CheckRecord) -> &str {
    check.id.split('.').next().unwrap_or_default()
}

/// The checks of each topic.
fn by_topic(run: &Run) -> impl Iterator<Item = &[CheckRecord]> {
    run.checks.chunk_by(|one, other| topic(one) == topic(other))
}

/// The words for a verdict.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::NotApplicable => "not applicable",
        Verdict::Waived => "waived",
        Verdict::CouldNotRun => "could not run",
    }
}
