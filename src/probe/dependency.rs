//! Watches whether a dependency can be used, as the app would use it.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::ask::{self, Refusal, Session};
use super::{INTERVAL, health, next_reach};
use crate::engine::Reach;
use crate::model::{DependencyState, Fact, Timeline};
use crate::subject::Kind;

/// How long one attempt may take.
pub(super) const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);
/// How long a published port is watched after it accepted: the engine's proxy accepts for a server that may not be there, and
/// closes at once when it is not.
const PROXY_LIMIT: Duration = Duration::from_millis(300);

/// Tries until the dependency serves, then holds the session open, which tells at once when it is lost, and tries again.
/// Runs until dropped.
pub async fn watch_dependency(service: String, kind: Kind, mut reach: watch::Receiver<Option<Reach>>, timeline: Timeline) {
    let clock = timeline.clock();
    let record = |sent: Duration, state: DependencyState| {
        timeline.record(Fact::Dependency { service: service.clone(), sent, state });
    };
    while let Some(now) = next_reach(&mut reach).await {
        let attempt = || async {
            let sent = clock.now();
            let attempt = timeout(ATTEMPT_LIMIT, open(&kind, &now)).await;
            let unclear = || DependencyState::Unclear { reason: "no answer in time".into() };
            let opened = attempt.map_or_else(|_| Err(unclear()), |opened| opened.map_err(DependencyState::from));
            opened.map(|session| (sent, session)).map_err(|state| record(sent, state))
        };
        let every = ConstantBuilder::default().with_delay(INTERVAL).without_max_times();
        let session = tokio::select! {
            opened = attempt.retry(every) => opened,
            _ = reach.wait_for(|later| later.as_ref() != Some(&now)) => continue,
        };
        let Ok((sent, session)) = session else { continue };
        record(sent, DependencyState::Accepting);
        tokio::select! {
            () = held(session, &kind, &now) => {}
            _ = reach.wait_for(|later| later.as_ref() != Some(&now)) => {}
        }
        record(clock.now(), DependencyState::Lost);
        clock.reach(clock.now() + INTERVAL).await;
    }
}

/// Returns when the dependency is lost. A server to which nobody speaks ends the session by itself after a while, ten seconds for
/// MySQL and RabbitMQ where nobody logs in: what tells is whether it still serves then.
async fn held(mut session: Session, kind: &Kind, reach: &Reach) {
    loop {
        session.closed().await;
        // These end none of theirs, and with others nothing was said that could be said again.
        if matches!(kind, Kind::Postgres { .. } | Kind::Redis { .. } | Kind::Tcp { .. } | Kind::Unknown) {
            return;
        }
        match timeout(ATTEMPT_LIMIT, open(kind, reach)).await {
            Ok(Ok(next)) => session = next,
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

/// Whether a server is asked by a session that nobody logs in to: many short ones would look to it like an attack.
pub(super) fn keeps_its_session(kind: &Kind) -> bool {
    matches!(kind, Kind::Mysql { .. } | Kind::Rabbitmq { .. })
}

/// Opens a session. The error is what the failure shows of the server.
pub(super) async fn open(kind: &Kind, reach: &Reach) -> Result<Session, Refusal> {
    let Some(port) = kind.port() else { return Ok(Session::None) };
    let socket = reach.socket(port).ok_or_else(|| Refusal::NoAnswer(format!("port {port} is not published")))?;
    if let Some(protocol) = kind.protocol() {
        return ask::open(protocol, socket, kind.credentials().as_ref()).await;
    }
    let stream = TcpStream::connect(socket).await.map_err(Refusal::of_io)?;
    match kind {
        Kind::Http { path, .. } => health::any(stream, path).await.map(Session::Http),
        _ if matches!(reach, Reach::Published(_)) => stays_open(stream).await.map(Session::Tcp),
        _ => Ok(Session::Tcp(stream)),
    }
}

/// Tells a server from a proxy that accepts in its place.
pub(super) async fn stays_open(stream: TcpStream) -> Result<TcpStream, Refusal> {
    let mut first = [0];
    match timeout(PROXY_LIMIT, stream.peek(&mut first)).await {
        Ok(Ok(0)) => Err(Refusal::NoAnswer("the connection is closed at once".into())),
        Ok(Err(error)) => Err(Refusal::of_io(error)),
        Ok(Ok(_)) | Err(_) => Ok(stream),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::Clock;
    use crate::model::Observation;
    use crate::redact::Redactor;
    use crate::subject::{Credentials, Secret};

    #[tokio::test]
    async fn a_session_that_is_ended_by_a_server_that_still_serves_is_not_lost() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = server.local_addr().expect("an address").port();
        let kind = Kind::Mysql {
            port,
            credentials: Credentials { user: "u".into(), database: "d".into(), password: Secret::default() },
        };
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let (_sender, reach) = watch::channel(Some(Reach::Direct(Ipv4Addr::LOCALHOST.into())));
        let probe = tokio::spawn(watch_dependency("db".into(), kind, reach, timeline.clone()));

        // It greets, and ends a session in which nobody logs in.
        for _ in 0..3 {
            let (mut session, _) = server.accept().await.expect("a session");
            session.write_all(&[1, 0, 0, 0, 10]).await.expect("sent");
        }
        let (mut session, _) = server.accept().await.expect("a session");
        session.write_all(&[1, 0, 0, 0, 10]).await.expect("sent");
        let states = |observations: &[Observation]| -> Vec<DependencyState> {
            let state = |fact: &Fact| if let Fact::Dependency { state, .. } = fact { Some(state.clone()) } else { None };
            observations.iter().filter_map(|observation| state(&observation.fact)).collect()
        };
        assert_eq!(timeline.read(states), [DependencyState::Accepting]);

        drop((server, session));
        let second = |observations: &[Observation]| states(observations).get(1).cloned();
        let told = timeline.first(timeline.clock().now() + ATTEMPT_LIMIT, second).await;
        assert_eq!(told, Some(DependencyState::Lost));
        probe.abort();
    }
}
