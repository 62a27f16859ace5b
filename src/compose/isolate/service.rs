//! A service without names, ports and addresses that only one copy could have.

use serde_json::{Map, Value, json};

use super::{Notes, Publish};

/// What a service publishes it also exposes: its own view stays the same.
fn keep_exposed(service: &mut Map<String, Value>, ports: &Value) {
    let exposed = service.entry("expose").or_insert_with(|| json!([]));
    let Some(exposed) = exposed.as_array_mut() else { return };
    for port in ports.as_array().into_iter().flatten() {
        let Some(target) = port.get("target").and_then(Value::as_u64) else { continue };
        let protocol = port.get("protocol").and_then(Value::as_str).filter(|protocol| *protocol != "tcp");
        let port = json!(protocol.map_or_else(|| target.to_string(), |protocol| format!("{target}/{protocol}")));
        if !exposed.contains(&port) {
            exposed.push(port);
        }
    }
}

/// Publishes ports at free ports of the engine's machine. A service that lives in another one's network publishes there.
pub(super) fn publish(value: &mut Value, publish: &Publish) {
    for (service, ports) in &publish.ports {
        let mode = value["services"][service.as_str()]["network_mode"].as_str().unwrap_or_default();
        let owner = mode.strip_prefix("service:").unwrap_or(service).to_owned();
        let Some(owner) = value["services"].get_mut(&owner).and_then(Value::as_object_mut) else { continue };
        let published = owner.entry("ports").or_insert_with(|| json!([]));
        for port in ports {
            let entry = json!({"mode": "ingress", "target": port, "protocol": "tcp", "host_ip": publish.at});
            if let Some(published) = published.as_array_mut() {
                published.push(entry);
            }
        }
    }
}

/// Drops what would tie a service to one copy. `services` are the names of all that there are.
pub(super) fn isolate(name: &str, service: &mut Map<String, Value>, services: &[String], notes: &mut Notes) {
    for key in ["build", "profiles", "pull_policy", "develop"] {
        service.remove(key);
    }
    if let Some(ports) = service.remove("ports") {
        keep_exposed(service, &ports);
        notes.change(format!("service `{name}`: ports are not published"));
    }
    if service.remove("mac_address").is_some() {
        notes.change(format!("service `{name}`: mac_address dropped"));
    }
    if service.remove("external_links").is_some() {
        notes.change(format!("service `{name}`: links to containers outside the stack dropped"));
    }
    let container_name = service.remove("container_name").and_then(|name| name.as_str().map(str::to_owned));
    for (network, attachment) in service.get_mut("networks").and_then(Value::as_object_mut).into_iter().flatten() {
        if attachment.is_null() {
            *attachment = json!({});
        }
        let Some(attachment) = attachment.as_object_mut() else { continue };
        for key in ["ipv4_address", "ipv6_address", "mac_address", "link_local_ips"] {
            if attachment.remove(key).is_some() {
                notes.change(format!("service `{name}`: {key} on network `{network}` dropped"));
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
        notes.change(format!("service `{name}`: container name `{alias}` kept as a network alias"));
    }
    if let Some(dependencies) = service.get_mut("depends_on").and_then(Value::as_object_mut) {
        dependencies.retain(|target, _| services.contains(target));
    }
    // Compose leaves a limit of 0 out of what it prints, and then asks for it.
    for (_, limit) in service.get_mut("ulimits").and_then(Value::as_object_mut).into_iter().flatten() {
        if let Some(limit) = limit.as_object_mut() {
            limit.entry("soft").or_insert(json!(0));
            limit.entry("hard").or_insert(json!(0));
        }
    }
}
