//! Judging what a container has changed in the file system of its image.

use std::time::Duration;

use super::window::Window;
use super::words::seconds;
use crate::model::{FactId, Inspection, Outcome};

/// Folders for what need not last.
const TEMPORARY: [&str; 5] = ["/tmp", "/var/tmp", "/run", "/var/run", "/dev"];
/// What the engine itself puts into every container.
const ENGINES_OWN: [&str; 7] = ["/.dockerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/proc", "/sys"];
/// The engine's own init process, where one is asked for.
const INIT: &str = "/sbin/docker-init";

/// The changed paths that are neither temporary nor the engine's nor in the way to a mount. A folder counts by what changed in it.
fn written_outside(changes: &[String], mounted: &[String]) -> Vec<String> {
    let ours = TEMPORARY.iter().chain(&ENGINES_OWN).copied().chain([INIT, "/usr/sbin/docker-init"]);
    let ignored: Vec<&str> = ours.chain(mounted.iter().map(|mount| mount.trim_end_matches('/'))).collect();
    let is_left_out = |path: &str| ignored.iter().any(|folder| is_within(path, folder) || is_within(folder, path));
    innermost(changes).filter(|path| !is_left_out(path)).cloned().collect()
}

/// The changed paths that are log files, by their names or their folders.
fn log_files(changes: &[String]) -> Vec<String> {
    let is_log = |path: &str| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        // Rotated ones have a number or a date behind it.
        let has_suffix = name.to_lowercase().split('.').skip(1).any(|part| part == "log");
        has_suffix || folder.split('/').any(|part| part == "log" || part == "logs")
    };
    innermost(changes).filter(|path| is_log(path)).cloned().collect()
}

/// The paths in which no other one lies.
fn innermost(changes: &[String]) -> impl Iterator<Item = &String> {
    changes.iter().filter(|path| !changes.iter().any(|other| other != *path && is_within(other, path)))
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn changes<'a>(window: &Window<'a>) -> Option<(FactId, (&'a [String], &'a [String]))> {
    window.inspected(|inspection| match inspection {
        Inspection::Changes { paths, mounts } => Some((&paths[..], &mounts[..])),
        _ => None,
    })
}

/// In so much time nothing is written to the root file system but to temporary folders.
pub(super) fn writes_nothing(window: &Window<'_>, time: Duration) -> Outcome {
    let Some((id, (paths, mounts))) = changes(window) else {
        return Outcome::undecided_when(window.over, "what the app has written");
    };
    judge(id, &written_outside(paths, mounts), || {
        format!("within {} `{}` writes nothing but to volumes and temporary folders", seconds(time), window.app())
    })
}

/// In so much time no log file grows in the app's container.
pub(super) fn no_log_files(window: &Window<'_>, time: Duration) -> Outcome {
    let Some((id, (paths, _))) = changes(window) else {
        return Outcome::undecided_when(window.over, "what the app has written");
    };
    judge(id, &log_files(paths), || format!("within {} `{}` writes no log file", seconds(time), window.app()))
}

fn judge(id: FactId, written: &[String], expected: impl FnOnce() -> String) -> Outcome {
    if written.is_empty() {
        return Outcome::Held(vec![id]);
    }
    Outcome::broken(expected(), format!("it wrote {}", written.join(", ")), vec![id])
}

/// A write to the root file system fails: the experiment really took it away.
pub(super) fn root_is_read_only(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::RootFileSystem { writable } => Some(*writable),
        _ => None,
    });
    let app = window.app();
    match found {
        Some((id, false)) => Outcome::Held(vec![id]),
        Some((_, true)) => Outcome::Undecided(format!("the root file system of `{app}` is still writable")),
        None => Outcome::undecided_when(window.over, format!("whether the root file system of `{app}` can be written to")),
    }
}
