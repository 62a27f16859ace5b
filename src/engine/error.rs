//! What can go wrong between us and the container engine.

use crate::causes::with_causes;
use crate::compose::{OUT_OF_SPACE, is_out_of_space};

/// An error of talking to the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Nobody answers.
    #[error("no container engine answers at {host}")]
    Unreachable {
        /// The address that was tried.
        host: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The engine is too old.
    #[error("the container engine {version} (API {api}) is too old")]
    TooOld {
        /// The engine's version.
        version: String,
        /// Its newest API.
        api: String,
    },
    /// The engine's address can't be used.
    #[error("the container engine's address {host} can't be used")]
    Unsupported {
        /// The engine's address.
        host: String,
    },
    /// A call failed.
    #[error("the container engine could not {action}")]
    Call {
        /// What it was asked to do.
        action: String,
        /// Why.
        source: testcontainers::bollard::errors::Error,
    },
    /// A container could not be started.
    #[error("the container of service `{service}` could not be started")]
    Start {
        /// The service.
        service: String,
        /// Why.
        source: testcontainers::TestcontainersError,
    },
    /// Compose created no container for a service.
    #[error("service `{service}` has no container")]
    NoContainer {
        /// The service.
        service: String,
    },
    /// The engine gives the name of a user that nobody here knows.
    #[error("the container engine tells the name `{user}` of a process's user, and not its number")]
    UnknownUser {
        /// The name.
        user: String,
    },
    /// Something that we created could not be removed.
    #[error("could not remove {}", left.join(", "))]
    NotRemoved {
        /// What is left, by kind and name.
        left: Vec<String>,
    },
}

/// How Podman calls for a moment a container that has ended and is not cleaned up yet. The engine's API has no such word.
const NOT_CLEANED_UP: &str = "unknown variant `stopped`";

impl EngineError {
    /// Whether the answer could not be read because a container was in a state that it soon leaves.
    #[must_use]
    pub(super) fn is_of_a_moment(&self) -> bool {
        matches!(self, Self::Call { source, .. } if source.to_string().contains(NOT_CLEANED_UP))
    }

    /// What the user can do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Unreachable { .. } if with_causes(self).contains("ermission denied") => {
                "you may not use the engine's socket: become a member of its group (sudo usermod -aG docker $USER, then log in \
                 again), or set DOCKER_HOST to a rootless engine of your own"
                    .into()
            }
            _ if is_out_of_space(&with_causes(self)) => OUT_OF_SPACE.into(),
            Self::Unreachable { .. } => {
                "start the engine (`docker info` must answer), or set DOCKER_HOST to where it listens".into()
            }
            Self::UnknownUser { .. } => {
                "run the checks on the engine's own machine, or with an engine that reports users by number".into()
            }
            Self::TooOld { .. } => "upgrade to Docker Engine 23 or later, or to Podman 4.3 or later".into(),
            Self::Unsupported { .. } => {
                "use unix:///path/of/the/socket or tcp://host:port; for an engine over SSH forward its socket: \
                 ssh -L /tmp/docker.sock:/var/run/docker.sock HOST"
                    .into()
            }
            Self::NotRemoved { .. } => "remove what is left by hand; it carries the label dev.seaworthy.run".into(),
            Self::Call { .. } | Self::Start { .. } | Self::NoContainer { .. } => {
                "see the engine's own log; `docker compose up` with the same stack shows whether it starts without seaworthy"
                    .into()
            }
        }
    }

    /// Whether what was asked about is not there.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        use testcontainers::bollard::errors::Error::DockerResponseServerError;
        matches!(self, Self::Call { source: DockerResponseServerError { status_code: 404, .. }, .. })
    }

    pub(super) fn call(action: impl Into<String>) -> impl FnOnce(testcontainers::bollard::errors::Error) -> Self {
        let action = action.into();
        move |source| Self::Call { action, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_door_and_a_full_disk_have_their_own_advice() {
        let unreachable = |kind: std::io::ErrorKind| EngineError::Unreachable {
            host: "unix:///var/run/docker.sock".into(),
            source: Box::new(std::io::Error::from(kind)),
        };
        assert!(unreachable(std::io::ErrorKind::PermissionDenied).advice().contains("usermod -aG docker"));
        assert!(unreachable(std::io::ErrorKind::NotFound).advice().contains("start the engine"));
        let full = testcontainers::bollard::errors::Error::DockerResponseServerError {
            status_code: 500,
            message: "mkdir /var/lib/docker/overlay2/x: no space left on device".into(),
        };
        assert!(EngineError::call("create a container")(full).advice().contains("docker system prune"));
    }
}
