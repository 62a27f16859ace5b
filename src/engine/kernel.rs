//! Which signals a container's processes handle, as the kernel says it. Only where the engine runs on this machine's kernel.

use std::fs;

use super::{Engine, EngineError};
use crate::model::is_init;

impl Engine {
    /// The signals that a process of a container has a handler for, or waits for with the signal blocked; bit 0 is signal 1. Nothing
    /// where the kernel is out of sight.
    pub async fn handled_signals(&self, container: &str) -> Result<Option<u64>, EngineError> {
        if self.first_in_sight(container).await?.is_none() {
            return Ok(None);
        }
        let processes = self.processes(container).await?;
        let apps = processes.iter().filter(|process| !is_init(process.program()));
        let status = apps.filter_map(|process| fs::read_to_string(format!("/proc/{}/status", process.pid)).ok());
        Ok(Some(status.map(|status| caught(&status)).fold(0, |all, mask| all | mask)))
    }

    /// The signals that the first process of a container handles, or waits for; bit 0 is signal 1. Nothing where the kernel is out of
    /// sight, the process has ended, or it is an init: that fetches signals with sigtimedwait(2), which leaves no trace.
    pub async fn signals_of_first(&self, container: &str) -> Result<Option<u64>, EngineError> {
        let Some(first) = self.first_in_sight(container).await? else { return Ok(None) };
        let status = fs::read_to_string(format!("/proc/{first}/status")).ok().filter(|status| !is_init(name(status)));
        Ok(status.map(|status| caught(&status)))
    }
}

/// The name of a process in its status, without its folder.
fn name(status: &str) -> &str {
    status.lines().find_map(|line| line.strip_prefix("Name:")).map(str::trim).unwrap_or_default()
}

fn caught(status: &str) -> u64 {
    mask(status, "SigCgt:") | mask(status, "SigBlk:")
}

/// A set of signals in a process's status (proc(5)).
fn mask(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_read() {
        let status = "Name:\tpython\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000004002\n";
        assert_eq!((name(status), is_init("/usr/bin/tini"), is_init("python")), ("python", true, false));
        assert_eq!((mask(status, "SigCgt:"), mask(status, "SigBlk:"), mask(status, "None:")), (0x4002, 0, 0));
    }
}
