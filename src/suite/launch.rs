//! Bringing a copy of the stack up: create it, attach the probes, start services in an order, wait until they serve.

use std::time::Duration;

use super::setup::Setup;
use super::{Bench, Failure};
use crate::compose::{Condition, tap_of};
use crate::fault;
use crate::probe::{HttpProbe, catch_up_logs, watch_attempts, watch_dependency, watch_endpoint, watch_logs, watch_processes};
use crate::stack::{Stack, StackError};
use crate::timeline::{Answer, ContainerChange, Endpoint, Fact, Observation, Ruling, Timeline};
use crate::verdict::{
    Awaited, Finding, Judged, Wanted, answered, attempts, became_healthy, completed, seconds, started_to_accept,
};

/// How often a service that the engine restarts may exit, with nothing wrong around it, before it is taken to be broken.
const EXITS: usize = 3;
/// How long an app may show no sign of life before a scenario goes on all the same.
const SIGN_LIMIT: Duration = Duration::from_secs(10);
/// How much longer than twice its undisturbed start an app may take to try to reach a dependency.
const ATTEMPT_MARGIN: Duration = Duration::from_secs(10);

/// Creates a copy and attaches a probe to everything that the contract names. Nothing runs yet but the tap, where there is one.
pub(super) async fn create(bench: &Bench, timeline: &Timeline, setup: &Setup) -> Result<Stack, Failure> {
    let mut patches = setup.patches.clone();
    if let Some(service) = &setup.tap {
        patches.push(bench.tap(service).await?);
    }
    let copy = bench.copy(&patches).map_err(StackError::from)?;
    let mut stack = Stack::create(&bench.engine, copy, timeline.clone()).await?;
    let contract = &bench.contract;

    let services: Vec<_> = stack.services().map(|(name, service)| (name.to_owned(), service.clone())).collect();
    for (name, service) in services {
        stack.spawn(watch_logs(bench.engine.clone(), name, service.container, service.reach, timeline.clone()));
    }
    for dependency in &contract.dependencies {
        let reach = stack.service(&dependency.service)?.reach.clone();
        stack.spawn(watch_dependency(dependency.service.clone(), setup.kind(&dependency.kind), reach, timeline.clone()));
    }
    let app = stack.service(&contract.app)?.clone();
    let endpoints = [(Endpoint::Readiness, Some(&contract.readiness)), (Endpoint::Liveness, contract.liveness.as_ref())];
    for (endpoint, path) in endpoints {
        let Some(path) = path.cloned().filter(|_| !setup.is_quiet) else { continue };
        let probe = HttpProbe { endpoint, port: contract.port, path, timeout: contract.probe_timeout };
        stack.spawn(watch_endpoint(probe, app.reach.clone(), timeline.clone()));
    }
    if setup.watch_processes {
        stack.spawn(watch_processes(bench.engine.clone(), contract.app.clone(), app.container, app.reach, timeline.clone()));
    }
    if let Some(service) = &setup.tap {
        let reach = stack.service(&tap_of(service))?.reach.clone();
        stack.spawn(watch_attempts(service.clone(), reach, timeline.clone()));
        fault::start_tap(&stack, service).await?;
    }
    Ok(stack)
}

/// Stops observing, and puts the last log lines of every service on the timeline.
pub(super) async fn stop_observing(bench: &Bench, stack: &mut Stack) {
    stack.stop_observing().await;
    let stack = &*stack;
    let read = stack.services().map(|(name, service)| catch_up_logs(&bench.engine, name, &service.container, stack.timeline()));
    futures::future::join_all(read).await;
}

/// Puts what the app has used so far on the timeline. It proves nothing, so nothing depends on it.
pub(super) async fn note_usage(bench: &Bench, stack: &Stack) {
    let app = &bench.contract.app;
    let Ok(service) = stack.service(app) else { return };
    if let Ok(Some(usage)) = bench.engine.usage(&service.container).await {
        stack.timeline().record(Fact::Usage { service: app.clone(), usage });
    }
}

/// Starts the app with everything that comes before it, each when what it needs is there. Returns the offset of the app's
/// start; nobody waits for it to be ready.
pub(super) async fn start_app(bench: &Bench, stack: &Stack) -> Result<Duration, Failure> {
    start_before_app(bench, stack).await?;
    Ok(stack.start(&bench.contract.app).await?)
}

/// Starts everything that comes before the app, and waits until the app has what it needs.
pub(super) async fn start_before_app(bench: &Bench, stack: &Stack) -> Result<(), Failure> {
    let app = &bench.contract.app;
    for service in bench.model.start_order().into_iter().take_while(|service| service != app) {
        start_when_possible(bench, stack, &service).await?;
    }
    wait_for_needs(bench, stack, app).await
}

/// Starts the dependencies of the app and nothing else, and waits until they accept.
pub(super) async fn start_dependencies(bench: &Bench, stack: &Stack) -> Result<(), Failure> {
    for dependency in &bench.contract.dependencies {
        stack.start(&dependency.service).await?;
    }
    for dependency in &bench.contract.dependencies {
        wait_until_accepting(bench, stack, &dependency.service, Duration::ZERO).await?;
    }
    Ok(())
}

/// Waits until the app answers or writes anything, for some time. Returns the offset at which it wrote, or was asked what it answered;
/// that of the limit when it did neither.
pub(super) async fn first_sign(bench: &Bench, stack: &Stack, app_started: Duration) -> Duration {
    let sign = |observation: &Observation| match &observation.fact {
        Fact::Probe { sent, answer: Answer::Status(_), .. } => Some(*sent),
        Fact::Log { service, .. } if *service == bench.contract.app => Some(observation.at),
        _ => None,
    };
    let limit = app_started + SIGN_LIMIT;
    let first = |observations: &[Observation]| observations.iter().filter_map(sign).find(|at| *at >= app_started);
    stack.timeline().first(limit, first).await.unwrap_or(limit)
}

/// Waits until the app tries to reach a dependency that is behind the tap, for as long as an app may take for it that was once
/// ready without being disturbed. Returns the offset of its first attempt; nothing when it makes none.
pub(super) async fn first_attempt(bench: &Bench, stack: &Stack, dependency: &str, app_started: Duration) -> Option<Duration> {
    let limit = (bench.undisturbed_start * 2 + ATTEMPT_MARGIN).min(bench.contract.startup_limit);
    let first = |observations: &[Observation]| attempts(observations, dependency).find(|at| *at >= app_started);
    stack.timeline().first(app_started + limit, first).await
}

/// Starts every service, each when what it needs is there, and waits until the app is ready. Returns the offsets of the app's
/// start and of its first ready answer.
pub(super) async fn start_until_ready(bench: &Bench, stack: &Stack) -> Result<(Duration, Duration), Failure> {
    let mut app = None;
    for service in bench.model.start_order() {
        let started = start_when_possible(bench, stack, &service).await?;
        if service == bench.contract.app {
            app = Some((started, wait_until_ready(bench, stack, started).await?));
        }
    }
    app.ok_or_else(|| Failure::not_measured("the app was not started"))
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
pub(super) async fn start_without(bench: &Bench, stack: &Stack, dependency: &str) -> Result<Without, Failure> {
    start_around(bench, stack, dependency, false).await
}

/// Starts the app just after one of its dependencies, whose first boot is held until the app has missed it: a fast database would be
/// up before a slow app asks.
pub(super) async fn start_together(bench: &Bench, stack: &Stack, dependency: &str) -> Result<Without, Failure> {
    start_around(bench, stack, dependency, true).await
}

async fn start_around(bench: &Bench, stack: &Stack, dependency: &str, together: bool) -> Result<Without, Failure> {
    let app = &bench.contract.app;
    if !together {
        fault::withhold(stack, dependency).await?;
    }
    let mut waiting = bench.model.dependents(dependency);
    waiting.retain(|service| service != app);
    let mut app_started = Duration::ZERO;
    for service in bench.model.start_order().into_iter().filter(|service| service != dependency && !waiting.contains(service)) {
        if service == *app {
            for (needed, condition) in needs(bench, app) {
                if needed != dependency && !waiting.contains(&needed) {
                    wait_until(bench, stack, &needed, condition).await?;
                }
            }
            app_started = if together { start_held(bench, stack, dependency).await? } else { stack.start(app).await? };
        } else {
            start_when_possible(bench, stack, &service).await?;
        }
    }
    Ok(Without { dependency: dependency.to_owned(), app_started, waiting })
}

/// Starts a dependency, whose boot is held until the app has missed it, and the app. Returns the offset of the app's start.
async fn start_held(bench: &Bench, stack: &Stack, dependency: &str) -> Result<Duration, Failure> {
    stack.start(dependency).await?;
    fault::freeze(stack, dependency).await?;
    let app_started = stack.start(&bench.contract.app).await?;
    // Undisturbed the app is ready by then, so it has asked by then.
    let missed = app_started + bench.undisturbed_start.min(SIGN_LIMIT);
    stack.timeline().clock().reach(missed.max(first_sign(bench, stack, app_started).await)).await;
    fault::thaw(stack, dependency).await?;
    Ok(app_started)
}

/// Starts a withheld dependency, and then what had to wait for it. Returns the offset at which it accepted.
pub(super) async fn start_withheld(bench: &Bench, stack: &Stack, without: &Without) -> Result<Duration, Failure> {
    let started = fault::provide(stack, &without.dependency).await?;
    let accepted = wait_until_accepting(bench, stack, &without.dependency, started).await?;
    start_waiting(bench, stack, without).await?;
    Ok(accepted)
}

/// Starts what had to wait for a dependency that accepts by now.
pub(super) async fn start_waiting(bench: &Bench, stack: &Stack, without: &Without) -> Result<(), Failure> {
    for service in &without.waiting {
        start_when_possible(bench, stack, service).await?;
    }
    Ok(())
}

async fn start_when_possible(bench: &Bench, stack: &Stack, service: &str) -> Result<Duration, Failure> {
    wait_for_needs(bench, stack, service).await?;
    Ok(stack.start(service).await?)
}

async fn wait_for_needs(bench: &Bench, stack: &Stack, service: &str) -> Result<(), Failure> {
    for (needed, condition) in needs(bench, service) {
        wait_until(bench, stack, &needed, condition).await?;
    }
    Ok(())
}

/// What a service waits for: what its `depends_on` says, and for the app whatever else the contract names.
fn needs(bench: &Bench, service: &str) -> Vec<(String, Condition)> {
    let mut needs: Vec<(String, Condition)> =
        bench.model.needs(service).into_iter().map(|(name, condition)| (name.to_owned(), condition)).collect();
    if service == bench.contract.app {
        for dependency in &bench.contract.dependencies {
            if !needs.iter().any(|(name, _)| *name == dependency.service) {
                needs.push((dependency.service.clone(), Condition::Started));
            }
        }
    }
    needs
}

/// Waits until a service that is started is as far as another one needs it. A dependency of the app has to accept, whatever
/// the compose file asks for: the health check would say so later, and "started" says nothing.
async fn wait_until(bench: &Bench, stack: &Stack, service: &str, condition: Condition) -> Result<(), Failure> {
    if condition == Condition::Completed {
        let help = || format!("find out from its log why `{service}` does not end with status 0");
        return wait_for_service(bench, stack, service, Duration::ZERO, help, completed).await.map(drop);
    }
    if bench.contract.dependency(service).is_some() {
        return wait_until_accepting(bench, stack, service, Duration::ZERO).await.map(drop);
    }
    if condition == Condition::Healthy {
        let help = || format!("make its health check pass, or look at why it does not: docker compose up {service}");
        return wait_for_service(bench, stack, service, Duration::ZERO, help, became_healthy).await.map(drop);
    }
    Ok(())
}

/// Waits until a dependency of the app accepts. Returns the offset of acceptance.
pub(super) async fn wait_until_accepting(
    bench: &Bench,
    stack: &Stack,
    service: &str,
    since: Duration,
) -> Result<Duration, Failure> {
    let help = || format!("make sure that `{service}` starts with what the compose file gives it: docker compose up {service}");
    wait_for_service(bench, stack, service, since, help, started_to_accept).await
}

async fn wait_for_service(
    bench: &Bench,
    stack: &Stack,
    service: &str,
    since: Duration,
    help: impl Fn() -> String,
    judge: impl Fn(Awaited<'_>, &[Observation], bool) -> Ruling<Duration, Finding>,
) -> Result<Duration, Failure> {
    let awaited = Awaited { service, since, limit: bench.contract.startup_limit, gone_after: gone_after(bench, service) };
    let deadline = stack.timeline().clock().now() + awaited.limit;
    match stack.timeline().wait(deadline, |observations, over| judge(awaited, observations, over)).await {
        Ruling::Holds(at) => Ok(at),
        Ruling::Broken(finding) => Err(broken_stack(bench, service, &finding, help())),
        Ruling::Open => Err(Failure::not_measured(&format!("how far `{service}` is"))),
    }
}

async fn wait_until_ready(bench: &Bench, stack: &Stack, started: Duration) -> Result<Duration, Failure> {
    let contract = &bench.contract;
    let judged = Judged {
        app: &contract.app,
        started,
        gone_after: gone_after(bench, &contract.app),
        since: started,
        event: "its start",
        limit: contract.startup_limit,
    };
    let judge = |observations: &[Observation], over| answered(judged, (Endpoint::Readiness, Wanted::Success), observations, over);
    match stack.timeline().wait(started + contract.startup_limit, judge).await {
        Ruling::Holds(at) => Ok(at),
        Ruling::Broken(finding) => {
            let advice = advise(bench, stack.timeline());
            Err(broken_stack(bench, &contract.app, &finding, advice))
        }
        Ruling::Open => Err(Failure::not_measured("whether the app is ready")),
    }
}

/// The number of exits after which a service is taken to be gone.
pub(super) fn gone_after(bench: &Bench, service: &str) -> usize {
    if bench.restarts(service) { EXITS } else { 1 }
}

fn broken_stack(bench: &Bench, service: &str, finding: &Finding, advice: String) -> Failure {
    Failure::CouldNotRun {
        message: format!(
            "{} does not come up even undisturbed. Expected: {}; seen: {}",
            bench.model.file().path().display(),
            finding.expected,
            finding.seen
        ),
        advice,
        service: Some(service.to_owned()),
    }
}

/// What to do about an app that does not become ready, after how it ended or what it answered last.
fn advise(bench: &Bench, timeline: &Timeline) -> String {
    let contract = &bench.contract;
    let app = &contract.app;
    let exited =
        |fact: &Fact| matches!(fact, Fact::Container { service, change: ContainerChange::Died { .. } } if service == app);
    let observations = timeline.observations();
    if observations.iter().any(|observation| exited(&observation.fact)) {
        return format!("find out from its log why `{app}` exits");
    }
    let last = observations.iter().rev().find_map(|observation| match &observation.fact {
        Fact::Probe { endpoint: Endpoint::Readiness, answer, .. } => Some(answer),
        _ => None,
    });
    let (port, readiness) = (contract.port, &contract.readiness);
    match last {
        None => format!("make sure that `{app}` is on a network: its container has no address to be asked at"),
        Some(Answer::Refused) => format!(
            "nobody listens on port {port}: declare the right one (`port:` under x-seaworthy, or --port), and let the app listen \
             on 0.0.0.0, not on 127.0.0.1"
        ),
        Some(Answer::Status(404)) => {
            format!("the app has no {readiness}: declare the readiness path (`readiness:` under x-seaworthy, or --readiness)")
        }
        Some(Answer::TimedOut) => format!(
            "{readiness} hangs: no answer was complete within {}; find out what the app waits for there, or why the body does not \
             end",
            seconds(contract.probe_timeout)
        ),
        Some(_) => {
            format!("find out from its log why {readiness} does not answer 2xx; a slow starter needs a higher `startup_limit`")
        }
    }
}

/// The service that a sentence means: by its name, as `the database`, or as `the main dependency`, which is the database where
/// there is one.
pub(super) fn meant(bench: &Bench, word: &str) -> Result<String, Failure> {
    let contract = &bench.contract;
    let found = match word {
        "the app" => return Ok(contract.app.clone()),
        "the database" => contract.database(),
        "the main dependency" => contract.database().or(contract.dependencies.first()),
        name => return Ok(name.to_owned()),
    };
    found.map(|dependency| dependency.service.clone()).ok_or_else(|| Failure::not_measured(&format!("the stack has not {word}")))
}
