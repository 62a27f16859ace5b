//! Fills in what the user did not declare, where it is obvious from the stack. Never guesses between two answers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::declared::{BLOCK, place};
use super::health::health_url;
use super::names::{is_named, names};
use super::{Declared, Dependency, Draft, Form, Found, HttpForm, Kind, Tls};
use crate::compose::{Condition, Model};

const STARTUP_LIMIT: Duration = Duration::from_mins(1);
const STOP_GRACE_PERIOD: Duration = Duration::from_secs(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
const OUTAGE_LIMIT: Duration = Duration::from_secs(5);
const RECOVERY_LIMIT: Duration = Duration::from_secs(15);
/// Handled and ended, or ended by the default action of SIGTERM.
const STOP_STATUS: [i64; 2] = [0, 143];
const DEFAULT: &str = "default";

/// What the images say, as far as the contract needs it.
pub trait ImagePorts {
    /// The TCP ports that the image of a service exposes.
    fn exposed(&self, service: &str) -> Vec<u16>;
    /// The stop signal of the image of a service.
    fn stop_signal(&self, service: &str) -> Option<String>;
    /// The health check command of the image of a service.
    fn health_check(&self, service: &str) -> Option<Vec<String>>;
}

/// The services under test, as declared or where one is obvious, in the order in which they start; those that flags name in their order.
#[must_use]
pub fn detect_apps(flags: &Declared, file: &Declared, model: &Model) -> Vec<Found<String>> {
    let found = |app: &String, origin: String| Found::new(app.clone(), origin);
    if !flags.app.is_empty() {
        let is_first = |index: usize| !flags.app[..index].contains(&flags.app[index]);
        let named = flags.app.iter().enumerate().filter(|(index, _)| is_first(*index));
        return named.map(|(_, app)| found(app, "--app".into())).collect();
    }
    if let Some(apps) = &file.apps {
        let order = model.start_order();
        let mut apps: Vec<&String> = apps.keys().collect();
        apps.sort_by_key(|app| order.iter().position(|service| service == *app).unwrap_or(usize::MAX));
        return apps.into_iter().map(|app| found(app, place(model, &[BLOCK, "apps", app]))).collect();
    }
    let sources = Sources { flags, file, model, app: "" };
    let one = sources.declared("app", |declared| declared.app.first().cloned());
    one.or_else(|| only_app(model)).into_iter().collect()
}

/// Every service that is built and goes on running: the apps of a stack in which none is declared, and no single one is obvious.
#[must_use]
pub fn built_apps(model: &Model) -> Vec<Found<String>> {
    let built: BTreeSet<&str> = model.built_services().collect();
    let is_one_shot = |name: &str| {
        let needs = |(other, _)| model.needs(other).into_iter().any(|need| need == (name, Condition::Completed));
        model.services().any(needs)
    };
    let apps = model
        .start_order()
        .into_iter()
        .filter(|name| built.contains(name.as_str()) && !is_one_shot(name) && model.replicas(name) > 0);
    apps.map(|name| Found::new(name, "a service with `build`")).collect()
}

/// Values as declared, of which the flags win, completed by what is obvious. The app is that of the whole stack: `model` may be without
/// services that it does not need.
pub fn detect(app: Option<Found<String>>, flags: &Declared, file: &Declared, model: &Model, images: &dyn ImagePorts) -> Draft {
    let name = app.as_ref().map(|app| app.value.clone()).unwrap_or_default();
    let sources = Sources { flags, file, model, app: &name };
    let service = model.service(&name);
    let of_service = |key: &str| {
        let value = service.and_then(|service| service.get(key)?.as_str());
        value.map(|value| Found::new(value.to_owned(), format!("`{key}` of the service")))
    };
    let time = |key: &str, pick: fn(&Declared) -> Option<Duration>, usual: Duration| {
        sources.declared(key, pick).unwrap_or_else(|| Found::new(usual, DEFAULT))
    };
    Draft {
        port: sources
            .declared("port", |declared| declared.port)
            .or_else(|| only(&model.declared_ports(&name), "the only one of `ports` and `expose` of the service"))
            .or_else(|| only(&images.exposed(&name), "the only port that the image exposes"))
            .or_else(|| {
                let (_, port) = health_form(model, &name, images)?;
                Some(Found::new(port?, "the URL in the health check"))
            }),
        readiness: sources
            .declared("readiness", |declared| declared.readiness.clone())
            .map(|found| known(found, model, &name))
            .or_else(|| health_form(model, &name, images).map(|(form, _)| Found::new(form, "the URL in the health check"))),
        liveness: sources.declared("liveness", |declared| declared.liveness.clone()).map(|found| known(found, model, &name)),
        business: sources.declared("business", |declared| declared.business.clone()),
        dependencies: dependencies(&sources, &name, images),
        startup_limit: time("startup_limit", |declared| declared.startup_limit, STARTUP_LIMIT),
        stop_grace_period: of_service("stop_grace_period")
            .and_then(|found| Some(Found::new(humantime::parse_duration(&found.value).ok()?, found.origin)))
            .unwrap_or_else(|| Found::new(STOP_GRACE_PERIOD, DEFAULT)),
        stop_signal: of_service("stop_signal")
            .or_else(|| images.stop_signal(&name).map(|signal| Found::new(signal, "STOPSIGNAL of the image")))
            .unwrap_or_else(|| Found::new("SIGTERM".into(), DEFAULT)),
        stop_status: sources
            .declared("stop_status", |declared| declared.stop_status.clone())
            .unwrap_or_else(|| Found::new(STOP_STATUS.to_vec(), DEFAULT)),
        unready: sources
            .declared("unready", |declared| declared.unready.clone())
            .unwrap_or_else(|| Found::new(super::unready(), DEFAULT)),
        probe_timeout: time("probe_timeout", |declared| declared.probe_timeout, PROBE_TIMEOUT),
        outage_limit: time("outage_limit", |declared| declared.outage_limit, OUTAGE_LIMIT),
        recovery_limit: time("recovery_limit", |declared| declared.recovery_limit, RECOVERY_LIMIT),
        image_size_limit: sources.declared("image_size_limit", |declared| declared.image_size_limit),
        waivers: [Some(flags), file.of_app(&name), Some(file)]
            .into_iter()
            .flatten()
            .flat_map(|one| one.waivers.clone())
            .collect(),
        app,
    }
}

/// Where values of an app may be declared: by a flag, for it alone, or for all.
struct Sources<'a> {
    flags: &'a Declared,
    file: &'a Declared,
    model: &'a Model,
    app: &'a str,
}

impl Sources<'_> {
    fn declared<T>(&self, key: &str, pick: impl Fn(&Declared) -> Option<T>) -> Option<Found<T>> {
        let by_flag = pick(self.flags).map(|value| Found::new(value, format!("--{}", key.replace('_', "-"))));
        by_flag.or_else(|| {
            let own = self.file.of_app(self.app).and_then(&pick).map(|value| (value, Some(self.app)));
            let (value, app) = own.or_else(|| Some((pick(self.file)?, None)))?;
            let place = Declared::place(self.model, app, key);
            let origin = if self.model.file().sources().is_empty() { "the generated stack".into() } else { place };
            Some(Found::new(value, origin))
        })
    }
}

fn dependencies(sources: &Sources<'_>, app: &str, images: &dyn ImagePorts) -> Found<Vec<Dependency>> {
    let declared = sources.declared("dependencies", |declared| declared.dependencies.clone());
    let Found { value: services, origin } = declared.unwrap_or_else(|| needed(sources.model, app, images));
    let names = names(sources.model, app, &services);
    let services = services.into_iter().zip(names).map(|(service, names)| {
        let kind = Kind::recognise(sources.model, &service, images);
        Dependency { service, kind, names }
    });
    Found::new(services.collect(), origin)
}

fn only<T: Clone>(candidates: &[T], origin: &str) -> Option<Found<T>> {
    if let [candidate] = candidates { Some(Found::new(candidate.clone(), origin)) } else { None }
}

/// The only service that is built, or else the only one with both ports and dependencies, or else the only service.
fn only_app(model: &Model) -> Option<Found<String>> {
    let runs: Vec<String> = model.start_order();
    let built: Vec<&String> = runs.iter().filter(|name| model.built_services().any(|built| built == *name)).collect();
    let serves = |name: &str| model.service(name).is_some_and(|service| service.contains_key("ports"));
    let serving: Vec<&String> = runs.iter().filter(|name| serves(name) && !model.depends_on(name).is_empty()).collect();
    let all: Vec<&String> = runs.iter().collect();
    let found = only(&built, "the only service with `build`")
        .or_else(|| only(&serving, "the only service with `ports` and `depends_on`"))
        .or_else(|| only(&all, "the only service"))?;
    Some(Found::new(found.value.clone(), found.origin))
}

/// What the app needs while it runs, by its `depends_on`, and the servers that its variables name as hosts: an app that waits for a migration
/// often says no more, nor does one that retries.
fn needed(model: &Model, app: &str, images: &dyn ImagePorts) -> Found<Vec<String>> {
    let mut needs = lasting_needs(model, app);
    let dependents = model.dependents(app);
    let is_server = |service: &str| {
        let kind = Kind::recognise(model, service, images);
        !matches!(kind, Kind::Unknown | Kind::Tcp { .. } | Kind::Http { .. } | Kind::Grpc { .. })
    };
    let others = model.start_order().into_iter().filter(|one| one != app && !needs.contains(one) && !dependents.contains(one));
    let named: Vec<String> = others.filter(|one| is_server(one) && is_named(model, app, one)).collect();
    let origin = if named.is_empty() { "`depends_on` of the app" } else { "`depends_on` of the app, and its variables" };
    needs.extend(named);
    Found::new(needs, origin)
}

/// What the app needs while it runs: a one-shot service has done its part once it has ended.
fn lasting_needs(model: &Model, app: &str) -> Vec<String> {
    let needs = model.needs(app).into_iter().filter(|(_, condition)| *condition != Condition::Completed);
    needs.map(|(service, _)| service.to_owned()).collect()
}

/// A form with what the stack says of it: how a protocol is asked is told by the app's variables, as for a dependency of that kind.
fn known(found: Found<Form>, model: &Model, app: &str) -> Found<Form> {
    let Form::Protocol { name, .. } = &found.value else { return found };
    let kind = name.parse().map_or(Kind::Unknown, |protocol| Kind::speaking(protocol, model, app));
    Found::new(Form::Protocol { name: name.clone(), kind }, found.origin)
}

/// How the app's health check asks, by its URL, and the port in that. A certificate is seldom made out for `localhost`.
fn health_form(model: &Model, app: &str, images: &dyn ImagePorts) -> Option<(Form, Option<u16>)> {
    let url = health_url(model, app, images)?;
    let mut http = HttpForm::to(&url.path);
    if url.is_https {
        (http.is_https, http.tls) = (true, Tls::Insecure);
    }
    Some((Form::Http(http), url.port))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::compose::ComposeFile;
    use crate::subject::{Contract, ContractError};

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
        let (flags, file) = (Declared::default(), Declared::default());
        detect(detect_apps(&flags, &file, &model).pop(), &flags, &file, &model, &Images).into_contract(&model)
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
        assert_eq!(
            (contract.app.as_str(), contract.port, contract.readiness.clone()),
            ("web", Some(8080), Form::path("/healthz"))
        );
        let dependencies: Vec<&str> = contract.dependencies.iter().map(|dependency| dependency.service.as_str()).collect();
        assert_eq!(dependencies, ["db"]);
        assert!(contract.database().is_some());
        assert_eq!(contract.stop_grace_period, Duration::from_secs(90));
        assert_eq!(contract.stop_signal, "SIGQUIT");
    }

    #[test]
    fn a_server_that_a_variable_names_is_a_dependency() {
        let environment = json!({"DB_HOST": "db", "CACHE_URL": "redis://cache:6379/0", "SEARCH_URL": "http://search:9000", "APP_MODE": "queue"});
        let services = json!({
            "web": {"build": {}, "environment": environment, "depends_on": {"migrate": {"condition": "service_completed_successfully"}}},
            "migrate": {"image": "own", "depends_on": {"db": {}}}, "db": {"image": "postgres:15"}, "cache": {"image": "redis"},
            "search": {"image": "own"}, "queue": {"image": "rabbitmq"}, "exporter": {"image": "redis", "depends_on": {"web": {}}},
        });
        let file = ComposeFile::from("/stack/compose.yaml");
        let model = Model::new(file, json!({"services": services})).expect("has services");
        let found = needed(&model, "web", &Images);
        assert_eq!(found.value, ["cache", "db"], "one is no server that is known, one is no host, and one starts after it");
        assert_eq!(found.origin, "`depends_on` of the app, and its variables");
    }

    #[test]
    fn what_is_not_obvious_is_asked_for() {
        for (services, flag) in [
            (json!({"a": {"build": {}}, "b": {"build": {}}}), "--app"),
            (
                json!({"a": {
                    "ports": [{"target": 1}, {"target": 2}], "healthcheck": {"test": ["CMD-SHELL", "curl http://localhost:$PORT/"]},
                }}),
                "--port",
            ),
            (json!({"a": {"ports": [{"target": 1}]}}), "--readiness"),
        ] {
            assert!(contract(&services).expect_err(flag).advice().contains(flag));
        }
    }

    fn names(found: Vec<Found<String>>) -> Vec<String> {
        found.into_iter().map(|found| found.value).collect()
    }

    #[test]
    fn several_apps_are_declared_named_by_flags_or_built() {
        let services = json!({
            "worker": {"build": {}, "depends_on": {"db": {}, "migrate": {"condition": "service_completed_successfully"}}},
            "db": {"image": "postgres"}, "web": {"build": {}, "depends_on": {"worker": {}}}, "migrate": {"build": {}},
        });
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), json!({"services": services})).expect("has services");
        let none = Declared::default();
        assert_eq!(names(detect_apps(&none, &none, &model)), [""; 0], "no single one is obvious");
        assert_eq!(names(built_apps(&model)), ["worker", "web"], "what ends is no app");
        let block = Declared { port: Some(8080), ..Declared::default() };
        let apps = [("web".to_owned(), block), ("worker".to_owned(), Declared::default())];
        let file = Declared { apps: Some(apps.into()), port: Some(1), ..Declared::default() };
        assert_eq!(names(detect_apps(&none, &file, &model)), ["worker", "web"], "as they start");
        let port = |app: &str, flags: &Declared| {
            let app = Some(Found::new(app.to_owned(), ""));
            detect(app, flags, &file, &model, &Images).port.map(|port| port.value)
        };
        assert_eq!(
            [port("web", &none), port("worker", &none)],
            [Some(8080), Some(1)],
            "what stands beside is the default of all"
        );
        let flags = Declared { app: ["web", "web", "db"].map(str::to_owned).to_vec(), port: Some(9), ..Declared::default() };
        assert_eq!(names(detect_apps(&flags, &file, &model)), ["web", "db"]);
        assert_eq!(port("web", &flags), Some(9));
    }

    #[test]
    fn a_flag_wins_over_the_file_and_each_says_so() {
        let flags = Declared { port: Some(1), ..Declared::default() };
        let file = Declared { port: Some(2), readiness: Some(Form::path("/health")), ..Declared::default() };
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), json!({"services": {"a": {}}})).expect("has services");
        let draft = detect(detect_apps(&flags, &file, &model).pop(), &flags, &file, &model, &Images);
        assert_eq!(draft.port, Some(Found::new(1, "--port")));
        assert_eq!(draft.readiness.expect("declared").origin, "/stack/compose.yaml");
        assert_eq!(draft.app.expect("detected").origin, "the only service");
        assert_eq!(draft.outage_limit.origin, "default");
    }
}
