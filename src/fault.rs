//! Faults: they disturb a stack, and say so on the timeline when they begin and when they end.

use std::time::Duration;

use crate::engine::EngineError;
use crate::stack::{Stack, StackError};
use crate::timeline::{Fact, FaultKind, Phase};

/// How long the engine may take to end a killed container.
const DEATH_LIMIT: Duration = Duration::from_secs(30);

/// Kills a service, with all its replicas, with SIGKILL through the engine, which also defeats its restart policy, and returns when it is dead.
/// Returns the offset of the last death.
pub async fn kill(stack: &Stack, service: &str) -> Result<Duration, StackError> {
    let mut killed = Duration::ZERO;
    for replica in stack.replicas(service) {
        let sent = stack.signal(replica, "SIGKILL").await?;
        let limit = stack.timeline().clock().now() + DEATH_LIMIT;
        let death = stack.wait_for_death(replica, sent, limit).await;
        let (at, _, _) = death.ok_or_else(|| StackError::NoEvent { service: replica.to_owned(), what: "was killed" })?;
        killed = killed.max(at);
    }
    record(stack, killed, service, FaultKind::Killed, Phase::Begins);
    Ok(killed)
}

/// Starts a killed service again. Returns the offset of the start; the service need not serve yet.
pub async fn revive(stack: &Stack, service: &str) -> Result<Duration, StackError> {
    let at = stack.start(service).await?;
    record(stack, at, service, FaultKind::Killed, Phase::Ends);
    Ok(at)
}

/// Notes that a service is not there yet although the app is.
pub fn withhold(stack: &Stack, service: &str) -> Result<(), EngineError> {
    stack.service(service)?;
    record(stack, stack.timeline().clock().now(), service, FaultKind::Absent, Phase::Begins);
    Ok(())
}

/// Starts a withheld service. Returns the offset of the start.
pub async fn provide(stack: &Stack, service: &str) -> Result<Duration, StackError> {
    let at = stack.start(service).await?;
    record(stack, at, service, FaultKind::Absent, Phase::Ends);
    Ok(at)
}

fn record(stack: &Stack, at: Duration, service: &str, fault: FaultKind, phase: Phase) {
    stack.timeline().record_at(at, Fact::Fault { service: service.to_owned(), fault, phase });
}
