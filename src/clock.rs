//! The clock of a run: wall time is read once, everything after it is an offset on the monotonic clock.
//!
//! Every time in a timeline is such an offset. Times that the engine reports (nanoseconds since the epoch) are converted
//! by the pair read at the start. This is the only module that reads a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A pair of clocks, read together when the run started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: SystemTime,
    monotonic: Instant,
}

impl Clock {
    /// Starts the clock: this moment becomes offset zero.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clocks")]
    pub fn start() -> Self {
        Self { wall: SystemTime::now(), monotonic: Instant::now() }
    }

    /// The time since the start of the run.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.monotonic.elapsed()
    }

    /// The wall time at which the run started.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        self.wall
    }

    /// The day on which the run started (UTC).
    #[must_use]
    pub fn day(&self) -> time::Date {
        time::OffsetDateTime::from(self.wall).date()
    }

    /// The offset of a moment that somebody else stamped with wall time, in nanoseconds since the epoch. Moments before the
    /// start become zero.
    #[must_use]
    pub fn offset_of(&self, nanos_since_epoch: i128) -> Duration {
        let start = self.wall.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos().cast_signed());
        u64::try_from(nanos_since_epoch - start).map_or(Duration::ZERO, Duration::from_nanos)
    }

    /// Returns when the offset has been reached, at once when it has passed. Cancel-safe.
    pub async fn reach(&self, offset: Duration) {
        tokio::time::sleep_until((self.monotonic + offset).into()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_time_becomes_an_offset() {
        let clock = Clock::start();
        let start = clock.started_at().duration_since(UNIX_EPOCH).expect("after the epoch").as_nanos().cast_signed();
        assert_eq!(clock.offset_of(start + 1_500_000_000), Duration::from_millis(1500));
        assert_eq!(clock.offset_of(start - 1), Duration::ZERO, "a moment before the start");
    }
}
