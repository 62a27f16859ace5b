//! The timeline of a scenario: every fact that was observed, append-only, and the waits for what it will say.
//!
//! Probes and faults append; judges only read. A wait looks at the facts again whenever one is added, so it ends at the
//! observation that decides it and never sleeps for a guessed time.

mod fact;
mod mask;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use self::fact::{Answer, ContainerChange, DependencyState, Endpoint, Fact, FaultKind, LogStream, Phase, Process, Usage};
use crate::clock::Clock;
use crate::redact::Redactor;

/// One fact and when it became true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// Offset from the start of the run.
    #[serde(rename = "at_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub at: Duration,
    /// What was observed.
    #[serde(flatten)]
    pub fact: Fact,
}

/// What a judge says of the facts so far.
#[derive(Clone, Debug, PartialEq)]
pub enum Ruling<T, E> {
    /// The question is answered with yes.
    Holds(T),
    /// The question is answered with no, and nothing that may still come can change that.
    Broken(E),
    /// More facts are needed.
    Open,
}

/// All observations of one scenario. Cheap to clone: every clone is the same timeline.
#[derive(Clone, Debug)]
pub struct Timeline {
    clock: Clock,
    redactor: Redactor,
    observations: Arc<Mutex<Vec<Observation>>>,
    length: watch::Sender<usize>,
}

impl Timeline {
    /// An empty timeline on the clock of the run. Secrets are masked in whatever is put down on it.
    #[must_use]
    pub fn new(clock: Clock, redactor: Redactor) -> Self {
        Self { clock, redactor, observations: Arc::default(), length: watch::Sender::new(0) }
    }

    /// The clock that the offsets are read from.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Appends a fact that became true now, and returns its offset.
    #[expect(clippy::must_use_candidate, reason = "most callers only append")]
    pub fn record(&self, fact: Fact) -> Duration {
        let at = self.clock.now();
        self.record_at(at, fact);
        at
    }

    /// Appends a fact that became true at a known offset.
    pub fn record_at(&self, at: Duration, fact: Fact) {
        let fact = fact.masked(&self.redactor);
        let length = {
            let mut observations = self.lock();
            observations.push(Observation { at, fact });
            observations.len()
        };
        self.length.send_replace(length);
    }

    /// A copy of all observations, ordered by time.
    #[must_use]
    pub fn observations(&self) -> Vec<Observation> {
        let mut observations = self.lock().clone();
        observations.sort_by_key(|observation| observation.at);
        observations
    }

    /// Reads the observations in the order in which they arrived.
    pub fn read<T>(&self, read: impl FnOnce(&[Observation]) -> T) -> T {
        read(&self.lock())
    }

    /// Waits until the judge rules. The judge is asked again after every new observation, and a last time, with `true`, when
    /// the limit is reached.
    ///
    /// Returns the last ruling: [`Ruling::Open`] only when the judge could not rule at the limit either. Cancel-safe.
    pub async fn wait<T, E>(&self, limit: Duration, judge: impl Fn(&[Observation], bool) -> Ruling<T, E>) -> Ruling<T, E> {
        let mut length = self.length.subscribe();
        loop {
            length.mark_unchanged();
            let over = self.clock.now() >= limit;
            let ruling = self.read(|observations| judge(observations, over));
            if over || !matches!(ruling, Ruling::Open) {
                return ruling;
            }
            tokio::select! {
                _ = length.changed() => {}
                () = self.clock.reach(limit) => {}
            }
        }
    }

    /// Waits for the first thing that `find` sees in the observations; nothing when the limit is reached before. Cancel-safe.
    pub async fn first<T>(&self, limit: Duration, find: impl Fn(&[Observation]) -> Option<T>) -> Option<T> {
        let judge = |observations: &[Observation], _| find(observations).map_or(Ruling::<_, ()>::Open, Ruling::Holds);
        match self.wait(limit, judge).await {
            Ruling::Holds(found) => Some(found),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Observation>> {
        // A panic while the lock was held can't leave a half-written observation behind.
        self.observations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last so many log lines of a service.
#[must_use]
pub fn last_log_lines<'a>(observations: &'a [Observation], service: &str, count: usize) -> Vec<&'a str> {
    let lines = observations.iter().filter_map(|observation| match &observation.fact {
        Fact::Log { service: name, line, .. } if name == service => Some(line.as_str()),
        _ => None,
    });
    let mut lines: Vec<&str> = lines.collect();
    lines.split_off(lines.len().saturating_sub(count))
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

    fn log(line: &str) -> Fact {
        Fact::Log { service: "app".into(), stream: LogStream::Stdout, line: line.into() }
    }

    fn says_ready(observations: &[Observation], over: bool) -> Ruling<Duration, &'static str> {
        match observations.iter().find(|observation| observation.fact == log("ready")) {
            Some(observation) => Ruling::Holds(observation.at),
            None if over => Ruling::Broken("never ready"),
            None => Ruling::Open,
        }
    }

    #[tokio::test]
    async fn a_wait_ends_with_the_fact_that_decides_it() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let writer = timeline.clone();
        let wait = tokio::spawn(async move { timeline.wait(Duration::from_mins(1), says_ready).await });
        writer.record(log("starting"));
        let at = writer.record(log("ready"));
        assert_eq!(wait.await.expect("joined"), Ruling::Holds(at));
    }

    #[tokio::test]
    async fn a_wait_ends_at_its_limit() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        assert_eq!(timeline.wait(Duration::from_millis(5), says_ready).await, Ruling::Broken("never ready"));
    }

    #[test]
    fn an_observation_survives_the_way_to_json_and_back() {
        let observation = Observation {
            at: Duration::from_micros(1_234_567),
            fact: Fact::Probe {
                endpoint: Endpoint::Readiness,
                sent: Duration::from_micros(1_230_001),
                answer: Answer::Status(503),
                body: None,
            },
        };
        let json = serde_json::to_string(&observation).expect("serialised");
        assert!(json.contains(r#""at_ms":1234.567"#), "{json}");
        assert_eq!(serde_json::from_str::<Observation>(&json).expect("deserialised"), observation);
    }
}
