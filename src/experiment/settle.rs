//! Settling: an app that has said that it is ready may still be starting. It has settled when it writes no more lines about its start.

use std::collections::BTreeMap;
use std::time::Duration;

use super::RunContext;
use crate::judge::{SLOWEST, ready_in_a_row};
use crate::model::{ContainerChange, Fact, Observation, Timeline, shape};
use crate::target::Instance;

/// An app has settled when it has written nothing about its start for so long, and at the latest so long after it was ready.
const SETTLED: Duration = Duration::from_millis(700);
const SETTLED_LIMIT: Duration = Duration::from_secs(5);
/// How much longer than twice the time of its start an app that has not come to its end may write nothing.
const QUIET: Duration = Duration::from_secs(2);
/// Lines of one shape that come so often are about requests: ours, ten a second.
const OFTEN: usize = 5;
/// So many answers one after the other show that all workers of an app are ready, not only the first one.
const STEADY: usize = 3;

/// The last line that an app writes about its start.
#[derive(Clone, Debug)]
pub(super) struct LastLine {
    /// Its shape.
    shape: String,
    /// How long after the start it came.
    after: Duration,
}

/// Waits until an app that has said that it is ready says so several times in a row, and writes no more lines about its start: of several workers
/// the first one answers while the others boot, and what is done to them then says nothing of how the app runs.
pub(super) async fn settle(context: &RunContext, instance: &Instance, ready: Duration) {
    let timeline = instance.timeline();
    wait_for_last_line(context, instance, ready).await;
    let limit = ready.max(timeline.clock().now()) + SETTLED_LIMIT;
    let contract = &context.contract;
    // Other forms are not asked ten times a second, or say nothing of workers.
    if contract.readiness.http().is_some() {
        timeline.first(limit, |facts| (ready_in_a_row(facts, contract, ready) >= STEADY).then_some(())).await;
    }
    loop {
        let last = timeline.read(|facts| last_of_start(facts, &context.contract.app, ready)).map(|(_, at)| at);
        let until = (last.unwrap_or(ready).max(ready) + SETTLED).min(limit);
        if timeline.clock().now() >= until {
            return;
        }
        timeline.clock().reach(until).await;
    }
}

/// The line that an app wrote last about its start: its shape, and when it came. One of a shape that does not come again and again, as lines
/// about requests do.
fn last_of_start(facts: &[Observation], app: &str, from: Duration) -> Option<(String, Duration)> {
    let mut shapes: BTreeMap<String, (usize, Duration)> = BTreeMap::new();
    for (at, line) in lines_of(facts, app).filter(|(at, _)| *at >= from) {
        let (times, last) = shapes.entry(shape(line)).or_default();
        *times += 1;
        *last = at;
    }
    let of_start = shapes.into_iter().filter(|(_, (times, _))| *times < OFTEN).map(|(shape, (_, last))| (shape, last));
    of_start.max_by_key(|(_, last)| *last)
}

fn lines_of<'a>(facts: &'a [Observation], app: &'a str) -> impl Iterator<Item = (Duration, &'a str)> {
    facts.iter().filter_map(move |one| match &one.fact {
        Fact::Log { service, line, .. } if service == app && !line.trim().is_empty() => Some((one.at, line.as_str())),
        _ => None,
    })
}

/// The last line that an app which has settled wrote about its start.
pub(super) fn last_line_of_start(context: &RunContext, timeline: &Timeline, started: Duration) -> Option<LastLine> {
    let (shape, at) = timeline.read(|facts| last_of_start(facts, &context.contract.app, Duration::ZERO))?;
    Some(LastLine { shape, after: at.saturating_sub(started) })
}

/// Waits until an app has written, in this life, what it wrote last when nothing disturbed its start, or nothing for much longer than it took then:
/// what it writes when may differ from start to start.
async fn wait_for_last_line(context: &RunContext, instance: &Instance, ready: Duration) {
    let Some(last) = &context.last_line else { return };
    let app = &context.contract.app;
    let timeline = instance.timeline();
    let ended = |one: &Observation| match &one.fact {
        Fact::Container { service, change: ContainerChange::Died { .. } } if service == app => Some(one.at),
        _ => None,
    };
    let has_come = |facts: &[Observation]| {
        let life = facts.iter().rev().find_map(ended).unwrap_or_default();
        lines_of(facts, app).any(|(at, line)| at >= life && shape(line) == last.shape).then_some(())
    };
    let (mut until, limit) = (ready, ready + last.after * SLOWEST + SETTLED_LIMIT);
    loop {
        let newest = timeline.read(|facts| lines_of(facts, app).last().map_or(ready, |(at, _)| at.max(ready)));
        let quiet = (newest + last.after * 2 + QUIET).min(limit);
        if quiet <= until || timeline.first(quiet, has_come).await.is_some() {
            return;
        }
        until = quiet;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FactId, LogStream};

    #[test]
    fn lines_about_requests_are_no_lines_about_the_start() {
        let log = |ms, line: &str| {
            let fact = Fact::Log { service: "app".into(), stream: LogStream::Stdout, line: line.into(), is_cut: false };
            Observation { id: FactId::default(), at: Duration::from_millis(ms), fact }
        };
        let requests = (0..8).map(|n| log(1_000 + n * 100, &format!("GET /health 200 {n} ms")));
        let workers = [log(500, "worker 7 booted"), log(1_150, "worker 8 booted"), log(1_250, "worker 9 booted")];
        let facts: Vec<Observation> = workers.into_iter().chain(requests).collect();
        let last = |from| last_of_start(&facts, "app", Duration::from_millis(from));
        assert_eq!(last(1_000), Some(("worker # booted".to_owned(), Duration::from_millis(1_250))));
        assert_eq!(last(1_300), None);
        assert_eq!(last_of_start(&facts, "db", Duration::ZERO), None);
    }
}
