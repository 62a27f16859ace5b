//! Fills in what the user did not declare, where it is obvious from the stack. Never guesses between two answers.

use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::{Contract, ContractError, Declared, Dependency, Kind};
use crate::compose::{Condition, Model};

const STARTUP_LIMIT: Duration = Duration::from_mins(1);
const STOP_GRACE_PERIOD: Duration = Duration::from_secs(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
const OUTAGE_LIMIT: Duration = Duration::from_secs(5);
const RECOVERY_LIMIT: Duration = Duration::from_secs(15);
/// Handled and ended, or ended by the default action of SIGTERM.
const STOP_STATUS: [i64; 2] = [0, 143];

/// What the images say, as far as the contract needs it.
pub trait ImagePorts {
    /// The TCP ports that the image of a service exposes.
    fn exposed(&self, service: &str) -> Vec<u16>;
    /// The stop signal of the image of a service.
    fn stop_signal(&self, service: &str) -> Option<String>;
    /// The health check command of the image of a service.
    fn health_check(&self, service: &str) -> Option<Vec<String>>;
}

/// The contract of a stack: what was declared, completed by what is obvious.
pub fn complete(declared: Declared, model: &Model, images: &dyn ImagePorts) -> Result<Contract, ContractError> {
    let undetected = |message: &str, advice: &str| ContractError::Undetected {
        path: model.file().path().to_owned(),
        message: message.to_owned(),
        advice: advice.to_owned(),
    };
    let app = declared.app.or_else(|| only_app(model)).ok_or_else(|| {
        undetected("can't tell which service is the app", "declare `app: NAME` under x-seaworthy, or give --app NAME")
    })?;
    let port =
        declared.port.or_else(|| only(&model.declared_ports(&app))).or_else(|| only(&images.exposed(&app))).ok_or_else(|| {
            let message = format!("can't tell the port of the app `{app}`");
            undetected(&message, "declare `port: NUMBER` under x-seaworthy, or give --port NUMBER")
        })?;
    let readiness = declared.readiness.or_else(|| health_path(model, &app, images)).ok_or_else(|| {
        let message = format!("can't tell the readiness path of the app `{app}`");
        undetected(&message, "declare `readiness: PATH` under x-seaworthy, or give --readiness PATH")
    })?;
    let services = declared.dependencies.unwrap_or_else(|| lasting_needs(model, &app));
    let dependencies = services
        .into_iter()
        .map(|service| Dependency { kind: Kind::recognise(model, &service, &images.exposed(&service)), service })
        .collect();
    let of_service = |key: &str| model.service(&app).and_then(|service| service.get(key)?.as_str());
    Ok(Contract {
        port,
        readiness,
        liveness: declared.liveness,
        business: declared.business,
        dependencies,
        startup_limit: declared.startup_limit.unwrap_or(STARTUP_LIMIT),
        stop_grace_period: of_service("stop_grace_period")
            .and_then(|period| humantime::parse_duration(period).ok())
            .unwrap_or(STOP_GRACE_PERIOD),
        stop_signal: of_service("stop_signal")
            .map(str::to_owned)
            .or_else(|| images.stop_signal(&app))
            .unwrap_or_else(|| "SIGTERM".into()),
        stop_status: declared.stop_status.unwrap_or_else(|| STOP_STATUS.to_vec()),
        probe_timeout: declared.probe_timeout.unwrap_or(PROBE_TIMEOUT),
        outage_limit: declared.outage_limit.unwrap_or(OUTAGE_LIMIT),
        recovery_limit: declared.recovery_limit.unwrap_or(RECOVERY_LIMIT),
        waivers: declared.waivers,
        app,
    })
}

fn only<T: Clone>(candidates: &[T]) -> Option<T> {
    if let [candidate] = candidates { Some(candidate.clone()) } else { None }
}

/// The only service that is built, or else the only one with both ports and dependencies, or else the only service.
fn only_app(model: &Model) -> Option<String> {
    let built: Vec<&str> = model.built_services().collect();
    let serving: Vec<&str> = model
        .services()
        .filter(|(name, service)| service.contains_key("ports") && !model.depends_on(name).is_empty())
        .map(|(name, _)| name)
        .collect();
    let all: Vec<&str> = model.services().map(|(name, _)| name).collect();
    only(&built).or_else(|| only(&serving)).or_else(|| only(&all)).map(str::to_owned)
}

/// What the app needs while it runs: a one-shot service has done its part once it has ended.
fn lasting_needs(model: &Model, app: &str) -> Vec<String> {
    let needs = model.needs(app).into_iter().filter(|(_, condition)| *condition != Condition::Completed);
    needs.map(|(service, _)| service.to_owned()).collect()
}

/// The path of the URL in the app's health check.
fn health_path(model: &Model, app: &str, images: &dyn ImagePorts) -> Option<String> {
    let declared = model.service(app).and_then(|service| {
        let test = service.get("healthcheck")?.get("test")?.as_array()?;
        Some(test.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
    });
    let command = declared.or_else(|| images.health_check(app))?.join(" ");
    let url = Regex::new(r#"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::[^/\s"']+)?(/[^\s"'|;)]*)"#).ok()?;
    Some(url.captures(&command)?[1].to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::ComposeFile;

    struct Images;
    impl ImagePorts for Images {
        fn exposed(&self, service: &str) -> Vec<u16> {
            if service == "web" { vec![8080] } else { vec![] }
        }
        fn stop_signal(&self, service: &str) -> Option<String> {
            (service == "web").then(|| "SIGQUIT".into())
        }
        fn health_check(&self, _service: &str) -> Option<Vec<String>> {
            None
        }
    }

    fn contract(services: &Value) -> Result<Contract, ContractError> {
        let file = ComposeFile::from("/stack/compose.yaml");
        let model = Model::new(file, json!({"services": services})).expect("has services");
        complete(Declared::default(), &model, &Images)
    }

    #[test]
    fn the_obvious_is_detected() {
        let contract = contract(&json!({
            "web": {
                "build": {}, "depends_on": {"db": {}, "migrate": {"condition": "service_completed_successfully"}}, "stop_grace_period": "1m30s",
                "healthcheck": {"test": ["CMD-SHELL", "curl -f http://localhost:8080/healthz || exit 1"]},
            },
            "db": {"image": "postgres:15"}, "migrate": {"image": "own"},
        }))
        .expect("detected");
        assert_eq!((contract.app.as_str(), contract.port, contract.readiness.as_str()), ("web", 8080, "/healthz"));
        let dependencies: Vec<&str> = contract.dependencies.iter().map(|dependency| dependency.service.as_str()).collect();
        assert_eq!(dependencies, ["db"]);
        assert!(contract.database().is_some());
        assert_eq!(contract.stop_grace_period, Duration::from_secs(90));
        assert_eq!(contract.stop_signal, "SIGQUIT");
    }

    #[test]
    fn what_is_not_obvious_is_asked_for() {
        for (services, flag) in [
            (json!({"a": {"build": {}}, "b": {"build": {}}}), "--app"),
            (json!({"a": {"ports": [{"target": 1}, {"target": 2}]}}), "--port"),
            (json!({"a": {"ports": [{"target": 1}]}}), "--readiness"),
        ] {
            assert!(contract(&services).expect_err(flag).advice().contains(flag));
        }
    }
}
