//! Clients that ask over and over, each one request at a time, and count what becomes of every request. The only probe that asks
//! more than twenty times a second.
//!
//! Every request has a connection of its own, so that the kernel's table of sockets tells which of them the app has read: what was
//! read and then cut off was accepted and not answered. What was cut off unread, the kernel had accepted for a listener that was then
//! closed, and the app never saw it. Where that table is out of sight, the age of a request has to do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{Either, select};
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, USER_AGENT};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::http::AGENT;
use super::tls;
use crate::causes::root_cause;
use crate::clock::Clock;
use crate::engine::Sockets;
use crate::model::{Fact, Timeline};
use crate::subject::HttpForm;

/// Where the app's sockets are out of sight: from this age on a request that is cut off had been accepted by the app. In sight: only
/// what is read when it is this old is taken to be read; of a younger one the first byte may still be on its way.
const OLD: Duration = Duration::from_millis(100);
/// How long a connection may take. The kernel makes it at once where somebody listens; where the container's network is being
/// taken down nobody says no. Below the age from which on a request counts as accepted.
const CONNECT_LIMIT: Duration = Duration::from_millis(80);
/// How long the app's last words may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a client rests after a refusal.
const REST: Duration = Duration::from_millis(20);
/// How often the app's sockets are looked at.
const LOOKS: Duration = Duration::from_millis(20);

/// What to ask.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Where the app listens.
    pub socket: SocketAddr,
    /// What they ask: the path, with a query or without, the host and headers.
    pub request: HttpForm,
    /// The longest time that an answer may take.
    pub limit: Duration,
    /// The sockets of the app's network, where they are in sight.
    pub sockets: Option<Sockets>,
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<Count>,
    /// Ends with the load.
    _looks: JoinSet<()>,
    client: Client,
    over: watch::Sender<Over>,
    timeline: Timeline,
}

/// Whether clients are to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    NotYet,
    /// After the request that is under way.
    AfterThis,
    /// The app ended then: no more answers will come.
    Ended(Duration),
}

#[derive(Debug, Default)]
struct Count {
    complete: usize,
    refused: usize,
    unclear: usize,
    torn: Vec<String>,
}

impl Load {
    /// Lets so many clients ask until [`Load::end`].
    #[must_use]
    pub fn begin(clients: usize, asked: &Asked, timeline: Timeline) -> Self {
        let over = watch::Sender::new(Over::NotYet);
        // A file that can no longer be read is told by the probe of readiness.
        let tls = Some(&asked.request).filter(|request| request.is_https).and_then(|request| tls::config(&request.tls).ok());
        let tls = tls.map(Arc::new);
        let client = Client { asked: asked.clone(), heard: Arc::default(), clock: timeline.clock(), tls };
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            tasks.spawn(client.clone().ask_until(over.subscribe()));
        }
        let mut looks = JoinSet::new();
        looks.spawn(client.clone().look_again_and_again());
        Self { clients: tasks, _looks: looks, client, over, timeline }
    }

    /// Looks which requests the app has read by now. That is done again and again, too; this is for a moment that counts.
    pub fn look(&self) {
        self.client.look();
    }

    /// Ends the load, and notes what became of all requests: after the app has ended, at this moment, or while it still runs, when
    /// every client has the answer to its last request.
    pub async fn end(self, ended: Option<Duration>) {
        self.over.send_replace(ended.map_or(Over::AfterThis, Over::Ended));
        let mut all = Count::default();
        for count in self.clients.join_all().await {
            all.complete += count.complete;
            all.refused += count.refused;
            all.unclear += count.unclear;
            all.torn.extend(count.torn);
        }
        let Count { complete, refused, unclear, torn } = all;
        self.timeline.record(Fact::Load { complete, refused, unclear, torn });
    }
}

/// What all clients share.
#[derive(Clone, Debug)]
struct Client {
    asked: Asked,
    /// When it was last seen that the app has read everything from a client's port.
    heard: Arc<Mutex<HashMap<u16, Duration>>>,
    clock: Clock,
    tls: Option<Arc<ClientConfig>>,
}

/// What became of a request.
enum Outcome {
    Complete,
    /// The answer began, with this status, and broke off.
    BrokeOff(u16, String),
    Unanswered(String),
    /// The connection was not made secure, so that nothing was asked.
    TurnedAway,
}

impl Client {
    async fn ask_until(self, mut over: watch::Receiver<Over>) -> Count {
        let mut count = Count::default();
        while *over.borrow() == Over::NotYet {
            let sent = self.clock.now();
            // Both kinds of failure: nobody listens, and nobody even says so.
            if let Ok(Ok(stream)) = timeout(CONNECT_LIMIT, TcpStream::connect(self.asked.socket)).await {
                let port = stream.local_addr().map_or(0, |own| own.port());
                let outcome = tokio::select! {
                    outcome = timeout(self.asked.limit, self.ask(stream)) => outcome.unwrap_or_else(|_| Outcome::Unanswered("no answer in time".into())),
                    ended = gone(&mut over, self.clock) => {
                        self.cut_off(&mut count, port, sent, ended, "the app ended");
                        break;
                    }
                };
                match outcome {
                    Outcome::Complete => {
                        count.complete += 1;
                        continue;
                    }
                    Outcome::TurnedAway => count.refused += 1,
                    Outcome::BrokeOff(status, how) => count.torn.push(format!("a {status} broke off: {how}")),
                    Outcome::Unanswered(how) => self.cut_off(&mut count, port, sent, self.clock.now(), &how),
                }
            } else {
                count.refused += 1;
            }
            self.clock.reach(self.clock.now() + REST).await;
        }
        count
    }

    async fn ask(&self, stream: TcpStream) -> Outcome {
        let form = &self.asked.request;
        let host = form.host.clone().unwrap_or_else(|| self.asked.socket.to_string());
        let request = Request::builder()
            .method(form.method.as_str())
            .uri(target(&self.asked))
            .header(HOST, host)
            .header(USER_AGENT, AGENT)
            .header(CONNECTION, "close");
        let request = form.headers.iter().fold(request, |request, (name, value)| request.header(name, &value.0));
        let request = match request.body(Empty::<Bytes>::new()) {
            Ok(request) => request,
            Err(error) => return Outcome::Unanswered(root_cause(&error)),
        };
        match &self.tls {
            None => exchange(stream, request).await,
            Some(tls) => match TlsConnector::from(Arc::clone(tls)).connect(self.server_name(), stream).await {
                Ok(stream) => exchange(stream, request).await,
                Err(_) => Outcome::TurnedAway,
            },
        }
    }

    /// The name that the server's certificate is looked at for.
    fn server_name(&self) -> ServerName<'static> {
        let name = self.asked.request.host.clone().and_then(|host| ServerName::try_from(host).ok());
        name.unwrap_or_else(|| ServerName::IpAddress(self.asked.socket.ip().into()))
    }

    async fn look_again_and_again(self) {
        loop {
            self.look();
            self.clock.reach(self.clock.now() + LOOKS).await;
        }
    }

    fn look(&self) {
        let Some(sockets) = self.asked.sockets else { return };
        let (at, heard) = (self.clock.now(), sockets.heard_at(self.asked.socket.port()));
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).extend(heard.into_iter().map(|port| (port, at)));
    }

    /// Counts a request that was sent and cut off at these offsets.
    fn cut_off(&self, count: &mut Count, port: u16, sent: Duration, cut: Duration, how: &str) {
        let known = |at: Duration| at.saturating_sub(sent) >= OLD;
        let was_accepted = match self.asked.sockets {
            Some(_) => self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(&port).is_some_and(|at| known(*at)),
            None => known(cut),
        };
        if was_accepted {
            count.torn.push(format!("no answer after {:.1} s: {how}", cut.saturating_sub(sent).as_secs_f64()));
        } else {
            count.unclear += 1;
        }
    }
}

/// Sends a request on a connection of its own, and reads the answer.
async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin + Send, request: Request<Empty<Bytes>>) -> Outcome {
    let (mut sender, connection) = match http1::handshake(TokioIo::new(stream)).await {
        Ok(made) => made,
        Err(error) => return Outcome::Unanswered(root_cause(&error)),
    };
    let answered = async move {
        let response = match sender.send_request(request).await {
            Ok(response) => response,
            Err(error) => return Outcome::Unanswered(root_cause(&error)),
        };
        let status = response.status().as_u16();
        // What is read is dropped at once: a body may be of any length.
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if let Err(error) = frame {
                return Outcome::BrokeOff(status, root_cause(&error));
            }
        }
        Outcome::Complete
    };
    // The connection does the reading and writing. When it ends first, what it read is there still.
    match select(pin!(answered), pin!(connection)).await {
        Either::Left((outcome, _)) => outcome,
        Either::Right((_, answered)) => answered.await,
    }
}

/// The path as a request line has it.
fn target(asked: &Asked) -> String {
    let Ok(url) = reqwest::Url::parse(&format!("http://{}{}", asked.socket, asked.request.path)) else {
        return asked.request.path.clone();
    };
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// Returns when the app has been gone for long enough for its last words to have arrived.
async fn gone(over: &mut watch::Receiver<Over>, clock: Clock) -> Duration {
    // The sender lives until every client is done.
    let over = over.wait_for(|over| matches!(over, Over::Ended(_))).await.map(|over| *over);
    let ended = if let Ok(Over::Ended(at)) = over { at } else { clock.now() };
    clock.reach(ended + LAST_WORDS).await;
    ended
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::redact::Redactor;

    /// Of two requests a server reads one and leaves the other in the kernel's queue, for long enough to be old; then it is gone.
    async fn counted(sockets: Option<Sockets>) -> (usize, usize, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let socket = listener.local_addr().expect("an address");
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let asked = Asked { socket, request: HttpForm::to("/a b?c d"), limit: Duration::from_mins(1), sockets };
        let load = Load::begin(2, &asked, timeline.clone());
        let (mut stream, _) = listener.accept().await.expect("accepted");
        let mut request = [0; 1024];
        let length = stream.read(&mut request).await.expect("a request");
        assert!(request[..length].starts_with(b"GET /a%20b?c%20d HTTP/1.1\r\n"));
        timeline.clock().reach(timeline.clock().now() + OLD * 2).await;
        load.look();
        drop(listener);
        drop(stream);
        load.end(None).await;
        timeline.read(|observations| match &observations[0].fact {
            Fact::Load { complete, unclear, torn, .. } => (*complete, *unclear, torn.clone()),
            other => panic!("{other:?}"),
        })
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_read_and_not_answered_is_torn() {
        let (complete, unclear, torn) = counted(Some(Sockets::own())).await;
        assert_eq!((complete, unclear, torn.len()), (0, 1, 1), "{torn:?}");
        // Without the kernel's table both were old enough.
        let (complete, unclear, torn) = counted(None).await;
        assert_eq!((complete, unclear, torn.len()), (0, 0, 2), "{torn:?}");
    }
}
