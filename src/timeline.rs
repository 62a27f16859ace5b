//! The timeline of a scenario: every fact that was observed, append-only, and the waits for what it will say. Only of a flood of
//! log lines or answers facts are left out again, which is a fact of its own.
//!
//! Probes and faults append; judges only read. A wait looks at the facts again whenever one is added, so it ends at the
//! observation that decides it and never sleeps for a guessed time.

mod cut;
mod fact;
mod limit;
mod mask;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use self::cut::{cut_mark, excerpt, is_cut};
pub use self::fact::{
    Answer, ContainerChange, DependencyState, Endpoint, Fact, FaultKind, Flood, LogStream, Phase, Process, Usage,
};
use self::limit::{Keeper, note_unread};
use crate::clock::Clock;
use crate::redact::Redactor;

/// For how much longer than a judge took it is left alone.
const RESTS: u32 = 4;
/// Shorter rests are put off and added up: this is how finely time can be waited for.
const SHORTEST_REST: Duration = Duration::from_millis(1);

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
    facts: Arc<Mutex<Facts>>,
    /// How often something was added.
    additions: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Facts {
    observations: Vec<Observation>,
    keeper: Keeper,
}

impl Timeline {
    /// An empty timeline on the clock of the run. Secrets are masked in whatever is put down on it.
    #[must_use]
    pub fn new(clock: Clock, redactor: Redactor) -> Self {
        Self { clock, redactor, facts: Arc::default(), additions: watch::Sender::new(0) }
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
        self.change(|facts| facts.keeper.append(&mut facts.observations, Observation { at, fact }));
    }

    /// Appends a line that a service wrote at a known offset, unless its stream has one of that time or a later one already: then
    /// somebody else has read it. A reader's own last line does not count, since two lines may be of the same time. Returns
    /// whether it was appended.
    #[expect(clippy::must_use_candidate, reason = "to append is what it is called for")]
    pub fn record_line(&self, (at, own): (Duration, Option<Duration>), service: &str, stream: LogStream, line: String) -> bool {
        let fact = Fact::Log { service: service.to_owned(), stream, line }.masked(&self.redactor);
        let is_new = |facts: &Facts| {
            facts.keeper.newest_line(service, Some(stream)).is_none_or(|newest| at > newest || (at == newest && own == Some(at)))
        };
        self.change(|facts| {
            let is_new = is_new(facts);
            if is_new {
                facts.keeper.append(&mut facts.observations, Observation { at, fact });
            }
            is_new
        })
    }

    /// When the newest known line of a service was written.
    #[must_use]
    pub fn newest_line(&self, service: &str) -> Option<Duration> {
        self.lock().keeper.newest_line(service, None)
    }

    /// Says that a service has written lines by now which nobody has read, because there are too many.
    pub fn record_unread(&self, service: &str) {
        let at = self.clock.now();
        self.change(|facts| note_unread(&mut facts.observations, service, at));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Facts) -> T) -> T {
        let changed = change(&mut self.lock());
        self.additions.send_modify(|additions| *additions += 1);
        changed
    }

    /// A copy of all observations, ordered by time.
    #[must_use]
    pub fn observations(&self) -> Vec<Observation> {
        let mut observations = self.lock().observations.clone();
        observations.sort_by_key(|observation| observation.at);
        observations
    }

    /// Reads the observations in the order in which they arrived.
    pub fn read<T>(&self, read: impl FnOnce(&[Observation]) -> T) -> T {
        read(&self.lock().observations)
    }

    /// Waits until the judge rules. The judge is asked again after every new observation, and a last time, with `true`, when
    /// the limit is reached. In a flood of observations it is asked after several of them, so that judging takes no more than a
    /// fifth of the time.
    ///
    /// Returns the last ruling: [`Ruling::Open`] only when the judge could not rule at the limit either. Cancel-safe.
    pub async fn wait<T, E>(&self, limit: Duration, judge: impl Fn(&[Observation], bool) -> Ruling<T, E>) -> Ruling<T, E> {
        let mut additions = self.additions.subscribe();
        let mut owed = Duration::ZERO;
        loop {
            additions.mark_unchanged();
            let asked = self.clock.now();
            let over = asked >= limit;
            let ruling = self.read(|observations| judge(observations, over));
            if over || !matches!(ruling, Ruling::Open) {
                return ruling;
            }
            let answered = self.clock.now();
            tokio::select! {
                _ = additions.changed() => {}
                () = self.clock.reach(limit) => {}
            }
            let rested = self.clock.now().saturating_sub(answered);
            owed = (owed + answered.saturating_sub(asked) * RESTS).saturating_sub(rested);
            if owed > SHORTEST_REST {
                self.clock.reach(limit.min(answered + rested + owed)).await;
                owed = Duration::ZERO;
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

    fn lock(&self) -> MutexGuard<'_, Facts> {
        // A panic while the lock was held can't leave a half-written observation behind.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last so many log lines of a service; long ones as excerpts.
#[must_use]
pub fn last_log_lines(observations: &[Observation], service: &str, count: usize) -> Vec<String> {
    let lines = observations.iter().filter_map(|observation| match &observation.fact {
        Fact::Log { service: name, line, .. } if name == service => Some(line.as_str()),
        _ => None,
    });
    let lines: Vec<&str> = lines.collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| excerpt(line, 0)).collect()
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
    fn a_line_that_two_read_is_there_once() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let at = Duration::from_millis;
        let record = |at, own, stream, line: &str| timeline.record_line((at, own), "app", stream, line.to_owned());
        let cases = [
            (at(5), None, LogStream::Stdout, "one", true),
            (at(5), None, LogStream::Stdout, "one", false),
            // The same moment, but by the reader that has read the first line: a second one.
            (at(5), Some(at(5)), LogStream::Stdout, "two", true),
            (at(4), None, LogStream::Stdout, "older, so known", false),
            // The streams are stamped side by side.
            (at(4), None, LogStream::Stderr, "three", true),
            (at(6), Some(at(5)), LogStream::Stdout, "four", true),
        ];
        for (at, own, stream, line, is_new) in cases {
            assert_eq!(record(at, own, stream, line), is_new, "{line}");
        }
        assert_eq!(last_log_lines(&timeline.observations(), "app", 9), ["three", "one", "two", "four"]);
        assert_eq!(timeline.newest_line("app"), Some(at(6)));
        assert_eq!(timeline.newest_line("db"), None);
    }

    #[tokio::test]
    async fn a_flood_does_not_keep_a_wait_from_its_end() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let writer = timeline.clone();
        let flood = tokio::task::spawn_blocking(move || {
            let begun = writer.clock().now();
            while writer.clock().now() < begun + Duration::from_millis(500) {
                writer.record(log("flood"));
            }
            writer.record(log("ready"));
        });
        let clock = timeline.clock();
        let judging = std::cell::Cell::new(Duration::ZERO);
        let judge = |observations: &[Observation], over| {
            let begun = clock.now();
            let ruling = says_ready(observations, over);
            judging.set(judging.get() + clock.now().saturating_sub(begun));
            ruling
        };
        let begun = clock.now();
        assert!(matches!(timeline.wait(Duration::from_mins(1), judge).await, Ruling::Holds(_)));
        let waited = clock.now().saturating_sub(begun);
        flood.await.expect("joined");
        assert!(waited < Duration::from_secs(5), "{waited:?}");
        assert!(judging.get() < waited / 4, "{:?} of {waited:?}", judging.get());
        assert!(timeline.read(<[_]>::len) < 7000, "all of it is kept");
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
