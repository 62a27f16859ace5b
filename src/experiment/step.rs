//! The lines of a scenario, as values.

use super::Act;
use crate::judge::Claim;
use crate::model::ScenarioLine;

/// A line of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// As it stands in the feature file.
    pub line: ScenarioLine,
    /// What it means; nothing when it is a step that a library's user has added.
    pub step: Option<Step>,
}

/// What a line means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something is done.
    Act(Act),
    /// Something is asserted.
    Claim(Claim),
}

impl Line {
    /// What the line asserts.
    #[must_use]
    pub fn claim(&self) -> Option<&Claim> {
        match &self.step {
            Some(Step::Claim(claim)) => Some(claim),
            _ => None,
        }
    }
}
