//! Forms of readiness that nobody is asked for: what the engine says of the health check, a line of the log, and that the process runs.
//! Each is read from the timeline, for the life of the container that began last.

use std::time::Duration;

use regex::Regex;

use crate::model::{Answer, ContainerChange, Fact, Observation};
use crate::subject::Form;

/// A process that runs for so long has not just failed to start.
const RUNS_FOR: Duration = Duration::from_secs(2);

/// Looks at what is known over and over.
#[derive(Debug)]
pub(super) struct Looks {
    service: String,
    what: What,
    /// The start of the life in which a line has matched.
    matched: Option<Duration>,
    /// How many facts have been looked at for one.
    looked_at: u32,
}

#[derive(Debug)]
enum What {
    Health,
    Line(Regex),
    Life,
}

impl Looks {
    /// Nothing for the other forms, and for a pattern that can't be read, which is told before.
    pub(super) fn new(form: &Form, service: &str) -> Option<Self> {
        let what = match form {
            Form::HealthCheck => What::Health,
            Form::Log { pattern } => What::Line(Regex::new(pattern).ok()?),
            Form::Runs => What::Life,
            _ => return None,
        };
        Some(Self { service: service.to_owned(), what, matched: None, looked_at: 0 })
    }

    /// What is known now; nothing when the container does not run, or has not shown anything yet.
    pub(super) fn look(&mut self, facts: &[Observation], now: Duration) -> Option<Answer> {
        let since = running_since(facts, &self.service)?;
        match &self.what {
            What::Life => has_run(facts, &self.service, now).then_some(Answer::Ready),
            What::Health => health(facts, &self.service, since),
            What::Line(pattern) => {
                // What it wrote at once may be older than the engine's word of its start.
                let last_end = last_end(facts, &self.service).unwrap_or_default();
                let is_news = |one: &&Observation| one.id.0 >= self.looked_at;
                let matches = |one: &Observation| match &one.fact {
                    Fact::Log { service, line, .. } => *service == self.service && one.at >= last_end && pattern.is_match(line),
                    _ => false,
                };
                if self.matched != Some(since) && facts.iter().filter(is_news).any(matches) {
                    self.matched = Some(since);
                }
                self.looked_at = facts.iter().map(|one| one.id.0 + 1).max().unwrap_or_default().max(self.looked_at);
                let waits = || Answer::Unready("no line has said so yet".into());
                Some(if self.matched == Some(since) { Answer::Ready } else { waits() })
            }
        }
    }
}

/// Since when the first process of a service runs; nothing when it does not.
pub(super) fn running_since(facts: &[Observation], service: &str) -> Option<Duration> {
    let changes = facts.iter().rev().filter_map(|one| match &one.fact {
        Fact::Container { service: of, change } if of == service => Some((one.at, change)),
        _ => None,
    });
    changes.into_iter().find_map(|(at, change)| match change {
        ContainerChange::Started { .. } => Some(Some(at)),
        ContainerChange::Died { .. } => Some(None),
        ContainerChange::Created { .. } | ContainerChange::Health { .. } => None,
    })?
}

/// Whether the first process of a service has not just failed to start, at a moment.
pub(super) fn has_run(facts: &[Observation], service: &str, now: Duration) -> bool {
    running_since(facts, service).is_some_and(|since| now >= since + RUNS_FOR)
}

/// When the first process of a service ended last.
fn last_end(facts: &[Observation], service: &str) -> Option<Duration> {
    facts.iter().rev().find_map(|one| match &one.fact {
        Fact::Container { service: of, change: ContainerChange::Died { .. } } if of == service => Some(one.at),
        _ => None,
    })
}

/// What the engine last said of the health check in this life.
fn health(facts: &[Observation], service: &str, since: Duration) -> Option<Answer> {
    let said = facts.iter().rev().find_map(|one| match &one.fact {
        Fact::Container { service: of, change: ContainerChange::Health { healthy } } if of == service => Some((one.at, *healthy)),
        _ => None,
    });
    let (_, healthy) = said.filter(|(at, _)| *at >= since)?;
    Some(if healthy { Answer::Ready } else { Answer::Unready("the health check fails".into()) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{FactId, LogStream};

    fn facts(told: &[(u64, Fact)]) -> Vec<Observation> {
        let numbered = told.iter().zip(0..);
        numbered
            .map(|((ms, fact), id)| Observation { id: FactId(id), at: Duration::from_millis(*ms), fact: fact.clone() })
            .collect()
    }

    fn life(change: ContainerChange) -> Fact {
        Fact::Container { service: "app".into(), change }
    }

    fn starts(ms: u64) -> (u64, Fact) {
        (ms, life(ContainerChange::Started { pid: Some(1) }))
    }

    fn dies(ms: u64) -> (u64, Fact) {
        (ms, life(ContainerChange::Died { exit_code: 0, oom_killed: false }))
    }

    fn look(form: &serde_json::Value, told: &[(u64, Fact)], now: u64) -> Option<Answer> {
        let form = Form::read(form).expect("a form");
        Looks::new(&form, "app").expect("one that is looked at").look(&facts(told), Duration::from_millis(now))
    }

    #[test]
    fn a_process_is_ready_when_it_has_run_for_a_while() {
        let runs = json!("runs");
        assert_eq!(look(&runs, &[], 5_000), None);
        assert_eq!(look(&runs, &[starts(1_000)], 2_000), None);
        assert_eq!(look(&runs, &[starts(1_000)], 3_000), Some(Answer::Ready));
        assert_eq!(look(&runs, &[starts(1_000), dies(2_000)], 9_000), None);
        assert_eq!(look(&runs, &[starts(1_000), dies(2_000), starts(8_000)], 9_000), None, "it has just been restarted");
    }

    #[test]
    fn the_health_check_counts_from_the_start_on() {
        let check = json!("healthcheck");
        let health = |ms, healthy| (ms, life(ContainerChange::Health { healthy }));
        assert_eq!(look(&check, &[starts(1_000)], 2_000), None);
        assert_eq!(look(&check, &[starts(1_000), health(1_500, true)], 2_000), Some(Answer::Ready));
        let fails = look(&check, &[starts(1_000), health(1_500, true), health(1_700, false)], 2_000);
        assert!(matches!(fails, Some(Answer::Unready(_))));
        assert_eq!(look(&check, &[starts(0), health(500, true), dies(600), starts(1_000)], 2_000), None);
    }

    #[test]
    fn a_line_counts_for_one_life() {
        let form = Form::read(&json!({"log": "^ready"})).expect("a form");
        let mut looks = Looks::new(&form, "app").expect("one that is looked at");
        let line = |ms, line: &str| {
            (ms, Fact::Log { service: "app".into(), stream: LogStream::Stdout, line: line.into(), is_cut: false })
        };
        let mut told = vec![starts(0), line(10, "almost ready")];
        let mut look = |told: &[(u64, Fact)]| looks.look(&facts(told), Duration::from_secs(9));
        assert!(matches!(look(&told), Some(Answer::Unready(_))));
        told.push(line(20, "ready"));
        assert_eq!(look(&told), Some(Answer::Ready));
        told.push(line(30, "busy"));
        assert_eq!(look(&told), Some(Answer::Ready), "it has said so");
        told.extend([dies(40), starts(50)]);
        assert!(matches!(look(&told), Some(Answer::Unready(_))), "that was before");
        told.push(line(60, "ready again"));
        assert_eq!(look(&told), Some(Answer::Ready));
    }
}
