//! Facts in words: what a stranger reads when a check fails.

use std::time::Duration;

use super::window::changes;
use crate::model::{Answer, ContainerChange, Endpoint, Fact, FactId, Observation};

/// How many stretches of like answers are told before the middle is left out.
const STRETCHES: usize = 6;

const MIB: u64 = 1 << 20;

/// A duration in seconds, as in `1.3 s`.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// A moment relative to another one, as in `+1.3 s`.
#[must_use]
pub fn since(origin: Duration, at: Duration) -> String {
    let sign = if at < origin { '-' } else { '+' };
    format!("{sign}{}", seconds(at.abs_diff(origin)))
}

/// All answers of an endpoint in a window, with a request that was under way when it began and hung, as stretches of like answers:
/// `200 (12 times, +0.0 s to +0.6 s), then …`.
pub(super) fn answers(observations: &[Observation], endpoint: Endpoint, (origin, until): (Duration, Duration)) -> String {
    let mut stretches: Vec<(&Answer, usize, Duration, Duration)> = vec![];
    for observation in observations.iter().filter(|one| one.at <= until) {
        let Fact::Probe { endpoint: asked, sent, answer, .. } = &observation.fact else { continue };
        let was_hanging = observation.at > origin && *answer == Answer::TimedOut;
        if *asked != endpoint || (*sent < origin && !was_hanging) {
            continue;
        }
        match stretches.last_mut() {
            Some((last, count, _, end)) if *last == answer => {
                *count += 1;
                *end = observation.at;
            }
            _ => stretches.push((answer, 1, observation.at, observation.at)),
        }
    }
    if stretches.is_empty() {
        return "no answer at all".into();
    }
    let tell = |&(answer, count, begin, end): &(&Answer, usize, Duration, Duration)| {
        if count == 1 {
            format!("{answer} (once, {})", since(origin, begin))
        } else {
            format!("{answer} ({count} times, {} to {})", since(origin, begin), since(origin, end))
        }
    };
    let told: Vec<String> = if stretches.len() > STRETCHES {
        let (first, last) = (&stretches[..STRETCHES / 2], &stretches[stretches.len() - STRETCHES / 2..]);
        let left_out = format!("{} more changes", stretches.len() - STRETCHES);
        first.iter().map(tell).chain([left_out]).chain(last.iter().map(tell)).collect()
    } else {
        stretches.iter().map(tell).collect()
    };
    told.join(", then ")
}

/// The ends of a service's first process from its start on: `the app exited 3 times, last with status 1 at +4.0 s`, counted
/// from an origin, or `, 0.2 s after its start` where that was before the origin; nothing when there were none.
pub(super) fn exits(observations: &[Observation], service: &str, from: Duration, origin: Duration) -> Option<String> {
    Some(match last_exit(observations, service, from, origin)? {
        (1, status) => format!("`{service}` exited with {status}"),
        (count, status) => format!("`{service}` exited {count} times, last with {status}"),
    })
}

/// How often a service's first process has ended from its start on, and with which status the last time, and when.
pub(super) fn last_exit(
    observations: &[Observation],
    service: &str,
    from: Duration,
    origin: Duration,
) -> Option<(usize, String)> {
    let deaths: Vec<Death> = deaths(observations, service, from).collect();
    let last = deaths.last()?;
    let oom_killed = deaths.iter().any(|death| death.oom_killed);
    let at = if last.at < origin {
        format!(", {} after its start", seconds(last.at.saturating_sub(from)))
    } else {
        format!(" at {}", since(origin, last.at))
    };
    Some((deaths.len(), format!("{}{at}", Death { oom_killed, ..*last }.describe())))
}

/// How often a service's first process has ended from a moment on.
#[must_use]
pub fn count_exits(observations: &[Observation], service: &str, from: Duration) -> usize {
    deaths(observations, service, from).count()
}

/// The end of a service's first process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Death {
    pub(super) id: FactId,
    pub(super) at: Duration,
    pub(super) exit_code: i64,
    pub(super) oom_killed: bool,
}

impl Death {
    /// Its status, and what that stands for: `status 137 (SIGKILL), out of memory`.
    pub(super) fn describe(&self) -> String {
        let why = if self.oom_killed { ", out of memory" } else { "" };
        format!("status {}{}{why}", self.exit_code, meaning(self.exit_code))
    }
}

/// The ends of a service's first process from a moment on.
pub(super) fn deaths<'a>(observations: &'a [Observation], service: &'a str, from: Duration) -> impl Iterator<Item = Death> {
    changes(observations, service).filter_map(move |(one, change)| match change {
        ContainerChange::Died { exit_code, oom_killed } if one.at >= from => {
            Some(Death { id: one.id, at: one.at, exit_code: *exit_code, oom_killed: *oom_killed })
        }
        _ => None,
    })
}

/// What the app has used, where that was measured: `at most 61 of 512 MiB of memory, CPU throttled in 34 of 120 periods`.
#[must_use]
pub fn used(observations: &[Observation]) -> Option<String> {
    let usage = observations.iter().rev().find_map(|observation| match &observation.fact {
        Fact::Usage { usage, .. } => Some(usage),
        _ => None,
    })?;
    let limit = usage.memory_limit.map(|limit| format!("of {} ", limit / MIB)).unwrap_or_default();
    let memory = usage.memory_peak.map(|peak| format!("at most {} {limit}MiB of memory", peak.div_ceil(MIB)));
    let (throttled, periods) = (usage.throttled, usage.periods);
    let processor = (periods > 0).then(|| format!("CPU throttled in {throttled} of {periods} periods"));
    let told: Vec<String> = memory.into_iter().chain(processor).collect();
    (!told.is_empty()).then(|| told.join(", "))
}

/// What an exit status above 128 stands for.
pub(super) fn meaning(exit_code: i64) -> &'static str {
    match exit_code {
        137 => " (SIGKILL)",
        139 => " (SIGSEGV)",
        143 => " (SIGTERM)",
        134 => " (SIGABRT)",
        130 => " (SIGINT)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{container, died, readiness, timeline};
    use crate::model::Usage;

    #[test]
    fn what_was_used_is_told_as_far_as_it_is_known() {
        let used = |usage| used(&timeline([(0, Fact::Usage { service: "app".into(), usage })]));
        let all = Usage { memory_peak: Some(60 * MIB + 1), memory_limit: Some(512 * MIB), periods: 120, throttled: 34 };
        let told = "at most 61 of 512 MiB of memory, CPU throttled in 34 of 120 periods";
        assert_eq!(used(all).as_deref(), Some(told));
        let unlimited = Usage { memory_peak: Some(MIB), ..Usage::default() };
        assert_eq!(used(unlimited).as_deref(), Some("at most 1 MiB of memory"));
        assert_eq!(used(Usage::default()), None);
    }

    #[test]
    fn of_many_changes_the_first_and_the_last_are_told() {
        let facts = timeline((0..8).map(|n| readiness(n * 100, n * 100, Answer::Status(if n % 2 == 0 { 200 } else { 503 }))));
        let all = (Duration::ZERO, Duration::from_secs(9));
        assert_eq!(
            answers(&facts, Endpoint::Readiness, all),
            "200 (once, +0.0 s), then 503 (once, +0.1 s), then 200 (once, +0.2 s), then 2 more changes, \
             then 503 (once, +0.5 s), then 200 (once, +0.6 s), then 503 (once, +0.7 s)"
        );
        let three = (Duration::from_millis(100), Duration::from_millis(300));
        assert_eq!(
            answers(&facts, Endpoint::Readiness, three),
            "503 (once, +0.0 s), then 200 (once, +0.1 s), then 503 (once, +0.2 s)"
        );
    }

    #[test]
    fn exits_are_counted_from_a_moment_on_and_told_with_the_last() {
        let starved = container(300, "app", ContainerChange::Died { exit_code: 137, oom_killed: true });
        let facts =
            timeline([died(100, 1), starved, died(500, 143), container(600, "db", ContainerChange::Started { pid: None })]);
        let told = |from: u64| exits(&facts, "app", Duration::from_millis(from), Duration::ZERO);
        assert_eq!(told(0).as_deref(), Some("`app` exited 3 times, last with status 143 (SIGTERM), out of memory at +0.5 s"));
        assert_eq!(told(400).as_deref(), Some("`app` exited with status 143 (SIGTERM) at +0.5 s"));
        assert_eq!(told(501), None);
        assert_eq!(count_exits(&facts, "app", Duration::from_millis(300)), 2);
        assert_eq!(count_exits(&facts, "db", Duration::ZERO), 0);
    }
}
