//! Disturbing containers: freezing, cutting off, removing.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::models::{
    ContainerCreateBody, EndpointSettings, NetworkConnectRequest, NetworkDisconnectRequest, NetworkingConfig,
};
use testcontainers::bollard::query_parameters::{
    CreateContainerOptions, InspectContainerOptions, RemoveContainerOptionsBuilder, StartContainerOptions,
};

use super::{Engine, EngineError, PROJECT};

/// From one attempt to freeze a container to the next, and how many there are.
const PAUSE: Duration = Duration::from_millis(50);
const ATTEMPTS: usize = 100;

/// A container's place on a network, by which it can be put back.
#[derive(Clone, Debug, PartialEq)]
pub struct Attachment {
    network: String,
    settings: EndpointSettings,
}

impl Engine {
    /// Freezes all processes of a container: they stay, and do nothing.
    pub async fn freeze(&self, container: &str) -> Result<(), EngineError> {
        // On a busy machine the kernel may not stop a process that forks in time, and then runc gives up and thaws what it had frozen.
        let gave_up = |error: &Error| error.to_string().contains("unable to freeze");
        let patiently = ConstantBuilder::default().with_delay(PAUSE).with_max_times(ATTEMPTS);
        let frozen = (|| self.docker.pause_container(container)).retry(patiently).when(gave_up).await;
        frozen.map_err(EngineError::call(format!("pause the container {container}")))
    }

    /// Lets a frozen container go on.
    pub async fn thaw(&self, container: &str) -> Result<(), EngineError> {
        let thawed = self.docker.unpause_container(container).await;
        thawed.map_err(EngineError::call(format!("unpause the container {container}")))
    }

    /// Takes a container off all its networks. Returns how to put it back, under the same names.
    pub async fn cut_off(&self, container: &str) -> Result<Vec<Attachment>, EngineError> {
        let networks =
            self.inspect_all(container).await?.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        let mut attachments = vec![];
        for (network, known) in networks {
            let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
            let cut = self.docker.disconnect_network(&network, request).await;
            cut.map_err(EngineError::call(format!("disconnect the container {container} from the network {network}")))?;
            // The engine gives it an address again; a network with subnets of the user's own does not exist in a copy.
            let settings = EndpointSettings {
                aliases: known.aliases,
                links: known.links,
                driver_opts: known.driver_opts,
                ..EndpointSettings::default()
            };
            attachments.push(Attachment { network, settings });
        }
        Ok(attachments)
    }

    /// Puts a container back on the networks that it was taken off.
    pub async fn put_back(&self, container: &str, attachments: Vec<Attachment>) -> Result<(), EngineError> {
        for Attachment { network, settings } in attachments {
            let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(settings) };
            let joined = self.docker.connect_network(&network, request).await;
            joined.map_err(EngineError::call(format!("connect the container {container} to the network {network}")))?;
        }
        Ok(())
    }

    /// Starts a second container of the same image, with the same variables and command and without a name, on the networks of a
    /// container: it takes the addresses that are free, and is frozen at once, so that nobody is served there. It is removed with its
    /// project.
    pub async fn occupy(&self, container: &str) -> Result<(), EngineError> {
        let failed = || EngineError::call(format!("start a second container like {container}"));
        let inspected = self.docker.inspect_container(container, None::<InspectContainerOptions>).await.map_err(failed())?;
        let config = inspected.config.unwrap_or_default();
        let networks = inspected.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
        let ours = |label: &String| label.starts_with("dev.seaworthy.") || label == PROJECT;
        let body = ContainerCreateBody {
            image: config.image,
            env: config.env,
            cmd: config.cmd,
            entrypoint: config.entrypoint,
            labels: config.labels.map(|labels| labels.into_iter().filter(|(label, _)| ours(label)).collect()),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(networks.into_keys().map(|network| (network, EndpointSettings::default())).collect()),
            }),
            ..ContainerCreateBody::default()
        };
        let creating = self.creating().await;
        let created = self.docker.create_container(None::<CreateContainerOptions>, body).await;
        drop(creating);
        let id = created.map_err(failed())?.id;
        self.docker.start_container(&id, None::<StartContainerOptions>).await.map_err(failed())?;
        self.freeze(&id).await
    }

    /// Removes a container, whatever it does. Its volumes stay, except for those without a name, which nobody could find again.
    pub async fn remove_container(&self, container: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        let removed = self.docker.remove_container(container, Some(options)).await;
        removed.map_err(EngineError::call(format!("remove the container {container}")))
    }
}
