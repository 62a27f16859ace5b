//! Requests over HTTP and HTTPS, each on a connection of its own.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::header::HOST;
use reqwest::{Client, Method, redirect};

use super::tls;
use crate::causes::root_cause;
use crate::model::{Answer, shape, without_styles};
use crate::subject::{HttpForm, Tls};

/// How much of a body is kept as evidence, in bytes, once it is without what makes a page long. The rest is read and dropped: an answer
/// counts when it is complete.
const BODY_LENGTH: usize = 64 * 1024;
/// How much of a body is looked at for that.
const LOOKED_AT: usize = 4 * BODY_LENGTH;

/// What every probe calls itself.
pub(super) const AGENT: &str = concat!("seaworthy/", env!("CARGO_PKG_VERSION"));

/// Requests of one form, each on a connection of its own.
#[derive(Debug)]
pub(super) struct Requests {
    form: HttpForm,
    client: Client,
    /// Where the client's name of the host stands for, when it has one.
    resolved: Option<SocketAddr>,
    limit: Duration,
    /// Whether it has answered in a way that a server of this kind does.
    has_answered: bool,
}

impl Requests {
    /// The error says why there can be none.
    pub(super) fn new(form: &HttpForm, limit: Duration) -> Result<Self, String> {
        let client = client(form, limit, None)?;
        Ok(Self { form: form.clone(), client, resolved: None, limit, has_answered: false })
    }

    /// Asks once.
    pub(super) async fn ask(&mut self, socket: SocketAddr) -> (Answer, Option<String>) {
        if self.form.host.is_some() && self.resolved != Some(socket) {
            match client(&self.form, self.limit, Some(socket)) {
                Ok(client) => (self.client, self.resolved) = (client, Some(socket)),
                Err(why) => return (Answer::Broken(why), None),
            }
        }
        let (answer, body) = ask(&self.client, &self.form, socket).await;
        if !self.has_answered && !self.form.is_https && may_be_of_tls(&answer) && tls::speaks_it(socket, self.limit).await {
            return (Answer::CannotAsk("the port speaks TLS".into()), None);
        }
        self.has_answered |= answer.is_an_answer();
        (answer, body)
    }
}

/// Whether a plain request may have met a server that speaks TLS: it hangs up, answers in its own protocol, or says 400.
pub(super) fn may_be_of_tls(answer: &Answer) -> bool {
    matches!(answer, Answer::Broken(_) | Answer::Reset | Answer::CannotAsk(_) | Answer::Status(400))
}

/// Asks once over HTTP, and where that meets a server that speaks TLS over HTTPS, with any certificate. Returns how it was asked, too.
pub async fn ask_either(socket: SocketAddr, path: &str, limit: Duration) -> (HttpForm, Answer) {
    let form = HttpForm::to(path);
    let answer = ask_once(socket, &form, limit).await;
    if may_be_of_tls(&answer) && tls::speaks_it(socket, limit).await {
        let form = HttpForm { is_https: true, tls: Tls::Insecure, ..form };
        let answer = ask_once(socket, &form, limit).await;
        return (form, answer);
    }
    (form, answer)
}

/// The shape of the last body of each status.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<u16, String>);

impl Known {
    /// Whether a body says something else than that of the last answer with the same status: other numbers, times or ids are no news.
    pub(super) fn is_news(&mut self, answer: &Answer, body: &str) -> bool {
        let Answer::Status(status) = answer else { return false };
        let shape = shape(body);
        self.0.insert(*status, shape.clone()) != Some(shape)
    }
}

/// Asks once. A request that takes longer than the limit counts as hung.
pub async fn ask_once(socket: SocketAddr, form: &HttpForm, limit: Duration) -> Answer {
    ask_for_body(socket, form, limit).await.0
}

/// The same, with what is kept of the body.
pub async fn ask_for_body(socket: SocketAddr, form: &HttpForm, limit: Duration) -> (Answer, Option<String>) {
    match client(form, limit, Some(socket)) {
        Ok(client) => ask(&client, form, socket).await,
        Err(why) => (Answer::Broken(why), None),
    }
}

/// A client that follows no redirect, uses no proxy and keeps no connection, and to which the host's name stands for this address.
fn client(form: &HttpForm, limit: Duration, socket: Option<SocketAddr>) -> Result<Client, String> {
    let mut builder = Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(limit)
        .pool_max_idle_per_host(0)
        .user_agent(AGENT)
        .tls_backend_preconfigured(tls::config(if form.is_https { &form.tls } else { &Tls::Insecure })?);
    if let (Some(host), Some(socket)) = (&form.host, socket) {
        builder = builder.resolve(host, socket);
    }
    builder.build().map_err(|error| root_cause(&error))
}

/// A body that does not end within the client's limit is a hang, however much of it came; it is never held in memory.
async fn ask(client: &Client, form: &HttpForm, socket: SocketAddr) -> (Answer, Option<String>) {
    let scheme = if form.is_https { "https" } else { "http" };
    let authority = form.host.as_ref().map_or_else(|| socket.to_string(), |host| format!("{host}:{}", socket.port()));
    let method = Method::from_bytes(form.method.as_bytes()).unwrap_or_default();
    let mut request = client.request(method, format!("{scheme}://{authority}{}", form.path));
    // As a client on the usual port would send it.
    request = form.host.iter().fold(request, |request, host| request.header(HOST, host));
    request = form.headers.iter().fold(request, |request, (name, value)| request.header(name, &value.0));
    let answered = async {
        let mut response = request.send().await?;
        let mut body = vec![];
        while let Some(piece) = response.chunk().await? {
            let room = LOOKED_AT - body.len();
            body.extend_from_slice(&piece[..room.min(piece.len())]);
        }
        Ok((response.status().as_u16(), body))
    };
    match answered.await {
        Ok((status, body)) => (Answer::Status(status), Some(kept(&String::from_utf8_lossy(&body)))),
        Err(error) => (classify(&error), None),
    }
}

/// What of a body is kept.
fn kept(body: &str) -> String {
    let body = without_styles(body);
    body[..body.floor_char_boundary(BODY_LENGTH)].to_owned()
}

fn classify(error: &reqwest::Error) -> Answer {
    if error.is_timeout() {
        return Answer::TimedOut;
    }
    match io_error_kind(error) {
        Some(ErrorKind::ConnectionRefused) => Answer::Refused,
        Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => Answer::Reset,
        Some(ErrorKind::TimedOut) => Answer::TimedOut,
        _ => speaks_otherwise(error).map_or_else(|| Answer::Broken(root_cause(error)), Answer::CannotAsk),
    }
}

/// How the server does not speak HTTP, or not TLS, or what is wrong with its certificate; nothing when it is something else that went wrong.
fn speaks_otherwise(error: &reqwest::Error) -> Option<String> {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.find_map(|cause| match of_tls(cause) {
        Some(rustls::Error::InvalidMessage(_)) => Some("the port does not speak TLS".to_owned()),
        Some(error) => Some(error.to_string()),
        None => cause.downcast_ref::<hyper::Error>().filter(|error| error.is_parse()).map(|error| root_cause(error)),
    })
}

/// An error of TLS, which errors of the system may be wrapped around.
fn of_tls<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let within = || error.downcast_ref::<std::io::Error>()?.get_ref();
    error.downcast_ref().or_else(|| of_tls(within()?))
}

fn io_error_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind).last()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// What the probe says of a server that reads the request and then writes these bytes and closes.
    async fn answer_to(bytes: &'static [u8]) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let socket = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes).await;
        });
        let answer = ask_once(socket, &HttpForm::to("/"), Duration::from_mins(1)).await;
        server.await.expect("served");
        answer
    }

    #[tokio::test]
    async fn answers_are_told_apart() {
        assert_eq!(answer_to(b"HTTP/1.1 503 Down\r\ncontent-length: 2\r\n\r\nno").await, Answer::Status(503));
        assert!(matches!(answer_to(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\ncut").await, Answer::Broken(_)));
        assert!(matches!(answer_to(b"SSH-2.0-server\r\n").await, Answer::CannotAsk(_)));
        assert!(matches!(answer_to(b"").await, Answer::Broken(_) | Answer::Reset));
    }

    /// What the probe says of a server that answers with a body of so many bytes, or of one that never ends, within so long.
    async fn answer_to_body(length: Option<usize>, limit: Duration) -> (Answer, Option<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let socket = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 503 Down\r\nconnection: close\r\n\r\n").await;
            let mut left = length.unwrap_or(usize::MAX);
            while left > 0 {
                let piece = left.min(10_000);
                if stream.write_all(&vec![b'x'; piece]).await.is_err() {
                    return;
                }
                left -= piece;
            }
        });
        let answered = Requests::new(&HttpForm::to("/"), limit).expect("a client").ask(socket).await;
        server.await.expect("served, or hung up on");
        answered
    }

    #[tokio::test]
    async fn of_a_long_body_the_beginning_is_kept() {
        for (length, kept) in [(BODY_LENGTH - 1, BODY_LENGTH - 1), (BODY_LENGTH, BODY_LENGTH), (3_000_000, BODY_LENGTH)] {
            let (answer, body) = answer_to_body(Some(length), Duration::from_mins(1)).await;
            assert_eq!((answer, body.map(|body| body.len())), (Answer::Status(503), Some(kept)), "{length}");
        }
    }

    #[test]
    fn of_a_page_with_long_styles_the_text_is_kept() {
        let page =
            format!("<!doctype html><html><style>{}</style><body>the database is down</body></html>", "x".repeat(LOOKED_AT / 2));
        assert_eq!(kept(&page), "<!doctype html><html><style></style><body>the database is down</body></html>");
        assert_eq!(kept(&"é".repeat(BODY_LENGTH)).len(), BODY_LENGTH);
    }

    #[test]
    fn a_body_is_kept_where_it_says_something_new() {
        let mut known = Known::default();
        for (status, body, is_news) in [
            (200, "up for 1.5 s", true),
            (503, "down", true),
            (503, "down", false),
            (503, "postgres://u@db", true),
            (200, "up for 20 s", false),
            (503, "postgres://u@db", false),
            (503, "down", true),
        ] {
            assert_eq!(known.is_news(&Answer::Status(status), body), is_news, "{status} {body}");
        }
        assert!(!known.is_news(&Answer::TimedOut, ""));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_a_hang() {
        assert_eq!(answer_to_body(None, Duration::from_millis(300)).await, (Answer::TimedOut, None));
    }

    #[tokio::test]
    async fn a_closed_port_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let socket = listener.local_addr().expect("an address");
        drop(listener);
        assert_eq!(ask_once(socket, &HttpForm::to("/"), Duration::from_mins(1)).await, Answer::Refused);
    }
}
