//! Exit codes: the only place that maps a result to one.

use std::process::ExitCode;

use crate::experiment::RunError;
use crate::model::{Conclusion, Run, conclude_proof};

/// What the exit code of the executable says. Documented in the README and in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every check that counts passed.
    Passed,
    /// A check that counts failed.
    Failed,
    /// The run, or a check, could not come to a verdict.
    CouldNotRun,
    /// No check ran, or none came to a verdict of its own.
    NothingRan,
}

impl Exit {
    /// The result of a run.
    #[must_use]
    pub fn of_run(run: &Run) -> Self {
        // A proof asks what checks notice, not how ready the stack is.
        let conclusion = if run.proof.is_empty() { run.conclusion() } else { conclude_proof(&run.proof) };
        match conclusion {
            Conclusion::Passed => Self::Passed,
            Conclusion::Failed => Self::Failed,
            Conclusion::CouldNotRun => Self::CouldNotRun,
            Conclusion::NothingRan => Self::NothingRan,
        }
    }

    /// The result of a run that has no verdicts.
    #[must_use]
    pub fn of_error(error: &RunError) -> Self {
        if matches!(error, RunError::NothingSelected { .. }) { Self::NothingRan } else { Self::CouldNotRun }
    }

    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::CouldNotRun => 2,
            Self::NothingRan => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CheckRecord, Severity, Verdict};
    use crate::report::to_html;

    fn run(strict: bool, checks: &[(Severity, Verdict)]) -> Run {
        let mut run = Run::read(include_bytes!("../tests/fixtures/runs/version-1.json")).expect("a run");
        let check = run.checks.remove(0);
        let checks = checks.iter().map(|&(severity, verdict)| CheckRecord { severity, verdict, ..check.clone() });
        Run { strict, checks: checks.collect(), ..run }
    }

    #[test]
    fn the_headline_of_the_page_says_what_the_exit_code_says() {
        let passed = (Severity::Must, Verdict::Passed);
        let only_should = [passed, (Severity::Should, Verdict::Failed)];
        for (run, code, headline) in [
            (run(false, &[passed]), 0, "Ready, as far as was checked"),
            (run(false, &only_should), 0, "Ready, with findings that should be fixed"),
            (run(true, &only_should), 1, "Not ready for production"),
            (run(false, &[passed, (Severity::Must, Verdict::Failed)]), 1, "Not ready for production"),
            (run(false, &[passed, (Severity::Should, Verdict::CouldNotRun)]), 2, "No verdict"),
            (run(true, &[(Severity::Must, Verdict::NotApplicable)]), 3, "Nothing ran"),
        ] {
            assert_eq!(Exit::of_run(&run).code(), code, "{headline}");
            assert!(to_html(&run).contains(&format!("<h1>{headline}: ")), "{headline}");
        }
    }
}
