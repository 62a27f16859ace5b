//! PostgreSQL: ready means that `SELECT 1` succeeds over TCP on the target database with the app's credentials. A log line,
//! `pg_isready` or an open port would each say so too early.

use std::net::SocketAddr;

use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};

use super::ask::Refusal;
use super::dependency::ATTEMPT_LIMIT;
use crate::causes::root_cause;
use crate::subject::Credentials;

/// A session in which `SELECT 1` has succeeded.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    connection: JoinHandle<()>,
}

impl Session {
    /// Connects and runs `SELECT 1`. The error is what the failure shows of the server.
    pub(super) async fn open(address: SocketAddr, credentials: &Credentials) -> Result<Self, Refusal> {
        let mut config = Config::new();
        config
            .hostaddr(address.ip())
            .port(address.port())
            .user(&credentials.user)
            .password(&credentials.password.0)
            .dbname(&credentials.database)
            .application_name("seaworthy")
            .connect_timeout(ATTEMPT_LIMIT);
        let (client, connection) = config.connect(NoTls).await.map_err(|error| classify(&error))?;
        let connection = tokio::spawn(async move {
            // How the session ended does not matter, only that it did.
            let _ = connection.await;
        });
        let session = Self { client, connection };
        session.client.simple_query("SELECT 1").await.map_err(|error| classify(&error))?;
        Ok(session)
    }

    /// Its client.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns when the server has ended the session.
    pub(super) async fn closed(mut self) {
        let _ = (&mut self.connection).await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn classify(error: &tokio_postgres::Error) -> Refusal {
    let reason = error.as_db_error().map_or_else(|| root_cause(error), ToString::to_string);
    match error.code() {
        // Waiting won't make these credentials right. A missing database may still be created by an init script.
        Some(code) if [&SqlState::INVALID_PASSWORD, &SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(&code) => {
            Refusal::Rejected(reason)
        }
        Some(_) => Refusal::Unready(reason),
        None => Refusal::NoAnswer(reason),
    }
}
