//! What a service may do to the machine that it runs on, by what the compose file gives it.

use std::path::Path;

use serde_json::{Map, Value};

use super::Hazard;
use super::isolate::is_engine_socket;

/// Capabilities with which a process can leave its container (capabilities(7)).
const CAPABILITIES: [&str; 6] = ["ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH"];
/// Folders of the machine that hold the key to it.
const FOLDERS: [&str; 6] = ["/", "/etc", "/root", "/proc", "/sys", "/var/lib/docker"];

/// Something that reaches out of a service's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Privilege {
    /// The key of the service that gives it.
    pub key: &'static str,
    /// As it stands in the compose file.
    pub what: String,
}

/// What reaches out of a service's container.
#[must_use]
pub fn privileges(service: &Map<String, Value>) -> Vec<Privilege> {
    let mut found = vec![];
    let privilege = |key: &'static str, value: &str| Privilege { key, what: format!("{key}: {value}") };
    if service.get("privileged") == Some(&Value::Bool(true)) {
        found.push(privilege("privileged", "true"));
    }
    let text = |key: &str| service.get(key).and_then(Value::as_str);
    let namespaces = Hazard::NAMESPACES.iter().map(|hazard| hazard.key());
    found.extend(namespaces.filter(|key| text(key) == Some("host")).map(|key| privilege(key, "host")));
    for capability in words(service, "cap_add") {
        let name = capability.trim_start_matches("CAP_");
        if CAPABILITIES.contains(&name) {
            found.push(privilege("cap_add", capability));
        }
    }
    for option in words(service, "security_opt") {
        if option.replace('=', ":").ends_with(":unconfined") {
            found.push(privilege("security_opt", option));
        }
    }
    for mount in service.get("volumes").and_then(Value::as_array).into_iter().flatten() {
        let source = mount.get("source").and_then(Value::as_str).unwrap_or_default();
        let is_bound = mount.get("type").and_then(Value::as_str) == Some("bind");
        let path = if source.len() > 1 { source.trim_end_matches('/') } else { source };
        if is_bound && (FOLDERS.contains(&path) || is_engine_socket(Path::new(path))) {
            found.push(Privilege { key: "volumes", what: format!("the mount of {source}") });
        }
    }
    found
}

fn words<'a>(service: &'a Map<String, Value>, key: &str) -> impl Iterator<Item = &'a str> {
    service.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_reaches_out_is_found() {
        let found = |service: Value| -> Vec<String> {
            privileges(service.as_object().expect("a service")).into_iter().map(|privilege| privilege.what).collect()
        };
        let bind = |source: &str| json!({"volumes": [{"type": "bind", "source": source, "target": "/x"}]});
        assert_eq!(found(json!({"privileged": true})), ["privileged: true"]);
        assert_eq!(found(json!({"pid": "host", "network_mode": "service:db"})), ["pid: host"]);
        assert_eq!(found(json!({"cap_add": ["CAP_SYS_ADMIN", "NET_BIND_SERVICE"]})), ["cap_add: CAP_SYS_ADMIN"]);
        assert_eq!(found(json!({"security_opt": ["seccomp=unconfined", "no-new-privileges:true"]})).len(), 1);
        assert_eq!(found(bind("/var/run/docker.sock")), ["the mount of /var/run/docker.sock"]);
        assert_eq!(found(bind("/etc/")).len(), 1);
        assert_eq!(found(bind("/srv/shop/etc")), Vec::<String>::new());
        assert_eq!(found(json!({"volumes": [{"type": "volume", "source": "/"}]})), Vec::<String>::new());
    }
}
