//! The app's processes, and the sessions that they have.

use std::time::Duration;

use crate::experiment::act::count_sessions;
use crate::experiment::{RunContext, Stage};
use crate::judge::Claim;
use crate::model::{ContainerChange, Fact, FactId, Halt};
use crate::subject::{Contract, Dependency, Kind};

/// From one look for zombies to the next: a little more than what a zombie may last.
const APART: Duration = Duration::from_millis(3_100);
/// From one question for sessions to the next.
const PAUSE: Duration = Duration::from_millis(100);
/// For how long after the end of the app its sessions are asked for.
const LIMIT: Duration = Duration::from_secs(1);
/// From one question for sessions that are yet to come to the next.
const SECOND: Duration = Duration::from_secs(1);

/// Whether the users of the app's processes can be read from outside.
pub(super) async fn users_can_be_read(stage: &mut Stage) -> Result<(), Halt> {
    if stage.context().engine.remaps_users().await? {
        return Err(Halt::CouldNotRun {
            reason: "the engine maps users (rootless or userns-remap): the users of its processes can't be read from outside"
                .into(),
            advice: "run this check on an engine without user mapping".into(),
            service: None,
        });
    }
    Ok(())
}

/// The zombies of the app: looked for twice.
pub(super) async fn zombies(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let (app, clock) = (&context.contract.app, instance.timeline().clock());
    for look in 0..2 {
        if look > 0 {
            clock.reach(clock.now() + APART).await;
        }
        let pids = context.engine.zombies(&instance.service(app)?.container).await?;
        let pids = pids.ok_or_else(|| Halt::not_applicable("the kernel's process table can't be read from this machine"))?;
        instance.timeline().record(Fact::Zombies { service: app.clone(), pids });
    }
    Ok(())
}

/// The dependency whose sessions are counted: the one that was disturbed, else the database.
fn counted<'a>(stage: &Stage, contract: &'a Contract) -> Option<&'a Dependency> {
    let disturbed = stage.timeline().read(|facts| {
        facts.iter().find_map(|one| match &one.fact {
            Fact::Fault { service, .. } => Some(service.clone()),
            _ => None,
        })
    });
    disturbed.and_then(|service| contract.dependency(&service)).or_else(|| contract.database())
}

/// How many sessions the app has now.
pub(super) async fn sessions(stage: &mut Stage) -> Result<(), Halt> {
    let dependency = counted(stage, &stage.context().contract).cloned();
    let (context, instance) = stage.instance().await?;
    let dependency = dependency.ok_or_else(|| Halt::not_measured("the sessions of the app"))?;
    let count = count_sessions(context, instance, &dependency.service).await;
    count.map(drop).ok_or_else(|| not_counted(context, &dependency))
}

/// How many sessions the app has with a dependency, until there is one, or something else settles the claim. Where they can't be counted,
/// something else has to.
pub(super) async fn sessions_since(stage: &mut Stage, dependency: &str, step: FactId, claim: &Claim) -> Result<(), Halt> {
    loop {
        let next = stage.timeline().clock().now() + SECOND;
        if stage.wait_until(next, step, claim).await.is_settled() {
            return Ok(());
        }
        let (context, instance) = stage.instance().await?;
        match count_sessions(context, instance, dependency).await {
            Some(0) => {}
            _ => return Ok(()),
        }
    }
}

fn not_counted(context: &RunContext, dependency: &Dependency) -> Halt {
    let (app, service) = (&context.contract.app, &dependency.service);
    match dependency.kind {
        Kind::Postgres { .. } => Halt::not_measured(format!("the sessions of `{app}` with `{service}`")),
        _ => Halt::not_applicable(format!("the sessions of `{app}` with `{service}` can't be counted from this machine")),
    }
}

/// How many sessions are left after the app's end, until there are none or the time is over.
pub(super) async fn sessions_after_end(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let clock = instance.timeline().clock();
    let app = &context.contract.app;
    let is_end =
        |fact: &Fact| matches!(fact, Fact::Container { service, change: ContainerChange::Died { .. } } if service == app);
    let ended = instance.timeline().read(|facts| facts.iter().rev().find(|one| is_end(&one.fact)).map(|one| one.at));
    let ended = ended.ok_or_else(|| Halt::not_measured("the end of the app"))?;
    let database = context.contract.database().ok_or_else(|| Halt::not_measured("the database"))?;
    loop {
        let looked = clock.now();
        let left = count_sessions(context, instance, &database.service).await;
        if left == Some(0) || looked > ended + LIMIT {
            return Ok(());
        }
        clock.reach(looked + PAUSE).await;
    }
}
