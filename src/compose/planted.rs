//! Known defects in a copy: what the checks are to notice in a stack that has none of them. Each changes one thing, and needs nothing that is
//! in an image.

use serde_json::{Map, Value, json};

/// The folder of our own program in the container of a service, a volume that nothing else is in.
pub const PROGRAM_FOLDER: &str = "/seaworthy-program";
const PROGRAM: &str = "/seaworthy-program/seaworthy-tap";
const PROGRAM_VOLUME: &str = "seaworthy-program";
/// The service that answers readiness in the place of the app.
pub const PROXY: &str = "seaworthy-proxy";
/// The network on which a service finds all others but one.
const APART: &str = "seaworthy-apart";

/// A parent that passes no signal on starts what a service starts. These are the words of its image.
pub(super) fn put_parent_in_front(service: &mut Value, entrypoint: &[String], command: &[String]) {
    let words = started(service, entrypoint, command);
    mount_program(service);
    service["entrypoint"] = json!([PROGRAM, "run"]);
    service["command"] = json!(words);
    // A small init would pass the signal on to the parent, which would end without a word to the app.
    service["init"] = json!(false);
}

/// What the container of a service starts, by the engine's rules: an entry point of the file puts the command of the image aside.
fn started(service: &Value, entrypoint: &[String], command: &[String]) -> Vec<Value> {
    let declared = |key: &str| service.get(key).and_then(Value::as_array).cloned();
    // In the model `$` is written `$$`.
    let of_image = |words: &[String]| words.iter().map(|word| json!(word.replace('$', "$$"))).collect::<Vec<_>>();
    let own_entrypoint = declared("entrypoint");
    let own_command = declared("command").filter(|command| !command.is_empty());
    let is_own = own_entrypoint.as_ref().is_some_and(|words| !words.is_empty());
    let mut words = own_entrypoint.unwrap_or_else(|| of_image(entrypoint));
    words.extend(own_command.unwrap_or_else(|| if is_own { vec![] } else { of_image(command) }));
    words
}

/// Whether nothing is known that the container of a service would start.
#[must_use]
pub fn starts_nothing(service: &Map<String, Value>, entrypoint: &[String], command: &[String]) -> bool {
    started(&Value::Object(service.clone()), entrypoint, command).is_empty()
}

/// The health check of a service always passes.
pub(super) fn let_health_check_pass(service: &mut Value) {
    mount_program(service);
    if !service["healthcheck"].is_object() {
        service["healthcheck"] = json!({});
    }
    service["healthcheck"]["test"] = json!(["CMD", PROGRAM, "succeed"]);
}

/// Gives a service the volume that our program is put in.
fn mount_program(service: &mut Value) {
    let mut volumes = service["volumes"].as_array().cloned().unwrap_or_default();
    volumes.push(json!({"type": "volume", "source": PROGRAM_VOLUME, "target": PROGRAM_FOLDER}));
    service["volumes"] = json!(volumes);
}

/// The volume itself.
pub(super) fn declare_program(value: &mut Value) {
    value["volumes"][PROGRAM_VOLUME] = json!({});
}

/// Something answers 200 to everything beside a service, on its networks and its port.
pub(super) fn add_proxy(value: &mut Value, service: &str, image: &str, port: u16) {
    let networks = value["services"][service]["networks"].as_object().into_iter().flatten();
    let networks: Map<String, Value> = networks.map(|(name, _)| (name.clone(), Value::Null)).collect();
    value["services"][PROXY] = json!({
        "image": image, "command": ["answer", port.to_string()], "networks": networks, "expose": [port.to_string()],
        "read_only": true, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"],
    });
}

/// A service finds another one no longer by any name: it moves to a network of its own, which all services join that share a network with it,
/// except that one.
pub(super) fn hide(value: &mut Value, from: &str, hidden: &str) {
    let Some(left) = value["services"][from]["networks"].as_object().cloned() else { return };
    let Some(first) = left.keys().next() else { return };
    let mut apart = value["networks"][first.as_str()].clone();
    if let Some(apart) = apart.as_object_mut() {
        // What only one network can have. What the driver was told stays: the size of packets, IPv6.
        for key in ["name", "external", "ipam"] {
            apart.remove(key);
        }
        let is_internal = left.keys().all(|name| value["networks"][name.as_str()]["internal"] == true);
        apart.insert("internal".into(), json!(is_internal));
    } else {
        apart = json!({});
    }
    value["networks"][APART] = apart;
    for (name, service) in value["services"].as_object_mut().into_iter().flatten() {
        if name == hidden {
            continue;
        }
        let Some(networks) = service.get_mut("networks").and_then(Value::as_object_mut) else { continue };
        let shared: Vec<&Value> =
            networks.iter().filter(|(name, _)| left.contains_key(*name)).map(|(_, joined)| joined).collect();
        if shared.is_empty() {
            continue;
        }
        let aliases = shared.iter().filter_map(|joined| joined.get("aliases")?.as_array()).flatten().cloned();
        let joined = json!({ "aliases": aliases.collect::<Vec<_>>() });
        if name == from {
            networks.clear();
        }
        networks.insert(APART.to_owned(), joined);
        if name == from
            && let Some(links) = service.get_mut("links").and_then(Value::as_array_mut)
        {
            links.retain(|link| link.as_str().is_some_and(|link| link.split(':').next() != Some(hidden)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_starts_what_the_engine_would() {
        let image = ([String::from("/init")], [String::from("server"), String::from("--cost=$5")]);
        for (service, words) in [
            (json!({}), json!(["/init", "server", "--cost=$$5"])),
            (json!({"entrypoint": null, "command": null}), json!(["/init", "server", "--cost=$$5"])),
            (json!({"command": ["other"]}), json!(["/init", "other"])),
            (json!({"entrypoint": ["own"]}), json!(["own"])),
            (json!({"entrypoint": ["own"], "command": ["other"]}), json!(["own", "other"])),
            (json!({"entrypoint": []}), json!(["server", "--cost=$$5"])),
        ] {
            let mut changed = service.clone();
            put_parent_in_front(&mut changed, &image.0, &image.1);
            assert_eq!(changed["command"], words, "{service}");
            assert_eq!(changed["entrypoint"], json!(["/seaworthy-program/seaworthy-tap", "run"]));
            assert_eq!((changed["init"] == false, changed["volumes"].as_array().map(Vec::len)), (true, Some(1)));
        }
        assert!(starts_nothing(&Map::new(), &[], &[]) && !starts_nothing(&Map::new(), &image.0, &[]));
    }

    #[test]
    fn a_health_check_that_always_passes_keeps_its_times() {
        let mut service = json!({"healthcheck": {"test": ["CMD", "curl"], "interval": "1s"}, "volumes": [{"target": "/data"}]});
        let_health_check_pass(&mut service);
        let test = json!(["CMD", "/seaworthy-program/seaworthy-tap", "succeed"]);
        assert_eq!(service["healthcheck"], json!({"test": test, "interval": "1s"}));
        assert_eq!(service["volumes"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_service_finds_all_others_but_one() {
        let mut value = json!({
            "services": {
                "app": {"networks": {"front": null, "back": {"aliases": ["shop"], "ipv4_address": "10.0.0.3"}}, "links": ["db:database", "cache"]},
                "db": {"networks": {"back": {"aliases": ["postgres"]}}},
                "cache": {"networks": {"back": {"aliases": ["redis"]}}},
                "other": {"networks": {"elsewhere": null}},
                "beside": {"network_mode": "service:db"},
            },
            "networks": {
                "front": {"name": "shop_front", "internal": true},
                "back": {"name": "shop_back", "driver_opts": {"com.docker.network.driver.mtu": "1400"}, "ipam": {"config": []}}, "elsewhere": {},
            },
        });
        let before = value["services"].clone();
        hide(&mut value, "app", "db");
        assert_eq!(value["services"]["app"]["networks"], json!({"seaworthy-apart": {"aliases": ["shop"]}}));
        assert_eq!(value["services"]["app"]["links"], json!(["cache"]));
        for unchanged in ["db", "other", "beside"] {
            assert_eq!(value["services"][unchanged], before[unchanged]);
        }
        assert_eq!(
            value["services"]["cache"]["networks"],
            json!({"back": {"aliases": ["redis"]}, "seaworthy-apart": {"aliases": ["redis"]}})
        );
        assert_eq!(
            value["networks"]["seaworthy-apart"],
            json!({"driver_opts": {"com.docker.network.driver.mtu": "1400"}, "internal": false})
        );
    }

    #[test]
    fn a_proxy_has_the_networks_of_the_service_and_none_of_its_names() {
        let mut value = json!({"services": {"app": {"networks": {"default": {"aliases": ["shop"]}}}}});
        add_proxy(&mut value, "app", "tap", 8000);
        let proxy = &value["services"]["seaworthy-proxy"];
        assert_eq!((&proxy["networks"], &proxy["command"]), (&json!({"default": null}), &json!(["answer", "8000"])));
    }
}
