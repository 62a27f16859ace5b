//! Removing what we created, and nothing else: every look-up is by our own label.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use futures::future::join_all;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use super::labels::OWNER;
use super::owner::{Life, Owner};
use super::{Engine, EngineError, PROJECT, RUN, RunId, is_local};

/// A network may stay in use for a moment after its last container is gone.
const PAUSE: Duration = Duration::from_millis(100);
const ATTEMPTS: usize = 100;

/// Something on the engine that carries our label.
#[derive(Debug)]
struct Resource {
    kind: Kind,
    id: String,
    labels: HashMap<String, String>,
}

/// In the order of removal: a network or an image can't be removed while a container uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Container,
    Network,
    Volume,
    Image,
}

/// A run that has something on the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRun {
    /// Its identity.
    pub run: RunId,
    /// Whether the process that it belongs to is gone for good.
    pub is_dead: bool,
    /// How much it has on the engine, by kind.
    pub resources: BTreeMap<&'static str, usize>,
}

impl fmt::Display for KnownRun {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resources: Vec<String> = self.resources.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        write!(formatter, "run {} ({})", self.run, resources.join(", "))
    }
}

impl Engine {
    /// Removes every container, network and volume of one project of this run.
    pub async fn remove_project(&self, project: &str) -> Result<(), EngineError> {
        self.remove(&[self.run.filter(), format!("{PROJECT}={project}")]).await
    }

    /// Removes everything that carries a run's label: containers, networks, volumes, images, and its scratch folder.
    pub async fn remove_run(&self, run: &RunId) -> Result<(), EngineError> {
        self.remove(&[run.filter()]).await?;
        // No container uses it any more.
        match std::fs::remove_dir_all(run.scratch()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(EngineError::NotRemoved { left: vec![format!("folder {}: {error}", run.scratch().display())] })
            }
            _ => Ok(()),
        }
    }

    /// Every run that has something on the engine, except this one.
    pub async fn known_runs(&self) -> Result<Vec<KnownRun>, EngineError> {
        let mut runs: BTreeMap<RunId, KnownRun> = BTreeMap::new();
        for resource in self.labelled(&[RUN.to_owned()]).await? {
            let Some(run) = resource.labels.get(RUN).map(|run| RunId::read(run)).filter(|run| *run != self.run) else { continue };
            let owner = resource.labels.get(OWNER).and_then(|label| Owner::from_label(label));
            let is_dead = owner.is_some_and(|owner| owner.life(is_local()) == Life::Dead);
            let known = runs.entry(run.clone()).or_insert(KnownRun { run, is_dead, resources: BTreeMap::new() });
            *known.resources.entry(resource.kind.plural()).or_default() += 1;
        }
        Ok(runs.into_values().collect())
    }

    /// Removes what runs left whose process is gone. Returns those runs.
    pub async fn sweep(&self) -> Result<Vec<KnownRun>, EngineError> {
        let mut dead = self.known_runs().await?;
        dead.retain(|known| known.is_dead);
        for known in &dead {
            self.remove_run(&known.run).await?;
        }
        Ok(dead)
    }

    async fn remove(&self, labels: &[String]) -> Result<(), EngineError> {
        let attempt = || async {
            let found = self.labelled(labels).await?;
            if found.is_empty() {
                return Ok(());
            }
            self.remove_all(&found).await;
            // Looks again rather than trusting the answers: something may have been created meanwhile.
            let left = self.labelled(labels).await?;
            if left.is_empty() {
                Ok(())
            } else {
                Err(EngineError::NotRemoved { left: left.iter().map(ToString::to_string).collect() })
            }
        };
        let pause = ConstantBuilder::default().with_delay(PAUSE).with_max_times(ATTEMPTS);
        let may_pass = |error: &EngineError| matches!(error, EngineError::NotRemoved { .. }) || error.is_of_a_moment();
        attempt.retry(pause).when(may_pass).await
    }

    /// Everything that carries all of these labels.
    async fn labelled(&self, labels: &[String]) -> Result<Vec<Resource>, EngineError> {
        let filters = HashMap::from([("label", labels.to_vec())]);
        let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let images = ListImagesOptionsBuilder::new().filters(&filters).build();
        let (containers, networks, volumes, images) = futures::try_join!(
            self.docker.list_containers(Some(containers)),
            self.docker.list_networks(Some(networks)),
            self.docker.list_volumes(Some(volumes)),
            self.docker.list_images(Some(images)),
        )
        .map_err(EngineError::call("list what seaworthy created"))?;
        let containers =
            containers.into_iter().map(|one| (Kind::Container, one.id.unwrap_or_default(), one.labels.unwrap_or_default()));
        let networks =
            networks.into_iter().map(|one| (Kind::Network, one.id.unwrap_or_default(), one.labels.unwrap_or_default()));
        let volumes = volumes.volumes.unwrap_or_default().into_iter().map(|one| (Kind::Volume, one.name, one.labels));
        let images = images.into_iter().map(|one| (Kind::Image, one.id, one.labels));
        let all = containers.chain(networks).chain(volumes).chain(images);
        Ok(all.map(|(kind, id, labels)| Resource { kind, id, labels }).collect())
    }

    /// Removes kind after kind, all of a kind at once. Errors are left to the look that follows.
    async fn remove_all(&self, resources: &[Resource]) {
        for kind in [Kind::Container, Kind::Network, Kind::Volume, Kind::Image] {
            let removals = resources.iter().filter(|resource| resource.kind == kind).map(|resource| self.remove_one(resource));
            join_all(removals).await;
        }
    }

    async fn remove_one(&self, resource: &Resource) -> Result<(), Error> {
        let id = &resource.id;
        match resource.kind {
            Kind::Container => {
                let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
                self.docker.remove_container(id, Some(options)).await
            }
            Kind::Network => self.docker.remove_network(id).await,
            Kind::Volume => {
                let options = RemoveVolumeOptionsBuilder::new().force(true).build();
                self.docker.remove_volume(id, Some(options)).await
            }
            Kind::Image => {
                let options = RemoveImageOptionsBuilder::new().force(true).build();
                self.docker.remove_image(id, Some(options), None).await.map(drop)
            }
        }
    }
}

impl Kind {
    fn plural(self) -> &'static str {
        match self {
            Self::Container => "containers",
            Self::Network => "networks",
            Self::Volume => "volumes",
            Self::Image => "images",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.kind.plural().trim_end_matches('s'), self.id)
    }
}
