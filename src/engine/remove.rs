//! Removing what we created, and nothing else: every look-up is by our own label.

use std::collections::HashMap;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use futures::future::join_all;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use super::{Engine, EngineError, PROJECT};

/// A network may stay in use for a moment after its last container is gone.
const PAUSE: Duration = Duration::from_millis(100);
const ATTEMPTS: usize = 100;

/// What is left of a run, by kind and name.
#[derive(Debug, Default)]
struct Leftovers {
    containers: Vec<String>,
    networks: Vec<String>,
    volumes: Vec<String>,
    images: Vec<String>,
}

impl Engine {
    /// Removes every container, network and volume of one project of this run.
    pub async fn remove_project(&self, project: &str) -> Result<(), EngineError> {
        self.remove(vec![self.run.filter(), format!("{PROJECT}={project}")], false).await
    }

    /// Removes everything that carries this run's label: containers, networks, volumes, images.
    pub async fn remove_run(&self) -> Result<(), EngineError> {
        self.remove(vec![self.run.filter()], true).await
    }

    async fn remove(&self, labels: Vec<String>, with_images: bool) -> Result<(), EngineError> {
        let attempt = || async {
            let left = self.leftovers(&labels, with_images).await?;
            if left.is_empty() {
                return Ok(());
            }
            self.remove_all(&left).await;
            // Looks again rather than trusting the answers: something may have been created meanwhile.
            let left = self.leftovers(&labels, with_images).await?;
            if left.is_empty() { Ok(()) } else { Err(EngineError::NotRemoved { left: left.names() }) }
        };
        let pause = ConstantBuilder::default().with_delay(PAUSE).with_max_times(ATTEMPTS);
        attempt.retry(pause).when(|error| matches!(error, EngineError::NotRemoved { .. })).await
    }

    async fn leftovers(&self, labels: &[String], with_images: bool) -> Result<Leftovers, EngineError> {
        let filters = HashMap::from([("label", labels.to_vec())]);
        let containers = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let (containers, networks, volumes) = futures::try_join!(
            self.docker.list_containers(Some(containers)),
            self.docker.list_networks(Some(networks)),
            self.docker.list_volumes(Some(volumes)),
        )
        .map_err(EngineError::call("list what this run created"))?;
        let mut left = Leftovers {
            containers: containers.into_iter().filter_map(|container| container.id).collect(),
            networks: networks.into_iter().filter_map(|network| network.id).collect(),
            volumes: volumes.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect(),
            images: vec![],
        };
        if with_images {
            let images = ListImagesOptionsBuilder::new().filters(&filters).build();
            let images = self.docker.list_images(Some(images)).await.map_err(EngineError::call("list the images of this run"))?;
            left.images = images.into_iter().map(|image| image.id).collect();
        }
        Ok(left)
    }

    /// Removes containers first, then what they used. Errors are left to the look that follows.
    async fn remove_all(&self, left: &Leftovers) {
        let options = || Some(RemoveContainerOptionsBuilder::new().force(true).v(true).build());
        report(join_all(left.containers.iter().map(|id| self.docker.remove_container(id, options()))).await);
        let networks = join_all(left.networks.iter().map(|id| self.docker.remove_network(id)));
        let options = || Some(RemoveVolumeOptionsBuilder::new().force(true).build());
        let volumes = join_all(left.volumes.iter().map(|name| self.docker.remove_volume(name, options())));
        let (networks, volumes) = futures::join!(networks, volumes);
        report(networks);
        report(volumes);
        let options = || Some(RemoveImageOptionsBuilder::new().force(true).build());
        report(join_all(left.images.iter().map(|id| self.docker.remove_image(id, options(), None))).await);
    }
}

impl Leftovers {
    fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty() && self.images.is_empty()
    }

    fn names(&self) -> Vec<String> {
        let named = |kind: &str, names: &[String]| names.iter().map(|name| format!("{kind} {name}")).collect::<Vec<_>>();
        [
            named("container", &self.containers),
            named("network", &self.networks),
            named("volume", &self.volumes),
            named("image", &self.images),
        ]
        .concat()
    }
}

fn report<T>(results: Vec<Result<T, testcontainers::bollard::errors::Error>>) {
    for error in results.into_iter().filter_map(Result::err) {
        tracing::debug!(%error, "not removed yet");
    }
}
