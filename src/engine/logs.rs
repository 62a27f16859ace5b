//! Following what a container writes, one line at a time: nothing is read before it is asked for, so that an app which writes faster
//! than we read makes nobody wait but us.
//!
//! Docker cuts long lines into pieces of 16 KiB, which come one by one with the time of the whole line (moby
//! `daemon/logger/copier.go`). They are put together again as far as a line is kept.

use std::time::{Duration, UNIX_EPOCH};

use futures::{FutureExt, Stream, StreamExt, stream};
use testcontainers::bollard::container::LogOutput;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{InspectContainerOptions, LogsOptionsBuilder};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Engine, terminal};
use crate::causes::root_cause;
use crate::clock::Clock;
use crate::model::{LogStream, cut_mark};

/// How much of a line is kept, in bytes.
const LINE_LENGTH: usize = 16 * 1024;
/// After so many bytes a line is handed on, though it has not ended: it may never do so.
const LONGEST_LINE: usize = 1024 * 1024;
/// How many pieces are read back from the end of a log that nobody follows, so that reading it ends however long it is.
const LAST_PIECES: usize = 10_000;
/// How far apart the times of neighbours in a log may be in the wrong order: its two streams are stamped side by side.
const DISORDER: Duration = Duration::from_secs(1);
/// What the engine marks its own errors with, where others have the number of a stream (moby `pkg/stdcopy`).
const SYSTEM_ERROR: u8 = 3;

/// One line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine received it.
    pub at: Duration,
    /// Where it was written.
    pub stream: LogStream,
    /// The line without its end; of a long one the beginning, with a mark.
    pub line: String,
    /// Whether that is so.
    pub is_cut: bool,
    /// In how many pieces the engine keeps it.
    pub pieces: usize,
}

/// Why no more of a log can be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The container is no more, or is being removed; so its log has ended.
    #[error("the container is removed")]
    Removed,
    /// There is more, or may be, and it can't be read.
    #[error("the log can't be read: {0}")]
    Broken(String),
}

/// What is to be read of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All lines, and those to come until the container stops.
    Follow,
    /// The last lines that are there by now: no more than [`Reading::most`] pieces.
    Last,
}

impl Reading {
    /// How many pieces are read at most.
    #[must_use]
    pub fn most(self) -> Option<usize> {
        (self == Self::Last).then_some(LAST_PIECES)
    }
}

impl Engine {
    /// The lines of a container, from the first one on, or from shortly before a moment. Nothing comes after an error.
    pub fn logs(
        &self,
        container: &str,
        clock: Clock,
        since: Option<Duration>,
        reading: Reading,
    ) -> impl Stream<Item = Result<LogLine, LogError>> + use<> {
        let (docker, container) = (self.docker.clone(), container.to_owned());
        let follow = reading == Reading::Follow;
        let since = since.map_or(0, |since| seconds_since_epoch(clock, since));
        let tail = reading.most().map_or("all".to_owned(), |most| most.to_string());
        let opened = async move {
            let has_terminal = match docker.inspect_container(&container, None::<InspectContainerOptions>).await {
                Ok(facts) => facts.config.and_then(|config| config.tty).unwrap_or_default(),
                Err(error) => return stream::iter([Err(judge(error))]).boxed(),
            };
            if has_terminal {
                let query = format!("follow={follow}&stdout=true&stderr=true&timestamps=true&since={since}&tail={tail}");
                match terminal::open(&super::host(), &format!("/containers/{container}/logs?{query}")).await {
                    Some(Ok(log)) => return terminal::lines(log, Lines::new(clock)).boxed(),
                    Some(Err(error)) => return stream::iter([Err(error)]).boxed(),
                    None => {}
                }
            }
            let options = LogsOptionsBuilder::new().follow(follow).stdout(true).stderr(true).timestamps(true);
            read(docker.logs(&container, Some(options.since(since).tail(&tail).build())), Lines::new(clock)).boxed()
        };
        opened.into_stream().flatten()
    }
}

/// The lines of what the engine sends.
fn read(output: impl Stream<Item = Result<LogOutput, Error>>, mut lines: Lines) -> impl Stream<Item = Result<LogLine, LogError>> {
    let read = output.map(Some).chain(stream::iter([None])).map(move |output| match output {
        Some(Ok(output)) => lines.take(output).map_or_else(|error| vec![Err(error)], |whole| whole.into_iter().map(Ok).collect()),
        Some(Err(error)) => vec![Err(judge(error))],
        None => lines.finish().into_iter().map(Ok).collect(),
    });
    read.flat_map(stream::iter)
}

/// A moment as the engine takes it, early enough to miss nothing. Zero, the beginning of the log, where it can't be said.
fn seconds_since_epoch(clock: Clock, at: Duration) -> i32 {
    let moment = (clock.started_at() + at.saturating_sub(DISORDER)).duration_since(UNIX_EPOCH).unwrap_or_default();
    i32::try_from(moment.as_secs()).unwrap_or_default()
}

/// What an error says of the log.
fn judge(error: Error) -> LogError {
    match error {
        // A container that is gone has no log, one that is being removed none that can be read.
        Error::DockerResponseServerError { status_code: 404 | 409, .. } => LogError::Removed,
        error => LogError::Broken(root_cause(&error)),
    }
}

/// Puts lines together from their pieces.
#[derive(Debug)]
pub(super) struct Lines {
    clock: Clock,
    stdout: Option<Unfinished>,
    stderr: Option<Unfinished>,
}

/// A line whose end has not come yet.
#[derive(Debug)]
struct Unfinished {
    at: Duration,
    kept: Vec<u8>,
    dropped: usize,
    pieces: usize,
}

impl Lines {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, stdout: None, stderr: None }
    }

    /// Takes what the engine sends next. Returns the lines that are whole now.
    fn take(&mut self, output: LogOutput) -> Result<Vec<LogLine>, LogError> {
        let (message, stream) = match output {
            LogOutput::Console { message } if message.first() == Some(&SYSTEM_ERROR) => {
                // After the mark and three empty bytes comes the length, in four.
                let text = String::from_utf8_lossy(message.get(8..).unwrap_or_default()).trim().to_owned();
                return Err(LogError::Broken(text));
            }
            LogOutput::StdErr { message } => (message, LogStream::Stderr),
            LogOutput::StdOut { message } | LogOutput::Console { message } => (message, LogStream::Stdout),
            LogOutput::StdIn { .. } => return Ok(vec![]),
        };
        Ok(self.add(&message, stream))
    }

    /// Takes a piece of a line with the time in front. Returns the lines that are whole now.
    pub(super) fn add(&mut self, message: &[u8], stream: LogStream) -> Vec<LogLine> {
        let end_of_time = message.iter().position(|byte| *byte == b' ').unwrap_or(message.len());
        let (time, text) = message.split_at(end_of_time);
        let time = str::from_utf8(time).ok().and_then(|time| OffsetDateTime::parse(time.trim(), &Rfc3339).ok());
        let Some(time) = time else { return vec![] };
        let at = self.clock.offset_of(time.unix_timestamp_nanos());
        let text = text.strip_prefix(b" ").unwrap_or(text);
        let unfinished = match stream {
            LogStream::Stdout => &mut self.stdout,
            LogStream::Stderr => &mut self.stderr,
        };
        // All pieces of a line have its time: another one means that the end of the line before got lost.
        let mut whole: Vec<LogLine> =
            unfinished.take_if(|line| line.at != at).map(|line| line.into_whole(stream)).into_iter().collect();
        let line = unfinished.get_or_insert(Unfinished { at, kept: vec![], dropped: 0, pieces: 0 });
        line.add(text);
        if message.ends_with(b"\n") || line.dropped > LONGEST_LINE {
            whole.extend(unfinished.take().map(|line| line.into_whole(stream)));
        }
        whole
    }

    /// The lines that have no end.
    pub(super) fn finish(&mut self) -> Vec<LogLine> {
        let stdout = self.stdout.take().map(|line| line.into_whole(LogStream::Stdout));
        stdout.into_iter().chain(self.stderr.take().map(|line| line.into_whole(LogStream::Stderr))).collect()
    }
}

impl Unfinished {
    fn add(&mut self, text: &[u8]) {
        let text = text.strip_suffix(b"\n").map_or(text, |text| text.strip_suffix(b"\r").unwrap_or(text));
        let kept = text.len().min(LINE_LENGTH - self.kept.len());
        self.kept.extend_from_slice(&text[..kept]);
        self.dropped += text.len() - kept;
        self.pieces += 1;
    }

    fn into_whole(self, stream: LogStream) -> LogLine {
        let Self { at, kept, dropped, pieces } = self;
        if dropped == 0 {
            return LogLine { at, stream, line: String::from_utf8_lossy(&kept).trim_end().to_owned(), is_cut: false, pieces };
        }
        let end = whole_characters(&kept);
        let dropped = dropped + kept.len() - end;
        let line = String::from_utf8_lossy(&kept[..end]).into_owned() + &cut_mark(dropped);
        LogLine { at, stream, line, is_cut: true, pieces }
    }
}

/// How many of these bytes there are without a character at the end that is not whole.
fn whole_characters(bytes: &[u8]) -> usize {
    let length_by = |lead: u8| match lead {
        0xF0.. => 4,
        0xE0.. => 3,
        0xC0.. => 2,
        _ => 1,
    };
    let last = (1..=bytes.len().min(4)).find(|back| bytes[bytes.len() - back] & 0xC0 != 0x80);
    let is_cut = |back: &usize| length_by(bytes[bytes.len() - back]) > *back;
    bytes.len() - last.filter(is_cut).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "1970-01-01T00:00:00.000000001Z";

    fn lines() -> Lines {
        Lines::new(Clock::start())
    }

    /// The lines that come of these pieces of standard output, all of one time.
    fn put_together(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = lines();
        let mut whole = vec![];
        for piece in pieces {
            let message = [TIME.as_bytes(), b" ", piece].concat();
            whole.extend(lines.take(LogOutput::StdOut { message: message.into() }).expect("no error"));
        }
        whole.extend(lines.finish());
        whole.into_iter().map(|line| line.line).collect()
    }

    #[test]
    fn lines_are_whole_however_they_come() {
        let piece = "é".repeat(LINE_LENGTH / 2);
        let cut = piece.clone() + " … (7 bytes more)";
        // A piece may end within a character, and so may what is kept of a line.
        let odd = format!("x{}", "é".repeat(LINE_LENGTH / 2));
        let odd_cut = format!("x{} … (2 bytes more)", "é".repeat(LINE_LENGTH / 2 - 1));
        let cases: [(&[&[u8]], &[&str]); 8] = [
            (&[b"hello  there\r\n"], &["hello  there"]),
            (&[b"\n"], &[""]),
            (&[b"one\n", b"two\n"], &["one", "two"]),
            (&[b"no end"], &["no end"]),
            (&[b"in ", b"pieces\n", b"next\n"], &["in pieces", "next"]),
            (&[&piece.as_bytes()[..9], &piece.as_bytes()[9..], b"\n"], &[&piece]),
            (&[piece.as_bytes(), b"7 bytes\n"], &[&cut]),
            (&[odd.as_bytes(), b"\n"], &[&odd_cut]),
        ];
        for (pieces, expected) in cases {
            assert_eq!(put_together(pieces), expected);
        }
    }

    #[test]
    fn a_line_that_never_ends_is_handed_on_in_parts() {
        let mut lines = lines();
        let message = [TIME.as_bytes(), b" ", &[b'x'; LINE_LENGTH]].concat();
        let mut whole = vec![];
        for _ in 0..200 {
            whole.extend(lines.add(&message, LogStream::Stdout));
            assert!(lines.stdout.as_ref().is_none_or(|line| line.kept.len() <= LINE_LENGTH), "all of it is kept");
        }
        let lengths: Vec<usize> = whole.iter().map(|line| line.line.len()).collect();
        assert_eq!(lengths, [LINE_LENGTH + " … (1064960 bytes more)".len(); 3]);
    }

    #[test]
    fn the_streams_do_not_mix_and_a_lost_end_joins_no_lines() {
        let mut lines = lines();
        assert_eq!(lines.add(b"2100-01-01T00:00:00.1Z out", LogStream::Stdout), []);
        assert_eq!(lines.add(b"2100-01-01T00:00:00.1Z err\n", LogStream::Stderr)[0].line, "err");
        let whole = lines.add(b"2100-01-01T00:00:00.2Z later\n", LogStream::Stdout);
        assert_eq!(whole.iter().map(|line| line.line.as_str()).collect::<Vec<_>>(), ["out", "later"]);
        assert_eq!(lines.add(b"no time\n", LogStream::Stdout), []);
    }

    #[test]
    fn what_ends_a_log_is_told_from_what_breaks_it() {
        let answered = |status_code| Error::DockerResponseServerError { status_code, message: "no".into() };
        for status in [404, 409] {
            assert!(matches!(judge(answered(status)), LogError::Removed), "{status}");
        }
        for error in [answered(500), answered(501), Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionReset))] {
            assert!(matches!(judge(error), LogError::Broken(_)));
        }
        let message = b"\x03\0\0\0\0\0\0\x21Error grabbing logs: invalid\n".to_vec();
        let Err(LogError::Broken(how)) = lines().take(LogOutput::Console { message: message.into() }) else { panic!("an error") };
        assert_eq!(how, "Error grabbing logs: invalid");
    }
}
