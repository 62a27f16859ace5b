//! The contract: what the suite must know of a stack to judge it.
//!
//! Declared in the compose file under `x-seaworthy`, overridden by flags of the same name, detected where it is obvious.

mod block;
mod business;
mod declared;
mod dependency;
mod detect;
mod draft;
mod form;
mod health;
mod meant;
mod names;
mod protocol;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::block::{Misfit, append, block};
pub use self::business::{Business, Work};
pub use self::declared::{ContractError, Declared, Origin, Waiver, parse_size};
pub use self::dependency::{Credentials, Dependency, Kind, Secret};
pub use self::detect::{ImagePorts, built_apps, detect, detect_apps};
pub use self::draft::{Draft, Found};
pub use self::form::{Form, GrpcForm, HttpForm, Statuses, Tls};
pub use self::health::health_path;
pub use self::meant::Meant;
pub use self::protocol::Protocol;
use crate::clock::millis;

/// All that the checks need to know of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Contract {
    /// The service under test.
    pub app: String,
    /// The port on which the app serves; nothing where it is not asked at one.
    #[serde(default)]
    pub port: Option<u16>,
    /// How the app is asked whether it can serve: at a path that answers 2xx when it can and 503 when it can't, or in another form.
    pub readiness: Form,
    /// How it is asked whether its process lives.
    pub liveness: Option<Form>,
    /// A path that uses the dependencies, or how a worker is given work.
    pub business: Option<Business>,
    /// The services that the app needs.
    pub dependencies: Vec<Dependency>,
    /// How long the app may take from its start until it is ready.
    #[serde(rename = "startup_limit_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub startup_limit: Duration,
    /// How long the app may take to stop: the service's `stop_grace_period`.
    #[serde(rename = "stop_grace_period_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub stop_grace_period: Duration,
    /// The signal that tells the app to stop: the service's `stop_signal`, the image's, or SIGTERM.
    pub stop_signal: String,
    /// The exit statuses that count as a clean stop.
    pub stop_status: Vec<i64>,
    /// The statuses with which readiness says that the app can't serve for now.
    #[serde(default = "unready")]
    pub unready: Vec<u16>,
    /// A probe that takes longer counts as hung.
    #[serde(rename = "probe_timeout_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub probe_timeout: Duration,
    /// How long readiness may take to say 503 in an outage.
    #[serde(rename = "outage_limit_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub outage_limit: Duration,
    /// How long the app may take to be ready again, from the dependency accepting again.
    #[serde(rename = "recovery_limit_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub recovery_limit: Duration,
    /// The most bytes that the files of the app's image may have, when that matters.
    #[serde(rename = "image_size_limit_bytes", default, skip_serializing_if = "Option::is_none")]
    pub image_size_limit: Option<u64>,
    /// Checks whose failure is accepted for now.
    pub waivers: Vec<Waiver>,
}

/// 503 (RFC 9110, section 15.6.4), which says that the service will be back.
pub(crate) fn unready() -> Vec<u16> {
    vec![503]
}

/// Statuses in words, those that follow each other as a range: `500 or 502-504`.
#[must_use]
pub fn in_words(statuses: &[u16]) -> String {
    let mut ranges: Vec<(u16, u16)> = vec![];
    for status in statuses {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *status => *last = *status,
            _ => ranges.push((*status, *status)),
        }
    }
    let told = ranges.into_iter().map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") });
    told.collect::<Vec<_>>().join(" or ")
}

impl Contract {
    /// The statuses with which readiness says that the app can't serve, in words: `500 or 503`.
    #[must_use]
    pub fn unready_in_words(&self) -> String {
        in_words(&self.unready)
    }

    /// The port that a form asks; nothing where it asks none, or none is known.
    #[must_use]
    pub fn port_of(&self, form: &Form) -> Option<u16> {
        form.own_port().or(self.port.filter(|_| form.needs_a_port()))
    }

    /// How a worker is given a unit of work; nothing where its business is asked over HTTP, or not known.
    #[must_use]
    pub fn work(&self) -> Option<&Work> {
        self.business.as_ref()?.work()
    }

    /// The request to the business path, made as readiness is asked where that is over HTTP.
    #[must_use]
    pub fn business_request(&self) -> Option<HttpForm> {
        let path = self.business.as_ref()?.path()?;
        Some(self.readiness.http().map_or_else(|| HttpForm::to(path), |http| http.beside(path)))
    }

    /// What clients of the app ask over HTTP: the business path, else readiness. Nothing where neither is asked so.
    #[must_use]
    pub fn client_request(&self) -> Option<HttpForm> {
        self.business_request().or_else(|| self.readiness.http().cloned())
    }

    /// The first dependency that is a database.
    #[must_use]
    pub fn database(&self) -> Option<&Dependency> {
        self.dependencies.iter().find(|dependency| dependency.kind.is_database())
    }

    /// The dependency with this service name.
    #[must_use]
    pub fn dependency(&self, service: &str) -> Option<&Dependency> {
        self.dependencies.iter().find(|dependency| dependency.service == service)
    }
}
