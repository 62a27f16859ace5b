//! Asks one endpoint of the app over and over, one request at a time, each on a connection of its own.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, redirect};
use tokio::sync::watch;

use super::next_reach;
use crate::causes::root_cause;
use crate::engine::Reach;
use crate::model::{Answer, Endpoint, Fact, Sight, Timeline, shape, without_styles};

/// From one request to the next.
const INTERVAL: Duration = Duration::from_millis(100);
/// How much of a body is kept as evidence, in bytes, once it is without what makes a page long. The rest is read and dropped: an answer
/// counts when it is complete.
const BODY_LENGTH: usize = 64 * 1024;
/// How much of a body is looked at for that.
const LOOKED_AT: usize = 4 * BODY_LENGTH;

/// What every probe calls itself.
pub(super) const AGENT: &str = concat!("seaworthy/", env!("CARGO_PKG_VERSION"));

/// What to ask, and how.
#[derive(Clone, Debug)]
pub struct HttpProbe {
    /// The endpoint that the answers belong to.
    pub endpoint: Endpoint,
    /// The port of the app.
    pub port: u16,
    /// The path of the endpoint.
    pub path: String,
    /// After this time a request counts as hung.
    pub timeout: Duration,
}

/// Probes the endpoint whenever its container can be reached, at most ten times a second, until dropped.
pub async fn watch_endpoint(probe: HttpProbe, mut reach: watch::Receiver<Option<Reach>>, timeline: Timeline) {
    let Ok(client) = client(probe.timeout) else {
        timeline.record(Fact::Blind { what: "the app's answers (no HTTP client)".into(), sight: Sight::Everything });
        return;
    };
    let clock = timeline.clock();
    let mut known = Known::default();
    while let Some(now) = next_reach(&mut reach).await {
        let Some(socket) = now.socket(probe.port) else {
            timeline.record(Fact::Blind {
                what: format!("the app's answers (port {} is not published)", probe.port),
                sight: Sight::Everything,
            });
            return;
        };
        let url = format!("http://{socket}{}", probe.path);
        let sent = clock.now();
        let (answer, body) = tokio::select! {
            answered = ask(&client, &url) => answered,
            // The container stopped with the request under way; without this, a vanished peer would look like a hang.
            _ = reach.wait_for(|later| later.as_ref() != Some(&now)) => (Answer::Broken("the container stopped".into()), None),
        };
        let body = body.filter(|body| known.is_news(&answer, body));
        timeline.record(Fact::Probe { endpoint: probe.endpoint, sent, answer, body });
        clock.reach(sent + INTERVAL).await;
    }
}

/// The shape of the last body of each status.
#[derive(Debug, Default)]
struct Known(BTreeMap<u16, String>);

impl Known {
    /// Whether a body says something else than that of the last answer with the same status: other numbers, times or ids are no news.
    fn is_news(&mut self, answer: &Answer, body: &str) -> bool {
        let Answer::Status(status) = answer else { return false };
        let shape = shape(body);
        self.0.insert(*status, shape.clone()) != Some(shape)
    }
}

/// Asks a path once. A request that takes longer than the limit counts as hung.
pub async fn ask_once(socket: SocketAddr, path: &str, limit: Duration) -> Answer {
    match client(limit) {
        Ok(client) => ask(&client, &format!("http://{socket}{path}")).await.0,
        Err(error) => classify(&error),
    }
}

/// A client that follows no redirect, uses no proxy and keeps no connection.
fn client(limit: Duration) -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(limit)
        .pool_max_idle_per_host(0)
        .user_agent(AGENT)
        .build()
}

/// A body that does not end within the client's limit is a hang, however much of it came; it is never held in memory.
async fn ask(client: &Client, url: &str) -> (Answer, Option<String>) {
    let answered = async {
        let mut response = client.get(url).send().await?;
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
        _ => Answer::Broken(root_cause(error)),
    }
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
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(bytes).await;
        });
        let (answer, _) = ask(&Client::new(), &url).await;
        server.await.expect("served");
        answer
    }

    #[tokio::test]
    async fn answers_are_told_apart() {
        assert_eq!(answer_to(b"HTTP/1.1 503 Down\r\ncontent-length: 2\r\n\r\nno").await, Answer::Status(503));
        assert!(matches!(answer_to(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\ncut").await, Answer::Broken(_)));
        assert!(matches!(answer_to(b"SSH-2.0-server\r\n").await, Answer::Broken(_)));
        assert!(matches!(answer_to(b"").await, Answer::Broken(_) | Answer::Reset));
    }

    /// What the probe says of a server that answers with a body of so many bytes, or of one that never ends, within so long.
    async fn answer_to_body(length: Option<usize>, limit: Duration) -> (Answer, Option<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
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
        let answered = ask(&client(limit).expect("a client"), &url).await;
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
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        drop(listener);
        assert_eq!(ask(&Client::new(), &url).await.0, Answer::Refused);
    }
}
