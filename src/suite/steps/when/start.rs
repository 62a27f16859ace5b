//! Starting what was held back, in an order that production knows too.

use std::time::Duration;

use crate::suite::steps::{Words, seconds, word};
use crate::suite::{Failure, ScenarioWorld, launch};
use crate::timeline::{Answer, Endpoint, Fact, Observation};

/// How long an app that does not answer anything may keep the database from starting.
const FIRST_ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// A cold start in the worst order: the database starts once the app answers anything at all, or after five seconds. If all
/// started at the same moment, a fast database would be up before a slow app could show its mistake. Without a database
/// everything starts in order.
pub(in crate::suite::steps) async fn all_database_last(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let started = if bench.contract.database().is_some() {
        let without = launch::start_without(bench, stack, &launch::meant(bench, "the database")?).await?;
        moments.app_started = without.app_started;
        let answered = |observation: &Observation| {
            matches!(observation.fact, Fact::Probe { endpoint: Endpoint::Readiness, answer: Answer::Status(_), .. })
        };
        let first = |observations: &[Observation]| observations.iter().any(answered).then_some(());
        stack.timeline().first(without.app_started + FIRST_ANSWER_LIMIT, first).await;
        launch::start_withheld(bench, stack, &without).await?;
        without.app_started
    } else {
        launch::start_app(bench, stack).await?
    };
    moments.app_started = started;
    world.mark(started, "its start")
}

/// The database with empty data and the app start at the same moment, and the app is the first to ask.
pub(in crate::suite::steps) async fn together(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let together = launch::start_together(bench, stack, &launch::meant(bench, "the database")?).await?;
    moments.app_started = together.app_started;
    let accepted = launch::wait_until_accepting(bench, stack, &together.dependency, Duration::ZERO).await?;
    launch::start_waiting(bench, stack, &together).await?;
    world.mark(accepted, format!("`{}` accepting", together.dependency))
}

/// The withheld dependency is started this long after the app's first sign of life, an answer or a line of its log: before that a slow
/// starter has not missed it. Limits count from its acceptance.
pub(in crate::suite::steps) async fn late(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let dependency = launch::meant(bench, word(&words, 0)?)?;
    let at = launch::first_sign(bench, stack, moments.app_started).await + seconds(&words, 1)?;
    start_late(world, &dependency, at).await
}

/// Starts the withheld dependency at this offset. Limits count from its acceptance.
pub(super) async fn start_late(world: &mut ScenarioWorld, dependency: &str, at: Duration) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let without = moments.without.take().filter(|without| without.dependency == dependency);
    let without = without.ok_or_else(|| Failure::not_measured(&format!("`{dependency}` was not withheld")))?;
    stack.timeline().clock().reach(at).await;
    let accepted = launch::start_withheld(bench, stack, &without).await?;
    world.mark(accepted, format!("`{dependency}` accepting"))
}
