//! The timeline of an experiment: every fact that was observed, ordered by time, append-only, and the waits for what it will say.
//!
//! Probes, faults and looks append; judges only read. Facts are numbered in the order of arrival, and ordered by the time at which they
//! became true. A wait looks at the facts again whenever one is added, so it ends at the observation that decides it and never sleeps for
//! a guessed time. Times are offsets on the clock of the run, to the microsecond, which is how they are saved.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Fact, FactId, Outcome};
use crate::clock::{Clock, millis};
use crate::redact::Redactor;

/// One fact and when it became true.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// Its number, in the order of arrival.
    #[serde(default)]
    pub id: FactId,
    /// Offset from the start of the run.
    #[serde(rename = "at_ms", with = "millis")]
    #[schemars(with = "f64")]
    pub at: Duration,
    /// What was observed.
    #[serde(flatten)]
    pub fact: Fact,
}

/// All observations of one experiment. Cheap to clone: every clone is the same timeline.
#[derive(Clone, Debug)]
pub struct Timeline {
    clock: Clock,
    redactor: Redactor,
    facts: Arc<Mutex<Facts>>,
    length: watch::Sender<u32>,
}

#[derive(Debug, Default)]
struct Facts {
    /// Ordered by time; what became true at the same moment keeps the order of arrival.
    observations: Vec<Observation>,
    /// The number of the next one.
    next: u32,
}

impl Facts {
    fn add(&mut self, at: Duration, fact: Fact) -> FactId {
        let id = FactId(self.next);
        self.next += 1;
        // Nearly always at the end.
        let place = self.observations.iter().rposition(|other| other.at <= at).map_or(0, |last| last + 1);
        self.observations.insert(place, Observation { id, at, fact });
        id
    }
}

impl Timeline {
    /// An empty timeline on the clock of the run. Secrets are masked in whatever is put down on it.
    #[must_use]
    pub fn new(clock: Clock, redactor: Redactor) -> Self {
        Self { clock, redactor, facts: Arc::default(), length: watch::Sender::new(0) }
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

    /// Appends a fact that became true at a known offset. Returns its number.
    #[expect(clippy::must_use_candidate, reason = "most callers only append")]
    pub fn record_at(&self, at: Duration, fact: Fact) -> FactId {
        let fact = fact.masked(&self.redactor);
        let (id, length) = {
            let mut facts = self.lock();
            (facts.add(at, fact), facts.next)
        };
        self.length.send_replace(length);
        id
    }

    /// A copy of all observations, ordered by time.
    #[must_use]
    pub fn observations(&self) -> Vec<Observation> {
        self.lock().observations.clone()
    }

    /// Reads the observations, ordered by time.
    pub fn read<T>(&self, read: impl FnOnce(&[Observation]) -> T) -> T {
        read(&self.lock().observations)
    }

    /// Waits until the judge's outcome is settled. The judge is asked again after every new observation, and a last time, with `true`,
    /// when the limit is reached.
    ///
    /// Returns the last outcome: [`Outcome::Pending`] only when the judge still says so at the limit. Cancel-safe.
    pub async fn wait(&self, limit: Duration, judge: impl Fn(&[Observation], bool) -> Outcome) -> Outcome {
        let mut length = self.length.subscribe();
        loop {
            length.mark_unchanged();
            let over = self.clock.now() >= limit;
            let outcome = self.read(|observations| judge(observations, over));
            if over || outcome.is_settled() {
                return outcome;
            }
            tokio::select! {
                _ = length.changed() => {}
                () = self.clock.reach(limit) => {}
            }
        }
    }

    /// Waits for the first thing that `find` sees in the observations; nothing when the limit is reached before. Cancel-safe.
    pub async fn first<T>(&self, limit: Duration, find: impl Fn(&[Observation]) -> Option<T>) -> Option<T> {
        let mut length = self.length.subscribe();
        loop {
            length.mark_unchanged();
            let over = self.clock.now() >= limit;
            let found = self.read(&find);
            if over || found.is_some() {
                return found;
            }
            tokio::select! {
                _ = length.changed() => {}
                () = self.clock.reach(limit) => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        // A panic while the lock was held can't leave a half-written observation behind.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Answer, Endpoint, LogStream};

    fn log(line: &str) -> Fact {
        Fact::Log { service: "app".into(), stream: LogStream::Stdout, line: line.into() }
    }

    fn says_ready(observations: &[Observation], over: bool) -> Outcome {
        match observations.iter().find(|observation| observation.fact == log("ready")) {
            Some(observation) => Outcome::Held(vec![observation.id]),
            None if over => Outcome::broken("a line", "never ready", vec![]),
            None => Outcome::Pending,
        }
    }

    #[tokio::test]
    async fn a_wait_ends_with_the_fact_that_decides_it() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let writer = timeline.clone();
        let wait = tokio::spawn(async move { timeline.wait(Duration::from_mins(1), says_ready).await });
        writer.record(log("starting"));
        let id = writer.record_at(writer.clock().now(), log("ready"));
        assert_eq!(wait.await.expect("joined"), Outcome::Held(vec![id]));
    }

    #[tokio::test]
    async fn a_wait_ends_at_its_limit() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        assert!(matches!(timeline.wait(Duration::from_millis(5), says_ready).await, Outcome::Broken(_)));
    }

    #[test]
    fn facts_are_ordered_by_time_and_numbered_by_arrival() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        for (ms, line) in [(20, "second"), (10, "first"), (20, "third"), (30, "fourth"), (5, "zeroth")] {
            timeline.record_at(Duration::from_millis(ms), log(line));
        }
        let told: Vec<(u32, Fact)> = timeline.observations().into_iter().map(|one| (one.id.0, one.fact)).collect();
        let expected = [(4, "zeroth"), (1, "first"), (0, "second"), (2, "third"), (3, "fourth")];
        assert_eq!(told, expected.map(|(id, line)| (id, log(line))));
    }

    #[test]
    fn an_observation_survives_the_way_to_json_and_back() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let sent = Duration::from_micros(1_230_001);
        let fact = Fact::Probe { endpoint: Endpoint::Readiness, sent, answer: Answer::Status(503), body: None };
        timeline.record_at(Duration::from_micros(1_234_567), fact);
        let observation = timeline.observations().remove(0);
        let json = serde_json::to_string(&observation).expect("serialised");
        assert!(json.contains(r#""at_ms":1234.567"#), "{json}");
        assert_eq!(serde_json::from_str::<Observation>(&json).expect("deserialised"), observation);
    }
}
