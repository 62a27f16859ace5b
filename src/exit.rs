//! Exit codes: the only place that maps a result to one.

use std::process::ExitCode;

use crate::experiment::RunError;
use crate::model::{Conclusion, Run};

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
    /// The result of a run.
    #[must_use]
    pub fn of_run(run: &Run) -> Self {
        match run.conclusion() {
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
