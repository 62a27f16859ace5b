//! Starting containers through testcontainers, and sending signals to them.

use testcontainers::bollard::query_parameters::KillContainerOptionsBuilder;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt, ReuseDirective};

use super::labels::NUMBER;
use super::{Engine, EngineError, PROJECT, SERVICE};

/// A container that testcontainers started. Dropping it removes nothing: removal is ours.
pub type Started = ContainerAsync<GenericImage>;

impl Engine {
    /// Starts the container that Compose created for a service, of several the one with this number, or starts it again after it died.
    ///
    /// "Started" means that its first process runs, not that it serves anything. No `depends_on` is waited for.
    pub async fn start(&self, project: &str, service: &str, number: usize) -> Result<Started, EngineError> {
        // Found by its labels, so the image is not looked at; these say which one in the debugger.
        GenericImage::new(project, service)
            .with_label(PROJECT, project)
            .with_label(SERVICE, service)
            .with_label(NUMBER, number.to_string())
            .with_reuse(ReuseDirective::Always)
            .start()
            .await
            .map_err(|source| EngineError::Start { service: service.to_owned(), source })
    }

    /// Sends a signal to the first process of a container. Like `docker kill`, this defeats its restart policy.
    pub async fn signal(&self, container: &str, signal: &str) -> Result<(), EngineError> {
        let options = KillContainerOptionsBuilder::new().signal(signal).build();
        let sent = self.docker.kill_container(container, Some(options)).await;
        sent.map_err(EngineError::call(format!("send {signal} to the container {container}")))
    }
}
