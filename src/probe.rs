//! Probes: they observe and never disturb. Each runs for as long as its stack is up and appends what it sees.

mod dependency;
mod http;
mod logs;
mod postgres;
mod processes;

pub use self::dependency::watch_dependency;
pub use self::http::{HttpProbe, watch_endpoint};
pub use self::logs::{catch_up_logs, watch_logs};
pub use self::processes::watch_processes;

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use tokio::sync::watch;

/// The time from the start of one probe to the start of the next: at most 20 requests a second.
const INTERVAL: Duration = Duration::from_millis(50);

/// What lies at the bottom of an error.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    std::iter::successors(Some(error), |&cause| cause.source()).last().unwrap_or(error).to_string()
}

/// Waits until the container has an address. Nothing when the stack is gone.
async fn next_address(address: &mut watch::Receiver<Option<IpAddr>>) -> Option<IpAddr> {
    *address.wait_for(Option::is_some).await.ok()?
}
