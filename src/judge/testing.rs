//! What the tests of judges are made of: facts with their times, a contract, and a case to judge.

use std::time::Duration;

use super::{Claim, Event, Window};
use crate::model::{
    Answer, ContainerChange, DependencyState, Endpoint, Fact, FactId, Finding, Inspection, LogStream, Mark, Observation, Outcome,
};
use crate::subject::{Business, Contract, Credentials, Dependency, Form, Kind, Secret};

/// When something becomes true, in milliseconds, and what.
pub(crate) type Told = (u64, Fact);

static STARTED: Mark = Mark::AppStarted { again: false };

/// Facts in the order of their arrival, as a timeline has them: numbered by it, and sorted by time.
pub(crate) fn timeline(told: impl IntoIterator<Item = Told>) -> Vec<Observation> {
    let numbered = told.into_iter().zip(0..);
    let mut facts: Vec<Observation> =
        numbered.map(|((ms, fact), number)| Observation { id: FactId(number), at: Duration::from_millis(ms), fact }).collect();
    facts.sort_by_key(|one| one.at);
    facts
}

/// A stack with an app, a database and a cache.
pub(crate) fn contract() -> Contract {
    let credentials = Credentials { user: "user".into(), database: "app_db".into(), password: Secret::default() };
    Contract {
        app: "app".into(),
        port: Some(8000),
        readiness: Form::path("/health"),
        liveness: Some(Form::path("/")),
        business: Some(Business::Path("/items".into())),
        dependencies: vec![
            Dependency { service: "cache".into(), kind: Kind::Redis { port: 6379, password: None }, names: vec![] },
            Dependency { service: "db".into(), kind: Kind::Postgres { port: 5432, credentials }, names: vec![] },
        ],
        startup_limit: Duration::from_mins(1),
        stop_grace_period: Duration::from_secs(10),
        stop_signal: "SIGTERM".into(),
        stop_status: vec![0, 143],
        unready: vec![503],
        probe_timeout: Duration::from_secs(5),
        outage_limit: Duration::from_secs(5),
        recovery_limit: Duration::from_secs(15),
        image_size_limit: None,
        waivers: vec![],
    }
}

/// What a claim is judged by. The window begins with the app's start at 0, and more may come.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    facts: Vec<Observation>,
    pub(crate) contract: Contract,
    from: Duration,
    over: bool,
}

impl Case {
    pub(crate) fn of(told: impl IntoIterator<Item = Told>) -> Self {
        Self { facts: timeline(told), contract: contract(), from: Duration::ZERO, over: false }
    }

    /// What a look has shown.
    pub(crate) fn shown(inspections: impl IntoIterator<Item = Inspection>) -> Self {
        Self::of(inspections.into_iter().map(|inspection| (0, Fact::Inspected { inspection })))
    }

    /// The same with a window that begins so many milliseconds later.
    pub(crate) fn from(self, ms: u64) -> Self {
        Self { from: Duration::from_millis(ms), ..self }
    }

    /// The same when nothing more will come.
    pub(crate) fn over(self) -> Self {
        Self { over: true, ..self }
    }

    pub(crate) fn judge(&self, claim: &Claim) -> Outcome {
        self.look(|window| claim.judge(window))
    }

    /// What the window shows.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Window<'_>) -> T) -> T {
        let Self { facts, contract, from, over } = self;
        look(&Window { facts, contract, from: *from, event: Event::Mark(&STARTED), over: *over })
    }

    /// How the claim is broken.
    #[track_caller]
    pub(crate) fn finding(&self, claim: &Claim) -> Finding {
        finding(self.judge(claim))
    }

    /// What was seen instead of what is claimed.
    #[track_caller]
    pub(crate) fn seen(&self, claim: &Claim) -> String {
        self.finding(claim).seen
    }
}

/// How a claim is broken.
#[track_caller]
pub(crate) fn finding(outcome: Outcome) -> Finding {
    match outcome {
        Outcome::Broken(finding) => finding,
        other => panic!("not broken: {other:?}"),
    }
}

pub(crate) fn is_held(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Held(_))
}

pub(crate) fn is_broken(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Broken(_))
}

/// Held by these facts.
pub(crate) fn held(by: impl IntoIterator<Item = u32>) -> Outcome {
    Outcome::Held(ids(by))
}

pub(crate) fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<FactId> {
    numbers.into_iter().map(FactId).collect()
}

/// A request to an endpoint: when it was sent, when it was complete.
pub(crate) fn asked(endpoint: Endpoint, sent: u64, complete: u64, answer: Answer) -> Told {
    (complete, Fact::Probe { endpoint, sent: Duration::from_millis(sent), answer, body: None })
}

/// A request to the readiness endpoint.
pub(crate) fn readiness(sent: u64, complete: u64, answer: Answer) -> Told {
    asked(Endpoint::Readiness, sent, complete, answer)
}

/// An attempt to use the database.
pub(crate) fn database(sent: u64, complete: u64, state: DependencyState) -> Told {
    (complete, Fact::Dependency { service: "db".into(), sent: Duration::from_millis(sent), state })
}

pub(crate) fn refused() -> DependencyState {
    DependencyState::NotAccepting { reason: "refused".into() }
}

pub(crate) fn container(ms: u64, service: &str, change: ContainerChange) -> Told {
    (ms, Fact::Container { service: service.into(), change })
}

/// The app ends.
pub(crate) fn died(ms: u64, exit_code: i64) -> Told {
    container(ms, "app", ContainerChange::Died { exit_code, oom_killed: false })
}

/// The app writes a line.
pub(crate) fn line(ms: u64, text: &str) -> Told {
    (ms, Fact::Log { service: "app".into(), stream: LogStream::Stdout, line: text.into(), is_cut: false })
}

pub(crate) fn mark(ms: u64, mark: Mark) -> Told {
    (ms, Fact::Mark { mark })
}

/// The app is told to stop.
pub(crate) fn told_to_stop(ms: u64) -> Told {
    mark(ms, Mark::StopSignal { signal: "SIGTERM".into() })
}
