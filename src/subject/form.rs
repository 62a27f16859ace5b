//! Forms: how the app is asked whether it is ready, or alive. What each form can say decides which checks can be made with it.

mod read;
mod write;

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use self::read::forms;
use super::{Kind, Secret};

/// How the app is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Form {
    /// A request over HTTP, or HTTPS.
    Http(HttpForm),
    /// The health service of gRPC (`grpc.health.v1.Health/Check`).
    Grpc(GrpcForm),
    /// A connection to a port.
    Tcp {
        /// The port, where it is not the app's.
        port: Option<u16>,
    },
    /// A command in the container, which ends with status 0.
    Exec {
        /// The program and its arguments.
        command: Vec<String>,
    },
    /// The engine's own health check of the container.
    HealthCheck,
    /// A line of the log.
    Log {
        /// The regular expression that a line matches.
        pattern: String,
    },
    /// A server that speaks a protocol that we know to ask.
    Protocol {
        /// What it is called.
        name: String,
        /// How it is asked: as a dependency of that kind is.
        kind: Kind,
    },
    /// The process: it runs.
    Runs,
}

/// A call of the health service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrpcForm {
    /// The service whose health is asked for; empty for the server as a whole.
    pub service: String,
    /// The port, where it is not the app's.
    pub port: Option<u16>,
    /// The name of the host in the call, and the server's name in TLS, where it is not the address.
    pub host: Option<String>,
    /// How the server's certificate is looked at; nothing where the connection is not encrypted.
    pub tls: Option<Tls>,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpForm {
    /// The path.
    pub path: String,
    /// The port, where it is not the app's.
    pub port: Option<u16>,
    /// Whether the connection is encrypted.
    pub is_https: bool,
    /// The name of the host in the request, and the server's name in TLS, where it is not the address.
    pub host: Option<String>,
    /// Headers, of which the values are never written anywhere.
    pub headers: Vec<(String, Secret)>,
    /// The method.
    pub method: String,
    /// The statuses that say "ready".
    pub ready: Statuses,
    /// The statuses that say "not ready", where they are not the contract's.
    pub unready: Option<Vec<u16>>,
    /// How the server's certificate is looked at.
    pub tls: Tls,
}

/// How a certificate is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// It has to be signed by an authority that everybody knows.
    #[default]
    Public,
    /// It is not looked at.
    Insecure,
    /// It has to be signed by the authority in this file.
    Authority(PathBuf),
}

/// Ranges of statuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(pub Vec<(u16, u16)>);

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![(200, 299)])
    }
}

impl Statuses {
    /// Whether a status is one of them.
    #[must_use]
    pub fn has(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return formatter.write_str("2xx");
        }
        let told: Vec<String> = self.0.iter().map(|range| write::range(*range)).collect();
        formatter.write_str(&told.join(" or "))
    }
}

impl HttpForm {
    /// A plain request to a path.
    #[must_use]
    pub fn to(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            port: None,
            is_https: false,
            host: None,
            headers: vec![],
            method: "GET".into(),
            ready: Statuses::default(),
            unready: None,
            tls: Tls::default(),
        }
    }

    /// A request to another path of the same server, in the same way.
    #[must_use]
    pub fn beside(&self, path: &str) -> Self {
        Self { path: path.to_owned(), method: "GET".into(), ready: Statuses::default(), unready: None, ..self.clone() }
    }

    /// Whether nothing but the path is declared.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::to(self.path.clone())
    }
}

impl Form {
    /// A plain request to a path.
    #[must_use]
    pub fn path(path: impl Into<String>) -> Self {
        Self::Http(HttpForm::to(path))
    }

    /// The request, where it is one over HTTP.
    #[must_use]
    pub fn http(&self) -> Option<&HttpForm> {
        if let Self::Http(http) = self { Some(http) } else { None }
    }

    /// The file of the authority that a certificate has to be signed by, where one is named.
    pub fn authority(&mut self) -> Option<&mut PathBuf> {
        let tls = match self {
            Self::Http(http) => Some(&mut http.tls),
            Self::Grpc(grpc) => grpc.tls.as_mut(),
            _ => None,
        };
        if let Some(Tls::Authority(file)) = tls { Some(file) } else { None }
    }

    /// Whether an app that can't serve for now can say so. A port that is open, a line that was written and a process that runs stay
    /// what they are.
    #[must_use]
    pub fn can_say_unready(&self) -> bool {
        matches!(self, Self::Http(_) | Self::Grpc(_) | Self::Exec { .. } | Self::HealthCheck)
    }

    /// Whether it says of an app that starts that it has all that it needs. Many apps listen first and connect afterwards, as they should.
    #[must_use]
    pub fn tells_of_the_start(&self) -> bool {
        self.can_say_unready() || matches!(self, Self::Log { .. })
    }

    /// Whether "ready" means no more than that a process has run for a while, which some do that are still starting.
    #[must_use]
    pub fn only_runs(&self) -> bool {
        matches!(self, Self::Tcp { .. } | Self::Runs)
    }

    /// The port that it asks, where it is known without the contract.
    #[must_use]
    pub fn own_port(&self) -> Option<u16> {
        match self {
            Self::Http(http) => http.port,
            Self::Grpc(grpc) => grpc.port,
            Self::Tcp { port } => *port,
            Self::Protocol { kind, .. } => kind.port(),
            Self::Exec { .. } | Self::HealthCheck | Self::Log { .. } | Self::Runs => None,
        }
    }

    /// Whether it asks a port.
    #[must_use]
    pub fn needs_a_port(&self) -> bool {
        matches!(self, Self::Http(_) | Self::Grpc(_) | Self::Tcp { .. } | Self::Protocol { .. })
    }
}

impl fmt::Display for Form {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(http) => http.fmt(formatter),
            Self::Grpc(GrpcForm { service, tls, .. }) => {
                let service = if service.is_empty() { "the server" } else { service };
                write!(formatter, "the gRPC health of {service}{}", if tls.is_some() { " over TLS" } else { "" })
            }
            Self::Tcp { port: Some(port) } => write!(formatter, "a connection to port {port}"),
            Self::Tcp { port: None } => formatter.write_str("a connection to the app's port"),
            Self::Exec { command } => write!(formatter, "the command {}", command.join(" ")),
            Self::HealthCheck => formatter.write_str("the health check"),
            Self::Log { pattern } => write!(formatter, "a line of the log like {pattern}"),
            Self::Protocol { kind, .. } => kind.fmt(formatter),
            Self::Runs => formatter.write_str("its running process"),
        }
    }
}

impl fmt::Display for HttpForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.method != "GET" {
            write!(formatter, "{} ", self.method)?;
        }
        let scheme = if self.is_https { "https" } else { "http" };
        match (&self.host, self.port) {
            (None, None) if !self.is_https => formatter.write_str(&self.path),
            (None, None) => write!(formatter, "{scheme}:{}", self.path),
            (host, port) => {
                let port = port.map(|port| format!(":{port}")).unwrap_or_default();
                write!(formatter, "{scheme}://{}{port}{}", host.as_deref().unwrap_or_default(), self.path)
            }
        }?;
        if self.ready != Statuses::default() {
            write!(formatter, " ({})", self.ready)?;
        }
        match self.headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>() {
            names if names.is_empty() => Ok(()),
            names => write!(formatter, " with {}", names.join(", ")),
        }
    }
}

impl JsonSchema for Form {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Form".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "How the app is asked whether it is ready, or alive: a path, a word (`healthcheck`, `runs`), or an object \
                            with `path`, `grpc`, `tcp`, `exec`, `log` or `protocol`; as the contract has it, with the values of headers masked.",
            "anyOf": [{"type": "string"}, {"type": "object"}],
        })
    }
}

#[cfg(test)]
mod tests;
