//! Services that a copy does without: what would reach out of it, where nothing that is judged needs it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Copy, Hazard, Notes, hazard, mounts, resources};
use crate::compose::Model;

/// The stack that copies are made of, and what of the user's is not in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Remaining {
    /// The model without these services.
    pub model: Model,
    /// Which services were left out, and why, in words.
    pub left_out: Vec<String>,
}

/// Leaves out every service that can't be isolated and that no service under test needs, and what can't do without one of those.
///
/// `tested` are the app and then its dependencies; where the app is not known, there are none, and every service that can be isolated may be one. What they need they
/// keep, and so is what `kept` names: [`super::isolate`] then refuses it. A service needs what it depends on, is linked to, shares a
/// namespace or volumes with, what writes to a volume that it mounts, and every host that its variables or its command line name.
#[must_use]
pub fn leave_out(model: &Model, tested: &[&str], kept: &BTreeSet<String>, copy: &Copy) -> Remaining {
    let hazards: BTreeMap<&str, String> =
        model.services().filter_map(|(name, _)| Some((name, hazard_of(model, name, copy)?.1))).collect();
    let untouched = || Remaining { model: model.clone(), left_out: vec![] };
    if hazards.is_empty() {
        return untouched();
    }
    let names: Vec<&str> = model.services().map(|(name, _)| name).collect();
    let needs: BTreeMap<&str, BTreeSet<&str>> = names.iter().map(|name| (*name, needs_of(model, name, &names))).collect();
    let may_be_tested = |name: &&str| if tested.is_empty() { !hazards.contains_key(name) } else { tested.contains(name) };
    let roots = names.iter().copied().filter(|name| may_be_tested(name) || kept.contains(*name));
    let needed: BTreeSet<&str> = roots.flat_map(|name| with_needs(name, &needs)).collect();
    let goes = |name: &str| hazards.contains_key(name) && !needed.contains(name);
    let is_left_out = |name: &&str| !needed.contains(name) && with_needs(name, &needs).into_iter().any(goes);
    let left_out: Vec<&str> = names.iter().copied().filter(is_left_out).collect();
    if left_out.len() == names.len() {
        return untouched();
    }
    let why = |name: &str| {
        let Some(reason) = hazards.get(name) else {
            let needed = with_needs(name, &needs).into_iter().find(|one| goes(one)).unwrap_or_default();
            return format!("service `{name}` is left out: it needs `{needed}`, which is left out too");
        };
        let by = tested.first().map_or("no other service needs it".to_owned(), |app| format!("`{app}` does not need it"));
        format!("service `{name}` is left out: {reason}, and {by}; --with {name} keeps it")
    };
    let words = left_out.iter().map(|name| why(name)).collect();
    Remaining { model: without(model, &left_out), left_out: words }
}

/// What a service can't have once per copy, of itself or of the volumes that it mounts.
fn hazard_of(model: &Model, name: &str, copy: &Copy) -> Option<(Hazard, String)> {
    let mut definition = model.service(name)?.clone();
    let mut notes = Notes::default();
    let found = hazard::look_for(name, &mut definition, copy, &mut notes)
        .and_then(|()| mounts::isolate(name, &mut definition, &model.file().folder(), copy, &mut notes));
    let of_volumes = || {
        volumes_of(&definition).find_map(|(volume, _)| {
            let mut volume = model.value()["volumes"].get(volume)?.as_object()?.clone();
            resources::isolate_volume(name, &mut volume, copy, &mut notes).err()
        })
    };
    found.err().or_else(of_volumes)
}

/// The volumes with names that a service mounts, and whether it may write to them.
fn volumes_of(service: &Map<String, Value>) -> impl Iterator<Item = (&str, bool)> {
    let mounts = service.get("volumes").and_then(Value::as_array).into_iter().flatten();
    mounts.filter(|mount| mount["type"] == "volume").filter_map(|mount| {
        let is_read_only = mount.get("read_only").and_then(Value::as_bool).unwrap_or(false);
        Some((mount.get("source")?.as_str()?, !is_read_only))
    })
}

/// What a service needs at first hand.
fn needs_of<'a>(model: &'a Model, name: &str, names: &[&'a str]) -> BTreeSet<&'a str> {
    let Some(service) = model.service(name) else { return BTreeSet::new() };
    let words = |key: &str| {
        let words = service.get(key).and_then(Value::as_array);
        words.into_iter().flatten().filter_map(Value::as_str)
    };
    let shared = Hazard::NAMESPACES.iter().filter_map(|key| service.get(key.key())?.as_str()?.strip_prefix("service:"));
    let linked = words("links").chain(words("volumes_from")).map(|word| word.split(':').next().unwrap_or_default());
    let at_first_hand: BTreeSet<&str> = model.depends_on(name).into_iter().chain(shared).chain(linked).collect();
    let variables = model.environment(name);
    let texts: Vec<&str> =
        variables.iter().map(|(_, value)| value.as_str()).chain(words("command")).chain(words("entrypoint")).collect();
    let mounted: BTreeSet<&str> = volumes_of(service).map(|(volume, _)| volume).collect();
    let is_needed = |other: &&str| {
        *other != name
            && (at_first_hand.contains(other)
                || called(model, other).iter().any(|host| texts.iter().any(|text| names_host(text, host)))
                || model
                    .service(other)
                    .is_some_and(|other| volumes_of(other).any(|(volume, is_writer)| is_writer && mounted.contains(volume))))
    };
    names.iter().copied().filter(is_needed).collect()
}

/// What a service can be called by others.
fn called<'a>(model: &'a Model, name: &'a str) -> Vec<&'a str> {
    let service = model.service(name);
    let text = |key: &str| service.and_then(|service| service.get(key)?.as_str());
    let networks = service.and_then(|service| service.get("networks")?.as_object()).into_iter().flatten();
    let aliases = networks.filter_map(|(_, attachment)| attachment.get("aliases")?.as_array()).flatten();
    let others = [text("container_name"), text("hostname")].into_iter().flatten();
    [name].into_iter().chain(others).chain(aliases.filter_map(Value::as_str)).collect()
}

/// Whether a text names a host: alone, in a URL, behind a login, or with a port.
fn names_host(text: &str, host: &str) -> bool {
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    text.match_indices(host).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + host.len()..]);
        if before.ends_with(is_of_name) || after.starts_with(is_of_name) {
            return false;
        }
        let has_port = after.strip_prefix(':').is_some_and(|port| port.starts_with(|letter: char| letter.is_ascii_digit()));
        has_port || before.ends_with("//") || before.ends_with('@') || text.trim() == host
    })
}

/// A service with all that it needs, itself included.
fn with_needs<'a>(name: &'a str, needs: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut found, mut left) = (BTreeSet::new(), vec![name]);
    while let Some(name) = left.pop() {
        if found.insert(name) {
            left.extend(needs.get(name).into_iter().flatten());
        }
    }
    found
}

/// The model without these services, and without volumes that nobody else mounts.
fn without(model: &Model, services: &[&str]) -> Model {
    let mut value = model.value().clone();
    if let Some(all) = value["services"].as_object_mut() {
        all.retain(|name, _| !services.contains(&name.as_str()));
    }
    let remaining = model.with_value(value.clone());
    let mounted: BTreeSet<&str> =
        remaining.services().flat_map(|(_, service)| volumes_of(service)).map(|(volume, _)| volume).collect();
    if let Some(volumes) = value.get_mut("volumes").and_then(Value::as_object_mut) {
        volumes.retain(|name, _| mounted.contains(name.as_str()));
    }
    model.with_value(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::ComposeFile;

    /// The services that are left of these, and what is said of the others.
    fn left(services: &Value, tested: &[&str], kept: &[&str], allowed: &[Hazard]) -> (Vec<String>, Vec<String>) {
        let value = json!({"services": services, "volumes": {"disk": {"driver_opts": {"device": "/dev/sdb"}}, "data": {}}});
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value).expect("has services");
        let kept = kept.iter().map(|name| (*name).to_owned()).collect();
        let remaining = leave_out(&model, tested, &kept, &Copy::preview(allowed.iter().copied().collect()));
        (remaining.model.services().map(|(name, _)| name.to_owned()).collect(), remaining.left_out)
    }

    fn socket() -> Value {
        json!([{"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock", "read_only": true}])
    }

    #[test]
    fn a_hazard_that_nobody_needs_is_left_out() {
        let services = json!({
            "app": {"depends_on": {"db": {}}}, "db": {}, "proxy": {"volumes": socket(), "depends_on": {"app": {}}},
            "dashboard": {"depends_on": {"proxy": {}}},
        });
        let (names, words) = left(&services, &["app", "db"], &[], &[]);
        assert_eq!(names, ["app", "db"]);
        assert_eq!(
            words,
            [
                "service `dashboard` is left out: it needs `proxy`, which is left out too",
                "service `proxy` is left out: `volumes` mounts the engine's socket /var/run/docker.sock, and `app` does not need \
                 it; --with proxy keeps it"
            ]
        );
        let all = ["app", "dashboard", "db", "proxy"];
        assert_eq!(left(&services, &["app", "db"], &["proxy"], &[]).0, all, "the user keeps it");
        assert_eq!(left(&services, &["app", "db"], &[], &[Hazard::EngineSocket]).0, all, "the user shares it");
        assert_eq!(left(&services, &["proxy"], &[], &[]).0, all, "it is the app");
        assert_eq!(left(&services, &["dashboard"], &[], &[]).0, all, "the app needs it");
    }

    #[test]
    fn where_the_app_is_not_known_every_service_may_be_it() {
        let services = json!({"web": {}, "proxy": {"volumes": socket()}});
        assert_eq!(left(&services, &[], &[], &[]).0, ["web"]);
        let needed = json!({"web": {"depends_on": {"proxy": {}}}, "proxy": {"volumes": socket()}});
        assert_eq!(left(&needed, &[], &[], &[]).0, ["proxy", "web"]);
        let all = json!({"one": {"privileged": true}, "two": {"pid": "host"}});
        assert_eq!(left(&all, &[], &[], &[]), (vec!["one".into(), "two".into()], vec![]), "nothing would be left");
    }

    #[test]
    fn what_the_app_needs_in_any_way_is_not_left_out() {
        let volume = |read_only: bool| json!([{"type": "volume", "source": "data", "target": "/d", "read_only": read_only}]);
        for (app, hazard, is_kept) in [
            (json!({"network_mode": "service:agent"}), json!({}), true),
            (json!({"ipc": "service:agent"}), json!({}), true),
            (json!({"volumes_from": ["agent:ro"]}), json!({}), true),
            (json!({"links": ["agent:docker"]}), json!({}), true),
            (json!({"depends_on": {"between": {}}}), json!({}), true),
            (json!({"environment": {"DOCKER_HOST": "tcp://agent:2375"}}), json!({}), true),
            (json!({"environment": {"DSN": "u:p@agent/x"}}), json!({}), true),
            (json!({"environment": {"HOST": "agent"}}), json!({}), true),
            (json!({"command": ["serve", "--docker=sock:2375"]}), json!({"container_name": "sock"}), true),
            (json!({"volumes": volume(true)}), json!({"volumes": volume(false)}), true),
            (json!({"volumes": volume(false)}), json!({"volumes": volume(true)}), false),
            (
                json!({"environment": {"NOTE": "the agent", "URL": "http://agent.example.com", "X": "my-agent:80"}}),
                json!({}),
                false,
            ),
        ] {
            let mut agent = hazard.clone();
            agent["privileged"] = json!(true);
            let services = json!({"app": app, "agent": agent, "between": {"depends_on": {"agent": {}}}});
            let (names, _) = left(&services, &["app"], &[], &[]);
            assert_eq!(names.contains(&"agent".to_owned()), is_kept, "{app} {hazard}");
        }
    }

    #[test]
    fn a_volume_that_is_a_hazard_goes_with_those_who_mount_it() {
        let disk = json!([{"type": "volume", "source": "disk", "target": "/d"}]);
        let services = json!({"app": {}, "store": {"volumes": disk}});
        let value = json!({"services": services, "volumes": {"disk": {"driver_opts": {"device": "/dev/sdb"}}}});
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value).expect("has services");
        let remaining = leave_out(&model, &["app"], &BTreeSet::new(), &Copy::preview(BTreeSet::new()));
        assert_eq!(remaining.model.value(), &json!({"services": {"app": {}}, "volumes": {}}));
    }
}
