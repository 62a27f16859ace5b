//! Networks and volumes: each copy has its own, under names that Compose derives from the project.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value, json};

use super::{Copy, Hazard, Notes};
use crate::compose::{ComposeError, Model};

/// Refuses a stack in which two services want one address: Compose could not start it either, and a copy, which has no fixed
/// addresses, would hide that.
pub(super) fn addresses_are_unique(model: &Model) -> Result<(), ComposeError> {
    let mut taken: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for (service, definition) in model.services() {
        for (network, attachment) in definition.get("networks").and_then(Value::as_object).into_iter().flatten() {
            for key in ["ipv4_address", "ipv6_address"] {
                let Some(address) = attachment.get(key).and_then(Value::as_str) else { continue };
                if let Some(other) = taken.insert((network, address), service) {
                    return Err(ComposeError::SameAddress {
                        path: model.file().path().to_owned(),
                        services: format!("the services `{other}` and `{service}`"),
                        address: format!("the address {address} on network `{network}`"),
                    });
                }
            }
        }
    }
    Ok(())
}

/// The option that gives a bridge its name on the machine.
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";

/// A network of the copy's own, without what exists only once.
pub(super) fn isolate_network(name: &str, network: &mut Map<String, Value>, project: &str, notes: &mut Notes) {
    network.remove("name");
    if network.remove("external").is_some_and(|external| external == json!(true)) {
        network.clear();
        notes.change(format!("network `{name}` is external: replaced by a new one"));
    }
    if let Some(driver) = network.get("driver").and_then(Value::as_str).filter(|driver| *driver != "bridge").map(str::to_owned) {
        network.clear();
        notes.change(format!("network `{name}`: driver {driver} replaced by a bridge"));
    }
    if let Some(options) = network.get_mut("driver_opts").and_then(Value::as_object_mut)
        && options.remove(BRIDGE_NAME).is_some()
    {
        notes.change(format!("network `{name}`: the name of its bridge dropped"));
    }
    // Engines before version 27 have no IPv6 addresses to give away.
    let own = (network.get("enable_ipv6") == Some(&json!(true))).then(|| json!([{"subnet": ipv6_subnet(project, name)}]));
    if let Some(ipam) = network.get_mut("ipam").and_then(Value::as_object_mut)
        && let Some(config) = ipam.remove("config")
        && Some(&config) != own.as_ref()
    {
        notes.change(format!("network `{name}`: fixed subnets dropped"));
    }
    if let Some(own) = own {
        let ipam = network.entry("ipam").or_insert_with(|| json!({}));
        if ipam.is_null() {
            *ipam = json!({});
        }
        ipam["config"] = own;
    }
}

/// A subnet that no other network of any copy has: unique local addresses (RFC 4193) with a global id made of both names.
fn ipv6_subnet(project: &str, network: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (project, network).hash(&mut hasher);
    let bits = hasher.finish();
    format!("fd{:02x}:{:x}:{:x}:{:x}::/64", bits & 0xff, (bits >> 8) & 0xffff, (bits >> 24) & 0xffff, (bits >> 40) & 0xffff)
}

/// A volume of the copy's own, empty in the place of one that others have made; storage that exists only once is a hazard.
pub(super) fn isolate_volume(
    name: &str,
    volume: &mut Map<String, Value>,
    copy: &Copy,
    notes: &mut Notes,
) -> Result<(), (Hazard, String)> {
    if volume.get("external") == Some(&json!(true)) {
        if copy.allowed.contains(&Hazard::External) {
            notes.shared.insert(Hazard::External);
            return Ok(());
        }
        volume.clear();
        notes.change(format!("volume `{name}` is external: replaced by a new, empty one (--allow external shares it)"));
    }
    volume.remove("external");
    volume.remove("name");
    let is_memory = volume.get("driver_opts").is_some_and(|options| options.get("type") == Some(&json!("tmpfs")));
    if !is_memory && volume.get("driver_opts").is_some_and(|options| options.get("device").is_some()) {
        notes.hazard(copy, Hazard::DriverOpts, "`driver_opts.device` names storage that exists only once".into())?;
    }
    Ok(())
}
