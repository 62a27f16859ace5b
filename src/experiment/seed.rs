//! Seeds: what a PostgreSQL has on its disk after its first boot, before any app was there. An experiment that does not test a first boot
//! begins with that: the boot is the dearest part of an instance, and the same each time.

use std::time::Duration;

use super::arrangement::Arrangement;
use super::{RunContext, launch};
use crate::engine::Folder;
use crate::judge::{Awaited, completed};
use crate::model::{Halt, Outcome, Timeline};
use crate::subject::{Dependency, Kind};
use crate::target::Instance;

/// For fewer experiments than this it is no gain.
pub(super) const WORTH: usize = 4;
/// A larger one is not worth it.
const LARGEST: usize = 64 << 20;
/// How long a database may take to stop.
const STOP_LIMIT: i32 = 30;
/// How long it may take until its end is known.
const END_LIMIT: Duration = Duration::from_secs(5);

/// The data of a service.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    pub(super) service: String,
    pub(super) folder: Folder,
}

/// Boots every PostgreSQL of the contract that has no seed yet once in an instance of its own, stops it, and reads its data. One that does not stop by itself, or
/// whose data is not where it belongs, has no seed: then each of its instances boots anew.
pub(super) async fn take(context: &RunContext) -> Result<Vec<Seed>, Halt> {
    let is_new = |one: &&Dependency| context.seeds.iter().all(|seed| seed.service != one.service);
    let services = context.contract.dependencies.iter().filter(is_new).filter_map(|one| seeded(context, one));
    let services: Vec<(&str, String)> = services.collect();
    if services.is_empty() {
        return Ok(vec![]);
    }
    let timeline = Timeline::new(context.engine.clock(), context.redactor.clone());
    let arrangement = Arrangement { is_quiet: true, ..Arrangement::default() };
    let instance = launch::create(context, &timeline, &arrangement).await?;
    let seeds = boot(context, &instance, services).await;
    instance.down().await?;
    seeds
}

async fn boot(context: &RunContext, instance: &Instance, services: Vec<(&str, String)>) -> Result<Vec<Seed>, Halt> {
    let mut seeds = vec![];
    for (service, path) in services {
        let started = instance.start(service).await?;
        launch::wait_until_accepting(context, instance, service, started).await?;
        let container = &instance.service(service)?.container;
        context.engine.stop(container, STOP_LIMIT).await?;
        if ended_by_itself(instance, service, started).await {
            let folder = context.engine.folder(container, &path, LARGEST).await?;
            seeds.extend(folder.map(|folder| Seed { service: service.to_owned(), folder }));
        }
    }
    Ok(seeds)
}

/// Gives every database of an instance that was not started yet the data that it has after its first boot. One that has no place for them
/// before its first boot boots anew.
pub(super) async fn put(context: &RunContext, seeds: &[Seed], instance: &Instance) -> Result<(), Halt> {
    for seed in seeds {
        match context.engine.put(&instance.service(&seed.service)?.container, &seed.folder).await {
            Err(error) if !error.is_absence() => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// The service and the data folder of a dependency that can have a seed: it has to start without any other, and its data may be written and
/// are its own.
fn seeded<'a>(context: &RunContext, dependency: &'a Dependency) -> Option<(&'a str, String)> {
    let service = dependency.service.as_str();
    if context.is_serial {
        return None;
    }
    let is_read_only = context.model.service(service)?.get("read_only") == Some(&true.into());
    let is_alone = context.model.needs(service).is_empty() && context.model.replicas(service) == 1;
    let is_seeded = matches!(dependency.kind, Kind::Postgres { .. }) && is_alone && !is_read_only;
    let path = context.data_folder(service).filter(|_| is_seeded)?;
    Some((service, path))
}

/// Whether a service that was stopped has ended with status 0.
async fn ended_by_itself(instance: &Instance, service: &str, since: Duration) -> bool {
    let awaited = Awaited { service, since, limit: END_LIMIT };
    let limit = instance.timeline().clock().now() + END_LIMIT;
    matches!(instance.timeline().wait(limit, |facts, over| completed(awaited, facts, over)).await, Outcome::Held(_))
}
