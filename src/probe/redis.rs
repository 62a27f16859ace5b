//! Redis: ready means that `PING` is answered with `PONG`, after `AUTH` where a password is known. A server that is still
//! loading its data accepts connections and answers every command with an error (the RESP protocol, redis.io/docs/reference/protocol-spec).

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::ask::Refusal;

/// Sends `PING` on a fresh connection and reads the answer.
pub(super) async fn ping(stream: TcpStream, password: Option<&str>) -> Result<TcpStream, Refusal> {
    let mut stream = BufReader::new(stream);
    if let Some(password) = password {
        let answer = command(&mut stream, &["AUTH", password]).await?;
        // Without a password on its side it says so, and serves all the same.
        if answer.starts_with("-WRONGPASS") || answer.starts_with("-ERR invalid password") {
            return Err(Refusal::Rejected("it does not take the password of its environment".into()));
        }
    }
    let answer = command(&mut stream, &["PING"]).await?;
    match answer.as_str() {
        "+PONG" => Ok(stream.into_inner()),
        // It serves those who know the password; we do not.
        other if other.starts_with("-NOAUTH") || other.starts_with("-NOPERM") => Ok(stream.into_inner()),
        other => Err(Refusal::Unready(format!("PING is answered with {other}"))),
    }
}

async fn command(stream: &mut BufReader<TcpStream>, words: &[&str]) -> Result<String, Refusal> {
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.extend(["$", &word.len().to_string(), "\r\n", word, "\r\n"]);
    }
    stream.write_all(request.as_bytes()).await.map_err(Refusal::of_io)?;
    let mut answer = String::new();
    if stream.read_line(&mut answer).await.map_err(Refusal::of_io)? == 0 {
        return Err(Refusal::NoAnswer("it closed the connection without an answer".into()));
    }
    Ok(answer.trim_end().to_owned())
}
