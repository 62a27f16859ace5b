//! The clock of a run: wall time is read once, everything after it is an offset on the monotonic clock.
//!
//! Every time in a timeline is such an offset. Times that the engine reports (nanoseconds since the epoch) are converted
//! by the pair read at the start. Offsets are whole microseconds, which is how they are saved. This is the only module that reads a clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A duration without what is below a microsecond, which is how durations are saved.
fn to_the_microsecond(duration: Duration) -> Duration {
    Duration::new(duration.as_secs(), duration.subsec_micros() * 1000)
}

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
        to_the_microsecond(self.monotonic.elapsed())
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
        u64::try_from(nanos_since_epoch - start).map_or(Duration::ZERO, |nanos| Duration::from_micros(nanos / 1000))
    }

    /// Returns when the offset has been reached, at once when it has passed. Cancel-safe.
    pub async fn reach(&self, offset: Duration) {
        tokio::time::sleep_until((self.monotonic + offset).into()).await;
    }
}

/// Durations as milliseconds with microsecond precision, for numbers that leave.
pub mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes a duration as milliseconds.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e3)
    }

    /// Reads a duration from milliseconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let millis = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64((millis * 1e3).round() / 1e6).map_err(serde::de::Error::custom)
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
