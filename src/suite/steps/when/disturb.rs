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
use crate::verdict;

/// The sessions of the app, and nobody else's.
const SESSIONS: &str = "SELECT pid FROM pg_stat_activity WHERE usename = current_user AND backend_type = 'client backend' \
                        AND application_name <> 'seaworthy'";
/// Ends them.
const END_SESSIONS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user \
                            AND backend_type = 'client backend' AND application_name <> 'seaworthy'";
/// Whether every slot that is free for the app's user is taken by us. A session that still logs in takes a slot and is not listed,
/// so ours are counted against what there is, less what other users have.
const ALL_OURS: &str = "SELECT count(*) FILTER (WHERE application_name = 'seaworthy') >= least( \
    nullif((SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user AND NOT rolsuper), -1), \
    nullif((SELECT datconnlimit FROM pg_database WHERE datname = current_database()), -1), \
    current_setting('max_connections')::int \
        - CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN 0 \
               ELSE current_setting('superuser_reserved_connections')::int \
                    + coalesce(current_setting('reserved_connections', true), '0')::int END \
        - count(*) FILTER (WHERE usename <> current_user)) \
    FROM pg_stat_activity WHERE backend_type = 'client backend'";
/// More slots than this are not taken.
const MOST_SLOTS: usize = 1000;
/// How long it may take until all are taken: the app reaches for them too.
const TAKING_LIMIT: Duration = Duration::from_secs(20);
/// From one round to the next.
const ROUND: Duration = Duration::from_millis(10);
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
    let clock = stack.timeline().clock();
    let limit = clock.now() + TAKING_LIMIT;
    loop {
        take_slots(&mut moments.slots, &reach, &database.kind).await;
        let ours = moments.slots.first().ok_or_else(|| Failure::not_measured("no slot of the database was free"))?;
        let asked =
            ours.query(ALL_OURS).await.map_err(|error| Failure::not_measured(&format!("the slots of `{service}`: {error}")))?;
        if asked.first().is_some_and(|all| all == "t") {
            break;
        }
        let now = clock.now();
        if now > limit {
            return Err(Failure::not_measured(&format!(
                "the slots of `{service}` could not all be taken in {}",
                verdict::seconds(TAKING_LIMIT)
            )));
        }
        // What the app has of them is freed, and taken in the next round; it may have been faster once more.
        let _ = ours.query(END_SESSIONS).await;
        clock.reach(now + ROUND).await;
    }
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
