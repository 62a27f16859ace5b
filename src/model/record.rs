//! The saved run: one finished value that every report is made from, that can be read back, and that can be judged again.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::{JsonSchema, schema_for};
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use super::{Apps, Cause, Fact, Finding, Observation, Place, Proof, ScenarioLine, Severity, Verdict, version_1};
use crate::clock::millis;
use crate::subject::Contract;

/// The version of the format. A change that old readers can't read makes it one higher.
pub const FORMAT_VERSION: u32 = 2;
/// What the schema of the format is called.
const SCHEMA_ID: &str = "https://github.com/seaworthy-dev/seaworthy/blob/main/docs/run-2.schema.json";

/// What is said of an app, with its name in front where a run has several: `worker: it exits`.
#[must_use]
pub fn in_app(app: Option<&str>, told: &str) -> String {
    app.iter().map(|app| format!("{app}: ")).chain([told.to_owned()]).collect()
}

/// The id of a check in its name.
#[must_use]
pub fn id_in(name: &str) -> &str {
    let within_app = name.rsplit('/').next().unwrap_or(name);
    within_app.split('[').next().unwrap_or(within_app)
}

/// When the experiment went on without a check, by its name, after its last step; nothing when it did not.
#[must_use]
pub fn end_of_turn(timeline: &[Observation], check: &str) -> Option<Duration> {
    let steps = || timeline.iter().filter_map(|one| matches!(one.fact, Fact::Step { .. }).then_some((one.id, one.at, &one.fact)));
    let is_own = |fact: &Fact| matches!(fact, Fact::Step { check: Some(of), .. } if of == check);
    let last = steps().filter(|(_, _, fact)| is_own(fact)).map(|(id, ..)| id).max()?;
    let is_act = |fact: &Fact| matches!(fact, Fact::Step { check: None, .. });
    steps().filter(|(id, _, fact)| *id > last && is_act(fact)).min_by_key(|(id, ..)| *id).map(|(_, at, _)| at)
}

/// Everything that a run found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The version of this format.
    pub format_version: u32,
    /// What made it.
    pub tool: Tool,
    /// What was judged.
    pub subject: Subject,
    /// What the suite took for granted of its app, or of each of several.
    #[serde(flatten)]
    pub apps: Apps,
    /// What the user should know, such as the changes that isolation made.
    pub notes: Vec<String>,
    /// Whether checks of severity `should` count too.
    pub strict: bool,
    /// What was set up and disturbed, and all that was observed of it.
    pub experiments: Vec<ExperimentRecord>,
    /// What is to be fixed, the most serious first: each failed check belongs to one.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// Every check that was selected, in the order of the catalogue.
    pub checks: Vec<CheckRecord>,
    /// Which of them notice known defects, with `--prove`: they are then what is compared with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proof: Vec<Proof>,
}

/// One instance of the stack, set up and disturbed in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExperimentRecord {
    /// The app that it is about, where the run has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// What it is called.
    pub name: String,
    /// All that was observed, by time.
    pub timeline: Vec<Observation>,
}

/// The JSON Schema (2020-12) of a saved run.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schema_for!(Run);
    schema.insert("$id".into(), SCHEMA_ID.into());
    schema.insert("title".into(), "A run of Seaworthy".into());
    schema.to_value()
}

/// Why a saved run can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file can't be read.
    #[error("it can't be read")]
    File(#[source] std::io::Error),
    /// It is something else.
    #[error("it is not a saved run")]
    NoRun(#[source] serde_json::Error),
    /// It was saved by a version that knows more.
    #[error("it is a run of format {0}, and this version reads {FORMAT_VERSION}")]
    TooNew(u32),
}

impl ReadError {
    /// What the user can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::File(_) => "name a file that `seaworthy check --json FILE` has written",
            Self::NoRun(_) => "`seaworthy check --json FILE` saves a run",
            Self::TooNew(_) => "read it with the version of seaworthy that made it, or with a newer one",
        }
    }
}

/// The program that made a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// What was judged, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Subject {
    /// The compose file or folder.
    pub stack: String,
    /// The files that it was read from, as they are named from where the run was started.
    #[serde(default)]
    pub files: SourceFiles,
    /// The id of the app's image; of several apps each has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The run's id on the engine.
    pub run: String,
    /// When it started, as RFC 3339.
    pub started_at: String,
    /// How long it took.
    #[serde(rename = "duration_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub duration: Duration,
}

/// The files that a stack is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceFiles {
    /// The compose files, the one that is merged last first.
    pub compose: Vec<String>,
    /// The app's Dockerfile; of several apps each has its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
}

/// What became of one check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckRecord {
    /// The app that it is about, where the run has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
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
    /// How a claim was broken, when one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// The check that reports the defect for which this one could not be judged, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_by: Option<String>,
    /// The flag with which it would be made, where it does not apply for want of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// Why it does not apply, could not be run, or is waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why the check matters.
    pub why: String,
    /// How to fix a failure.
    pub fix: String,
    /// How long it took.
    #[serde(rename = "duration_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub duration: Duration,
    /// The number of its experiment, from 0; nothing when it was not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub experiment: Option<usize>,
    /// The lines of its scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ScenarioLine>,
}

impl CheckRecord {
    /// The id, with the dependency in brackets where there is one, and with the app in front where the run has several:
    /// `worker/outage.killed[db]`.
    #[must_use]
    pub fn name(&self) -> String {
        self.app.iter().map(|app| format!("{app}/")).chain([self.name_within_app()]).collect()
    }

    /// The same without the app: `outage.killed[db]`.
    #[must_use]
    pub fn name_within_app(&self) -> String {
        match &self.dependency {
            Some(dependency) => format!("{}[{dependency}]", self.id),
            None => self.id.clone(),
        }
    }

    /// The title, with the app in front where the run has several.
    #[must_use]
    pub fn full_title(&self) -> String {
        in_app(self.app.as_deref(), &self.title)
    }

    /// Which lines of the user's files are at fault, where that is known.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        self.finding.as_ref().map_or(&[], |finding| &finding.places)
    }
}

/// What a run comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// Every check that counts passed.
    Passed,
    /// A check that counts failed.
    Failed,
    /// A check could not come to a verdict.
    CouldNotRun,
    /// No check ran, or none came to a verdict of its own.
    NothingRan,
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
    /// Checks that could not be judged for a defect that another check reports.
    pub blocked: usize,
}

impl Counts {
    /// Counts these.
    pub fn of<'a>(checks: impl Iterator<Item = &'a CheckRecord>) -> Self {
        let mut counts = Self::default();
        for check in checks {
            *match check.verdict {
                Verdict::Passed => &mut counts.passed,
                Verdict::Failed => &mut counts.failed,
                Verdict::NotApplicable => &mut counts.not_applicable,
                Verdict::Waived => &mut counts.waived,
                Verdict::CouldNotRun => &mut counts.could_not_run,
                Verdict::Blocked => &mut counts.blocked,
            } += 1;
        }
        counts
    }

    /// How many checks were run.
    #[must_use]
    pub fn ran(&self) -> usize {
        self.passed + self.failed + self.waived + self.could_not_run + self.blocked
    }
}

impl Run {
    /// Reads a run that was saved as JSON.
    pub fn read(json: &[u8]) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Version {
            format_version: u32,
        }
        // A later format may look different in every other respect.
        let Version { format_version } = serde_json::from_slice(json).map_err(ReadError::NoRun)?;
        match format_version {
            1 => version_1::read(json).map_err(ReadError::NoRun),
            FORMAT_VERSION => serde_json::from_slice(json).and_then(Self::with_known_apps).map_err(ReadError::NoRun),
            other => Err(ReadError::TooNew(other)),
        }
    }

    /// The run, when every app that something in it is about is one of its apps.
    fn with_known_apps(self) -> serde_json::Result<Self> {
        let with_defects = self.proof.iter().flat_map(|proof| &proof.checks).filter_map(|check| check.with_defect.as_ref());
        let of_checks = self.checks.iter().chain(with_defects).map(|check| &check.app);
        let named = of_checks.chain(self.experiments.iter().map(|one| &one.app)).chain(self.causes.iter().map(|one| &one.app));
        match named.into_iter().find(|app| self.apps.contract(app.as_deref()).is_none()) {
            Some(app) => Err(serde_json::Error::custom(format!("it has no contract of the app {app:?}"))),
            None => Ok(self),
        }
    }

    /// What the suite took for granted of a check's app.
    #[must_use]
    pub fn contract(&self, check: &CheckRecord) -> &Contract {
        match self.apps.contract(check.app.as_deref()) {
            Some(contract) => contract,
            None => unreachable!("a run has the contracts of all apps that its checks are about"),
        }
    }

    /// The checks of an app; without a name all of the only one.
    pub fn checks_of<'a>(&'a self, app: Option<&'a str>) -> impl Iterator<Item = &'a CheckRecord> + Clone {
        self.checks.iter().filter(move |check| check.app.as_deref() == app)
    }

    /// What it comes to. Checks of severity `should` count in a strict run.
    #[must_use]
    pub fn conclusion(&self) -> Conclusion {
        self.conclude(self.checks.iter())
    }

    /// What it comes to for one of several apps.
    #[must_use]
    pub fn conclusion_of(&self, app: Option<&str>) -> Conclusion {
        self.conclude(self.checks_of(app))
    }

    fn conclude<'a>(&self, checks: impl Iterator<Item = &'a CheckRecord> + Clone) -> Conclusion {
        let counts = Counts::of(checks.clone());
        let fails = |check: &CheckRecord| check.verdict == Verdict::Failed && (self.strict || check.severity == Severity::Must);
        if counts.could_not_run > 0 {
            Conclusion::CouldNotRun
        } else if checks.into_iter().any(fails) {
            Conclusion::Failed
        } else if counts.ran() == counts.blocked {
            // A check that is blocked has shown nothing.
            Conclusion::NothingRan
        } else {
            Conclusion::Passed
        }
    }

    /// What was observed in a check's experiment.
    #[must_use]
    pub fn timeline(&self, check: &CheckRecord) -> &[Observation] {
        check.experiment.and_then(|number| self.experiments.get(number)).map_or(&[], |experiment| &experiment.timeline)
    }

    /// What a check has seen of its experiment: until the next act after its last claim, and without the steps of other checks.
    #[must_use]
    pub fn seen_by(&self, check: &CheckRecord) -> Vec<Observation> {
        let (timeline, name) = (self.timeline(check), check.name());
        let end = end_of_turn(timeline, &name).unwrap_or(Duration::MAX);
        let is_own = |one: &Observation| match &one.fact {
            Fact::Step { check, .. } | Fact::Halted { check, .. } => check.as_ref().is_none_or(|of| *of == name),
            _ => true,
        };
        timeline.iter().filter(|one| one.at < end && is_own(one)).cloned().collect()
    }

    /// How many checks had each outcome.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(self.checks.iter())
    }

    /// The verdict of every check, by name.
    #[must_use]
    pub fn verdicts(&self) -> BTreeMap<String, Verdict> {
        self.checks.iter().map(|check| (check.name(), check.verdict)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[u8] = include_bytes!("../../tests/fixtures/runs/version-1.json");

    fn run(strict: bool, checks: &[(Severity, Verdict)]) -> Run {
        let mut run = Run::read(OLD).expect("a run");
        let check = run.checks.remove(0);
        let checks = checks.iter().map(|&(severity, verdict)| CheckRecord { severity, verdict, ..check.clone() });
        Run { strict, checks: checks.collect(), ..run }
    }

    #[test]
    fn a_run_comes_to_what_counts() {
        let (must, should) = (|verdict| (Severity::Must, verdict), |verdict| (Severity::Should, verdict));
        for (checks, lenient, strict) in [
            (vec![], Conclusion::NothingRan, Conclusion::NothingRan),
            (vec![must(Verdict::NotApplicable)], Conclusion::NothingRan, Conclusion::NothingRan),
            (vec![must(Verdict::Passed), must(Verdict::NotApplicable)], Conclusion::Passed, Conclusion::Passed),
            (vec![must(Verdict::Blocked)], Conclusion::NothingRan, Conclusion::NothingRan),
            (vec![must(Verdict::Passed), must(Verdict::Blocked)], Conclusion::Passed, Conclusion::Passed),
            (vec![must(Verdict::Waived)], Conclusion::Passed, Conclusion::Passed),
            (vec![must(Verdict::Passed), must(Verdict::Failed)], Conclusion::Failed, Conclusion::Failed),
            (vec![must(Verdict::Passed), should(Verdict::Failed)], Conclusion::Passed, Conclusion::Failed),
            (vec![must(Verdict::Failed), should(Verdict::CouldNotRun)], Conclusion::CouldNotRun, Conclusion::CouldNotRun),
        ] {
            assert_eq!(run(false, &checks).conclusion(), lenient, "{checks:?}");
            assert_eq!(run(true, &checks).conclusion(), strict, "{checks:?}, strict");
        }
    }

    #[test]
    fn checks_are_counted_by_verdict() {
        let verdicts =
            [Verdict::Passed, Verdict::Failed, Verdict::NotApplicable, Verdict::Waived, Verdict::CouldNotRun, Verdict::Blocked];
        let checks: Vec<_> = verdicts.iter().zip(1..).flat_map(|(verdict, n)| vec![(Severity::Must, *verdict); n]).collect();
        let counts = run(false, &checks).counts();
        assert_eq!(counts, Counts { passed: 1, failed: 2, not_applicable: 3, waived: 4, could_not_run: 5, blocked: 6 });
        assert_eq!(counts.ran(), 18);
    }

    #[test]
    fn a_run_survives_the_way_to_json_and_back() {
        let run = Run::read(OLD).expect("a run");
        let json = serde_json::to_vec(&run).expect("serialised");
        assert_eq!(Run::read(&json).expect("deserialised"), run);
    }

    #[test]
    fn what_is_no_run_and_what_is_too_new_are_told_apart() {
        for text in ["", "[]", "{}", r#"{"format_version": 2}"#, r#"{"format_version": 1}"#] {
            assert!(matches!(Run::read(text.as_bytes()), Err(ReadError::NoRun(_))), "{text}");
        }
        assert!(matches!(Run::read(br#"{"format_version": 3, "experiments": 7}"#), Err(ReadError::TooNew(3))));
    }
}
