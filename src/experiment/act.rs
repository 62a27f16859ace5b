//! Acts: what a `Given` or a `When` does, as values. An act changes the arrangement of an instance before it is created, starts it, or
//! disturbs it; it asserts nothing.

mod arrange;
mod disturb;
mod planted;
mod start;
mod stop;
mod wire;
mod work;

use std::time::Duration;

pub(super) use self::disturb::count_sessions;
use super::{Stage, launch};
use crate::fault::WireFault;
use crate::judge::{Anchor, Limit};
use crate::model::Halt;
use crate::subject::{Contract, Meant};

/// What a step does.
#[expect(missing_docs, reason = "fields say by their names and types what they are")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The app's processes go to the timeline, from its start on.
    WatchProcesses,
    /// The app's health check runs every second; with its own timeout, where one failure is enough, or with a patient one.
    HealthCheckOften { own_timeout: bool },
    /// The database has another password than the app.
    OtherPassword,
    /// The tap stands in the place of a dependency; where it can, or else the check does not apply.
    Tap { dependency: Meant, if_possible: bool },
    /// Nobody asks the app anything.
    Quiet,
    /// The app's root file system is read-only, or can be written to.
    RootFileSystem { read_only: bool },
    /// The app has no capabilities.
    NoCapabilities,
    /// The app can gain no privileges.
    NoNewPrivileges,
    /// The app has so many MiB of memory and half a processor.
    Limits { memory: u64 },
    /// The app runs as this user and group.
    User(String),
    /// A parent starts the app and passes no signal on: a known defect.
    SwallowSignals,
    /// The app's health check always passes: a known defect.
    AlwaysHealthy,
    /// A proxy answers readiness with 200 whatever the app says: a known defect.
    AlwaysReady,
    /// The name of a dependency never resolves for the app: a known defect.
    Hide(Meant),
    /// Everything is started in order, and the app is ready.
    BringUp,
    /// Everything is started in order; the app need not be ready.
    StartApp,
    /// The app and its dependencies are started, without one-shot services.
    StartAppAndDependencies,
    /// Everything is started but one dependency.
    StartWithout(Meant),
    /// All services start on fresh data, the database last.
    ColdStart,
    /// The database and the app start at the same moment.
    StartTogether,
    /// The withheld dependency starts so long after a moment of the app's life.
    StartLate { dependency: Meant, after: Duration, since: Since },
    /// The app is started while the dependency turns it down, for so long; or for good.
    StartWhile { dependency: Meant, fault: WireFault, time: Option<Duration> },
    /// The app gets its stop signal.
    Stop,
    /// The same so long after its start.
    StopAfter(Duration),
    /// The same after half of the time that its undisturbed start takes.
    StopHalfway,
    /// The same while the app waits for something.
    StopWhileWaiting,
    /// The same while clients ask all the time.
    StopUnderLoad,
    /// The app gets SIGINT.
    Interrupt,
    /// The app is killed by SIGKILL.
    Kill,
    /// The app, which has been stopped or killed, is started again.
    StartAgain,
    /// After that it is ready; where it is not, what follows does not apply.
    ReadyAgain,
    /// A unit of work is put in and done, with nothing disturbed.
    FinishUnit,
    /// Another one is put in, and is under way.
    BeginUnit,
    /// It is looked for once the app runs again.
    LookForUnit,
    /// A request is held open by a dependency.
    HoldRequest(Meant),
    /// A client asks the app, and waits for longer than the app may take to stop.
    AskPatiently,
    /// The app gets its stop signal, once or twice, while the request is held; then the dependency goes on.
    StopWhileHeld { twice: bool, dependency: Meant },
    /// A dependency is disturbed, and stays so.
    Disturb { dependency: Meant, how: Disturbance },
    /// A dependency is disturbed for so long, or for so much longer than a limit.
    DisturbFor { dependency: Meant, how: Disturbance, time: Duration, beyond: Option<Limit> },
    /// A dependency is killed and started again, so many times.
    Flap { dependency: Meant, times: u64 },
    /// A dependency comes back at another address.
    Move(Meant),
    /// A fault on the wire to a dependency begins, or is over at once.
    Wire { dependency: Meant, fault: WireFault },
    /// Every process of the app is stopped by SIGSTOP.
    Suspend,
    /// They go on.
    Resume,
    /// All connection slots of the database are taken.
    TakeSlots,
    /// They are given back.
    FreeSlots,
}

/// How a dependency is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// Killed, and started again.
    Killed,
    /// Frozen, and thawed.
    Frozen,
    /// Cut off its networks, and joined again.
    CutOff,
}

/// A moment of the app's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// It has shown a first sign of life, and would be ready if nothing were missing: a slow one asks for what it needs late in its start.
    ShouldBeReady,
    /// Its first attempt to reach the dependency, where that can be seen; its start elsewhere.
    FirstAttempt,
}

impl Act {
    /// Whether it says what the instance is to be like, before there is one.
    #[must_use]
    pub fn is_arrangement(&self) -> bool {
        matches!(
            self,
            Self::WatchProcesses
                | Self::HealthCheckOften { .. }
                | Self::OtherPassword
                | Self::Tap { .. }
                | Self::Quiet
                | Self::RootFileSystem { .. }
                | Self::NoCapabilities
                | Self::NoNewPrivileges
                | Self::Limits { .. }
                | Self::User(_)
                | Self::SwallowSignals
                | Self::AlwaysHealthy
                | Self::AlwaysReady
                | Self::Hide(_)
        )
    }

    /// Whether it begins a phase of the kind that claims with this anchor count from.
    #[must_use]
    pub fn begins(&self, phase: Anchor) -> bool {
        let phases: &[Anchor] = match self {
            Self::BringUp => &[Anchor::Start, Anchor::Ready],
            Self::StartApp | Self::StartAppAndDependencies | Self::ColdStart => &[Anchor::Start],
            Self::StartWithout(_) => &[Anchor::Start, Anchor::FirstSign],
            Self::StartTogether => &[Anchor::Start, Anchor::Return],
            Self::StartWhile { .. } => &[Anchor::Start, Anchor::FirstSign, Anchor::Return],
            Self::StartLate { .. } | Self::Flap { .. } | Self::Move(_) | Self::FreeSlots => &[Anchor::Return],
            Self::Stop
            | Self::Interrupt
            | Self::StopAfter(_)
            | Self::StopHalfway
            | Self::StopWhileWaiting
            | Self::StopUnderLoad
            | Self::StopWhileHeld { .. } => &[Anchor::Stop],
            Self::StartAgain => &[Anchor::SecondStart],
            Self::Disturb { .. } | Self::Wire { .. } | Self::Suspend | Self::TakeSlots => &[Anchor::Outage],
            Self::DisturbFor { .. } => &[Anchor::Outage, Anchor::Return],
            _ => &[],
        };
        phases.contains(&phase.kind())
    }

    /// What it does to the stack whichever app is watched meanwhile; nothing where it is about the app of this contract. Two acts of this kind that
    /// are equal are the same act.
    #[must_use]
    pub fn common(&self, contract: &Contract) -> Option<Self> {
        let named = |meant: &Meant| meant.service(contract).map(|service| Meant::Named(service.to_owned()));
        Some(match self {
            Self::BringUp => Self::BringUp,
            Self::DisturbFor { dependency, how, time, beyond } => {
                let limit = beyond.map(|limit| limit.of(contract)).unwrap_or_default();
                Self::DisturbFor { dependency: named(dependency)?, how: *how, time: limit + *time, beyond: None }
            }
            _ => return None,
        })
    }

    /// Waits until what it does has been done by the stage of another app, which has begun at this offset.
    pub(super) async fn follow(&self, stage: &mut Stage, begun: Duration) -> Result<(), Halt> {
        match self {
            Self::BringUp => start::brought_up(stage).await,
            Self::DisturbFor { .. } => {
                let (_, instance) = stage.instance().await?;
                launch::accepted_by_host(instance, begun).await
            }
            _ => Err(Halt::not_measured("an act that is about one app")),
        }
    }

    /// Looks at what it is about to change, where that is known only before. What can't be seen is not put down.
    pub(super) async fn look_before(&self, stage: &mut Stage) {
        if let Self::Flap { dependency, .. } | Self::DisturbFor { dependency, how: Disturbance::Killed, .. } = self {
            disturb::count_sessions_before(stage, dependency).await;
        }
    }

    /// Does it.
    pub(super) async fn perform(&self, stage: &mut Stage) -> Result<(), Halt> {
        self.look_before(stage).await;
        match self {
            Self::WatchProcesses => arrange::watch_processes(stage),
            Self::HealthCheckOften { own_timeout } => arrange::run_health_check_often(stage, *own_timeout),
            Self::OtherPassword => arrange::give_database_another_password(stage)?,
            Self::Tap { dependency, if_possible } => arrange::put_behind_the_tap(stage, dependency, *if_possible)?,
            Self::Quiet => arrange::ask_nothing(stage),
            Self::RootFileSystem { read_only } => arrange::root_file_system(stage, *read_only),
            Self::NoCapabilities => arrange::no_capabilities(stage),
            Self::NoNewPrivileges => arrange::no_new_privileges(stage),
            Self::Limits { memory } => arrange::limits(stage, *memory),
            Self::User(user) => arrange::user(stage, user),
            Self::SwallowSignals => planted::swallow_signals(stage)?,
            Self::AlwaysHealthy => planted::always_healthy(stage)?,
            Self::AlwaysReady => planted::always_ready(stage)?,
            Self::Hide(dependency) => planted::hide(stage, dependency)?,
            Self::BringUp => start::bring_up(stage).await?,
            Self::StartApp => start::app(stage).await?,
            Self::StartAppAndDependencies => start::app_and_dependencies(stage).await?,
            Self::StartWithout(dependency) => start::without(stage, dependency).await?,
            Self::ColdStart => start::database_last(stage).await?,
            Self::StartTogether => start::together(stage).await?,
            Self::StartLate { dependency, after, since } => start::late(stage, dependency, *after, *since).await?,
            Self::StartWhile { dependency, fault, time } => wire::start_while(stage, dependency, *fault, *time).await?,
            Self::Stop => stop::stop(stage).await?,
            Self::StopAfter(time) => stop::stop_after(stage, *time).await?,
            Self::StopHalfway => stop::stop_halfway(stage).await?,
            Self::StopWhileWaiting => stop::stop_while_waiting(stage).await?,
            Self::StopUnderLoad => stop::stop_under_load(stage).await?,
            Self::Interrupt => stop::interrupt(stage).await?,
            Self::Kill => stop::kill(stage).await?,
            Self::StartAgain => start::again(stage).await?,
            Self::ReadyAgain => start::ready_again(stage).await?,
            Self::FinishUnit => work::finish(stage).await?,
            Self::BeginUnit => work::begin(stage).await?,
            Self::LookForUnit => work::look_for(stage).await?,
            Self::HoldRequest(dependency) => stop::hold_request(stage, dependency).await?,
            Self::AskPatiently => stop::ask_patiently(stage).await?,
            Self::StopWhileHeld { twice, dependency } => stop::stop_while_held(stage, *twice, dependency).await?,
            Self::Disturb { dependency, how } => disturb::disturb(stage, dependency, *how).await?,
            Self::DisturbFor { dependency, how, time, beyond } => {
                let limit = beyond.map(|limit| limit.of(&stage.context().contract)).unwrap_or_default();
                disturb::disturb_for(stage, dependency, *how, limit + *time).await?;
            }
            Self::Flap { dependency, times } => disturb::flap(stage, dependency, *times).await?,
            Self::Move(dependency) => disturb::move_to_another_address(stage, dependency).await?,
            Self::Wire { dependency, fault } => wire::disturb(stage, dependency, *fault).await?,
            Self::Suspend => stop::suspend(stage).await?,
            Self::Resume => stop::resume(stage).await?,
            Self::TakeSlots => disturb::take_slots(stage).await?,
            Self::FreeSlots => disturb::free_slots(stage).await?,
        }
        Ok(())
    }
}
