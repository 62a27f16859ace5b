//! An app that is itself a server whose protocol we know: it is asked as a dependency of that kind is.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::ask::Refusal;
use super::dependency::{keeps_its_session, open};
use super::tcp;
use crate::engine::Reach;
use crate::model::Answer;
use crate::subject::Kind;

/// Asks a server over and over.
#[derive(Debug)]
pub(super) struct Server {
    kind: Kind,
    /// Ends with the session that is held.
    held: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, held: None }
    }

    /// Asks once. A server that would count many short sessions as failures is asked once for each session, which then is held.
    pub(super) async fn ask(&mut self, socket: SocketAddr, reach: &Reach, limit: Duration) -> Answer {
        if self.held.as_ref().is_some_and(|held| !held.is_finished()) {
            return Answer::Ready;
        }
        self.held = None;
        let asked = async {
            // Whether nobody listens is told from what a server says.
            drop(tcp::connect(socket).await?);
            open(&self.kind, reach).await.map_err(meaning)
        };
        match timeout(limit, asked).await {
            Ok(Ok(session)) => {
                if keeps_its_session(&self.kind) {
                    self.held = Some(tokio::spawn(session.closed()));
                }
                Answer::Ready
            }
            Ok(Err(answer)) => answer,
            Err(_) => Answer::TimedOut,
        }
    }

    /// Lets go of what is held: the container has stopped.
    pub(super) fn forget(&mut self) {
        if let Some(held) = self.held.take() {
            held.abort();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Whether a server of this kind serves here, asked once.
pub async fn serves(kind: &Kind, reach: &Reach, limit: Duration) -> bool {
    match timeout(limit, open(kind, reach)).await {
        Ok(opened) => opened.map_or_else(|refusal| meaning(refusal) == Answer::Ready, |_| true),
        Err(_) => false,
    }
}

/// What a server says that does not take a session. One that turns a login down serves those who know better.
fn meaning(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Rejected(_) => Answer::Ready,
        Refusal::Unready(reason) | Refusal::NoAnswer(reason) => Answer::Unready(reason),
    }
}
