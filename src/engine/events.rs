//! The engine's event stream, handed to whoever owns the project that an event is about.
//!
//! Times are the engine's own (`timeNano`), converted to offsets. One stream serves the whole run; events of a project
//! arrive in the order in which the engine sent them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use futures::StreamExt;
use testcontainers::bollard::Docker;
use testcontainers::bollard::models::EventMessage;
use testcontainers::bollard::query_parameters::EventsOptionsBuilder;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Engine, PROJECT, RunId};
use crate::clock::Clock;

/// Something that happened to a container of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerEvent {
    /// When, as the engine says.
    pub at: Duration,
    /// The container.
    pub container: String,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Its first process was started.
    Started,
    /// Its first process ended with this status.
    Died(i64),
    /// The kernel ended one of its processes: there was no memory left.
    OutOfMemory,
    /// Its health check changed its verdict.
    Health(bool),
}

type Listeners = Arc<Mutex<HashMap<String, mpsc::UnboundedSender<ContainerEvent>>>>;

/// The stream of a run, followed until dropped.
#[derive(Debug)]
pub(super) struct Feed {
    listeners: Listeners,
    task: JoinHandle<()>,
}

impl Feed {
    pub(super) fn open(docker: Docker, run: &RunId, clock: Clock) -> Self {
        let listeners = Listeners::default();
        let task = tokio::spawn(follow(docker, run.filter(), clock, Arc::clone(&listeners)));
        Self { listeners, task }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Engine {
    /// The events of one project from now on. Ends when the engine ends the stream.
    #[must_use]
    pub fn events(&self, project: &str) -> mpsc::UnboundedReceiver<ContainerEvent> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut listeners = self.events.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.insert(project.to_owned(), sender);
        receiver
    }

    /// Forgets the listener of a project.
    pub fn ignore_events(&self, project: &str) {
        self.events.listeners.lock().unwrap_or_else(PoisonError::into_inner).remove(project);
    }
}

async fn follow(docker: Docker, run: String, clock: Clock, listeners: Listeners) {
    // From the start of the run, so that nothing is lost between this call and the stream's first byte.
    let since = clock.started_at().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    let filters = HashMap::from([("type", vec!["container"]), ("label", vec![run.as_str()])]);
    let mut events = Box::pin(docker.events(Some(EventsOptionsBuilder::new().since(&since).filters(&filters).build())));
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => {
                let Some((project, event)) = read(event, clock) else { continue };
                let listeners = listeners.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(listener) = listeners.get(&project) {
                    // A listener that is gone no longer cares.
                    let _ = listener.send(event);
                }
            }
            // What may have been missed can't be told.
            Err(_) => break,
        }
    }
    // Closes every listener's channel: they report that the stream ended.
    listeners.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn read(event: EventMessage, clock: Clock) -> Option<(String, ContainerEvent)> {
    let actor = event.actor?;
    let mut attributes = actor.attributes?;
    let kind = match event.action?.as_str() {
        "start" => EventKind::Started,
        "oom" => EventKind::OutOfMemory,
        "die" => EventKind::Died(attributes.get("exitCode")?.parse().ok()?),
        "health_status: healthy" => EventKind::Health(true),
        "health_status: unhealthy" => EventKind::Health(false),
        _ => return None,
    };
    let at = clock.offset_of(i128::from(event.time_nano?));
    Some((attributes.remove(PROJECT)?, ContainerEvent { at, container: actor.id?, kind }))
}
