//! What the app leaves in its database.

use std::time::Duration;

use crate::suite::steps::when::disturb::sessions;
use crate::suite::steps::{Words, number};
use crate::suite::{Failure, ScenarioWorld};
use crate::verdict::{Finding, seconds};

/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// A second after its end the app has no session left.
pub(in crate::suite::steps) async fn none_left(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let limit = Duration::from_secs(1);
    let (bench, stack, moments) = world.stack().await?;
    let clock = stack.timeline().clock();
    let (died, _, _) = moments.death.ok_or_else(|| Failure::not_measured("the end of the app"))?;
    let mut left = None;
    loop {
        let looked = clock.now();
        left = sessions(bench, stack).await.or(left);
        match left {
            Some(0) => return Ok(()),
            _ if looked < died + limit => clock.reach(looked + PAUSE).await,
            Some(left) => {
                return Err(Failure::Failed(Finding {
                    expected: format!("no session of `{}` is left {} after its end", bench.contract.app, seconds(limit)),
                    seen: format!("{left} were left"),
                }));
            }
            None => return Err(Failure::not_measured("the sessions of the app")),
        }
    }
}

/// The app has at most so many sessions more than before.
pub(in crate::suite::steps) async fn not_many_more(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let more = usize::try_from(number(&words, 0)?).unwrap_or(usize::MAX);
    let (bench, stack, moments) = world.stack().await?;
    let Some(before) = moments.sessions else { return Ok(()) };
    let after = sessions(bench, stack).await.ok_or_else(|| Failure::not_measured("the sessions of the app"))?;
    if after <= before + more {
        return Ok(());
    }
    Err(Failure::Failed(Finding {
        expected: format!("`{}` has at most {more} sessions more than the {before} before", bench.contract.app),
        seen: format!("it has {after}"),
    }))
}
