//! What a judge looks at: the facts of one experiment, the contract, and the moment from which limits count.

use std::fmt;
use std::time::Duration;

use super::claim::Wanted;
use super::words::{Death, deaths, seconds};
use crate::model::{Answer, ContainerChange, DependencyState, Fact, FactId, Inspection, Mark, Observation, Phase};
use crate::subject::Contract;

/// An app that has all that it needs and has failed so often when it was started will fail again.
const FAILED_STARTS: usize = 3;
/// How much longer than three times its undisturbed start it is given for that, where it has dependencies.
const MARGIN: Duration = Duration::from_secs(2);

/// For how long an app's first sign of life is waited for.
pub const SIGN_LIMIT: Duration = Duration::from_secs(10);

/// How many times as long as alone the rest of a start takes: several instances at once are slower than one.
pub(super) const SLOWER: u32 = 2;
/// How many times as long as alone a whole start may take at most.
pub const SLOWEST: u32 = 3;

/// How long an app may take to be ready that takes so long when nothing else runs.
#[must_use]
pub fn start_limit(contract: &Contract, alone: Duration) -> Duration {
    contract.startup_limit.max(alone * SLOWEST)
}

/// The facts that a claim is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    /// All facts so far, ordered by time.
    pub facts: &'a [Observation],
    /// What is known of the stack.
    pub contract: &'a Contract,
    /// The moment from which limits count. Times in messages are relative to it.
    pub from: Duration,
    /// What happened then.
    pub event: Event<'a>,
    /// Whether nothing more will come.
    pub over: bool,
}

/// What happened at the beginning of a window, in words that follow "of" and "since".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The experiment began.
    Beginning,
    /// A phase of it.
    Mark(&'a Mark),
    /// The first answer that an earlier claim was about.
    First(Wanted),
    /// The line that an earlier claim was about.
    LoginReport,
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning => formatter.write_str("the beginning"),
            Self::Mark(mark) => mark.fmt(formatter),
            Self::First(wanted) => write!(formatter, "the first {wanted}"),
            Self::LoginReport => formatter.write_str("the report of the failed login"),
        }
    }
}

/// The end of an app that was told to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop<'a> {
    pub(super) app: &'a str,
    /// The signal that told it, and its fact.
    pub(super) signal: &'a str,
    pub(super) sent: FactId,
    /// When it was sent.
    pub(super) told: Duration,
    /// How long the app may take.
    pub(super) grace: Duration,
    /// When it ended, and its fact.
    pub(super) died: Duration,
    pub(super) death: FactId,
    /// With which status.
    pub(super) status: i64,
    /// Whether the kernel killed it for want of memory.
    pub(super) oom_killed: bool,
}

impl<'a> Window<'a> {
    /// The service under test.
    #[must_use]
    pub fn app(&self) -> &'a str {
        &self.contract.app
    }

    /// When the app was last started by the experiment before the window's beginning.
    #[must_use]
    pub fn started(&self) -> Duration {
        let starts = self.facts.iter().rev().filter(|one| matches!(one.fact, Fact::Mark { mark: Mark::AppStarted { .. } }));
        starts.map(|one| one.at).find(|at| *at <= self.from).unwrap_or_default()
    }

    /// How long an undisturbed start takes, where that is known.
    pub(super) fn undisturbed_start(&self) -> Option<Duration> {
        let whole = self.inspected(|inspection| match inspection {
            Inspection::UndisturbedStart { took } => Some(*took),
            _ => None,
        });
        whole.map(|(_, took)| took)
    }

    /// How long the app may take to be ready.
    pub(super) fn start_limit(&self) -> Duration {
        start_limit(self.contract, self.undisturbed_start().unwrap_or_default())
    }

    /// When the app showed its first sign of life since its start, where the experiment has waited for one.
    pub(super) fn first_sign(&self) -> Option<Duration> {
        let is_sign = |one: &&Observation| matches!(one.fact, Fact::Mark { mark: Mark::FirstSign });
        self.facts.iter().filter(is_sign).map(|one| one.at).find(|at| *at >= self.started())
    }

    /// Whether every question to the app from its start until a moment was refused, and there was one.
    pub(super) fn never_listened(&self, until: Duration) -> bool {
        let asked = self.facts.iter().filter(|one| one.at >= self.started() && one.at <= until);
        let mut answers = asked.filter_map(|one| match &one.fact {
            Fact::Probe { answer, .. } => Some(answer),
            _ => None,
        });
        answers.clone().next().is_some() && answers.all(|answer| *answer == Answer::Refused)
    }

    /// How long an app may take for what is ahead of its start at the window's beginning. One that has not listened after its first sign of life until
    /// then may go on only now, with nearly all of it: that it does not listen is another check's business.
    pub(super) fn start_ahead(&self) -> Duration {
        let is_later = self.first_sign().is_some_and(|sign| self.from > sign);
        if !is_later || !self.never_listened(self.from) {
            return self.rest_of_start() * SLOWER;
        }
        self.undisturbed_start().unwrap_or_default() * SLOWEST
    }

    /// How long an undisturbed start takes from the app's first sign of life on; the whole of it where there is no such sign.
    pub(super) fn rest_of_start(&self) -> Duration {
        let before = self.first_sign().map_or(Duration::ZERO, |sign| sign.saturating_sub(self.started()));
        self.undisturbed_start().map_or(Duration::ZERO, |took| took.saturating_sub(before))
    }

    /// The last time that a dependency was there after it had been missing, and which one.
    pub(super) fn returned(&self) -> Option<(&'a Observation, &'a str)> {
        self.facts.iter().rev().find_map(|one| match &one.fact {
            Fact::Mark { mark: Mark::Accepts { service, .. } | Mark::WithinReach { service } } => Some((one, service.as_str())),
            _ => None,
        })
    }

    /// Whether a service is gone for good: it has exited since the experiment started it, and the engine does not start it again.
    pub(super) fn is_gone(&self, service: &'a str) -> bool {
        !restarts(self.facts, service) && deaths(self.facts, service, self.started()).next().is_some()
    }

    /// Whether the app exits at every start, with whatever status, and there is nothing outside of it that it could wait for: every dependency
    /// accepts all the while, and what else it needs was there after three times the time that it takes alone.
    pub(super) fn fails_to_start(&self) -> bool {
        let dependencies = &self.contract.dependencies;
        let accept = |until| dependencies.iter().all(|one| self.accepts_until(&one.service, until));
        self.last_of_many_exits().is_some_and(|last| dependencies.is_empty() || (self.was_time_until(last) && accept(last)))
    }

    /// Whether the app exits at every start, whatever it could wait for.
    pub(super) fn never_lives(&self) -> bool {
        self.last_of_many_exits().is_some_and(|last| self.was_time_until(last))
    }

    /// When the app exited last, where it has done so at several starts.
    fn last_of_many_exits(&self) -> Option<Duration> {
        let exits: Vec<Duration> = deaths(self.facts, self.app(), self.from.max(self.started())).map(|death| death.at).collect();
        exits.last().copied().filter(|_| exits.len() >= FAILED_STARTS)
    }

    /// Whether there was three times as long until a moment as a start takes alone.
    fn was_time_until(&self, moment: Duration) -> bool {
        self.undisturbed_start().is_some_and(|took| moment >= self.from + took * SLOWEST + MARGIN)
    }

    /// Whether a dependency accepts from the beginning of the window until a moment, with no fault in its way.
    fn accepts_until(&self, dependency: &str, until: Duration) -> bool {
        let mut accepts = false;
        let mut is_disturbed = false;
        for one in self.facts.iter().take_while(|one| one.at <= until) {
            match &one.fact {
                Fact::Dependency { service, state, .. } if service == dependency => {
                    accepts = *state == DependencyState::Accepting;
                }
                Fact::Fault { service, phase, .. } if service == dependency => is_disturbed = *phase == Phase::Begins,
                _ => continue,
            }
            if one.at > self.from && (is_disturbed || !accepts) {
                return false;
            }
        }
        accepts && !is_disturbed
    }

    /// What happened to a service's container.
    pub(super) fn changes(&self, service: &'a str) -> impl Iterator<Item = (&'a Observation, &'a ContainerChange)> {
        changes(self.facts, service)
    }

    /// How the app ended after it was told to stop; nothing when it was not told, or the engine did not report its end.
    pub(super) fn stop(&self) -> Option<Stop<'a>> {
        let app = self.app();
        let (sent, signal) = self.stop_signal()?;
        let told = sent.at;
        let Death { id: death, at: died, exit_code: status, oom_killed } = deaths(self.facts, app, told).next()?;
        let grace = self.contract.stop_grace_period;
        Some(Stop { app, signal, sent: sent.id, told, grace, died, death, status, oom_killed })
    }

    /// The last signal that told the app to stop.
    pub(super) fn stop_signal(&self) -> Option<(&'a Observation, &'a str)> {
        self.facts.iter().rev().find_map(|one| match &one.fact {
            Fact::Mark { mark: Mark::StopSignal { signal } } => Some((one, signal.as_str())),
            _ => None,
        })
    }

    /// "within 5.0 s of `db` being killed".
    pub(super) fn within(&self, limit: Duration) -> String {
        let is_beyond = limit > self.contract.startup_limit && limit == self.start_limit();
        let why = if is_beyond { " (three times its undisturbed start)" } else { "" };
        format!("within {}{why} of {}", seconds(limit), self.event)
    }
}

/// Whether the engine starts a service again by itself when it exits.
#[must_use]
pub(super) fn restarts(facts: &[Observation], service: &str) -> bool {
    changes(facts, service).any(|(_, change)| matches!(change, ContainerChange::Created { restarts: true }))
}

/// What happened to a service's container, by time.
pub(super) fn changes<'a>(
    facts: &'a [Observation],
    service: &'a str,
) -> impl Iterator<Item = (&'a Observation, &'a ContainerChange)> {
    facts.iter().filter_map(move |one| match &one.fact {
        Fact::Container { service: name, change } if name == service => Some((one, change)),
        _ => None,
    })
}
