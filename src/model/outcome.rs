//! What can be concluded: the outcome of one claim, the verdict of a check, and the finding that proves a failure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Defect;

/// The number of a fact within its timeline, in the order of arrival. Evidence is named by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct FactId(pub u32);

/// What a judge says of one claim, from the facts so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The claim is true, by these facts; the first of them decided it.
    Held(Vec<FactId>),
    /// The claim is broken, with proof, and nothing that may still come can change that.
    Broken(Finding),
    /// The time is over and no fact decides: what could not be measured.
    Undecided(String),
    /// The stack turns out to have nothing that the claim is about.
    NotApplicable(String),
    /// More facts are needed.
    Pending,
}

/// How a claim was broken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What should have been.
    pub expected: String,
    /// What was, over the whole window that was watched.
    pub seen: String,
    /// The facts of the experiment's timeline that prove it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<FactId>,
    /// Which lines of the user's files are at fault, where that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// The defect that the facts show, where it is one that other findings may show too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<Defect>,
}

impl Finding {
    /// A finding without a line of a file.
    #[must_use]
    pub fn new(expected: impl Into<String>, seen: impl Into<String>, evidence: Vec<FactId>) -> Self {
        Self { expected: expected.into(), seen: seen.into(), evidence, places: vec![], defect: None }
    }
}

impl Outcome {
    /// Broken, by these facts.
    #[must_use]
    pub fn broken(expected: impl Into<String>, seen: impl Into<String>, evidence: Vec<FactId>) -> Self {
        Self::Broken(Finding::new(expected, seen, evidence))
    }

    /// Undecided once the time is over, pending before.
    #[must_use]
    pub fn undecided_when(over: bool, what: impl Into<String>) -> Self {
        if over { Self::Undecided(what.into()) } else { Self::Pending }
    }

    /// Whether this is an answer that more facts won't change.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        *self != Self::Pending
    }
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The file, as it is named from where the run was started.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// Why an experiment could not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "halt", rename_all = "snake_case")]
pub enum Halt {
    /// The stack turns out to have nothing that the check is about.
    NotApplicable {
        /// What it lacks.
        reason: String,
    },
    /// It could not be found out.
    CouldNotRun {
        /// Why.
        reason: String,
        /// What to do.
        advice: String,
        /// The service concerned.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service: Option<String>,
    },
}

impl Halt {
    /// The stack has nothing that the check is about.
    #[must_use]
    pub fn not_applicable(reason: impl Into<String>) -> Self {
        Self::NotApplicable { reason: reason.into() }
    }

    /// Something that no fact tells.
    #[must_use]
    pub fn not_measured(what: impl std::fmt::Display) -> Self {
        Self::CouldNotRun {
            reason: format!("could not be measured: {what}"),
            advice: "run the check again; if it happens again, please report it".into(),
            service: None,
        }
    }
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every claim held.
    Passed,
    /// A claim was broken, with evidence.
    Failed,
    /// What has to hold before it can be judged did not hold, for a defect that another check reports.
    Blocked,
    /// The stack has nothing that this check is about.
    NotApplicable,
    /// It failed, and the contract accepts that for now.
    Waived,
    /// It could not be found out.
    CouldNotRun,
}

/// How serious a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Not ready for production.
    Must,
    /// Worth fixing.
    Should,
}

impl Severity {
    /// The word for it, as tags and reports have it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
        }
    }
}
