//! What a copy can't have for itself.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use super::{Copy, Notes};

/// Something that reaches out of a copy, to this machine or to what exists only once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hazard {
    /// `privileged: true`.
    Privileged,
    /// `network_mode` with a namespace of the machine or of a foreign container.
    NetworkMode,
    /// `pid`, likewise.
    Pid,
    /// `ipc` of a foreign container. That of the machine is replaced by one of its own.
    Ipc,
    /// `uts`, likewise.
    Uts,
    /// `userns_mode`, likewise.
    UsernsMode,
    /// `cgroup`, likewise.
    Cgroup,
    /// `devices` of the machine.
    Devices,
    /// `cap_add` of what changes the machine's kernel. Such capabilities are dropped.
    CapAdd,
    /// `volumes_from` a foreign container.
    VolumesFrom,
    /// The engine's own socket.
    EngineSocket,
    /// A writable mount of a path outside the stack's folder that can't be copied.
    Volumes,
    /// A volume with `external: true`. It is replaced by an empty one.
    External,
    /// A volume whose `driver_opts` name a device.
    DriverOpts,
}

impl Hazard {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Privileged,
        Self::NetworkMode,
        Self::Pid,
        Self::Ipc,
        Self::Uts,
        Self::UsernsMode,
        Self::Cgroup,
        Self::Devices,
        Self::CapAdd,
        Self::VolumesFrom,
        Self::EngineSocket,
        Self::Volumes,
        Self::External,
        Self::DriverOpts,
    ];

    /// Namespaces that a service may share with the machine or with a container.
    pub(in crate::compose) const NAMESPACES: [Self; 6] =
        [Self::NetworkMode, Self::Pid, Self::Ipc, Self::Uts, Self::UsernsMode, Self::Cgroup];

    /// Its name for `--allow`: the key in the compose file, or `engine_socket`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Privileged => "privileged",
            Self::NetworkMode => "network_mode",
            Self::Pid => "pid",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::UsernsMode => "userns_mode",
            Self::Cgroup => "cgroup",
            Self::Devices => "devices",
            Self::CapAdd => "cap_add",
            Self::VolumesFrom => "volumes_from",
            Self::EngineSocket => "engine_socket",
            Self::Volumes => "volumes",
            Self::External => "external",
            Self::DriverOpts => "driver_opts",
        }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.key())
    }
}

impl FromStr for Hazard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|hazard| hazard.key() == text);
        found.ok_or_else(|| format!("the keys are: {}", Self::ALL.map(Self::key).join(", ")))
    }
}

/// Capabilities that change the kernel of the machine, whatever namespaces a container has (capabilities(7)).
const OF_KERNEL: [&str; 4] = ["SYS_MODULE", "SYS_RAWIO", "SYS_TIME", "SYS_BOOT"];
/// Where the machine's processes share memory.
const SHARED_MEMORY: &str = "/dev/shm";
/// What a container gets where that is not there, because the engine's machine is another one: a limit, which takes no memory.
const MUCH_MEMORY: u64 = 8 << 30;

/// Replaces what a service shares with the machine and can as well have for itself, and finds what it can't; mounts aside.
pub(super) fn look_for(
    name: &str,
    service: &mut Map<String, Value>,
    copy: &Copy,
    notes: &mut Notes,
) -> Result<(), (Hazard, String)> {
    own_memory(name, service, copy, notes);
    own_kernel(name, service, copy, notes);
    if service.get("privileged") == Some(&json!(true)) {
        notes.hazard(copy, Hazard::Privileged, "`privileged: true` gives it full access to this machine".into())?;
    }
    for hazard in Hazard::NAMESPACES {
        let mode = service.get(hazard.key()).and_then(Value::as_str).unwrap_or_default();
        if mode == "host" {
            notes.hazard(copy, hazard, format!("`{hazard}: host` shares a namespace with this machine"))?;
        } else if mode.starts_with("container:") {
            notes.hazard(copy, hazard, format!("`{hazard}: {mode}` shares a namespace with a container outside the stack"))?;
        }
    }
    if service.get("devices").and_then(Value::as_array).is_some_and(|devices| !devices.is_empty()) {
        notes.hazard(copy, Hazard::Devices, "`devices` gives it access to a device of this machine".into())?;
    }
    let volumes_from = service.get("volumes_from").and_then(Value::as_array).into_iter().flatten();
    if let Some(container) = volumes_from.filter_map(Value::as_str).find(|from| from.starts_with("container:")) {
        notes.hazard(copy, Hazard::VolumesFrom, format!("`volumes_from: {container}` uses a container outside the stack"))?;
    }
    Ok(())
}

/// The machine's IPC namespace is asked for because of its shared memory, which is larger than a container's usual 64 MB.
fn own_memory(name: &str, service: &mut Map<String, Value>, copy: &Copy, notes: &mut Notes) {
    if service.get("ipc") != Some(&json!("host")) {
        return;
    }
    if copy.allowed.contains(&Hazard::Ipc) {
        return;
    }
    let size = rustix::fs::statvfs(SHARED_MEMORY).map_or(MUCH_MEMORY, |shared| shared.f_blocks * shared.f_frsize);
    service.insert("ipc".into(), json!("private"));
    let size = service.entry("shm_size").or_insert_with(|| json!(size.to_string()));
    let size = size.as_str().and_then(|size| size.parse::<u64>().ok()).unwrap_or_default() >> 20;
    notes.change(format!("service `{name}`: ipc: host is replaced by a namespace of its own, with {size} MiB of shared memory"));
}

/// A capability that nothing but the machine's kernel answers to is dropped.
fn own_kernel(name: &str, service: &mut Map<String, Value>, copy: &Copy, notes: &mut Notes) {
    let Some(added) = service.get_mut("cap_add").and_then(Value::as_array_mut) else { return };
    let is_of_kernel = |capability: &Value| {
        let capability = capability.as_str().unwrap_or_default().to_uppercase();
        OF_KERNEL.contains(&capability.trim_start_matches("CAP_"))
    };
    if !added.iter().any(is_of_kernel) {
        return;
    }
    if copy.allowed.contains(&Hazard::CapAdd) {
        notes.shared.insert(Hazard::CapAdd);
        return;
    }
    for capability in added.extract_if(.., |capability| is_of_kernel(capability)) {
        let capability = capability.as_str().unwrap_or_default().to_owned();
        notes.change(format!("service `{name}`: capability {capability} dropped: it changes this machine's kernel"));
    }
}
