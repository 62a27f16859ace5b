//! The TCP sockets of a container's network, from the kernel's table of them (proc(5), net/tcp). Only where the engine runs on this
//! machine's kernel.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Engine, EngineError};

/// The state of a socket that is connected, and of one that listens.
const CONNECTED: &str = "01";
const LISTENS: &str = "0A";

/// The sockets of one container's network, by the number of its first process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sockets(i64);

impl Engine {
    /// The TCP ports on which something in a container's network listens beyond its loopback. Nothing where the kernel is out of sight.
    pub async fn listening(&self, container: &str) -> Result<Option<BTreeSet<u16>>, EngineError> {
        Ok(self.sockets(container).await?.map(|sockets| sockets.each(|line| listening_at(line, false))))
    }

    /// The TCP ports on which something listens on the loopback of a container's network, where nobody else reaches it.
    pub async fn listening_within(&self, container: &str) -> Result<Option<BTreeSet<u16>>, EngineError> {
        Ok(self.sockets(container).await?.map(|sockets| sockets.each(|line| listening_at(line, true))))
    }

    /// The sockets of a running container's network. Nothing where the kernel is out of sight.
    pub async fn sockets(&self, container: &str) -> Result<Option<Sockets>, EngineError> {
        Ok(self.first_in_sight(container).await?.map(Sockets))
    }
}

impl Sockets {
    /// Those of the network that this process is on.
    #[cfg(test)]
    pub(crate) fn own() -> Self {
        Self(std::process::id().into())
    }

    /// The ports of the clients that are connected to a port, whose connection a process has taken from the kernel, and everything
    /// that they have sent so far. Nobody when the container has ended.
    #[must_use]
    pub fn heard_at(self, port: u16) -> BTreeSet<u16> {
        self.each(|line| heard_from(line, port))
    }

    /// How many connections to a port are established from one of these addresses. None when the container has ended.
    #[must_use]
    pub fn connections(self, port: u16, from: &[IpAddr]) -> usize {
        let count = |table: &str| {
            table.lines().filter(|line| connected_from(line, port).is_some_and(|peer| from.contains(&peer))).count()
        };
        self.tables().map(|table| count(&table)).sum()
    }

    fn each(self, read: impl Fn(&str) -> Option<u16>) -> BTreeSet<u16> {
        self.tables().flat_map(|table| table.lines().filter_map(&read).collect::<Vec<_>>()).collect()
    }

    fn tables(self) -> impl Iterator<Item = String> {
        ["tcp", "tcp6"].into_iter().filter_map(move |table| fs::read_to_string(format!("/proc/{}/net/{table}", self.0)).ok())
    }
}

/// The port of a line of the table, when it listens to others than its own machine, or to that alone. Addresses are written as words in the
/// machine's order of bytes.
fn listening_at(line: &str, within: bool) -> Option<u16> {
    let mut fields = line.split_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    let state = fields.nth(1)?;
    let last = address.get(address.len().checked_sub(8)?..)?;
    let is_mapped = address.len() == 8 || address.starts_with("0000000000000000FFFF0000");
    let is_loopback = (is_mapped && last.ends_with("7F")) || address == "00000000000000000000000001000000";
    (state == LISTENS && is_loopback == within).then(|| u16::from_str_radix(port, 16).ok())?
}

/// The client's port of a line of the table, when it is connected to this port and has been heard. A connection that no process has
/// taken yet has no inode; what a process has not read yet is counted as the queue of the receiver.
fn heard_from(line: &str, port: u16) -> Option<u16> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [_, local, remote, state, queues, _, _, _, _, inode, ..] = fields[..] else { return None };
    let unread = u32::from_str_radix(queues.split_once(':')?.1, 16).ok()?;
    let is_heard = state == CONNECTED && port_of(local)? == port && unread == 0 && inode != "0";
    is_heard.then(|| port_of(remote))?
}

/// The port of an address as the table has it.
fn port_of(address: &str) -> Option<u16> {
    u16::from_str_radix(address.split_once(':')?.1, 16).ok()
}

/// Who is connected to a port, from a line of the table.
fn connected_from(line: &str, port: u16) -> Option<IpAddr> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
    let is_there = state == CONNECTED && port_of(local) == Some(port);
    is_there.then(|| address_of(remote.split_once(':')?.0))?
}

/// An address as the table has it: words in the machine's order of bytes.
fn address_of(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    if hex.len() == 8 {
        return word(0).map(|bytes| Ipv4Addr::from(bytes).into());
    }
    let mut bytes = [0; 16];
    for (part, at) in bytes.chunks_mut(4).zip((0..hex.len()).step_by(8)) {
        part.copy_from_slice(&word(at)?);
    }
    Some(Ipv6Addr::from(bytes).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_counted_by_their_peer() {
        let peer = |line: &str, port| connected_from(line, port).map(|peer| peer.to_string());
        let line = "   1: 030016AC:18EB 020016AC:D2F0 01 00000000:00000000 00:00000000";
        assert_eq!(peer(line, 6379).as_deref(), Some("172.22.0.2"));
        assert_eq!(peer(line, 5432), None);
        let mapped = "   1: 0000000000000000FFFF0000030016AC:18EB 0000000000000000FFFF0000020016AC:D2F0 01 00000000:00000000";
        assert_eq!(peer(mapped, 6379).as_deref(), Some("172.22.0.2"));
        assert_eq!(peer("   1: 030016AC:18EB 020016AC:D2F0 06 00000000:00000000", 6379), None, "it is closing");
    }

    #[test]
    fn listeners_are_found() {
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
            assert_eq!(listening_at(line, false), port, "{line}");
        }
    }

    #[test]
    fn who_has_been_heard_is_found() {
        let line = |state: &str, unread: &str, inode: u32| {
            format!(
                "   1: 020011AC:1F40 030011AC:8D2C {state} 00000000:{unread} 00:00000000 00000000 10001 0 {inode} 1 0 20 4 30 10 -1"
            )
        };
        assert_eq!(heard_from(&line("01", "00000000", 12), 8000), Some(0x8D2C));
        for (line, why) in [
            (line("01", "00000000", 0), "nobody has taken it"),
            (line("01", "00000051", 12), "nobody has read it"),
            (line("06", "00000000", 12), "it is closed"),
        ] {
            assert_eq!(heard_from(&line, 8000), None, "{why}");
        }
        assert_eq!(heard_from(&line("01", "00000000", 12), 80), None);
    }
}
