//! Claims: what a check asserts, as values. Each has one pure judge, which looks at a window and at nothing else.

use std::fmt;
use std::time::Duration;

use super::answers::Request;
use super::meaning::{Meaning, ready_in_words, unready_in_words};
use super::window::{Event, SLOWER, SLOWEST, Window};
use super::{
    answers, attempts, body, config, felt, files, health, image, listing, load, log, logging, missed, process, sessions, stop,
    work,
};
use crate::model::{Answer, Endpoint, Mark, Outcome, Sight, Trait};
use crate::subject::{Contract, Meant};

/// How much later than at its timeout a request may be recorded.
const MARGIN: Duration = Duration::from_secs(1);
/// How long a line may take from the app to us.
const ARRIVAL: Duration = Duration::from_secs(5);
/// How long looks at the processes may take.
const LOOKS_LIMIT: Duration = Duration::from_secs(30);

/// What a `Then` asserts.
#[expect(missing_docs, reason = "fields say by their names and types what they are")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// No ready answer is complete before the dependency accepts.
    NotReadyBefore(Meant),
    /// No ready answer is complete before the dependency that was held back, or refused connections, is there.
    NotReadyWithout,
    /// An endpoint says this within a limit. Limits of later claims count from that answer.
    Answers { endpoint: Endpoint, wanted: Wanted, within: Limit, of: Anchor },
    /// An endpoint says this all the time.
    Stays { endpoint: Endpoint, lasting: Lasting, time: Duration, of: Anchor },
    /// Somebody listens on the app's port, whatever becomes of a request, within a limit.
    Listens { within: Limit, of: Anchor },
    /// Readiness shows that the app felt the outage.
    OutageFelt(Anchor),
    /// Something shows that an outage has reached the app: an answer, its log, an attempt to connect, or a session that it had and lost.
    OutageReached(Anchor),
    /// The app missed the dependency while that was not there at its start, so that what it does afterwards is no luck.
    Missed(Meant),
    /// The app uses the dependency again, where readiness does not tell whether it has it.
    UsedAgain(Meant),
    /// The engine calls the app healthy, or unhealthy, within a limit.
    HealthTurns { healthy: bool, within: Duration, of: Anchor },
    /// The engine does not call the app healthy before it is ready.
    NotHealthyTooEarly,
    /// At most so many attempts to reach a dependency in the first second, and in each second after.
    Paced { dependency: Meant, first_second: usize, later: usize },
    /// The pauses between attempts grow, or are long.
    BacksOff(Meant),
    /// The app's first process has not ended since its start.
    SameProcess,
    /// The same, where an exit makes the check not applicable.
    HasNotExited,
    /// No process of the app runs as user 0.
    NoRootProcess,
    /// No process of the app is left as a zombie.
    NoZombies,
    /// The app ends within its grace period.
    StopsInTime(Anchor),
    /// The app's end is its own.
    NotKilled,
    /// The exit status is one of the contract's.
    CleanStatus,
    /// The signal reaches the app: its first process handles it, and is no shell.
    SignalReached,
    /// The request that was held last is answered completely.
    HeldRequestAnswered(Anchor),
    /// The unit of work that was under way is finished, or back in its queue.
    UnitKept,
    /// No accepted request of the clients is torn.
    NothingTorn,
    /// Clients asked the app over and over when it was told to stop.
    ClientsAsked,
    /// Readiness did not say under that load, with nothing disturbed, that the app is not ready.
    BearsLoad,
    /// What is asked after the signal is answered or turned away.
    NothingHangs,
    /// A second after its end the app has no session left.
    NoSessionLeft,
    /// The app has at most so many sessions more than before the disturbance.
    FewMoreSessions(usize),
    /// Some line of the log names the dependency.
    LogNames { dependency: Meant, within: Duration, of: Anchor },
    /// There is no stack trace for each attempt.
    NoTraces { time: Duration, of: Anchor },
    /// If the app gives up, it says so by its status and in its log.
    GivesUpCleanly { dependency: Meant, within: Duration, of: Anchor },
    /// Some line says that the login failed.
    TellsOfLogin(Limit),
    /// The app has written something.
    Wrote,
    /// The app writes something about its end after it was told to stop.
    LastWords,
    /// No log file grows in the app's container.
    NoLogFiles(Duration),
    /// Every line is an object with the usual fields.
    Structured,
    /// No secret stands in the log or in an answer, from the start to this phase.
    KeepsSecrets(Anchor),
    /// The bodies of failing answers do not show how the app is built.
    Discreet,
    /// The body of a failing answer names the dependency.
    BodyNames(Meant),
    /// A write to the root file system fails.
    RootIsReadOnly,
    /// Nothing is written to the root file system but to temporary folders.
    WritesNothing(Duration),
    /// The compose file limits what one instance may take.
    LimitsDeclared,
    /// Nothing of this kind is found.
    Without(Trait),
    /// The app is started without a shell in between.
    ExecForm,
    /// The image has the labels by which it can be found again.
    Labelled,
    /// Later layers overwrite and delete little.
    LittleWaste,
    /// The image is within the contract's limit.
    Fits,
    /// A change of a source file does not install the dependencies again.
    ReusesDependencies,
    /// No known weakness is grave.
    NoGraveWeakness,
    /// The app handles the signal that it is stopped with.
    HandlesStopSignal,
    /// The image exposes the ports on which the app listens.
    ExposesItsPorts,
    /// The app has a health check.
    HasHealthCheck,
    /// The health check passes.
    HealthCheckPasses(Duration),
    /// The times of the health check fit.
    WellTimed,
    /// The user that the app is started as is not root.
    UserIsNotRoot,
    /// That user is a number.
    UserIsNumeric,
    /// The app is started only when its dependencies are healthy.
    OrderDeclared,
    /// The data of the database is on a volume with a name.
    DataOnVolume(Meant),
    /// A row is still there when the container of its database is replaced.
    RowSurvives(Meant),
    /// Without a setting that it needs the app exits in time and names it.
    NamesMissingSettings(Duration),
}

/// What an endpoint is to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Any 2xx.
    Success,
    /// One of the contract's statuses that say "not ready"; the sentences call it 503.
    Unready,
    /// Any status that is not 2xx.
    Failure,
    /// This status.
    Status(u16),
}

impl Wanted {
    pub(super) fn is(self, request: &Request<'_>) -> bool {
        match self {
            Self::Success => request.is_ready(),
            Self::Unready => request.meaning == Meaning::Unready,
            Self::Failure => matches!(request.meaning, Meaning::Unready | Meaning::Otherwise),
            Self::Status(status) => *request.answer == Answer::Status(status),
        }
    }

    /// What is wanted of an endpoint of a stack with this contract.
    pub(super) fn of(self, endpoint: Endpoint, contract: &Contract) -> String {
        match self {
            Self::Success => ready_in_words(endpoint, contract),
            Self::Unready => unready_in_words(endpoint, contract),
            Self::Failure | Self::Status(_) => self.to_string(),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => formatter.write_str("ready answer"),
            Self::Unready => formatter.write_str("unready answer"),
            Self::Failure => formatter.write_str("non-2xx"),
            Self::Status(status) => write!(formatter, "{status}"),
        }
    }
}

/// What an endpoint is to say all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// 2xx and nothing else.
    Success,
    /// Anything but 2xx.
    NoSuccess,
    /// The same where readiness tells of what the app needs; elsewhere it says nothing, and nothing is asked of it.
    NoSuccessWhereTold,
    /// One of the contract's statuses that say "not ready", from its first answer on; that nobody listens yet, or that a connection breaks,
    /// says nothing. The sentences call it 503.
    OnlyUnready,
    /// Anything, in time.
    Bounded,
}

impl Lasting {
    pub(super) fn breaks(self, request: &Request<'_>) -> bool {
        match self {
            Self::Success => !request.is_ready(),
            Self::NoSuccess | Self::NoSuccessWhereTold => request.is_ready(),
            Self::OnlyUnready => matches!(request.meaning, Meaning::Ready | Meaning::Otherwise | Meaning::Hung),
            Self::Bounded => request.meaning == Meaning::Hung,
        }
    }

    /// Whether silence is as good as an answer.
    pub(super) fn needs_no_answer(self) -> bool {
        matches!(self, Self::OnlyUnready | Self::Bounded)
    }

    /// What is wanted of an endpoint of a stack with this contract.
    pub(super) fn of(self, endpoint: Endpoint, contract: &Contract) -> String {
        let ready = ready_in_words(endpoint, contract);
        match self {
            Self::Success => format!("answers {ready}"),
            Self::NoSuccess | Self::NoSuccessWhereTold => format!("answers no {ready}"),
            Self::OnlyUnready => format!("answers nothing but {}", unready_in_words(endpoint, contract)),
            Self::Bounded => "never hangs".into(),
        }
    }
}

/// The moment that a claim counts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// The last one that there is.
    #[default]
    Latest,
    /// When the app was started for the first time.
    Start,
    /// Its first sign of life.
    FirstSign,
    /// When it was ready, with nothing disturbed.
    Ready,
    /// When a service began to be disturbed.
    Outage,
    /// When it was back.
    Return,
    /// When the app was told to stop.
    Stop,
    /// When it was started again.
    SecondStart,
    /// The same once more.
    ThirdStart,
}

impl Anchor {
    /// The kind of moment that it is one of.
    #[must_use]
    pub fn kind(self) -> Self {
        match self {
            Self::ThirdStart => Self::SecondStart,
            other => other,
        }
    }

    /// Which one it is of the moments of its kind, from 0 on.
    #[must_use]
    pub fn number(self) -> usize {
        usize::from(self == Self::ThirdStart)
    }

    pub(super) fn is(self, mark: &Mark) -> bool {
        match self.kind() {
            Self::Latest => true,
            Self::Outage => matches!(mark, Mark::Disturbed { .. }),
            Self::Return => matches!(mark, Mark::Accepts { .. } | Mark::WithinReach { .. } | Mark::SlotsFree { .. }),
            Self::Start => matches!(mark, Mark::AppStarted { again: false }),
            Self::FirstSign => matches!(mark, Mark::FirstSign),
            Self::Ready => matches!(mark, Mark::Ready),
            Self::Stop => matches!(mark, Mark::StopSignal { .. }),
            Self::SecondStart | Self::ThirdStart => matches!(mark, Mark::AppStarted { again: true }),
        }
    }
}

/// A limit of the contract, or a fixed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// How long the app may take to be ready; more where its start takes long alone.
    Startup,
    /// How long it may take to be ready again.
    Recovery,
    /// How long readiness may take to turn 503.
    Outage,
    /// The same where a probe that was under way may have to run into its own timeout first, and the app's next one after that.
    OutageAndProbe,
    /// So long.
    Fixed(Duration),
    /// So long, and as long again as an undisturbed start takes from the app's first sign of life on, where several instances run at once.
    BeyondStart(Duration),
}

impl Limit {
    /// How long that is for a stack with this contract.
    #[must_use]
    pub fn of(self, contract: &Contract) -> Duration {
        match self {
            Self::Startup => contract.startup_limit,
            Self::Recovery => contract.recovery_limit,
            Self::Outage => contract.outage_limit,
            Self::OutageAndProbe => contract.outage_limit + contract.probe_timeout,
            Self::Fixed(time) | Self::BeyondStart(time) => time,
        }
    }

    /// The longest that it can be: how long a start takes alone is known once it is judged, and within the limit.
    fn at_most(self, contract: &Contract) -> Duration {
        let start = contract.startup_limit * SLOWEST;
        match self {
            Self::Startup => start,
            Self::BeyondStart(time) => time + start,
            other => other.of(contract),
        }
    }

    /// How long it is in an experiment.
    pub(super) fn in_window(self, window: &Window<'_>) -> Duration {
        match self {
            Self::Startup => window.start_limit(),
            Self::BeyondStart(time) => time + window.start_ahead(),
            other => other.of(window.contract),
        }
    }

    /// The same for an app that is to start while a dependency is missing: on a busy machine its first sign of life comes late, which says nothing
    /// of how much of its start is ahead. Where the dependency returns meanwhile, it is the rest, as an app that has all it needs listens.
    fn in_start(self, window: &Window<'_>) -> Duration {
        let returns = window.returned().is_some_and(|(one, _)| one.at >= window.from);
        match self {
            Self::BeyondStart(time) if !returns => time + window.undisturbed_start().unwrap_or_default() * SLOWER,
            other => other.in_window(window),
        }
    }
}

impl Claim {
    /// How long after the window's beginning the claim may have to be waited for; nothing when it looks back.
    #[must_use]
    pub fn patience(&self, contract: &Contract) -> Duration {
        match self {
            Self::NotReadyBefore(_) => contract.startup_limit,
            // A request that hangs into the window puts its end off.
            Self::Answers { within, .. } | Self::Listens { within, .. } => {
                within.at_most(contract) + contract.probe_timeout + MARGIN
            }
            // Where there is no end of it, a slow answer has to be waited for.
            Self::OutageFelt(_) | Self::OutageReached(_) => contract.probe_timeout + MARGIN,
            // Where readiness tells, it holds at once.
            Self::UsedAgain(_) => contract.recovery_limit + missed::PATIENCE,
            Self::Missed(_) => Limit::Startup.at_most(contract) + missed::PATIENCE,
            // The last request of the window may have to run into its timeout before its answer is known.
            Self::Stays { time, .. } => *time + contract.probe_timeout + MARGIN,
            // That it stays so is waited for.
            Self::HealthTurns { healthy: false, within, .. } => *within + contract.probe_timeout * 2,
            Self::HealthTurns { within, .. }
            | Self::HealthCheckPasses(within)
            | Self::LogNames { within, .. }
            | Self::GivesUpCleanly { within, .. }
            | Self::NoTraces { time: within, .. } => *within,
            Self::TellsOfLogin(within) => within.at_most(contract),
            Self::Wrote => ARRIVAL,
            Self::NoRootProcess => LOOKS_LIMIT,
            _ => Duration::ZERO,
        }
    }

    /// The moment that it counts from.
    #[must_use]
    pub fn anchor(&self) -> Anchor {
        match self {
            Self::Answers { of, .. }
            | Self::Listens { of, .. }
            | Self::Stays { of, .. }
            | Self::HealthTurns { of, .. }
            | Self::LogNames { of, .. }
            | Self::NoTraces { of, .. }
            | Self::GivesUpCleanly { of, .. }
            | Self::OutageFelt(of)
            | Self::OutageReached(of) => *of,
            Self::NotReadyBefore(_) => Anchor::Start,
            _ => Anchor::Latest,
        }
    }

    /// The phase of a shared experiment at whose beginning the claim can be looked at: that of the claim before it in its check, and the
    /// last one where there is none, when it names no other.
    #[must_use]
    pub fn phase(&self) -> Anchor {
        match self {
            Self::Answers { of, .. }
            | Self::Listens { of, .. }
            | Self::Stays { of, .. }
            | Self::HealthTurns { of, .. }
            | Self::OutageFelt(of)
            | Self::OutageReached(of)
            | Self::StopsInTime(of)
            | Self::HeldRequestAnswered(of)
            | Self::KeepsSecrets(of) => *of,
            Self::UsedAgain(_) => Anchor::Return,
            Self::RootIsReadOnly => Anchor::Start,
            Self::LogNames { .. } | Self::NoTraces { .. } | Self::GivesUpCleanly { .. } | Self::TellsOfLogin(_) => {
                Anchor::FirstSign
            }
            Self::NoRootProcess
            | Self::NoZombies
            | Self::NoLogFiles(_)
            | Self::WritesNothing(_)
            | Self::ExecForm
            | Self::HandlesStopSignal
            | Self::ExposesItsPorts
            | Self::HealthCheckPasses(_)
            | Self::WellTimed
            | Self::UserIsNotRoot
            | Self::UserIsNumeric => Anchor::Ready,
            Self::CleanStatus
            | Self::SignalReached
            | Self::NothingTorn
            | Self::ClientsAsked
            | Self::BearsLoad
            | Self::NothingHangs
            | Self::NoSessionLeft
            | Self::Wrote
            | Self::LastWords
            | Self::Structured => Anchor::Stop,
            _ => Anchor::Latest,
        }
    }

    /// The endpoint that it is about, where it is about one.
    #[must_use]
    pub fn endpoint(&self) -> Option<Endpoint> {
        match self {
            Self::Answers { endpoint, .. } | Self::Stays { endpoint, .. } => Some(*endpoint),
            Self::Listens { .. } => Some(Endpoint::Readiness),
            _ => None,
        }
    }

    /// What a later claim of the same check counts from, once this one holds.
    #[must_use]
    pub fn finds(&self) -> Option<Event<'static>> {
        match self {
            Self::Answers { wanted, .. } => Some(Event::First(*wanted)),
            Self::TellsOfLogin(_) => Some(Event::LoginReport),
            _ => None,
        }
    }

    /// What must have been in sight all the time, for silence to prove something.
    pub(super) fn sights(&self) -> &'static [Sight] {
        match self {
            Self::LogNames { .. }
            | Self::NoTraces { .. }
            | Self::GivesUpCleanly { .. }
            | Self::TellsOfLogin(_)
            | Self::Wrote
            | Self::LastWords
            | Self::Structured
            | Self::KeepsSecrets(_) => &[Sight::Everything, Sight::Log],
            Self::Paced { .. } | Self::BacksOff(_) | Self::UsedAgain(_) => &[Sight::Everything, Sight::Attempts],
            Self::Missed(_) => &[Sight::Everything, Sight::Log, Sight::Attempts],
            _ => &[Sight::Everything],
        }
    }

    /// Judges the claim by the facts of a window.
    #[must_use]
    pub fn judge(&self, window: &Window<'_>) -> Outcome {
        match self {
            Self::NotReadyBefore(dependency) => meant(window, dependency, |service| answers::never_ready_before(window, service)),
            Self::NotReadyWithout => answers::never_ready_without(window),
            Self::Answers { endpoint, wanted, within, .. } => {
                let limit = within.in_window(window);
                match (endpoint, wanted, within) {
                    (Endpoint::Readiness, Wanted::Success, Limit::BeyondStart(time)) => attempts::prompt(window, *time, limit),
                    _ => answers::answered(window, *endpoint, *wanted, limit),
                }
            }
            Self::Listens { within, .. } => answers::listened(window, within.in_start(window)),
            Self::OutageFelt(_) => felt::was_felt(window),
            Self::OutageReached(_) => felt::has_reached(window),
            Self::Missed(dependency) => meant(window, dependency, |service| missed::missed(window, service)),
            Self::UsedAgain(dependency) => meant(window, dependency, |service| missed::is_used_again(window, service)),
            Self::Stays { endpoint, lasting, time, .. } => answers::stayed(window, *endpoint, *lasting, *time),
            Self::HealthTurns { healthy, within, .. } => health::turned(window, *healthy, *within),
            Self::HealthCheckPasses(within) => health::passes(window, *within),
            Self::NotHealthyTooEarly => health::not_healthy_before_ready(window),
            Self::Paced { dependency, first_second, later } => {
                meant(window, dependency, |service| attempts::paced(window, service, *first_second, *later))
            }
            Self::BacksOff(dependency) => meant(window, dependency, |service| attempts::backed_off(window, service)),
            Self::SameProcess => process::same(window),
            Self::HasNotExited => process::has_not_exited(window),
            Self::NoRootProcess => process::ran_without_root(window),
            Self::NoZombies => process::left_no_zombies(window),
            Self::StopsInTime(_) => stop::in_time(window),
            Self::NotKilled => stop::was_not_killed(window),
            Self::CleanStatus => stop::ended_with_clean_status(window),
            Self::SignalReached => stop::signal_reached(window),
            Self::HeldRequestAnswered(_) => stop::answered_in_flight(window),
            Self::UnitKept => work::is_kept(window),
            Self::NothingTorn => load::tore_nothing(window),
            Self::ClientsAsked => load::asked(window),
            Self::BearsLoad => load::was_borne(window),
            Self::NothingHangs => answers::left_nothing_hanging(window),
            Self::NoSessionLeft => sessions::none_left(window),
            Self::FewMoreSessions(more) => sessions::few_more(window, *more),
            Self::LogNames { dependency, within, .. } => {
                meant(window, dependency, |service| log::names_dependency(window, service, *within))
            }
            Self::NoTraces { time, .. } => log::no_trace_per_attempt(window, *time),
            Self::GivesUpCleanly { dependency, within, .. } => {
                meant(window, dependency, |service| log::gave_up_cleanly(window, service, *within))
            }
            Self::TellsOfLogin(within) => log::told_of_login(window, within.in_window(window)),
            Self::Wrote => logging::wrote(window),
            Self::LastWords => logging::had_last_words(window),
            Self::NoLogFiles(time) => files::no_log_files(window, *time),
            Self::Structured => logging::is_structured(window),
            Self::KeepsSecrets(_) => log::kept_secrets(window),
            Self::Discreet => body::was_discreet(window),
            Self::BodyNames(dependency) => meant(window, dependency, |service| body::body_named(window, service)),
            Self::RootIsReadOnly => files::root_is_read_only(window),
            Self::WritesNothing(time) => files::writes_nothing(window, *time),
            Self::LimitsDeclared => config::limits_are_declared(window),
            Self::Without(kind) => listing::nothing_of(window, *kind),
            Self::ExecForm => image::is_exec_form(window),
            Self::Labelled => image::is_labelled(window),
            Self::LittleWaste => image::wastes_little(window),
            Self::Fits => image::fits(window),
            Self::ReusesDependencies => image::reuses_dependencies(window),
            Self::NoGraveWeakness => image::has_no_grave_weakness(window),
            Self::HandlesStopSignal => image::handles_stop_signal(window),
            Self::ExposesItsPorts => image::exposes_its_ports(window),
            Self::HasHealthCheck => health::is_declared(window),
            Self::WellTimed => health::is_well_timed(window),
            Self::UserIsNotRoot => image::user_is_not_root(window),
            Self::UserIsNumeric => image::user_is_numeric(window),
            Self::OrderDeclared => config::order_is_declared(window),
            Self::DataOnVolume(database) => meant(window, database, |service| config::data_is_on_a_volume(window, service)),
            Self::RowSurvives(database) => meant(window, database, |service| config::row_survives(window, service)),
            Self::NamesMissingSettings(limit) => config::missing_settings_are_named(window, *limit),
        }
    }
}

fn meant(window: &Window<'_>, dependency: &Meant, judge: impl FnOnce(&str) -> Outcome) -> Outcome {
    match dependency.service(window.contract) {
        Some(service) => judge(service),
        None => Outcome::Undecided(format!("the stack does not have {dependency}")),
    }
}
