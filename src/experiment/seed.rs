//! Seeds: what a PostgreSQL has on its disk after its first boot, before any app was there. An experiment that does not test a first boot
//! begins with that: the boot is the dearest part of an instance, and the same each time.
//!
//! What the app waits for to complete, as a migration, is done by then, as far as all that it does is in these databases: an app that is started
//! without its database would else meet one without its tables, which Compose never lets it.

use std::time::Duration;

use super::arrangement::Arrangement;
use super::{RunContext, launch};
use crate::compose::{Condition, Model};
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

/// All seeds of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Seeds {
    pub(super) data: Vec<Seed>,
    /// The one-shot services whose work is in the data.
    pub(super) done: Vec<String>,
}

impl Seeds {
    /// These and others.
    pub(super) fn extend(&mut self, others: Self) {
        self.data.extend(others.data);
        self.done.extend(others.done);
    }
}

/// Boots every PostgreSQL of the contract that has no seed yet once in an instance of its own, stops it, and reads its data. One that does not stop by itself, or
/// whose data is not where it belongs, has no seed: then each of its instances boots anew.
pub(super) async fn take(context: &RunContext) -> Result<Seeds, Halt> {
    let is_new = |one: &&Dependency| context.seeds.data.iter().all(|seed| seed.service != one.service);
    let services = context.contract.dependencies.iter().filter(is_new).filter_map(|one| seeded(context, one));
    let services: Vec<(&str, String)> = services.collect();
    if services.is_empty() {
        return Ok(Seeds::default());
    }
    let timeline = Timeline::new(context.engine.clock(), context.redactor.clone());
    let arrangement = Arrangement { is_quiet: true, ..Arrangement::default() };
    let instance = launch::create(context, &timeline, &arrangement).await?;
    let seeds = boot(context, &instance, services).await;
    instance.down().await?;
    seeds
}

async fn boot(context: &RunContext, instance: &Instance, services: Vec<(&str, String)>) -> Result<Seeds, Halt> {
    let mut seeds = Seeds::default();
    for (service, _) in &services {
        let started = instance.start(service).await?;
        launch::wait_until_accepting(context, instance, service, started).await?;
    }
    let names: Vec<&str> = services.iter().map(|(service, _)| *service).collect();
    for one_shot in one_shots(&context.model, &context.contract.app, &names) {
        launch::complete(context, instance, &one_shot).await?;
        seeds.done.push(one_shot);
    }
    for (service, path) in services {
        let stopped = instance.timeline().clock().now();
        let container = &instance.service(service)?.container;
        context.engine.stop(container, STOP_LIMIT).await?;
        let is_whole = ended_by_itself(instance, service, stopped).await;
        let folder = if is_whole { context.engine.folder(container, &path, LARGEST).await? } else { None };
        match folder {
            Some(folder) => seeds.data.push(Seed { service: service.to_owned(), folder }),
            // What was done in it is lost.
            None => seeds.done.clear(),
        }
    }
    Ok(seeds)
}

/// Whether there is a one-shot service whose work may be in a seed.
pub(super) fn has_one_shots(context: &RunContext) -> bool {
    let seeded: Vec<&str> = context.contract.dependencies.iter().filter_map(|one| Some(seeded(context, one)?.0)).collect();
    !one_shots(&context.model, &context.contract.app, &seeded).is_empty()
}

/// The one-shot services that the app waits for, in the order in which they start, which need nothing but these databases and each other, and
/// leave nothing elsewhere.
fn one_shots(model: &Model, app: &str, seeded: &[&str]) -> Vec<String> {
    let mut awaited: Vec<&str> = vec![app];
    let mut next = 0;
    while let Some(service) = awaited.get(next).copied() {
        let completed = model.needs(service).into_iter().filter(|(_, condition)| *condition == Condition::Completed);
        let new: Vec<&str> = completed.map(|(name, _)| name).filter(|name| !awaited.contains(name)).collect();
        awaited.extend(new);
        next += 1;
    }
    let mut found: Vec<String> = vec![];
    for service in model.start_order().into_iter().filter(|one| awaited[1..].contains(&one.as_str())) {
        let needs = model.needs(&service);
        let is_there = |name: &str| seeded.contains(&name) || found.iter().any(|one| one == name);
        let mounts = model.service(&service).and_then(|definition| definition.get("volumes")?.as_array());
        let keeps_to_them = mounts.into_iter().flatten().all(|mount| mount["read_only"] == true);
        if keeps_to_them && needs.iter().any(|(name, _)| is_there(name)) && needs.iter().all(|(name, _)| is_there(name)) {
            found.push(service);
        }
    }
    found
}

/// Gives every database of an instance that was not started yet the data that it has after its first boot. One that has no place for them
/// before its first boot boots anew. Returns whether each has its data.
pub(super) async fn put(context: &RunContext, seeds: &[Seed], instance: &Instance) -> Result<bool, Halt> {
    let mut has_all = true;
    for seed in seeds {
        match context.engine.put(&instance.service(&seed.service)?.container, &seed.folder).await {
            Err(error) if !error.is_absence() => return Err(error.into()),
            put => has_all &= put.is_ok(),
        }
    }
    Ok(has_all)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::ComposeFile;

    #[test]
    fn a_one_shot_is_done_once_where_all_that_it_leaves_is_in_a_seed() {
        let completed = json!({"condition": "service_completed_successfully"});
        let healthy = json!({"condition": "service_healthy"});
        let services = json!({
            "app": {"depends_on": {"fill": completed, "assets": completed, "index": completed, "db": healthy}},
            "fill": {"depends_on": {"migrate": completed}, "volumes": [{"type": "bind", "read_only": true}]},
            "migrate": {"depends_on": {"db": healthy}},
            "assets": {"depends_on": {"db": healthy}, "volumes": [{"type": "volume", "source": "static"}]},
            "index": {"depends_on": {"db": healthy, "search": healthy}},
            "report": {"depends_on": {"db": healthy}}, "db": {}, "search": {},
        });
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), json!({"services": services})).expect("has services");
        assert_eq!(one_shots(&model, "app", &["db"]), ["migrate", "fill"]);
        assert!(one_shots(&model, "app", &[]).is_empty());
    }
}
