//! How a scenario begins.

use super::Words;
use crate::suite::{Failure, ScenarioWorld, launch};

/// From its start on, the users of the app's processes go to the timeline.
pub(super) async fn processes_are_watched(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    world.moments()?.watch_processes = true;
    Ok(())
}

/// Everything is started in order, and the app has answered ready.
pub(super) async fn stack_is_ready(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let (started, ready) = launch::start_until_ready(bench, stack).await?;
    moments.app_started = started;
    world.mark(ready, "the app being ready")
}

/// Everything runs, the app too, except that the database is not there yet.
pub(super) async fn all_but_the_database(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let without = launch::start_without_database(bench, stack).await?;
    let started = without.app_started;
    moments.app_started = started;
    moments.without_database = Some(without);
    world.mark(started, "its start")
}
