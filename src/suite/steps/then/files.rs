//! What stands in the compose file, and what stays in a volume.

use std::time::Duration;

use serde_json::Value;

use crate::compose::Condition;
use crate::probe::query;
use crate::suite::steps::Words;
use crate::suite::{Failure, ScenarioWorld, launch};
use crate::verdict::Finding;

/// The row that is written; the table has a name that no app uses.
const WRITE: &str = "CREATE TABLE seaworthy_survives (id int); INSERT INTO seaworthy_survives VALUES (42)";
const READ: &str = "SELECT id FROM seaworthy_survives";
/// From one question to the next while a database starts.
const PAUSE: Duration = Duration::from_millis(100);

/// The app is started only when each dependency is healthy, and each says whether it is.
pub(in crate::suite::steps) async fn order_is_declared(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let app = &bench.contract.app;
    let needs = bench.model.needs(app);
    for dependency in &bench.contract.dependencies {
        let service = dependency.service.as_str();
        let condition = needs.iter().find(|(name, _)| *name == service).map(|(_, condition)| *condition);
        let (at, seen) = match condition {
            None => ((app, "depends_on"), format!("`depends_on` of `{app}` does not name `{service}`")),
            Some(Condition::Started) => {
                ((app, "depends_on"), format!("`{app}` waits only until `{service}` is started, not until it serves"))
            }
            Some(_) if !bench.has_health_check(service) => {
                ((&dependency.service, "healthcheck"), format!("`{service}` has no health check to wait for"))
            }
            Some(_) => continue,
        };
        let expected = format!("`{app}` has `depends_on: {service}: condition: service_healthy`, and `{service}` a health check");
        let (at, key) = (at.0.clone(), at.1);
        world.point_at_key(&at, key);
        return Err(Failure::Failed(Finding { expected, seen }));
    }
    Ok(())
}

/// The data directory of the database is on a volume with a name, or bound from outside.
pub(in crate::suite::steps) async fn data_is_on_a_volume(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let database = launch::meant(bench, "the database")?;
    let folder = bench
        .data_folder(&database)
        .ok_or_else(|| Failure::NotApplicable(format!("where `{database}` keeps its data is not known")))?;
    let mounts = bench.model.service(&database).and_then(|service| service.get("volumes")?.as_array());
    let holds = |mount: &&Value| {
        let target = mount.get("target").and_then(Value::as_str).unwrap_or_default().trim_end_matches('/');
        let is_lasting = mount.get("source").and_then(Value::as_str).is_some_and(|source| !source.is_empty());
        is_lasting && (folder == target || folder.starts_with(&format!("{target}/")))
    };
    if mounts.into_iter().flatten().any(|mount| holds(&mount)) {
        return Ok(());
    }
    world.point_at_key(&database, "volumes");
    Err(Failure::Failed(Finding {
        expected: format!("{folder} of `{database}` is on a volume with a name, or bound from outside"),
        seen: "`volumes` has nothing there: the data goes with the container".into(),
    }))
}

/// A row is written, the container of the database is removed and created again, and the row is looked for.
pub(in crate::suite::steps) async fn row_survives(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack_to_change().await?;
    let service = launch::meant(bench, "the database")?;
    let database = bench.contract.dependency(&service).ok_or_else(|| Failure::not_measured("the database"))?;
    let clock = stack.timeline().clock();
    let reach = |stack: &crate::stack::Stack| stack.service(&service).ok()?.reach.borrow().clone();
    let here = reach(stack).ok_or_else(|| Failure::not_measured("the database can't be reached"))?;
    query(&here, &database.kind, WRITE)
        .await
        .map_err(|error| Failure::not_measured(&format!("a row could not be written: {error}")))?;

    stack.replace(&service).await?;
    let started = stack.start(&service).await?;
    let deadline = started + bench.contract.startup_limit;
    let mut error = "its container never had an address".to_owned();
    while clock.now() < deadline {
        let asked = clock.now();
        if let Some(here) = reach(stack) {
            match query(&here, &database.kind, READ).await {
                Ok(rows) if rows == ["42"] => return Ok(()),
                Ok(_) => return Err(lost(&service, "the table is empty")),
                Err(answer) if answer.contains("does not exist") && answer.contains("relation") => {
                    return Err(lost(&service, "the table is gone"));
                }
                // Without its data it may turn the login down while it initialises.
                Err(answer) => error = answer,
            }
        }
        clock.reach(asked + PAUSE).await;
    }
    Err(Failure::not_measured(&format!("`{service}` did not accept again: {error}")))
}

fn lost(service: &str, seen: &str) -> Failure {
    Failure::Failed(Finding {
        expected: format!("a row that was written is there when the container of `{service}` is replaced"),
        seen: seen.to_owned(),
    })
}
