//! Which signals a container's processes handle, as the kernel says it. Only where the engine runs on this machine's kernel.

use std::collections::BTreeMap;
use std::fs;

use super::{Engine, EngineError};
use crate::model::is_init;

impl Engine {
    /// The signals that a process of a container has a handler for, or waits for with the signal blocked; bit 0 is signal 1. Nothing
    /// where the kernel is out of sight.
    ///
    /// Only the first process and its descendants count: what the engine lets into the container for a health check has handlers of its own.
    pub async fn handled_signals(&self, container: &str) -> Result<Option<u64>, EngineError> {
        let Some(first) = self.first_in_sight(container).await? else { return Ok(None) };
        let processes = self.processes(container).await?;
        let read = |pid: i64| Some((pid, fs::read_to_string(format!("/proc/{pid}/status")).ok()?));
        let statuses: BTreeMap<i64, String> = processes.iter().filter_map(|process| read(process.pid)).collect();
        let apps = processes.iter().filter(|process| !is_init(process.program()) && descends(process.pid, first, &statuses));
        let status = apps.filter_map(|process| statuses.get(&process.pid));
        Ok(Some(status.map(|status| caught(status)).fold(0, |all, mask| all | mask)))
    }

    /// The signals that the first process of a container handles, or waits for; bit 0 is signal 1. Nothing where the kernel is out of
    /// sight, the process has ended, or it is an init: that fetches signals with sigtimedwait(2), which leaves no trace.
    pub async fn signals_of_first(&self, container: &str) -> Result<Option<u64>, EngineError> {
        let Some(first) = self.first_in_sight(container).await? else { return Ok(None) };
        let status = fs::read_to_string(format!("/proc/{first}/status")).ok().filter(|status| !is_init(name(status)));
        Ok(status.map(|status| caught(&status)))
    }
}

/// Whether a process is the first one, or comes from it through others that are known.
fn descends(pid: i64, first: i64, statuses: &BTreeMap<i64, String>) -> bool {
    let parent = |pid: &i64| statuses.get(pid).and_then(|status| field(status, "PPid:")?.parse().ok());
    // A number that was given again may lead in a circle.
    std::iter::successors(Some(pid), parent).take(statuses.len() + 1).any(|one| one == first)
}

fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key)).map(str::trim)
}

/// The name of a process in its status, without its folder.
fn name(status: &str) -> &str {
    field(status, "Name:").unwrap_or_default()
}

fn caught(status: &str) -> u64 {
    mask(status, "SigCgt:") | mask(status, "SigBlk:")
}

/// A set of signals in a process's status (proc(5)).
fn mask(status: &str, key: &str) -> u64 {
    field(status, key).and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_let_in_is_no_process_of_the_app() {
        let child_of = |parent: i64| format!("Name:\tx\nPPid:\t{parent}\n");
        let statuses = [
            (10, child_of(2)),
            (11, child_of(10)),
            (12, child_of(11)),
            (20, child_of(2)),
            (21, child_of(20)),
            (30, child_of(30)),
        ];
        let statuses = statuses.into_iter().collect();
        assert_eq!(
            [10, 11, 12, 20, 21, 30, 40].map(|pid| descends(pid, 10, &statuses)),
            [true, true, true, false, false, false, false]
        );
    }

    #[test]
    fn signals_are_read() {
        let status = "Name:\tpython\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000004002\n";
        assert_eq!((name(status), is_init("/usr/bin/tini"), is_init("python")), ("python", true, false));
        assert_eq!((mask(status, "SigCgt:"), mask(status, "SigBlk:"), mask(status, "None:")), (0x4002, 0, 0));
    }
}
