//! Judging how an app stops.

use super::answers::requests;
use super::process::{first_process, is_shell};
use super::window::{Stop, Window};
use super::words::{meaning, seconds, since};
use crate::model::{Answer, Endpoint, Fact, FactId, Observation, Outcome};

impl Stop<'_> {
    fn took(&self) -> std::time::Duration {
        self.died.saturating_sub(self.told)
    }

    fn is_in_time(&self) -> bool {
        self.took() <= self.grace
    }

    fn evidence(&self) -> Vec<FactId> {
        vec![self.sent, self.death]
    }

    /// How it ended, in the words of a runbook.
    fn describe(&self, facts: &[Observation]) -> String {
        let Self { signal, status, .. } = self;
        let took = seconds(self.took());
        if self.oom_killed {
            return format!("the kernel killed it after {took}: out of memory");
        }
        if !self.is_in_time() {
            let first = first_process(facts, self.app, self.told);
            let reason = match &first {
                Some(process) if is_shell(process) => {
                    format!("; its first process is a shell, `{}`, which does not pass the signal on", process.command)
                }
                Some(process) => format!("; its first process is `{}`", process.command),
                None => String::new(),
            };
            return format!("{signal} did not end it: stopped by SIGKILL after {took} (status {status}){reason}");
        }
        match status {
            0 => format!("it stopped after {took} with status 0"),
            143 => format!("it ended after {took} with status 143 (the default action of SIGTERM)"),
            other => format!("it ended after {took} with status {other}{}", meaning(*other)),
        }
    }
}

/// The outcome where the end of the app is not known.
pub(super) fn no_end(window: &Window<'_>) -> Outcome {
    let what = if window.stop_signal().is_none() {
        "the app got no stop signal"
    } else {
        "the engine did not report the end of the app"
    };
    Outcome::undecided_when(window.over, what)
}

fn judge(window: &Window<'_>, judge: impl FnOnce(Stop<'_>) -> Outcome) -> Outcome {
    window.stop().map_or_else(|| no_end(window), judge)
}

/// After the signal the app's first process ended within the grace period.
pub(super) fn in_time(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        if stop.is_in_time() {
            return Outcome::Held(stop.evidence());
        }
        let expected = format!("`{}` exits within {} of {}", stop.app, seconds(stop.grace), stop.signal);
        Outcome::broken(expected, stop.describe(window.facts), stop.evidence())
    })
}

/// The status of a death does not say that somebody killed the process.
pub(super) fn was_not_killed(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        if !stop.oom_killed && !matches!(stop.status, 137 | 139 | 134) {
            return Outcome::Held(stop.evidence());
        }
        Outcome::broken(format!("`{}` ends by itself", stop.app), stop.describe(window.facts), stop.evidence())
    })
}

/// The exit status is one of those that count as a clean stop.
pub(super) fn ended_with_clean_status(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        let allowed = &window.contract.stop_status;
        if allowed.contains(&stop.status) && stop.is_in_time() {
            return Outcome::Held(stop.evidence());
        }
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let expected = format!("`{}` ends with status {}", stop.app, allowed.join(" or "));
        Outcome::broken(expected, stop.describe(window.facts), stop.evidence())
    })
}

/// The signal was not swallowed by a shell in front of the app.
pub(super) fn signal_reached(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        let shell = first_process(window.facts, stop.app, stop.told).filter(is_shell);
        if stop.is_in_time() || shell.is_none() {
            return Outcome::Held(stop.evidence());
        }
        Outcome::broken(format!("{} reaches the app", stop.signal), stop.describe(window.facts), stop.evidence())
    })
}

/// The request that was under way when the app was told to stop is answered completely.
///
/// Not applicable when it was answered before the signal: then it was not under way.
pub(super) fn answered_in_flight(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        let Some(request) = requests(window.facts, Endpoint::Business).next() else {
            return Outcome::undecided_when(window.over, "what became of the request that was in flight");
        };
        if request.at <= stop.told {
            return Outcome::NotApplicable("the business path answers without its dependency: no request could be held".into());
        }
        if matches!(request.answer, Answer::Status(_)) {
            return Outcome::Held(vec![request.id]);
        }
        Outcome::broken(
            format!("the request that was in flight at {} is answered completely", stop.signal),
            format!(
                "{} at {}, for a request sent at {} (counted from {}); {}",
                request.answer,
                since(stop.told, request.at),
                since(stop.told, request.sent),
                stop.signal,
                stop.describe(window.facts)
            ),
            vec![request.id, stop.sent, stop.death],
        )
    })
}

/// No request was accepted and then not answered completely.
pub(super) fn tore_nothing(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        let load = window.facts.iter().rev().find_map(|one| match &one.fact {
            Fact::Load { complete, refused, unclear, torn } => Some((one.id, *complete, *refused, *unclear, torn)),
            _ => None,
        });
        let Some((id, complete, refused, unclear, torn)) =
            load.filter(|(_, complete, _, _, torn)| *complete > 0 || !torn.is_empty())
        else {
            return Outcome::undecided_when(window.over, "no request of the clients was answered");
        };
        let Some(first) = torn.first() else { return Outcome::Held(vec![id]) };
        Outcome::broken(
            format!("every request that `{}` accepted is answered completely", stop.app),
            format!(
                "{} cut off ({first}), {complete} complete, {refused} refused, {unclear} cut off before the app may have read them; {}",
                torn.len(),
                stop.describe(window.facts)
            ),
            vec![id, stop.sent, stop.death],
        )
    })
}
