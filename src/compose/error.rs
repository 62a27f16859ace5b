//! What can go wrong between a compose file and its containers.

use std::path::PathBuf;

use super::Hazard;
use crate::redact::Redactor;

/// What to do when the engine's disk is full.
pub(crate) const OUT_OF_SPACE: &str = "no space is left on the engine's disk: make room (docker system df shows what takes it, docker system prune removes what nobody uses)";

/// Whether a message says that a disk is full.
pub(crate) fn is_out_of_space(message: &str) -> bool {
    message.contains("no space left on device")
}

/// An error of reading, building or creating a stack.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The `docker` program could not be run.
    #[error("the `docker` program can't be run")]
    NoDocker(#[source] std::io::Error),
    /// The `docker` program has no Compose plugin.
    #[error("`docker compose` does not answer: {message}")]
    NoCompose {
        /// What `docker` said.
        message: String,
    },
    /// There is no compose file at this path.
    #[error("{} is not there", path.display())]
    NoSuchPath {
        /// The path as given.
        path: PathBuf,
    },
    /// The folder holds no compose file.
    #[error("no compose file in {}", folder.display())]
    NoFile {
        /// The folder as given.
        folder: PathBuf,
    },
    /// Compose can't read the file.
    #[error("{} is not a compose file that Compose can read: {message}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What Compose said.
        message: String,
        /// How to see it say so.
        command: String,
    },
    /// The stack holds something that can't be isolated from other copies, or from this machine.
    #[error("{place} of {} can't be isolated: {reason}", path.display())]
    Refused {
        /// The compose file.
        path: PathBuf,
        /// The service or volume, by name.
        place: String,
        /// What was found.
        hazard: Hazard,
        /// The key and why it is refused.
        reason: String,
    },
    /// Two services want the same address.
    #[error("{}: {services} both use {address}", path.display())]
    SameAddress {
        /// The compose file.
        path: PathBuf,
        /// The services.
        services: String,
        /// The address, and the network that it is on.
        address: String,
    },
    /// A file that a copy needs for itself could not be made.
    #[error("{} can't be copied or written for a copy of the stack", path.display())]
    Scratch {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An image could not be built.
    #[error("{services} of {} can't be built", path.display())]
    Build {
        /// The compose file.
        path: PathBuf,
        /// The services that have a build section.
        services: String,
        /// How to see it fail.
        command: String,
        /// The last lines of the build's output.
        output: String,
    },
    /// An image could not be pulled.
    #[error("an image of {} is not on the engine and can't be pulled: {}", path.display(), images.join(", "))]
    Pull {
        /// The compose file.
        path: PathBuf,
        /// The images that are missing.
        images: Vec<String>,
        /// What Compose said.
        output: String,
    },
    /// The containers could not be created.
    #[error("the containers of {} can't be created", path.display())]
    Create {
        /// The compose file.
        path: PathBuf,
        /// How to see it fail.
        command: String,
        /// What Compose said.
        output: String,
    },
}

impl ComposeError {
    /// What the user can do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        if self.output().is_some_and(is_out_of_space) {
            return OUT_OF_SPACE.into();
        }
        match self {
            Self::NoDocker(_) => {
                "install the Docker client, or put it on the PATH (https://docs.docker.com/engine/install/)".into()
            }
            Self::NoCompose { .. } => {
                "install the Compose v2 plugin (https://docs.docker.com/compose/install/); `docker compose version` must answer"
                    .into()
            }
            Self::NoSuchPath { .. } => "give the path of a compose file, or of the folder that holds one".into(),
            Self::NoFile { .. } => {
                "add a compose.yaml, or give the path of the compose file: seaworthy check path/to/compose.yaml".into()
            }
            Self::Unreadable { command, .. } => format!("fix the file; this command must succeed: {command}"),
            Self::Refused { hazard, .. } => format!(
                "remove it from the stack, or, if sharing it does no harm, add --allow {hazard}: checks then run \
                 one at a time"
            ),
            Self::SameAddress { .. } => "give each its own address, or none".into(),
            Self::Scratch { .. } => "make sure that it can be read, and that the folder for temporary files has room".into(),
            Self::Build { command, .. } => format!("fix the build; this command must succeed: {command}"),
            Self::Pull { .. } => "pull or build the image first, or correct its name".into(),
            Self::Create { .. } if self.is_out_of_addresses() => {
                "remove networks that nobody uses (docker network prune), or give the engine more addresses (default-address-pools)".into()
            }
            Self::Create { command, .. } => format!("see whether Compose can start the stack: {command}"),
        }
    }

    /// Whether the engine had no subnet left for another network.
    #[must_use]
    pub(super) fn is_out_of_addresses(&self) -> bool {
        // The engine's words, before and since version 27.
        let words = ["non-overlapping IPv4 address pool", "predefined address pools have been fully subnetted"];
        matches!(self, Self::Create { output, .. } if words.iter().any(|words| output.contains(words)))
    }

    /// Output of the program concerned, when there is more to say than the message.
    #[must_use]
    pub fn output(&self) -> Option<&str> {
        match self {
            Self::Build { output, .. } | Self::Pull { output, .. } | Self::Create { output, .. } => Some(output),
            _ => None,
        }
    }
}

impl ComposeError {
    /// The same error with every known secret masked in what programs wrote.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        match &mut self {
            Self::Build { output, .. } | Self::Pull { output, .. } | Self::Create { output, .. } => {
                *output = redactor.redact(output);
            }
            _ => {}
        }
        self
    }
}
