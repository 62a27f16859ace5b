//! Probes: they observe and never disturb. Each runs for as long as its stack is up and appends what it sees.

mod app;
mod ask;
mod dependency;
mod exec;
mod greeting;
mod grpc;
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
mod protocol;
mod redis;
mod sight;
mod sql;
mod tap;
mod tcp;
mod tls;

pub use self::app::{AppProbe, watch_app};
pub use self::ask::{Reply, ask};
pub use self::dependency::watch_dependency;
pub use self::grpc::grpc_answers;
pub use self::http::{ask_either, ask_for_body, ask_once};
pub use self::load::{Asked, Clients, Load};
pub use self::logs::{catch_up_logs, watch_logs};
pub use self::processes::watch_processes;
pub use self::protocol::serves;
pub use self::sql::{OpenSession, hold, query};
pub use self::tap::watch_attempts;
pub use self::tls::authority;

use std::time::Duration;

use tokio::sync::watch;

use crate::engine::Reach;

/// The time from the start of one probe to the start of the next: at most 20 requests a second.
const INTERVAL: Duration = Duration::from_millis(50);

/// Waits until the container can be reached. Nothing when the stack is gone.
async fn next_reach(reach: &mut watch::Receiver<Option<Reach>>) -> Option<Reach> {
    reach.wait_for(Option::is_some).await.ok()?.clone()
}
