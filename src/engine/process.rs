//! How the first process of a container is started and looked after, as it is declared; and signals to all of its processes.

use rustix::process::{Pid, Signal, kill_process};

use super::{Engine, EngineError};

/// What a container was created with: the compose file's values, or else the image's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The user, and after a colon the group; empty when none is set.
    pub user: String,
    /// The command line: entry point and command together.
    pub command: Vec<String>,
    /// The health check.
    pub health_check: Option<HealthCheck>,
}

/// A health check, times in nanoseconds as the engine has them; 0 stands for the engine's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthCheck {
    /// The command, after the word that says how it is run.
    pub test: Vec<String>,
    /// From one run to the next.
    pub interval: i64,
    /// How long a run may take.
    pub timeout: i64,
    /// How long failures do not count after the start.
    pub start_period: i64,
    /// How many failures in a row make a container unhealthy.
    pub retries: i64,
}

impl Engine {
    /// What a container was created with.
    pub async fn declared(&self, container: &str) -> Result<Declared, EngineError> {
        let config = self.inspect_all(container).await?.config.unwrap_or_default();
        let command = config.entrypoint.into_iter().chain(config.cmd).flatten().collect();
        let health_check = config.healthcheck.map(|check| HealthCheck {
            test: check.test.unwrap_or_default(),
            interval: check.interval.unwrap_or_default(),
            timeout: check.timeout.unwrap_or_default(),
            start_period: check.start_period.unwrap_or_default(),
            retries: check.retries.unwrap_or_default(),
        });
        Ok(Declared { user: config.user.unwrap_or_default(), command, health_check })
    }

    /// What the last run of a container's health check wrote, with its exit status; nothing when it has not run.
    pub async fn last_health_check(&self, container: &str) -> Option<(i64, String)> {
        let last = self.inspect_all(container).await.ok()?.state?.health?.log?.pop()?;
        Some((last.exit_code?, last.output.unwrap_or_default().trim().to_owned()))
    }

    /// Sends a signal to every process of a container: to the first one through the engine, to the others through the kernel. Returns
    /// whether all were reached; the others are out of sight when the engine is on another machine.
    pub async fn signal_all(&self, container: &str, name: &str, signal: Signal) -> Result<bool, EngineError> {
        let first = self.inspect(container).await?.pid;
        self.signal(container, name).await?;
        let others: Vec<i64> =
            self.processes(container).await?.iter().map(|process| process.pid).filter(|pid| *pid != first).collect();
        if others.is_empty() {
            return Ok(true);
        }
        if !self.is_in_sight(first, container) {
            return Ok(false);
        }
        let pids = others.into_iter().filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        // One that has ended meanwhile need not be reached.
        for pid in pids {
            let _ = kill_process(pid, signal);
        }
        Ok(true)
    }
}
