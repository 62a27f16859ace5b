//! What the app makes of its settings: tried by taking one away after the other.

use std::time::Duration;

use super::inspected;
use crate::compose::{Model, Patch};
use crate::experiment::arrangement::Arrangement;
use crate::experiment::{RunContext, Stage, launch};
use crate::judge::names_setting;
use crate::model::{
    Answer, ContainerChange, Endpoint, Fact, FactId, Halt, Inspection, Observation, SettingOutcome, Timeline, last_log_lines,
};
use crate::probe::{catch_up_logs, watch_app};
use crate::target::Instance;

/// In how many instances settings are tried at once.
const AT_ONCE: usize = 2;
/// So many settings need but one.
const FEW: usize = 6;
/// How many of the last lines are kept.
const LAST_LINES: usize = 10;

/// Puts down what the app does without each of its settings in turn.
pub(super) async fn take_each_away(stage: &mut Stage, limit: Duration) -> Result<(), Halt> {
    let context = stage.context();
    let app = &context.contract.app;
    // Without its port it may serve at another one, where nobody asks.
    let port = context.contract.port_of(&context.contract.readiness).map(|port| port.to_string());
    let mut settings = context.model.environment(app);
    settings.retain(|(_, value)| port.as_ref() != Some(value));
    if settings.is_empty() {
        return Err(Halt::not_applicable(format!("the compose file gives `{app}` no variable")));
    }
    let line = command_line(&context.model, app);
    settings.retain(|(_, value)| !is_given_by(&line, value));
    if settings.is_empty() {
        return Err(Halt::not_applicable(format!("the command line of `{app}` repeats the value of each of its variables")));
    }
    let names: Vec<String> = settings.into_iter().map(|(name, _)| name).collect();
    let at_once = if context.is_serial { 1 } else { AT_ONCE };
    let length = if at_once == 1 { names.len() } else { names.len().div_ceil(at_once).max(FEW) };
    let tried = names.chunks(length).map(|names| without_each(context, names, limit));
    for inspections in futures::future::join_all(tried.collect::<Vec<_>>()).await {
        for inspection in inspections? {
            inspected(stage, inspection);
        }
    }
    Ok(())
}

/// The words of the command that the compose file gives to a service.
fn command_line(model: &Model, service: &str) -> Vec<String> {
    let list = |key: &str| model.service(service).and_then(|service| service.get(key)?.as_array()).into_iter().flatten();
    let texts = list("entrypoint").chain(list("command")).filter_map(|text| text.as_str());
    let words = texts.flat_map(|text| text.split(|character: char| character.is_whitespace() || "'\"=".contains(character)));
    words.map(|word| word.replace("$$", "$")).collect()
}

/// Whether a command line says again what a variable says: without the variable, nothing is missing. A short value may mean something
/// else there.
fn is_given_by(line: &[String], value: &str) -> bool {
    const SHORTEST: usize = 6;
    value.len() >= SHORTEST && line.iter().any(|word| word == value)
}

/// Tries the app without one setting after the other. As long as it exits and names the setting it has not come far, and the next one is tried
/// in the same instance, whose dependencies are started once. What else it does counts only where it has done it in a fresh instance: what
/// an earlier try has left in a database may help or hinder it.
async fn without_each(context: &RunContext, names: &[String], limit: Duration) -> Result<Vec<Inspection>, Halt> {
    let mut tried = vec![];
    while tried.len() < names.len() {
        let patches = vec![Patch::OneReplica { service: context.contract.app.clone() }];
        let timeline = Timeline::new(context.engine.clock(), context.redactor.clone());
        let arrangement = Arrangement { patches, is_quiet: true, ..Arrangement::default() };
        let mut instance = launch::create(context, &timeline, &arrangement).await?;
        let more = without_some(context, &mut instance, &names[tried.len()..], limit).await;
        instance.down().await?;
        tried.extend(more?);
    }
    Ok(tried)
}

/// The same in one instance, as far as it goes: at least for the first setting.
async fn without_some(
    context: &RunContext,
    instance: &mut Instance,
    names: &[String],
    limit: Duration,
) -> Result<Vec<Inspection>, Halt> {
    let app = &context.contract.app;
    launch::start_before_app(context, instance).await?;
    let mut tried = vec![];
    for name in names {
        let change = Patch::WithoutVariable { service: app.clone(), name: name.clone() };
        instance.replace_by(app, &[change]).await?;
        let inspection = without(context, instance, name, limit).await?;
        let is_named = names_it(&inspection);
        if is_named || tried.is_empty() {
            tried.push(inspection);
        }
        if !is_named {
            break;
        }
    }
    Ok(tried)
}

/// Whether the app has exited, and named the setting that it lacked.
fn names_it(inspection: &Inspection) -> bool {
    let Inspection::WithoutSetting { name, outcome: SettingOutcome::Ended { .. }, lines } = inspection else { return false };
    lines.iter().any(|line| names_setting(line, name))
}

/// Starts the app of an instance, which lacks a setting, and puts down how it ended and what it wrote.
async fn without(context: &RunContext, instance: &mut Instance, name: &str, limit: Duration) -> Result<Inspection, Halt> {
    let contract = &context.contract;
    let app = &contract.app;
    let container = instance.service(app)?.container.clone();
    let probe = launch::probe(context, Endpoint::Readiness, &container).ok_or_else(|| Halt::not_measured("readiness"))?;
    let reach = instance.service(app)?.reach.clone();
    let timeline = instance.timeline().clone();
    let known = timeline.read(|facts| facts.iter().map(|one| one.id).max());
    let started = instance.start(app).await?;
    let probing = tokio::spawn(watch_app(probe, context.engine.clone(), reach, timeline.clone()));
    let outcome = watch(context, instance, started, limit).await;
    probing.abort();
    // Without the setting it may serve its own container only, which is a default like another.
    let outcome = match outcome {
        SettingOutcome::Undecided { .. } => {
            let container = &instance.service(app)?.container;
            let within = context.engine.listening_within(container).await?.unwrap_or_default();
            let beyond = context.engine.listening(container).await?.unwrap_or_default();
            let is_private = contract.port.is_some_and(|port| within.contains(&port) && !beyond.contains(&port));
            if is_private { SettingOutcome::Serves } else { outcome }
        }
        decided => decided,
    };
    // The log is whole after that.
    catch_up_logs(&context.engine, app, &instance.service(app)?.container, &timeline).await;
    let observations = arrived_after(timeline.observations(), known);
    Ok(Inspection::WithoutSetting { name: name.to_owned(), outcome, lines: lines(&observations, app, name) })
}

/// What arrived after a fact. What a program writes at once is older than the engine's word of its start.
fn arrived_after(mut observations: Vec<Observation>, known: Option<FactId>) -> Vec<Observation> {
    observations.retain(|one| known.is_none_or(|known| one.id > known));
    observations
}

/// The lines of the app that name a setting, and its last ones.
fn lines(observations: &[Observation], app: &str, name: &str) -> Vec<String> {
    let all = last_log_lines(observations, app, usize::MAX);
    let (earlier, last) = all.split_at(all.len().saturating_sub(LAST_LINES));
    let naming = earlier.iter().filter(|line| names_setting(line, name)).take(LAST_LINES);
    naming.chain(last).cloned().collect()
}

/// Waits until an app that was just started is ready or has ended. On a busy machine one that still works when the limit is over is starting.
async fn watch(context: &RunContext, instance: &Instance, started: Duration, limit: Duration) -> SettingOutcome {
    let (app, timeline) = (&context.contract.app, instance.timeline());
    let app_start = context.undisturbed_start;
    // One that needs the setting for nothing may take as long as it always does.
    let patience = limit + app_start * 2;
    let decided = |observations: &[Observation]| {
        observations.iter().filter(|observation| observation.at >= started).find_map(|observation| match &observation.fact {
            // An answer of 404 is one of an app that serves elsewhere.
            Fact::Probe { endpoint: Endpoint::Readiness, answer: Answer::Status(200..=499) | Answer::Ready, .. } => {
                Some(SettingOutcome::Serves)
            }
            Fact::Container { service, change: ContainerChange::Died { exit_code, .. } } if service == app => {
                Some(SettingOutcome::Ended { status: *exit_code, after: observation.at.saturating_sub(started), app_start })
            }
            _ => None,
        })
    };
    if let Some(outcome) = timeline.first(started + patience, decided).await {
        return outcome;
    }
    let idle = launch::idle_from(context, instance, started + patience, started + context.start_limit().max(patience)).await;
    let outcome = timeline.first(idle + context.contract.probe_timeout, decided).await;
    outcome.unwrap_or(SettingOutcome::Undecided { after: idle.saturating_sub(started) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::compose::ComposeFile;
    use crate::model::LogStream;
    use crate::redact::Redactor;

    #[test]
    fn what_is_written_at_once_is_older_than_the_word_of_the_start() {
        let timeline = Timeline::new(Clock::start(), Redactor::default());
        let log = |line: &str| Fact::Log { service: "app".into(), stream: LogStream::Stderr, line: line.into(), is_cut: false };
        let known = timeline.record_at(Duration::from_millis(900), log("of the container before"));
        let started = ContainerChange::Started { pid: None };
        timeline.record_at(Duration::from_secs(1), Fact::Container { service: "app".into(), change: started });
        timeline.record_at(Duration::from_millis(990), log("DB_URL is not set"));
        let own = arrived_after(timeline.observations(), Some(known));
        assert_eq!(lines(&own, "app", "DB_URL"), ["DB_URL is not set"]);
        assert_eq!(arrived_after(timeline.observations(), None).len(), 3);
    }

    #[test]
    fn what_the_command_says_again_is_not_missing() {
        let value = json!({"services": {
            "app": {"command": ["mlflow", "server", "--port", "5000", "--store=postgresql://mlflow:p$$w@db/mlflow"]},
            "shell": {"entrypoint": ["sh", "-c"], "command": ["exec serve --log 'warning' --workers 4"]},
            "plain": {},
        }});
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value).expect("has services");
        for (service, value, is_given) in [
            ("app", "postgresql://mlflow:p$w@db/mlflow", true),
            ("app", "postgresql://mlflow:p$w@db/other", false),
            ("app", "5000", false),
            ("shell", "warning", true),
            ("shell", "4", false),
            ("plain", "warning", false),
        ] {
            assert_eq!(is_given_by(&command_line(&model, service), value), is_given, "{service} {value}");
        }
    }
}
