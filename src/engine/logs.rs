//! Following what a container writes.

use std::time::Duration;

use futures::{Stream, StreamExt};
use testcontainers::bollard::container::LogOutput;
use testcontainers::bollard::query_parameters::LogsOptionsBuilder;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Engine;
use crate::clock::Clock;
use crate::model::LogStream;

/// One line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When the engine received it.
    pub at: Duration,
    /// Where it was written.
    pub stream: LogStream,
    /// The line without its end.
    pub line: String,
}

impl Engine {
    /// The lines of a container, from its first one; with `follow`, also those to come, until the container stops.
    pub fn logs(&self, container: &str, clock: Clock, follow: bool) -> impl Stream<Item = LogLine> + use<> {
        let options = LogsOptionsBuilder::new().follow(follow).stdout(true).stderr(true).timestamps(true).tail("all").build();
        let output = self.docker.logs(container, Some(options));
        output.filter_map(move |chunk| async move {
            match chunk.ok()? {
                LogOutput::StdErr { message } => read_line(&message, LogStream::Stderr, clock),
                LogOutput::StdOut { message } | LogOutput::Console { message } => read_line(&message, LogStream::Stdout, clock),
                LogOutput::StdIn { .. } => None,
            }
        })
    }
}

fn read_line(message: &[u8], stream: LogStream, clock: Clock) -> Option<LogLine> {
    let text = String::from_utf8_lossy(message);
    let (time, line) = text.split_once(' ').unwrap_or((&text, ""));
    let time = OffsetDateTime::parse(time.trim(), &Rfc3339).ok()?;
    Some(LogLine { at: clock.offset_of(time.unix_timestamp_nanos()), stream, line: line.trim_end().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_from_its_time() {
        let clock = Clock::start();
        let line = read_line(b"1970-01-01T00:00:00.000000001Z hello  there\r\n", LogStream::Stdout, clock);
        assert_eq!(line.expect("a line").line, "hello  there");
        assert!(read_line(b"2026-11-20T12:00:00.000000000Z\n", LogStream::Stdout, clock).is_some(), "an empty line");
    }
}
