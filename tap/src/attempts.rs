//! Every attempt to connect, with its time.

use std::fs;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// The attempts so far, as nanoseconds since the epoch.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    all: Mutex<Vec<u128>>,
    added: Condvar,
    /// The kernel's counter when it was last read, while what it counts are attempts.
    counted: Mutex<Option<u64>>,
}

impl Attempts {
    /// So many attempts were made just now.
    #[expect(clippy::disallowed_methods, reason = "the time of day is all that the tap and its harness share")]
    pub(crate) fn add(&self, count: u64) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let mut all = self.lock();
        for _ in 0..count {
            all.push(now);
        }
        self.added.notify_all();
    }

    /// From now on whom the kernel turns down has attempted to connect, or no longer.
    pub(crate) fn kernel_counts(&self, counts: bool) {
        *self.counted.lock().unwrap_or_else(PoisonError::into_inner) = turned_down().filter(|_| counts);
    }

    /// Adds whom the kernel has turned down since the last time.
    pub(crate) fn count(&self) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(before), Some(now)) = (*counted, turned_down())
            && now > before
        {
            *counted = Some(now);
            self.add(now - before);
        }
    }

    /// The attempts after the first so many; waits until there are any.
    pub(crate) fn after(&self, known: usize) -> Vec<u128> {
        let all = self.added.wait_while(self.lock(), |all| all.len() <= known).unwrap_or_else(PoisonError::into_inner);
        all[known..].to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u128>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many connections the kernel has turned down in this network so far: a port on which nobody listens answers with a reset,
/// and those are counted (`OutRsts` of RFC 4022). Nothing where the kernel does not tell.
fn turned_down() -> Option<u64> {
    read_resets(&fs::read_to_string("/proc/net/snmp").ok()?)
}

fn read_resets(table: &str) -> Option<u64> {
    let mut lines = table.lines().filter(|line| line.starts_with("Tcp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let column = names.split_whitespace().position(|name| name == "OutRsts")?;
    values.split_whitespace().nth(column)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_counter_is_read() {
        let table = "Ip: Forwarding\nIp: 1\nTcp: RtoMin InErrs OutRsts InCsumErrors\nTcp: 200 0 17 0\nUdp: A\nUdp: 1\n";
        assert_eq!(read_resets(table), Some(17));
        assert_eq!(read_resets("Tcp: A\n"), None);
    }

    #[test]
    fn those_who_wait_get_what_is_new() {
        let attempts = Attempts::default();
        attempts.add(2);
        assert_eq!(attempts.after(0).len(), 2);
        attempts.add(1);
        assert_eq!(attempts.after(2).len(), 1);
    }
}
