//! What the image says of itself, and whether its health check is good for anything.

use std::time::Duration;

use super::answers::health_becomes;
use crate::suite::steps::{Words, seconds};
use crate::suite::{Failure, ScenarioWorld};
use crate::verdict::{self, Finding, HealthTimes, is_exec_form, is_labelled, is_well_timed};

/// The app is started without a shell in between.
pub(in crate::suite::steps) async fn is_in_exec_form(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let app = &bench.contract.app;
    let container = &stack.service(app)?.container;
    let command = bench.engine.declared(container).await?.command;
    let script = match command.first().filter(|program| program.starts_with('/')) {
        Some(program) => bench.engine.read_file(container, program).await?,
        None => None,
    };
    let script = script.map(|script| String::from_utf8_lossy(&script).into_owned());
    is_exec_form(app, &command, script.as_deref()).map_err(Failure::Failed)
}

/// The image has the labels of the OCI specification.
pub(in crate::suite::steps) async fn has_labels(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let app = &bench.contract.app;
    is_labelled(app, &bench.image_labels(app)).map_err(Failure::Failed)
}

/// The app handles the signal that its image or compose file stops it with.
pub(in crate::suite::steps) async fn handles_stop_signal(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let app = &bench.contract.app;
    if !bench.sets_stop_signal(app) {
        return Err(Failure::NotApplicable("no STOPSIGNAL is set, so it is told to stop by SIGTERM".into()));
    }
    let handled = bench.engine.handled_signals(&stack.service(app)?.container).await?.ok_or_else(out_of_sight)?;
    verdict::handles_stop_signal(app, &bench.contract.stop_signal, handled).map_err(Failure::Failed)
}

/// The ports that the image exposes are those on which the app listens.
pub(in crate::suite::steps) async fn exposes_its_ports(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let app = &bench.contract.app;
    let listening = bench.engine.listening(&stack.service(app)?.container).await?.ok_or_else(out_of_sight)?;
    let inherited = bench.base().await?.map(|base| base.exposed.iter().copied().collect()).unwrap_or_default();
    let exposed = bench.exposed_ports(app).into_iter().collect();
    verdict::exposes_its_ports(app, &exposed, &inherited, &listening).map_err(Failure::Failed)
}

fn out_of_sight() -> Failure {
    Failure::NotApplicable("the engine runs on another kernel, so its processes are out of sight".into())
}

/// The app has a health check, from the compose file or from the image.
pub(in crate::suite::steps) async fn has_health_check(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let app = &bench.contract.app;
    if bench.has_health_check(app) {
        return Ok(());
    }
    let app = app.clone();
    world.point_at_key(&app, "healthcheck");
    Err(Failure::Failed(Finding {
        expected: format!("`{app}` has a health check"),
        seen: "neither the compose file nor the image declares one".into(),
    }))
}

/// The health check passes within so many seconds of the app being ready.
pub(in crate::suite::steps) async fn health_check_passes(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    match health_becomes(world, true, seconds(&words, 0)?).await {
        Err(Failure::Failed(finding)) => {
            let (bench, stack, _) = world.stack().await?;
            let last = bench.engine.last_health_check(&stack.service(&bench.contract.app)?.container).await;
            let seen = last.map_or("its health check has not run".to_owned(), |(status, output)| {
                let output = bench.redactor.redact(&output);
                format!(
                    "its last run ended with status {status}{}",
                    if output.is_empty() { String::new() } else { format!(": {output}") }
                )
            });
            Err(Failure::Failed(Finding { seen: format!("{}; {seen}", finding.seen), ..finding }))
        }
        settled => settled,
    }
}

/// The times of the health check fit each other, the app's start and an outage.
pub(in crate::suite::steps) async fn health_check_is_well_timed(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let (bench, stack, _) = world.stack().await?;
    let app = &bench.contract.app;
    let declared = bench.engine.declared(&stack.service(app)?.container).await?.health_check;
    let declared = declared.ok_or_else(|| Failure::not_measured("the health check"))?;
    let time = |nanoseconds: i64| Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default());
    let times = HealthTimes {
        interval: time(declared.interval),
        timeout: time(declared.timeout),
        start_period: time(declared.start_period),
        retries: u32::try_from(declared.retries).unwrap_or_default(),
    };
    is_well_timed(app, times, bench.undisturbed_start).map_err(Failure::Failed)
}
