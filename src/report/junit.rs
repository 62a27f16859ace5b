//! JUnit XML: one suite per topic, of each app where a run has several; a failed check is a failure, one that could not run an error, the rest skipped. Valid by the
//! strictest schema in use, that of Jenkins' xUnit plugin (junit-10.xsd).

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{by_topic, message, topic_of_app};
use crate::judge::used;
use crate::model::Verdict;
use crate::model::{CheckRecord, Run};

/// The run as JUnit XML.
#[must_use]
pub fn to_junit(run: &Run) -> String {
    let suites = by_topic(run).map(|checks| {
        let mut suite = TestSuite::new(topic_of_app(&checks[0], "."));
        suite.add_test_cases(checks.iter().map(|check| test_case(run, check)));
        suite
    });
    let mut report = Report::new(format!("seaworthy: {}", run.subject.stack));
    report.set_time(run.subject.duration);
    // Only now, because the report counts a suite's cases when it is added.
    report.add_test_suites(suites);
    match report.to_string() {
        Ok(xml) => without_sum_of_skipped(&xml),
        Err(error) => unreachable!("writing XML to memory: {error}"),
    }
}

fn test_case(run: &Run, check: &CheckRecord) -> TestCase {
    let reason = message(check, "; ");
    let mut status = match check.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::CouldNotRun => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::NotApplicable | Verdict::Blocked | Verdict::Waived => TestCaseStatus::skipped(),
    };
    status.set_message(reason.clone());
    if matches!(check.verdict, Verdict::Failed | Verdict::CouldNotRun) {
        status.set_type(check.name());
        status.set_description(format!("{reason}\n\nwhy: {}\n\nto fix: {}", check.why, check.fix));
    }
    let mut case = TestCase::new(format!("{}: {}", check.name(), check.title), status);
    case.set_classname(format!("seaworthy.{}", topic_of_app(check, ".")));
    case.set_time(check.duration);
    let used = used(run.timeline(check)).map(|used| format!("\nused: {used}")).unwrap_or_default();
    case.set_system_out(format!("severity: {}{used}", check.severity.word()));
    case
}

/// The schema has the number of what was skipped on a suite, and not on all of them together.
fn without_sum_of_skipped(xml: &str) -> String {
    let Some((before, root)) = xml.split_once("<testsuites ") else { return xml.to_owned() };
    let Some((attributes, rest)) = root.split_once('>') else { return xml.to_owned() };
    // In a value there are no quotes: they are escaped.
    let kept = match attributes.split_once(" skipped=\"") {
        Some((left, right)) => format!("{left}{}", right.split_once('"').map_or("", |(_, right)| right)),
        None => attributes.to_owned(),
    };
    format!("{before}<testsuites {kept}>{rest}")
}
