//! The isolation patch: turns the resolved model into one of many copies that share nothing.
//!
//! A copy has its own project name, networks and volumes, publishes nothing to the host, and carries our labels on all
//! that Compose creates. What can't be had once per copy is refused. Pure: model in, patched model and list of changes out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ComposeError, Model};

/// What makes one copy different from all others.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The Compose project name, unique on the engine.
    pub project: String,
    /// Labels for every container, network and volume.
    pub labels: BTreeMap<String, String>,
    /// The image to use for each service that was built.
    pub images: BTreeMap<String, String>,
}

/// Where the parts of an engine that every container could reach are mounted from.
const ENGINE_SOCKETS: [&str; 4] = ["docker.sock", "containerd.sock", "podman.sock", "dockershim.sock"];

/// Patches the model into a copy. Returns the copy and what was changed, in words.
pub fn isolate(model: &Model, copy: &Copy) -> Result<(Model, Vec<String>), ComposeError> {
    let mut value = model.value().clone();
    let mut changes = vec![];
    value["name"] = json!(copy.project);
    if let Some(root) = value.as_object_mut() {
        root.retain(|key, _| !key.starts_with("x-"));
    }
    for kind in ["networks", "volumes"] {
        for (name, resource) in entries(&mut value, kind) {
            isolate_resource(kind, name, resource, &mut changes)
                .map_err(|reason| refused(model, &format!("{kind}.{name}"), reason))?;
            set_labels(resource, &copy.labels);
        }
    }
    let names: Vec<String> = model.services().map(|(name, _)| name.to_owned()).collect();
    for (name, service) in entries(&mut value, "services") {
        refuse_what_reaches_out(service).map_err(|reason| refused(model, name, reason))?;
        isolate_service(name, service, &names, &mut changes);
        if let Some(image) = copy.images.get(name) {
            service.insert("image".into(), json!(image));
        }
        set_labels(service, &copy.labels);
    }
    Ok((model.with_value(value), changes))
}

fn refused(model: &Model, service: &str, reason: String) -> ComposeError {
    ComposeError::Refused { path: model.file().path().to_owned(), service: service.to_owned(), reason }
}

/// The entries of a top-level section, each made an object (an empty entry resolves to null).
fn entries<'a>(value: &'a mut Value, section: &str) -> impl Iterator<Item = (&'a String, &'a mut Map<String, Value>)> {
    let section = value.get_mut(section).and_then(Value::as_object_mut);
    section.into_iter().flatten().filter_map(|(name, entry)| {
        if entry.is_null() {
            *entry = json!({});
        }
        Some((name, entry.as_object_mut()?))
    })
}

fn set_labels(entry: &mut Map<String, Value>, labels: &BTreeMap<String, String>) {
    let existing = entry.entry("labels").or_insert_with(|| json!({}));
    if !existing.is_object() {
        *existing = json!({});
    }
    for (key, value) in labels {
        existing[key.as_str()] = json!(value);
    }
}

fn isolate_resource(kind: &str, name: &str, resource: &mut Map<String, Value>, changes: &mut Vec<String>) -> Result<(), String> {
    let external = resource.remove("external").is_some_and(|external| external == json!(true));
    resource.remove("name");
    if kind == "volumes" {
        if external {
            return Err("`external: true` names a volume with data that only exists once".into());
        }
        if resource.get("driver_opts").is_some_and(|options| options.get("device").is_some()) {
            return Err("`driver_opts.device` names storage that only exists once".into());
        }
        return Ok(());
    }
    if external {
        resource.clear();
        changes.push(format!("network `{name}` is external: replaced by a fresh one"));
    }
    if let Some(ipam) = resource.get_mut("ipam").and_then(Value::as_object_mut)
        && ipam.remove("config").is_some()
    {
        changes.push(format!("network `{name}`: fixed subnets dropped"));
    }
    Ok(())
}

fn isolate_service(name: &str, service: &mut Map<String, Value>, services: &[String], changes: &mut Vec<String>) {
    for key in ["build", "profiles", "pull_policy"] {
        service.remove(key);
    }
    if service.remove("ports").is_some() {
        changes.push(format!("service `{name}`: ports are not published"));
    }
    let container_name = service.remove("container_name").and_then(|name| name.as_str().map(str::to_owned));
    for (network, attachment) in service.get_mut("networks").and_then(Value::as_object_mut).into_iter().flatten() {
        if attachment.is_null() {
            *attachment = json!({});
        }
        let Some(attachment) = attachment.as_object_mut() else { continue };
        for key in ["ipv4_address", "ipv6_address", "mac_address", "link_local_ips"] {
            if attachment.remove(key).is_some() {
                changes.push(format!("service `{name}`: {key} on network `{network}` dropped"));
            }
        }
        if let Some(alias) = &container_name {
            let aliases = attachment.entry("aliases").or_insert_with(|| json!([]));
            if let Some(aliases) = aliases.as_array_mut() {
                aliases.push(json!(alias));
            }
        }
    }
    if let Some(alias) = container_name {
        changes.push(format!("service `{name}`: container name `{alias}` kept as a network alias"));
    }
    if let Some(dependencies) = service.get_mut("depends_on").and_then(Value::as_object_mut) {
        dependencies.retain(|target, _| services.contains(target));
    }
}

fn refuse_what_reaches_out(service: &Map<String, Value>) -> Result<(), String> {
    if service.get("privileged") == Some(&json!(true)) {
        return Err("`privileged: true` gives it this machine".into());
    }
    for key in ["network_mode", "pid", "ipc", "uts", "userns_mode"] {
        if service.get(key) == Some(&json!("host")) {
            return Err(format!("`{key}: host` shares a namespace with this machine"));
        }
    }
    if service.get("devices").and_then(Value::as_array).is_some_and(|devices| !devices.is_empty()) {
        return Err("`devices` gives it a device of this machine".into());
    }
    for mount in service.get("volumes").and_then(Value::as_array).into_iter().flatten() {
        if mount.get("type") != Some(&json!("bind")) {
            continue;
        }
        let source = mount.get("source").and_then(Value::as_str).unwrap_or_default();
        if ENGINE_SOCKETS.iter().any(|socket| source.ends_with(socket)) {
            return Err(format!("`volumes` mounts the engine's socket {source}"));
        }
        if mount.get("read_only") != Some(&json!(true)) {
            return Err(format!("`volumes` mounts {source} writable: copies would share it; add `read_only: true` (`:ro`)"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::ComposeFile;

    fn copy_of(value: Value) -> Result<(Value, Vec<String>), ComposeError> {
        let model = Model::new(ComposeFile::File("/stack/compose.yaml".into()), value).expect("has services");
        let copy = Copy {
            project: "copy-1".into(),
            labels: BTreeMap::from([("dev.seaworthy.run".into(), "r1".into())]),
            images: BTreeMap::from([("app".into(), "seaworthy-r1:app".into())]),
        };
        isolate(&model, &copy).map(|(model, changes)| (model.value().clone(), changes))
    }

    #[test]
    fn a_copy_shares_no_name_port_or_address() {
        let (copy, changes) = copy_of(json!({
            "name": "shop",
            "services": {"app": {
                "build": {"context": "."}, "profiles": ["x"], "container_name": "shop-app",
                "ports": [{"target": 80}], "networks": {"front": {"ipv4_address": "10.0.0.2"}, "back": null},
                "depends_on": {"db": {"condition": "service_started"}},
            }},
            "networks": {"front": {"name": "shop_front", "ipam": {"config": [{"subnet": "10.0.0.0/24"}]}},
                         "back": {"name": "shared", "external": true}},
            "volumes": {"data": {"name": "shop_data"}},
            "x-seaworthy": {"app": "app"},
        }))
        .expect("isolated");
        let labels = json!({"dev.seaworthy.run": "r1"});
        assert_eq!(
            copy,
            json!({
                "name": "copy-1",
                "services": {"app": {
                    "image": "seaworthy-r1:app", "labels": labels, "depends_on": {},
                    "networks": {"front": {"aliases": ["shop-app"]}, "back": {"aliases": ["shop-app"]}},
                }},
                "networks": {"front": {"ipam": {}, "labels": labels}, "back": {"labels": labels}},
                "volumes": {"data": {"labels": labels}},
            })
        );
        assert_eq!(changes.len(), 5, "{changes:#?}");
    }

    #[test]
    fn what_reaches_out_is_refused() {
        for (service, key) in [
            (json!({"privileged": true}), "privileged"),
            (json!({"network_mode": "host"}), "network_mode"),
            (json!({"pid": "host"}), "pid"),
            (json!({"devices": [{"source": "/dev/kvm"}]}), "devices"),
            (json!({"volumes": [{"type": "bind", "source": "/var/run/docker.sock", "target": "/s"}]}), "volumes"),
            (json!({"volumes": [{"type": "bind", "source": "/stack/data", "target": "/data"}]}), "writable"),
        ] {
            let error = copy_of(json!({"services": {"app": service}})).expect_err(key);
            assert!(error.to_string().contains(key), "{key}: {error}");
        }
        let volume = json!({"services": {"app": {}}, "volumes": {"data": {"external": true}}});
        assert!(copy_of(volume).expect_err("external volume").to_string().contains("volumes.data"));
    }

    #[test]
    fn a_patched_copy_patched_again_is_the_same() {
        let (once, _) = copy_of(json!({"services": {"app": {"ports": [{"target": 80}]}}})).expect("isolated");
        let (twice, changes) = copy_of(once.clone()).expect("isolated");
        assert_eq!((twice, changes.len()), (once, 0));
    }
}
