//! Where the app logs, and how.

use std::time::Duration;

use super::hardening::changes_after;
use crate::probe::catch_up_logs;
use crate::suite::error::settle;
use crate::suite::steps::{Words, seconds};
use crate::suite::{Failure, ScenarioWorld};
use crate::verdict::{Finding, had_last_words, is_structured, log_files, seconds as told, wrote};

/// How long a line may take from the app to us.
const ARRIVAL: Duration = Duration::from_secs(5);

/// The app has written something by the time it is ready.
pub(in crate::suite::steps) async fn wrote_something(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let (app, from) = (&bench.contract.app, moments.since);
    let judge = |observations: &[_], over| wrote(app, (from, ARRIVAL), observations, over);
    settle(stack.timeline().wait(from + ARRIVAL, judge).await, "the log of the app")
}

/// No log file grows in the app's container in so many seconds.
pub(in crate::suite::steps) async fn writes_no_files(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let time = seconds(&words, 0)?;
    let files = log_files(&changes_after(world, time).await?);
    let app = &world.bench()?.contract.app;
    if files.is_empty() {
        return Ok(());
    }
    Err(Failure::Failed(Finding {
        expected: format!("within {} `{app}` writes no log file", told(time)),
        seen: format!("it wrote {}", files.join(", ")),
    }))
}

/// Every line is an object with the usual fields.
pub(in crate::suite::steps) async fn every_line_is_structured(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    read_to_the_end(world).await?;
    let (bench, stack, _) = world.stack().await?;
    let app = &bench.contract.app;
    let judged = stack.timeline().read(|observations| is_structured(app, observations));
    judged.ok_or_else(|| Failure::NotApplicable(format!("`{app}` writes nothing")))?.map_err(Failure::Failed)
}

/// The app wrote something after it was told to stop.
pub(in crate::suite::steps) async fn has_last_words(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    read_to_the_end(world).await?;
    let (bench, stack, moments) = world.stack().await?;
    let (signal, sent) = moments.told_to_stop.clone().ok_or_else(|| Failure::not_measured("the app was not told to stop"))?;
    let (ended, _, _) = moments.death.ok_or_else(|| Failure::not_measured("the end of the app"))?;
    let judge = |observations: &[_]| had_last_words(&bench.contract.app, (&signal, sent), ended, observations);
    stack.timeline().read(judge).map_err(Failure::Failed)
}

/// Puts the last lines of the app on the timeline, once it has ended.
async fn read_to_the_end(world: &mut ScenarioWorld) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let app = &bench.contract.app;
    catch_up_logs(&bench.engine, app, &stack.service(app)?.container, stack.timeline()).await;
    Ok(())
}
