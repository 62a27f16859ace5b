//! Faults: they disturb a stack, and say so on the timeline when they begin and when they end.

mod tap;

use std::time::Duration;

use rustix::process::Signal;

pub use self::tap::{WireFault, disturb_wire, has_tap, heal_wire, start_tap};
use crate::engine::{Attachment, EngineError};
use crate::model::{Fact, FaultKind, Phase};
use crate::target::{Instance, TargetError};

/// How long the engine may take to end a killed container.
pub const DEATH_LIMIT: Duration = Duration::from_secs(30);

/// A service that has been taken off its networks.
#[derive(Debug)]
#[must_use = "only this knows how to put it back"]
pub struct CutOff(Vec<(String, Vec<Attachment>)>);

/// Kills a service, with all its replicas, with SIGKILL through the engine, which also defeats its restart policy, and returns
/// when it is dead. Returns the offset of the last death.
pub async fn kill(instance: &Instance, service: &str) -> Result<Duration, TargetError> {
    let mut killed = Duration::ZERO;
    for replica in instance.replicas(service) {
        let sent = instance.signal(replica, "SIGKILL").await?;
        let limit = instance.timeline().clock().now() + DEATH_LIMIT;
        let death = instance.wait_for_death(replica, sent, limit).await;
        let at = death.ok_or_else(|| TargetError::NoEvent { service: replica.to_owned(), what: "was killed" })?;
        killed = killed.max(at);
    }
    record(instance, killed, service, FaultKind::Killed, Phase::Begins);
    Ok(killed)
}

/// Starts a killed service again. Returns the offset of the start; the service need not serve yet.
pub async fn revive(instance: &Instance, service: &str) -> Result<Duration, TargetError> {
    let at = instance.start(service).await?;
    record(instance, at, service, FaultKind::Killed, Phase::Ends);
    Ok(at)
}

/// Notes that a service is not there yet although the app is. A tap in its place refuses meanwhile.
pub async fn withhold(instance: &Instance, service: &str) -> Result<(), TargetError> {
    instance.service(service)?;
    if has_tap(instance, service) {
        tap::tell(instance, service, WireFault::Refuse).await?;
    }
    begin(instance, service, FaultKind::Absent);
    Ok(())
}

/// Starts a withheld service. Returns the offset of the start.
pub async fn provide(instance: &Instance, service: &str) -> Result<Duration, TargetError> {
    let at = instance.start(service).await?;
    if has_tap(instance, service) {
        tap::tell(instance, service, WireFault::Pass).await?;
    }
    record(instance, at, service, FaultKind::Absent, Phase::Ends);
    Ok(at)
}

/// Freezes all processes of a service: its connections stay open, and nothing answers. Returns the offset.
pub async fn freeze(instance: &Instance, service: &str) -> Result<Duration, EngineError> {
    for replica in instance.replicas(service) {
        instance.engine().freeze(&instance.service(replica)?.container).await?;
    }
    Ok(begin(instance, service, FaultKind::Frozen))
}

/// Lets a frozen service go on. Returns the offset.
pub async fn thaw(instance: &Instance, service: &str) -> Result<Duration, EngineError> {
    for replica in instance.replicas(service) {
        instance.engine().thaw(&instance.service(replica)?.container).await?;
    }
    Ok(end(instance, service, FaultKind::Frozen))
}

/// Takes a service off its networks: its name no longer resolves, and packets on their way to it are lost. Returns the offset,
/// and what [`join`] needs.
pub async fn cut_off(instance: &Instance, service: &str) -> Result<(Duration, CutOff), EngineError> {
    let mut attachments = vec![];
    for replica in instance.replicas(service) {
        let taken = instance.engine().cut_off(&instance.service(replica)?.container).await?;
        instance.look_again(replica).await?;
        attachments.push((replica.to_owned(), taken));
    }
    Ok((begin(instance, service, FaultKind::CutOff), CutOff(attachments)))
}

/// Puts a service back on its networks, perhaps at another address. Returns the offset from which on it can be found there.
pub async fn join(instance: &Instance, service: &str, CutOff(attachments): CutOff) -> Result<Duration, EngineError> {
    let mut replicas = vec![];
    for (replica, taken) in attachments {
        instance.engine().put_back(&instance.service(&replica)?.container, taken).await?;
        replicas.push(replica);
    }
    // Before the probes know where it is: what they see from then on comes after.
    let at = end(instance, service, FaultKind::CutOff);
    for replica in replicas {
        instance.look_again(&replica).await?;
    }
    Ok(at)
}

/// Kills a service and starts it again at another address: while it is dead, a second container like it takes the old one. It stays away
/// until what is to come meanwhile has come. Returns the offset of the start, or nothing when the address is the same all the same.
pub async fn relocate(
    instance: &Instance,
    service: &str,
    meanwhile: impl AsyncFnOnce(Duration),
) -> Result<Option<Duration>, TargetError> {
    let before = instance.service(service)?.reach.borrow().clone();
    meanwhile(kill(instance, service).await?).await;
    instance.engine().occupy(&instance.service(service)?.container).await?;
    let at = revive(instance, service).await?;
    let has_moved = *instance.service(service)?.reach.borrow() != before;
    Ok(has_moved.then_some(at))
}

/// Suspends every process of a service (SIGSTOP): they stay and do nothing, and what they listen on still accepts. Unlike
/// a frozen container, the engine runs its health check. Returns the offset; nothing when not all processes could be reached.
pub async fn suspend(instance: &Instance, service: &str) -> Result<Option<Duration>, EngineError> {
    let mut reached = true;
    for replica in instance.replicas(service) {
        reached &= instance.engine().signal_all(&instance.service(replica)?.container, "SIGSTOP", Signal::STOP).await?;
    }
    Ok(reached.then(|| begin(instance, service, FaultKind::Stopped)))
}

/// Resumes a suspended service (SIGCONT). Returns the offset.
pub async fn resume(instance: &Instance, service: &str) -> Result<Duration, EngineError> {
    for replica in instance.replicas(service) {
        instance.engine().signal_all(&instance.service(replica)?.container, "SIGCONT", Signal::CONT).await?;
    }
    Ok(end(instance, service, FaultKind::Stopped))
}

/// Notes that a fault begins now. Returns the offset.
pub fn begin(instance: &Instance, service: &str, fault: FaultKind) -> Duration {
    let at = instance.timeline().clock().now();
    record(instance, at, service, fault, Phase::Begins);
    at
}

/// Notes that a fault ends now. Returns the offset.
pub fn end(instance: &Instance, service: &str, fault: FaultKind) -> Duration {
    let at = instance.timeline().clock().now();
    record(instance, at, service, fault, Phase::Ends);
    at
}

fn record(instance: &Instance, at: Duration, service: &str, fault: FaultKind, phase: Phase) {
    instance.timeline().record_at(at, Fact::Fault { service: service.to_owned(), fault, phase });
}
