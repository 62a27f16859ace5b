//! The vocabulary of facts: all that a probe or a fault can say.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Halt, Inspection, Mark, ScenarioLine};
use crate::clock::millis;

/// One thing that was seen or done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The life of a container, as the engine reports it.
    Container {
        /// The service whose container it is.
        service: String,
        /// What happened to it.
        #[serde(flatten)]
        change: ContainerChange,
    },
    /// One question to the app, over HTTP or in another form. The observation's time is when the answer was complete.
    Probe {
        /// Which of the app's endpoints was asked.
        endpoint: Endpoint,
        /// When it was asked.
        #[serde(rename = "sent_ms", with = "millis")]
        #[schemars(with = "f64")]
        sent: Duration,
        /// What came back.
        answer: Answer,
        /// The first 64 KiB of the body, of a page without styles and long scripts; kept only where it differs, by more than numbers,
        /// from that of the last answer with the same status.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
    },
    /// One attempt to use a dependency, made as the app would make it.
    Dependency {
        /// The dependency's service.
        service: String,
        /// When the attempt began.
        #[serde(rename = "sent_ms", with = "millis")]
        #[schemars(with = "f64")]
        sent: Duration,
        /// What came of it.
        #[serde(flatten)]
        state: DependencyState,
    },
    /// An attempt to connect to a dependency, seen by the tap that stands in its place.
    Attempt {
        /// The dependency's service.
        service: String,
    },
    /// The begin or end of something that disturbs.
    Fault {
        /// The service that is disturbed.
        service: String,
        /// How it is disturbed.
        fault: FaultKind,
        /// Whether the fault begins or ends here.
        phase: Phase,
    },
    /// A signal that we sent to the app's first process.
    Signal {
        /// The service that was signalled.
        service: String,
        /// The name of the signal, such as `SIGTERM`.
        signal: String,
    },
    /// The processes of a container at one moment.
    Processes {
        /// The service whose processes these are.
        service: String,
        /// All of them, as the engine sees them.
        processes: Vec<Process>,
    },
    /// The processes of a container that have ended and nobody has taken note of, at one moment.
    Zombies {
        /// The service whose processes these were.
        service: String,
        /// Their numbers on the engine's machine.
        pids: Vec<i64>,
    },
    /// One line of a container's log.
    Log {
        /// The service that wrote it.
        service: String,
        /// Where it was written.
        stream: LogStream,
        /// The line, with secrets masked; cut at 16 KiB, with the number of bytes that are missing at its end.
        line: String,
        /// Whether it was cut.
        #[serde(rename = "cut", default, skip_serializing_if = "is_false")]
        is_cut: bool,
    },
    /// What became of the requests of clients that ask all the time.
    Load {
        /// All of them together.
        #[serde(flatten)]
        load: LoadCount,
    },
    /// What is known of a unit of work that a worker was given. The observation's time is when it was said.
    Unit {
        /// Its number.
        unit: u32,
        /// When it was asked for.
        #[serde(rename = "sent_ms", with = "millis")]
        #[schemars(with = "f64")]
        sent: Duration,
        /// What was said.
        #[serde(flatten)]
        state: UnitState,
    },
    /// The sessions that the app has with its database.
    Sessions {
        /// The database.
        service: String,
        /// How many.
        count: usize,
    },
    /// What a container has used since its start, as the kernel counts it.
    Usage {
        /// The service whose container it is.
        service: String,
        /// How much.
        #[serde(flatten)]
        usage: Usage,
    },
    /// One of our own observers ended early: from here on, silence proves nothing.
    Blind {
        /// What can no longer be seen.
        what: String,
        /// Which of the observers it was.
        #[serde(default)]
        sight: Sight,
    },
    /// Facts that are not on the timeline, because there were too many of them. The observation's time is that of the first.
    Thinned {
        /// What there was too much of.
        #[serde(flatten)]
        of: Flood,
        /// The time of the last of them; what lies between may be there all the same.
        #[serde(rename = "until_ms", with = "millis")]
        #[schemars(with = "f64")]
        until: Duration,
        /// How many were left out.
        count: usize,
        /// The length of their lines.
        bytes: usize,
        /// Whether there are more that were not even read.
        unread: bool,
    },
    /// A step of the scenario began.
    Step {
        /// The step as it stands in the feature file.
        #[serde(flatten)]
        line: ScenarioLine,
        /// The check that it is a part of; nothing when all checks of the experiment share it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<String>,
    },
    /// A phase of the experiment begins; the observation's time is the moment from which limits count.
    Mark {
        /// Which.
        #[serde(flatten)]
        mark: Mark,
    },
    /// What a look at a container, an image or a file has shown.
    Inspected {
        /// It.
        #[serde(flatten)]
        inspection: Inspection,
    },
    /// The experiment, or one of its checks, could not go on.
    Halted {
        /// Why.
        #[serde(flatten)]
        halt: Halt,
        /// The check that can't be judged for that; nothing when it is all of the experiment's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        check: Option<String>,
    },
    /// Steps that are not ours came to their end, in a scenario that was run by another runner.
    Foreign {
        /// How one of them failed, if one did.
        error: Option<String>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_false(value: &bool) -> bool {
    !value
}

/// What became of the requests of clients that ask all the time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadCount {
    /// Answered completely.
    pub complete: usize,
    /// Turned away before they were accepted.
    pub refused: usize,
    /// Cut off so soon that the app may never have seen them.
    pub unclear: usize,
    /// Accepted and not answered completely: how each ended.
    pub torn: Vec<String>,
    /// The answers from before anything was disturbed, by status.
    #[serde(default)]
    pub undisturbed: Vec<StatusCount>,
    /// How many had been waiting for a while when the app was told to stop.
    #[serde(default)]
    pub in_flight: usize,
    /// Answered, after the app was told to stop, on connections that had been used before.
    #[serde(default)]
    pub on_kept: usize,
    /// How many of these answers said that the connection is closed.
    #[serde(default)]
    pub closing: usize,
}

/// How many answers had a status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusCount {
    /// The status.
    pub status: u16,
    /// How many.
    pub count: usize,
}

impl LoadCount {
    /// Counts answers from before anything was disturbed.
    pub fn undisturbed(&mut self, status: u16, count: usize) {
        match self.undisturbed.iter_mut().find(|counted| counted.status == status) {
            Some(counted) => counted.count += count,
            None => self.undisturbed.push(StatusCount { status, count }),
        }
    }

    /// The requests of both.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.complete += other.complete;
        self.refused += other.refused;
        self.unclear += other.unclear;
        self.torn.extend(other.torn);
        for StatusCount { status, count } in other.undisturbed {
            self.undisturbed(status, count);
        }
        self.in_flight += other.in_flight;
        self.on_kept += other.on_kept;
        self.closing += other.closing;
        self
    }
}

/// What a control group has used (cgroups(7)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// The most memory at any time, in bytes, with the page cache; nothing where the kernel does not keep it.
    pub memory_peak: Option<u64>,
    /// How much memory it may use, in bytes.
    pub memory_limit: Option<u64>,
    /// In how many periods it had something to compute, where its processor time is limited.
    pub periods: u64,
    /// In how many of them it was made to wait.
    pub throttled: u64,
}

/// What happened to a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ContainerChange {
    /// It is there, and was not started yet.
    Created {
        /// Whether the engine starts it again by itself when it exits.
        #[serde(default)]
        restarts: bool,
    },
    /// It was started, by us or by its restart policy.
    Started {
        /// The first process, as numbered on the engine's machine; nothing when it had ended before we could look.
        pid: Option<i64>,
    },
    /// Its first process ended.
    Died {
        /// The exit status; 128 + n after signal n.
        exit_code: i64,
        /// Whether the kernel killed it for want of memory.
        oom_killed: bool,
    },
    /// The health check's verdict changed.
    Health {
        /// Whether it is now healthy.
        healthy: bool,
    },
}

/// An endpoint of the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// Says whether the app can serve.
    Readiness,
    /// Says whether the process lives.
    Liveness,
    /// Uses the dependencies.
    Business,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
            Self::Business => "the business path",
        })
    }
}

/// What came back from a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "value", rename_all = "snake_case")]
pub enum Answer {
    /// A complete answer with this status.
    Status(u16),
    /// Nobody listens on the port.
    Refused,
    /// The connection was reset.
    Reset,
    /// No complete answer within the probe's timeout.
    TimedOut,
    /// The answer broke off, or was none of the protocol.
    Broken(String),
    /// It can't be asked in this form: it speaks something else, or has no such program.
    CannotAsk(String),
    /// It says that it is ready, otherwise than by a status.
    Ready,
    /// It says that it is not ready, otherwise than by a status: how.
    Unready(String),
}

impl Answer {
    /// Whether somebody has answered, whatever it was.
    #[must_use]
    pub fn is_an_answer(&self) -> bool {
        matches!(self, Self::Status(_) | Self::Ready | Self::Unready(_))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "{status}"),
            Self::Refused => formatter.write_str("connection refused"),
            Self::Reset => formatter.write_str("connection reset"),
            Self::TimedOut => formatter.write_str("no answer in time"),
            Self::Broken(how) => write!(formatter, "broken answer ({how})"),
            Self::CannotAsk(why) => write!(formatter, "it can't be probed this way ({why})"),
            Self::Ready => formatter.write_str("ready"),
            Self::Unready(how) => write!(formatter, "not ready ({how})"),
        }
    }
}

/// How far a unit of work is, as the commands of the contract say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum UnitState {
    /// It was put in.
    PutIn,
    /// It is neither finished nor in its queue: under way, or lost.
    Open {
        /// How the command ended.
        said: String,
    },
    /// It is finished, or in its queue.
    Done,
    /// The command did not say.
    Unclear {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for UnitState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PutIn => formatter.write_str("it is put in"),
            Self::Open { said } => write!(formatter, "`done` ends with {said}"),
            Self::Done => formatter.write_str("it is finished, or in its queue"),
            Self::Unclear { reason } => write!(formatter, "`done` says nothing: {reason}"),
        }
    }
}

/// Whether a dependency can be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DependencyState {
    /// It served a request (for PostgreSQL: `SELECT 1` on the target database).
    Accepting,
    /// It said that it can't serve: refused, reset, still starting.
    NotAccepting {
        /// How it said so.
        reason: String,
    },
    /// It rejected the credentials or the request, which waiting won't change.
    Rejecting {
        /// How it said so.
        reason: String,
    },
    /// The attempt says nothing about the dependency, for example because it ran into its own timeout.
    Unclear {
        /// What happened.
        reason: String,
    },
    /// A session that was open ended.
    Lost,
}

/// A kind of disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The container is killed with SIGKILL through the engine, which defeats its restart policy; starting it again heals.
    Killed,
    /// The container has not been started yet; starting it heals.
    Absent,
    /// All processes of the container are frozen; thawing heals.
    Frozen,
    /// The container is on no network; joining its networks again heals.
    CutOff,
    /// All connection slots of the database are taken; giving them back heals.
    Exhausted,
    /// The tap in its place refuses connections; passing them on heals.
    Refusing,
    /// The tap in its place says that it is starting up; passing connections on heals.
    StartingUp,
    /// The tap in its place lets nothing through and says nothing; letting it through heals.
    OutOfReach,
    /// The tap in its place holds its answers back for a while; passing them on at once heals.
    Slow,
    /// Every connection to it was reset by the tap in its place; over at once.
    Reset,
    /// All processes are stopped in their tracks by SIGSTOP; SIGCONT heals.
    Stopped,
}

/// Begin or end of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The fault is now in force.
    Begins,
    /// The fault is healed.
    Ends,
}

/// One process of a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Process {
    /// Its number on the engine's machine.
    pub pid: i64,
    /// The user that it runs as.
    pub uid: u32,
    /// Its command line.
    pub command: String,
}

impl Process {
    /// The program, as it was called.
    #[must_use]
    pub fn program(&self) -> &str {
        self.command.split_whitespace().next().unwrap_or_default()
    }
}

/// Inits, which pass signals on and are not the app.
const INITS: [&str; 5] = ["docker-init", "tini", "dumb-init", "catatonit", "podman-init"];

/// Whether a program is an init, by its name or path.
#[must_use]
pub fn is_init(program: &str) -> bool {
    INITS.contains(&program.rsplit('/').next().unwrap_or_default())
}

/// What there can be too much of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum Flood {
    /// Lines of a log: its beginning and its end are kept.
    Log {
        /// The service that wrote it.
        service: String,
    },
    /// Equal answers, one after the other: the first and the last are kept.
    Answers {
        /// The endpoint that was asked.
        endpoint: Endpoint,
    },
}

/// One of our observers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// Of containers and answers, without which nothing can be judged.
    #[default]
    Everything,
    /// Of logs.
    Log,
    /// Of the attempts that the tap sees.
    Attempts,
}

/// Where a log line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
