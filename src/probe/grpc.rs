//! The health service of gRPC: one call of `grpc.health.v1.Health/Check` (github.com/grpc/grpc/blob/master/doc/health-checking.md), each on a
//! connection of its own. Its messages are two fields, so they are written and read here.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::header::{CONTENT_TYPE, HeaderMap, TE, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::http::AGENT;
use super::tcp;
use crate::causes::root_cause;
use crate::model::Answer;

const CALL: &str = "/grpc.health.v1.Health/Check";
/// The first byte of a message that is not compressed, before its length in four bytes.
const PLAIN: u8 = 0;
const PREFIX: usize = 5;
/// Field 1 of a message in protocol buffers: as a text, and as a number.
const TEXT_1: u8 = 0x0A;
const NUMBER_1: u8 = 0x08;
const SERVING: u64 = 1;

/// Asks once for the health of a service; of the whole server where it has no name.
pub(super) async fn ask(socket: SocketAddr, service: &str, limit: Duration) -> Answer {
    let asked = async {
        let stream = tcp::connect(socket).await?;
        check(stream, socket, service).await.map_err(Answer::CannotAsk)
    };
    match timeout(limit, asked).await {
        Ok(Ok(answer) | Err(answer)) => answer,
        Err(_) => Answer::TimedOut,
    }
}

/// Whether a server answers such a call, whatever it says.
pub async fn grpc_answers(socket: SocketAddr, limit: Duration) -> bool {
    matches!(ask(socket, "", limit).await, Answer::Ready | Answer::Unready(_))
}

async fn check(stream: TcpStream, socket: SocketAddr, service: &str) -> Result<Answer, String> {
    let wrong = |error: hyper::Error| format!("it does not speak HTTP/2: {}", root_cause(&error));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(wrong)?;
    // It ends with the last request.
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{socket}{CALL}"))
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .header(USER_AGENT, AGENT)
        .body(Full::new(Bytes::from(message(service))))
        .map_err(|error| root_cause(&error))?;
    let response = sender.send_request(request).await.map_err(wrong)?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| root_cause(&error))?;
    let status = status(&head.headers).or_else(|| body.trailers().and_then(status));
    connection.abort();
    Ok(match status {
        Some(0) => told(&body.to_bytes()),
        Some(5) => Answer::Unready("NOT_FOUND: the server knows no such service".into()),
        Some(12) => Answer::Unready("UNIMPLEMENTED: the server has no health service".into()),
        Some(code) => Answer::Unready(format!("gRPC status {code}")),
        None => Answer::CannotAsk(format!("it does not speak gRPC: it answers {}", head.status.as_u16())),
    })
}

fn status(headers: &HeaderMap) -> Option<u32> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// A `HealthCheckRequest`. A name is shorter than 128 bytes, or it is asked for the server as a whole.
fn message(service: &str) -> Vec<u8> {
    let mut field = vec![];
    if let (Ok(length @ 1..=127), true) = (u8::try_from(service.len()), !service.is_empty()) {
        field.extend([TEXT_1, length]);
        field.extend(service.as_bytes());
    }
    let mut message = vec![PLAIN];
    message.extend(u32::try_from(field.len()).unwrap_or_default().to_be_bytes());
    message.extend(field);
    message
}

/// What a `HealthCheckResponse` says.
fn told(body: &[u8]) -> Answer {
    let status = match body.get(PREFIX..) {
        Some([NUMBER_1, status, ..]) => u64::from(*status),
        // A field that is left out is 0.
        Some([]) => 0,
        _ => return Answer::Broken("its answer is no message of the health service".into()),
    };
    match status {
        SERVING => Answer::Ready,
        2 => Answer::Unready("NOT_SERVING".into()),
        3 => Answer::Unready("SERVICE_UNKNOWN".into()),
        _ => Answer::Unready("UNKNOWN".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_those_of_the_protocol() {
        assert_eq!(message(""), [0, 0, 0, 0, 0]);
        assert_eq!(message("ab"), [0, 0, 0, 0, 4, 0x0A, 2, b'a', b'b']);
        assert_eq!(told(&[0, 0, 0, 0, 2, 8, 1]), Answer::Ready);
        assert_eq!(told(&[0, 0, 0, 0, 2, 8, 2]), Answer::Unready("NOT_SERVING".into()));
        assert_eq!(told(&[0, 0, 0, 0, 0]), Answer::Unready("UNKNOWN".into()));
        assert!(matches!(told(b"<html>"), Answer::Broken(_)));
    }
}
