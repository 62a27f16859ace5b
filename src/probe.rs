//! Probes: they observe and never disturb. Each runs for as long as its stack is up and appends what it sees.

mod ask;
mod dependency;
mod greeting;
mod health;
mod http;
mod kafka;
mod load;
mod logs;
mod memcached;
mod mongodb;
mod nats;
mod postgres;
mod processes;
mod redis;
mod sql;
mod tap;

pub use self::ask::{Reply, ask};
pub use self::dependency::watch_dependency;
pub use self::http::{HttpProbe, ask_once, watch_endpoint};
pub use self::load::{Asked, Load};
pub use self::logs::{catch_up_logs, watch_logs};
pub use self::processes::watch_processes;
pub use self::sql::{OpenSession, hold, query};
pub use self::tap::watch_attempts;

use std::time::Duration;

use tokio::sync::watch;

use crate::engine::Reach;

/// The time from the start of one probe to the start of the next: at most 20 requests a second.
const INTERVAL: Duration = Duration::from_millis(50);

/// Waits until the container can be reached. Nothing when the stack is gone.
async fn next_reach(reach: &mut watch::Receiver<Option<Reach>>) -> Option<Reach> {
    reach.wait_for(Option::is_some).await.ok()?.clone()
}
