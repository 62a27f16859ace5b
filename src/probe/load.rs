//! Clients that ask over and over, each one request at a time, and count what becomes of every request. The only probe that asks
//! more than twenty times a second.
//!
//! They are those that an app has in production: some make a connection for each request, some ask again and again on one, as a reverse
//! proxy does, and some keep a connection that they do not use. At no time has a connection more than one request, so that the kernel's
//! table of sockets tells which of them the app has read: what was read and then cut off was accepted and not answered. What was cut off
//! unread, the kernel had accepted for a listener that was then closed, or for a connection that the app was just closing, and the app
//! never saw it. Where that table is out of sight, the age of a request has to do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Version};
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
use crate::model::{Fact, LoadCount, Timeline};
use crate::subject::HttpForm;

/// Where the app's sockets are out of sight: from this age on a request that is cut off had been accepted by the app. In sight: only
/// what is read when it is this old is taken to be read; of a younger one the first byte may still be on its way.
const OLD: Duration = Duration::from_millis(100);
/// How long a connection may take. The kernel makes it at once where somebody listens; where the container's network is being
/// taken down nobody says no. Below the age from which on a request counts as accepted.
const CONNECT_LIMIT: Duration = Duration::from_millis(80);
/// How long the app's last words may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// A request that has waited for so long when the app is told to stop was held, by a dependency or by the app's own work.
const HELD: Duration = Duration::from_millis(200);
/// From the begin of one client to that of the next: clients in step would all have just begun, or just ended, when the app is told to stop.
const STEP: Duration = Duration::from_millis(45);
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

/// How many clients of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clients {
    /// With a connection for each request.
    pub fresh: usize,
    /// With one connection for all requests, for as long as the app keeps it open.
    pub reusing: usize,
    /// With a connection on which one request was answered, and which is not used again.
    pub idle: usize,
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<LoadCount>,
    /// Looks at sockets, and idle clients: they end with the load.
    _others: JoinSet<()>,
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

impl Load {
    /// Lets so many clients ask until [`Load::end`].
    #[must_use]
    pub fn begin(clients: Clients, asked: &Asked, timeline: Timeline) -> Self {
        let over = watch::Sender::new(Over::NotYet);
        // A file that can no longer be read is told by the probe of readiness.
        let tls = Some(&asked.request).filter(|request| request.is_https).and_then(|request| tls::config(&request.tls).ok());
        let tls = tls.map(Arc::new);
        let clock = timeline.clock();
        let client =
            Client { asked: asked.clone(), heard: Arc::default(), phase: watch::Sender::new(Phase::Undisturbed), clock, tls };
        let mut tasks = JoinSet::new();
        let (mut begin, reuses) = (clock.now(), [vec![false; clients.fresh], vec![true; clients.reusing]].concat());
        for reuses in reuses {
            let (client, over) = (client.clone(), over.subscribe());
            tasks.spawn(async move {
                client.clock.reach(begin).await;
                client.ask_until(over, reuses).await
            });
            begin += STEP;
        }
        let mut others = JoinSet::new();
        others.spawn(client.clone().look_again_and_again());
        for _ in 0..clients.idle {
            others.spawn(client.clone().keep_idle());
        }
        Self { clients: tasks, _others: others, client, over, timeline }
    }

    /// From now on something is disturbed.
    pub fn disturbed(&self) {
        self.client.phase.send_replace(Phase::Disturbed);
    }

    /// The app is told to stop: looks which requests it has read by now. That is done again and again, too; this is for a moment that counts.
    pub fn told(&self) {
        self.client.look();
        self.client.phase.send_replace(Phase::Told(self.client.clock.now()));
    }

    /// Ends the load, and notes what became of all requests: after the app has ended, at this moment, or while it still runs, when
    /// every client has the answer to its last request.
    pub async fn end(self, ended: Option<Duration>) {
        self.over.send_replace(ended.map_or(Over::AfterThis, Over::Ended));
        let load = self.clients.join_all().await.into_iter().fold(LoadCount::default(), LoadCount::with);
        self.timeline.record(Fact::Load { load });
    }
}

/// How far the stop has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Undisturbed,
    Disturbed,
    /// The app is told to stop, since this moment.
    Told(Duration),
}

/// What all clients share.
#[derive(Clone, Debug)]
struct Client {
    asked: Asked,
    /// When it was last seen that the app has read everything from a client's port.
    heard: Arc<Mutex<HashMap<u16, Duration>>>,
    phase: watch::Sender<Phase>,
    clock: Clock,
    tls: Option<Arc<ClientConfig>>,
}

/// What became of a request.
enum Outcome {
    /// Answered completely, with this status; the app may have said that it closes the connection.
    Complete {
        status: u16,
        closes: bool,
    },
    /// The answer began, with this status, and broke off.
    BrokeOff(u16, String),
    Unanswered(String),
}

/// A connection on which requests can be sent.
struct Line {
    sender: http1::SendRequest<Empty<Bytes>>,
    /// Our port.
    port: u16,
    /// Does the reading and writing, and ends with the line.
    _connection: JoinSet<()>,
}

impl Client {
    async fn ask_until(self, mut over: watch::Receiver<Over>, reuses: bool) -> LoadCount {
        let mut count = LoadCount::default();
        let mut kept: Option<Line> = None;
        while *over.borrow() == Over::NotYet {
            let is_kept = kept.is_some();
            // A connection that the app has closed since is no failure of a request.
            let line = match kept.take() {
                Some(mut line) => {
                    if line.sender.ready().await.is_ok() {
                        Some(line)
                    } else {
                        continue;
                    }
                }
                None => self.connect().await,
            };
            let Some(mut line) = line else {
                count.refused += 1;
                self.clock.reach(self.clock.now() + REST).await;
                continue;
            };
            let (sent, phase) = (self.clock.now(), *self.phase.borrow());
            let outcome = tokio::select! {
                outcome = timeout(self.asked.limit, self.ask(&mut line, reuses)) => outcome.unwrap_or_else(|_| Outcome::Unanswered("no answer in time".into())),
                ended = gone(&mut over, self.clock) => {
                    self.cut_off(&mut count, line.port, sent, ended, "the app ended");
                    break;
                }
            };
            let now = *self.phase.borrow();
            count.in_flight += usize::from(matches!(now, Phase::Told(at) if sent + HELD <= at));
            match outcome {
                Outcome::Complete { status, closes } => {
                    count.complete += 1;
                    if phase == Phase::Undisturbed && now == phase {
                        count.undisturbed(status, 1);
                    }
                    if matches!(phase, Phase::Told(_)) && is_kept {
                        count.on_kept += 1;
                        count.closing += usize::from(closes);
                    }
                    kept = (reuses && !closes).then_some(line);
                    continue;
                }
                Outcome::BrokeOff(status, how) => count.torn.push(format!("a {status} broke off: {how}")),
                Outcome::Unanswered(how) => self.cut_off(&mut count, line.port, sent, self.clock.now(), &how),
            }
            self.clock.reach(self.clock.now() + REST).await;
        }
        count
    }

    /// Keeps a connection open on which one request was answered. What becomes of it does not matter.
    async fn keep_idle(self) {
        let Some(mut line) = self.connect().await else { return };
        let _ = timeout(self.asked.limit, self.ask(&mut line, true)).await;
        std::future::pending::<()>().await;
    }

    /// Makes a connection. Nothing where nobody listens, nobody even says so, or it is not made secure: then nothing was asked.
    async fn connect(&self) -> Option<Line> {
        let stream = timeout(CONNECT_LIMIT, TcpStream::connect(self.asked.socket)).await.ok()?.ok()?;
        let port = stream.local_addr().map_or(0, |own| own.port());
        match &self.tls {
            None => line(stream, port).await,
            Some(tls) => {
                let secured = TlsConnector::from(Arc::clone(tls)).connect(self.server_name(), stream);
                line(timeout(self.asked.limit, secured).await.ok()?.ok()?, port).await
            }
        }
    }

    /// Sends a request, and reads the answer.
    async fn ask(&self, line: &mut Line, reuses: bool) -> Outcome {
        let form = &self.asked.request;
        let host = form.host.clone().unwrap_or_else(|| self.asked.socket.to_string());
        let request =
            Request::builder().method(form.method.as_str()).uri(target(&self.asked)).header(HOST, host).header(USER_AGENT, AGENT);
        let request = if reuses { request } else { request.header(CONNECTION, "close") };
        let request = form.headers.iter().fold(request, |request, (name, value)| request.header(name, &value.0));
        let response = match request.body(Empty::<Bytes>::new()) {
            Ok(request) => line.sender.send_request(request).await,
            Err(error) => return Outcome::Unanswered(root_cause(&error)),
        };
        let response = match response {
            Ok(response) => response,
            Err(error) => return Outcome::Unanswered(root_cause(&error)),
        };
        let status = response.status().as_u16();
        // Before HTTP/1.1 a connection has one request (RFC 9112, section 9.3).
        let says_close = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.eq_ignore_ascii_case("close"));
        let closes = response.version() < Version::HTTP_11 || response.headers().get_all(CONNECTION).iter().any(says_close);
        // What is read is dropped at once: a body may be of any length.
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if let Err(error) = frame {
                return Outcome::BrokeOff(status, root_cause(&error));
            }
        }
        Outcome::Complete { status, closes }
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
    fn cut_off(&self, count: &mut LoadCount, port: u16, sent: Duration, cut: Duration, how: &str) {
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

/// Speaks HTTP/1 on a connection.
async fn line(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, port: u16) -> Option<Line> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let mut connections = JoinSet::new();
    // How it ends is seen by who waits for an answer.
    connections.spawn(async move { drop(connection.await) });
    Some(Line { sender, port, _connection: connections })
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::redact::Redactor;

    /// Of two requests a server reads one and leaves the other in the kernel's queue, for long enough to be old; then it is gone.
    async fn counted(sockets: Option<Sockets>) -> (usize, usize, Vec<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let socket = listener.local_addr().expect("an address");
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let asked = Asked { socket, request: HttpForm::to("/a b?c d"), limit: Duration::from_mins(1), sockets };
        let load = Load::begin(Clients { fresh: 2, reusing: 0, idle: 0 }, &asked, timeline.clone());
        let (mut stream, _) = listener.accept().await.expect("accepted");
        let mut request = [0; 1024];
        let length = stream.read(&mut request).await.expect("a request");
        assert!(request[..length].starts_with(b"GET /a%20b?c%20d HTTP/1.1\r\n"));
        timeline.clock().reach(timeline.clock().now() + OLD * 2).await;
        load.told();
        drop(listener);
        drop(stream);
        load.end(None).await;
        timeline.read(|observations| match &observations[0].fact {
            Fact::Load { load } => (load.complete, load.unclear, load.torn.clone()),
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

    /// A server that answers so many requests on each connection, and then says that it closes it. Returns what was counted, and how many connections
    /// it was asked on.
    async fn served(clients: Clients, requests_each: usize) -> (LoadCount, usize) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let socket = listener.local_addr().expect("an address");
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let asked = Asked { socket, request: HttpForm::to("/"), limit: Duration::from_mins(1), sockets: None };
        let load = Load::begin(clients, &asked, timeline.clone());
        let mut connections = JoinSet::new();
        let answered = watch::Sender::new(0);
        let (answers, told) = (answered.clone(), watch::Sender::new(false));
        let is_told = told.clone();
        let serve = async move {
            let mut made = 0;
            while *answers.borrow() < 40 {
                let Ok(Ok((mut stream, _))) = timeout(Duration::from_secs(1), listener.accept()).await else { continue };
                made += 1;
                let (answers, mut told) = (answers.clone(), is_told.subscribe());
                connections.spawn(async move {
                    let mut request = [0; 1024];
                    for number in 1..=requests_each {
                        let Ok(1..) = stream.read(&mut request).await else { return };
                        if *answers.borrow() >= 20 && told.wait_for(|told| *told).await.is_err() {
                            return;
                        }
                        let close = if number == requests_each { "Connection: close\r\n" } else { "" };
                        let answer = format!("HTTP/1.1 200 OK\r\n{close}Content-Length: 0\r\n\r\n");
                        if stream.write_all(answer.as_bytes()).await.is_err() {
                            return;
                        }
                        answers.send_modify(|count| *count += 1);
                    }
                });
            }
            made
        };
        let serving = tokio::spawn(serve);
        answered.subscribe().wait_for(|count| *count >= 20).await.expect("answered");
        load.told();
        told.send_replace(true);
        let made = serving.await.expect("served");
        load.end(None).await;
        let load = timeline.read(|observations| match &observations[0].fact {
            Fact::Load { load } => load.clone(),
            other => panic!("{other:?}"),
        });
        (load, made)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_uses_its_connection_until_the_app_closes_it() {
        let (load, made) = served(Clients { fresh: 0, reusing: 1, idle: 0 }, 10).await;
        // On a busy machine the server notices late that it has served enough.
        let tenth = load.complete / 10;
        assert!((tenth..=tenth + 1).contains(&made) && made >= 4, "{made} connections for {load:?}");
        // The first twenty were asked before the app was told to stop.
        assert!(load.on_kept >= 15 && load.closing.abs_diff(tenth - 2) <= 1 && load.closing >= 1, "{load:?}");
        assert!(load.undisturbed.iter().all(|counted| counted.status == 200) && !load.undisturbed.is_empty(), "{load:?}");
        let (load, made) = served(Clients { fresh: 1, reusing: 0, idle: 0 }, 10).await;
        assert!(made >= 40 && load.on_kept == 0, "{made} connections for {load:?}");
    }
}
