//! The baseline: the stack is brought up once with nothing disturbed, before any check. A stack that is broken by itself is told so once, with its
//! log, and not once per check.

use std::time::Duration;

use super::arrangement::Arrangement;
use super::settle::LastLine;
use super::{RunContext, RunError, launch, paths, settle};
use crate::model::{Halt, Timeline, last_log_lines};
use crate::subject::{Form, Found};

/// How many of a container's last log lines an error carries.
const LOG_LINES: usize = 15;
/// The part of the engine's memory that copies may take together.
const MEMORY_PERCENT: u64 = 60;

/// More copies than this for each core would only hold each other up.
const MOST_PER_CORE: usize = 6;

/// What an undisturbed start has shown.
#[derive(Debug)]
pub(super) struct Baseline {
    /// The path at which the app says that it lives, when nobody declared it.
    pub(super) liveness: Option<Found<Form>>,
    /// How long the app took to be ready.
    pub(super) ready_after: Duration,
    /// The last line that the app wrote about its start, where readiness does not say when that is over.
    pub(super) last_line: Option<LastLine>,
    /// How many copies the engine's machine bears at once.
    pub(super) copies: usize,
}

/// Starts the whole stack, waits until the app is ready, looks around, and removes it.
pub(super) async fn measure(context: &RunContext) -> Result<Baseline, RunError> {
    let timeline = Timeline::new(context.engine.clock(), context.redactor.clone());
    let instance = launch::create(context, &timeline, &Arrangement::default()).await;
    let mut instance = instance.map_err(|failure| not_ready(&context.contract.app, failure, &timeline))?;
    let (started, ready) = match launch::start_until_ready(context, &instance).await {
        Ok(moments) => moments,
        Err(failure) => {
            launch::stop_observing(context, &mut instance).await;
            // The end of the run removes what is left.
            let _ = instance.down().await;
            return Err(not_ready(&context.contract.app, failure, &timeline));
        }
    };
    let only_runs = context.contract.readiness.only_runs();
    let last_line = if only_runs { settle::last_line_of_start(context, &timeline, started) } else { None };
    let liveness = if context.contract.liveness.is_none() { paths::find_liveness(context, &instance).await } else { None };
    let used =
        futures::future::join_all(instance.services().map(|(_, service)| context.engine.memory_used(&service.container))).await;
    let copies = copies_at_once(context, used.into_iter().flatten().sum());
    instance.down().await?;
    Ok(Baseline { liveness, ready_after: ready.saturating_sub(started), last_line, copies })
}

/// An experiment mostly waits, so that there may be several for each core; fewer where the memory would not last. How many there are is
/// measured while they run.
fn copies_at_once(context: &RunContext, memory_used: u64) -> usize {
    let capacity = context.engine.capacity();
    let by_memory = (capacity.memory * MEMORY_PERCENT / 100).checked_div(memory_used);
    by_memory.map_or(usize::MAX, |copies| usize::try_from(copies).unwrap_or(usize::MAX)).clamp(1, MOST_PER_CORE * capacity.cores)
}

/// The error for a stack that does not come up, with the log of the service that is to blame.
pub(super) fn not_ready(app: &str, failure: Halt, timeline: &Timeline) -> RunError {
    let (message, advice, service) = match failure {
        Halt::CouldNotRun { reason, advice, service } => (reason, advice, service),
        Halt::NotApplicable { reason } => return RunError::Defect { message: reason },
    };
    let service = service.unwrap_or_else(|| app.to_owned());
    let logs = last_log_lines(&timeline.observations(), &service, LOG_LINES);
    RunError::NotReady { what: message, advice, service, logs }
}
