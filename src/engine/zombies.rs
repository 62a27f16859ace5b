//! Zombie processes of a container. The engine's own table leaves them out, because a process that has ended is in no control group
//! any more; they are found in the kernel's table, where the engine runs on this machine's kernel.

use std::fs;

use super::{Access, Engine, EngineError};

impl Engine {
    /// The children of a container's processes that have ended and nobody has taken note of; nothing where the kernel's table is
    /// out of sight: another machine, or another process namespace.
    pub async fn zombies(&self, container: &str) -> Result<Option<Vec<i64>>, EngineError> {
        if self.first_in_sight(container).await?.is_none() {
            return Ok(None);
        }
        let parents: Vec<i64> = self.processes(container).await?.iter().map(|process| process.pid).collect();
        let Ok(entries) = fs::read_dir("/proc") else { return Ok(None) };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let zombies = pids
            .filter(|pid: &i64| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| is_zombie_of(&parents, &stat)));
        Ok(Some(zombies.collect()))
    }

    /// The number of a container's first process; nothing where the kernel's table is out of sight.
    pub(super) async fn first_in_sight(&self, container: &str) -> Result<Option<i64>, EngineError> {
        let first = self.inspect(container).await?.pid;
        Ok(Some(first).filter(|first| self.is_in_sight(*first, container)))
    }

    /// Whether a process of this number here is one of a container, so that the kernel's table is that of the engine's machine.
    pub(super) fn is_in_sight(&self, pid: i64, container: &str) -> bool {
        let has_it = |groups: String| groups.contains(container);
        self.access == Access::Direct && fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(has_it)
    }
}

/// Whether a line of the kernel's table tells of an ended child of one of these processes.
fn is_zombie_of(parents: &[i64], stat: &str) -> bool {
    // The name stands in brackets and may hold anything.
    let Some((_, fields)) = stat.rsplit_once(')') else { return false };
    let mut fields = fields.split_whitespace();
    let is_zombie = fields.next() == Some("Z");
    is_zombie && fields.next().and_then(|parent| parent.parse().ok()).is_some_and(|parent| parents.contains(&parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zombie_is_told_by_its_state_and_parent() {
        assert!(is_zombie_of(&[7], "12 (a ) b) Z 7 7 7 0"));
        assert!(!is_zombie_of(&[7], "12 (true) S 7 7 7 0"));
        assert!(!is_zombie_of(&[8], "12 (true) Z 7 7 7 0"));
    }
}
