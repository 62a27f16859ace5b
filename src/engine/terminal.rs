//! The log of a container with a terminal (`tty: true`), which the engine sends as plain text: nothing says how long a piece is. The
//! API library looks for the end of a line and keeps all that comes before it, so that a program which draws without ever ending
//! its line would fill the memory. So it is read here, over the engine's socket, and split with a limit.

use futures::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;

use super::logs::{Lines, LogError, LogLine};
use crate::causes::root_cause;
use crate::model::LogStream;

/// No time that the engine puts before a line is longer.
const TIME_LENGTH: usize = 64;

/// An answer that is being read. Dropping it ends the connection.
#[derive(Debug)]
pub(super) struct Log {
    body: Incoming,
    _connection: JoinSet<()>,
}

/// Asks an engine for a log by this path and query. Nothing when the engine can't be asked like that, as with TLS.
pub(super) async fn open(host: &str, target: &str) -> Option<Result<Log, LogError>> {
    if let Some(path) = host.strip_prefix("unix://") {
        return Some(ask(UnixStream::connect(path).await.ok()?, target).await);
    }
    let plain = std::env::var_os("DOCKER_TLS_VERIFY").is_none_or(|verify| verify.is_empty());
    let address = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://")).filter(|_| plain)?;
    Some(ask(TcpStream::connect(address.trim_end_matches('/')).await.ok()?, target).await)
}

async fn ask(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, target: &str) -> Result<Log, LogError> {
    let broken = |error: hyper::Error| LogError::Broken(root_cause(&error));
    let request = Request::get(target).header(HOST, "engine").body(Empty::<Bytes>::new());
    let request = request.map_err(|error| LogError::Broken(root_cause(&error)))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        // What it ends with is told by the body.
        let _ = connection.await;
    });
    let response: Response<Incoming> = sender.send_request(request).await.map_err(broken)?;
    match response.status() {
        status if status.is_success() => Ok(Log { body: response.into_body(), _connection: tasks }),
        StatusCode::NOT_FOUND | StatusCode::CONFLICT => Err(LogError::Removed),
        status => Err(LogError::Broken(format!("the engine answers {status}"))),
    }
}

/// The lines of a log. Nothing comes after an error.
pub(super) fn lines(log: Log, lines: Lines) -> impl Stream<Item = Result<LogLine, LogError>> {
    let splitter = Splitter { lines, time: vec![], is_in_text: false };
    let read = stream::unfold(Some((log, splitter)), |state| async move {
        let (mut log, mut splitter) = state?;
        match log.body.frame().await {
            None => Some((whole(splitter.lines.finish()), None)),
            Some(Err(error)) => Some((vec![Err(LogError::Broken(root_cause(&error)))], None)),
            Some(Ok(frame)) => {
                let split = frame.data_ref().map_or_else(Vec::new, |bytes| splitter.take(bytes));
                Some((whole(split), Some((log, splitter))))
            }
        }
    });
    read.flat_map(stream::iter)
}

fn whole(lines: Vec<LogLine>) -> Vec<Result<LogLine, LogError>> {
    lines.into_iter().map(Ok).collect()
}

/// Splits text that comes in any parts into lines, each of which has its time in front.
#[derive(Debug)]
struct Splitter {
    lines: Lines,
    /// The time of the line that is being read, as far as it has come, with the space after it.
    time: Vec<u8>,
    is_in_text: bool,
}

impl Splitter {
    fn take(&mut self, bytes: &[u8]) -> Vec<LogLine> {
        let mut whole = vec![];
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let mut text = part;
            if !self.is_in_text {
                let end = text.iter().position(|byte| *byte == b' ').map_or(text.len(), |space| space + 1);
                self.time.extend_from_slice(&text[..end]);
                self.is_in_text = self.time.ends_with(b" ") || self.time.len() > TIME_LENGTH;
                text = &text[end..];
            }
            if self.is_in_text {
                whole.extend(self.lines.add(&[&self.time, text].concat(), LogStream::Stdout));
            }
            if part.ends_with(b"\n") {
                (self.time, self.is_in_text) = (vec![], false);
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::Clock;

    /// The lines that come of a text, however it is cut into parts.
    fn split(text: &[u8], part: usize) -> Vec<String> {
        let mut splitter = Splitter { lines: Lines::new(Clock::start()), time: vec![], is_in_text: false };
        let mut whole: Vec<LogLine> = text.chunks(part).flat_map(|part| splitter.take(part)).collect();
        whole.extend(splitter.lines.finish());
        whole.into_iter().map(|line| line.line).collect()
    }

    #[test]
    fn lines_are_split_wherever_the_text_is_cut() {
        let text = b"2100-01-01T00:00:00.1Z one two\r\n2100-01-01T00:00:00.2Z \r\n2100-01-01T00:00:00.3Z 10%\r20%";
        for part in 1..=text.len() {
            assert_eq!(split(text, part), ["one two", "", "10%\r20%"], "in parts of {part}");
        }
        assert_eq!(split(&[b'x'; 1000], 10), Vec::<String>::new(), "no time");
    }

    /// A server that answers with this, and goes on with text without end of line where that is wanted.
    async fn opened(answer: &'static str, is_endless: bool) -> Option<Result<Log, LogError>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let host = format!("tcp://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.expect("a request");
            assert!(request[..length].starts_with(b"GET /containers/x/logs?tail=9 HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.expect("written");
            while is_endless && stream.write_all(&[b'x'; 8192]).await.is_ok() {}
        });
        open(&host, "/containers/x/logs?tail=9").await
    }

    #[tokio::test]
    async fn what_the_engine_answers_is_told_apart() {
        assert!(matches!(opened("HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", false).await, Some(Err(LogError::Removed))));
        assert!(matches!(opened("HTTP/1.1 501 No\r\ncontent-length: 0\r\n\r\n", false).await, Some(Err(LogError::Broken(_)))));
        assert!(open("unix:///nowhere/at/all", "/").await.is_none() && open("npipe:////./pipe/x", "/").await.is_none());
        let cut = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n2100-01-01T00:00:00.1Z one\n";
        let log = opened(cut, false).await.expect("asked").expect("answered");
        let read: Vec<_> = lines(log, Lines::new(Clock::start())).collect().await;
        assert!(matches!(&read[..], [Ok(line), Err(LogError::Broken(_))] if line.line == "one"), "{read:?}");
    }

    #[tokio::test]
    async fn a_line_that_never_ends_is_handed_on() {
        let log = opened("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n2100-01-01T00:00:00.1Z ", true).await;
        let count = AtomicUsize::new(0);
        let read = lines(log.expect("asked").expect("answered"), Lines::new(Clock::start())).take(20);
        let lengths = read.for_each(|line| {
            assert!(line.expect("a line").line.len() < 20_000);
            count.fetch_add(1, Ordering::Relaxed);
            std::future::ready(())
        });
        lengths.await;
        assert_eq!(count.into_inner(), 20);
    }
}
