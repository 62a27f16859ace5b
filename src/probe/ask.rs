//! Asks a server in its own protocol whether it serves: one entry for all protocols, one file for each.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{greeting, health, kafka, memcached, mongodb, nats, postgres, redis};
use crate::model::DependencyState;
use crate::subject::{Credentials, Protocol};

/// What a server says when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It serves.
    Ready,
    /// It answers that it does not serve, or does not serve us.
    Unready {
        /// How it says so.
        reason: String,
    },
    /// Nobody answers: the connection is refused, reset, or closed without a word.
    NoAnswer {
        /// What happened.
        reason: String,
    },
    /// No answer was complete in time.
    Hung,
}

/// Asks once, in a session that is ended at once.
pub async fn ask(protocol: Protocol, address: SocketAddr, credentials: Option<&Credentials>, limit: Duration) -> Reply {
    match timeout(limit, open(protocol, address, credentials)).await {
        Ok(Ok(_)) => Reply::Ready,
        Ok(Err(Refusal::Unready(reason) | Refusal::Rejected(reason))) => Reply::Unready { reason },
        Ok(Err(Refusal::NoAnswer(reason))) => Reply::NoAnswer { reason },
        Err(_) => Reply::Hung,
    }
}

/// Why a server does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody answers.
    NoAnswer(String),
    /// It says that it can't serve for now.
    Unready(String),
    /// It does not take the credentials, which waiting won't change.
    Rejected(String),
}

impl Refusal {
    /// An answer that did not come.
    #[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
    pub(super) fn of_io(error: std::io::Error) -> Self {
        Self::NoAnswer(match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "it closed the connection without an answer".into(),
            _ => error.to_string(),
        })
    }
}

impl From<Refusal> for DependencyState {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoAnswer(reason) | Refusal::Unready(reason) => Self::NotAccepting { reason },
            Refusal::Rejected(reason) => Self::Rejecting { reason },
        }
    }
}

/// An open session with a server that serves.
#[derive(Debug)]
pub(super) enum Session {
    /// One with PostgreSQL.
    Postgres(postgres::Session),
    /// A connection in which nothing more is said.
    Tcp(TcpStream),
    /// A connection over which HTTP is spoken.
    Http(health::Kept),
    /// Nothing to hold on to: the container's address is all that is known.
    None,
}

impl Session {
    /// Returns when the other side has ended the session.
    pub(super) async fn closed(self) {
        match self {
            Self::Postgres(session) => session.closed().await,
            Self::Tcp(mut stream) => {
                let mut buffer = [0; 256];
                while matches!(stream.read(&mut buffer).await, Ok(1..)) {}
            }
            Self::Http(kept) => kept.closed().await,
            Self::None => std::future::pending().await,
        }
    }
}

/// Opens a session in which the server has shown that it serves. It takes as long as the server takes.
pub(super) async fn open(protocol: Protocol, address: SocketAddr, credentials: Option<&Credentials>) -> Result<Session, Refusal> {
    let connect = async || TcpStream::connect(address).await.map_err(Refusal::of_io);
    let password = credentials.map(|credentials| credentials.password.0.as_str());
    match protocol {
        Protocol::Postgres => {
            let login = credentials.cloned().unwrap_or_default();
            postgres::Session::open(address, &login).await.map(Session::Postgres)
        }
        Protocol::Mysql => greeting::mysql(connect().await?).await.map(Session::Tcp),
        Protocol::Redis => redis::ping(connect().await?, password).await.map(Session::Tcp),
        Protocol::Amqp => greeting::amqp(connect().await?).await.map(Session::Tcp),
        Protocol::Mongodb => mongodb::hello(connect().await?).await.map(Session::Tcp),
        Protocol::Kafka => kafka::versions(connect().await?).await.map(Session::Tcp),
        Protocol::Nats => nats::ping(connect().await?).await.map(Session::Tcp),
        Protocol::Memcached => memcached::version(connect().await?).await.map(Session::Tcp),
        Protocol::Etcd => health::etcd(connect().await?).await.map(Session::Http),
        Protocol::Elasticsearch => health::elasticsearch(connect().await?, credentials).await.map(Session::Http),
        Protocol::Minio => health::minio(connect().await?).await.map(Session::Http),
    }
}
