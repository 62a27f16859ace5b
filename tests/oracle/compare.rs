//! Compares what the engine says of two projects, field by field, and knows which differences a declared change explains.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::{Map, Value};

/// What the engine says of a project's things, by name, without what differs from one creation to the next.
pub(crate) struct Snapshot(BTreeMap<String, Value>);

/// Fields that say when or where something was made, not what it is.
const INCIDENTAL: &[&str] = &[
    "Id",
    "Created",
    "CreatedAt",
    "State",
    "ResolvConfPath",
    "HostnamePath",
    "HostsPath",
    "LogPath",
    "GraphDriver",
    "Scope",
    "NetworkID",
    "EndpointID",
    "SandboxID",
    "SandboxKey",
    "Mountpoint",
    "Containers",
    "Peers",
    "com.docker.compose.config-hash",
    "com.docker.compose.project.config_files",
    "com.docker.compose.project.working_dir",
    "com.docker.compose.project.environment_file",
    "com.docker.compose.replace",
];

impl Snapshot {
    pub(crate) fn new(project: &str, model: &Value, containers: Vec<Value>, networks: Vec<Value>, volumes: Vec<Value>) -> Self {
        // What Compose and the engine make up, and what it stands for.
        let mut names: Vec<(String, String)> = vec![];
        let label = |thing: &Value, label: &str| -> String {
            let labels = if thing["Config"].is_object() { &thing["Config"]["Labels"] } else { &thing["Labels"] };
            labels[format!("com.docker.compose.{label}")].as_str().unwrap_or_default().to_owned()
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for container in &containers {
            let name = format!("{}#{}", label(container, "service"), label(container, "container-number"));
            let id = text(&container["Id"]);
            names.push((id.clone(), format!("<{name}>")));
            names.push((id[..12].to_owned(), format!("<{name}>")));
        }
        for network in &networks {
            names.push((text(&network["Id"]), "<network>".into()));
        }
        for (kind, things) in [("networks", &networks), ("volumes", &volumes)] {
            for thing in things {
                let key = label(thing, kind.trim_end_matches('s'));
                if !key.is_empty() {
                    names.push((text(&thing["Name"]), format!("<{key}>")));
                }
            }
            // What Compose did not make has no label; the model knows its name.
            for (key, thing) in model[kind].as_object().into_iter().flatten() {
                names.push((thing["name"].as_str().unwrap_or_default().to_owned(), format!("<{key}>")));
            }
        }
        names.push((project.to_owned(), "<project>".into()));
        names.retain(|(name, _)| !name.is_empty() && name.as_str() != "<image>");
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let tidy = |thing: Value| normal(thing, &names);

        let mut found = BTreeMap::new();
        for container in containers {
            let name = format!("service {}#{}", label(&container, "service"), label(&container, "container-number"));
            found.insert(name, tidy(container));
        }
        for (kind, things) in [("network", networks), ("volume", volumes)] {
            for mut thing in things {
                let key = label(&thing, kind);
                if kind == "network" && !model["networks"][key.as_str()]["ipam"]["config"].is_array() {
                    // The engine's choice.
                    thing["IPAM"]["Config"] = Value::Null;
                }
                if !key.is_empty() {
                    found.insert(format!("{kind} {key}"), tidy(thing));
                }
            }
        }
        Self(found)
    }
}

/// A value without incidental fields, with names replaced by what they stand for, and lists in an order of their own where the
/// engine keeps none.
fn normal(value: Value, names: &[(String, String)]) -> Value {
    let rename = |text: &str| names.iter().fold(text.to_owned(), |text, (name, meaning)| text.replace(name, meaning));
    match value {
        Value::String(text) => {
            let anonymous = Regex::new("[0-9a-f]{64}").expect("a pattern");
            Value::String(anonymous.replace_all(&rename(&text), "<anonymous>").into_owned())
        }
        Value::Array(values) => {
            let mut values: Vec<Value> = values.into_iter().map(|value| normal(value, names)).collect();
            values.sort_by_key(Value::to_string);
            Value::Array(values)
        }
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(name, _)| !INCIDENTAL.contains(&name.as_str()));
            let fields = kept.map(|(name, value)| match &value {
                Value::String(list) if name == "com.docker.compose.depends_on" => {
                    let mut list: Vec<&str> = list.split(',').collect();
                    list.sort_unstable();
                    (name, Value::String(list.join(",")))
                }
                _ => (rename(&name), normal(value, names)),
            });
            Value::Object(fields.collect())
        }
        other => other,
    }
}

/// One field that is not the same.
#[derive(Debug)]
pub(crate) struct Difference {
    thing: String,
    field: String,
    theirs: Value,
    ours: Value,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}: Compose {} we {}", self.thing, self.field, self.theirs, self.ours)
    }
}

pub(crate) fn differences(theirs: &Snapshot, ours: &Snapshot) -> Vec<Difference> {
    let mut found = vec![];
    let things: BTreeSet<&String> = theirs.0.keys().chain(ours.0.keys()).collect();
    for thing in things {
        let (theirs, ours) = (theirs.0.get(thing), ours.0.get(thing));
        descend(thing, "", theirs.unwrap_or(&Value::Null), ours.unwrap_or(&Value::Null), &mut found);
    }
    found
}

fn descend(thing: &str, field: &str, theirs: &Value, ours: &Value, found: &mut Vec<Difference>) {
    if let (Value::Object(left), Value::Object(right)) = (theirs, ours) {
        for name in left.keys().chain(right.keys()).collect::<BTreeSet<_>>() {
            let field = if field.is_empty() { name.clone() } else { format!("{field}.{name}") };
            let get = |fields: &Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
            descend(thing, &field, &get(left), &get(right), found);
        }
    } else if theirs != ours && !(is_empty(theirs) && is_empty(ours)) {
        found.push(Difference { thing: thing.into(), field: field.into(), theirs: theirs.clone(), ours: ours.clone() });
    }
}

/// The engine says nothing in several ways.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Which fields a declared change may touch: the words of the change, and the fields of the thing that it names, or, after
/// `service`, of any service.
const EXPLAINED: &[(&str, &[&str])] = &[
    (r"^service `(.+)`: ports are not published", &["HostConfig.PortBindings"]),
    (r"^service `(.+)`: links to containers outside", &["HostConfig.Links", "NetworkSettings.Networks.<default>.Links"]),
    (
        r"^service `(.+)`: container name `.*` kept",
        &["Name", "NetworkSettings.Networks.*.Aliases", "NetworkSettings.Networks.*.DNSNames"],
    ),
    (
        r"^service `(.+)`: (?:ipv4_address|ipv6_address|link_local_ips) on network",
        &[
            "NetworkSettings.Networks.*.IPAMConfig",
            "NetworkSettings.Networks.*.IPAddress",
            "NetworkSettings.Networks.*.IPv6Gateway",
            "NetworkSettings.Networks.*.GlobalIPv6Address",
        ],
    ),
    (
        r"^service `(.+)`: mac_address",
        &["NetworkSettings.Networks.*.MacAddress", "NetworkSettings.MacAddress", "Config.MacAddress"],
    ),
    (r"^service `(.+)`: .* (?:is copied|takes its place)", &["HostConfig.Binds", "HostConfig.Mounts", "Mounts"]),
    (r"^service `(.+)`: .* is mounted read-only", &["HostConfig.Binds", "HostConfig.Mounts", "Mounts"]),
    // With that of the machine the engine takes labels off.
    (r"^service `(.+)`: ipc: host is replaced", &["HostConfig.IpcMode", "HostConfig.ShmSize", "HostConfig.SecurityOpt"]),
    (r"^service `(.+)`: capability .* dropped", &["HostConfig.CapAdd"]),
    (r"^volume `(.+)` is external: replaced", &[""]),
    (r"^network `(.+)` is external: replaced", &["", "service HostConfig.NetworkMode"]),
    (r"^network `(.+)`: the name of its bridge", &["Options"]),
    (r"^network `(.+)`: fixed subnets dropped", &["IPAM.Config"]),
];
/// A built image goes by a name of the run's.
const OF_BUILT: &[&str] = &["Config.Image", "Config.Labels.com.docker.compose.image", "Image"];

/// The differences that no declared change explains.
pub(crate) fn undeclared(found: Vec<Difference>, changes: &[String], built: &BTreeSet<String>) -> Vec<Difference> {
    let mut explained: Vec<(String, String)> = vec![];
    for change in changes {
        for (words, fields) in EXPLAINED {
            let Some(named) = Regex::new(words).expect("a pattern").captures(change) else { continue };
            let kind = change.split(' ').next().unwrap_or_default();
            explained.extend(fields.iter().map(|field| match field.strip_prefix("service ") {
                Some(of_any) => ("service".to_owned(), of_any.to_owned()),
                None => (format!("{kind} {}", &named[1]), (*field).to_owned()),
            }));
        }
    }
    for service in built {
        explained.extend(OF_BUILT.iter().map(|field| (format!("service {service}"), (*field).to_owned())));
    }
    let is_explained = |difference: &Difference| {
        let thing = difference.thing.split('#').next().unwrap_or_default();
        let kind = thing.split(' ').next().unwrap_or_default();
        explained.iter().any(|(named, field)| (named == thing || named == kind) && covers(field, &difference.field))
    };
    found.into_iter().filter(|difference| !is_explained(difference)).collect()
}

/// Whether a field lies at or below a pattern, in which `*` stands for one name.
fn covers(pattern: &str, field: &str) -> bool {
    if pattern.is_empty() {
        return true;
    }
    let (pattern, field): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), field.split('.').collect());
    field.len() >= pattern.len() && pattern.iter().zip(&field).all(|(pattern, field)| *pattern == "*" || pattern == field)
}
