//! The lines of a scenario, as values.

use super::Act;
use crate::judge::{Claim, Part};
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
    /// Something has to hold before anything can be asserted.
    Premise(Claim),
    /// Something is asserted.
    Claim(Claim),
}

impl Line {
    /// What the line asserts, or says that it must hold before.
    #[must_use]
    pub fn claim(&self) -> Option<&Claim> {
        match &self.step {
            Some(Step::Claim(claim) | Step::Premise(claim)) => Some(claim),
            _ => None,
        }
    }

    /// What the line does, if it does anything.
    #[must_use]
    pub fn act(&self) -> Option<&Act> {
        match &self.step {
            Some(Step::Act(act)) => Some(act),
            _ => None,
        }
    }

    /// What the line means to the verdict.
    #[must_use]
    pub fn part(&self) -> Option<Part> {
        match &self.step {
            Some(Step::Claim(claim)) => Some(Part::Claim(claim.clone())),
            Some(Step::Premise(claim)) => Some(Part::Premise(claim.clone())),
            _ => None,
        }
    }
}
