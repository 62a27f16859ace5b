//! Looking at a container: its state, address and processes. Never disturbs.

use std::collections::HashMap;
use std::net::IpAddr;

use testcontainers::bollard::models::ContainerInspectResponse;
use testcontainers::bollard::query_parameters::{InspectContainerOptions, ListContainersOptionsBuilder, TopOptionsBuilder};

use super::labels::NUMBER;
use super::{Engine, EngineError, PROJECT, Reach, SERVICE};
use crate::model::Process;

/// What the engine says of a container now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Its first process on the engine's machine; 0 when it does not run.
    pub pid: i64,
    /// Where its ports are; nothing when it has no address.
    pub reach: Option<Reach>,
    /// Whether the kernel killed it for want of memory.
    pub oom_killed: bool,
}

/// A container that Compose created for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedContainer {
    /// Its id.
    pub id: String,
    /// The service.
    pub service: String,
    /// Which of the service's replicas it is, counted from 1.
    pub number: usize,
}

impl Engine {
    /// The containers of a project.
    pub async fn containers(&self, project: &str) -> Result<Vec<CreatedContainer>, EngineError> {
        let filters = HashMap::from([("label", vec![self.run.filter(), format!("{PROJECT}={project}")])]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let containers = self.docker.list_containers(Some(options)).await.map_err(EngineError::call("list containers"))?;
        let created = containers.into_iter().filter_map(|container| {
            let mut labels = container.labels?;
            let number = labels.get(NUMBER)?.parse().ok()?;
            Some(CreatedContainer { id: container.id?, service: labels.remove(SERVICE)?, number })
        });
        Ok(created.collect())
    }

    /// What the engine says of a container now.
    pub async fn inspect(&self, container: &str) -> Result<ContainerFacts, EngineError> {
        let inspected = self.inspect_all(container).await?;
        let mode = inspected.host_config.as_ref().and_then(|config| config.network_mode.as_deref()).unwrap_or_default();
        let reach = match mode.strip_prefix("container:") {
            // It lives in the network of another container.
            Some(other) => {
                let other = self.inspect_all(other).await;
                other.ok().and_then(|other| self.access.reach(&other))
            }
            None => self.access.reach(&inspected),
        };
        let state = inspected.state.unwrap_or_default();
        Ok(ContainerFacts { pid: state.pid.unwrap_or(0), reach, oom_killed: state.oom_killed.unwrap_or(false) })
    }

    /// The addresses of a running container on its networks.
    pub async fn addresses(&self, container: &str) -> Result<Vec<IpAddr>, EngineError> {
        let networks = self.inspect_all(container).await?.network_settings.and_then(|settings| settings.networks);
        let each =
            networks.unwrap_or_default().into_values().flat_map(|network| [network.ip_address, network.global_ipv6_address]);
        Ok(each.flatten().filter_map(|address| address.parse().ok()).collect())
    }

    /// All that the engine says of a container now.
    pub(super) async fn inspect_all(&self, container: &str) -> Result<ContainerInspectResponse, EngineError> {
        let inspected = self.docker.inspect_container(container, None::<InspectContainerOptions>).await;
        inspected.map_err(EngineError::call(format!("inspect the container {container}")))
    }

    /// The processes of a running container with the users they run as. The engine reads them from outside, so the image
    /// needs no program for it.
    pub async fn processes(&self, container: &str) -> Result<Vec<Process>, EngineError> {
        // With other words than its own Podman runs the image's `ps`.
        let columns = if self.is_podman { "hpid,huser,args" } else { "-eo pid,uid,args" };
        let options = TopOptionsBuilder::new().ps_args(columns).build();
        let table = self.docker.top_processes(container, Some(options)).await;
        let table = table.map_err(EngineError::call(format!("list the processes of the container {container}")))?;
        let rows = table.processes.unwrap_or_default();
        // Podman gives the names that users have on its machine.
        let users = if self.is_podman { std::fs::read_to_string("/etc/passwd").unwrap_or_default() } else { String::new() };
        rows.into_iter().filter_map(|row| read_process(&row, &users).transpose()).collect()
    }

    /// Whether users inside containers are other users outside, so that a process list from outside shows shifted numbers.
    pub async fn remaps_users(&self) -> Result<bool, EngineError> {
        let info = self.docker.info().await.map_err(EngineError::call("describe itself"))?;
        let options = info.security_options.unwrap_or_default();
        Ok(options.iter().any(|option| option.contains("name=userns") || option.contains("name=rootless")))
    }
}

/// A process from its line; nothing where the line is none. `users` is a file like `/etc/passwd`, for users that have names.
fn read_process(row: &[String], users: &str) -> Result<Option<Process>, EngineError> {
    let [pid, user, command @ ..] = row else { return Ok(None) };
    let Ok(pid) = pid.parse() else { return Ok(None) };
    let named = || {
        let mut fields = users.lines().map(|line| line.split(':'));
        fields.find_map(|mut fields| fields.next().filter(|name| name == user).and_then(|_| fields.nth(1)?.parse().ok()))
    };
    let uid = user.parse().ok().or_else(named).ok_or_else(|| EngineError::UnknownUser { user: user.clone() })?;
    Ok(Some(Process { pid, uid, command: command.join(" ") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_ps_is_read() {
        let row = ["42", "10001", "python -m service"].map(str::to_owned);
        let process = Process { pid: 42, uid: 10001, command: "python -m service".into() };
        assert_eq!(read_process(&row, "").expect("read"), Some(process));
        let users = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:2::/:/bin/false\n";
        for (user, uid) in [("root", Some(0)), ("daemon", Some(1)), ("999", Some(999)), ("somebody", None)] {
            let row = ["7", user, "sleep 1"].map(str::to_owned);
            assert_eq!(read_process(&row, users).ok().flatten().map(|process| process.uid), uid, "{user}");
        }
        assert_eq!(read_process(&["PID".into(), "UID".into()], users).expect("read"), None);
    }
}
