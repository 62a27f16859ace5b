//! Small changes to a copy that a scenario asks for.

use std::time::Duration;

use serde_json::{Value, json};

use super::Model;
use super::planted;
use super::tap::{TapPlace, put_in_place};

/// The shortest time that an engine takes; none at all means that the image's holds.
const SHORTEST_TIME: Duration = Duration::from_millis(1);

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub enum Patch {
    /// The health check of a service, declared by the file or by the image, runs this often.
    HealthInterval {
        /// The service.
        service: String,
        /// The time from one run to the next.
        interval: Duration,
        /// How long a run may take, instead of what is declared.
        timeout: Option<Duration>,
        /// How many failures in a row count, from the start on, instead of what is declared.
        retries: Option<u32>,
    },
    /// A variable of a service has another value.
    Variable {
        /// The service.
        service: String,
        /// The variable's name; a file that is named by `NAME_FILE` is no longer looked at.
        name: String,
        /// The value.
        value: String,
    },
    /// A service is not given a variable.
    WithoutVariable {
        /// The service.
        service: String,
        /// The variable's name.
        name: String,
    },
    /// A service has one replica.
    OneReplica {
        /// The service.
        service: String,
    },
    /// A service has no health check.
    NoHealthCheck {
        /// The service.
        service: String,
    },
    /// The root file system of a service can't be written to, or can.
    ReadOnly {
        /// The service.
        service: String,
        /// Whether it can't be. `/tmp` is then in memory.
        read_only: bool,
    },
    /// A service has no capabilities.
    NoCapabilities {
        /// The service.
        service: String,
        /// Whether it may bind to ports below 1024 all the same.
        binds_low_ports: bool,
    },
    /// No process of a service can gain privileges that its parent had not.
    NoNewPrivileges {
        /// The service.
        service: String,
    },
    /// A service has so much memory and processor time, whatever it had.
    Limits {
        /// The service.
        service: String,
        /// Memory in MiB.
        memory: u64,
        /// Processors.
        cpus: f64,
    },
    /// A service runs as another user.
    User {
        /// The service.
        service: String,
        /// The user, and after a colon the group.
        user: String,
    },
    /// The tap stands in the place of a service.
    Tap(TapPlace),
    /// A parent that passes no signal on starts what a service starts: a known defect.
    Parent {
        /// The service.
        service: String,
        /// The entry point of its image.
        entrypoint: Vec<String>,
        /// The command of its image.
        command: Vec<String>,
    },
    /// The health check of a service always passes: a known defect.
    AlwaysHealthy {
        /// The service.
        service: String,
    },
    /// A proxy answers 200 in the place of a service, to those who ask it and not the service: a known defect.
    Proxy {
        /// The service.
        service: String,
        /// The proxy's image.
        image: String,
        /// The port on which it answers.
        port: u16,
    },
    /// A service finds another one by no name: a known defect.
    Hidden {
        /// The service.
        from: String,
        /// The one that it does not find.
        service: String,
    },
}

/// How many failures in a row count at most where a health check runs often.
const MOST_RETRIES: u64 = 5;

/// The model with these changes.
#[must_use]
pub fn patched(model: &Model, patches: &[Patch]) -> Model {
    let mut value = model.value().clone();
    for patch in patches {
        match patch {
            Patch::HealthInterval { service, interval, timeout, retries } => {
                let check = object(&mut value["services"][service.as_str()], "healthcheck");
                let time = |time: &Duration| json!(format!("{}ms", time.as_millis()));
                check["interval"] = time(interval);
                check["start_interval"] = time(interval);
                if let Some(timeout) = timeout {
                    check["timeout"] = time(timeout);
                }
                // With more, nothing is seen within the time for which it is watched.
                if check["retries"].as_u64().is_some_and(|declared| declared > MOST_RETRIES) {
                    check["retries"] = json!(MOST_RETRIES);
                }
                if let Some(retries) = retries {
                    check["retries"] = json!(retries);
                    check["start_period"] = time(&SHORTEST_TIME);
                }
            }
            Patch::Variable { service, name, value: text } => {
                let variables = object(&mut value["services"][service.as_str()], "environment");
                if let Some(variables) = variables.as_object_mut() {
                    variables.remove(&format!("{name}_FILE"));
                    // In the model `$` is written `$$`.
                    variables.insert(name.clone(), json!(text.replace('$', "$$")));
                }
            }
            Patch::WithoutVariable { service, name } => {
                let variables = value["services"][service.as_str()]["environment"].as_object_mut();
                variables.and_then(|variables| variables.remove(name));
            }
            Patch::ReadOnly { service, read_only } => set_read_only(&mut value["services"][service.as_str()], *read_only),
            Patch::NoCapabilities { service, binds_low_ports } => {
                let service = &mut value["services"][service.as_str()];
                service["cap_drop"] = json!(["ALL"]);
                service["cap_add"] = if *binds_low_ports { json!(["NET_BIND_SERVICE"]) } else { json!([]) };
            }
            Patch::NoNewPrivileges { service } => {
                let options = value["services"][service.as_str()]["security_opt"].as_array().cloned().unwrap_or_default();
                let is_other = |option: &Value| !option.as_str().unwrap_or_default().starts_with("no-new-privileges");
                let kept = options.into_iter().filter(is_other).chain([json!("no-new-privileges:true")]);
                value["services"][service.as_str()]["security_opt"] = kept.collect();
            }
            Patch::Limits { service, memory, cpus } => {
                let service = &mut value["services"][service.as_str()];
                // The older keys say the same, and may not contradict.
                for key in ["mem_limit", "memswap_limit", "mem_reservation", "cpus", "cpu_quota", "cpu_period"] {
                    service.as_object_mut().and_then(|service| service.remove(key));
                }
                let pids = service["deploy"]["resources"]["limits"]["pids"].take();
                let mut limits = json!({"memory": (memory * 1024 * 1024).to_string(), "cpus": cpus});
                if !pids.is_null() {
                    limits["pids"] = pids;
                }
                service["deploy"]["resources"] = json!({ "limits": limits });
            }
            Patch::User { service, user } => value["services"][service.as_str()]["user"] = json!(user),
            Patch::OneReplica { service } => {
                let service = &mut value["services"][service.as_str()];
                object(service, "deploy")["replicas"] = json!(1);
                service.as_object_mut().and_then(|service| service.remove("scale"));
            }
            Patch::NoHealthCheck { service } => value["services"][service.as_str()]["healthcheck"] = json!({"disable": true}),
            Patch::Tap(place) => put_in_place(&mut value, place),
            Patch::Parent { service, entrypoint, command } => {
                planted::declare_program(&mut value);
                planted::put_parent_in_front(&mut value["services"][service.as_str()], entrypoint, command);
            }
            Patch::AlwaysHealthy { service } => {
                planted::declare_program(&mut value);
                planted::let_health_check_pass(&mut value["services"][service.as_str()]);
            }
            Patch::Proxy { service, image, port } => planted::add_proxy(&mut value, service, image, *port),
            Patch::Hidden { from, service } => planted::hide(&mut value, from, service),
        }
    }
    model.with_value(value)
}

fn set_read_only(service: &mut Value, read_only: bool) {
    service["read_only"] = json!(read_only);
    let mut in_memory = service["tmpfs"].as_array().cloned().unwrap_or_default();
    let is_tmp = |mount: &Value| mount.as_str().unwrap_or_default().split(':').next() == Some("/tmp");
    let mounts = service["volumes"].as_array();
    let has_tmp = in_memory.iter().any(is_tmp) || mounts.into_iter().flatten().any(|mount| mount["target"] == "/tmp");
    if read_only && !has_tmp {
        in_memory.push(json!("/tmp"));
        service["tmpfs"] = json!(in_memory);
    }
}

fn object<'a>(service: &'a mut Value, key: &str) -> &'a mut Value {
    if !service[key].is_object() {
        service[key] = json!({});
    }
    &mut service[key]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::ComposeFile;

    #[test]
    fn a_copy_is_changed_where_the_scenario_asks_for_it() {
        let value = json!({"services": {
            "app": {"healthcheck": {"test": ["CMD", "true"], "interval": "30s", "retries": 30}},
            "db": {"environment": {"POSTGRES_PASSWORD_FILE": "/run/secrets/p", "A": "b", "B": "c"}},
        }});
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value).expect("has services");
        let often = Patch::HealthInterval {
            service: "app".into(),
            interval: Duration::from_secs(1),
            timeout: Some(Duration::from_secs(30)),
            retries: None,
        };
        let password = Patch::Variable { service: "db".into(), name: "POSTGRES_PASSWORD".into(), value: "a$b".into() };
        let image_check =
            Patch::HealthInterval { service: "db".into(), interval: Duration::from_secs(1), timeout: None, retries: Some(1) };
        let without = Patch::WithoutVariable { service: "db".into(), name: "B".into() };
        let patched = patched(&model, &[often, password, image_check, without]);
        let services = &patched.value()["services"];
        assert_eq!(
            services["app"]["healthcheck"],
            json!({"test": ["CMD", "true"], "interval": "1000ms", "start_interval": "1000ms", "timeout": "30000ms", "retries": 5})
        );
        assert_eq!(services["db"]["environment"], json!({"POSTGRES_PASSWORD": "a$$b", "A": "b"}));
        assert_eq!(
            services["db"]["healthcheck"],
            json!({"interval": "1000ms", "start_interval": "1000ms", "retries": 1, "start_period": "1ms"})
        );
    }

    #[test]
    fn a_copy_is_hardened_whatever_it_declares() {
        let value = json!({"services": {"app": {
            "security_opt": ["no-new-privileges:false", "label:disable"], "cap_add": ["SYS_ADMIN"], "mem_limit": "1000",
            "deploy": {"replicas": 1, "resources": {"limits": {"pids": 100, "memory": "1"}, "reservations": {"memory": "1"}}},
        }}});
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value).expect("has services");
        let service = || "app".to_owned();
        let patches = [
            Patch::ReadOnly { service: service(), read_only: true },
            Patch::NoCapabilities { service: service(), binds_low_ports: true },
            Patch::NoNewPrivileges { service: service() },
            Patch::Limits { service: service(), memory: 512, cpus: 0.5 },
            Patch::User { service: service(), user: "12345:0".into() },
            Patch::NoHealthCheck { service: service() },
        ];
        assert_eq!(
            patched(&model, &patches).value()["services"]["app"],
            json!({
                "read_only": true, "tmpfs": ["/tmp"], "cap_drop": ["ALL"], "cap_add": ["NET_BIND_SERVICE"],
                "security_opt": ["label:disable", "no-new-privileges:true"], "user": "12345:0", "healthcheck": {"disable": true},
                "deploy": {"replicas": 1, "resources": {"limits": {"pids": 100, "memory": "536870912", "cpus": 0.5}}},
            })
        );
    }
}
