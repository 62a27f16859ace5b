//! The lines of a scenario, as they were read.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A line of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioLine {
    /// What kind of line it is.
    #[serde(default)]
    pub keyword: Keyword,
    /// The word that it begins with, such as `And`; empty in a run of format 1.
    #[serde(default)]
    pub word: String,
    /// The sentence.
    pub text: String,
}

/// A kind of line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// How a scenario begins.
    #[default]
    Given,
    /// What is done in it.
    When,
    /// What it asserts.
    Then,
}

impl fmt::Display for ScenarioLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.word.is_empty() {
            return formatter.write_str(&self.text);
        }
        write!(formatter, "{} {}", self.word, self.text)
    }
}
