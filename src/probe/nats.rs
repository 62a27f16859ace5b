//! NATS: the server begins with `INFO`, and ready means that it answers `PING` with `PONG` after `CONNECT`
//! (docs.nats.io/reference/reference-protocols/nats-protocol). One that asks for TLS or a login serves those who have it: of it the
//! greeting is enough.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::ask::Refusal;

/// What a client says first: no acknowledgement of each message, and no strict checks.
const CONNECT: &str =
    r#"CONNECT {"verbose":false,"pedantic":false,"tls_required":false,"name":"seaworthy","lang":"rust","version":"1"}"#;

/// Connects, and asks for a `PONG`.
pub(super) async fn ping(stream: TcpStream) -> Result<TcpStream, Refusal> {
    let mut stream = BufReader::new(stream);
    let greeting = line(&mut stream).await?;
    let Some(info) = greeting.strip_prefix("INFO ") else {
        return Err(Refusal::Unready(format!("it greets with {greeting}")));
    };
    let info: Value = serde_json::from_str(info).map_err(|_| Refusal::Unready("its greeting is no NATS server's".into()))?;
    let asks_for = |key: &str| info.get(key) == Some(&Value::Bool(true));
    if asks_for("tls_required") || asks_for("auth_required") {
        return Ok(stream.into_inner());
    }
    stream.write_all(format!("{CONNECT}\r\nPING\r\n").as_bytes()).await.map_err(Refusal::of_io)?;
    loop {
        match line(&mut stream).await?.as_str() {
            "PONG" => return Ok(stream.into_inner()),
            // It may say more of itself, or acknowledge.
            "+OK" | "PING" => {}
            more if more.starts_with("INFO ") => {}
            other => return Err(Refusal::Unready(format!("PING is answered with {other}"))),
        }
    }
}

async fn line(stream: &mut BufReader<TcpStream>) -> Result<String, Refusal> {
    let mut line = String::new();
    if stream.read_line(&mut line).await.map_err(Refusal::of_io)? == 0 {
        return Err(Refusal::NoAnswer("it closed the connection without an answer".into()));
    }
    Ok(line.trim_end().to_owned())
}
