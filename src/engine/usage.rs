//! What a container uses and has used, as its control group counts it.

use std::fs;
use std::time::Duration;

use futures::StreamExt;
use testcontainers::bollard::models::ContainerStatsResponse;
use testcontainers::bollard::query_parameters::StatsOptionsBuilder;

use super::{Engine, EngineError};
use crate::model::Usage;

/// Where the one hierarchy of version 2 is mounted.
const GROUPS: &str = "/sys/fs/cgroup";

impl Engine {
    /// The memory that a running container uses now, in bytes, without the page cache; nothing when the engine does not tell.
    pub async fn memory_used(&self, container: &str) -> Option<u64> {
        let memory = self.stats(container).await?.memory_stats?;
        let cache = memory.stats.as_ref().and_then(|stats| stats.get("inactive_file").copied()).unwrap_or_default();
        Some(memory.usage?.saturating_sub(cache))
    }

    /// What a running container has used since its start; nothing when it does not run.
    pub async fn usage(&self, container: &str) -> Result<Option<Usage>, EngineError> {
        let Some(stats) = self.stats(container).await else { return Ok(None) };
        let memory = stats.memory_stats.unwrap_or_default();
        if memory.usage.is_none_or(|usage| usage == 0) {
            return Ok(None);
        }
        // The engine passes the peak on from version 1; version 2 keeps it in a file.
        let peak = match memory.max_usage {
            Some(peak) if peak > 0 => Some(peak),
            _ => self.first_in_sight(container).await?.and_then(peak_of),
        };
        let throttling = stats.cpu_stats.and_then(|stats| stats.throttling_data).unwrap_or_default();
        Ok(Some(Usage {
            memory_peak: peak,
            memory_limit: memory.limit,
            periods: throttling.periods.unwrap_or_default(),
            throttled: throttling.throttled_periods.unwrap_or_default(),
        }))
    }

    /// How long processors have worked for a running container since its start; nothing when the engine does not tell.
    pub async fn processor_time(&self, container: &str) -> Option<Duration> {
        Some(Duration::from_nanos(self.stats(container).await?.cpu_stats?.cpu_usage?.total_usage?))
    }

    async fn stats(&self, container: &str) -> Option<ContainerStatsResponse> {
        let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
        self.docker.stats(container, Some(options)).next().await?.ok()
    }
}

/// The peak that version 2 keeps for the group of a process.
fn peak_of(pid: i64) -> Option<u64> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let peak = fs::read_to_string(format!("{GROUPS}{}/memory.peak", unified(&groups)?)).ok()?;
    peak.trim().parse().ok()
}

/// The path of a process's group in the hierarchy of version 2.
fn unified(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| line.strip_prefix("0::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unified_hierarchy_is_found() {
        assert_eq!(unified("0::/system.slice/docker-1.scope\n"), Some("/system.slice/docker-1.scope"));
        assert_eq!(unified("8:pids:/docker/1\n4:memory:/docker/1\n"), None);
    }
}
