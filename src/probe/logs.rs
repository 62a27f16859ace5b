//! Puts what containers write on the timeline.

use std::time::Duration;

use futures::StreamExt;
use tokio::sync::watch;

use crate::engine::{Engine, Reach};
use crate::model::{Fact, Timeline};

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
        read_new_lines(&engine, &service, &container, &timeline, true).await;
    }
}

/// Reads the lines that were written since the last one on the timeline. Call it when nobody follows the log any more.
pub async fn catch_up_logs(engine: &Engine, service: &str, container: &str, timeline: &Timeline) {
    read_new_lines(engine, service, container, timeline, false).await;
}

async fn read_new_lines(engine: &Engine, service: &str, container: &str, timeline: &Timeline, follow: bool) {
    let known = last_line(timeline, service);
    let mut lines = std::pin::pin!(engine.logs(container, timeline.clock(), follow));
    while let Some(line) = lines.next().await {
        if known.is_none_or(|known| line.at > known) {
            let fact = Fact::Log { service: service.to_owned(), stream: line.stream, line: line.line };
            timeline.record_at(line.at, fact);
        }
    }
}

/// When the last known line of a service was written.
fn last_line(timeline: &Timeline, service: &str) -> Option<Duration> {
    timeline.read(|observations| {
        let lines = observations
            .iter()
            .filter(|observation| matches!(&observation.fact, Fact::Log { service: name, .. } if name == service));
        lines.map(|observation| observation.at).max()
    })
}
