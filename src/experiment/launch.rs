//! Bringing a copy of the stack up: create it and attach the probes; start services in an order; wait until they serve.

mod order;
mod patience;
mod ready;

use std::time::Duration;

use super::arrangement::Arrangement;
use super::{RunContext, seed};
use crate::compose::{PROGRAM_FOLDER, PROXY, Patch, tap_of};
use crate::fault;
use crate::model::{Endpoint, Fact, Halt, Timeline};
use crate::probe::{AppProbe, catch_up_logs, watch_app, watch_attempts, watch_dependency, watch_logs, watch_processes};
use crate::subject::{Form, Kind, Meant};
use crate::target::{Instance, TargetError};

pub(super) use self::order::{
    Without, accepted_by_host, complete, start_app, start_before_app, start_dependencies, start_together, start_until_ready,
    start_waiting, start_withheld, start_without, started_by_host,
};
pub(super) use self::patience::{attempt_limit, first_attempt, first_sign, idle_from, should_be_ready};
pub(super) use self::ready::{ready_since, wait_until_accepting};

/// From one run of a health check to the next, where it tells of readiness.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);

/// Creates a copy and attaches a probe to everything that the contract names. Nothing runs yet but the tap and the proxy, where there is
/// one.
pub(super) async fn create(context: &RunContext, timeline: &Timeline, setup: &Arrangement) -> Result<Instance, Halt> {
    create_for(context, timeline, setup, &[]).await
}

/// The same for several apps: those of these contexts besides its own, which are watched as its guests.
pub(super) async fn create_for(
    context: &RunContext,
    timeline: &Timeline,
    setup: &Arrangement,
    others: &[&RunContext],
) -> Result<Instance, Halt> {
    let mut patches = setup.patches.clone();
    if setup.has_proxy {
        patches.push(context.proxy().await?);
    }
    if let Some(service) = &setup.tap {
        patches.push(context.tap(service).await?);
    }
    for context in [context].iter().chain(others) {
        add_health_checks(context, &mut patches);
    }
    let copy = context.copy(&patches, others).map_err(TargetError::from)?;
    let mut instance = Instance::create(&context.engine, copy, timeline.clone()).await?;
    if let Err(halt) = prepare(context, setup, &mut instance, others).await {
        // The end of the run removes what is left.
        let _ = instance.down().await;
        return Err(halt);
    }
    Ok(instance)
}

/// Watches the instance of another app for this one.
pub(super) fn join(context: &RunContext, timeline: &Timeline, setup: &Arrangement, host: &Instance) -> Result<Instance, Halt> {
    let mut instance = host.for_guest(timeline.clone());
    observe(context, setup, &mut instance)?;
    Ok(instance)
}

/// Changes how often the health checks of the app and of what it needs run.
fn add_health_checks(context: &RunContext, patches: &mut Vec<Patch>) {
    // What it says is not waited for: whether a dependency accepts is asked for as the app does it. Of one that we know no better way to ask
    // it may be the health check that sets it up.
    let is_asked = |kind: &Kind| matches!(kind, Kind::Postgres { .. } | Kind::Mysql { .. } | Kind::Redis { .. });
    let unheard = context.contract.dependencies.iter().filter(|dependency| is_asked(&dependency.kind));
    patches.extend(unheard.map(|dependency| Patch::NoHealthCheck { service: dependency.service.clone() }));
    // What the engine says of it is all that is known of readiness: it has to say so soon.
    if context.contract.readiness == Form::HealthCheck || context.contract.liveness == Some(Form::HealthCheck) {
        let service = context.contract.app.clone();
        patches.insert(0, Patch::HealthInterval { service, interval: HEALTH_INTERVAL, timeout: None, retries: Some(1) });
    }
}

/// Puts databases and our program in their places, attaches the probes, and starts what is ours.
async fn prepare(context: &RunContext, setup: &Arrangement, instance: &mut Instance, others: &[&RunContext]) -> Result<(), Halt> {
    if !setup.has_fresh_data && setup.other_password.is_none() {
        let seeds = context.seeds(others);
        if seed::put(context, &seeds.data, instance).await? {
            instance.set_done(&seeds.done);
        }
    }
    if setup.needs_program {
        for replica in instance.replicas(&context.contract.app) {
            context.engine.put_program(&instance.service(replica)?.container, PROGRAM_FOLDER).await?;
        }
    }
    observe(context, setup, instance)?;
    if setup.has_proxy {
        instance.start(PROXY).await?;
    }
    if let Some(service) = &setup.tap {
        let reach = instance.service(&tap_of(service))?.reach.clone();
        instance.spawn(watch_attempts(service.clone(), reach, instance.timeline().clone()));
        fault::start_tap(instance, service).await?;
    }
    Ok(())
}

/// Attaches the probes.
fn observe(context: &RunContext, setup: &Arrangement, instance: &mut Instance) -> Result<(), Halt> {
    let (contract, timeline) = (&context.contract, instance.timeline().clone());
    let services: Vec<_> = instance.services().map(|(name, service)| (name.to_owned(), service.clone())).collect();
    for (name, service) in services {
        instance.spawn(watch_logs(context.engine.clone(), name, service.container, service.reach, timeline.clone()));
    }
    for dependency in &contract.dependencies {
        let reach = instance.service(&dependency.service)?.reach.clone();
        instance.spawn(watch_dependency(dependency.service.clone(), setup.kind(&dependency.kind), reach, timeline.clone()));
    }
    let app = instance.service(&contract.app)?.clone();
    for endpoint in [Endpoint::Readiness, Endpoint::Liveness] {
        let is_asked = !setup.is_quiet && !setup.is_not_asked.contains(&endpoint);
        let Some(probe) = probe(context, endpoint, &app.container).filter(|_| is_asked) else { continue };
        let asked = if setup.has_proxy && endpoint == Endpoint::Readiness { instance.service(PROXY)? } else { &app };
        let reach = asked.reach.clone();
        instance.spawn(watch_app(probe, context.engine.clone(), reach, timeline.clone()));
    }
    if setup.watch_processes {
        instance.spawn(watch_processes(context.engine.clone(), contract.app.clone(), app.container, app.reach, timeline));
    }
    Ok(())
}

/// How an endpoint of the app in this container is asked; nothing where the contract names none.
pub(super) fn probe(context: &RunContext, endpoint: Endpoint, container: &str) -> Option<AppProbe> {
    let contract = &context.contract;
    let form = match endpoint {
        Endpoint::Readiness => &contract.readiness,
        Endpoint::Liveness => contract.liveness.as_ref()?,
        Endpoint::Business => return None,
    };
    Some(AppProbe {
        endpoint,
        form: form.clone(),
        port: contract.port_of(form),
        timeout: contract.probe_timeout,
        service: contract.app.clone(),
        container: container.to_owned(),
    })
}

/// Stops observing, and puts the last log lines of every service on the timeline.
pub(super) async fn stop_observing(context: &RunContext, instance: &mut Instance) {
    instance.stop_observing().await;
    let instance = &*instance;
    let read =
        instance.services().map(|(name, service)| catch_up_logs(&context.engine, name, &service.container, instance.timeline()));
    futures::future::join_all(read).await;
}

/// Puts what the app has used so far on the timeline. It proves nothing, so nothing depends on it.
pub(super) async fn note_usage(context: &RunContext, instance: &Instance) {
    let app = &context.contract.app;
    let Ok(service) = instance.service(app) else { return };
    if let Ok(Some(usage)) = context.engine.usage(&service.container).await {
        instance.timeline().record(Fact::Usage { service: app.clone(), usage });
    }
}

/// The service that a sentence means.
pub(super) fn meant(context: &RunContext, meant: &Meant) -> Result<String, Halt> {
    let service = meant.service(&context.contract).map(str::to_owned);
    service.ok_or_else(|| Halt::not_measured(format!("the stack does not have {meant}")))
}
