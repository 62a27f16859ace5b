//! Starting the services of a copy, each when what it needs is there; all of them, or all but one.

use std::time::Duration;

use super::patience::{first_attempt, first_sign};
use super::ready::{wait_for_service, wait_until_accepting, wait_until_ready};
use crate::compose::Condition;
use crate::experiment::{RunContext, settle};
use crate::fault;
use crate::judge::{SIGN_LIMIT, became_healthy, completed};
use crate::model::{ContainerChange, Fact, Halt, Mark, Observation};
use crate::target::Instance;

/// How long it may take until what was done for another app is known of this one.
const HOST_LIMIT: Duration = Duration::from_secs(5);

/// The services in the order in which they start. Where a tap counts who tries to reach a dependency, other apps that the app does not need
/// are not started: their attempts would be taken for its own.
fn start_order(context: &RunContext, instance: &Instance) -> Vec<String> {
    let has_tap = context.contract.dependencies.iter().any(|dependency| fault::has_tap(instance, &dependency.service));
    // An app that names its dependencies only in its variables is started by Compose in any order.
    let dependencies = context.contract.dependencies.iter().map(|dependency| dependency.service.as_str());
    let mut order = context.model.start_order_after(dependencies);
    order.retain(|service| (!has_tap || !context.bystanders.contains(service)) && !instance.is_done(service));
    order
}

/// Starts the app with everything that comes before it, each when what it needs is there. Returns the offset of the app's
/// start; nobody waits for it to be ready.
pub(in crate::experiment) async fn start_app(context: &RunContext, instance: &Instance) -> Result<Duration, Halt> {
    start_before_app(context, instance).await?;
    Ok(instance.start(&context.contract.app).await?)
}

/// Starts everything that comes before the app, and waits until the app has what it needs.
pub(in crate::experiment) async fn start_before_app(context: &RunContext, instance: &Instance) -> Result<(), Halt> {
    let app = &context.contract.app;
    for service in start_order(context, instance).into_iter().take_while(|service| service != app) {
        start_when_possible(context, instance, &service).await?;
    }
    wait_for_needs(context, instance, app).await
}

/// Starts the dependencies of the app and nothing else, and waits until they accept.
pub(in crate::experiment) async fn start_dependencies(context: &RunContext, instance: &Instance) -> Result<(), Halt> {
    for dependency in &context.contract.dependencies {
        instance.start(&dependency.service).await?;
    }
    for dependency in &context.contract.dependencies {
        wait_until_accepting(context, instance, &dependency.service, Duration::ZERO).await?;
    }
    Ok(())
}

/// Starts every service, each when what it needs is there, and waits until the app is ready. Returns the offsets of the app's
/// start and of its first ready answer.
pub(in crate::experiment) async fn start_until_ready(
    context: &RunContext,
    instance: &Instance,
) -> Result<(Duration, Duration), Halt> {
    let mut app = None;
    for service in start_order(context, instance) {
        let started = start_when_possible(context, instance, &service).await?;
        if service == context.contract.app {
            app = Some((started, wait_until_ready(context, instance, started).await?));
        }
    }
    if let Some((_, ready)) = app {
        settle::settle(context, instance, ready).await;
    }
    app.ok_or_else(|| Halt::not_measured("the app was not started"))
}

/// Waits until the app, which the experiment of another one starts, is ready. Returns the offsets of its start and of its first ready answer.
pub(in crate::experiment) async fn started_by_host(
    context: &RunContext,
    instance: &Instance,
) -> Result<(Duration, Duration), Halt> {
    let app = &context.contract.app;
    let is_start =
        |fact: &Fact| matches!(fact, Fact::Container { service, change: ContainerChange::Started { .. } } if service == app);
    let limit = instance.timeline().clock().now() + HOST_LIMIT;
    let start = |facts: &[Observation]| facts.iter().find(|one| is_start(&one.fact)).map(|one| one.at);
    let started = instance.timeline().first(limit, start).await;
    let started = started.ok_or_else(|| Halt::not_measured(format!("the start of `{app}`")))?;
    let ready = wait_until_ready(context, instance, started).await?;
    settle::settle(context, instance, ready).await;
    Ok((started, ready))
}

/// Waits until what the experiment of another app has done is on this timeline too: a dependency accepts again, since this offset.
pub(in crate::experiment) async fn accepted_by_host(instance: &Instance, since: Duration) -> Result<(), Halt> {
    let limit = instance.timeline().clock().now() + HOST_LIMIT;
    let accepts = |one: &Observation| one.at >= since && matches!(&one.fact, Fact::Mark { mark: Mark::Accepts { .. } });
    let accepted = instance.timeline().first(limit, |facts| facts.iter().any(accepts).then_some(())).await;
    accepted.ok_or_else(|| Halt::not_measured("the return of the dependency"))
}

/// What is running while a dependency is withheld, and what is not.
#[derive(Debug)]
pub(in crate::experiment) struct Without {
    /// The dependency.
    pub(in crate::experiment) dependency: String,
    /// The offset of the app's start.
    pub(in crate::experiment) app_started: Duration,
    /// The services that can't start before the dependency, the app aside.
    waiting: Vec<String>,
}

/// Starts the app without one of its dependencies, and without what can't start before that. The other dependencies accept;
/// nobody waits for the app to be ready.
pub(in crate::experiment) async fn start_without(
    context: &RunContext,
    instance: &Instance,
    dependency: &str,
) -> Result<Without, Halt> {
    start_around(context, instance, dependency, false).await
}

/// Starts the app just after one of its dependencies, whose first boot is held until the app has missed it: a fast database would be
/// up before a slow app asks.
pub(in crate::experiment) async fn start_together(
    context: &RunContext,
    instance: &Instance,
    dependency: &str,
) -> Result<Without, Halt> {
    start_around(context, instance, dependency, true).await
}

async fn start_around(context: &RunContext, instance: &Instance, dependency: &str, together: bool) -> Result<Without, Halt> {
    let app = &context.contract.app;
    if !together {
        fault::withhold(instance, dependency).await?;
    }
    let order = start_order(context, instance);
    let mut waiting = context.model.dependents(dependency);
    waiting.retain(|service| service != app && order.contains(service));
    let mut app_started = Duration::ZERO;
    for service in order.into_iter().filter(|service| service != dependency && !waiting.contains(service)) {
        if service == *app {
            for (needed, condition) in needs(context, instance, app) {
                if needed != dependency && !waiting.contains(&needed) {
                    wait_until(context, instance, &needed, condition).await?;
                }
            }
            app_started = if together { start_held(context, instance, dependency).await? } else { instance.start(app).await? };
        } else {
            start_when_possible(context, instance, &service).await?;
        }
    }
    Ok(Without { dependency: dependency.to_owned(), app_started, waiting })
}

/// Starts a dependency, whose boot is held until the app has missed it, and the app. Returns the offset of the app's start.
async fn start_held(context: &RunContext, instance: &Instance, dependency: &str) -> Result<Duration, Halt> {
    instance.start(dependency).await?;
    fault::freeze(instance, dependency).await?;
    let app_started = instance.start(&context.contract.app).await?;
    let seen =
        if fault::has_tap(instance, dependency) { first_attempt(context, instance, dependency, app_started).await } else { None };
    // Undisturbed the app is ready by then, so it has asked by then.
    let missed = seen.unwrap_or(app_started + context.undisturbed_start.min(SIGN_LIMIT));
    instance.timeline().clock().reach(missed.max(first_sign(context, instance, app_started).await)).await;
    fault::thaw(instance, dependency).await?;
    Ok(app_started)
}

/// Starts a withheld dependency, and then what had to wait for it. Returns the offset at which it accepted.
pub(in crate::experiment) async fn start_withheld(
    context: &RunContext,
    instance: &Instance,
    without: &Without,
) -> Result<Duration, Halt> {
    let started = fault::provide(instance, &without.dependency).await?;
    let accepted = wait_until_accepting(context, instance, &without.dependency, started).await?;
    start_waiting(context, instance, without).await?;
    Ok(accepted)
}

/// Starts what had to wait for a dependency that accepts by now.
pub(in crate::experiment) async fn start_waiting(
    context: &RunContext,
    instance: &Instance,
    without: &Without,
) -> Result<(), Halt> {
    for service in &without.waiting {
        start_when_possible(context, instance, service).await?;
    }
    Ok(())
}

async fn start_when_possible(context: &RunContext, instance: &Instance, service: &str) -> Result<Duration, Halt> {
    wait_for_needs(context, instance, service).await?;
    Ok(instance.start(service).await?)
}

/// Runs a one-shot service to its end.
pub(in crate::experiment) async fn complete(context: &RunContext, instance: &Instance, service: &str) -> Result<(), Halt> {
    start_when_possible(context, instance, service).await?;
    wait_until(context, instance, service, Condition::Completed).await
}

async fn wait_for_needs(context: &RunContext, instance: &Instance, service: &str) -> Result<(), Halt> {
    for (needed, condition) in needs(context, instance, service) {
        wait_until(context, instance, &needed, condition).await?;
    }
    Ok(())
}

/// What a service waits for: what its `depends_on` says, and for the app whatever else the contract names.
fn needs(context: &RunContext, instance: &Instance, service: &str) -> Vec<(String, Condition)> {
    let needs = context.model.needs(service).into_iter().filter(|(name, _)| !instance.is_done(name));
    let mut needs: Vec<(String, Condition)> = needs.map(|(name, condition)| (name.to_owned(), condition)).collect();
    if service == context.contract.app {
        for dependency in &context.contract.dependencies {
            if !needs.iter().any(|(name, _)| *name == dependency.service) {
                needs.push((dependency.service.clone(), Condition::Started));
            }
        }
    }
    needs
}

/// Waits until a service that is started is as far as another one needs it. A dependency of the app has to accept, whatever
/// the compose file asks for: the health check would say so later, and "started" says nothing.
async fn wait_until(context: &RunContext, instance: &Instance, service: &str, condition: Condition) -> Result<(), Halt> {
    if condition == Condition::Completed {
        let help = || format!("see its log for why `{service}` does not exit with status 0");
        return wait_for_service(context, instance, service, Duration::ZERO, help, completed).await.map(drop);
    }
    if context.contract.dependency(service).is_some() {
        return wait_until_accepting(context, instance, service, Duration::ZERO).await.map(drop);
    }
    if condition == Condition::Healthy {
        let help = || format!("make its health check pass, or look at why it does not: docker compose up {service}");
        return wait_for_service(context, instance, service, Duration::ZERO, help, became_healthy).await.map(drop);
    }
    Ok(())
}
