//! Disturbing a dependency, for good or for a while. Limits of later steps count from the disturbance, or from its end.

use std::time::Duration;

use crate::contract::Kind;
use crate::engine::Reach;
use crate::fault;
use crate::probe::{OpenSession, hold, query};
use crate::stack::Stack;
use crate::suite::steps::{Words, number, seconds, word};
use crate::suite::{Bench, Failure, ScenarioWorld, launch};
use crate::timeline::{Fact, FaultKind};

/// The sessions of the app, and nobody else's.
const SESSIONS: &str = "SELECT pid FROM pg_stat_activity WHERE usename = current_user AND backend_type = 'client backend' \
                        AND application_name <> 'seaworthy'";
/// Ends them.
const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user \
                            AND backend_type = 'client backend' AND application_name <> 'seaworthy'";
/// More slots than this are not taken.
const MOST_SLOTS: usize = 1000;
/// How long a killed dependency stays away in a series.
const AWAY: Duration = Duration::from_secs(1);

/// The dependency is killed, frozen or cut off, and stays so.
pub(in crate::suite::steps) async fn is_disturbed(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let service = launch::meant(bench, word(&words, 0)?)?;
    let how = word(&words, 1)?;
    let at = match how {
        "killed" => fault::kill(stack, &service).await?,
        "frozen" => fault::freeze(stack, &service).await?,
        _ => {
            let (at, _stays_so) = fault::cut_off(stack, &service).await?;
            at
        }
    };
    world.mark(at, format!("`{service}` being {how}"))
}

/// The dependency is killed, frozen or cut off for a while. Limits count from its acceptance afterwards.
pub(in crate::suite::steps) async fn is_disturbed_for(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let service = launch::meant(bench, word(&words, 0)?)?;
    let (clock, away) = (stack.timeline().clock(), seconds(&words, 2)?);
    let back = match word(&words, 1)? {
        "killed" => {
            let at = fault::kill(stack, &service).await?;
            clock.reach(at + away).await;
            fault::revive(stack, &service).await?
        }
        "frozen" => {
            let at = fault::freeze(stack, &service).await?;
            clock.reach(at + away).await;
            fault::thaw(stack, &service).await?
        }
        _ => {
            let (at, cut_off) = fault::cut_off(stack, &service).await?;
            clock.reach(at + away).await;
            fault::join(stack, &service, cut_off).await?
        }
    };
    let accepted = accepts_again(bench, stack, &service, back, word(&words, 1)? != "frozen").await?;
    world.mark(accepted, format!("`{service}` accepting again"))
}

/// The dependency is killed and started again, so many times.
pub(in crate::suite::steps) async fn flaps(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let service = launch::meant(bench, word(&words, 0)?)?;
    moments.sessions = sessions(bench, stack).await;
    let clock = stack.timeline().clock();
    let mut accepted = Duration::ZERO;
    for _ in 0..number(&words, 1)? {
        let at = fault::kill(stack, &service).await?;
        clock.reach(at + AWAY).await;
        let back = fault::revive(stack, &service).await?;
        accepted = accepts_again(bench, stack, &service, back, true).await?;
        clock.reach(accepted + AWAY).await;
    }
    world.mark(accepted, format!("`{service}` accepting again"))
}

/// The dependency comes back at another address.
pub(in crate::suite::steps) async fn moves(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let service = launch::meant(bench, word(&words, 0)?)?;
    let moved = fault::relocate(stack, &service).await?;
    let back = moved.ok_or_else(|| Failure::not_measured(&format!("`{service}` came back at the same address")))?;
    let accepted = accepts_again(bench, stack, &service, back, true).await?;
    world.mark(accepted, format!("`{service}` accepting at another address"))
}

/// All connection slots of the database are taken, and the app loses its own: whatever it tries, it gets none.
pub(in crate::suite::steps) async fn slots_are_taken(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let service = launch::meant(bench, "the database")?;
    let database = bench.contract.dependency(&service).ok_or_else(|| Failure::not_measured("the database"))?;
    let reach = stack.service(&service)?.reach.borrow().clone();
    let reach = reach.ok_or_else(|| Failure::not_measured("the database can't be reached"))?;
    fault::begin(stack, &service, FaultKind::Exhausted);
    // Before there is no slot left for this question. Some of the app's sessions may come back between two of ours.
    for _ in 0..3 {
        take_slots(&mut moments.slots, &reach, &database.kind).await;
        // One slot for the question that ends the app's sessions.
        moments.slots.pop();
        let _ = query(&reach, &database.kind, END_SESSIONS).await;
    }
    take_slots(&mut moments.slots, &reach, &database.kind).await;
    let taken = stack.timeline().clock().now();
    world.mark(taken, format!("all slots of `{service}` being taken"))
}

/// Takes slots until there is none left.
async fn take_slots(slots: &mut Vec<OpenSession>, reach: &Reach, kind: &Kind) {
    while slots.len() < MOST_SLOTS {
        match hold(reach, kind).await {
            Ok(session) => slots.push(session),
            Err(_) => break,
        }
    }
}

/// The slots are given back.
pub(in crate::suite::steps) async fn slots_are_given_back(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let service = launch::meant(bench, "the database")?;
    moments.slots.clear();
    let at = fault::end(stack, &service, FaultKind::Exhausted);
    world.mark(at, format!("the slots of `{service}` being free"))
}

/// When a dependency serves again. One that was only frozen never stopped: its sessions are as they were.
async fn accepts_again(bench: &Bench, stack: &Stack, service: &str, back: Duration, anew: bool) -> Result<Duration, Failure> {
    if anew { launch::wait_until_accepting(bench, stack, service, back).await } else { Ok(back) }
}

/// How many sessions the app has with its database now; nothing where that can't be asked.
pub(in crate::suite::steps) async fn sessions(bench: &Bench, stack: &Stack) -> Option<usize> {
    let database = bench.contract.database()?;
    let reach = stack.service(&database.service).ok()?.reach.borrow().clone()?;
    let count = query(&reach, &database.kind, SESSIONS).await.ok()?.len();
    stack.timeline().record(Fact::Sessions { service: database.service.clone(), count });
    Some(count)
}
