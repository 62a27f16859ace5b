//! Judging what a container has changed in the file system of its image.

use std::time::Duration;

use super::defect::outermost_folders;
use super::window::Window;
use super::words::seconds;
use crate::model::{FactId, Inspection, Outcome, is_within};

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

/// Paths that were changed, and those where something is mounted.
type Changes<'a> = (&'a [String], &'a [String]);

fn changes<'a>(window: &Window<'a>) -> Option<(FactId, Changes<'a>)> {
    window.inspected(|inspection| match inspection {
        Inspection::Changes { paths, mounts } => Some((&paths[..], &mounts[..])),
        _ => None,
    })
}

/// In so much time nothing is written to the root file system but to temporary folders.
pub(super) fn writes_nothing(window: &Window<'_>, time: Duration) -> Outcome {
    let Some((id, written)) = written(window) else {
        return Outcome::undecided_when(window.over, "what the app has written");
    };
    judge(id, &written, || {
        format!("within {} `{}` writes nothing but to volumes and temporary folders", seconds(time), window.app())
    })
}

/// What the app wrote to its root file system for good.
pub(super) fn written(window: &Window<'_>) -> Option<(FactId, Vec<String>)> {
    let (id, (paths, mounts)) = changes(window)?;
    Some((id, written_outside(paths, mounts)))
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
    Outcome::broken(expected(), format!("it wrote {}", told(written)), vec![id])
}

/// Every file; of many, how many in which folders.
fn told(written: &[String]) -> String {
    const TOLD: usize = 5;
    if written.len() <= TOLD {
        return written.join(", ");
    }
    let (mut told, deeper): (Vec<String>, Vec<String>) = written.iter().cloned().partition(|path| path.rfind('/') == Some(0));
    for folder in outermost_folders(&deeper) {
        let files: Vec<&String> = deeper.iter().filter(|path| is_within(path, &folder)).collect();
        told.push(if let [file] = files[..] { file.clone() } else { format!("{} files in {folder}", files.len()) });
    }
    let others = told.split_off(told.len().min(TOLD));
    let more = if others.is_empty() { String::new() } else { format!(", and more in {} other places", others.len()) };
    told.join(", ") + &more
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, held};

    fn paths(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|&path| path.to_owned()).collect()
    }

    #[test]
    fn only_what_the_app_wrote_for_good_is_left() {
        let changes = paths(&[
            "/etc",
            "/etc/hosts",
            "/sbin",
            "/sbin/docker-init",
            "/tmp",
            "/tmp/x",
            "/run/secrets",
            "/run/secrets/token",
            "/srv",
            "/srv/data",
            "/home",
            "/home/app",
            "/home/app/state",
            "/tmpfile",
            "/var",
            "/var/log",
            "/var/log/app.log",
        ]);
        let written = written_outside(&changes, &paths(&["/srv/data/", "/run/secrets/token"]));
        assert_eq!(written, ["/home/app/state", "/tmpfile", "/var/log/app.log"]);
        assert!(written_outside(&[], &[]).is_empty());
    }

    #[test]
    fn log_files_are_told_by_name_and_folder() {
        let paths = paths(&[
            "/var/log",
            "/var/log/app",
            "/srv/app.log",
            "/srv/app.log.1",
            "/srv/logs/today",
            "/srv/catalog",
            "/srv/blog/x",
        ]);
        assert_eq!(log_files(&paths), ["/var/log/app", "/srv/app.log", "/srv/app.log.1", "/srv/logs/today"]);
    }

    #[test]
    fn what_was_written_is_told() {
        let time = Duration::from_secs(20);
        let changed = |changes: &[&str]| Case::shown([Inspection::Changes { paths: paths(changes), mounts: vec![] }]);
        let both = changed(&["/srv/state", "/tmp/today.log"]);
        assert_eq!(both.seen(&Claim::WritesNothing(time)), "it wrote /srv/state");
        assert_eq!(both.seen(&Claim::NoLogFiles(time)), "it wrote /tmp/today.log");
        assert_eq!(changed(&[]).judge(&Claim::WritesNothing(time)), held([0]));
        assert_eq!(changed(&[]).judge(&Claim::NoLogFiles(time)), held([0]));
        let unknown = Outcome::Undecided("what the app has written".into());
        assert_eq!(Case::of([]).over().judge(&Claim::WritesNothing(time)), unknown);
        assert_eq!(Case::of([]).over().judge(&Claim::NoLogFiles(time)), unknown);
    }

    #[test]
    fn many_files_are_told_by_their_folders() {
        let assets = (0..130).map(|n| format!("/srv/ui/assets/{n}.js"));
        let mut many: Vec<String> = assets.chain(paths(&["/root/.app/memo", "/srv/ui/index.html", "/pid"])).collect();
        assert_eq!(told(&many), "/pid, /root/.app/memo, 131 files in /srv/ui");
        many.extend((0..9).map(|n| format!("/a{n}/b")));
        assert_eq!(told(&many), "/pid, /a0/b, /a1/b, /a2/b, /a3/b, and more in 7 other places");
        assert_eq!(told(&paths(&["/a/b", "/a/c"])), "/a/b, /a/c");
    }

    #[test]
    fn a_root_file_system_that_stayed_writable_says_nothing_of_the_app() {
        let root = |writable| Case::shown([Inspection::RootFileSystem { writable }]).judge(&Claim::RootIsReadOnly);
        assert_eq!(root(false), held([0]));
        assert!(matches!(root(true), Outcome::Undecided(_)));
    }
}
