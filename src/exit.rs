//! Exit codes: the only place that maps a result to one.

use std::process::ExitCode;

use crate::record::{Run, Severity};
use crate::suite::RunError;
use crate::verdict::Verdict;

/// What the exit code of the executable says. Documented in the README and in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every check that counts passed.
    Passed,
    /// A check that counts failed.
    Failed,
    /// The run, or a check, could not come to a verdict.
    CouldNotRun,
    /// No check ran.
    NothingRan,
}

impl Exit {
    /// The result of a run. With `strict`, checks of severity `should` count too.
    #[must_use]
    pub fn of_run(run: &Run, strict: bool) -> Self {
        let counts = run.counts();
        let fails = |severity: Severity| strict || severity == Severity::Must;
        if counts.could_not_run > 0 {
            Self::CouldNotRun
        } else if run.checks.iter().any(|check| check.verdict == Verdict::Failed && fails(check.severity)) {
            Self::Failed
        } else if counts.ran() == 0 {
            Self::NothingRan
        } else {
            Self::Passed
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
