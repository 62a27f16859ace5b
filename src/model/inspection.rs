//! What a look at a container, an image or a file shows: facts that nobody has to wait for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::clock::millis;
pub use crate::compose::BuildStep;
pub use crate::image::Weakness;

/// What one look has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Inspection {
    /// Everything of one kind that was found, which may be nothing.
    Listing(Listing),
    /// Whether a write to the root file system of the app succeeds.
    RootFileSystem {
        /// Whether it does.
        writable: bool,
    },
    /// What the app has changed in its container's file system.
    Changes {
        /// The changed paths.
        paths: Vec<String>,
        /// Where something is mounted.
        mounts: Vec<String>,
    },
    /// Which resources of the app are limited by the compose file.
    Limits {
        /// Whether memory is.
        memory: bool,
        /// Whether processors are.
        cpus: bool,
        /// Whether the number of processes is.
        pids: bool,
        /// Where they would stand.
        place: Option<Place>,
    },
    /// The user that the app is started as.
    User {
        /// As the image or the compose file declares it.
        declared: String,
        /// The number that stands for, by the image's table of users; nothing when that does not know it.
        uid: Option<u64>,
    },
    /// What the app's container starts.
    Command {
        /// The words of the command line.
        words: Vec<String>,
        /// The last line that does something, where the program is a script for a shell.
        last_line: Option<String>,
    },
    /// The signals that some process of the app handles or waits for: bit n - 1 stands for signal n.
    Signals {
        /// The bits.
        handled: u64,
    },
    /// The signals that the first process of the app handles or waits for, just before it is told to stop: bit n - 1 stands for signal n.
    FirstProcess {
        /// The bits.
        handled: u64,
    },
    /// How long the app takes from its start to its first ready answer when nothing is disturbed, as once measured before all checks.
    UndisturbedStart {
        /// In milliseconds in JSON.
        #[serde(rename = "took_ms", with = "millis")]
        #[schemars(with = "f64")]
        took: Duration,
    },
    /// The TCP ports of the app.
    Ports {
        /// Those that its image exposes.
        exposed: BTreeSet<u16>,
        /// Those of them that its base image exposes already.
        inherited: BTreeSet<u16>,
        /// Those on which it listens.
        listening: BTreeSet<u16>,
        /// Those on which it listens for its own container alone.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        within: BTreeSet<u16>,
    },
    /// Whether the app has a health check.
    HealthCheck {
        /// Whether the compose file or the image declares one.
        declared: bool,
        /// Where it would stand.
        place: Option<Place>,
    },
    /// The path of the app that its health check asks.
    HealthPath {
        /// The path.
        path: String,
    },
    /// The times of the app's health check.
    HealthTimes(HealthTimes),
    /// The last run of the app's health check; nothing when it has not run.
    HealthRun {
        /// The status and what it wrote.
        last: Option<(i64, String)>,
    },
    /// The labels of the app's image by which it can be found again.
    Labels {
        /// By name.
        labels: BTreeMap<String, String>,
    },
    /// How large the app's image is.
    ImageSize {
        /// All layers.
        bytes: u64,
        /// Each of them.
        layers: Vec<LayerBytes>,
    },
    /// What later layers of the app's image overwrite or delete.
    Waste {
        /// All layers.
        bytes: u64,
        /// What is wasted, by the layer that holds it.
        wasted: Vec<LayerBytes>,
    },
    /// What was done again in a build after one source file had changed.
    Rebuild {
        /// The file.
        touched: String,
        /// The steps of the second build.
        steps: Vec<BuildStep>,
    },
    /// What a scanner knows of the image.
    Weaknesses {
        /// Where the report is from.
        by: String,
        /// What it reports.
        found: Vec<Weakness>,
    },
    /// What an app does without one of its settings.
    WithoutSetting {
        /// The setting.
        name: String,
        /// What it does.
        outcome: SettingOutcome,
        /// Its last lines, and those that name the setting.
        lines: Vec<String>,
    },
    /// What became of a row when the container of its database was replaced.
    Row {
        /// The database.
        service: String,
        /// How it was replaced.
        #[serde(default)]
        by: Replacement,
        /// What became of it.
        state: RowState,
    },
    /// When a dependency is started, by the compose file.
    Order {
        /// The dependency.
        service: String,
        /// Whether `depends_on` of the app names it.
        named: bool,
        /// Whether the app waits for more than its start.
        waits: bool,
        /// Whether the dependency has a health check.
        has_health_check: bool,
        /// The line that is at fault, if one is.
        place: Option<Place>,
    },
    /// Where a database keeps its data.
    DataFolder {
        /// The database.
        service: String,
        /// The folder.
        folder: String,
        /// Whether it is on a volume with a name, or bound from outside.
        lasting: bool,
        /// Where the volume would stand.
        place: Option<Place>,
    },
}

/// Everything of one kind that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Listing {
    /// What was looked for.
    #[serde(rename = "trait")]
    pub kind: Trait,
    /// Where, if not in the image as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// What was found.
    pub items: Vec<Item>,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// What, in words.
    pub what: String,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A kind of thing that should not be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trait {
    /// Secrets in the image's environment, labels and command line.
    SecretInSettings,
    /// Secrets in the instructions by which the image was made.
    SecretInHistory,
    /// Files with secrets, in any layer.
    SecretFile,
    /// Compilers and build systems.
    Compiler,
    /// Programs that install packages, and that the app's user could use.
    PackageManager,
    /// Caches of installations.
    Cache,
    /// Programs above the base image that change the user of their caller.
    Setuid,
    /// Code that the app's user could change.
    WritableCode,
    /// Images without a tag or digest.
    LooseImage,
    /// Stages that build and run.
    SingleStage,
    /// Files that a build gets and should not have.
    Unwanted,
    /// Secrets that stand in the compose file.
    LiteralSecret,
    /// Keys that reach out of a container.
    Privilege,
    /// Ports of dependencies that are published beyond this machine.
    PublishedPort,
}

/// How many bytes of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LayerBytes {
    /// The layer, with the instruction that made it.
    pub layer: String,
    /// How many.
    pub bytes: u64,
}

/// The times of a health check, with the engine's values where none are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HealthTimes {
    /// From one run to the next.
    #[serde(rename = "interval_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub interval: Duration,
    /// How long a run may take.
    #[serde(rename = "timeout_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub timeout: Duration,
    /// How long failures do not count after the start.
    #[serde(rename = "start_period_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub start_period: Duration,
    /// How many failures in a row count.
    pub retries: u32,
    /// How long the app takes to be ready when nothing disturbs it.
    #[serde(rename = "app_start_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub app_start: Duration,
}

/// What an app does without a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum SettingOutcome {
    /// It serves: the setting has a default.
    Serves,
    /// It ends.
    Ended {
        /// The exit status.
        status: i64,
        /// How long after its start.
        #[serde(rename = "after_ms", with = "millis")]
        #[schemars(with = "f64")]
        after: Duration,
        /// How long it takes to be ready when nothing is missing.
        #[serde(rename = "app_start_ms", with = "millis")]
        #[schemars(with = "f64")]
        app_start: Duration,
    },
    /// Neither, for so long.
    Undecided {
        /// How long.
        #[serde(rename = "after_ms", with = "millis")]
        #[schemars(with = "f64")]
        after: Duration,
    },
}

/// How a container is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Replacement {
    /// By `docker compose up --force-recreate`, which hands volumes without a name on to the new one.
    Recreate,
    /// By `docker compose down` and `up`, which leaves them behind.
    #[default]
    DownAndUp,
}

impl fmt::Display for Replacement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Recreate => "`docker compose up --force-recreate`",
            Self::DownAndUp => "`docker compose down` and `up`",
        })
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowState {
    /// It is still there.
    Kept,
    /// Its table is empty.
    Empty,
    /// Its table is gone.
    Gone,
}

impl Listing {
    /// A finding for what was found: all of it, or the first five and how many more.
    #[must_use]
    pub fn told(&self) -> String {
        const TOLD: usize = 5;
        let told: Vec<&str> = self.items.iter().take(TOLD).map(|item| item.what.as_str()).collect();
        let more = self.items.len().saturating_sub(TOLD);
        if more == 0 { told.join("; ") } else { format!("{}; and {more} more", told.join("; ")) }
    }

    /// The lines at which they stand.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        self.items.iter().filter_map(|item| item.place.clone()).collect()
    }
}
