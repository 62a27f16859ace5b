//! Faults: they disturb a stack, and say so on the timeline when they begin and when they end.

mod tap;

use std::time::Duration;

use rustix::process::Signal;

pub use self::tap::{OnTheWire, disturb_wire, has_tap, heal_wire, start_tap};
use crate::engine::{Attachment, EngineError};
use crate::stack::{Stack, StackError};
use crate::timeline::{Fact, FaultKind, Phase};

/// How long the engine may take to end a killed container.
pub const DEATH_LIMIT: Duration = Duration::from_secs(30);

/// A service that has been taken off its networks.
#[derive(Debug)]
#[must_use = "only this knows how to put it back"]
pub struct CutOff(Vec<(String, Vec<Attachment>)>);

/// Kills a service, with all its replicas, with SIGKILL through the engine, which also defeats its restart policy, and returns
/// when it is dead. Returns the offset of the last death.
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

/// Notes that a service is not there yet although the app is. A tap in its place refuses meanwhile.
pub async fn withhold(stack: &Stack, service: &str) -> Result<(), StackError> {
    stack.service(service)?;
    if has_tap(stack, service) {
        tap::tell(stack, service, OnTheWire::Refuse).await?;
    }
    begin(stack, service, FaultKind::Absent);
    Ok(())
}

/// Starts a withheld service. Returns the offset of the start.
pub async fn provide(stack: &Stack, service: &str) -> Result<Duration, StackError> {
    let at = stack.start(service).await?;
    if has_tap(stack, service) {
        tap::tell(stack, service, OnTheWire::Pass).await?;
    }
    record(stack, at, service, FaultKind::Absent, Phase::Ends);
    Ok(at)
}

/// Freezes all processes of a service: its connections stay open, and nothing answers. Returns the offset.
pub async fn freeze(stack: &Stack, service: &str) -> Result<Duration, EngineError> {
    for replica in stack.replicas(service) {
        stack.engine().freeze(&stack.service(replica)?.container).await?;
    }
    Ok(begin(stack, service, FaultKind::Frozen))
}

/// Lets a frozen service go on. Returns the offset.
pub async fn thaw(stack: &Stack, service: &str) -> Result<Duration, EngineError> {
    for replica in stack.replicas(service) {
        stack.engine().thaw(&stack.service(replica)?.container).await?;
    }
    Ok(end(stack, service, FaultKind::Frozen))
}

/// Takes a service off its networks: its name no longer resolves, and packets on their way to it are lost. Returns the offset,
/// and what [`join`] needs.
pub async fn cut_off(stack: &Stack, service: &str) -> Result<(Duration, CutOff), EngineError> {
    let mut attachments = vec![];
    for replica in stack.replicas(service) {
        let taken = stack.engine().cut_off(&stack.service(replica)?.container).await?;
        stack.look_again(replica).await?;
        attachments.push((replica.to_owned(), taken));
    }
    Ok((begin(stack, service, FaultKind::CutOff), CutOff(attachments)))
}

/// Puts a service back on its networks, perhaps at another address. Returns the offset from which on it can be found there.
pub async fn join(stack: &Stack, service: &str, CutOff(attachments): CutOff) -> Result<Duration, EngineError> {
    let mut replicas = vec![];
    for (replica, taken) in attachments {
        stack.engine().put_back(&stack.service(&replica)?.container, taken).await?;
        replicas.push(replica);
    }
    // Before the probes know where it is: what they see from then on comes after.
    let at = end(stack, service, FaultKind::CutOff);
    for replica in replicas {
        stack.look_again(&replica).await?;
    }
    Ok(at)
}

/// Kills a service and starts it again at another address: while it is dead, a second container like it takes the old one.
/// Returns the offset of the start, or nothing when the address is the same all the same.
pub async fn relocate(stack: &Stack, service: &str) -> Result<Option<Duration>, StackError> {
    let before = stack.service(service)?.reach.borrow().clone();
    kill(stack, service).await?;
    stack.engine().occupy(&stack.service(service)?.container).await?;
    let at = revive(stack, service).await?;
    let has_moved = *stack.service(service)?.reach.borrow() != before;
    Ok(has_moved.then_some(at))
}

/// Stops every process of a service in its tracks (SIGSTOP): they stay and do nothing, and what they listen on still accepts. Unlike
/// a frozen container, the engine runs its health check. Returns the offset; nothing when not all processes could be reached.
pub async fn stop_in_its_tracks(stack: &Stack, service: &str) -> Result<Option<Duration>, EngineError> {
    let mut reached = true;
    for replica in stack.replicas(service) {
        reached &= stack.engine().signal_all(&stack.service(replica)?.container, "SIGSTOP", Signal::STOP).await?;
    }
    let at = begin(stack, service, FaultKind::Stopped);
    Ok(reached.then_some(at))
}

/// Lets a service go on that was stopped in its tracks (SIGCONT). Returns the offset.
pub async fn let_go_on(stack: &Stack, service: &str) -> Result<Duration, EngineError> {
    for replica in stack.replicas(service) {
        stack.engine().signal_all(&stack.service(replica)?.container, "SIGCONT", Signal::CONT).await?;
    }
    Ok(end(stack, service, FaultKind::Stopped))
}

/// Notes that a fault begins now. Returns the offset.
pub fn begin(stack: &Stack, service: &str, fault: FaultKind) -> Duration {
    let at = stack.timeline().clock().now();
    record(stack, at, service, fault, Phase::Begins);
    at
}

/// Notes that a fault ends now. Returns the offset.
pub fn end(stack: &Stack, service: &str, fault: FaultKind) -> Duration {
    let at = stack.timeline().clock().now();
    record(stack, at, service, fault, Phase::Ends);
    at
}

/// Notes the end of every fault that is still in force: what follows is the removal of the stack.
pub fn end_all(stack: &Stack) {
    let open = stack.timeline().read(|observations| {
        let mut open: Vec<(String, FaultKind)> = vec![];
        for observation in observations {
            let Fact::Fault { service, fault, phase } = &observation.fact else { continue };
            match phase {
                Phase::Begins => open.push((service.clone(), *fault)),
                Phase::Ends => open.retain(|one| *one != (service.clone(), *fault)),
            }
        }
        open
    });
    for (service, fault) in open {
        end(stack, &service, fault);
    }
}

fn record(stack: &Stack, at: Duration, service: &str, fault: FaultKind, phase: Phase) {
    stack.timeline().record_at(at, Fact::Fault { service: service.to_owned(), fault, phase });
}
