//! Puts the processes of a container on the timeline, from its start on.

use std::time::Duration;

use tokio::sync::watch;

use super::next_reach;
use crate::engine::{Engine, Reach};
use crate::model::{Fact, Timeline};

/// The time from one look to the next.
const INTERVAL: Duration = Duration::from_millis(200);

/// Looks at the processes whenever the container runs, until dropped.
pub async fn watch_processes(
    engine: Engine,
    service: String,
    container: String,
    mut reach: watch::Receiver<Option<Reach>>,
    timeline: Timeline,
) {
    let clock = timeline.clock();
    while next_reach(&mut reach).await.is_some() {
        let looked = clock.now();
        // A container that has just stopped has no processes to list: the next address says when there are some again.
        if let Ok(processes) = engine.processes(&container).await {
            timeline.record_at(looked, Fact::Processes { service: service.clone(), processes });
        }
        clock.reach(looked + INTERVAL).await;
    }
}
