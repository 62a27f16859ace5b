//! Telling the app to stop.

use std::time::Duration;

use tokio::task::JoinHandle;

use crate::experiment::{RunContext, Stage, launch};
use crate::fault::{self, DEATH_LIMIT};
use crate::judge::{Claim, Event, Window, seconds};
use crate::model::{ContainerChange, Endpoint, Fact, FaultKind, Halt, Inspection, Mark, Observation, Outcome};
use crate::probe::{Asked, Clients, Load, ask_once};
use crate::subject::{Contract, HttpForm, Meant};
use crate::target::Instance;

/// From the signal to what an experiment does next while the app drains.
const BREATH: Duration = Duration::from_millis(500);
/// Eight clients ask all the time, and two have asked and keep their connection.
const CLIENTS: Clients = Clients { fresh: 5, reusing: 3, idle: 2 };
/// How long the app is left waiting before it is told to stop.
const WAITING: Duration = Duration::from_secs(3);
/// A start that takes less is over before anybody takes it back.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long clients ask before anything happens.
const WARM_UP: Duration = Duration::from_secs(2);
/// A patient client waits for so much longer than the app may take to stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// The app's stop signal, as `docker stop` would send it; SIGKILL after the grace period when that did not end it.
pub(super) async fn stop(stage: &mut Stage) -> Result<(), Halt> {
    let app_started = stage.app_started();
    let (context, instance) = stage.instance().await?;
    let sent = send(context, instance, app_started, &context.contract.stop_signal).await?;
    wait_for_the_end(context, instance, sent).await
}

/// The same with SIGINT, as a Ctrl-C at a terminal sends it.
pub(super) async fn interrupt(stage: &mut Stage) -> Result<(), Halt> {
    let app_started = stage.app_started();
    let (context, instance) = stage.instance().await?;
    let sent = send(context, instance, app_started, "SIGINT").await?;
    wait_for_the_end(context, instance, sent).await
}

/// SIGKILL, as the kernel sends it to what runs out of memory: nothing of the app can clean up.
pub(super) async fn kill(stage: &mut Stage) -> Result<(), Halt> {
    let app_started = stage.app_started();
    let (context, instance) = stage.instance().await?;
    has_not_ended(context, instance, app_started)?;
    let app = &context.contract.app;
    let sent = instance.signal(app, "SIGKILL").await?;
    let limit = instance.timeline().clock().now() + DEATH_LIMIT;
    let died = instance.wait_for_death(app, sent, limit).await;
    died.map(drop).ok_or_else(|| Halt::not_measured(format!("the engine did not report the end of `{app}` after SIGKILL")))
}

/// The stop signal halfway through the app's start. An app that starts at once and misses the signal for some milliseconds of it keeps nobody
/// waiting: that says nothing.
pub(super) async fn stop_halfway(stage: &mut Stage) -> Result<(), Halt> {
    if stage.context().contract.readiness.only_runs() {
        return Err(Halt::not_applicable("readiness does not say when the start is over"));
    }
    let start = stage.context().undisturbed_start;
    stop_after(stage, start / 2).await?;
    if start >= AT_ONCE {
        return Ok(());
    }
    let (context, instance) = stage.instance().await?;
    if let Outcome::Held(_) = look_back(context, instance, &Claim::NotKilled, Duration::ZERO) {
        return Ok(());
    }
    let took = seconds(start);
    Err(Halt::not_applicable(format!("its whole start takes {took}: it missed the signal for a part of that")))
}

/// What a claim comes to by what was observed of the instance since a moment, and no more.
fn look_back(context: &RunContext, instance: &Instance, claim: &Claim, from: Duration) -> Outcome {
    let contract = &context.contract;
    let judge = |facts: &[Observation]| claim.judge(&Window { facts, contract, from, event: Event::Beginning, over: true });
    instance.timeline().read(judge)
}

/// The stop signal so long after the app's start.
pub(super) async fn stop_after(stage: &mut Stage, time: Duration) -> Result<(), Halt> {
    let at = stage.app_started() + time;
    stage.timeline().clock().reach(at).await;
    stop(stage).await
}

/// The stop signal once the app is past its start, and waits: its processes have done nothing for some time. One that is still starting may be
/// about to exit, and has not waited for anything.
pub(super) async fn stop_while_waiting(stage: &mut Stage) -> Result<(), Halt> {
    let started = stage.app_started();
    let (context, instance) = stage.instance().await?;
    let waits = launch::should_be_ready(context, instance, started).await;
    instance.timeline().clock().reach(waits + WAITING).await;
    // In a restart loop it would be chance whether there is a process to be told.
    if let Outcome::Broken(finding) = look_back(context, instance, &Claim::SameProcess, started) {
        return Err(Halt::not_applicable(format!("it does not wait for its dependency: {}", finding.seen)));
    }
    stop(stage).await
}

/// A request that can't be answered before the dependency goes on is under way: the dependency is frozen, then the business
/// path is asked.
pub(super) async fn hold_request(stage: &mut Stage, dependency: &Meant) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let dependency = launch::meant(context, dependency)?;
    fault::freeze(instance, &dependency).await?;
    let limit = context.contract.probe_timeout + context.contract.stop_grace_period;
    let request = business(&context.contract)?;
    stage.request = Some(ask_meanwhile(context, instance, Endpoint::Business, request, limit).await?);
    Ok(())
}

/// A client asks the app, and waits for longer than the app may take to stop: one that hung up would free a drain that waits for it.
pub(super) async fn ask_patiently(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let contract = &context.contract;
    let Some(request) = contract.client_request() else {
        // Whoever is asked in another form has no such clients: what it waits for is what it asks for by itself.
        let clock = instance.timeline().clock();
        clock.reach(clock.now() + WAITING).await;
        return Ok(());
    };
    let endpoint = if contract.business_request().is_some() { Endpoint::Business } else { Endpoint::Readiness };
    let limit = contract.stop_grace_period + PATIENCE;
    stage.request = Some(ask_meanwhile(context, instance, endpoint, request, limit).await?);
    Ok(())
}

/// Sends a request, and returns when it is under way. What becomes of it goes to the timeline.
async fn ask_meanwhile(
    context: &RunContext,
    instance: &Instance,
    endpoint: Endpoint,
    request: HttpForm,
    limit: Duration,
) -> Result<JoinHandle<()>, Halt> {
    let socket = socket(context, instance, &request)?;
    let timeline = instance.timeline().clone();
    let clock = timeline.clock();
    let asking = tokio::spawn(async move {
        let sent = timeline.clock().now();
        let answer = ask_once(socket, &request, limit).await;
        timeline.record(Fact::Probe { endpoint, sent, answer, body: None });
    });
    clock.reach(clock.now() + BREATH).await;
    Ok(asking)
}

/// The stop signal, once or twice, while the request is held; then the dependency goes on.
pub(super) async fn stop_while_held(stage: &mut Stage, twice: bool, dependency: &Meant) -> Result<(), Halt> {
    let (app_started, request) = (stage.app_started(), stage.request.take());
    let (context, instance) = stage.instance().await?;
    let dependency = launch::meant(context, dependency)?;
    let sent = send(context, instance, app_started, &context.contract.stop_signal).await?;
    let clock = instance.timeline().clock();
    if twice {
        clock.reach(clock.now() + BREATH).await;
        // Gone already is for the judges to say.
        let _ = instance.signal(&context.contract.app, &context.contract.stop_signal).await;
    }
    clock.reach(clock.now() + BREATH).await;
    fault::thaw(instance, &dependency).await?;
    wait_for_the_end(context, instance, sent).await?;
    if let Some(request) = request {
        // What became of it stands on the timeline.
        let _ = request.await;
    }
    Ok(())
}

/// Clients ask all the time while the app is told to stop, until it has ended. Where a dependency can slow the answers, it does,
/// so that requests are under way when the signal comes.
pub(super) async fn stop_under_load(stage: &mut Stage) -> Result<(), Halt> {
    let app_started = stage.app_started();
    let (context, instance) = stage.instance().await?;
    // There a proxy accepts connections by itself: what it cuts off says nothing.
    if context.engine.access().published_at().is_some() {
        return stop(stage).await;
    }
    let contract = &context.contract;
    let Some(request) = contract.client_request() else { return stop(stage).await };
    let asked = Asked {
        socket: socket(context, instance, &request)?,
        request,
        limit: contract.probe_timeout + contract.stop_grace_period,
        sockets: context.engine.sockets(&instance.service(&contract.app)?.container).await?,
    };
    let clock = instance.timeline().clock();
    instance.timeline().record(Fact::Mark { mark: Mark::UnderLoad });
    let load = Load::begin(CLIENTS, &asked, instance.timeline().clone());
    clock.reach(clock.now() + WARM_UP).await;
    load.disturbed();
    let slowed = launch::meant(context, &Meant::MainDependency).ok();
    if let Some(dependency) = &slowed {
        fault::freeze(instance, dependency).await?;
        clock.reach(clock.now() + BREATH).await;
    }
    load.told();
    let sent = send(context, instance, app_started, &contract.stop_signal).await?;
    if let Some(dependency) = &slowed {
        clock.reach(clock.now() + BREATH).await;
        fault::thaw(instance, dependency).await?;
    }
    // What SIGKILL cuts off is another check's business: the clients stop before it.
    let ended = instance.wait_for_death(&contract.app, sent, sent + contract.stop_grace_period).await;
    load.end(ended).await;
    wait_for_the_end(context, instance, sent).await
}

/// Every process of the app is stopped by SIGSTOP: it still accepts connections, and does nothing.
pub(super) async fn suspend(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let service = context.contract.app.clone();
    let stopped = fault::suspend(instance, &service).await?;
    let at = stopped.ok_or_else(|| Halt::not_applicable("the processes of the app can't be signalled from this machine"))?;
    stage.mark(at, Mark::Disturbed { service, fault: FaultKind::Stopped });
    Ok(())
}

/// The app goes on after SIGSTOP.
pub(super) async fn resume(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let at = fault::resume(instance, &context.contract.app).await?;
    stage.mark(at, Mark::GoesOn);
    Ok(())
}

fn business(contract: &Contract) -> Result<HttpForm, Halt> {
    contract.business_request().ok_or_else(|| Halt::not_measured("the contract names no business path"))
}

fn socket(context: &RunContext, instance: &Instance, request: &HttpForm) -> Result<std::net::SocketAddr, Halt> {
    let reach = instance.service(&context.contract.app)?.reach.borrow().clone();
    let port = request.port.or(context.contract.port);
    let socket = reach.zip(port).and_then(|(reach, port)| reach.socket(port));
    socket.ok_or_else(|| Halt::not_measured("the app can't be reached"))
}

/// Sends the signal, and marks it. An app that has ended by itself has nothing to be told. Returns the offset just before it was sent.
async fn send(context: &RunContext, instance: &Instance, started: Duration, signal: &str) -> Result<Duration, Halt> {
    let app = &context.contract.app;
    has_not_ended(context, instance, started)?;
    if let Ok(processes) = context.engine.processes(&instance.service(app)?.container).await {
        instance.timeline().record(Fact::Processes { service: app.clone(), processes });
    }
    if let Ok(Some(handled)) = context.engine.signals_of_first(&instance.service(app)?.container).await {
        instance.timeline().record(Fact::Inspected { inspection: Inspection::FirstProcess { handled } });
    }
    let sent = match instance.signal(app, signal).await {
        Ok(sent) => sent,
        Err(error) => {
            // It may have ended by itself between the look and the signal.
            let clock = instance.timeline().clock();
            return match instance.wait_for_death(app, started, clock.now() + DEATH_LIMIT).await {
                Some(_) => Err(Halt::not_applicable(format!("`{app}` had just exited by itself"))),
                None => Err(error.into()),
            };
        }
    };
    instance.timeline().record_at(sent, Fact::Mark { mark: Mark::StopSignal { signal: signal.to_owned() } });
    Ok(sent)
}

/// An app that has ended by itself since this start has nothing to be told.
fn has_not_ended(context: &RunContext, instance: &Instance, started: Duration) -> Result<(), Halt> {
    let app = &context.contract.app;
    match instance.timeline().read(|observations| last_change(observations, app, started)) {
        Some(ContainerChange::Died { exit_code, .. }) => {
            Err(Halt::not_applicable(format!("`{app}` had already exited by itself, with status {exit_code}")))
        }
        _ => Ok(()),
    }
}

fn last_change(observations: &[Observation], app: &str, from: Duration) -> Option<ContainerChange> {
    let mut changes = observations.iter().rev().filter(|observation| observation.at >= from);
    changes.find_map(|observation| match &observation.fact {
        Fact::Container { service, change: change @ (ContainerChange::Died { .. } | ContainerChange::Started { .. }) }
            if service == app =>
        {
            Some(change.clone())
        }
        _ => None,
    })
}

/// Waits for the app's end; SIGKILL after the grace period when the signal did not end it.
async fn wait_for_the_end(context: &RunContext, instance: &Instance, sent: Duration) -> Result<(), Halt> {
    let app = &context.contract.app;
    if instance.wait_for_death(app, sent, sent + context.contract.stop_grace_period).await.is_none() {
        let killed = instance.signal(app, "SIGKILL").await;
        let limit = instance.timeline().clock().now() + DEATH_LIMIT;
        // It may have ended between the limit and our signal: then there was nobody left to kill.
        if instance.wait_for_death(app, sent, limit).await.is_none() {
            killed?;
        }
    }
    Ok(())
}
