//! Why a run or an experiment could not come to its end.

use crate::causes::with_causes;
use crate::compose::ComposeError;
use crate::engine::EngineError;
use crate::image::ImageError;
use crate::model::Halt;
use crate::redact::Redactor;
use crate::subject::ContractError;
use crate::target::TargetError;

/// Why a run has no verdicts at all.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The compose file could not be read, isolated or built.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The contract is wrong or incomplete.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The engine does not answer, or not as it should.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A copy of the stack could not be brought up.
    #[error(transparent)]
    Instance(#[from] TargetError),
    /// The archive with the image can't be used.
    #[error("{}", path.display())]
    Archive {
        /// The archive.
        path: std::path::PathBuf,
        /// Why.
        source: ImageError,
    },
    /// A feature file of the user's own can't be used.
    #[error("{}{}: {what}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
    Feature {
        /// The file or folder.
        path: std::path::PathBuf,
        /// The line, where there is one.
        line: Option<usize>,
        /// What is wrong.
        what: String,
    },
    /// The tag expression can't be read.
    #[error("`{expression}` is not a tag expression: {message}")]
    TagExpression {
        /// The expression as given.
        expression: String,
        /// What is wrong with it.
        message: String,
    },
    /// The tag expression names a tag that no check has.
    #[error("no check has the tag @{tag}")]
    UnknownTag {
        /// The tag.
        tag: String,
        /// The tags that there are.
        known: Vec<String>,
    },
    /// The tag expression selects no check.
    #[error("the tag expression `{expression}` selects no check")]
    NothingSelected {
        /// The expression as given.
        expression: String,
    },
    /// The stack does not become ready even when nothing disturbs it.
    #[error("{what}")]
    NotReady {
        /// What did not happen, and what did.
        what: String,
        /// What to do.
        advice: String,
        /// The service whose log follows.
        service: String,
        /// Its last log lines.
        logs: Vec<String>,
    },
    /// The process that cleans up after a killed run could not be started.
    #[error("the reaper, which cleans up after a killed run, can't be started")]
    Reaper(#[source] std::io::Error),
    /// The user stopped the run.
    #[error("interrupted; everything that the run had created is removed")]
    Interrupted,
    /// A defect of ours.
    #[error("bug in seaworthy: {message}")]
    Defect {
        /// What went wrong.
        message: String,
    },
}

impl RunError {
    /// The error and its causes, on one line.
    #[must_use]
    pub fn describe(&self) -> String {
        with_causes(self)
    }

    /// What the user can do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Compose(error) => error.advice(),
            Self::Contract(error) => error.advice().to_owned(),
            Self::Engine(error) => error.advice(),
            Self::Instance(error) => stack_advice(error),
            Self::Archive { source, .. } => source.advice(),
            Self::Feature { .. } => "`seaworthy steps` lists the sentences; the built-in features show how they are used".into(),
            Self::TagExpression { .. } => "write it as in '@shutdown and not @should'".into(),
            Self::UnknownTag { known, .. } => format!("the tags are: {}", known.join(" ")),
            Self::NothingSelected { .. } => {
                "combine fewer conditions; every check has its id, its topic and its severity as tags".into()
            }
            Self::NotReady { advice, .. } => advice.clone(),
            Self::Reaper(_) => {
                "make sure that the seaworthy executable is still where it was started from, and is executable".into()
            }
            Self::Interrupted => "run it again to get a verdict".into(),
            Self::Defect { .. } => "please report it, with the command line and the compose file".into(),
        }
    }

    /// The same error with every known secret masked in what programs wrote. Container logs are masked when they are read.
    #[must_use]
    pub fn redacted(self, redactor: &Redactor) -> Self {
        match self {
            Self::Compose(error) => Self::Compose(error.redacted(redactor)),
            Self::Instance(TargetError::Compose(error)) => Self::Instance(TargetError::Compose(error.redacted(redactor))),
            other => other,
        }
    }

    /// Output that belongs to the error: of a build, or the last log lines of a container, with a heading.
    #[must_use]
    pub fn output(&self) -> Option<(String, Vec<String>)> {
        match self {
            Self::Compose(error) | Self::Instance(TargetError::Compose(error)) => {
                let lines = error.output()?.lines().map(str::to_owned).collect();
                Some(("the last lines of its output".into(), lines))
            }
            Self::NotReady { service, logs, .. } => Some((format!("the last log lines of `{service}`"), logs.clone())),
            _ => None,
        }
    }
}

impl From<crate::compose::ComposeError> for Halt {
    fn from(error: crate::compose::ComposeError) -> Self {
        TargetError::from(error).into()
    }
}

impl From<TargetError> for Halt {
    fn from(error: TargetError) -> Self {
        let mut message = with_causes(&error);
        if let TargetError::Compose(error) = &error
            && let Some(last) = error.output().and_then(|output| output.lines().last())
        {
            message = format!("{message}: {last}");
        }
        Self::CouldNotRun { reason: message, advice: stack_advice(&error), service: None }
    }
}

impl From<EngineError> for Halt {
    fn from(error: EngineError) -> Self {
        TargetError::from(error).into()
    }
}

fn stack_advice(error: &TargetError) -> String {
    match error {
        TargetError::Compose(error) => error.advice(),
        TargetError::Engine(error) => error.advice(),
        TargetError::Tap { .. } => "see the log of the proxy's container; most checks need no proxy".into(),
        TargetError::NoEvent { .. } => "the engine may be overloaded: run fewer experiments at once with --jobs".into(),
    }
}
