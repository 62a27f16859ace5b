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
    /// `ipc`, likewise.
    Ipc,
    /// `uts`, likewise.
    Uts,
    /// `userns_mode`, likewise.
    UsernsMode,
    /// `cgroup`, likewise.
    Cgroup,
    /// `devices` of the machine.
    Devices,
    /// `volumes_from` a foreign container.
    VolumesFrom,
    /// The engine's own socket.
    EngineSocket,
    /// A writable mount of a path outside the stack's folder.
    Volumes,
    /// A volume with `external: true`.
    External,
    /// A volume whose `driver_opts` name a device.
    DriverOpts,
}

impl Hazard {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Privileged,
        Self::NetworkMode,
        Self::Pid,
        Self::Ipc,
        Self::Uts,
        Self::UsernsMode,
        Self::Cgroup,
        Self::Devices,
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

/// Finds what a service shares with the machine, mounts aside.
pub(super) fn look_for(service: &Map<String, Value>, copy: &Copy, notes: &mut Notes) -> Result<(), (Hazard, String)> {
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
