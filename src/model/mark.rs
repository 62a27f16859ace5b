//! Marks: the phases of an experiment, put down on its timeline. Claims count their limits from a mark.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FaultKind;

/// The moment at which a phase of an experiment begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "mark", rename_all = "snake_case")]
pub enum Mark {
    /// The app was started by the experiment.
    AppStarted {
        /// Whether it had been stopped before.
        again: bool,
    },
    /// The app was ready, with nothing disturbed.
    Ready,
    /// The app answered or wrote something for the first time.
    FirstSign,
    /// A service is disturbed from now on.
    Disturbed {
        /// The service.
        service: String,
        /// How.
        fault: FaultKind,
    },
    /// A dependency accepts.
    Accepts {
        /// The service.
        service: String,
        /// After what.
        after: Return,
    },
    /// A dependency that was turning everybody down is within reach.
    WithinReach {
        /// The service.
        service: String,
    },
    /// The connection slots of a database are free again.
    SlotsFree {
        /// The service.
        service: String,
    },
    /// Clients ask the app over and over.
    UnderLoad,
    /// The app was sent a signal that tells it to stop.
    StopSignal {
        /// The signal.
        signal: String,
    },
    /// The app, which had been stopped by SIGSTOP, goes on.
    GoesOn,
}

/// After what a dependency accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Return {
    /// For the first time.
    FirstStart,
    /// After an outage.
    Outage,
    /// At another address than before.
    Move,
}

/// Words that follow "of" and "since".
impl fmt::Display for Mark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AppStarted { again: false } => formatter.write_str("its start"),
            Self::AppStarted { again: true } => formatter.write_str("its restart"),
            Self::Ready => formatter.write_str("the app being ready"),
            Self::FirstSign => formatter.write_str("its first sign of life"),
            Self::Disturbed { service, fault } => match fault {
                FaultKind::Killed => write!(formatter, "`{service}` being killed"),
                FaultKind::Frozen => write!(formatter, "`{service}` being frozen"),
                FaultKind::CutOff => write!(formatter, "`{service}` being disconnected"),
                FaultKind::Exhausted => write!(formatter, "all connection slots of `{service}` being taken"),
                FaultKind::OutOfReach => write!(formatter, "the loss of all packets to `{service}`"),
                FaultKind::Slow => write!(formatter, "`{service}` being slow"),
                FaultKind::Reset => write!(formatter, "the reset of all connections to `{service}`"),
                FaultKind::Stopped => formatter.write_str("the app being stopped by SIGSTOP"),
                FaultKind::Absent => write!(formatter, "`{service}` being absent"),
                FaultKind::Refusing => write!(formatter, "`{service}` refusing connections"),
                FaultKind::StartingUp => write!(formatter, "`{service}` starting up"),
            },
            Self::Accepts { service, after: Return::FirstStart } => write!(formatter, "`{service}` accepting"),
            Self::Accepts { service, after: Return::Outage } => write!(formatter, "`{service}` accepting again"),
            Self::Accepts { service, after: Return::Move } => write!(formatter, "`{service}` accepting at another address"),
            Self::WithinReach { service } => write!(formatter, "`{service}` being reachable"),
            Self::SlotsFree { service } => write!(formatter, "the connection slots of `{service}` being free again"),
            Self::UnderLoad => formatter.write_str("the load"),
            Self::StopSignal { signal } => formatter.write_str(signal),
            Self::GoesOn => formatter.write_str("the app going on"),
        }
    }
}
