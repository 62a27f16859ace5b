//! Starting the app and what it needs, in an order that production knows too.

use std::time::Duration;

use crate::experiment::act::Since;
use crate::experiment::{Stage, launch, settle};
use crate::fault::{self, WireFault};
use crate::model::{ContainerChange, Endpoint, Fact, Halt, Mark, Observation, Outcome, Return};
use crate::subject::Meant;

/// How long an app that does not answer anything may keep the database from starting, or half as long again as its undisturbed start takes.
const FIRST_ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// Everything is started in order, and the app has answered ready.
pub(super) async fn bring_up(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let (started, ready) = launch::start_until_ready(context, instance).await?;
    stage.mark(started, Mark::AppStarted { again: false });
    stage.mark(ready, Mark::Ready);
    Ok(())
}

/// The same, by the stage of another app.
pub(super) async fn brought_up(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let (started, ready) = launch::started_by_host(context, instance).await?;
    stage.mark(started, Mark::AppStarted { again: false });
    stage.mark(ready, Mark::Ready);
    Ok(())
}

/// Everything is started in order; the app need not be ready.
pub(super) async fn app(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let started = launch::start_app(context, instance).await?;
    stage.mark(started, Mark::AppStarted { again: false });
    Ok(())
}

/// The app is started once its dependencies accept, without one-shot services: they may need what this experiment takes away.
pub(super) async fn app_and_dependencies(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    launch::start_dependencies(context, instance).await?;
    let started = instance.start(&context.contract.app).await?;
    stage.mark(started, Mark::AppStarted { again: false });
    Ok(())
}

/// Everything runs, the app too, except that one dependency is not there yet.
pub(super) async fn without(stage: &mut Stage, dependency: &Meant) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let dependency = launch::meant(context, dependency)?;
    let without = launch::start_without(context, instance, &dependency).await?;
    let started = without.app_started;
    // An app that starts slowly shows nothing before.
    let begins = launch::first_sign(context, instance, started).await;
    stage.without = Some(without);
    stage.mark(started, Mark::AppStarted { again: false });
    stage.mark(begins, Mark::FirstSign);
    Ok(())
}

/// A cold start in the worst order: the database starts once the app answers anything at all, or has ended, or should have done so. If all
/// started at the same moment, a fast database would be up before a slow app could show its mistake. Without a database
/// everything starts in order.
///
/// Where the app waits for a migration, the data are those after it.
pub(super) async fn database_last(stage: &mut Stage) -> Result<(), Halt> {
    stage.arrangement().has_fresh_data = stage.context().seeds.done.is_empty();
    let (context, instance) = stage.instance().await?;
    let started = if context.contract.database().is_some() {
        let without = launch::start_without(context, instance, &launch::meant(context, &Meant::Database)?).await?;
        let app = &context.contract.app;
        let has_shown = |observation: &Observation| match &observation.fact {
            Fact::Probe { endpoint: Endpoint::Readiness, answer, .. } => answer.is_an_answer(),
            Fact::Container { service, change: ContainerChange::Died { .. } } => service == app,
            _ => false,
        };
        let first = |observations: &[Observation]| observations.iter().any(has_shown).then_some(());
        let limit = FIRST_ANSWER_LIMIT.max(context.undisturbed_start * 3 / 2);
        instance.timeline().first(without.app_started + limit, first).await;
        launch::start_withheld(context, instance, &without).await?;
        without.app_started
    } else {
        launch::start_app(context, instance).await?
    };
    stage.mark(started, Mark::AppStarted { again: false });
    Ok(())
}

/// The database with empty data, or with those that the app's migration leaves, and the app start at the same moment, and the app is the first
/// to ask. A tap refuses as the port of the database does meanwhile: one that let the app in could only drop it.
pub(super) async fn together(stage: &mut Stage) -> Result<(), Halt> {
    stage.arrangement().has_fresh_data = stage.context().seeds.done.is_empty();
    let (context, instance) = stage.instance().await?;
    let database = launch::meant(context, &Meant::Database)?;
    let has_tap = fault::has_tap(instance, &database);
    if has_tap {
        fault::disturb_wire(instance, &database, WireFault::Refuse).await?;
    }
    let together = launch::start_together(context, instance, &database).await?;
    let accepted = launch::wait_until_accepting(context, instance, &database, Duration::ZERO).await?;
    let accepted = if has_tap { fault::heal_wire(instance, &database, WireFault::Refuse).await? } else { accepted };
    launch::start_waiting(context, instance, &together).await?;
    stage.mark(together.app_started, Mark::AppStarted { again: false });
    stage.mark(accepted, Mark::Accepts { service: database, after: Return::FirstStart });
    Ok(())
}

/// The withheld dependency is started this long after the app should be ready, or after it has first tried to reach it; without a tap, or
/// when it does not try, after its start. Limits count from its acceptance.
pub(super) async fn late(stage: &mut Stage, dependency: &Meant, after: Duration, since: Since) -> Result<(), Halt> {
    let app_started = stage.app_started();
    let without = stage.without.take();
    let (context, instance) = stage.instance().await?;
    let dependency = launch::meant(context, dependency)?;
    let from = match since {
        Since::ShouldBeReady => launch::should_be_ready(context, instance, app_started).await,
        Since::FirstAttempt if fault::has_tap(instance, &dependency) => {
            launch::first_attempt(context, instance, &dependency, app_started).await.unwrap_or(app_started)
        }
        Since::FirstAttempt => app_started,
    };
    let without = without.filter(|without| without.dependency == dependency);
    let without = without.ok_or_else(|| Halt::not_measured(format!("`{dependency}` was not held back")))?;
    instance.timeline().clock().reach(from + after).await;
    let accepted = launch::start_withheld(context, instance, &without).await?;
    stage.mark(accepted, Mark::Accepts { service: dependency, after: Return::FirstStart });
    Ok(())
}

/// The container of the app, which has ended, is started again. Limits count from that start.
pub(super) async fn again(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    // A signal reaches one replica: the others still run.
    let started = instance.start_replica(&context.contract.app).await?;
    stage.mark(started, Mark::AppStarted { again: true });
    Ok(())
}

/// The app is ready after what was done to it last. One that is not is another check's business: what follows can't be tried.
pub(super) async fn ready_again(stage: &mut Stage) -> Result<(), Halt> {
    let since = stage.since();
    let (context, instance) = stage.instance().await?;
    if let Outcome::Broken(finding) = launch::ready_since(context, instance, since).await {
        let app = &context.contract.app;
        return Err(Halt::not_applicable(format!("`{app}` was not ready again before: {}", finding.seen)));
    }
    settle::settle(context, instance, instance.timeline().clock().now()).await;
    Ok(())
}
