//! Asks the app over and over whether it is ready, or alive, in the form that the contract names: one question at a time.

use std::time::Duration;

use tokio::sync::watch;

use super::grpc::Calls;
use super::http::{self, Requests};
use super::protocol::Server;
use super::sight::{Looks, has_run, running_since};
use super::{exec, next_reach, tcp};
use crate::engine::{Engine, Reach};
use crate::model::{Answer, Endpoint, Fact, Sight, Timeline};
use crate::subject::Form;

/// From one question to the next.
const INTERVAL: Duration = Duration::from_millis(100);
/// The same where a question is more than a few packets: a command in the container, or a connection that a server may log.
const LONG_INTERVAL: Duration = Duration::from_millis(500);

/// What to ask, and how.
#[derive(Clone, Debug)]
pub struct AppProbe {
    /// The endpoint that the answers belong to.
    pub endpoint: Endpoint,
    /// How it is asked.
    pub form: Form,
    /// The port that is asked, where the form asks one.
    pub port: Option<u16>,
    /// After this time a question counts as hung.
    pub timeout: Duration,
    /// The app's service.
    pub service: String,
    /// Its container.
    pub container: String,
}

/// Asks whenever the container runs, until dropped.
pub async fn watch_app(probe: AppProbe, engine: Engine, reach: watch::Receiver<Option<Reach>>, timeline: Timeline) {
    match Asker::new(&probe) {
        Ok(asker) => ask_a_port(probe, asker, reach, timeline).await,
        Err(None) => look(probe, engine, timeline).await,
        Err(Some(why)) => {
            timeline.record(Fact::Blind { what: format!("the app's answers ({why})"), sight: Sight::Everything });
        }
    }
}

/// Asks one port in one form.
enum Asker {
    Http(Box<Requests>),
    Grpc(Box<Calls>),
    Tcp,
    Protocol(Server),
}

impl Asker {
    /// Nothing where the form asks no port; or why it can't be asked.
    fn new(probe: &AppProbe) -> Result<Self, Option<String>> {
        Ok(match &probe.form {
            Form::Http(http) => Self::Http(Box::new(Requests::new(http, probe.timeout).map_err(Some)?)),
            Form::Grpc(grpc) => Self::Grpc(Box::new(Calls::new(grpc, probe.timeout).map_err(Some)?)),
            Form::Tcp { .. } => Self::Tcp,
            Form::Protocol { kind, .. } => Self::Protocol(Server::new(kind.clone())),
            Form::Exec { .. } | Form::HealthCheck | Form::Log { .. } | Form::Runs => return Err(None),
        })
    }

    async fn ask(&mut self, probe: &AppProbe, socket: std::net::SocketAddr, reach: &Reach) -> (Answer, Option<String>) {
        match self {
            Self::Http(requests) => requests.ask(socket).await,
            Self::Grpc(calls) => (calls.ask(socket).await, None),
            Self::Tcp => (tcp::ask(socket, reach, probe.timeout).await, None),
            Self::Protocol(server) => (server.ask(socket, reach, probe.timeout).await, None),
        }
    }

    /// Lets go of a session that is held.
    fn forget(&mut self) {
        if let Self::Protocol(server) = self {
            server.forget();
        }
    }

    fn interval(&self) -> Duration {
        if matches!(self, Self::Tcp) { LONG_INTERVAL } else { INTERVAL }
    }
}

async fn ask_a_port(probe: AppProbe, mut asker: Asker, mut reach: watch::Receiver<Option<Reach>>, timeline: Timeline) {
    let clock = timeline.clock();
    let mut known = http::Known::default();
    loop {
        // What is held belongs to the container as it was.
        if reach.has_changed().unwrap_or(true) {
            asker.forget();
        }
        let Some(now) = next_reach(&mut reach).await else { return };
        let Some(socket) = probe.port.and_then(|port| now.socket(port)) else {
            let port = probe.port.map_or("no port is known".into(), |port| format!("port {port} is not published"));
            timeline.record(Fact::Blind { what: format!("the app's answers ({port})"), sight: Sight::Everything });
            return;
        };
        let sent = clock.now();
        let answered = tokio::select! {
            answered = asker.ask(&probe, socket, &now) => Some(answered),
            // The container stopped with the request under way; without this, a vanished peer would look like a hang.
            _ = reach.wait_for(|later| later.as_ref() != Some(&now)) => None,
        };
        let (answer, body) = answered.unwrap_or_else(|| {
            asker.forget();
            (Answer::Broken("the container stopped".into()), None)
        });
        let body = body.filter(|body| known.is_news(&answer, body));
        // Some listen before they look at what they need, and exit without it.
        if matches!(asker, Asker::Tcp) && answer == Answer::Ready && !timeline.read(|facts| has_run(facts, &probe.service, sent))
        {
            clock.reach(sent + asker.interval()).await;
            continue;
        }
        timeline.record(Fact::Probe { endpoint: probe.endpoint, sent, answer, body });
        clock.reach(sent + asker.interval()).await;
    }
}

/// The same for what is no question to a port.
async fn look(probe: AppProbe, engine: Engine, timeline: Timeline) {
    let clock = timeline.clock();
    let mut looks = Looks::new(&probe.form, &probe.service);
    let interval = if looks.is_some() { INTERVAL } else { LONG_INTERVAL };
    loop {
        let sent = clock.now();
        let answer = match (&mut looks, &probe.form) {
            (Some(looks), _) => timeline.read(|facts| looks.look(facts, sent)),
            (None, Form::Exec { command }) if timeline.read(|facts| running_since(facts, &probe.service)).is_some() => {
                exec::ask(&engine, &probe.container, command, probe.timeout).await
            }
            _ => None,
        };
        if let Some(answer) = answer {
            timeline.record(Fact::Probe { endpoint: probe.endpoint, sent, answer, body: None });
        }
        clock.reach(sent + interval).await;
    }
}
