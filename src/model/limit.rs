//! What of a flood stays on the timeline, so that an app that writes or answers without end can't fill the memory.
//!
//! Of each log the beginning and the end are kept, and the first line with a secret in it. Of the answers of each endpoint those
//! between equal ones are thinned, never a change; long bodies are cut once there are many of them. What was left out is counted
//! where it was, by a [`Fact::Thinned`]. Nothing else is ever left out: it comes at the pace of our own probes and faults.

use std::time::Duration;

use super::cut::cut;
use super::timeline::Ordered;
use super::{Endpoint, Fact, FactId, Flood, LogStream, Observation};
use crate::redact::MASK;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of the beginning of each log, and of its end: so many lines,
    pub(super) lines: usize,
    /// and so many bytes.
    pub(super) bytes: usize,
    /// So many answers of each endpoint, before equal ones are thinned: 40 minutes of them.
    pub(super) answers: usize,
    /// So many bytes of the bodies of each endpoint are kept whole.
    pub(super) bodies: usize,
    /// So many bytes of each further body.
    pub(super) short_body: usize,
}

impl Limits {
    pub(super) const DEFAULT: Self =
        Self { lines: 2000, bytes: 1024 * 1024, answers: 50_000, bodies: 2 * 1024 * 1024, short_body: 2000 };
}

/// Decides what stays. It is given every observation of one timeline, and takes constant time for each on average.
#[derive(Debug)]
pub(super) struct Keeper {
    limits: Limits,
    logs: Vec<Log>,
    endpoints: Vec<Answers>,
}

/// Lines and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Size {
    lines: usize,
    bytes: usize,
}

impl Size {
    fn add(&mut self, line: &str) {
        self.lines += 1;
        self.bytes += line.len();
    }

    /// Whether one more line would be too much.
    fn is_full(self, line: &str, limits: &Limits) -> bool {
        self.lines >= limits.lines || self.bytes + line.len() > limits.bytes
    }
}

/// What is known of the log of one service.
#[derive(Debug, Default)]
struct Log {
    service: String,
    /// The beginning, which stays.
    head: Size,
    head_is_full: bool,
    /// What is kept of what came after it.
    tail: Size,
    /// The first line with a secret in it.
    secret: Option<Duration>,
    /// The time of the newest line of each stream.
    newest: Vec<(LogStream, Duration)>,
}

/// What is known of the answers of one endpoint.
#[derive(Debug)]
struct Answers {
    endpoint: Endpoint,
    kept: usize,
    /// The number at which they are thinned next.
    thin_at: usize,
    bodies: usize,
}

impl Default for Keeper {
    fn default() -> Self {
        Self::new(Limits::DEFAULT)
    }
}

impl Keeper {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, logs: vec![], endpoints: vec![] }
    }

    /// The time of the newest line of a service, of one stream or of any.
    pub(super) fn newest_line(&self, service: &str, stream: Option<LogStream>) -> Option<Duration> {
        let log = self.logs.iter().find(|log| log.service == service)?;
        log.newest.iter().filter(|(of, _)| stream.is_none_or(|stream| *of == stream)).map(|(_, at)| *at).max()
    }

    /// Appends an observation, and thins out what has become too much.
    pub(super) fn append(&mut self, ordered: &mut Ordered, at: Duration, mut fact: Fact) -> FactId {
        match &mut fact {
            Fact::Log { service, stream, line, .. } => {
                let (log, limits) = self.log(service);
                let is_too_much = log.count(at, *stream, line, limits);
                let id = ordered.add(at, fact);
                if is_too_much {
                    log.thin(ordered, limits);
                }
                id
            }
            Fact::Probe { endpoint, body, .. } => {
                let (answers, limits) = self.answers(*endpoint);
                if let Some(body) = body {
                    if answers.bodies + body.len() > limits.bodies {
                        cut(body, limits.short_body);
                    } else {
                        answers.bodies += body.len();
                    }
                }
                answers.kept += 1;
                let id = ordered.add(at, fact);
                if answers.kept > answers.thin_at {
                    answers.thin(ordered, limits);
                }
                id
            }
            _ => ordered.add(at, fact),
        }
    }

    fn log(&mut self, service: &str) -> (&mut Log, &Limits) {
        let place = self.logs.iter().position(|log| log.service == service).unwrap_or_else(|| {
            self.logs.push(Log { service: service.to_owned(), ..Log::default() });
            self.logs.len() - 1
        });
        (&mut self.logs[place], &self.limits)
    }

    fn answers(&mut self, endpoint: Endpoint) -> (&mut Answers, &Limits) {
        let place = self.endpoints.iter().position(|answers| answers.endpoint == endpoint).unwrap_or_else(|| {
            self.endpoints.push(Answers { endpoint, kept: 0, thin_at: self.limits.answers, bodies: 0 });
            self.endpoints.len() - 1
        });
        (&mut self.endpoints[place], &self.limits)
    }
}

/// Notes that lines which were written up to this moment have not been read: there are too many of them.
pub(super) fn note_unread(ordered: &mut Ordered, service: &str, at: Duration) {
    let of = Flood::Log { service: service.to_owned() };
    note(ordered, of, LeftOut { first: at, last: at, count: 0, bytes: 0 }, true);
}

/// What was left out at one time.
#[derive(Clone, Copy, Debug)]
struct LeftOut {
    first: Duration,
    last: Duration,
    count: usize,
    bytes: usize,
}

impl LeftOut {
    fn add(left_out: &mut Option<Self>, at: Duration, bytes: usize) {
        let all = left_out.get_or_insert(Self { first: at, last: at, count: 0, bytes: 0 });
        all.first = all.first.min(at);
        all.last = all.last.max(at);
        all.count += 1;
        all.bytes += bytes;
    }
}

impl Log {
    /// Counts a line. Returns whether there are too many now.
    fn count(&mut self, at: Duration, stream: LogStream, line: &str, limits: &Limits) -> bool {
        match self.newest.iter_mut().find(|(of, _)| *of == stream) {
            Some((_, newest)) => *newest = at.max(*newest),
            None => self.newest.push((stream, at)),
        }
        if self.secret.is_none() && line.contains(MASK) {
            self.secret = Some(at);
        }
        self.head_is_full |= self.head.is_full(line, limits);
        if !self.head_is_full {
            self.head.add(line);
            return false;
        }
        self.tail.add(line);
        self.tail.lines > 2 * limits.lines || self.tail.bytes > 2 * limits.bytes
    }

    /// Leaves out what lies between the beginning and the end.
    fn thin(&mut self, ordered: &mut Ordered, limits: &Limits) {
        let observations = &mut ordered.observations;
        let mut tail = Size::default();
        let mut begin = observations.len();
        for (place, observation) in observations.iter().enumerate().rev() {
            let Some(line) = self.line(observation) else { continue };
            if tail.is_full(line, limits) {
                break;
            }
            tail.add(line);
            begin = place;
        }
        let (mut place, mut number, mut left_out) = (0, 0, None);
        observations.retain(|observation| {
            let line = self.line(observation);
            let stays = line.is_none_or(|line| {
                number += 1;
                number <= self.head.lines || place >= begin || (self.secret == Some(observation.at) && line.contains(MASK))
            });
            place += 1;
            if !stays {
                LeftOut::add(&mut left_out, observation.at, line.map_or(0, str::len));
            }
            stays
        });
        self.tail = tail;
        if let Some(left_out) = left_out {
            note(ordered, Flood::Log { service: self.service.clone() }, left_out, false);
        }
    }

    fn line<'a>(&self, observation: &'a Observation) -> Option<&'a str> {
        match &observation.fact {
            Fact::Log { service, line, .. } if *service == self.service => Some(line),
            _ => None,
        }
    }
}

impl Answers {
    /// Leaves out every second of the answers that stand between equal ones.
    fn thin(&mut self, ordered: &mut Ordered, limits: &Limits) {
        let observations = &mut ordered.observations;
        let own = |observation: &Observation| match &observation.fact {
            Fact::Probe { endpoint, answer, body, .. } if *endpoint == self.endpoint => Some((answer.clone(), body.is_some())),
            _ => None,
        };
        let all: Vec<_> = observations.iter().filter_map(own).collect();
        let mut goes = vec![false; all.len()];
        for number in 1..all.len().saturating_sub(1) {
            let (answer, has_body) = &all[number];
            let between_equals = all[number - 1].0 == *answer && all[number + 1].0 == *answer;
            goes[number] = between_equals && !has_body && !goes[number - 1];
        }
        let (mut number, mut left_out) = (0, None);
        observations.retain(|observation| {
            let is_own = matches!(&observation.fact, Fact::Probe { endpoint, .. } if *endpoint == self.endpoint);
            let stays = !is_own || !goes[number];
            number += usize::from(is_own);
            if !stays {
                LeftOut::add(&mut left_out, observation.at, 0);
            }
            stays
        });
        self.kept -= left_out.map_or(0, |left_out| left_out.count);
        // Where all are changes, nothing could be left out: then it is not tried again with every answer.
        self.thin_at = limits.answers.max(self.kept + limits.answers / 2);
        if let Some(left_out) = left_out {
            note(ordered, Flood::Answers { endpoint: self.endpoint }, left_out, false);
        }
    }
}

/// Says on the timeline what was left out, in the one fact for it.
fn note(ordered: &mut Ordered, flood: Flood, left_out: LeftOut, is_unread: bool) {
    let known = |one: &Observation| matches!(&one.fact, Fact::Thinned { of, .. } if *of == flood);
    let LeftOut { first, last, count, bytes } = left_out;
    let Some(place) = ordered.observations.iter().position(known) else {
        ordered.add(first, Fact::Thinned { of: flood, until: last, count, bytes, unread: is_unread });
        return;
    };
    let mut noted = ordered.observations.remove(place);
    noted.at = noted.at.min(first);
    if let Fact::Thinned { until, count: all, bytes: length, unread, .. } = &mut noted.fact {
        *until = last.max(*until);
        *all += count;
        *length += bytes;
        *unread |= is_unread;
    }
    ordered.insert(noted);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Answer;

    const SMALL: Limits = Limits { lines: 3, bytes: 100, answers: 8, bodies: 10, short_body: 4 };

    fn log(service: &str, line: &str) -> Fact {
        Fact::Log { service: service.into(), stream: LogStream::Stdout, line: line.into(), is_cut: false }
    }

    fn answer(status: u16, body: Option<&str>) -> Fact {
        let body = body.map(str::to_owned);
        Fact::Probe { endpoint: Endpoint::Readiness, sent: Duration::ZERO, answer: Answer::Status(status), body }
    }

    /// One fact a millisecond.
    fn kept(limits: Limits, facts: impl IntoIterator<Item = Fact>) -> Vec<Observation> {
        let (mut keeper, mut ordered) = (Keeper::new(limits), Ordered::default());
        for (ms, fact) in (0..).zip(facts) {
            keeper.append(&mut ordered, Duration::from_millis(ms), fact);
        }
        ordered.observations
    }

    /// Each fact in a word.
    fn told(observations: &[Observation]) -> Vec<String> {
        let word = |observation: &Observation| match &observation.fact {
            Fact::Log { line, .. } => line.clone(),
            Fact::Probe { answer, body: None, .. } => answer.to_string(),
            Fact::Probe { answer, body: Some(body), .. } => format!("{answer} {body}"),
            Fact::Thinned { until, count, bytes, unread, .. } => {
                let more = if *unread { "+" } else { "" };
                format!("[{count}{more} of {bytes} B, {} to {} ms]", observation.at.as_millis(), until.as_millis())
            }
            other => format!("{other:?}"),
        };
        observations.iter().map(word).collect()
    }

    #[test]
    fn of_a_log_the_beginning_and_the_end_stay() {
        let numbered = |count: u32| (0..count).map(|number| log("app", &format!("line {number:02}")));
        for (count, expected) in [
            (2, "line 00, line 01"),
            // Up to three times the limit nothing is left out, so that it is done in batches.
            (9, "line 00, line 01, line 02, line 03, line 04, line 05, line 06, line 07, line 08"),
            (10, "line 00, line 01, line 02, [4 of 28 B, 3 to 6 ms], line 07, line 08, line 09"),
            (12, "line 00, line 01, line 02, [4 of 28 B, 3 to 6 ms], line 07, line 08, line 09, line 10, line 11"),
            (14, "line 00, line 01, line 02, [8 of 56 B, 3 to 10 ms], line 11, line 12, line 13"),
        ] {
            assert_eq!(told(&kept(SMALL, numbered(count))).join(", "), expected, "{count} lines");
        }
    }

    #[test]
    fn bytes_are_limited_too() {
        let long = "x".repeat(60);
        let observations = kept(SMALL, (0..100).map(|_| log("app", &long)));
        assert!(observations.len() < 8, "{:?}", told(&observations));
        assert_eq!(told(&observations)[1], "[96 of 5760 B, 1 to 96 ms]");
    }

    #[test]
    fn a_flood_costs_nobody_else_a_fact() {
        let facts = (0..100).flat_map(|number| {
            let other = if number % 20 == 0 { log("db", "of another service") } else { Fact::Attempt { service: "db".into() } };
            [log("app", "flood"), other]
        });
        let observations = kept(SMALL, facts);
        let count = |wanted: &Fact| observations.iter().filter(|observation| observation.fact == *wanted).count();
        assert_eq!(count(&Fact::Attempt { service: "db".into() }), 95);
        assert_eq!(count(&log("db", "of another service")), 5, "{:?}", told(&observations));
        assert!(observations.is_sorted_by_key(|observation| observation.at));
    }

    #[test]
    fn the_first_line_with_a_secret_stays() {
        let line = |number| log("app", if number == 5 || number == 6 { "is [redacted]" } else { "flood" });
        let words = told(&kept(SMALL, (0..1000).map(line)));
        assert_eq!(words.iter().filter(|word| *word == "is [redacted]").count(), 1, "{words:?}");
    }

    #[test]
    fn answers_are_thinned_and_changes_stay() {
        for (statuses, expected) in [
            (vec![200; 8], "200, 200, 200, 200, 200, 200, 200, 200"),
            (vec![200; 9], "200, [4 of 0 B, 1 to 7 ms], 200, 200, 200, 200"),
            (vec![200, 200, 200, 503, 200, 200, 200, 503, 503], "200, [2 of 0 B, 1 to 5 ms], 200, 503, 200, 200, 503, 503"),
            (vec![200, 503, 200, 503, 200, 503, 200, 503, 200, 503], "200, 503, 200, 503, 200, 503, 200, 503, 200, 503"),
        ] {
            let observations = kept(SMALL, statuses.into_iter().map(|status| answer(status, None)));
            assert_eq!(told(&observations).join(", "), expected);
        }
    }

    #[test]
    fn an_endpoint_that_answers_for_ever_keeps_few_answers() {
        let observations = kept(SMALL, (0..10_000).map(|_| answer(200, None)));
        assert!(observations.len() <= SMALL.answers + 2, "{}", observations.len());
        let left_out = observations.iter().find_map(|observation| match observation.fact {
            Fact::Thinned { count, .. } => Some(count),
            _ => None,
        });
        assert_eq!(left_out, Some(10_000 - (observations.len() - 1)));
    }

    #[test]
    fn bodies_are_kept_whole_until_there_are_many() {
        let observations = kept(SMALL, (0..3).map(|_| answer(503, Some("sixsix"))));
        let cut = "503 sixs … (2 bytes more)";
        assert_eq!(told(&observations), ["503 sixsix", cut, cut]);
    }

    #[test]
    fn what_was_never_read_is_told() {
        let (mut keeper, mut ordered) = (Keeper::new(SMALL), Ordered::default());
        let at = Duration::from_millis;
        keeper.append(&mut ordered, at(1), log("app", "one"));
        note_unread(&mut ordered, "app", at(5));
        note_unread(&mut ordered, "app", at(9));
        assert_eq!(told(&ordered.observations), ["one", "[0+ of 0 B, 5 to 9 ms]"]);
        assert_eq!(keeper.newest_line("app", None), Some(at(1)));
        assert_eq!(keeper.newest_line("app", Some(LogStream::Stderr)), None);
    }
}
