//! Servers that tell their health over HTTP: etcd (`/health`, etcd.io/docs, "Monitoring etcd"), Elasticsearch and OpenSearch
//! (`/_cluster/health`, the cluster health API), MinIO (`/minio/health/cluster`, its healthcheck API), and any server whose health
//! check names a path. A server that asks for a login which we do not have serves those who have it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::ask::Refusal;
use super::http::AGENT;
use crate::causes::root_cause;
use crate::subject::Credentials;

/// The health of a server tells in few words.
const LONGEST: usize = 64 * 1024;

/// etcd: a member that has no leader, or an alarm, says so with 503.
pub(super) async fn etcd(stream: TcpStream) -> Result<Kept, Refusal> {
    let Answer { status, body, kept } = get(stream, "/health", None).await?;
    match (status, field(&body, "health").as_deref()) {
        (StatusCode::OK, Some("true")) => Ok(kept),
        (StatusCode::OK, None) => Err(Refusal::Unready("/health does not say whether it is healthy".into())),
        _ => Err(Refusal::Unready(
            field(&body, "reason").filter(|reason| !reason.is_empty()).unwrap_or_else(|| told("/health", status)),
        )),
    }
}

/// Elasticsearch: a cluster that is red has data that nobody can read; one without an elected master answers 503.
pub(super) async fn elasticsearch(stream: TcpStream, credentials: Option<&Credentials>) -> Result<Kept, Refusal> {
    let path = "/_cluster/health";
    let Answer { status, body, kept } = get(stream, path, credentials).await?;
    match (status, field(&body, "status").as_deref()) {
        (StatusCode::OK, Some("green" | "yellow")) => Ok(kept),
        (StatusCode::OK, Some(colour)) => Err(Refusal::Unready(format!("its cluster is {colour}"))),
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) if credentials.is_none() => Ok(kept),
        _ => Err(Refusal::Unready(told(path, status))),
    }
}

/// MinIO: 200 when enough of its drives are there to write to.
pub(super) async fn minio(stream: TcpStream) -> Result<Kept, Refusal> {
    let path = "/minio/health/cluster";
    let Answer { status, kept, .. } = get(stream, path, None).await?;
    if status == StatusCode::OK { Ok(kept) } else { Err(Refusal::Unready(told(path, status))) }
}

/// Any server: it says that it can't serve with a status of 500 or more. Others may speak of us.
pub(super) async fn any(stream: TcpStream, path: &str) -> Result<Kept, Refusal> {
    let Answer { status, kept, .. } = get(stream, path, None).await?;
    if status.is_server_error() { Err(Refusal::Unready(told(path, status))) } else { Ok(kept) }
}

fn told(path: &str, status: StatusCode) -> String {
    format!("{path} answers {}", status.as_u16())
}

/// A text or a truth in the outermost object of a body.
fn field(body: &[u8], name: &str) -> Option<String> {
    match serde_json::from_slice::<Value>(body).ok()?.get(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// A connection that stays open when it has been asked, as those of the app do.
#[derive(Debug)]
pub(super) struct Kept {
    connection: JoinHandle<()>,
    /// Without it the connection would be closed.
    _sender: SendRequest<Empty<Bytes>>,
}

impl Kept {
    /// Returns when the server has ended it.
    pub(super) async fn closed(mut self) {
        // How it ended does not matter, only that it did.
        let _ = (&mut self.connection).await;
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

struct Answer {
    status: StatusCode,
    body: Bytes,
    kept: Kept,
}

/// Asks a path, on a connection that is kept.
async fn get(stream: TcpStream, path: &str, credentials: Option<&Credentials>) -> Result<Answer, Refusal> {
    let no_answer = |error: hyper::Error| {
        if error.is_incomplete_message() {
            return Refusal::NoAnswer("it closed the connection without an answer".into());
        }
        if error.is_parse() { Refusal::Unready("it does not speak HTTP".into()) } else { Refusal::NoAnswer(root_cause(&error)) }
    };
    let host = stream.peer_addr().map_err(Refusal::of_io)?;
    let mut request = Request::get(path).header(HOST, host.to_string()).header(USER_AGENT, AGENT);
    if let Some(Credentials { user, password, .. }) = credentials {
        request = request.header(AUTHORIZATION, format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.0))));
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| Refusal::Unready(error.to_string()))?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(no_answer)?;
    let connection = tokio::spawn(async move {
        let _ = connection.await;
    });
    let response = sender.send_request(request).await.map_err(no_answer)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), LONGEST).collect().await;
    let body = body.map_err(|error| Refusal::NoAnswer(error.to_string()))?.to_bytes();
    Ok(Answer { status, body, kept: Kept { connection, _sender: sender } })
}
