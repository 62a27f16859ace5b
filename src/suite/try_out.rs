//! Brings the stack up once with nothing disturbed, before any check. A stack that is broken by itself is told so once, with its
//! log, and not once per check.

use std::time::Duration;

use super::setup::Setup;
use super::{Bench, Failure, RunError, launch, paths};
use crate::contract::Found;
use crate::timeline::{Timeline, last_log_lines};

/// How many of a container's last log lines an error carries.
const LOG_LINES: usize = 15;
/// The part of the engine's memory that copies may take together.
const MEMORY_PERCENT: u64 = 60;

/// What an undisturbed start has shown.
#[derive(Debug)]
pub(super) struct TriedOut {
    /// The path at which the app says that it lives, when nobody declared it.
    pub(super) liveness: Option<Found<String>>,
    /// How long the app took to be ready.
    pub(super) ready_after: Duration,
    /// How many copies the engine's machine bears at once.
    pub(super) copies: usize,
}

/// Starts the whole stack, waits until the app is ready, looks around, and removes it.
pub(super) async fn try_out(bench: &Bench) -> Result<TriedOut, RunError> {
    let timeline = Timeline::new(bench.engine.clock(), bench.redactor.clone());
    let stack = launch::create(bench, &timeline, &Setup::default()).await;
    let mut stack = stack.map_err(|failure| not_ready(&bench.contract.app, failure, &timeline))?;
    let (started, ready) = match launch::start_until_ready(bench, &stack).await {
        Ok(moments) => moments,
        Err(failure) => {
            launch::stop_observing(bench, &mut stack).await;
            return Err(not_ready(&bench.contract.app, failure, &timeline));
        }
    };
    let liveness = if bench.contract.liveness.is_none() { paths::find_liveness(bench, &stack).await } else { None };
    let used = futures::future::join_all(stack.services().map(|(_, service)| bench.engine.memory_used(&service.container))).await;
    let copies = copies_at_once(bench, used.into_iter().flatten().sum());
    stack.down().await?;
    Ok(TriedOut { liveness, ready_after: ready.saturating_sub(started), copies })
}

/// A scenario mostly waits, so twice as many as there are cores keep a machine busy without holding each other up; fewer where
/// the memory would not last.
fn copies_at_once(bench: &Bench, memory_used: u64) -> usize {
    let capacity = bench.engine.capacity();
    let by_memory = (capacity.memory * MEMORY_PERCENT / 100).checked_div(memory_used);
    by_memory.map_or(usize::MAX, |copies| usize::try_from(copies).unwrap_or(usize::MAX)).clamp(1, 2 * capacity.cores)
}

/// The error for a stack that does not come up, with the log of the service that is to blame.
pub(super) fn not_ready(app: &str, failure: Failure, timeline: &Timeline) -> RunError {
    let Failure::CouldNotRun { message, advice, service } = failure else {
        return RunError::Defect { message: failure.to_string() };
    };
    let service = service.unwrap_or_else(|| app.to_owned());
    let logs = last_log_lines(&timeline.observations(), &service, LOG_LINES);
    RunError::NotReady { what: message, advice, service, logs }
}
