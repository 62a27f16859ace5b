//! The health service of gRPC: one call of `grpc.health.v1.Health/Check` (github.com/grpc/grpc/blob/master/doc/health-checking.md), each on a
//! connection of its own. Its messages are two fields, so they are written and read here.

use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper::header::{CONTENT_TYPE, HeaderMap, TE, USER_AGENT};
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::http::{AGENT, may_be_of_tls};
use super::{tcp, tls};
use crate::causes::root_cause;
use crate::model::Answer;
use crate::subject::{GrpcForm, Tls};

const CALL: &str = "/grpc.health.v1.Health/Check";
/// What the server has to choose when it speaks TLS (ALPN, RFC 9113, section 3.2).
const PROTOCOL: &[u8] = b"h2";
const NO_TLS: &str = "the port does not speak TLS";
/// The first byte of a message that is not compressed, before its length in four bytes.
const PLAIN: u8 = 0;
const PREFIX: usize = 5;
/// Field 1 of a message in protocol buffers: as a text, and as a number.
const TEXT_1: u8 = 0x0A;
const NUMBER_1: u8 = 0x08;
const SERVING: u64 = 1;

/// Calls of one form, each on a connection of its own.
pub(super) struct Calls {
    form: GrpcForm,
    tls: Option<TlsConnector>,
    limit: Duration,
    /// Whether it has answered as such a server does.
    has_answered: bool,
}

impl Calls {
    /// The error says why there can be none.
    pub(super) fn new(form: &GrpcForm, limit: Duration) -> Result<Self, String> {
        let tls = form.tls.as_ref().map(|tls| tls::connector(tls, &[PROTOCOL])).transpose()?;
        Ok(Self { form: form.clone(), tls, limit, has_answered: false })
    }

    /// Asks once for the health of a service; of the whole server where it has no name. Where nobody has answered so far, it is looked whether
    /// the server speaks TLS when it is asked without, and the other way round.
    pub(super) async fn ask(&mut self, socket: SocketAddr) -> Answer {
        let answer = match timeout(self.limit, self.call(socket)).await {
            Ok(Ok(answer) | Err(answer)) => answer,
            Err(_) => Answer::TimedOut,
        };
        self.has_answered |= answer.is_an_answer();
        if self.has_answered || !may_be_of_tls(&answer) {
            return answer;
        }
        if self.tls.is_none() && tls::speaks_it(socket, self.limit).await {
            return Answer::CannotAsk("the port speaks TLS".into());
        }
        if self.tls.is_some() && answers(socket, None, self.limit).await {
            return Answer::CannotAsk(NO_TLS.into());
        }
        answer
    }

    async fn call(&self, socket: SocketAddr) -> Result<Answer, Answer> {
        let stream = tcp::connect(socket).await?;
        let authority = self.form.host.as_ref().map_or_else(|| socket.to_string(), |host| format!("{host}:{}", socket.port()));
        let Some(tls) = &self.tls else {
            let uri = format!("http://{authority}{CALL}");
            return check(stream, uri, &self.form.service).await.map_err(Answer::CannotAsk);
        };
        let name = match &self.form.host {
            Some(host) => ServerName::try_from(host.clone()).map_err(|error| Answer::CannotAsk(error.to_string()))?,
            None => ServerName::IpAddress(socket.ip().into()),
        };
        let stream = tls.connect(name, stream).await.map_err(|error| of_handshake(&error))?;
        check(stream, format!("https://{authority}{CALL}"), &self.form.service).await.map_err(Answer::CannotAsk)
    }
}

/// Why there is no encrypted connection: a server that breaks off may be one that stops.
fn of_handshake(error: &Error) -> Answer {
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidMessage(_)) => Answer::CannotAsk(NO_TLS.into()),
        Some(error) => Answer::CannotAsk(error.to_string()),
        None if error.kind() == ErrorKind::ConnectionReset => Answer::Reset,
        None => Answer::Broken(error.to_string()),
    }
}

/// Asks once, without TLS.
pub(super) async fn ask(socket: SocketAddr, service: &str, limit: Duration) -> Answer {
    match Calls::new(&GrpcForm { service: service.to_owned(), ..GrpcForm::default() }, limit) {
        Ok(calls) => {
            timeout(limit, calls.call(socket)).await.map_or(Answer::TimedOut, |asked| asked.unwrap_or_else(|answer| answer))
        }
        Err(why) => Answer::CannotAsk(why),
    }
}

/// How a server answers such a call, whatever it says: without TLS, or with any certificate.
pub async fn grpc_answers(socket: SocketAddr, limit: Duration) -> Option<GrpcForm> {
    for tls in [None, Some(Tls::Insecure)] {
        if (tls.is_none() || tls::speaks_it(socket, limit).await) && answers(socket, tls.clone(), limit).await {
            return Some(GrpcForm { tls, ..GrpcForm::default() });
        }
    }
    None
}

async fn answers(socket: SocketAddr, tls: Option<Tls>, limit: Duration) -> bool {
    let Ok(calls) = Calls::new(&GrpcForm { tls, ..GrpcForm::default() }, limit) else { return false };
    matches!(timeout(limit, calls.call(socket)).await, Ok(Ok(Answer::Ready | Answer::Unready(_))))
}

async fn check(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    uri: String,
    service: &str,
) -> Result<Answer, String> {
    let wrong = |error: hyper::Error| format!("it does not speak HTTP/2: {}", root_cause(&error));
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.map_err(wrong)?;
    // It ends with the last request.
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(uri)
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
    use std::path::{Path, PathBuf};
    use std::pin::Pin;
    use std::sync::Arc;

    use rustls::ServerConfig;
    use rustls::crypto::ring;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::TlsAcceptor;

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

    /// What is said of a server that serves each connection in this way.
    async fn said<S, F>(form: GrpcForm, serve: S) -> Answer
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let socket = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        let answer = Calls::new(&form, Duration::from_mins(1)).expect("calls").ask(socket).await;
        server.abort();
        answer
    }

    fn file(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/forms/grpc-tls/tls").join(name)
    }

    /// Takes part in the handshake, and says nothing more.
    fn over_tls() -> impl Fn(TcpStream) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let chain = CertificateDer::pem_file_iter(file("server.pem")).expect("a file").map(|one| one.expect("a certificate"));
        let key = PrivateKeyDer::from_pem_file(file("server-key.pem")).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain.collect(), key)
            .expect("a pair");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        move |stream| {
            let acceptor = acceptor.clone();
            Box::pin(async move { drop(acceptor.accept(stream).await) })
        }
    }

    #[tokio::test]
    async fn a_server_is_told_that_speaks_tls_or_does_not() {
        let form = |host: Option<&str>, tls| GrpcForm { host: host.map(str::to_owned), tls, ..GrpcForm::default() };
        let plain = |stream: TcpStream| async move {
            let mut stream = stream;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        };
        let cannot = |why: &str| Answer::CannotAsk(why.into());
        assert_eq!(said(form(None, None), over_tls()).await, cannot("the port speaks TLS"));
        assert_eq!(said(form(None, Some(Tls::Insecure)), plain).await, cannot(NO_TLS));
        let closes = said(form(None, Some(Tls::Insecure)), async |stream: TcpStream| drop(stream)).await;
        assert!(matches!(closes, Answer::Broken(_) | Answer::Reset), "it may be one that stops: {closes}");
        let authority = || Some(Tls::Authority(file("ca.pem")));
        for (host, tls, part) in [
            (Some("shop.test"), authority(), "it does not speak HTTP/2"),
            (Some("other.test"), authority(), "certificate not valid for name"),
            (None, authority(), "certificate not valid for name"),
            (Some("shop.test"), Some(Tls::Public), "UnknownIssuer"),
            (Some("other.test"), Some(Tls::Insecure), "it does not speak HTTP/2"),
        ] {
            let Answer::CannotAsk(why) = said(form(host, tls.clone()), over_tls()).await else { panic!("{host:?} {tls:?}") };
            assert!(why.contains(part), "{host:?} {tls:?}: {why}");
        }
    }
}
