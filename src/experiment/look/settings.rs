//! What the app makes of its settings: tried by taking each one away, in an instance of its own.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};

use super::inspected;
use crate::compose::Patch;
use crate::experiment::arrangement::Arrangement;
use crate::experiment::{RunContext, Stage, launch};
use crate::model::{
    Answer, ContainerChange, Endpoint, Fact, Halt, Inspection, Observation, SettingOutcome, Timeline, last_log_lines,
};
use crate::target::Instance;

/// How many settings are tried at once.
const AT_ONCE: usize = 2;
/// How many of the last lines are kept.
const LAST_LINES: usize = 10;

/// Puts down what the app does without each of its settings in turn.
pub(super) async fn take_each_away(stage: &mut Stage, limit: Duration) -> Result<(), Halt> {
    let context = stage.context();
    let app = &context.contract.app;
    // Without its port it may serve at another one, where nobody asks.
    let port = context.contract.port.to_string();
    let settings = context.model.environment(app).into_iter().filter(|(_, value)| *value != port);
    let names: Vec<String> = settings.map(|(name, _)| name).collect();
    if names.is_empty() {
        return Err(Halt::not_applicable(format!("the compose file gives `{app}` no variable")));
    }
    let tried = stream::iter(&names).map(|name| without(context, name, limit)).buffered(AT_ONCE);
    let tried: Vec<Inspection> = tried.try_collect().await?;
    for inspection in tried {
        inspected(stage, inspection);
    }
    Ok(())
}

/// Starts an instance in which the app lacks a setting.
async fn without(context: &RunContext, name: &str, limit: Duration) -> Result<Inspection, Halt> {
    let app = &context.contract.app;
    let timeline = Timeline::new(context.engine.clock(), context.redactor.clone());
    let patch = Patch::WithoutVariable { service: app.clone(), name: name.to_owned() };
    let arrangement = Arrangement { patches: vec![patch], ..Arrangement::default() };
    let mut instance = launch::create(context, &timeline, &arrangement).await?;
    let outcome = watch(context, &instance, limit).await;
    // The log is whole after that.
    launch::stop_observing(context, &mut instance).await;
    instance.down().await?;
    let observations = timeline.observations();
    let lines = lines(&observations, app, name);
    Ok(Inspection::WithoutSetting { name: name.to_owned(), outcome: outcome?, lines })
}

/// The lines of the app that name a setting, and its last ones.
fn lines(observations: &[Observation], app: &str, name: &str) -> Vec<String> {
    let all = last_log_lines(observations, app, usize::MAX);
    let (earlier, last) = all.split_at(all.len().saturating_sub(LAST_LINES));
    let wanted = name.to_ascii_lowercase();
    let naming = earlier.iter().filter(|line| line.to_ascii_lowercase().contains(&wanted)).take(LAST_LINES);
    naming.chain(last).cloned().collect()
}

/// Starts the app with everything before it, and waits until it is ready or has ended.
async fn watch(context: &RunContext, instance: &Instance, limit: Duration) -> Result<SettingOutcome, Halt> {
    let app = &context.contract.app;
    let started = launch::start_app(context, instance).await?;
    let app_start = context.undisturbed_start;
    // One that needs the setting for nothing may take as long as it always does.
    let patience = limit + app_start * 2;
    let decided = |observations: &[Observation]| {
        observations.iter().filter(|observation| observation.at >= started).find_map(|observation| match &observation.fact {
            // An answer of 404 is one of an app that serves elsewhere.
            Fact::Probe { endpoint: Endpoint::Readiness, answer: Answer::Status(200..=499), .. } => Some(SettingOutcome::Serves),
            Fact::Container { service, change: ContainerChange::Died { exit_code, .. } } if service == app => {
                Some(SettingOutcome::Ended { status: *exit_code, after: observation.at.saturating_sub(started), app_start })
            }
            _ => None,
        })
    };
    let outcome = instance.timeline().first(started + patience, decided).await;
    Ok(outcome.unwrap_or(SettingOutcome::Undecided { after: patience }))
}
