//! Pace: how many instances of the stack there are at once. So many as the user says, or as the machine bears, measured while they run: a
//! further one begins when the processors have time left, so that heavy apps get fewer at once than light ones.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};

use crate::clock::Clock;

/// From one look at the processors to the next, and from the beginning of one instance to that of the next: its load has to show first.
const LOOK: Duration = Duration::from_millis(250);
/// The part of the processors' time, in percent, that has to be left for a further instance.
const LEFT: u64 = 10;

/// Lets experiments begin.
#[derive(Debug)]
pub(super) struct Pace {
    /// There may always be so many.
    at_least: usize,
    /// There are never more.
    at_most: usize,
    clock: Clock,
    running: Arc<Running>,
    /// Held by the one whose turn is next.
    next: Mutex<Load>,
}

#[derive(Debug, Default)]
struct Running {
    count: AtomicUsize,
    ended: Notify,
}

/// What an experiment holds while it runs.
#[derive(Debug)]
pub(super) struct Place(Arc<Running>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
        self.0.ended.notify_one();
    }
}

impl Pace {
    /// So many at once.
    pub(super) fn fixed(clock: Clock, count: usize) -> Self {
        Self::between(clock, count, count)
    }

    /// At least and at most so many, as the processors of this machine bear them.
    pub(super) fn between(clock: Clock, at_least: usize, at_most: usize) -> Self {
        let at_least = at_least.max(1);
        let next = Mutex::new(Load::at(clock.now()));
        Self { at_least, at_most: at_most.max(at_least), clock, running: Arc::default(), next }
    }

    /// Waits until an experiment may begin. Those who wait come in order.
    pub(super) async fn enter(&self) -> Place {
        let mut load = self.next.lock().await;
        loop {
            let running = self.running.count.load(Ordering::Relaxed);
            if running < self.at_least || (running < self.at_most && load.has_time_left(self.clock.now())) {
                self.running.count.fetch_add(1, Ordering::Relaxed);
                *load = Load::at(self.clock.now());
                return Place(Arc::clone(&self.running));
            }
            tokio::select! {
                () = self.running.ended.notified() => {}
                () = self.clock.reach(load.next_look()), if running < self.at_most => {}
            }
        }
    }
}

/// What the processors have done since a moment.
#[derive(Debug)]
struct Load {
    since: Duration,
    times: Option<Times>,
}

impl Load {
    fn at(now: Duration) -> Self {
        Self { since: now, times: Times::read() }
    }

    fn next_look(&self) -> Duration {
        self.since + LOOK
    }

    /// Whether the processors had time left since the last look; never where that can't be seen.
    fn has_time_left(&mut self, now: Duration) -> bool {
        if now < self.next_look() {
            return false;
        }
        let before = std::mem::replace(self, Self::at(now)).times;
        let left = before.zip(self.times).and_then(|(before, now)| now.left_since(before));
        left.is_some_and(|left| left >= LEFT)
    }
}

/// The time of all processors, in ticks (proc(5), `/proc/stat`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    all: u64,
    idle: u64,
}

impl Times {
    fn read() -> Option<Self> {
        Self::of(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    fn of(stat: &str) -> Option<Self> {
        let ticks: Option<Vec<u64>> = stat.lines().next()?.split_whitespace().skip(1).map(|word| word.parse().ok()).collect();
        let ticks = ticks?;
        // User, nice, system, idle, waiting for a disk, and so on up to what a hypervisor took away; guests are in user already.
        let all = ticks.iter().take(8).sum();
        Some(Self { all, idle: ticks.get(3)? + ticks.get(4)? })
    }

    /// The part that was left since an earlier moment, in percent.
    fn left_since(self, before: Self) -> Option<u64> {
        (self.idle.saturating_sub(before.idle) * 100).checked_div(self.all.saturating_sub(before.all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_processors_have_left_is_read() {
        let times = |idle: u64| Times::of(&format!("cpu  100 0 50 {idle} 10 0 5 5 90 90\ncpu0 1 2 3 4\n")).expect("times");
        assert_eq!(times(830), Times { all: 1000, idle: 840 });
        assert_eq!(times(930).left_since(times(830)), Some(100));
        let busy = Times::of("cpu 190 0 50 840 10 0 5 5 0 0\n").expect("times");
        assert_eq!(busy.left_since(times(830)), Some(10));
        assert_eq!(times(830).left_since(times(830)), None);
        assert_eq!(Times::of("intr 5\n"), None);
    }

    #[tokio::test]
    async fn no_more_begin_than_there_may_be_and_each_end_lets_one_in() {
        let pace = Pace::fixed(Clock::start(), 2);
        let (first, _second) = (pace.enter().await, pace.enter().await);
        let third = pace.enter();
        tokio::pin!(third);
        assert!(futures::poll!(third.as_mut()).is_pending());
        drop(first);
        let _third = third.await;
        assert!(futures::poll!(std::pin::pin!(pace.enter())).is_pending());
    }
}
