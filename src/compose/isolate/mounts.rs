//! Bind mounts: what is only read stays, what is written is copied for each copy of the stack: from its folder, and from outside as far as it
//! is small and holds nothing but files.

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Copy, Hazard, Notes, ScratchFile};

/// Where engines listen. Whoever has a folder above one can talk to the engine, even where it is mounted read-only.
const USUAL_SOCKETS: [&str; 6] = [
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
    "/run/user/1000/docker.sock",
];
/// What is copied from outside the stack's folder at most, in bytes and in files.
const LARGEST: u64 = 256 << 20;
const MOST: usize = 20_000;
/// Folders in which there are no files but windows into the kernel.
const OF_KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];
/// Folders with programs and libraries of the machine, which are there to be read.
const OF_SYSTEM: [&str; 6] = ["/usr", "/lib", "/lib64", "/bin", "/sbin", "/boot"];

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
        if USUAL_SOCKETS.iter().any(|socket| Path::new(socket).starts_with(&source)) {
            notes.hazard(copy, Hazard::EngineSocket, format!("`volumes` mounts {shown}, which holds the engine's socket"))?;
            continue;
        }
        // A copy's own place is already in order.
        if source.starts_with(&copy.scratch) {
            continue;
        }
        let is_read_only = mount.get("read_only") == Some(&json!(true));
        let is_there = source.exists();
        // What is not there can't be written to: an empty folder of the copy's own takes its place below.
        let is_outside = !source.starts_with(folder);
        if is_there && !is_read_only && is_outside {
            if copy.allowed.contains(&Hazard::Volumes) {
                notes.shared.insert(Hazard::Volumes);
                continue;
            }
            if let Err(why) = can_be_copied(&source) {
                if OF_SYSTEM.iter().any(|system| source.starts_with(system)) {
                    mount["read_only"] = json!(true);
                    notes.change(format!("service `{name}`: {shown} is mounted read-only"));
                    continue;
                }
                let reason = format!("`volumes` mounts {shown} writable, from outside the stack's folder, and {why}");
                return Err((Hazard::Volumes, reason));
            }
        }
        if is_read_only && is_there {
            continue;
        }
        let to = copy.scratch.join(format!("{name}-{index}"));
        mount["source"] = json!(to);
        if is_there {
            let from = if is_outside { ", from outside the stack's folder," } else { "" };
            notes.change(format!("service `{name}`: {shown}{from} is copied for each copy of the stack"));
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

/// Whether a path holds only files, folders and links, and not too much of them; why not, otherwise.
fn can_be_copied(path: &Path) -> Result<(), String> {
    if OF_KERNEL.iter().any(|kernel| path.starts_with(kernel)) {
        return Err("it is the kernel's".into());
    }
    let (mut bytes, mut count) = (0, 0);
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        let unreadable = |error: std::io::Error| format!("{} can't be read: {error}", path.display());
        // The mount itself may be a link, which the engine follows.
        let entry = if count == 0 { path.metadata() } else { path.symlink_metadata() }.map_err(unreadable)?;
        let kind = entry.file_type();
        if !(kind.is_file() || kind.is_dir() || kind.is_symlink()) {
            return Err(format!("{} is no file", path.display()));
        }
        count += 1;
        bytes += if kind.is_file() { entry.len() } else { 0 };
        if bytes > LARGEST || count > MOST {
            return Err("it is too large to be copied".into());
        }
        if kind.is_dir() {
            for entry in path.read_dir().map_err(unreadable)? {
                left.push(entry.map_err(unreadable)?.path());
            }
        }
    }
    Ok(())
}
