//! How long a start is waited for: until the app gives a sign, tries to reach a dependency, or has nothing left to do.

use std::time::Duration;

use crate::experiment::RunContext;
use crate::judge::{SIGN_LIMIT, attempts};
use crate::model::{Answer, Fact, Observation};
use crate::target::Instance;

/// An app whose processes work for less than this in that time waits for something.
const IDLE: Duration = Duration::from_millis(100);
const IDLE_FOR: Duration = Duration::from_millis(500);
/// How much longer than three times its undisturbed start an app may take to try to reach a dependency.
const ATTEMPT_MARGIN: Duration = Duration::from_secs(10);

/// Waits until the app answers or writes anything, for some time. Returns the offset at which it wrote, or was asked what it answered;
/// that of the limit when it did neither.
pub(in crate::experiment) async fn first_sign(context: &RunContext, instance: &Instance, app_started: Duration) -> Duration {
    // That a line is not there yet is no word of the app.
    let is_asked = context.contract.readiness.needs_a_port();
    let sign = |observation: &Observation| match &observation.fact {
        Fact::Probe { sent, answer: Answer::Status(_) | Answer::Ready, .. } => Some(*sent),
        Fact::Probe { sent, answer: Answer::Unready(_), .. } if is_asked => Some(*sent),
        Fact::Log { service, .. } if *service == context.contract.app => Some(observation.at),
        _ => None,
    };
    let limit = app_started + SIGN_LIMIT;
    let first = |observations: &[Observation]| observations.iter().filter_map(sign).find(|at| *at >= app_started);
    instance.timeline().first(limit, first).await.unwrap_or(limit)
}

/// Waits until the app has answered or written something, as long as its undisturbed start takes, and until its processes do nothing: on a busy
/// machine it may still be starting by then. Returns the offset of that.
pub(in crate::experiment) async fn should_be_ready(context: &RunContext, instance: &Instance, app_started: Duration) -> Duration {
    let earliest = first_sign(context, instance, app_started).await.max(app_started + context.undisturbed_start);
    idle_from(context, instance, earliest, app_started + attempt_limit(context)).await
}

/// Waits from a moment on until the processes of the app do nothing, at most until a limit. Returns the offset of that.
pub(in crate::experiment) async fn idle_from(
    context: &RunContext,
    instance: &Instance,
    earliest: Duration,
    limit: Duration,
) -> Duration {
    let clock = instance.timeline().clock();
    let Ok(service) = instance.service(&context.contract.app) else { return earliest };
    clock.reach(earliest).await;
    loop {
        let begin = clock.now();
        let before = context.engine.processor_time(&service.container).await;
        clock.reach(begin + IDLE_FOR).await;
        let worked =
            context.engine.processor_time(&service.container).await.zip(before).map(|(now, before)| now.saturating_sub(before));
        // Where it can't be seen, or the container was started again meanwhile, nothing more is to be learnt.
        if worked.is_none_or(|worked| worked < IDLE) || begin >= limit {
            return begin.max(earliest);
        }
    }
}

/// Waits until the app tries to reach a dependency that is behind the tap, for as long as an app may take for it that was once
/// ready without being disturbed. Returns the offset of its first attempt; nothing when it makes none.
pub(in crate::experiment) async fn first_attempt(
    context: &RunContext,
    instance: &Instance,
    dependency: &str,
    app_started: Duration,
) -> Option<Duration> {
    let limit = attempt_limit(context);
    let first = |observations: &[Observation]| attempts(observations, dependency).map(|one| one.at).find(|at| *at >= app_started);
    instance.timeline().first(app_started + limit, first).await
}

/// For how long the app's first attempt to reach a dependency is waited for.
pub(in crate::experiment) fn attempt_limit(context: &RunContext) -> Duration {
    (context.undisturbed_start * 3 + ATTEMPT_MARGIN).min(context.start_limit())
}
