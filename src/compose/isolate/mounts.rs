//! Bind mounts: what is only read stays, what is written is copied for each copy of the stack, from inside its folder only.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Copy, Hazard, Notes, ScratchFile};

/// The ends of paths at which engines listen.
const ENGINE_SOCKETS: [&str; 5] = ["docker.sock", "containerd.sock", "podman.sock", "dockershim.sock", "crio.sock"];

/// Whether a path is that of an engine's socket, by its name.
pub(in crate::compose) fn is_engine_socket(path: &Path) -> bool {
    ENGINE_SOCKETS.iter().any(|socket| path.ends_with(socket))
}

/// Points every mount that a copy could write to, or that is not there, to a place of the copy's own.
pub(super) fn isolate(
    name: &str,
    service: &mut Map<String, Value>,
    folder: &Path,
    copy: &Copy,
    notes: &mut Notes,
) -> Result<(), (Hazard, String)> {
    for (index, mount) in service.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
        if mount.get("type") != Some(&json!("bind")) {
            continue;
        }
        let Some(source) = mount.get("source").and_then(Value::as_str).map(|source| plain(Path::new(source))) else { continue };
        let shown = source.display();
        if is_engine_socket(&source) || source.canonicalize().is_ok_and(|target| is_engine_socket(&target)) {
            notes.hazard(copy, Hazard::EngineSocket, format!("`volumes` mounts the engine's socket {shown}"))?;
            continue;
        }
        // A copy's own place is already in order.
        if source.starts_with(&copy.scratch) {
            continue;
        }
        let is_read_only = mount.get("read_only") == Some(&json!(true));
        let is_there = source.exists();
        // What is not there can't be written to: an empty folder of the copy's own takes its place below.
        if is_there && !is_read_only && !source.starts_with(folder) {
            let reason = format!("`volumes` mounts {shown} writable, from outside the stack's folder");
            notes.hazard(copy, Hazard::Volumes, reason)?;
            continue;
        }
        if is_read_only && is_there {
            continue;
        }
        let to = copy.scratch.join(format!("{name}-{index}"));
        mount["source"] = json!(to);
        if is_there {
            notes.change(format!("service `{name}`: {shown} is copied for each copy of the stack"));
            notes.files.push(ScratchFile::CopyOf { from: source, to });
        } else {
            notes.change(format!("service `{name}`: {shown} does not exist: an empty folder is mounted"));
            notes.files.push(ScratchFile::EmptyFolder { to });
        }
    }
    Ok(())
}

/// The path without `.` and `..`, as the words stand: a link is not followed, so it can't lead out of sight.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, component| {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            Component::CurDir => {}
            other => path.push(other),
        }
        path
    })
}
