//! Judging how an app stops.

use std::time::Duration;

use super::app::probes;
use super::process::{first_process, is_shell};
use super::words::{meaning, seconds};
use super::{Finding, since};
use crate::timeline::{Answer, Endpoint, Fact, Observation};

/// The end of an app that was told to stop.
#[derive(Clone, Copy, Debug)]
pub struct Stop<'a> {
    /// The service.
    pub app: &'a str,
    /// The signal that told it.
    pub signal: &'a str,
    /// When it was sent.
    pub told: Duration,
    /// How long the app may take.
    pub grace: Duration,
    /// When it ended.
    pub died: Duration,
    /// With which status.
    pub status: i64,
    /// Whether the kernel killed it for want of memory.
    pub oom_killed: bool,
}

impl Stop<'_> {
    fn took(&self) -> Duration {
        self.died.saturating_sub(self.told)
    }

    fn is_in_time(&self) -> bool {
        self.took() <= self.grace
    }

    /// How it ended, in the words of a runbook.
    fn describe(&self, observations: &[Observation]) -> String {
        let Self { signal, status, .. } = self;
        let took = seconds(self.took());
        if self.oom_killed {
            return format!("the kernel killed it for want of memory, after {took}");
        }
        if !self.is_in_time() {
            let first = first_process(observations, self.app, self.told);
            let reason = match &first {
                Some(process) if is_shell(process) => {
                    format!("; its first process is a shell, `{}`, which does not pass the signal on", process.command)
                }
                Some(process) => format!("; its first process is `{}`", process.command),
                None => String::new(),
            };
            return format!("{signal} did not end it: SIGKILL had to, after {took} (status {status}){reason}");
        }
        match status {
            0 => format!("it stopped after {took} with status 0"),
            143 => format!("it ended after {took} with status 143 (the default action of SIGTERM)"),
            other => format!("it ended after {took} with status {other}{}", meaning(*other)),
        }
    }
}

/// After the signal the app's first process ended within the grace period.
pub fn stopped_in_time(stop: Stop<'_>, observations: &[Observation]) -> Result<(), Finding> {
    if stop.is_in_time() {
        return Ok(());
    }
    Err(Finding {
        expected: format!("`{}` exits within {} of {}", stop.app, seconds(stop.grace), stop.signal),
        seen: stop.describe(observations),
    })
}

/// The status of a death does not say that somebody killed the process.
pub fn was_not_killed(stop: Stop<'_>, observations: &[Observation]) -> Result<(), Finding> {
    if !stop.oom_killed && !matches!(stop.status, 137 | 139 | 134) {
        return Ok(());
    }
    Err(Finding { expected: format!("`{}` ends by itself", stop.app), seen: stop.describe(observations) })
}

/// The exit status is one of those that count as a clean stop.
pub fn ended_with(stop: Stop<'_>, allowed: &[i64], observations: &[Observation]) -> Result<(), Finding> {
    if allowed.contains(&stop.status) && stop.is_in_time() {
        return Ok(());
    }
    let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
    Err(Finding {
        expected: format!("`{}` ends with status {}", stop.app, allowed.join(" or ")),
        seen: stop.describe(observations),
    })
}

/// The signal was not swallowed by a shell in front of the app.
pub fn signal_reached(stop: Stop<'_>, observations: &[Observation]) -> Result<(), Finding> {
    let shell = first_process(observations, stop.app, stop.told).filter(is_shell);
    if stop.is_in_time() || shell.is_none() {
        return Ok(());
    }
    let expected = format!("{} reaches the app", stop.signal);
    Err(Finding { expected, seen: stop.describe(observations) })
}

/// The request that was under way when the app was told to stop is answered completely.
///
/// Nothing when it was answered before the signal: then it was not under way.
#[must_use]
pub fn answered_in_flight(stop: Stop<'_>, observations: &[Observation]) -> Option<Result<(), Finding>> {
    let (sent, at, answer) = probes(observations, Endpoint::Business).next()?;
    if at <= stop.told {
        return None;
    }
    if matches!(answer, Answer::Status(_)) {
        return Some(Ok(()));
    }
    Some(Err(Finding {
        expected: format!("the request that was in flight at {} is answered completely", stop.signal),
        seen: format!(
            "{answer} at {}, for a request sent at {} (counted from {}); {}",
            since(stop.told, at),
            since(stop.told, sent),
            stop.signal,
            stop.describe(observations)
        ),
    }))
}

/// No request was accepted and then not answered completely.
#[must_use]
pub fn tore_nothing(stop: Stop<'_>, observations: &[Observation]) -> Option<Result<(), Finding>> {
    let (complete, refused, unclear, torn) = observations.iter().rev().find_map(|observation| match &observation.fact {
        Fact::Load { complete, refused, unclear, torn } => Some((*complete, *refused, *unclear, torn)),
        _ => None,
    })?;
    if complete == 0 && torn.is_empty() {
        return None;
    }
    let Some(first) = torn.first() else { return Some(Ok(())) };
    Some(Err(Finding {
        expected: format!("every request that `{}` accepted is answered completely", stop.app),
        seen: format!(
            "{} torn ({first}), {complete} complete, {refused} refused, {unclear} cut off too soon to tell; {}",
            torn.len(),
            stop.describe(observations)
        ),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{ContainerChange, Process};

    const STOP: Stop<'static> = Stop {
        app: "app",
        signal: "SIGTERM",
        told: Duration::from_millis(20),
        grace: Duration::from_secs(10),
        died: Duration::from_secs(3),
        status: 0,
        oom_killed: false,
    };
    const KILLED: Stop<'static> = Stop { died: Duration::from_millis(10_520), status: 137, ..STOP };

    fn at(ms: u64, fact: Fact) -> Observation {
        Observation { at: Duration::from_millis(ms), fact }
    }

    fn with_first_process(command: &str) -> [Observation; 2] {
        let process = Process { pid: 7, uid: 1000, command: command.into() };
        [
            at(0, Fact::Container { service: "app".into(), change: ContainerChange::Started { pid: 7 } }),
            at(10, Fact::Processes { service: "app".into(), processes: vec![process] }),
        ]
    }

    #[test]
    fn a_swallowed_signal_is_explained() {
        let observations = with_first_process("/bin/sh -c server; true");
        let finding = stopped_in_time(KILLED, &observations).expect_err("late");
        assert_eq!(
            finding.seen,
            "SIGTERM did not end it: SIGKILL had to, after 10.5 s (status 137); its first process is a shell, \
             `/bin/sh -c server; true`, which does not pass the signal on"
        );
        assert!(signal_reached(KILLED, &observations).is_err());
        assert!(signal_reached(KILLED, &with_first_process("server")).is_ok(), "it ignores the signal itself");
        assert_eq!(stopped_in_time(STOP, &observations), Ok(()));
        assert_eq!(signal_reached(STOP, &observations), Ok(()));
    }

    #[test]
    fn statuses_are_told_apart() {
        assert!(ended_with(STOP, &[0, 143], &[]).is_ok());
        let failing = Stop { status: 1, ..STOP };
        assert_eq!(ended_with(failing, &[0], &[]).expect_err("1").seen, "it ended after 3.0 s with status 1");
        let default = Stop { status: 143, ..STOP };
        assert!(ended_with(default, &[0, 143], &[]).is_ok());
        assert!(ended_with(default, &[0], &[]).expect_err("143").seen.contains("the default action"));
        assert!(was_not_killed(Stop { oom_killed: true, ..STOP }, &[]).expect_err("oom").seen.contains("want of memory"));
    }

    #[test]
    fn a_request_in_flight_has_to_be_answered() {
        let answered =
            |ms, answer| at(ms, Fact::Probe { endpoint: Endpoint::Business, sent: Duration::ZERO, answer, body: None });
        assert_eq!(answered_in_flight(STOP, &[answered(10, Answer::Status(200))]), None, "before the signal");
        assert_eq!(answered_in_flight(STOP, &[answered(900, Answer::Status(503))]), Some(Ok(())));
        assert!(matches!(answered_in_flight(STOP, &[answered(900, Answer::Reset)]), Some(Err(_))));
    }

    #[test]
    fn torn_answers_are_counted() {
        let load = |torn: Vec<String>| [at(5, Fact::Load { complete: 3, refused: 2, unclear: 1, torn })];
        assert_eq!(tore_nothing(STOP, &load(vec![])), Some(Ok(())));
        assert!(matches!(tore_nothing(STOP, &load(vec!["a 200 broke off".into()])), Some(Err(_))));
        assert_eq!(tore_nothing(STOP, &[]), None);
    }
}
