//! Telling the app to stop.

use std::time::Duration;

use crate::contract::Contract;
use crate::fault::{self, DEATH_LIMIT};
use crate::probe::{Asked, Load, ask_once};
use crate::stack::Stack;
use crate::suite::steps::{Words, number, word};
use crate::suite::world::Moments;
use crate::suite::{Bench, Failure, ScenarioWorld, launch};
use crate::timeline::{ContainerChange, Endpoint, Fact, Observation};
use crate::verdict::stayed_the_same_process;

/// From the signal to what a scenario does next while the app drains.
const BREATH: Duration = Duration::from_millis(500);
/// How many clients ask all the time.
const CLIENTS: usize = 8;
/// How long it is left waiting after that.
const WAITING: Duration = Duration::from_secs(3);
/// How long they ask before anything happens.
const WARM_UP: Duration = Duration::from_secs(1);

/// The app's stop signal, as `docker stop` would send it; SIGKILL after the grace period when that did not end it.
pub(in crate::suite::steps) async fn told(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    tell(bench, stack, moments, &bench.contract.stop_signal).await?;
    wait_for_the_end(bench, stack, moments).await
}

/// The same with SIGINT, as a Ctrl-C at a terminal sends it.
pub(in crate::suite::steps) async fn interrupted(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    tell(bench, stack, moments, "SIGINT").await?;
    wait_for_the_end(bench, stack, moments).await
}

/// The stop signal so many milliseconds after the app's start.
pub(in crate::suite::steps) async fn told_after(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let at = moments.app_started + Duration::from_millis(number(&words, 0)?);
    stack.timeline().clock().reach(at).await;
    tell(bench, stack, moments, &bench.contract.stop_signal).await?;
    wait_for_the_end(bench, stack, moments).await
}

/// The stop signal once the app is past its start: it has answered or written something, some time ago.
pub(in crate::suite::steps) async fn told_while_waiting(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let (app, started) = (&bench.contract.app, moments.app_started);
    let sign = launch::first_sign(bench, stack, started).await;
    stack.timeline().clock().reach(sign + WAITING).await;
    // In a restart loop it would be chance whether there is a process to be told.
    if let Err(finding) = stack.timeline().read(|observations| stayed_the_same_process(app, started, observations)) {
        return Err(Failure::NotApplicable(format!("it does not wait: {}", finding.seen)));
    }
    tell(bench, stack, moments, &bench.contract.stop_signal).await?;
    wait_for_the_end(bench, stack, moments).await
}

/// The app is stopped, and the same container is started again. Limits count from that start.
pub(in crate::suite::steps) async fn stopped_and_started(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    tell(bench, stack, moments, &bench.contract.stop_signal).await?;
    wait_for_the_end(bench, stack, moments).await?;
    let started = stack.start(&bench.contract.app).await?;
    moments.app_started = started;
    world.mark(started, "its second start")
}

/// A request that can't be answered before the dependency goes on is under way: the dependency is frozen, then the business
/// path is asked.
pub(in crate::suite::steps) async fn request_is_held(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let dependency = launch::meant(bench, word(&words, 0)?)?;
    fault::freeze(stack, &dependency).await?;
    let (path, timeline) = (business(&bench.contract)?, stack.timeline().clone());
    let socket = socket(bench, stack)?;
    let limit = bench.contract.probe_timeout + bench.contract.stop_grace_period;
    moments.request = Some(tokio::spawn(async move {
        let sent = timeline.clock().now();
        let answer = ask_once(socket, &path, limit).await;
        timeline.record(Fact::Probe { endpoint: Endpoint::Business, sent, answer: answer.clone(), body: None });
        answer
    }));
    let clock = stack.timeline().clock();
    clock.reach(clock.now() + BREATH).await;
    Ok(())
}

/// The stop signal, once or twice, while the request is held; then the dependency goes on.
pub(in crate::suite::steps) async fn told_while_held(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let dependency = launch::meant(bench, word(&words, 1)?)?;
    tell(bench, stack, moments, &bench.contract.stop_signal).await?;
    let clock = stack.timeline().clock();
    if word(&words, 0)? == "twice" {
        clock.reach(clock.now() + BREATH).await;
        // Gone already is for the judges to say.
        let _ = stack.signal(&bench.contract.app, &bench.contract.stop_signal).await;
    }
    clock.reach(clock.now() + BREATH).await;
    fault::thaw(stack, &dependency).await?;
    wait_for_the_end(bench, stack, moments).await?;
    if let Some(request) = moments.request.take() {
        // What became of it stands on the timeline.
        let _ = request.await;
    }
    Ok(())
}

/// Clients ask all the time while the app is told to stop, until it has ended. Where a dependency can slow the answers, it does,
/// so that requests are under way when the signal comes.
pub(in crate::suite::steps) async fn told_under_load(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    if bench.engine.access().published_at().is_some() {
        return Err(Failure::NotApplicable(
            "the app is reached through a published port, and the proxy in between would lie".into(),
        ));
    }
    let contract = &bench.contract;
    let asked = Asked {
        socket: socket(bench, stack)?,
        path: contract.business.as_ref().unwrap_or(&contract.readiness).clone(),
        limit: contract.probe_timeout + contract.stop_grace_period,
        sockets: bench.engine.sockets(&stack.service(&contract.app)?.container).await?,
    };
    let load = Load::begin(CLIENTS, &asked, stack.timeline().clone());
    let clock = stack.timeline().clock();
    clock.reach(clock.now() + WARM_UP).await;
    let slowed = match launch::meant(bench, "the main dependency") {
        Ok(dependency) if contract.business.is_some() => Some(dependency),
        _ => None,
    };
    if let Some(dependency) = &slowed {
        fault::freeze(stack, dependency).await?;
        clock.reach(clock.now() + BREATH).await;
    }
    load.look();
    tell(bench, stack, moments, &contract.stop_signal).await?;
    if let Some(dependency) = &slowed {
        clock.reach(clock.now() + BREATH).await;
        fault::thaw(stack, dependency).await?;
    }
    // What SIGKILL cuts off is another check's business: the clients stop before it.
    let sent = moments.since;
    let ended = stack.wait_for_death(&contract.app, sent, sent + contract.stop_grace_period).await;
    load.end(ended.map(|(died, _, _)| died)).await;
    wait_for_the_end(bench, stack, moments).await
}

/// Every process of the app is stopped by SIGSTOP: it still accepts connections, and does nothing.
pub(in crate::suite::steps) async fn stopped_in_its_tracks(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let stopped = fault::stop_in_its_tracks(stack, &bench.contract.app).await?;
    let at = stopped.ok_or_else(|| Failure::NotApplicable("the processes of the app are out of reach from here".into()))?;
    world.mark(at, "the app being stopped in its tracks")
}

/// The app goes on after it was stopped in its tracks.
pub(in crate::suite::steps) async fn goes_on(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let at = fault::let_go_on(stack, &bench.contract.app).await?;
    world.mark(at, "the app going on")
}

fn business(contract: &Contract) -> Result<String, Failure> {
    contract.business.clone().ok_or_else(|| Failure::not_measured("the contract names no business path"))
}

fn socket(bench: &Bench, stack: &Stack) -> Result<std::net::SocketAddr, Failure> {
    let reach = stack.service(&bench.contract.app)?.reach.borrow().clone();
    let socket = reach.and_then(|reach| reach.socket(bench.contract.port));
    socket.ok_or_else(|| Failure::not_measured("the app can't be reached"))
}

/// Sends the signal. An app that has ended by itself has nothing to be told.
async fn tell(bench: &Bench, stack: &Stack, moments: &mut Moments, signal: &str) -> Result<(), Failure> {
    let app = &bench.contract.app;
    let started = moments.app_started;
    let ended = stack.timeline().read(|observations| last_change(observations, app, started));
    if let Some(ContainerChange::Died { exit_code, .. }) = ended {
        return Err(Failure::NotApplicable(format!("`{app}` had ended by itself before, with status {exit_code}")));
    }
    if let Ok(processes) = bench.engine.processes(&stack.service(app)?.container).await {
        stack.timeline().record(Fact::Processes { service: app.clone(), processes });
    }
    let sent = stack.signal(app, signal).await?;
    moments.told_to_stop = Some((signal.to_owned(), sent));
    (moments.since, moments.event) = (sent, signal.to_owned());
    Ok(())
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
async fn wait_for_the_end(bench: &Bench, stack: &Stack, moments: &mut Moments) -> Result<(), Failure> {
    let app = &bench.contract.app;
    let Some((_, sent)) = moments.told_to_stop else { return Err(Failure::not_measured("the app was not told to stop")) };
    let mut death = stack.wait_for_death(app, sent, sent + bench.contract.stop_grace_period).await;
    if death.is_none() {
        let killed = stack.signal(app, "SIGKILL").await;
        death = stack.wait_for_death(app, sent, stack.timeline().clock().now() + DEATH_LIMIT).await;
        // It may have ended between the limit and our signal: then there was nobody left to kill.
        if death.is_none() {
            killed?;
        }
    }
    moments.death = death;
    Ok(())
}
