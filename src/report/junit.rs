//! JUnit XML: one suite per topic; a failed check is a failure, one that could not run an error, the rest skipped.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::record::{CheckRecord, Run};
use crate::verdict::Verdict;

/// The run as JUnit XML.
#[must_use]
pub fn to_junit(run: &Run) -> String {
    let mut report = Report::new(format!("seaworthy: {}", run.subject.stack));
    report.set_time(run.subject.duration);
    for check in &run.checks {
        let topic = check.id.split('.').next().unwrap_or_default();
        let suite = match report.test_suites.iter().position(|suite| suite.name.as_str() == topic) {
            Some(index) => &mut report.test_suites[index],
            None => {
                report.add_test_suite(TestSuite::new(topic));
                let last = report.test_suites.len() - 1;
                &mut report.test_suites[last]
            }
        };
        suite.add_test_case(test_case(check, topic));
    }
    match report.to_string() {
        Ok(xml) => xml,
        Err(error) => unreachable!("writing XML to memory: {error}"),
    }
}

fn test_case(check: &CheckRecord, topic: &str) -> TestCase {
    let reason = check.reason.clone().unwrap_or_default();
    let mut status = match check.verdict {
        Verdict::Passed => TestCaseStatus::success(),
        Verdict::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::CouldNotRun => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::NotApplicable | Verdict::Waived => TestCaseStatus::skipped(),
    };
    status.set_message(reason.clone());
    if matches!(check.verdict, Verdict::Failed | Verdict::CouldNotRun) {
        status.set_type(check.name());
        status.set_description(format!("{reason}\n\nwhy: {}\n\nto mend: {}", check.why, check.mend));
    }
    let mut case = TestCase::new(format!("{}: {}", check.name(), check.title), status);
    case.set_classname(format!("seaworthy.{topic}"));
    case.set_time(check.duration);
    case.add_property(("severity", severity(check)));
    case
}

fn severity(check: &CheckRecord) -> &'static str {
    match check.severity {
        crate::record::Severity::Must => "must",
        crate::record::Severity::Should => "should",
    }
}
