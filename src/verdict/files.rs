//! Judging what a container has changed in the file system of its image.

/// Folders for what need not last.
const TEMPORARY: [&str; 5] = ["/tmp", "/var/tmp", "/run", "/var/run", "/dev"];
/// What the engine itself puts into every container.
const ENGINES_OWN: [&str; 7] = ["/.dockerenv", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/proc", "/sys"];
/// The engine's own init process, where one is asked for.
const INIT: &str = "/sbin/docker-init";

/// The changed paths that are neither temporary nor the engine's nor in the way to a mount. A folder counts by what changed in it.
#[must_use]
pub fn written_outside(changes: &[String], mounted: &[String]) -> Vec<String> {
    let ours = TEMPORARY.iter().chain(&ENGINES_OWN).copied().chain([INIT, "/usr/sbin/docker-init"]);
    let ignored: Vec<&str> = ours.chain(mounted.iter().map(|mount| mount.trim_end_matches('/'))).collect();
    let is_left_out = |path: &str| ignored.iter().any(|folder| is_within(path, folder) || is_within(folder, path));
    innermost(changes).filter(|path| !is_left_out(path)).cloned().collect()
}

/// The changed paths that are log files, by their names or their folders.
#[must_use]
pub fn log_files(changes: &[String]) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_app_wrote_for_good_is_left() {
        let paths = |paths: &[&str]| paths.iter().map(|&path| path.to_owned()).collect::<Vec<_>>();
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
        let paths: Vec<String> =
            ["/var/log", "/var/log/app", "/srv/app.log", "/srv/app.log.1", "/srv/logs/today", "/srv/catalog", "/srv/blog/x"]
                .map(str::to_owned)
                .into();
        assert_eq!(log_files(&paths), ["/var/log/app", "/srv/app.log", "/srv/app.log.1", "/srv/logs/today"]);
    }
}
