//! Memcached: ready means that `version` is answered (protocol.txt of memcached, "Other commands"). A server that asks for a login serves
//! those who have one.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::ask::Refusal;

/// Asks for the version on a fresh connection.
pub(super) async fn version(stream: TcpStream) -> Result<TcpStream, Refusal> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"version\r\n").await.map_err(Refusal::of_io)?;
    let mut answer = String::new();
    if stream.read_line(&mut answer).await.map_err(Refusal::of_io)? == 0 {
        return Err(Refusal::NoAnswer("it closed the connection without an answer".into()));
    }
    match answer.trim_end() {
        answer if answer.starts_with("VERSION ") || answer.starts_with("CLIENT_ERROR unauthenticated") => Ok(stream.into_inner()),
        answer => Err(Refusal::Unready(format!("`version` is answered with {answer}"))),
    }
}
