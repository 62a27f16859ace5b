//! Faults on the wire to a dependency that is behind the tap.

use std::time::Duration;

use crate::experiment::{RunContext, Stage, launch};
use crate::fault::{self, WireFault};
use crate::judge::seconds;
use crate::model::{Fact, Halt, Mark, Observation};
use crate::subject::Meant;

/// The app is started while the dependency turns it down. That ends so long after the app's first attempt, and limits count from then; or it
/// does not end.
pub(super) async fn start_while(
    stage: &mut Stage,
    dependency: &Meant,
    how: WireFault,
    time: Option<Duration>,
) -> Result<(), Halt> {
    let is_quiet = stage.arrangement().is_quiet;
    let (context, instance) = stage.instance().await?;
    let dependency = launch::meant(context, dependency)?;
    if is_quiet {
        attempts_are_the_apps(context, &dependency)?;
        launch::start_dependencies(context, instance).await?;
    } else {
        launch::start_before_app(context, instance).await?;
    }
    fault::disturb_wire(instance, &dependency, how).await?;
    let started = instance.start(&context.contract.app).await?;
    let first = launch::first_attempt(context, instance, &dependency, started).await;
    let first = first.ok_or_else(|| {
        let asked = if is_quiet { " by itself" } else { "" };
        let (app, limit) = (&context.contract.app, seconds(launch::attempt_limit(context)));
        let reason = format!("`{app}` does not try to reach `{dependency}`{asked} in the first {limit} of its start");
        let has_answered = |one: &Observation| matches!(&one.fact, Fact::Probe { answer, .. } if answer.is_an_answer());
        if is_quiet || instance.timeline().read(|facts| facts.iter().any(has_answered)) {
            return Halt::not_applicable(reason);
        }
        // It may not have come so far.
        let advice = "an app that starts slowly needs a higher `startup_limit`, or fewer experiments at once (--jobs)".into();
        Halt::CouldNotRun { reason: format!("{reason}, and answers nothing"), advice, service: Some(app.clone()) }
    })?;
    let healed = match time {
        Some(time) => {
            instance.timeline().clock().reach(first + time).await;
            Some(fault::heal_wire(instance, &dependency, how).await?)
        }
        None => None,
    };
    stage.mark(started, Mark::AppStarted { again: false });
    stage.mark(first, Mark::FirstSign);
    if let Some(healed) = healed {
        stage.mark(healed, Mark::WithinReach { service: dependency });
    }
    Ok(())
}

/// What the tap sees comes from the app alone.
fn attempts_are_the_apps(context: &RunContext, dependency: &str) -> Result<(), Halt> {
    let app = &context.contract.app;
    if context.model.replicas(app) > 1 {
        return Err(Halt::not_applicable(format!("the attempts of several replicas of `{app}` can't be distinguished")));
    }
    let others = context.contract.dependencies.iter().map(|other| other.service.as_str());
    match others.into_iter().find(|other| context.model.depends_on(other).contains(&dependency)) {
        Some(other) => Err(Halt::not_applicable(format!(
            "`{other}` connects to `{dependency}` too, and its attempts can't be distinguished"
        ))),
        None => Ok(()),
    }
}

/// A fault on the wire begins; a reset of every connection is over at once.
pub(super) async fn disturb(stage: &mut Stage, dependency: &Meant, how: WireFault) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let dependency = launch::meant(context, dependency)?;
    let at = fault::disturb_wire(instance, &dependency, how).await?;
    if let Some(fault) = how.kind() {
        stage.mark(at, Mark::Disturbed { service: dependency, fault });
    }
    Ok(())
}
