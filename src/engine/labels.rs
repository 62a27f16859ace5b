//! The labels by which everything that we create is found and removed.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::owner::Owner;

/// The run that a resource belongs to. Everything that carries it is ours to remove.
pub const RUN: &str = "dev.seaworthy.run";
/// The process that owns the run.
const OWNER_PID: &str = "dev.seaworthy.owner.pid";
/// The same process, told apart from every other one that ever had its number.
pub(super) const OWNER: &str = "dev.seaworthy.owner";
/// When the run started, in seconds since the epoch.
const STARTED: &str = "dev.seaworthy.started";
/// Compose's own label for the project.
pub const PROJECT: &str = "com.docker.compose.project";
/// Compose's own label for the service.
pub const SERVICE: &str = "com.docker.compose.service";
/// Compose's own label for the number of a replica.
pub(super) const NUMBER: &str = "com.docker.compose.container-number";
/// What testcontainers looks for before it adopts a container.
const MANAGED_BY: (&str, &str) = ("org.testcontainers.managed-by", "testcontainers");

/// The identity of a run, unique on the engine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// A new identity: eight random hexadecimal digits, short enough to be typed.
    #[must_use]
    pub fn random() -> Self {
        // The keys of a hash map are the standard library's own source of randomness.
        let random = RandomState::new().build_hasher().finish();
        Self(format!("{:08x}", random >> 32))
    }

    /// The identity that a label holds, or that a user typed.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The folder for files that the run's containers have for themselves. Removed with the run.
    #[must_use]
    pub fn scratch(&self) -> PathBuf {
        std::env::temp_dir().join(format!("seaworthy-{self}"))
    }

    /// The filter that finds all that belongs to this run.
    #[must_use]
    pub fn filter(&self) -> String {
        format!("{RUN}={self}")
    }

    /// The labels for everything that this run creates.
    #[must_use]
    pub fn labels(&self, started: SystemTime) -> BTreeMap<String, String> {
        let started = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let owner = Owner::this().map(|owner| owner.to_label()).unwrap_or_default();
        [
            (RUN, self.0.clone()),
            (OWNER_PID, std::process::id().to_string()),
            (OWNER, owner),
            (STARTED, started.to_string()),
            (MANAGED_BY.0, MANAGED_BY.1.to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
