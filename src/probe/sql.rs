//! Questions to a PostgreSQL server, asked as the app would, each in a session of its own.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::SimpleQueryMessage;

use super::ask::Refusal;
use super::postgres::Session;
use crate::causes::root_cause;
use crate::engine::Reach;
use crate::subject::{Credentials, Kind};

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A session that is open until it is dropped.
#[derive(Debug)]
pub struct OpenSession(Session);

impl OpenSession {
    /// As [`query`], in this session.
    pub async fn query(&self, statement: &str) -> Result<Vec<String>, String> {
        within_limit(ask(&self.0, statement)).await
    }
}

/// The first column of every row of the answer; an error in words. The user is that of the app, the session is named `seaworthy`.
pub async fn query(reach: &Reach, kind: &Kind, statement: &str) -> Result<Vec<String>, String> {
    within_limit(async { ask(&open(reach, kind).await?, statement).await }).await
}

async fn ask(session: &Session, statement: &str) -> Result<Vec<String>, String> {
    let messages = session.client().simple_query(statement).await;
    let messages = messages.map_err(|error| error.as_db_error().map_or_else(|| root_cause(&error), ToString::to_string))?;
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
        _ => None,
    });
    Ok(rows.collect())
}

async fn within_limit<T>(answer: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(ANSWER_LIMIT, answer).await.map_err(|_| "no answer in time".to_owned())?
}

/// Opens a session and keeps it.
pub async fn hold(reach: &Reach, kind: &Kind) -> Result<OpenSession, String> {
    within_limit(open(reach, kind)).await.map(OpenSession)
}

async fn open(reach: &Reach, kind: &Kind) -> Result<Session, String> {
    let (port, credentials) = login(kind).ok_or("not a PostgreSQL server")?;
    let socket = reach.socket(port).ok_or("its port can't be reached")?;
    Session::open(socket, credentials).await.map_err(|refusal| match refusal {
        Refusal::NoAnswer(reason) | Refusal::Unready(reason) | Refusal::Rejected(reason) => reason,
    })
}

fn login(kind: &Kind) -> Option<(u16, &Credentials)> {
    if let Kind::Postgres { port, credentials } = kind { Some((*port, credentials)) } else { None }
}
