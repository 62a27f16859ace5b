//! What the app writes.

use std::time::Duration;

use crate::contract::Kind;
use crate::suite::error::settle;
use crate::suite::steps::{Words, number, word};
use crate::suite::{Bench, Failure, ScenarioWorld, launch};
use crate::verdict::{
    body_named, gave_up_cleanly, kept_secrets, named, names_of, no_trace_per_attempt, told_of_login, was_discreet,
};

fn names(bench: &Bench, words: &Words) -> Result<Vec<String>, Failure> {
    let service = launch::meant(bench, word(words, 0)?)?;
    let kind = match bench.contract.dependency(&service).map(|dependency| &dependency.kind) {
        Some(Kind::Postgres { .. }) => "postgres",
        Some(Kind::Mysql { .. }) => "mysql",
        Some(Kind::Redis { .. }) => "redis",
        Some(Kind::Rabbitmq { .. }) => "rabbit",
        _ => "connect",
    };
    Ok(names_of(&service, kind))
}

/// Some line names the dependency.
pub(in crate::suite::steps) async fn names_it(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let limit = Duration::from_secs(number(&words, 1)?);
    let (bench, stack, moments) = world.stack().await?;
    let (app, names, from) = (&bench.contract.app, names(bench, &words)?, moments.since);
    let judge = |observations: &[_], over| named(app, &names, from, limit, observations, over);
    settle(stack.timeline().wait(from + limit, judge).await, "the log of the app")
}

/// There is no stack trace for each attempt, in so many seconds.
pub(in crate::suite::steps) async fn no_traces(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let limit = Duration::from_secs(number(&words, 0)?);
    let (bench, stack, moments) = world.stack().await?;
    stack.timeline().clock().reach(moments.since + limit).await;
    let judge = |observations: &[_]| no_trace_per_attempt(&bench.contract.app, moments.since, observations);
    stack.timeline().read(judge).map_err(Failure::Failed)
}

/// If the app gives up within so many seconds, it says so by its status and in its log.
pub(in crate::suite::steps) async fn gives_up_cleanly(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let limit = Duration::from_secs(number(&words, 1)?);
    let (bench, stack, moments) = world.stack().await?;
    let (app, names, from) = (&bench.contract.app, names(bench, &words)?, moments.since);
    stack.timeline().clock().reach(from + limit).await;
    stack.timeline().read(|observations| gave_up_cleanly(app, &names, from, observations)).map_err(Failure::Failed)
}

/// Some line says that the login failed.
pub(in crate::suite::steps) async fn tells_of_login(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let limit = Duration::from_secs(number(&words, 0)?);
    let (bench, stack, moments) = world.stack().await?;
    let (app, from) = (&bench.contract.app, moments.since);
    let judge = |observations: &[_], over| told_of_login(app, from, limit, observations, over);
    settle(stack.timeline().wait(from + limit, judge).await, "the log of the app")
}

/// No secret stands in the log or in an answer.
pub(in crate::suite::steps) async fn keeps_secrets(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    world.look_back(|bench, _, observations| kept_secrets(&bench.contract.app, observations)).await
}

/// The body of the 503 does not show how the app is built.
pub(in crate::suite::steps) async fn is_discreet(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    world.look_back(|bench, moments, observations| was_discreet(&bench.contract.app, moments.app_started, observations)).await
}

/// The body of the 503 names the dependency.
pub(in crate::suite::steps) async fn body_names_it(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let names = names(bench, &words)?;
    let judge = |observations: &[_]| body_named(&bench.contract.app, &names, moments.app_started, observations);
    stack.timeline().read(judge).map_err(Failure::Failed)
}
