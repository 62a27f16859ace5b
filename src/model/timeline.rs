//! The timeline of an experiment: every fact that was observed, ordered by time, append-only, and the waits for what it will say. Only of
//! a flood of log lines or answers facts are left out again, which is a fact of its own.
//!
//! Probes, faults and looks append; judges only read. Facts are numbered in the order of arrival, and ordered by the time at which they
//! became true. A wait looks at the facts again whenever one is added, so it ends at the observation that decides it and never sleeps for
//! a guessed time. Times are offsets on the clock of the run, to the microsecond, which is how they are saved.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::cut::excerpt;
use super::limit::{Keeper, note_unread};
use super::plain::without_escapes;
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

/// For how much longer than a judge took it is left alone.
const RESTS: u32 = 4;
/// Shorter rests are put off and added up: this is how finely time can be waited for.
const SHORTEST_REST: Duration = Duration::from_millis(1);

/// All observations of one experiment. Cheap to clone: every clone is the same timeline.
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
    ordered: Ordered,
    keeper: Keeper,
}

/// Observations by time; what became true at the same moment keeps the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    pub(super) observations: Vec<Observation>,
    /// The number of the next one.
    next: u32,
}

impl Ordered {
    /// Adds a fact. Returns its number.
    pub(super) fn add(&mut self, at: Duration, fact: Fact) -> FactId {
        let id = FactId(self.next);
        self.next += 1;
        self.insert(Observation { id, at, fact });
        id
    }

    /// Puts an observation in its place, which is nearly always the end.
    pub(super) fn insert(&mut self, observation: Observation) {
        let place = self.observations.iter().rposition(|other| other.at <= observation.at).map_or(0, |last| last + 1);
        self.observations.insert(place, observation);
    }
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

    /// Appends a fact that became true at a known offset. Returns its number.
    #[expect(clippy::must_use_candidate, reason = "most callers only append")]
    pub fn record_at(&self, at: Duration, fact: Fact) -> FactId {
        let fact = fact.masked(&self.redactor);
        self.change(|facts| facts.keeper.append(&mut facts.ordered, at, fact))
    }

    /// Appends a line that a service wrote at a known offset, unless its stream has one of that time or a later one already: then
    /// somebody else has read it. A reader's own last line does not count, since two lines may be of the same time. Returns
    /// whether it was appended.
    #[expect(clippy::must_use_candidate, reason = "to append is what it is called for")]
    pub fn record_line(&self, at: Duration, own: Option<Duration>, line: Fact) -> bool {
        let fact = line.masked(&self.redactor);
        let Fact::Log { service, stream, .. } = &fact else { return false };
        let (service, stream) = (service.clone(), *stream);
        self.change(|facts| {
            let newest = facts.keeper.newest_line(&service, Some(stream));
            let is_new = newest.is_none_or(|newest| at > newest || (at == newest && own == Some(at)));
            if is_new {
                facts.keeper.append(&mut facts.ordered, at, fact);
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
        self.change(|facts| note_unread(&mut facts.ordered, service, at));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Facts) -> T) -> T {
        let changed = change(&mut self.lock());
        self.additions.send_modify(|additions| *additions += 1);
        changed
    }

    /// A copy of all observations, ordered by time.
    #[must_use]
    pub fn observations(&self) -> Vec<Observation> {
        self.lock().ordered.observations.clone()
    }

    /// Reads the observations, ordered by time.
    pub fn read<T>(&self, read: impl FnOnce(&[Observation]) -> T) -> T {
        read(&self.lock().ordered.observations)
    }

    /// Waits until the judge's outcome is settled. The judge is asked again after every new observation, and a last time, with `true`,
    /// when the limit is reached. In a flood of observations it is asked after several of them, so that judging takes no more than a
    /// fifth of the time.
    ///
    /// Returns the last outcome: [`Outcome::Pending`] only when the judge still says so at the limit. Cancel-safe.
    pub async fn wait(&self, limit: Duration, judge: impl Fn(&[Observation], bool) -> Outcome) -> Outcome {
        self.watch(limit, |facts, over| {
            let outcome = judge(facts, over);
            (over || outcome.is_settled()).then_some(outcome)
        })
        .await
        .unwrap_or(Outcome::Pending)
    }

    /// Waits for the first thing that `find` sees in the observations; nothing when the limit is reached before. Cancel-safe.
    pub async fn first<T>(&self, limit: Duration, find: impl Fn(&[Observation]) -> Option<T>) -> Option<T> {
        self.watch(limit, |facts, _| find(facts)).await
    }

    /// Looks at the observations again and again until there is an answer, or the limit is reached.
    async fn watch<T>(&self, limit: Duration, look: impl Fn(&[Observation], bool) -> Option<T>) -> Option<T> {
        let mut additions = self.additions.subscribe();
        let mut owed = Duration::ZERO;
        loop {
            additions.mark_unchanged();
            let asked = self.clock.now();
            let over = asked >= limit;
            let answer = self.read(|facts| look(facts, over));
            if over || answer.is_some() {
                return answer;
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

    /// Puts down what another timeline has of facts like these, and what comes there, each at its own offset. Goes on until it is dropped.
    pub async fn follow(&self, other: &Self, is_meant: impl Fn(&Fact) -> bool) {
        let mut additions = other.additions.subscribe();
        let mut next = FactId(0);
        loop {
            additions.mark_unchanged();
            let (mut new, end) = {
                let facts = other.lock();
                let is_new = |one: &&Observation| one.id >= next && is_meant(&one.fact);
                let new: Vec<Observation> = facts.ordered.observations.iter().filter(is_new).cloned().collect();
                (new, FactId(facts.ordered.next))
            };
            next = end;
            new.sort_by_key(|one| one.id);
            for one in new {
                self.record_at(one.at, one.fact);
            }
            if additions.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Facts> {
        // A panic while the lock was held can't leave a half-written observation behind.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last so many log lines of a service that say something; long ones as excerpts.
#[must_use]
pub fn last_log_lines(observations: &[Observation], service: &str, count: usize) -> Vec<String> {
    let lines = observations.iter().filter_map(|observation| match &observation.fact {
        Fact::Log { service: name, line, .. } if name == service => Some(without_escapes(line)),
        _ => None,
    });
    let lines: Vec<_> = lines.filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].iter().map(|line| excerpt(line, 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Answer, Endpoint, LogStream};

    fn log(line: &str) -> Fact {
        Fact::Log { service: "app".into(), stream: LogStream::Stdout, line: line.into(), is_cut: false }
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
    fn a_line_that_two_read_is_there_once() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let at = Duration::from_millis;
        let record = |at, own, stream, line: &str| {
            timeline.record_line(at, own, Fact::Log { service: "app".into(), stream, line: line.into(), is_cut: false })
        };
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

    #[test]
    fn the_last_lines_are_those_that_say_something_and_are_plain() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        for line in ["first", "\u{1b}[31mERROR\u{1b}[0m no database", "", "  ", "\u{1b}[0m"] {
            timeline.record(log(line));
        }
        assert_eq!(last_log_lines(&timeline.observations(), "app", 1), ["ERROR no database"]);
        assert_eq!(last_log_lines(&timeline.observations(), "app", 9), ["first", "ERROR no database"]);
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
            let outcome = says_ready(observations, over);
            judging.set(judging.get() + clock.now().saturating_sub(begun));
            outcome
        };
        let begun = clock.now();
        assert!(matches!(timeline.wait(Duration::from_mins(1), judge).await, Outcome::Held(_)));
        let waited = clock.now().saturating_sub(begun);
        flood.await.expect("joined");
        assert!(waited < Duration::from_secs(5), "{waited:?}");
        assert!(judging.get() < waited / 4, "{:?} of {waited:?}", judging.get());
        assert!(timeline.read(<[_]>::len) < 7000, "all of it is kept");
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
