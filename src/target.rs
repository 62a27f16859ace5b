//! A running copy of a stack: containers that Compose created, started one by one in the order that a scenario wants.
//!
//! The engine's events become facts on the timeline, and the address of each container is kept current across restarts.
//! Probes and faults work on a stack; it uses neither.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::causes::with_causes;
use crate::compose::{Compose, ComposeError, Isolated, Model, Patch, patched};
use crate::engine::{ContainerEvent, ContainerFacts, CreatedContainer, Engine, EngineError, EventKind, Reach, Started};
use crate::model::{ContainerChange, Fact, Mark, Observation, Sight, Timeline};

/// How long the engine may take to report what it has just done.
const EVENT_LIMIT: Duration = Duration::from_secs(30);
/// How long after the kernel has ended a process for want of memory the end of the first one is put down to that.
const STARVED: Duration = Duration::from_secs(5);

/// An error of bringing up a copy.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Compose could not create it.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The engine could not run it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The tap does not do what it is told.
    #[error("the proxy in front of service `{service}` can't be controlled: {source}")]
    Tap {
        /// The service.
        service: String,
        /// Why.
        source: std::io::Error,
    },
    /// The engine did not report an event in time.
    #[error("the engine did not report that service `{service}` {what}")]
    NoEvent {
        /// The service.
        service: String,
        /// What should have been reported.
        what: &'static str,
    },
}

/// One copy of a stack.
#[derive(Debug)]
pub struct Instance {
    engine: Engine,
    project: String,
    timeline: Timeline,
    /// The containers, by service; those of further replicas as `service#2` and so on.
    services: BTreeMap<String, Service>,
    /// Testcontainers' handles, kept so that its client stays open.
    started: Mutex<Vec<Started>>,
    members: Arc<Mutex<Members>>,
    /// What Compose was given.
    copy: Model,
    tasks: JoinSet<()>,
    /// Whether another view of the same containers will remove them.
    is_guest: bool,
    /// One-shot services that need not run: what they do is done.
    done: Vec<String>,
}

/// The container of a service, or of one of its replicas.
#[derive(Clone, Debug)]
pub struct Service {
    /// The container's id.
    pub container: String,
    /// Where the container's ports are, while it runs.
    pub reach: watch::Receiver<Option<Reach>>,
    /// The service that Compose created it for.
    of: String,
    /// Which of the service's replicas it is.
    number: usize,
}

/// The members of a stack by container, and the way to tell where they are.
type Members = BTreeMap<String, (String, watch::Sender<Option<Reach>>)>;

impl Instance {
    /// Creates the containers, networks and volumes of an isolated copy. Nothing runs yet.
    pub async fn create(engine: &Engine, copy: Isolated, timeline: Timeline) -> Result<Self, TargetError> {
        let Isolated { model, files, .. } = copy;
        let copy = model.clone();
        let project = copy.value()["name"].as_str().unwrap_or_default().to_owned();
        let names: Vec<String> = copy.start_order();
        let events = engine.events(&project);
        let creating = engine.creating().await;
        // In a task of its own: it goes on to its end even when the scenario is abandoned.
        let creation = tokio::spawn(async move {
            let laid_out = Compose.lay_out(&copy, &files).await;
            let created = if laid_out.is_ok() { Compose.create(&copy).await } else { laid_out };
            drop(creating);
            created
        });
        creation.await.map_err(|_| TargetError::NoEvent { service: project.clone(), what: "was created" })??;

        let mut members = Members::new();
        let mut services = BTreeMap::new();
        for created in engine.containers(&project).await? {
            let name =
                if created.number == 1 { created.service.clone() } else { format!("{}#{}", created.service, created.number) };
            let restarts = model.restarts(&created.service);
            timeline.record(Fact::Container { service: name.clone(), change: ContainerChange::Created { restarts } });
            services.insert(name.clone(), admit(&mut members, name, created));
        }
        if let Some(service) = names.into_iter().find(|name| !services.contains_key(name)) {
            return Err(EngineError::NoContainer { service }.into());
        }
        let members = Arc::new(Mutex::new(members));
        let mut tasks = JoinSet::new();
        tasks.spawn(record_events(engine.clone(), events, Arc::clone(&members), timeline.clone()));
        Ok(Self {
            engine: engine.clone(),
            project,
            timeline,
            services,
            started: Mutex::default(),
            members,
            copy: model,
            tasks,
            is_guest: false,
            done: vec![],
        })
    }

    /// The same containers, as they are watched for another app. What happens to them, and what is done to them, goes to that app's timeline
    /// too; they are removed with the instance that was created.
    #[must_use]
    pub fn for_guest(&self, timeline: Timeline) -> Self {
        let mut tasks = JoinSet::new();
        let (own, host) = (timeline.clone(), self.timeline.clone());
        tasks.spawn(async move { own.follow(&host, is_about_all).await });
        Self {
            engine: self.engine.clone(),
            project: self.project.clone(),
            timeline,
            services: self.services.clone(),
            started: Mutex::default(),
            members: Arc::clone(&self.members),
            copy: self.copy.clone(),
            tasks,
            is_guest: true,
            done: self.done.clone(),
        }
    }

    /// What these one-shot services do is done.
    pub fn set_done(&mut self, one_shots: &[String]) {
        self.done = one_shots.to_vec();
    }

    /// Whether what a service does is done, so that it need not run.
    #[must_use]
    pub fn is_done(&self, service: &str) -> bool {
        self.done.iter().any(|one| one == service)
    }

    /// Where this copy's facts go.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The engine that runs it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The container of a service.
    pub fn service(&self, service: &str) -> Result<&Service, EngineError> {
        self.services.get(service).ok_or_else(|| EngineError::NoContainer { service: service.to_owned() })
    }

    /// The names of a service's replicas, the first of which is the service's own.
    pub fn replicas(&self, service: &str) -> impl Iterator<Item = &str> {
        self.services.iter().filter(move |(_, member)| member.of == service).map(|(name, _)| name.as_str())
    }

    /// All containers by service; those of further replicas as `service#2` and so on.
    pub fn services(&self) -> impl Iterator<Item = (&str, &Service)> {
        self.services.iter().map(|(name, service)| (name.as_str(), service))
    }

    /// Runs a task for as long as the stack is up.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Starts a service with all its replicas, or starts it again, and returns when the engine's event is on the timeline: the
    /// first process then runs or has already ended. Neither `depends_on` nor readiness is waited for. Returns the offset of
    /// the first start.
    pub async fn start(&self, service: &str) -> Result<Duration, TargetError> {
        let mut first = None;
        for replica in self.replicas(service) {
            let started = self.start_replica(replica).await?;
            first = first.or(Some(started));
        }
        first.ok_or_else(|| EngineError::NoContainer { service: service.to_owned() }.into())
    }

    /// Starts the container that has this name, and no other replica of its service. Returns the offset of the start.
    pub async fn start_replica(&self, service: &str) -> Result<Duration, TargetError> {
        let is_start = |observation: &&Observation| matches!(&observation.fact, Fact::Container { service: name, change: ContainerChange::Started { .. } } if name == service);
        let before = self.timeline.read(|observations| observations.iter().filter(is_start).count());
        let Service { of, number, .. } = self.service(service)?;
        let started = self.engine.start(&self.project, of, *number).await?;
        self.started.lock().unwrap_or_else(PoisonError::into_inner).push(started);
        let limit = self.timeline.clock().now() + EVENT_LIMIT;
        let start = self.timeline.first(limit, |observations| Some(observations.iter().filter(is_start).nth(before)?.at));
        start.await.ok_or_else(|| TargetError::NoEvent { service: service.to_owned(), what: "started" })
    }

    /// Removes the container of a service, and lets Compose create it anew with the volumes that have names. Nobody probes the new
    /// one by itself.
    pub async fn replace(&mut self, service: &str) -> Result<(), TargetError> {
        self.replace_by(service, &[]).await
    }

    /// The same, with these changes to what Compose was given. They are those of the new container alone.
    pub async fn replace_by(&mut self, service: &str, changes: &[Patch]) -> Result<(), TargetError> {
        let old = self.service(service)?.container.clone();
        self.engine.remove_container(&old).await?;
        let creating = self.engine.creating().await;
        let created = Compose.create(&patched(&self.copy, changes)).await;
        drop(creating);
        created?;
        self.admit_new(service, &old).await
    }

    /// Lets Compose put another container in the place of a service's, with all of its volumes. Nobody probes the new one by itself.
    pub async fn recreate(&mut self, service: &str) -> Result<(), TargetError> {
        let old = self.service(service)?.container.clone();
        let creating = self.engine.creating().await;
        let created = Compose.recreate(&self.copy, service).await;
        drop(creating);
        created?;
        self.admit_new(service, &old).await
    }

    async fn admit_new(&mut self, service: &str, old: &str) -> Result<(), TargetError> {
        let containers = self.engine.containers(&self.project).await?;
        let fresh = containers.into_iter().find(|created| created.service == service && created.id != old);
        let fresh = fresh.ok_or_else(|| EngineError::NoContainer { service: service.to_owned() })?;
        let admitted = admit(&mut self.members.lock().unwrap_or_else(PoisonError::into_inner), service.to_owned(), fresh);
        self.services.insert(service.to_owned(), admitted);
        Ok(())
    }

    /// Looks again where a container's ports are, after it was moved while it ran.
    pub async fn look_again(&self, service: &str) -> Result<(), EngineError> {
        let container = &self.service(service)?.container;
        let facts = self.engine.inspect(container).await?;
        tell(&self.members, container, facts.reach);
        Ok(())
    }

    /// Sends a signal to a service's first process. Returns the offset just before it was sent.
    pub async fn signal(&self, service: &str, signal: &str) -> Result<Duration, EngineError> {
        let container = &self.service(service)?.container;
        let at = self.timeline.clock().now();
        self.engine.signal(container, signal).await?;
        self.timeline.record_at(at, Fact::Signal { service: service.to_owned(), signal: signal.to_owned() });
        Ok(at)
    }

    /// Waits for the end of a service's first process, at the latest until the limit. Returns when it ended; nothing when it
    /// still runs.
    pub async fn wait_for_death(&self, service: &str, since: Duration, limit: Duration) -> Option<Duration> {
        let is_death = |fact: &Fact| matches!(fact, Fact::Container { service: name, change: ContainerChange::Died { .. } } if name == service);
        let death = |one: &Observation| (one.at >= since && is_death(&one.fact)).then_some(one.at);
        self.timeline.first(limit, |observations| observations.iter().find_map(death)).await
    }

    /// Stops all observers. What they have recorded stays on the timeline.
    pub async fn stop_observing(&mut self) {
        self.tasks.shutdown().await;
        if !self.is_guest {
            self.engine.ignore_events(&self.project);
        }
    }

    /// Removes everything that belongs to this copy, unless it is another's.
    pub async fn down(mut self) -> Result<(), EngineError> {
        self.stop_observing().await;
        if self.is_guest { Ok(()) } else { self.engine.remove_project(&self.project).await }
    }
}

/// Whether a fact is about the stack, whichever app it is seen for: what became of containers, and what was done to dependencies.
fn is_about_all(fact: &Fact) -> bool {
    match fact {
        Fact::Container { .. } | Fact::Signal { .. } | Fact::Fault { .. } => true,
        Fact::Blind { sight, .. } => *sight == Sight::Everything,
        Fact::Mark { mark } => matches!(mark, Mark::Disturbed { .. } | Mark::Accepts { .. }),
        // What keeps an act from being done ends the experiment for all.
        Fact::Halted { check, .. } => check.is_none(),
        _ => false,
    }
}

/// Makes a container a member under this name.
fn admit(members: &mut Members, name: String, created: CreatedContainer) -> Service {
    let (sender, reach) = watch::channel(None);
    members.insert(created.id.clone(), (name, sender));
    Service { container: created.id, reach, of: created.service, number: created.number }
}

/// Turns the engine's events into facts, and keeps it current where the containers are.
async fn record_events(
    engine: Engine,
    mut events: tokio::sync::mpsc::UnboundedReceiver<ContainerEvent>,
    members: Arc<Mutex<Members>>,
    timeline: Timeline,
) {
    let mut starved = BTreeMap::new();
    while let Some(ContainerEvent { at, container, kind }) = events.recv().await {
        let name = members.lock().unwrap_or_else(PoisonError::into_inner).get(&container).map(|(name, _)| name.clone());
        let Some(service) = name else { continue };
        let change = match kind {
            EventKind::OutOfMemory => {
                starved.insert(container, at);
                continue;
            }
            EventKind::Started => {
                let (pid, reach, blind) = looked_at(&service, engine.inspect(&container).await);
                if let Some(blind) = blind {
                    timeline.record(blind);
                }
                tell(&members, &container, reach);
                ContainerChange::Started { pid }
            }
            EventKind::Died(exit_code) => {
                tell(&members, &container, None);
                // The engine forgets it when it starts the container again.
                let was_starved = starved.remove(&container).is_some_and(|since| exit_code != 0 && at < since + STARVED);
                let oom_killed = was_starved || engine.inspect(&container).await.is_ok_and(|facts| facts.oom_killed);
                ContainerChange::Died { exit_code, oom_killed }
            }
            EventKind::Health(healthy) => ContainerChange::Health { healthy },
        };
        timeline.record_at(at, Fact::Container { service, change });
    }
    timeline.record(Fact::Blind { what: "the engine's events".into(), sight: Sight::Everything });
}

/// Tells everybody where the ports of a container are now.
fn tell(members: &Mutex<Members>, container: &str, reach: Option<Reach>) {
    if let Some((_, sender)) = members.lock().unwrap_or_else(PoisonError::into_inner).get(container) {
        sender.send_replace(reach);
    }
}

/// What a look at a container that was started has shown: its first process, where it is, and what could not be seen. One that was removed
/// meanwhile is nowhere, which is no blindness; no process ever has the number 0.
fn looked_at(service: &str, looked: Result<ContainerFacts, EngineError>) -> (Option<i64>, Option<Reach>, Option<Fact>) {
    match looked {
        Ok(facts) => (Some(facts.pid).filter(|pid| *pid > 0), facts.reach, None),
        Err(error) if error.is_absence() => (None, None, None),
        Err(error) => {
            let what = format!("where `{service}` is ({})", with_causes(&error));
            (None, None, Some(Fact::Blind { what, sight: Sight::Everything }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine gave no answer.
    fn failed() -> Result<ContainerFacts, EngineError> {
        Err(EngineError::NoContainer { service: "db".into() })
    }

    fn running(pid: i64) -> ContainerFacts {
        ContainerFacts { pid, ..ContainerFacts::default() }
    }

    #[test]
    fn a_look_that_failed_is_blindness_and_no_process_has_the_number_0() {
        assert!(matches!(looked_at("db", Ok(running(7))), (Some(7), None, None)));
        assert!(matches!(looked_at("db", Ok(running(0))), (None, None, None)), "it had ended before the look");
        let (pid, reach, blind) = looked_at("db", failed());
        assert_eq!((pid, reach), (None, None));
        let Some(Fact::Blind { what, sight: Sight::Everything }) = blind else { panic!("blind: {blind:?}") };
        assert!(what.starts_with("where `db` is ("), "{what}");
    }
}
