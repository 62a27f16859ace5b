//! What an image says of itself.

use std::collections::BTreeMap;

use testcontainers::bollard::errors::Error;

use super::{Engine, EngineError};

/// The parts of an image's configuration that the contract needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// The content-addressed id.
    pub id: String,
    /// The exposed TCP ports, in order.
    pub exposed: Vec<u16>,
    /// The signal that tells it to stop.
    pub stop_signal: Option<String>,
    /// The command of its health check.
    pub health_check: Option<Vec<String>>,
    /// Its entry point.
    pub entrypoint: Vec<String>,
    /// Its command.
    pub command: Vec<String>,
    /// Its variables.
    pub variables: Vec<(String, String)>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

impl Engine {
    /// What an image says of itself; nothing when it is not on the engine.
    pub async fn image(&self, name: &str) -> Result<Option<ImageFacts>, EngineError> {
        let image = match self.docker.inspect_image(name).await {
            Ok(image) => image,
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
            Err(error) => return Err(EngineError::call(format!("inspect the image {name}"))(error)),
        };
        let config = image.config.unwrap_or_default();
        let mut exposed: Vec<u16> =
            config.exposed_ports.iter().flatten().filter_map(|port| port.strip_suffix("/tcp")?.parse().ok()).collect();
        exposed.sort_unstable();
        Ok(Some(ImageFacts {
            id: image.id.unwrap_or_default(),
            exposed,
            stop_signal: config.stop_signal.filter(|signal| !signal.is_empty()),
            health_check: config.healthcheck.and_then(|check| check.test),
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            variables: config.env.iter().flatten().filter_map(|line| line.split_once('=')).map(owned).collect(),
            labels: config.labels.unwrap_or_default().into_iter().collect(),
        }))
    }
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
