//! The saved run: one finished value that every report is made from, and that can be read back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::contract::Contract;
use crate::timeline::{Observation, millis};
use crate::verdict::Verdict;

/// The version of the format. A change that old readers can't read makes it one higher.
pub const FORMAT_VERSION: u32 = 1;

/// Everything that a run found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The version of this format.
    pub format_version: u32,
    /// What made it.
    pub tool: Tool,
    /// What was judged.
    pub subject: Subject,
    /// What the suite took for granted.
    pub contract: Contract,
    /// What the user should know, such as the changes that isolation made.
    pub notes: Vec<String>,
    /// Every check that was selected, in the order of the catalogue.
    pub checks: Vec<CheckRecord>,
}

/// The program that made a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was judged, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The compose file or folder.
    pub stack: String,
    /// The id of the app's image.
    pub image: String,
    /// The run's id on the engine.
    pub run: String,
    /// When it started, as RFC 3339.
    pub started_at: String,
    /// How long it took.
    #[serde(rename = "duration_ms", with = "millis")]
    pub duration: Duration,
}

/// How serious a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Not ready for production.
    Must,
    /// Worth mending.
    Should,
}

/// What became of one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckRecord {
    /// The id, such as `outage.killed`.
    pub id: String,
    /// The dependency that this is about, for a check that is made once per dependency.
    pub dependency: Option<String>,
    /// The scenario's name.
    pub title: String,
    /// How serious a failure is.
    pub severity: Severity,
    /// The outcome.
    pub verdict: Verdict,
    /// Why, unless it passed.
    pub reason: Option<String>,
    /// Why the check matters.
    pub why: String,
    /// How to mend a failure.
    pub mend: String,
    /// How long it took.
    #[serde(rename = "duration_ms", with = "millis")]
    pub duration: Duration,
    /// All that was observed, by time.
    pub timeline: Vec<Observation>,
}

impl CheckRecord {
    /// The id, with the dependency in brackets where there is one: `outage.killed[db]`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.dependency {
            Some(dependency) => format!("{}[{dependency}]", self.id),
            None => self.id.clone(),
        }
    }
}

/// How many checks had each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Checks that passed.
    pub passed: usize,
    /// Checks that failed.
    pub failed: usize,
    /// Checks that don't apply.
    pub not_applicable: usize,
    /// Checks whose failure is accepted.
    pub waived: usize,
    /// Checks that could not be run.
    pub could_not_run: usize,
}

impl Counts {
    /// How many checks were run.
    #[must_use]
    pub fn ran(&self) -> usize {
        self.passed + self.failed + self.waived + self.could_not_run
    }
}

impl Run {
    /// How many checks had each outcome.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for check in &self.checks {
            *match check.verdict {
                Verdict::Passed => &mut counts.passed,
                Verdict::Failed => &mut counts.failed,
                Verdict::NotApplicable => &mut counts.not_applicable,
                Verdict::Waived => &mut counts.waived,
                Verdict::CouldNotRun => &mut counts.could_not_run,
            } += 1;
        }
        counts
    }

    /// The verdict of every check, by name.
    #[must_use]
    pub fn verdicts(&self) -> BTreeMap<String, Verdict> {
        self.checks.iter().map(|check| (check.name(), check.verdict)).collect()
    }
}
