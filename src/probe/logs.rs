//! Puts what containers write on the timeline.

use futures::StreamExt;
use tokio::sync::watch;

use crate::engine::{Engine, LogError, LogLine, Reach, Reading};
use crate::model::{Fact, Sight, Timeline, without_escapes};

/// Follows the log of a service across restarts, until dropped.
pub async fn watch_logs(
    engine: Engine,
    service: String,
    container: String,
    mut reach: watch::Receiver<Option<Reach>>,
    timeline: Timeline,
) {
    // A change means that the container started or stopped: either way there may be new lines.
    while reach.changed().await.is_ok() {
        let ended = read_new_lines(&engine, &service, &container, &timeline, Reading::Follow).await;
        if let Some(blind) = judge(&service, &ended) {
            timeline.record(blind);
            return;
        }
    }
}

/// Reads the lines that were written since the last one on the timeline: of very many the last ones. It may be called while the log
/// is being followed.
pub async fn catch_up_logs(engine: &Engine, service: &str, container: &str, timeline: &Timeline) {
    let ended = read_new_lines(engine, service, container, timeline, Reading::Last).await;
    if let Some(blind) = judge(service, &ended) {
        timeline.record(blind);
    }
}

/// What the end of a log means: nothing when the container stopped, or was removed by us or by what a scenario does; else that we
/// see no more of it.
fn judge(service: &str, ended: &Result<(), LogError>) -> Option<Fact> {
    match ended {
        Ok(()) | Err(LogError::Removed) => None,
        Err(LogError::Broken(_)) => Some(Fact::Blind { what: format!("the log of `{service}`"), sight: Sight::Log }),
    }
}

async fn read_new_lines(
    engine: &Engine,
    service: &str,
    container: &str,
    timeline: &Timeline,
    reading: Reading,
) -> Result<(), LogError> {
    let known = timeline.newest_line(service);
    let mut lines = std::pin::pin!(engine.logs(container, timeline.clock(), known, reading));
    let (mut own, mut pieces, mut reaches_back) = (None, 0, false);
    while let Some(line) = lines.next().await {
        let line = line?;
        pieces += line.pieces;
        reaches_back |= known.is_some_and(|known| line.at <= known);
        let at = line.at;
        if timeline.record_line(at, own, written(service, line)) {
            own = Some(at);
        }
    }
    if !reaches_back && reading.most().is_some_and(|most| pieces >= most) {
        timeline.record_unread(service);
    }
    Ok(())
}

/// What a line says, without what it tells a terminal: colours hide the words that they stand in.
fn written(service: &str, line: LogLine) -> Fact {
    let LogLine { stream, line, is_cut, .. } = line;
    Fact::Log { service: service.to_owned(), stream, line: without_escapes(&line).trim_end().to_owned(), is_cut }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::LogStream;

    #[test]
    fn a_line_is_put_down_as_a_terminal_shows_it() {
        let line = "\u{1b}[1mpass\u{1b}[33mword=x\u{1b}[0m \u{1b}[m".to_owned();
        let line = LogLine { at: Duration::ZERO, stream: LogStream::Stdout, line, is_cut: false, pieces: 1 };
        let Fact::Log { line, .. } = written("app", line) else { panic!("a line") };
        assert_eq!(line, "password=x");
    }

    #[test]
    fn only_a_log_that_breaks_makes_blind() {
        assert_eq!(judge("app", &Ok(())), None);
        assert_eq!(judge("app", &Err(LogError::Removed)), None);
        assert_eq!(
            judge("app", &Err(LogError::Broken("reset".into()))),
            Some(Fact::Blind { what: "the log of `app`".into(), sight: Sight::Log })
        );
    }
}
