//! Watches whether a dependency can be used, as the app would use it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{INTERVAL, next_address, postgres};
use crate::contract::Kind;
use crate::timeline::{DependencyState, Fact, Timeline};

/// How long one attempt may take.
pub(super) const ATTEMPT_LIMIT: Duration = Duration::from_secs(5);

/// Tries until the dependency serves, then holds the session open, which tells at once when it is lost, and tries again.
/// Runs until dropped.
pub async fn watch_dependency(service: String, kind: Kind, mut address: watch::Receiver<Option<IpAddr>>, timeline: Timeline) {
    let clock = timeline.clock();
    let record = |sent: Duration, state: DependencyState| {
        timeline.record(Fact::Dependency { service: service.clone(), sent, state });
    };
    while let Some(ip) = next_address(&mut address).await {
        let attempt = || async {
            let sent = clock.now();
            let attempt = timeout(ATTEMPT_LIMIT, open(&kind, ip)).await;
            let opened = attempt.unwrap_or_else(|_| Err(DependencyState::Unclear { reason: "no answer in time".into() }));
            opened.map(|session| (sent, session)).map_err(|state| record(sent, state))
        };
        let every = ConstantBuilder::default().with_delay(INTERVAL).without_max_times();
        let session = tokio::select! {
            opened = attempt.retry(every) => opened,
            _ = address.wait_for(|now| *now != Some(ip)) => continue,
        };
        let Ok((sent, session)) = session else { continue };
        record(sent, DependencyState::Accepting);
        tokio::select! {
            () = session.closed() => {}
            _ = address.wait_for(|now| *now != Some(ip)) => {}
        }
        record(clock.now(), DependencyState::Lost);
        clock.reach(clock.now() + INTERVAL).await;
    }
}

/// An open session with a dependency.
pub(super) enum Session {
    Postgres(postgres::Session),
    Tcp(TcpStream),
    /// Nothing to hold on to: the container's address is all that is known.
    None,
}

impl Session {
    /// Returns when the other side has ended the session.
    async fn closed(self) {
        match self {
            Self::Postgres(session) => session.closed().await,
            Self::Tcp(mut stream) => {
                let mut buffer = [0; 256];
                while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
            }
            Self::None => std::future::pending().await,
        }
    }
}

async fn open(kind: &Kind, ip: IpAddr) -> Result<Session, DependencyState> {
    match kind {
        Kind::Postgres { port, credentials } => {
            postgres::Session::open(SocketAddr::new(ip, *port), credentials).await.map(Session::Postgres)
        }
        Kind::Tcp { port } => TcpStream::connect(SocketAddr::new(ip, *port))
            .await
            .map(Session::Tcp)
            .map_err(|error| DependencyState::NotAccepting { reason: error.to_string() }),
        Kind::Unknown => Ok(Session::None),
    }
}
