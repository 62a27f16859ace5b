//! What stands in the compose file.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{found, inspected};
use crate::compose::{Condition, Privilege, literals, privileges};
use crate::experiment::Stage;
use crate::experiment::sources::{place, place_of};
use crate::model::{Halt, Inspection, Item, Trait};

/// Addresses at which only this machine answers.
const LOOPBACK: [&str; 3] = ["127.", "::1", "localhost"];

/// Whether the app has a health check, from the compose file or from the image.
pub(super) fn health_check(stage: &Stage) {
    let context = stage.context();
    let app = &context.contract.app;
    let declared = context.has_health_check(app);
    let place = if declared { None } else { place_of(context, app, "healthcheck") };
    inspected(stage, Inspection::HealthCheck { declared, place });
}

/// What one instance may take, by the compose file.
pub(super) fn limits(stage: &Stage) -> Result<(), Halt> {
    let context = stage.context();
    let app = &context.contract.app;
    let service = context.model.service(app).ok_or_else(|| Halt::not_measured("the app's definition"))?;
    let limits = service.get("deploy").and_then(|deploy| deploy.get("resources")?.get("limits"));
    let has = |new: &str, old: &str| {
        let is_set = |value: &Value| !value.is_null() && value.as_f64() != Some(0.0) && value.as_str() != Some("0");
        limits.and_then(|limits| limits.get(new)).is_some_and(is_set) || service.get(old).is_some_and(is_set)
    };
    let (memory, cpus, pids) = (has("memory", "mem_limit"), has("cpus", "cpus"), has("pids", "pids_limit"));
    let place = if memory && cpus && pids { None } else { place_of(context, app, "deploy") };
    inspected(stage, Inspection::Limits { memory, cpus, pids, place });
    Ok(())
}

/// When each dependency is started.
pub(super) fn order(stage: &Stage) {
    let context = stage.context();
    let app = &context.contract.app;
    for dependency in &context.contract.dependencies {
        let service = dependency.service.clone();
        let condition = context.model.condition(app, &service);
        let named = condition.is_some();
        let waits = condition.is_some_and(|condition| condition != Condition::Started);
        let has_health_check = context.has_health_check(&service);
        let place = match (waits, has_health_check) {
            (false, _) => place_of(context, app, "depends_on"),
            (true, false) => place_of(context, &service, "healthcheck"),
            (true, true) => None,
        };
        inspected(stage, Inspection::Order { service, named, waits, has_health_check, place });
    }
}

/// Where the database keeps its data.
pub(super) fn data_folder(stage: &Stage, database: &str) -> Result<(), Halt> {
    let context = stage.context();
    let folder = context.data_folder(database);
    let folder = folder.ok_or_else(|| Halt::not_applicable(format!("the data directory of `{database}` is not known")))?;
    let mounts = context.model.service(database).and_then(|service| service.get("volumes")?.as_array());
    let holds = |mount: &Value| {
        let target = mount.get("target").and_then(Value::as_str).unwrap_or_default().trim_end_matches('/');
        let is_lasting = mount.get("source").and_then(Value::as_str).is_some_and(|source| !source.is_empty());
        is_lasting && (folder == target || folder.starts_with(&format!("{target}/")))
    };
    let lasting = mounts.into_iter().flatten().any(holds);
    let place = if lasting { None } else { place_of(context, database, "volumes") };
    inspected(stage, Inspection::DataFolder { service: database.to_owned(), folder, lasting, place });
    Ok(())
}

/// The secrets that stand in the compose file itself.
pub(super) fn literal_secrets(stage: &Stage) {
    let item = |literal: crate::compose::Literal| Item {
        what: format!("{}:{}: {}", literal.file.display(), literal.line, literal.what),
        place: Some(place(&literal.file, literal.line)),
    };
    found(stage, Trait::LiteralSecret, literals(stage.context().model.file()).into_iter().map(item).collect());
}

/// What in the compose file reaches out of a container.
pub(super) fn privileged(stage: &Stage) {
    let context = stage.context();
    let of_service = |(name, service)| {
        let item = move |privilege: Privilege| Item {
            place: place_of(context, name, privilege.key),
            what: format!("`{name}` has {}", privilege.what),
        };
        privileges(service).into_iter().map(item)
    };
    found(stage, Trait::Privilege, context.model.services().flat_map(of_service).collect());
}

/// The ports of dependencies that somebody from outside reaches past the app.
pub(super) fn published_ports(stage: &Stage) {
    let context = stage.context();
    let (mut items, mut told) = (vec![], BTreeSet::new());
    for dependency in &context.contract.dependencies {
        let service = &dependency.service;
        let ports = context.model.service(service).and_then(|service| service.get("ports")?.as_array());
        for port in ports.into_iter().flatten() {
            let at = port.get("host_ip").and_then(Value::as_str).unwrap_or_default();
            if !LOOPBACK.iter().any(|address| at.starts_with(address)) {
                let at = if at.is_empty() { "every address" } else { at };
                let target = port.get("target").and_then(Value::as_u64).unwrap_or_default();
                let place = if told.insert(service) { place_of(context, service, "ports") } else { None };
                items.push(Item { what: format!("port {target} of `{service}` is published at {at}"), place });
            }
        }
    }
    found(stage, Trait::PublishedPort, items);
}
