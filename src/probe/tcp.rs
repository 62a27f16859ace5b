//! A port that is open: somebody accepts a connection. It says nothing of what is behind.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dependency::stays_open;
use crate::engine::Reach;
use crate::model::Answer;

/// Connects once.
pub(super) async fn ask(socket: SocketAddr, reach: &Reach, limit: Duration) -> Answer {
    let connected = async {
        let stream = connect(socket).await?;
        if matches!(reach, Reach::Published(_)) {
            stays_open(stream).await.map_err(|_| Answer::Refused)?;
        }
        Ok(Answer::Ready)
    };
    match timeout(limit, connected).await {
        Ok(Ok(answer) | Err(answer)) => answer,
        Err(_) => Answer::TimedOut,
    }
}

/// A connection, or what became of the attempt.
pub(super) async fn connect(socket: SocketAddr) -> Result<TcpStream, Answer> {
    TcpStream::connect(socket).await.map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused => Answer::Refused,
        ErrorKind::ConnectionReset => Answer::Reset,
        ErrorKind::TimedOut => Answer::TimedOut,
        _ => Answer::Broken(error.to_string()),
    })
}
