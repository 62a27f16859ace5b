//! Disturbing a dependency, for good or for a while. Limits of later claims count from the disturbance, or from its end.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::engine::Reach;
use crate::experiment::act::Disturbance;
use crate::experiment::{RunContext, Stage, launch};
use crate::fault;
use crate::judge::{Anchor, Claim, Event, Window, seconds};
use crate::model::{Fact, FaultKind, Halt, Mark, Observation, Return};
use crate::probe::{OpenSession, hold, query};
use crate::subject::{Kind, Meant};
use crate::target::Instance;

/// Where the sessions of the app's user come from.
const SESSIONS: &str = "SELECT host(client_addr) FROM pg_stat_activity WHERE usename = current_user AND backend_type = 'client backend' \
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

impl Disturbance {
    fn kind(self) -> FaultKind {
        match self {
            Self::Killed => FaultKind::Killed,
            Self::Frozen => FaultKind::Frozen,
            Self::CutOff => FaultKind::CutOff,
        }
    }
}

/// The dependency is killed, frozen or cut off, and stays so.
pub(super) async fn disturb(stage: &mut Stage, dependency: &Meant, how: Disturbance) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let service = launch::meant(context, dependency)?;
    let at = match how {
        Disturbance::Killed => fault::kill(instance, &service).await?,
        Disturbance::Frozen => fault::freeze(instance, &service).await?,
        Disturbance::CutOff => {
            let (at, _stays_so) = fault::cut_off(instance, &service).await?;
            at
        }
    };
    stage.mark(at, Mark::Disturbed { service, fault: how.kind() });
    Ok(())
}

/// The dependency is killed, frozen or cut off for a while. Limits count from its acceptance afterwards.
pub(super) async fn disturb_for(stage: &mut Stage, dependency: &Meant, how: Disturbance, away: Duration) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let service = launch::meant(context, dependency)?;
    let clock = instance.timeline().clock();
    let back = match how {
        Disturbance::Killed => {
            let at = fault::kill(instance, &service).await?;
            begins(instance, at, &service, how);
            clock.reach(at + away).await;
            fault::revive(instance, &service).await?
        }
        Disturbance::Frozen => {
            let at = fault::freeze(instance, &service).await?;
            begins(instance, at, &service, how);
            clock.reach(at + away).await;
            fault::thaw(instance, &service).await?
        }
        Disturbance::CutOff => {
            let (at, cut_off) = fault::cut_off(instance, &service).await?;
            begins(instance, at, &service, how);
            clock.reach(at + away).await;
            fault::join(instance, &service, cut_off).await?
        }
    };
    // One that was only frozen never stopped: its sessions are as they were.
    let accepted = match how {
        Disturbance::Frozen => back,
        _ => launch::wait_until_accepting(context, instance, &service, back).await?,
    };
    stage.mark(accepted, Mark::Accepts { service, after: Return::Outage });
    Ok(())
}

/// Puts down that the disturbance has begun, so that claims can count from it when it is over.
fn begins(instance: &Instance, at: Duration, service: &str, how: Disturbance) {
    let mark = Mark::Disturbed { service: service.to_owned(), fault: how.kind() };
    instance.timeline().record_at(at, Fact::Mark { mark });
}

/// The dependency is killed and started again, so many times.
pub(super) async fn flap(stage: &mut Stage, dependency: &Meant, times: u64) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let service = launch::meant(context, dependency)?;
    let clock = instance.timeline().clock();
    let mut accepted = Duration::ZERO;
    for _ in 0..times {
        let at = fault::kill(instance, &service).await?;
        clock.reach(at + AWAY).await;
        let back = fault::revive(instance, &service).await?;
        accepted = launch::wait_until_accepting(context, instance, &service, back).await?;
        clock.reach(accepted + AWAY).await;
    }
    stage.mark(accepted, Mark::Accepts { service, after: Return::Outage });
    Ok(())
}

/// The dependency comes back at another address, once readiness has shown that it is away: a move may be over before readiness is asked
/// the next time, by a command or a health check. Readiness that ignores it is waited for no longer than it may take.
pub(super) async fn move_to_another_address(stage: &mut Stage, dependency: &Meant) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let service = launch::meant(context, dependency)?;
    let contract = &context.contract;
    let felt = async |from: Duration| {
        let judge = |facts: &[Observation], over| {
            Claim::OutageFelt(Anchor::Latest).judge(&Window { facts, contract, from, event: Event::Beginning, over })
        };
        if contract.readiness.can_say_unready() {
            instance.timeline().wait(from + contract.outage_limit, judge).await;
        }
    };
    let moved = fault::relocate(instance, &service, felt).await?;
    let back = moved.ok_or_else(|| Halt::not_measured(format!("`{service}` came back at the same address")))?;
    let accepted = launch::wait_until_accepting(context, instance, &service, back).await?;
    stage.mark(accepted, Mark::Accepts { service, after: Return::Move });
    Ok(())
}

/// All connection slots of the database are taken, and the app loses its own: whatever it tries, it gets none.
pub(super) async fn take_slots(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let service = launch::meant(context, &Meant::Database)?;
    let database = context.contract.dependency(&service).ok_or_else(|| Halt::not_measured("the database"))?;
    let reach = instance.service(&service)?.reach.borrow().clone();
    let reach = reach.ok_or_else(|| Halt::not_measured("the database can't be reached"))?;
    let clock = instance.timeline().clock();
    let limit = clock.now() + TAKING_LIMIT;
    let mut slots: Vec<OpenSession> = vec![];
    take_free_slots(&mut slots, &reach, &database.kind).await;
    // Only what is in force is put down.
    if !slots.is_empty() {
        fault::begin(instance, &service, FaultKind::Exhausted);
    }
    loop {
        let ours = slots.first().ok_or_else(|| Halt::not_measured("no slot of the database was free"))?;
        let asked =
            ours.query(ALL_OURS).await.map_err(|error| Halt::not_measured(format!("the slots of `{service}`: {error}")))?;
        if asked.first().is_some_and(|all| all == "t") {
            break;
        }
        let now = clock.now();
        if now > limit {
            let time = seconds(TAKING_LIMIT);
            return Err(Halt::not_measured(format!("the slots of `{service}` could not all be taken in {time}")));
        }
        // What the app has of them is freed, and taken in the next round; it may have been faster once more.
        let _ = ours.query(END_SESSIONS).await;
        clock.reach(now + ROUND).await;
        take_free_slots(&mut slots, &reach, &database.kind).await;
    }
    let taken = clock.now();
    stage.slots = slots;
    stage.mark(taken, Mark::Disturbed { service, fault: FaultKind::Exhausted });
    Ok(())
}

/// Takes slots until there is none left.
async fn take_free_slots(slots: &mut Vec<OpenSession>, reach: &Reach, kind: &Kind) {
    while slots.len() < MOST_SLOTS {
        match hold(reach, kind).await {
            Ok(session) => slots.push(session),
            Err(_) => break,
        }
    }
}

/// The slots are given back.
pub(super) async fn free_slots(stage: &mut Stage) -> Result<(), Halt> {
    stage.slots.clear();
    let (context, instance) = stage.instance().await?;
    let service = launch::meant(context, &Meant::Database)?;
    let at = fault::end(instance, &service, FaultKind::Exhausted);
    stage.mark(at, Mark::SlotsFree { service });
    Ok(())
}

/// Puts down how many sessions the app has with a dependency that is about to be killed.
pub(super) async fn count_sessions_before(stage: &mut Stage, dependency: &Meant) {
    if let Ok((context, instance)) = stage.instance().await
        && let Ok(service) = launch::meant(context, dependency)
    {
        count_sessions(context, instance, &service).await;
    }
}

/// Puts down how many sessions the app has with a dependency now: PostgreSQL says so itself, and those that come from another app are not its
/// own; of another one its established connections are counted, where the engine's kernel is in sight. Returns whether it could be counted.
pub(in crate::experiment) async fn count_sessions(context: &RunContext, instance: &Instance, service: &str) -> Option<usize> {
    let dependency = context.contract.dependency(service)?;
    let count = if let Kind::Postgres { .. } = dependency.kind {
        let reach = instance.service(service).ok()?.reach.borrow().clone()?;
        let others = addresses_of_other_apps(context, instance).await?;
        let sessions = query(&reach, &dependency.kind, SESSIONS).await.ok()?;
        let is_others = |from: &String| from.parse().is_ok_and(|address: IpAddr| others.contains(&address));
        sessions.iter().filter(|from| !is_others(from)).count()
    } else {
        let app = instance.service(&context.contract.app).ok()?.container.clone();
        let addresses = context.engine.addresses(&app).await.ok()?;
        let sockets = context.engine.sockets(&instance.service(service).ok()?.container).await.ok()??;
        sockets.connections(dependency.kind.port()?, &addresses)
    };
    instance.timeline().record(Fact::Sessions { service: service.to_owned(), count });
    Some(count)
}

/// The addresses of all other apps of the run.
async fn addresses_of_other_apps(context: &RunContext, instance: &Instance) -> Option<BTreeSet<IpAddr>> {
    let mut addresses = BTreeSet::new();
    for replica in context.other_apps.iter().flat_map(|app| instance.replicas(app)) {
        addresses.extend(context.engine.addresses(&instance.service(replica).ok()?.container).await.ok()?);
    }
    Some(addresses)
}
