//! What the kernel says of a container's processes: which signals they handle, and on which ports they listen. Only where the engine
//! runs on this machine's kernel.

use std::collections::BTreeSet;
use std::fs;

use super::{Engine, EngineError};

/// Inits, which pass signals on and are not the app.
const INITS: [&str; 5] = ["docker-init", "tini", "dumb-init", "catatonit", "podman-init"];
/// The state of a socket that listens, in the kernel's table of sockets.
const LISTENS: &str = "0A";

impl Engine {
    /// The signals that a process of a container has a handler for, or waits for with the signal blocked; bit 0 is signal 1. Nothing
    /// where the kernel is out of sight.
    pub async fn handled_signals(&self, container: &str) -> Result<Option<u64>, EngineError> {
        if self.first_in_sight(container).await?.is_none() {
            return Ok(None);
        }
        let processes = self.processes(container).await?;
        let is_init = |command: &str| {
            let program = command.split_whitespace().next().unwrap_or_default();
            INITS.contains(&program.rsplit('/').next().unwrap_or_default())
        };
        let apps = processes.iter().filter(|process| !is_init(&process.command));
        let status = apps.filter_map(|process| fs::read_to_string(format!("/proc/{}/status", process.pid)).ok());
        Ok(Some(status.map(|status| mask(&status, "SigCgt:") | mask(&status, "SigBlk:")).fold(0, |all, mask| all | mask)))
    }

    /// The TCP ports on which something in a container's network listens beyond its loopback. Nothing where the kernel is out of sight.
    pub async fn listening(&self, container: &str) -> Result<Option<BTreeSet<u16>>, EngineError> {
        let Some(first) = self.first_in_sight(container).await? else { return Ok(None) };
        let tables = ["tcp", "tcp6"].iter().filter_map(|table| fs::read_to_string(format!("/proc/{first}/net/{table}")).ok());
        Ok(Some(tables.flat_map(|table| table.lines().filter_map(listening_at).collect::<Vec<_>>()).collect()))
    }
}

/// A set of signals in a process's status (proc(5)).
fn mask(status: &str, key: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| u64::from_str_radix(line.trim(), 16).ok()).unwrap_or_default()
}

/// The port of a line of the kernel's table of sockets, when it listens to others than its own machine. Addresses are written as
/// words in the machine's order of bytes.
fn listening_at(line: &str) -> Option<u16> {
    let mut fields = line.split_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    let state = fields.nth(1)?;
    let last = address.get(address.len().checked_sub(8)?..)?;
    let is_mapped = address.len() == 8 || address.starts_with("0000000000000000FFFF0000");
    let is_loopback = (is_mapped && last.ends_with("7F")) || address == "00000000000000000000000001000000";
    (state == LISTENS && !is_loopback).then(|| u16::from_str_radix(port, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let status = "Name:\tpython\nSigBlk:\t0000000000000000\nSigCgt:\t0000000000004002\n";
        assert_eq!((mask(status, "SigCgt:"), mask(status, "SigBlk:"), mask(status, "None:")), (0x4002, 0, 0));
        for (line, port) in [
            ("   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000", Some(8000)),
            ("   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000", None),
            ("   0: 0B00007F:94C1 00000000:0000 0A 00000000:00000000 00:00000000", None),
            ("   1: 020011AC:1F40 030011AC:8D2C 01 00000000:00000000 00:00000000", None),
            ("   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0", Some(80)),
            ("   0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0:0", None),
            ("   0: 0000000000000000FFFF00000100007F:0050 00000000000000000000000000000000:0000 0A 0:0", None),
            ("  sl  local_address rem_address   st tx_queue rx_queue", None),
        ] {
            assert_eq!(listening_at(line), port, "{line}");
        }
    }
}
