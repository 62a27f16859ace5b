//! Defects: what findings of different checks have in common, by the facts that show it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The checks whose title is that readiness does not follow a dependency, the plainest first.
const IGNORED: &[&str] = &[
    "outage.killed",
    "readiness.not-without-database",
    "readiness.says-503",
    "readiness.says-503-refused",
    "readiness.not-before-database",
];

/// Whether a path is a folder, or lies in it.
#[must_use]
pub fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The folder that a path lies in; nothing for what lies in the root.
fn folder_of(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.is_empty())
}

/// What is wrong with the app or its stack, where several checks can run into it. [`Defect::is_same`] tells which findings have the same
/// root cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "defect", rename_all = "snake_case")]
pub enum Defect {
    /// The stop signal does not end the app.
    IgnoresStopSignal {
        /// The command of its first process, where it was seen.
        first_process: Option<String>,
    },
    /// The app exits when a dependency is not there at its start.
    ExitsAtStart,
    /// The app, which was ready, exits when a dependency is lost.
    ExitsInOutage {
        /// The dependency.
        service: String,
    },
    /// The app, which was ready, is not again after a dependency was lost and is back.
    DoesNotRecover {
        /// The dependency.
        service: String,
    },
    /// Liveness fails while a dependency is lost, and the process lives.
    LivenessFollows,
    /// The app writes nothing to its standard output and error.
    WritesNoLog,
    /// The app has no health check.
    NoHealthCheck,
    /// The health check passes while the app can't serve.
    HealthStaysGreen,
    /// The health check fails on an app that can serve.
    HealthCheckFails,
    /// The app tries to reach a dependency again and again without pauses.
    RetriesWithoutPause {
        /// The dependency.
        service: String,
    },
    /// Readiness says 2xx although a dependency is gone.
    IgnoresOutage {
        /// The dependency.
        service: String,
    },
    /// Readiness says 2xx although a dependency rejects the login of the app.
    IgnoresRejection {
        /// The dependency.
        service: String,
    },
    /// Readiness says that it is not ready, with another status than 503.
    OtherStatus {
        /// The status.
        status: u16,
    },
    /// The app, which does not ignore the stop signal as far as is known, is not ended by it while a dependency says nothing.
    StopWaits {
        /// The dependency.
        service: String,
        /// The command of its first process, where it was seen.
        first_process: Option<String>,
    },
    /// The same while it waits for a dependency that is dead: it asked just before the address of that was taken away, and nobody said no.
    StopWaitsForTheDead {
        /// The dependency.
        service: String,
    },
    /// The app, which does not ignore the stop signal as far as is known, is not ended by it while clients keep their connections.
    StopWaitsForClients {
        /// The command of its first process, where it was seen.
        first_process: Option<String>,
    },
    /// Readiness waits for a dependency that says nothing, until the prober gives up.
    WaitsForever {
        /// The dependency.
        service: String,
    },
    /// The app can't write to a path that it needs.
    NeedsToWrite {
        /// The path.
        path: String,
    },
    /// The app writes to the root file system of its container.
    Writes {
        /// The folders, the outermost of each tree.
        folders: Vec<String>,
    },
    /// Nothing listens at the app's port as long as a dependency is missing, or what is asked there is not answered.
    DoesNotListen,
    /// The stop signal ends the app at once, with a status that is not that of a clean stop: nothing handles the signal.
    EndsAtSignal {
        /// The status.
        status: i64,
    },
    /// The app is not ready again when its container is stopped or killed, and started again.
    DoesNotStartAgain,
    /// Requests that the app has accepted are not answered when it is told to stop.
    DropsRequests,
    /// The app shows a secret of the stack in its log or in an answer.
    ShowsSecret,
    /// The app logs a stack trace for each attempt to reach what is missing.
    TracePerAttempt,
    /// The app exits with status 0 when it can't start.
    ExitsWithSuccess,
    /// The app is not ready soon after a dependency is there.
    LateAfter {
        /// The dependency.
        service: String,
    },
    /// The log does not name a dependency that is missing.
    LogOmits {
        /// The dependency.
        service: String,
    },
    /// The app runs as root.
    RunsAsRoot,
    /// The image leaves out what platforms read of it: labels, the ports on which it listens.
    LacksMetadata,
    /// The data of a service is not on a volume with a name.
    NoVolume {
        /// The service.
        service: String,
    },
    /// The app relies at its start on programs with a setuid bit that its image adds.
    NeedsSetuid {
        /// Each program, with its mode and layer.
        programs: Vec<String>,
    },
    /// The image that runs holds what only building it takes.
    HoldsCompilers,
    /// Files in the image hold secrets.
    HoldsSecrets {
        /// Each secret, with the name and the line of its file.
        secrets: Vec<String>,
    },
    /// The build gets files that it should not have.
    GetsFiles {
        /// Each thing, without the folder of its file.
        things: Vec<String>,
    },
}

impl Defect {
    /// The checks whose title is this defect, the plainest first.
    #[must_use]
    pub fn reported_by(&self) -> &'static [&'static str] {
        match self {
            Self::IgnoresStopSignal { .. } => {
                &["shutdown.in-time", "shutdown.reaches-app", "image.exec-form", "image.stop-signal"]
            }
            Self::ExitsAtStart => &[
                "retry.late-database",
                "retry.unknown-name",
                "retry.refused",
                "retry.initialising-database",
                "retry.starting-up",
            ],
            Self::IgnoresOutage { .. } | Self::OtherStatus { .. } => IGNORED,
            Self::ExitsInOutage { .. } => &["outage.same-process", "outage.liveness", "outage.recovers"],
            Self::HealthStaysGreen => {
                &["image.healthcheck-can-fail", "outage.healthcheck-follows", "readiness.healthcheck-agrees"]
            }
            Self::DoesNotRecover { .. } => &[
                "outage.recovers",
                "outage.recovers-frozen",
                "outage.recovers-partitioned",
                "outage.reset",
                "outage.new-address",
                "outage.flapping",
                "outage.exhausted",
                "outage.long",
            ],
            Self::LivenessFollows => &["outage.liveness", "readiness.liveness-first"],
            Self::WritesNoLog => &["logging.stdout", "logging.no-files"],
            Self::NoHealthCheck => &["image.healthcheck"],
            Self::HealthCheckFails => &["image.healthcheck-runs", "readiness.healthcheck-agrees"],
            Self::RetriesWithoutPause { .. } => &["retry.paced", "retry.backs-off"],
            Self::WaitsForever { .. } => &["outage.frozen", "outage.partitioned"],
            Self::StopWaits { .. } | Self::StopWaitsForTheDead { .. } | Self::IgnoresRejection { .. } => &[],
            Self::StopWaitsForClients { .. } => &["shutdown.under-load"],
            Self::NeedsToWrite { .. } => &["hardening.read-only", "nonroot.arbitrary-uid"],
            Self::Writes { .. } => &["hardening.writes-nothing", "logging.no-files"],
            Self::EndsAtSignal { .. } => &["shutdown.status", "image.stop-signal"],
            Self::DoesNotStartAgain => &["shutdown.comes-back", "shutdown.comes-back-killed"],
            Self::DropsRequests => &["shutdown.no-torn-answers", "shutdown.in-flight", "shutdown.twice", "shutdown.turns-away"],
            Self::DoesNotListen => &["readiness.says-503", "readiness.says-503-refused", "readiness.liveness-first"],
            Self::ShowsSecret => &["logging.no-secrets", "retry.wrong-password"],
            Self::ExitsWithSuccess => &["retry.gives-up-cleanly", "retry.gives-up-refused"],
            Self::LateAfter { .. } => &["readiness.prompt", "readiness.prompt-refused"],
            Self::LogOmits { .. } | Self::TracePerAttempt => &["retry.clear-error", "retry.clear-error-refused"],
            Self::RunsAsRoot => &["nonroot.processes", "nonroot.image-user"],
            Self::LacksMetadata => &["image.labels", "image.exposes"],
            Self::NoVolume { .. } => &["data.survives", "data.named-volume"],
            Self::NeedsSetuid { .. } => &["hardening.no-new-privileges", "nonroot.no-setuid"],
            Self::HoldsCompilers => &["image.no-compilers", "image.multi-stage"],
            Self::HoldsSecrets { .. } => &["image.no-secret-files"],
            Self::GetsFiles { .. } => &["image.dockerignore"],
        }
    }

    /// The checks that have seen only a part of this defect, and can say that part where none that reports it does: the plainest first.
    #[must_use]
    pub fn partly_reported_by(&self) -> &'static [&'static str] {
        match self {
            Self::IgnoresStopSignal { .. } => &[
                "shutdown.during-startup",
                "shutdown.halfway-started",
                "retry.stops-while-retrying",
                "retry.stops-while-refused",
            ],
            _ => &[],
        }
    }

    /// The checks whose fix belongs to that of this defect, whichever check reports it: it is several omissions, or has another side.
    #[must_use]
    pub fn also_fixed_by(&self) -> &'static [&'static str] {
        match self {
            Self::LacksMetadata => self.reported_by(),
            Self::EndsAtSignal { .. } => &["image.stop-signal"],
            Self::ExitsAtStart => &["retry.gives-up-cleanly"],
            _ => &[],
        }
    }

    /// Whether two findings with these defects have the same root cause: the defects are equal, what is written lies where the app
    /// needs to write, a stop that waits for a silent dependency is that of an app that waits for it elsewhere, whether that is dead or says
    /// nothing, or the exit of an app that does not wait for a dependency is the one that has the wrong status.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self == other || self.comes_with(other) || other.comes_with(self)
    }

    /// Whether this defect is the plainer side of another one.
    fn comes_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::NeedsToWrite { path }, Self::Writes { folders }) => {
                folders.iter().any(|folder| is_within(folder, path) || is_within(path, folder))
            }
            (
                Self::StopWaits { service, .. },
                Self::WaitsForever { service: other } | Self::StopWaitsForTheDead { service: other },
            ) => service == other,
            (Self::ExitsAtStart, Self::ExitsWithSuccess) => true,
            (Self::HoldsSecrets { secrets }, Self::GetsFiles { things }) => things.iter().all(|thing| secrets.contains(thing)),
            // The name of a file may have the date in it.
            (Self::NeedsToWrite { path }, Self::NeedsToWrite { path: other }) => {
                folder_of(path).is_some_and(|folder| folder_of(other) == Some(folder))
            }
            _ => false,
        }
    }

    /// Whether this defect, which one check reports, is what another check has run into: it is the same; or the app is not ended by any
    /// signal, and so not by one that comes while a dependency says nothing; or it waits for whoever says nothing, dead or alive; or
    /// readiness does not look at a dependency that is gone, and so not at one that rejects it.
    #[must_use]
    pub fn explains(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::IgnoresStopSignal { first_process },
                Self::StopWaits { first_process: other, .. } | Self::StopWaitsForClients { first_process: other },
            ) => first_process == other,
            (Self::IgnoresOutage { service }, Self::IgnoresRejection { service: other })
            | (Self::WaitsForever { service }, Self::StopWaitsForTheDead { service: other }) => service == other,
            _ => self.is_same(other),
        }
    }

    /// Whether the pass of a check about a dependency proves nothing where this defect is: that readiness does not hang on a slow one shows
    /// nothing when it does not look at it.
    #[must_use]
    pub fn disproves(&self, check: &str, about: Option<&str>) -> bool {
        matches!(self, Self::IgnoresOutage { service } if check == "outage.slow" && about == Some(service))
    }

    /// Whether a check that does not apply does not apply for this reason: an app that starts at once may miss the signal while it does, but
    /// one that no signal ends misses each.
    #[must_use]
    pub fn is_why_not_applicable(&self, check: &str) -> bool {
        matches!(self, Self::IgnoresStopSignal { .. }) && check == "shutdown.halfway-started"
    }

    /// What is wrong, as the check with this id has found it.
    #[must_use]
    pub fn as_found_by(&self, check: &str) -> String {
        match (self, check) {
            // It may take another user then.
            (Self::RunsAsRoot, "nonroot.image-user") => "The app starts as root".to_owned(),
            // What comes of it is what other checks see.
            (Self::IgnoresStopSignal { .. } | Self::EndsAtSignal { .. }, "image.stop-signal") => {
                "The app has no handler for its stop signal".to_owned()
            }
            (Self::IgnoresStopSignal { .. }, found) if self.partly_reported_by().contains(&found) => {
                "The stop signal does not end the app while it starts".to_owned()
            }
            (Self::WritesNoLog, "logging.no-files") => "The app writes its log to files only".to_owned(),
            (Self::NeedsSetuid { .. }, "nonroot.no-setuid") => "The image adds setuid programs".to_owned(),
            // Nobody says whether it wanted to read it or to write to it.
            (Self::NeedsToWrite { path }, "nonroot.arbitrary-uid") => format!("The app needs a user with access to {path}"),
            _ => self.to_string(),
        }
    }

    /// How to fix it, where the check that shows it says less.
    #[must_use]
    pub fn fix(&self, check: &str) -> Option<String> {
        match self {
            Self::DoesNotListen => {
                Some("start the server first, connect to the dependency beside it, and answer 503 until that is there".to_owned())
            }
            Self::OtherStatus { status } => {
                let others = if *status < 503 { format!("{status}, 503") } else { format!("503, {status}") };
                Some(format!(
                    "answer 503, which says that the outage is temporary; load balancers drop an app that answers {status} as well: \
                     declare `unready: [{others}]` if that is meant"
                ))
            }
            Self::NeedsToWrite { path } if check == "hardening.read-only" => {
                let folder = folder_of(path).unwrap_or(path);
                Some(format!(
                    "let the app write to a volume or a tmpfs: mount one at {folder}, or point the app to another folder; a file that it \
                     only makes where it is missing can be a part of the image"
                ))
            }
            _ => None,
        }
    }

    /// The checks that hide others: one that is not about this defect, and runs into it, says nothing of its own when one of these has
    /// failed by it.
    ///
    /// An app that no signal ends fails everything that stops it; an outage that readiness does not follow is a failure in each of the
    /// ways in which a dependency can be lost.
    #[must_use]
    pub fn hidden_by(&self) -> &'static [&'static str] {
        match self {
            Self::IgnoresStopSignal { .. } | Self::StopWaits { .. } | Self::StopWaitsForClients { .. } => {
                &["shutdown.in-time", "shutdown.reaches-app"]
            }
            Self::NeedsToWrite { .. } => &["hardening.read-only", "nonroot.arbitrary-uid"],
            Self::ExitsAtStart => self.reported_by(),
            // Whether a request meets the moment at which the address is taken away is chance.
            Self::StopWaitsForTheDead { .. } => &["outage.frozen", "outage.partitioned"],
            Self::IgnoresRejection { .. } => IGNORED,
            _ => &[],
        }
    }
}

/// What is wrong, in a sentence.
impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IgnoresStopSignal { .. } => formatter.write_str("The stop signal does not end the app"),
            Self::ExitsAtStart => formatter.write_str("The app exits when a dependency is missing at its start"),
            Self::ExitsInOutage { service } => write!(formatter, "The app exits when `{service}` goes down"),
            Self::DoesNotRecover { service } => write!(formatter, "The app does not recover after an outage of `{service}`"),
            Self::LivenessFollows => formatter.write_str("Liveness fails while a dependency is down"),
            Self::WritesNoLog => formatter.write_str("The app writes no log to its standard output"),
            Self::HealthStaysGreen => formatter.write_str("The health check passes while the app can't serve"),
            Self::NoHealthCheck => formatter.write_str("The app has no health check"),
            Self::HealthCheckFails => formatter.write_str("The health check fails while the app serves"),
            Self::RetriesWithoutPause { service } => write!(formatter, "The app tries to reach `{service}` without pauses"),
            Self::IgnoresOutage { service } => write!(formatter, "Readiness stays 2xx while `{service}` is down"),
            Self::IgnoresRejection { service } => write!(formatter, "Readiness stays 2xx while `{service}` rejects the login"),
            Self::OtherStatus { status } => {
                write!(formatter, "Readiness answers {status} instead of 503 while a dependency is down")
            }
            Self::WaitsForever { service } => write!(formatter, "The app waits too long when `{service}` does not respond"),
            Self::StopWaits { service, .. } => write!(formatter, "The app does not stop while `{service}` does not respond"),
            Self::StopWaitsForTheDead { service } => {
                write!(formatter, "The app does not stop while a connection to the dead `{service}` hangs")
            }
            Self::StopWaitsForClients { .. } => {
                formatter.write_str("The app does not stop while clients keep their connections open")
            }
            Self::NeedsToWrite { path } => write!(formatter, "The app can't run where it can't write to {path}"),
            Self::Writes { .. } => formatter.write_str("The app writes to the file system of its own container"),
            Self::DoesNotListen => formatter.write_str("The app answers nothing while a dependency is missing"),
            Self::EndsAtSignal { status } => write!(formatter, "The stop signal ends the app at once, with status {status}"),
            Self::DoesNotStartAgain => formatter.write_str("The app does not start a second time in the same container"),
            Self::DropsRequests => formatter.write_str("Accepted requests are not answered when the app gets its stop signal"),
            Self::ShowsSecret => formatter.write_str("The app leaks a secret"),
            Self::TracePerAttempt => formatter.write_str("The log has a stack trace for each failed attempt"),
            Self::ExitsWithSuccess => formatter.write_str("The app exits with status 0 when it can't start"),
            Self::LateAfter { service } => write!(formatter, "The app takes long to notice that `{service}` is up"),
            Self::LogOmits { service } => write!(formatter, "The log does not say that `{service}` is missing"),
            Self::RunsAsRoot => formatter.write_str("The app runs as root"),
            Self::LacksMetadata => formatter.write_str("The image lacks metadata"),
            Self::NoVolume { service } => write!(formatter, "The data of `{service}` is not on a named volume"),
            Self::NeedsSetuid { .. } => formatter.write_str("The app does not start where its setuid programs have no effect"),
            Self::HoldsSecrets { .. } => formatter.write_str("Files in the image hold secrets"),
            Self::GetsFiles { .. } => formatter.write_str("The build gets files that it should not have"),
            Self::HoldsCompilers => formatter.write_str("The image contains compilers or build tools"),
        }
    }
}
