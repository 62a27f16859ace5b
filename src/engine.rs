//! The container engine: the only module that talks to its API, and the only one besides `compose/` that may start processes.
//!
//! Testcontainers starts containers that Compose created; bollard, through the client that testcontainers hands out,
//! observes, disturbs and removes them. Everything is found by our labels, and only labelled resources are ever touched.

mod context;
mod creations;
mod disturb;
mod error;
mod events;
mod exec;
mod export;
mod files;
mod folder;
mod image;
mod inspect;
mod kernel;
mod labels;
mod load;
mod logs;
mod owner;
mod process;
mod reach;
mod reaper;
mod remove;
mod scan;
mod sockets;
mod start;
mod tap;
mod terminal;
mod usage;
mod zombies;

use std::sync::Arc;

use testcontainers::bollard::Docker;

pub use self::context::follow_context;
pub use self::creations::Creating;
pub use self::disturb::Attachment;
pub use self::error::EngineError;
pub use self::events::{ContainerEvent, EventKind};
pub use self::exec::Ended;
pub use self::export::Base;
pub use self::folder::Folder;
pub use self::image::ImageFacts;
pub use self::inspect::{ContainerFacts, CreatedContainer};
pub use self::labels::{PROJECT, RUN, RunId, SERVICE};
pub use self::logs::{LogError, LogLine, Reading};
pub use self::process::{Declared, HealthCheck};
pub use self::reach::{Access, AskedAccess, Reach};
pub use self::reaper::{Reaper, reap};
pub use self::remove::KnownRun;
pub use self::scan::Scanned;
pub use self::sockets::Sockets;
pub use self::start::Started;
pub use self::tap::TAP;
use crate::clock::Clock;

/// The oldest engine API that all calls need: Docker Engine 23.
const OLDEST_API: (u32, u32) = (1, 42);

/// What Podman calls itself. All its versions tell that they speak API 1.41, whatever they have of later ones, so that its own number tells.
const PODMAN: &str = "Podman Engine";
/// The oldest Podman on which checks were made: that of Debian 12.
const OLDEST_PODMAN: (u32, u32) = (4, 3);

/// A connection to the engine on behalf of one run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {
    docker: Docker,
    run: RunId,
    clock: Clock,
    events: Arc<events::Feed>,
    creations: creations::Creations,
    access: Access,
    architecture: String,
    capacity: Capacity,
    tap_is_missing: Option<String>,
    /// Whether it is Podman, which does a few things in its own way.
    is_podman: bool,
    program_is_missing: Option<String>,
}

/// What the engine's machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Processor cores.
    pub cores: usize,
    /// Memory in bytes.
    pub memory: u64,
}

impl Engine {
    /// Connects to the engine that `DOCKER_HOST` names, or the default one, and follows its events from now on. Containers
    /// are reached in the way that the user asks for, or else in the one that suits the engine.
    pub async fn connect(run: RunId, clock: Clock, asked: Option<AskedAccess>) -> Result<Self, EngineError> {
        let unreachable = |source: Box<dyn std::error::Error + Send + Sync>| EngineError::Unreachable { host: host(), source };
        let docker = testcontainers::core::client::docker_client_instance().await.map_err(|error| unreachable(error.into()))?;
        let version = docker.version().await.map_err(|error| unreachable(error.into()))?;
        let api = version.api_version.unwrap_or_default();
        let podman = version.components.iter().flatten().find(|component| component.name == PODMAN);
        let is_too_old = podman.map_or_else(
            || parse_version(&api).is_none_or(|api| api < OLDEST_API),
            |podman| parse_version(&podman.version).is_none_or(|version| version < OLDEST_PODMAN),
        );
        if is_too_old {
            return Err(EngineError::TooOld { version: version.version.unwrap_or_default(), api });
        }
        let is_podman = podman.is_some();
        let events = Arc::new(events::Feed::open(docker.clone(), &run, clock));
        let info = docker.info().await.map_err(EngineError::call("describe itself"))?;
        let access = Access::find(&docker, &host(), info.kernel_version.as_deref().unwrap_or_default(), asked).await?;
        let at_least = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default();
        let capacity =
            Capacity { cores: usize::try_from(at_least(info.ncpu)).unwrap_or_default().max(1), memory: at_least(info.mem_total) };
        let (tap_is_missing, program_is_missing) = (tap::is_missing(&info), tap::is_not_built_in(&info));
        let architecture = version.arch.unwrap_or_default();
        Ok(Self {
            docker,
            run,
            clock,
            events,
            creations: creations::Creations::default(),
            access,
            architecture,
            capacity,
            tap_is_missing,
            is_podman,
            program_is_missing,
        })
    }

    /// The run whose resources this connection creates and removes.
    #[must_use]
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// The clock that event times are offsets of.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// How its containers are reached from here.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// The architecture that its images are made for, by its name in the OCI specification (`amd64`, `arm64`).
    #[must_use]
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// What its machine has.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }
}

/// Whether only this machine uses the engine.
fn is_local() -> bool {
    host().starts_with("unix://")
}

fn host() -> String {
    std::env::var("DOCKER_HOST").unwrap_or_else(|_| context::DEFAULT_HOST.into())
}

/// The first two numbers of a version.
fn parse_version(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
