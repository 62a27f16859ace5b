//! Puts the attempts that a tap sees on the timeline.

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::{INTERVAL, next_reach};
use crate::compose::TAP_CONTROL;
use crate::engine::Reach;
use crate::model::{Fact, Sight, Timeline};

/// Follows what the tap in the place of a service sees, until dropped.
pub async fn watch_attempts(service: String, mut reach: watch::Receiver<Option<Reach>>, timeline: Timeline) {
    let clock = timeline.clock();
    while let Some(now) = next_reach(&mut reach).await {
        let Some(socket) = now.socket(TAP_CONTROL) else { break };
        let begun = clock.now();
        if let Ok(stream) = TcpStream::connect(socket).await
            && follow(stream, &service, &timeline).await
        {
            break;
        }
        // It may not listen yet.
        clock.reach(begun + INTERVAL).await;
    }
    timeline.record(Fact::Blind { what: format!("the attempts to reach `{service}`"), sight: Sight::Attempts });
}

/// Returns when the tap says nothing more: whether it had said anything.
async fn follow(mut stream: TcpStream, service: &str, timeline: &Timeline) -> bool {
    if stream.write_all(b"watch\n").await.is_err() {
        return false;
    }
    let mut lines = BufReader::new(stream).lines();
    let mut has_spoken = false;
    while let Ok(Some(line)) = lines.next_line().await {
        has_spoken = true;
        let nanoseconds = line.strip_prefix("attempt ").and_then(|number| number.parse().ok());
        if let Some(nanoseconds) = nanoseconds {
            timeline.record_at(timeline.clock().offset_of(nanoseconds), Fact::Attempt { service: service.to_owned() });
        }
    }
    has_spoken
}
