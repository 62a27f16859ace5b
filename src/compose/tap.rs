//! The tap in a copy: it takes a service's names on its networks, and the service moves behind it.

use serde_json::{Value, json};

/// Where a tap stands, and what it passes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TapPlace {
    /// The service in whose place it stands.
    pub service: String,
    /// The tap's image.
    pub image: String,
    /// The ports that it passes on.
    pub ports: Vec<u16>,
}

/// The port by which a tap is told what to do.
pub const TAP_CONTROL: u16 = 47_017;
/// What the real service is called on the network that it shares with its tap.
const BEHIND: &str = "behind-the-tap";

/// The service that is the tap in front of this one.
#[must_use]
pub fn tap_of(service: &str) -> String {
    format!("seaworthy-tap-{service}")
}

/// Puts the tap on the networks of a service, under its names, and the service on a network of its own behind it, together with
/// what it needs itself.
pub(super) fn put_in_place(value: &mut Value, place: &TapPlace) {
    let TapPlace { service, image, ports } = place;
    let real = &mut value["services"][service.as_str()];
    let behind = json!({ BEHIND: { "aliases": [BEHIND] } });
    let mut networks = std::mem::replace(&mut real["networks"], behind);
    let container_name = real["container_name"].as_str().map(str::to_owned);
    let needed: Vec<String> = real["depends_on"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    for (_, attachment) in networks.as_object_mut().into_iter().flatten() {
        let aliases = attachment.get("aliases").and_then(Value::as_array).cloned().unwrap_or_default();
        let names = [Some(service.clone()), container_name.clone()].into_iter().flatten().map(Value::from);
        *attachment = json!({ "aliases": aliases.into_iter().chain(names).collect::<Vec<_>>() });
    }
    networks[BEHIND] = Value::Null;
    for name in needed {
        if let Some(networks) = value["services"][name.as_str()]["networks"].as_object_mut() {
            networks.insert(BEHIND.to_owned(), Value::Null);
        }
    }
    let mut command = vec![TAP_CONTROL.to_string(), BEHIND.to_owned()];
    command.extend(ports.iter().map(u16::to_string));
    let tap = tap_of(service);
    value["services"][tap.as_str()] = json!({
        "image": image, "command": command, "networks": networks, "read_only": true, "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    });
    value["networks"][BEHIND] = json!({});
    // A link names the service and, after a colon, what it is called there.
    for (_, other) in value["services"].as_object_mut().into_iter().flatten() {
        for link in other.get_mut("links").and_then(Value::as_array_mut).into_iter().flatten() {
            let words = link.as_str().unwrap_or_default();
            let (linked, name) = words.split_once(':').unwrap_or((words, words));
            if linked == service {
                *link = json!(format!("{tap}:{name}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tap_has_the_names_and_the_real_one_is_behind_it() {
        let mut value = json!({
            "services": {
                "app": {"networks": {"default": null}, "links": ["db:database", "cache"]},
                "db": {
                    "image": "postgres", "container_name": "shop-db", "depends_on": {"vault": {}},
                    "networks": {"default": {"aliases": ["postgres"], "ipv4_address": "10.0.0.2"}, "admin": null},
                },
                "vault": {"networks": {"default": null}}, "cache": {"networks": {"default": null}},
            },
            "networks": {"default": {}, "admin": {}},
        });
        put_in_place(&mut value, &TapPlace { service: "db".into(), image: "tap".into(), ports: vec![5432, 8008] });
        let services = &value["services"];
        assert_eq!(
            services["seaworthy-tap-db"],
            json!({
                "image": "tap", "command": ["47017", "behind-the-tap", "5432", "8008"], "read_only": true, "cap_drop": ["ALL"],
                "security_opt": ["no-new-privileges:true"],
                "networks": {
                    "default": {"aliases": ["postgres", "db", "shop-db"]}, "admin": {"aliases": ["db", "shop-db"]},
                    "behind-the-tap": null,
                },
            })
        );
        assert_eq!(services["db"]["networks"], json!({"behind-the-tap": {"aliases": ["behind-the-tap"]}}));
        assert_eq!(services["vault"]["networks"], json!({"default": null, "behind-the-tap": null}));
        assert_eq!(services["cache"]["networks"], json!({"default": null}));
        assert_eq!(services["app"]["links"], json!(["seaworthy-tap-db:database", "cache"]));
        assert_eq!(value["networks"], json!({"default": {}, "admin": {}, "behind-the-tap": {}}));
    }
}
