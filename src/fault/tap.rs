//! Faults on the wire, by the tap that stands in the place of a dependency.

use std::io;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{begin, end};
use crate::compose::{TAP_CONTROL, tap_of};
use crate::model::FaultKind;
use crate::target::{Instance, TargetError};

/// How long the tap may take to do what it is told.
const LIMIT: Duration = Duration::from_secs(20);
/// From one attempt to reach a tap that has just been started to the next.
const PAUSE: Duration = Duration::from_millis(20);

/// What a tap is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFault {
    /// All is passed on, which ends every fault.
    Pass,
    /// Every connection is reset, once.
    Reset,
    /// Nobody listens.
    Refuse,
    /// New connections are told that PostgreSQL is starting up (SQLSTATE 57P03).
    StartingUp,
    /// Nothing gets through and nobody says so, as when packets are lost.
    Lose,
    /// Every answer arrives later by this much.
    Delay(Duration),
}

impl WireFault {
    /// The fault that it begins or is.
    #[must_use]
    pub fn kind(self) -> Option<FaultKind> {
        Some(match self {
            Self::Pass => return None,
            Self::Reset => FaultKind::Reset,
            Self::Refuse => FaultKind::Refusing,
            Self::StartingUp => FaultKind::StartingUp,
            Self::Lose => FaultKind::OutOfReach,
            Self::Delay(_) => FaultKind::Slow,
        })
    }

    fn command(self) -> String {
        match self {
            Self::Pass => "pass".into(),
            Self::Reset => "reset".into(),
            Self::Refuse => "refuse".into(),
            Self::StartingUp => "starting-up".into(),
            Self::Lose => "lose".into(),
            Self::Delay(delay) => format!("delay {}", delay.as_millis()),
        }
    }
}

/// Whether a tap stands in the place of a service.
#[must_use]
pub fn has_tap(instance: &Instance, service: &str) -> bool {
    instance.service(&tap_of(service)).is_ok()
}

/// Starts the tap in the place of a service, and returns when it passes connections on.
pub async fn start_tap(instance: &Instance, service: &str) -> Result<(), TargetError> {
    instance.start(&tap_of(service)).await?;
    tell(instance, service, WireFault::Pass).await
}

/// Begins a fault on the wire to a service; a reset is over at once. Returns the offset from which on it is in force.
pub async fn disturb_wire(instance: &Instance, service: &str, how: WireFault) -> Result<Duration, TargetError> {
    tell(instance, service, how).await?;
    let at = how.kind().map(|fault| begin(instance, service, fault));
    if how == WireFault::Reset {
        end(instance, service, FaultKind::Reset);
    }
    Ok(at.unwrap_or_else(|| instance.timeline().clock().now()))
}

/// Ends a fault on the wire to a service. Returns the offset from which on connections are passed on again.
pub async fn heal_wire(instance: &Instance, service: &str, how: WireFault) -> Result<Duration, TargetError> {
    tell(instance, service, WireFault::Pass).await?;
    let at = how.kind().map(|fault| end(instance, service, fault));
    Ok(at.unwrap_or_else(|| instance.timeline().clock().now()))
}

/// Tells the tap in the place of a service one thing, and returns when it is done.
pub(super) async fn tell(instance: &Instance, service: &str, what: WireFault) -> Result<(), TargetError> {
    let tap = tap_of(service);
    let failed = |source| TargetError::Tap { service: service.to_owned(), source };
    let mut reach = instance.service(&tap)?.reach.clone();
    let talk = async {
        let reach = reach.wait_for(Option::is_some).await.map_err(io::Error::other)?.clone();
        let socket = reach.and_then(|reach| reach.socket(TAP_CONTROL)).ok_or_else(|| io::Error::other("it has no address"))?;
        // The container's first process may not listen yet.
        let patiently = ConstantBuilder::default().with_delay(PAUSE).without_max_times();
        let mut stream = (|| TcpStream::connect(socket)).retry(patiently).await?;
        stream.write_all(format!("{}\n", what.command()).as_bytes()).await?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).await?;
        if answer.trim() == "done" { Ok(()) } else { Err(io::Error::other(format!("it answers {answer:?}"))) }
    };
    timeout(LIMIT, talk).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(failed)
}
