//! How the app tries to reach a dependency that turns it down.

use std::time::Duration;

use crate::suite::steps::{Words, number, word};
use crate::suite::{Failure, ScenarioWorld, launch};
use crate::verdict::{Finding, backed_off, paced};

/// The app makes at most so many attempts in the first second, and in each second after.
pub(in crate::suite::steps) async fn are_paced(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let limit = |index| number(&words, index).map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let limits = (limit(0)?, limit(2)?);
    let (dependency, window) = window(world, word(&words, 1)?).await?;
    world.look_back(|_, _, observations| paced(&dependency, window, limits, observations)).await
}

/// The pauses grow, or are half a second or longer.
pub(in crate::suite::steps) async fn back_off(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (dependency, window) = window(world, word(&words, 0)?).await?;
    let (bench, stack, _) = world.stack().await?;
    let judged: Option<Result<(), Finding>> = stack.timeline().read(|observations| backed_off(&dependency, window, observations));
    let few = || format!("`{}` makes too few attempts to reach `{dependency}` to have a pace", bench.contract.app);
    judged.ok_or_else(|| Failure::NotApplicable(few()))?.map_err(Failure::Failed)
}

/// The dependency that is meant, and from when to when the app was turned down.
async fn window(world: &mut ScenarioWorld, dependency: &str) -> Result<(String, (Duration, Duration)), Failure> {
    let (bench, _, moments) = world.stack().await?;
    Ok((launch::meant(bench, dependency)?, (moments.app_started, moments.since)))
}
