//! Networks and volumes: each copy has its own, under names that Compose derives from the project.

use std::collections::BTreeMap;

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
                        services: [other.to_owned(), service.to_owned()],
                        network: network.clone(),
                        address: address.to_owned(),
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
pub(super) fn isolate_network(name: &str, network: &mut Map<String, Value>, notes: &mut Notes) {
    network.remove("name");
    if network.remove("external").is_some_and(|external| external == json!(true)) {
        network.clear();
        notes.change(format!("network `{name}` is external: replaced by a fresh one"));
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
    if let Some(ipam) = network.get_mut("ipam").and_then(Value::as_object_mut)
        && ipam.remove("config").is_some()
    {
        notes.change(format!("network `{name}`: fixed subnets dropped"));
    }
}

/// A volume of the copy's own; one with data that exists only once is a hazard.
pub(super) fn isolate_volume(volume: &mut Map<String, Value>, copy: &Copy, notes: &mut Notes) -> Result<(), (Hazard, String)> {
    if volume.get("external") == Some(&json!(true)) {
        return notes.hazard(copy, Hazard::External, "`external: true` names data that exists only once".into());
    }
    volume.remove("external");
    volume.remove("name");
    if volume.get("driver_opts").is_some_and(|options| options.get("device").is_some()) {
        notes.hazard(copy, Hazard::DriverOpts, "`driver_opts.device` names storage that exists only once".into())?;
    }
    Ok(())
}
