//! Clients that ask over and over, each one request at a time, and count what becomes of every request. The only probe that asks
//! more than twenty times a second.
//!
//! A connection that the kernel accepted for a listener which is then closed is reset although the app never saw it: such a
//! request was young, and is counted as unclear. One that was under way for a while when it was cut off was the app's.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::http::client_that_connects_within;
use crate::causes::root_cause;
use crate::clock::Clock;
use crate::timeline::{Fact, Timeline};

/// From this age on a request that is cut off had been accepted by the app.
const OLD: Duration = Duration::from_millis(100);
/// How long a connection may take. The kernel makes it at once where somebody listens; where the container's network is being
/// taken down nobody says no. Below the age from which on a request counts as accepted.
const CONNECT_LIMIT: Duration = Duration::from_millis(80);
/// How long the app's last words may take to arrive.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a client rests after a refusal.
const REST: Duration = Duration::from_millis(20);

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    clients: JoinSet<Count>,
    over: watch::Sender<Over>,
    timeline: Timeline,
}

/// Whether clients are to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    NotYet,
    /// After the request that is under way.
    AfterThis,
    /// The app ended then: no more answers will come.
    Ended(Duration),
}

#[derive(Debug, Default)]
struct Count {
    complete: usize,
    refused: usize,
    unclear: usize,
    torn: Vec<String>,
}

impl Load {
    /// Lets so many clients ask this URL until [`Load::end`].
    #[must_use]
    pub fn begin(clients: usize, url: &str, limit: Duration, timeline: Timeline) -> Self {
        let over = watch::Sender::new(Over::NotYet);
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            tasks.spawn(ask_until(url.to_owned(), limit, over.subscribe(), timeline.clock()));
        }
        Self { clients: tasks, over, timeline }
    }

    /// Ends the load, and notes what became of all requests: after the app has ended, at this moment, or while it still runs, when
    /// every client has the answer to its last request.
    pub async fn end(self, ended: Option<Duration>) {
        self.over.send_replace(ended.map_or(Over::AfterThis, Over::Ended));
        let mut all = Count::default();
        for count in self.clients.join_all().await {
            all.complete += count.complete;
            all.refused += count.refused;
            all.unclear += count.unclear;
            all.torn.extend(count.torn);
        }
        let Count { complete, refused, unclear, torn } = all;
        self.timeline.record(Fact::Load { complete, refused, unclear, torn });
    }
}

async fn ask_until(url: String, limit: Duration, mut over: watch::Receiver<Over>, clock: Clock) -> Count {
    let mut count = Count::default();
    let Ok(client) = client_that_connects_within(CONNECT_LIMIT, limit) else { return count };
    while *over.borrow() == Over::NotYet {
        let sent = clock.now();
        let asked = async {
            let response = client.get(&url).send().await?;
            let status = response.status().as_u16();
            Ok::<_, reqwest::Error>((status, response.bytes().await))
        };
        let outcome = tokio::select! {
            outcome = asked => outcome,
            ended = gone(&mut over, clock) => {
                count.add_cut_off(ended.saturating_sub(sent), "the app ended");
                break;
            }
        };
        match outcome {
            Ok((_, Ok(_))) => {
                count.complete += 1;
                continue;
            }
            Ok((status, Err(error))) => count.torn.push(format!("a {status} broke off: {}", root_cause(&error))),
            Err(error) if error.is_connect() => count.refused += 1,
            Err(error) => count.add_cut_off(clock.now().saturating_sub(sent), &root_cause(&error)),
        }
        clock.reach(clock.now() + REST).await;
    }
    count
}

/// Returns when the app has been gone for long enough for its last words to have arrived.
async fn gone(over: &mut watch::Receiver<Over>, clock: Clock) -> Duration {
    // The sender lives until every client is done.
    let over = over.wait_for(|over| matches!(over, Over::Ended(_))).await.map(|over| *over);
    let ended = if let Ok(Over::Ended(at)) = over { at } else { clock.now() };
    clock.reach(ended + LAST_WORDS).await;
    ended
}

impl Count {
    fn add_cut_off(&mut self, age: Duration, how: &str) {
        if age < OLD {
            self.unclear += 1;
        } else {
            self.torn.push(format!("no answer after {:.1} s: {how}", age.as_secs_f64()));
        }
    }
}
