//! Bringing a copy of the stack up: create it, attach the probes, start services in an order, wait until they serve.

use std::time::Duration;

use super::arrangement::Arrangement;
use super::{RunContext, seed, settle};
use crate::compose::{Condition, PROGRAM_FOLDER, PROXY, Patch, tap_of};
use crate::fault;
use crate::judge::{
    Anchor, Awaited, Claim, Event, Limit, SIGN_LIMIT, Wanted, Window, attempts, became_healthy, completed, seconds,
    started_to_accept,
};
use crate::model::{Answer, ContainerChange, Endpoint, Fact, FactId, Finding, Halt, Mark, Observation, Outcome, Timeline};
use crate::probe::{AppProbe, catch_up_logs, watch_app, watch_attempts, watch_dependency, watch_logs, watch_processes};
use crate::subject::{Form, GrpcForm, Kind, Meant};
use crate::target::{Instance, TargetError};

/// For so long it is tried in a form that the app can't answer, before the form is taken to be wrong.
const WRONG_FORM: Duration = Duration::from_secs(3);
/// From one run of a health check to the next, where it tells of readiness.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);
/// How long it may take until what was done for another app is known of this one.
const HOST_LIMIT: Duration = Duration::from_secs(5);
/// How many times its limit the start of an app may take that works all the time.
const BUSY: u32 = 3;
/// An app whose processes work for less than this in that time waits for something.
const IDLE: Duration = Duration::from_millis(100);
const IDLE_FOR: Duration = Duration::from_millis(500);
/// How much longer than three times its undisturbed start an app may take to try to reach a dependency.
const ATTEMPT_MARGIN: Duration = Duration::from_secs(10);

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
pub(super) async fn start_app(context: &RunContext, instance: &Instance) -> Result<Duration, Halt> {
    start_before_app(context, instance).await?;
    Ok(instance.start(&context.contract.app).await?)
}

/// Starts everything that comes before the app, and waits until the app has what it needs.
pub(super) async fn start_before_app(context: &RunContext, instance: &Instance) -> Result<(), Halt> {
    let app = &context.contract.app;
    for service in start_order(context, instance).into_iter().take_while(|service| service != app) {
        start_when_possible(context, instance, &service).await?;
    }
    wait_for_needs(context, instance, app).await
}

/// Starts the dependencies of the app and nothing else, and waits until they accept.
pub(super) async fn start_dependencies(context: &RunContext, instance: &Instance) -> Result<(), Halt> {
    for dependency in &context.contract.dependencies {
        instance.start(&dependency.service).await?;
    }
    for dependency in &context.contract.dependencies {
        wait_until_accepting(context, instance, &dependency.service, Duration::ZERO).await?;
    }
    Ok(())
}

/// Waits until the app answers or writes anything, for some time. Returns the offset at which it wrote, or was asked what it answered;
/// that of the limit when it did neither.
pub(super) async fn first_sign(context: &RunContext, instance: &Instance, app_started: Duration) -> Duration {
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
pub(super) async fn should_be_ready(context: &RunContext, instance: &Instance, app_started: Duration) -> Duration {
    let earliest = first_sign(context, instance, app_started).await.max(app_started + context.undisturbed_start);
    idle_from(context, instance, earliest, app_started + attempt_limit(context)).await
}

/// Waits from a moment on until the processes of the app do nothing, at most until a limit. Returns the offset of that.
pub(super) async fn idle_from(context: &RunContext, instance: &Instance, earliest: Duration, limit: Duration) -> Duration {
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
pub(super) async fn first_attempt(
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
pub(super) fn attempt_limit(context: &RunContext) -> Duration {
    (context.undisturbed_start * 3 + ATTEMPT_MARGIN).min(context.start_limit())
}

/// Starts every service, each when what it needs is there, and waits until the app is ready. Returns the offsets of the app's
/// start and of its first ready answer.
pub(super) async fn start_until_ready(context: &RunContext, instance: &Instance) -> Result<(Duration, Duration), Halt> {
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
pub(super) async fn started_by_host(context: &RunContext, instance: &Instance) -> Result<(Duration, Duration), Halt> {
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
pub(super) async fn accepted_by_host(instance: &Instance, since: Duration) -> Result<(), Halt> {
    let limit = instance.timeline().clock().now() + HOST_LIMIT;
    let accepts = |one: &Observation| one.at >= since && matches!(&one.fact, Fact::Mark { mark: Mark::Accepts { .. } });
    let accepted = instance.timeline().first(limit, |facts| facts.iter().any(accepts).then_some(())).await;
    accepted.ok_or_else(|| Halt::not_measured("the return of the dependency"))
}

/// What is running while a dependency is withheld, and what is not.
#[derive(Debug)]
pub(super) struct Without {
    /// The dependency.
    pub(super) dependency: String,
    /// The offset of the app's start.
    pub(super) app_started: Duration,
    /// The services that can't start before the dependency, the app aside.
    waiting: Vec<String>,
}

/// Starts the app without one of its dependencies, and without what can't start before that. The other dependencies accept;
/// nobody waits for the app to be ready.
pub(super) async fn start_without(context: &RunContext, instance: &Instance, dependency: &str) -> Result<Without, Halt> {
    start_around(context, instance, dependency, false).await
}

/// Starts the app just after one of its dependencies, whose first boot is held until the app has missed it: a fast database would be
/// up before a slow app asks.
pub(super) async fn start_together(context: &RunContext, instance: &Instance, dependency: &str) -> Result<Without, Halt> {
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
pub(super) async fn start_withheld(context: &RunContext, instance: &Instance, without: &Without) -> Result<Duration, Halt> {
    let started = fault::provide(instance, &without.dependency).await?;
    let accepted = wait_until_accepting(context, instance, &without.dependency, started).await?;
    start_waiting(context, instance, without).await?;
    Ok(accepted)
}

/// Starts what had to wait for a dependency that accepts by now.
pub(super) async fn start_waiting(context: &RunContext, instance: &Instance, without: &Without) -> Result<(), Halt> {
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
pub(super) async fn complete(context: &RunContext, instance: &Instance, service: &str) -> Result<(), Halt> {
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

/// Waits until a dependency of the app accepts. Returns the offset of acceptance.
pub(super) async fn wait_until_accepting(
    context: &RunContext,
    instance: &Instance,
    service: &str,
    since: Duration,
) -> Result<Duration, Halt> {
    let help = || {
        format!(
            "make sure that `{service}` starts with what the compose file gives it: docker compose up {service}; one that starts slowly \
             needs a higher `startup_limit`"
        )
    };
    wait_for_service(context, instance, service, since, help, started_to_accept).await
}

async fn wait_for_service(
    context: &RunContext,
    instance: &Instance,
    service: &str,
    since: Duration,
    help: impl Fn() -> String,
    judge: impl Fn(Awaited<'_>, &[Observation], bool) -> Outcome,
) -> Result<Duration, Halt> {
    let awaited = Awaited { service, since, limit: context.contract.startup_limit };
    let deadline = instance.timeline().clock().now() + awaited.limit;
    let outcome = instance.timeline().wait(deadline, |facts, over| judge(awaited, facts, over)).await;
    decided(instance, outcome, || format!("how far `{service}` is"), |finding| broken_stack(context, service, finding, help()))
}

async fn wait_until_ready(context: &RunContext, instance: &Instance, started: Duration) -> Result<Duration, Halt> {
    let limit = started + context.start_limit();
    let outcome = tokio::select! {
        outcome = ready_since(context, instance, started) => outcome,
        Some(why) = instance.timeline().first(limit, |facts| can_not_be_asked(facts, started)) => {
            return Err(asked_wrongly(context, &why));
        }
    };
    let broken = |finding: &Finding| broken_stack(context, &context.contract.app, finding, advise(context, instance.timeline()));
    decided(instance, outcome, || "whether the app is ready".to_owned(), broken)
}

/// Why readiness can't be asked in this form, when it has been tried for a while and nothing else came of it.
fn can_not_be_asked(facts: &[Observation], started: Duration) -> Option<String> {
    let mut since: Option<(Duration, &str)> = None;
    for one in facts.iter().filter(|one| one.at >= started) {
        match &one.fact {
            Fact::Probe { endpoint: Endpoint::Readiness, answer: Answer::CannotAsk(why), .. } => {
                let (first, _) = since.get_or_insert((one.at, why));
                if one.at >= *first + WRONG_FORM {
                    return Some(why.clone());
                }
            }
            Fact::Probe { endpoint: Endpoint::Readiness, .. } => since = None,
            _ => {}
        }
    }
    None
}

fn asked_wrongly(context: &RunContext, why: &str) -> Halt {
    let (app, readiness) = (&context.contract.app, &context.contract.readiness);
    let origin = context.draft.readiness.as_ref().map(|found| found.origin.as_str()).unwrap_or_default();
    let advice = match readiness {
        Form::Grpc(GrpcForm { tls: Some(_), .. }) => {
            "remove `tls` if the port does not use TLS, or declare how the certificate is verified: `tls: {ca: FILE}`, with the \
             name in it as `host: NAME`, or `tls: {insecure: true}`"
        }
        Form::Grpc(_) => {
            "declare the port of the gRPC server (`readiness: {grpc: SERVICE, port: PORT}`), `tls: {ca: FILE}` or `tls: {insecure: true}` \
             where that speaks TLS, or another form"
        }
        Form::Exec { .. } => {
            "name a program that is in the image, with its arguments as a list; or declare another form of readiness"
        }
        Form::Http(http) if http.is_https => {
            "declare `scheme: http` if the port does not use TLS, or how the certificate is verified: `tls: {ca: FILE}` or \
             `tls: {insecure: true}`"
        }
        _ => "declare the scheme that the port speaks, `readiness: {path: PATH, scheme: https}`, or the right port",
    };
    Halt::CouldNotRun {
        reason: format!("{origin}: readiness of `{app}` can't be probed by {readiness}: {why}"),
        advice: advice.into(),
        service: None,
    }
}

/// Waits until the app is ready, at most as long as its start may take. One that has started alone, and still works when that is over, is kept by a
/// busy machine: it is given more, as long as it works.
pub(super) async fn ready_since(context: &RunContext, instance: &Instance, started: Duration) -> Outcome {
    let limit = context.start_limit();
    let outcome = ready_within(context, instance, started, limit).await;
    if context.undisturbed_start.is_zero() || !matches!(outcome, Outcome::Broken(_)) {
        return outcome;
    }
    let (end, most) = (started + limit, limit * BUSY);
    tokio::select! {
        later = ready_within(context, instance, started, most) => later,
        _ = idle_from(context, instance, end, started + most) => outcome,
    }
}

async fn ready_within(context: &RunContext, instance: &Instance, started: Duration, limit: Duration) -> Outcome {
    let contract = &context.contract;
    let within = Limit::Fixed(limit);
    let claim = Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Success, within, of: Anchor::Latest };
    let its_start = Mark::AppStarted { again: false };
    let judge = |facts: &[Observation], over| {
        claim.judge(&Window { facts, contract, from: started, event: Event::Mark(&its_start), over })
    };
    instance.timeline().wait(started + limit, judge).await
}

/// The moment of the fact that an outcome is held by.
fn decided(
    instance: &Instance,
    outcome: Outcome,
    what: impl Fn() -> String,
    broken: impl Fn(&Finding) -> Halt,
) -> Result<Duration, Halt> {
    match outcome {
        Outcome::Held(evidence) => {
            let at = |id: FactId| instance.timeline().read(|facts| Some(facts.iter().find(|one| one.id == id)?.at));
            evidence.first().and_then(|id| at(*id)).ok_or_else(|| Halt::not_measured(what()))
        }
        Outcome::Broken(finding) => Err(broken(&finding)),
        _ => Err(Halt::not_measured(what())),
    }
}

fn broken_stack(context: &RunContext, service: &str, finding: &Finding, advice: String) -> Halt {
    let file = context.model.file();
    let (file, Finding { expected, seen, .. }) = (file.path().display(), finding);
    let alone = context.undisturbed_start;
    let (what, advice) = if alone.is_zero() {
        (format!("{file} does not start even with nothing disturbed"), advice)
    } else {
        let (app, took) = (&context.contract.app, seconds(alone));
        let what = format!("{file} did not start in this copy, although it had started alone (`{app}` was ready after {took})");
        (what, format!("{advice}; raise `startup_limit`, or run fewer experiments at once (--jobs), if it only needs more time"))
    };
    Halt::CouldNotRun { reason: format!("{what}. Expected: {expected}; seen: {seen}"), advice, service: Some(service.to_owned()) }
}

/// What to do about an app that does not become ready, after how it ended or what it answered last.
fn advise(context: &RunContext, timeline: &Timeline) -> String {
    let contract = &context.contract;
    let app = &contract.app;
    let exited =
        |fact: &Fact| matches!(fact, Fact::Container { service, change: ContainerChange::Died { .. } } if service == app);
    let observations = timeline.observations();
    if observations.iter().any(|observation| exited(&observation.fact)) {
        return format!("see its log for why `{app}` exits");
    }
    let last = observations.iter().rev().find_map(|observation| match &observation.fact {
        Fact::Probe { endpoint: Endpoint::Readiness, answer, .. } => Some(answer),
        _ => None,
    });
    let readiness = &contract.readiness;
    match last {
        None if readiness.needs_a_port() => format!("make sure that `{app}` is on a network: its container has no address"),
        None => format!("see its log for why {readiness} says nothing, or declare another form of readiness"),
        Some(Answer::Refused) => format!(
            "nobody listens on port {}: declare the right one (`port:` under x-seaworthy, or --port), and let the app listen \
             on 0.0.0.0, not on 127.0.0.1; an app that starts slowly needs a higher `startup_limit`",
            contract.port_of(readiness).unwrap_or_default()
        ),
        Some(Answer::Status(404)) => {
            format!("the app has no {readiness}: declare the readiness path (`readiness:` under x-seaworthy, or --readiness)")
        }
        Some(Answer::TimedOut) => format!(
            "{readiness} hangs: no answer was complete within {}; find out what the app waits for there, or why the body does not \
             end",
            seconds(contract.probe_timeout)
        ),
        Some(Answer::Broken(_)) if matches!(readiness, Form::Http(_)) => {
            "declare the scheme that the port speaks (`readiness: {path: PATH, scheme: https}`, with `tls` where the certificate is \
             your own), or the right port"
                .into()
        }
        Some(_) => {
            let ready = readiness.http().map_or_else(|| "say ready".to_owned(), |http| format!("answer {}", http.ready));
            format!("see its log for why {readiness} does not {ready}; an app that starts slowly needs a higher `startup_limit`")
        }
    }
}

/// The service that a sentence means.
pub(super) fn meant(context: &RunContext, meant: &Meant) -> Result<String, Halt> {
    let service = meant.service(&context.contract).map(str::to_owned);
    service.ok_or_else(|| Halt::not_measured(format!("the stack does not have {meant}")))
}
