//! Causes: one defect, with all findings that it explains.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Defect, Place, Severity};

/// One thing to fix, and what it explains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// The app whose it is, where a run has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// What is wrong, in a sentence; nothing where only the finding of one check says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headline: Option<String>,
    /// The defect that its findings share; nothing where it is that of one check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defect: Option<Defect>,
    /// The most serious of the checks that failed for it.
    pub severity: Severity,
    /// The check that shows it most plainly, by name.
    pub check: String,
    /// What that check has seen.
    pub evidence: String,
    /// How to fix it.
    pub fix: String,
    /// Which lines of the user's files are at fault, where that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// The other checks that failed for it, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_failed: Vec<String>,
    /// The checks that could not be judged for it, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}
