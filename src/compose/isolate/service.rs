//! A service without names, ports and addresses that only one copy could have.

use serde_json::{Map, Value, json};

use super::Notes;

/// Drops what would tie a service to one copy. `services` are the names of all that there are.
pub(super) fn isolate(name: &str, service: &mut Map<String, Value>, services: &[String], notes: &mut Notes) {
    for key in ["build", "profiles", "pull_policy", "develop"] {
        service.remove(key);
    }
    if service.remove("ports").is_some() {
        notes.change(format!("service `{name}`: ports are not published"));
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
