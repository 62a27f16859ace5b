//! What a scenario does to a stack.

use std::time::Duration;

use super::Words;
use crate::fault;
use crate::suite::{Failure, ScenarioWorld, launch};
use crate::timeline::{Answer, Endpoint, Fact, Ruling};

/// How long an app that does not answer anything may keep the database from starting.
const FIRST_ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// How long the engine may take to end a process that it kills.
const DEATH_LIMIT: Duration = Duration::from_secs(30);

/// A cold start in the worst order: the database starts once the app answers anything at all, or after five seconds. If all
/// started at the same moment, a fast database would be up before a slow app could show its mistake.
pub(super) async fn all_start_database_last(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let without = launch::start_without_database(bench, stack).await?;
    let started = without.app_started;
    moments.app_started = started;
    let deadline = started + FIRST_ANSWER_LIMIT;
    let answered = |observation: &crate::timeline::Observation| {
        matches!(observation.fact, Fact::Probe { endpoint: Endpoint::Readiness, answer: Answer::Status(_), .. })
    };
    let judge = |observations: &[crate::timeline::Observation], _| {
        if observations.iter().any(answered) { Ruling::<(), ()>::Holds(()) } else { Ruling::Open }
    };
    stack.timeline().wait(deadline, judge).await;
    launch::start_database(bench, stack, &without).await?;
    world.mark(started, "its start")
}

/// The withheld database is started this long after the app's first process. Limits count from its acceptance.
pub(super) async fn database_starts_late(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let without = moments.without_database.take().ok_or_else(|| Failure::not_measured("the database was not withheld"))?;
    stack.timeline().clock().reach(moments.app_started + seconds(&words, 0)?).await;
    let accepted = launch::start_database(bench, stack, &without).await?;
    world.mark(accepted, format!("`{}` accepting", without.database))
}

/// The app's stop signal, as `docker stop` would send it; SIGKILL after the grace period when that did not end it.
pub(super) async fn app_is_told_to_stop(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let app = &bench.contract.app;
    let processes = stack.engine().processes(&stack.service(app)?.container).await?;
    stack.timeline().record(Fact::Processes { service: app.clone(), processes });

    let sent = stack.signal(app, &bench.contract.stop_signal).await?;
    moments.told_to_stop = sent;
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

/// The service is killed and stays dead.
pub(super) async fn is_killed(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (_, stack, _) = world.stack().await?;
    let service = word(&words, 0)?;
    let killed = fault::kill(stack, service).await?;
    world.mark(killed, format!("`{service}` being killed"))
}

/// The service is killed, stays dead for a while and starts again. Limits count from its acceptance.
pub(super) async fn is_killed_for(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let service = word(&words, 0)?;
    let killed = fault::kill(stack, service).await?;
    stack.timeline().clock().reach(killed + seconds(&words, 1)?).await;
    let started = fault::revive(stack, service).await?;
    let accepted = launch::wait_until_accepting(bench, stack, service, started).await?;
    world.mark(accepted, format!("`{service}` accepting again"))
}

fn word(words: &Words, index: usize) -> Result<&str, Failure> {
    words.get(index).map(String::as_str).ok_or_else(|| Failure::not_measured("the step lacks a word"))
}

pub(super) fn seconds(words: &Words, index: usize) -> Result<Duration, Failure> {
    let seconds = word(words, index)?.parse().map_err(|_| Failure::not_measured("the step's number is too large"))?;
    Ok(Duration::from_secs(seconds))
}
