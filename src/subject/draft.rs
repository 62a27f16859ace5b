//! A contract on the way to being complete: each value with where it came from, or not known yet.

use std::fmt;
use std::time::Duration;

use super::{Business, Contract, ContractError, Dependency, Form, Waiver, in_words};
use crate::compose::Model;

/// A value and where it came from, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: String,
}

impl<T> Found<T> {
    /// A value with its origin.
    #[must_use]
    pub fn new(value: T, origin: impl Into<String>) -> Self {
        Self { value, origin: origin.into() }
    }
}

/// All values of a contract as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// See [`Contract::app`].
    pub app: Option<Found<String>>,
    /// See [`Contract::port`].
    pub port: Option<Found<u16>>,
    /// See [`Contract::readiness`].
    pub readiness: Option<Found<Form>>,
    /// See [`Contract::liveness`].
    pub liveness: Option<Found<Form>>,
    /// See [`Contract::business`].
    pub business: Option<Found<Business>>,
    /// See [`Contract::dependencies`].
    pub dependencies: Found<Vec<Dependency>>,
    /// See [`Contract::startup_limit`].
    pub startup_limit: Found<Duration>,
    /// See [`Contract::stop_grace_period`].
    pub stop_grace_period: Found<Duration>,
    /// See [`Contract::stop_signal`].
    pub stop_signal: Found<String>,
    /// See [`Contract::stop_status`].
    pub stop_status: Found<Vec<i64>>,
    /// See [`Contract::unready`].
    pub unready: Found<Vec<u16>>,
    /// See [`Contract::probe_timeout`].
    pub probe_timeout: Found<Duration>,
    /// See [`Contract::outage_limit`].
    pub outage_limit: Found<Duration>,
    /// See [`Contract::recovery_limit`].
    pub recovery_limit: Found<Duration>,
    /// See [`Contract::image_size_limit`].
    pub image_size_limit: Option<Found<u64>>,
    /// See [`Contract::waivers`].
    pub waivers: Vec<Waiver>,
}

impl Draft {
    /// The contract. What it can't be without is asked for by name, in this order: the app, its readiness, and the port where that asks one.
    pub fn into_contract(self, model: &Model) -> Result<Contract, ContractError> {
        let unknown = |message: String, key: &str, word: &str| ContractError::Undetected {
            path: model.file().path().to_owned(),
            message,
            advice: format!("declare `{key}: {word}` under x-seaworthy, or give --{key} {word}"),
        };
        let app = self.app.ok_or_else(|| unknown("can't detect which service is the app".into(), "app", "NAME"))?.value;
        if model.replicas(&app) == 0 {
            return Err(ContractError::Undetected {
                path: model.file().path().to_owned(),
                message: format!("the app `{app}` has 0 replicas"),
                advice: "give it one (`scale` or `deploy.replicas`), or name another app with --app NAME".into(),
            });
        }
        let of_app = |what: &str| format!("can't detect the {what} of the app `{app}`");
        let readiness = self.readiness.ok_or_else(|| unknown(of_app("readiness"), "readiness", "PATH"))?.value;
        let liveness = self.liveness.map(|liveness| beside(&readiness, liveness.value));
        let port = self.port.map(|port| port.value);
        let asks_a_port = [Some(&readiness), liveness.as_ref()]
            .into_iter()
            .flatten()
            .any(|form| form.needs_a_port() && form.own_port().is_none());
        let asks_a_path = self.business.as_ref().is_some_and(|business| business.value.path().is_some());
        if port.is_none() && (asks_a_port || (asks_a_path && readiness.own_port().is_none())) {
            return Err(unknown(of_app("port"), "port", "NUMBER"));
        }
        let unready = readiness.http().and_then(|http| http.unready.clone()).unwrap_or(self.unready.value);
        Ok(Contract {
            port,
            readiness,
            liveness,
            business: self.business.map(|business| business.value),
            dependencies: self.dependencies.value,
            startup_limit: self.startup_limit.value,
            stop_grace_period: self.stop_grace_period.value,
            stop_signal: self.stop_signal.value,
            stop_status: self.stop_status.value,
            unready,
            probe_timeout: self.probe_timeout.value,
            outage_limit: self.outage_limit.value,
            recovery_limit: self.recovery_limit.value,
            image_size_limit: self.image_size_limit.map(|limit| limit.value),
            waivers: self.waivers,
            app,
        })
    }

    /// Every value on a line of its own, with where it came from.
    #[must_use]
    pub fn explain(&self) -> String {
        let time = |found: &Found<Duration>| (humantime::format_duration(found.value).to_string(), found.origin.clone());
        let text = |found: &Found<String>| (found.value.clone(), found.origin.clone());
        let form =
            |found: &Option<Found<Form>>| found.as_ref().map(|found| Found::new(found.value.to_string(), found.origin.clone()));
        let business = self.business.as_ref().map(|found| Found::new(found.value.to_string(), found.origin.clone()));
        let maybe = |found: &Option<Found<String>>, without: &str| found.as_ref().map_or(("none".into(), without.into()), text);
        let statuses: Vec<String> = self.stop_status.value.iter().map(ToString::to_string).collect();
        let own_unready = self
            .readiness
            .as_ref()
            .and_then(|found| Some(Found::new(found.value.http()?.unready.clone()?, found.origin.clone())));
        let unready = own_unready.as_ref().unwrap_or(&self.unready);
        let port = self.port.as_ref().map(|port| Found::new(port.value.to_string(), port.origin.clone()));
        let mut rows: Vec<(&str, (String, String))> = vec![
            ("app", maybe(&self.app, "not detected")),
            ("port", maybe(&port, "not detected")),
            ("readiness", maybe(&form(&self.readiness), "not detected")),
            ("liveness", maybe(&form(&self.liveness), "not declared, and none of the usual paths answers")),
            ("business", maybe(&business, "not declared")),
        ];
        for dependency in &self.dependencies.value {
            rows.push(("dependency", (dependency.to_string(), self.dependencies.origin.clone())));
        }
        if self.dependencies.value.is_empty() {
            rows.push(("dependencies", ("none".into(), self.dependencies.origin.clone())));
        }
        rows.extend([
            ("startup_limit", time(&self.startup_limit)),
            ("stop_grace_period", time(&self.stop_grace_period)),
            ("stop_signal", text(&self.stop_signal)),
            ("stop_status", (statuses.join(", "), self.stop_status.origin.clone())),
            ("unready", (in_words(&unready.value).replace(" or ", ", "), unready.origin.clone())),
            ("probe_timeout", time(&self.probe_timeout)),
            ("outage_limit", time(&self.outage_limit)),
            ("recovery_limit", time(&self.recovery_limit)),
        ]);
        if let Some(limit) = &self.image_size_limit {
            rows.push(("image_size_limit", (format!("{} bytes", limit.value), limit.origin.clone())));
        }
        let width = rows.iter().map(|(_, (value, _))| value.len()).max().unwrap_or_default();
        let mut lines: Vec<String> =
            rows.into_iter().map(|(key, (value, origin))| format!("{key:<18} {value:<width$}  {origin}")).collect();
        lines.extend(self.waivers.iter().map(|waiver| format!("{:<18} {}: {}", "waiver", waiver.check, waiver.reason)));
        lines.join("\n")
    }
}

/// A plain path of liveness is asked for as readiness is, where that is over HTTP.
fn beside(readiness: &Form, liveness: Form) -> Form {
    match (readiness, &liveness) {
        (Form::Http(known), Form::Http(http)) if http.is_plain() => Form::Http(known.beside(&http.path)),
        _ => liveness,
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.service, self.kind)?;
        if self.names.is_empty() { Ok(()) } else { write!(formatter, ", called {} by the app", self.names.join(", ")) }
    }
}
