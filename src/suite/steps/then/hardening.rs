//! What the app may do, and what it does without.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::compose::{Model, privileges};
use crate::suite::steps::{Words, seconds};
use crate::suite::{Failure, ScenarioWorld};
use crate::verdict::{Finding, is_not_root, is_numeric, seconds as told, written_outside};

/// The table of users in every image that has names for them.
const PASSWD: &str = "/etc/passwd";
/// Addresses at which only this machine answers.
const LOOPBACK: [&str; 3] = ["127.", "::1", "localhost"];

/// A write to the root file system fails: the scenario really took it away.
pub(in crate::suite::steps) async fn root_is_read_only(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let app = &bench.contract.app;
    if bench.engine.can_write_to_root(&stack.service(app)?.container).await? {
        return Err(Failure::not_measured(&format!("the root file system of `{app}` could be written to all the same")));
    }
    Ok(())
}

/// In so many seconds of probes nothing is written to the root file system but to temporary folders.
pub(in crate::suite::steps) async fn root_is_unchanged(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let time = seconds(&words, 0)?;
    let changes = changes_after(world, time).await?;
    let bench = world.bench()?;
    let app = &bench.contract.app;
    let written = written_outside(&changes, &mounted(&bench.model, app));
    if written.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(Finding {
        expected: format!("within {} `{app}` writes nothing but to volumes and temporary folders", told(time)),
        seen: format!("it wrote {}", written.join(", ")),
    }))
}

/// What the app has changed in its container's file system so long after the moment that limits count from.
pub(super) async fn changes_after(world: &mut ScenarioWorld, time: Duration) -> Result<Vec<String>, Failure> {
    let (bench, stack, moments) = world.stack().await?;
    stack.timeline().clock().reach(moments.since + time).await;
    Ok(bench.engine.changes(&stack.service(&bench.contract.app)?.container).await?)
}

/// Where something is mounted into a service: the engine makes folders for that.
fn mounted(model: &Model, service: &str) -> Vec<String> {
    let Some(service) = model.service(service) else { return vec![] };
    let list = |key: &str| service.get(key).and_then(Value::as_array).into_iter().flatten();
    let targets = list("volumes").filter_map(|mount| mount.get("target")?.as_str());
    let in_memory = list("tmpfs").filter_map(|mount| mount.as_str()?.split(':').next());
    let files = [("configs", "/"), ("secrets", "/run/secrets/")].into_iter().flat_map(|(key, folder)| {
        let named = list(key).filter_map(|file| file.get("target").or_else(|| file.get("source"))?.as_str());
        named.map(move |name| if name.starts_with('/') { name.to_owned() } else { format!("{folder}{name}") })
    });
    targets.chain(in_memory).map(str::to_owned).chain(files).collect()
}

/// The compose file limits what one instance may take.
pub(in crate::suite::steps) async fn limits_are_declared(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let app = &bench.contract.app;
    let service = bench.model.service(app).ok_or_else(|| Failure::not_measured("the app's definition"))?;
    let limits = service.get("deploy").and_then(|deploy| deploy.get("resources")?.get("limits"));
    let has = |keys: [&str; 2]| {
        let is_set = |value: &Value| !value.is_null() && value.as_f64() != Some(0.0) && value.as_str() != Some("0");
        limits.and_then(|limits| limits.get(keys[0])).is_some_and(is_set) || service.get(keys[1]).is_some_and(is_set)
    };
    let limits = [("memory", "mem_limit"), ("cpus", "cpus"), ("pids", "pids_limit")];
    let missing: Vec<&str> = limits.into_iter().filter(|(new, old)| !has([new, old])).map(|(new, _)| new).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let app = app.clone();
    world.point_at_key(&app, "deploy");
    Err(Failure::Failed(Finding {
        expected: format!("`deploy.resources.limits` of `{app}` has memory, cpus and pids"),
        seen: format!(
            "{} not limited",
            if missing.len() == 1 { format!("{} is", missing[0]) } else { format!("{} are", missing.join(", ")) }
        ),
    }))
}

/// Nothing in the compose file reaches out of a container.
pub(in crate::suite::steps) async fn nothing_is_privileged(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let found: Vec<(String, String)> = (bench.model.services())
        .flat_map(|(name, service)| privileges(service).into_iter().map(|privilege| (name.to_owned(), privilege)))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    for (service, privilege) in &found {
        world.point_at_key(service, privilege.split(':').next().unwrap_or_default());
    }
    let seen: Vec<String> = found.iter().map(|(service, privilege)| format!("`{service}` has {privilege}")).collect();
    Err(Failure::Failed(Finding { expected: "no service reaches out of its container".into(), seen: seen.join("; ") }))
}

/// Nobody from outside reaches a dependency past the app.
pub(in crate::suite::steps) async fn dependencies_are_private(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let (mut found, mut published) = (vec![], BTreeSet::new());
    for dependency in &bench.contract.dependencies {
        let ports = bench.model.service(&dependency.service).and_then(|service| service.get("ports")?.as_array());
        for port in ports.into_iter().flatten() {
            let at = port.get("host_ip").and_then(Value::as_str).unwrap_or_default();
            if !LOOPBACK.iter().any(|address| at.starts_with(address)) {
                let at = if at.is_empty() { "every address" } else { at };
                let target = port.get("target").and_then(Value::as_u64).unwrap_or_default();
                found.push(format!("port {target} of `{}` is published at {at}", dependency.service));
                published.insert(dependency.service.clone());
            }
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    for service in &published {
        world.point_at_key(service, "ports");
    }
    let expected = "dependencies are reached on the stack's own networks, or on 127.0.0.1".into();
    Err(Failure::Failed(Finding { expected, seen: found.join("; ") }))
}

/// The user that the app is started as is not root.
pub(in crate::suite::steps) async fn user_is_not_root(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let app = &bench.contract.app;
    let container = &stack.service(app)?.container;
    let declared = bench.engine.declared(container).await?.user;
    let passwd = bench.engine.read_file(container, PASSWD).await?.unwrap_or_default();
    is_not_root(app, &declared, &String::from_utf8_lossy(&passwd)).map_err(Failure::Failed)
}

/// The user that the app is started as is a number.
pub(in crate::suite::steps) async fn user_is_a_number(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let app = &bench.contract.app;
    let declared = bench.engine.declared(&stack.service(app)?.container).await?.user;
    is_numeric(app, &declared).map_err(Failure::Failed)
}
