//! What the app makes of its settings: tried by taking each one away, in a copy of its own.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt, future, stream};

use crate::compose::Patch;
use crate::stack::Stack;
use crate::suite::launch;
use crate::suite::setup::Setup;
use crate::suite::steps::{Words, seconds};
use crate::suite::{Bench, Failure, ScenarioWorld};
use crate::timeline::{Answer, ContainerChange, Endpoint, Fact, Observation, Timeline, last_log_lines};
use crate::verdict::{Finding, seconds as told};

/// How many settings are tried at once.
const AT_ONCE: usize = 2;

/// What an app does without a setting.
enum Outcome {
    /// It serves: the setting has a default.
    Serves,
    /// It ends, with this status.
    Ended(i64),
    /// Neither, for so long.
    Undecided(Duration),
}

/// Without each of its settings in turn the app runs all the same, or exits within so many seconds and names what is missing.
pub(in crate::suite::steps) async fn missing_settings_are_named(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let limit = seconds(&words, 0)?;
    let bench = world.bench()?;
    let app = &bench.contract.app;
    // Without its port it may serve at another one, where nobody asks.
    let port = bench.contract.port.to_string();
    let settings = bench.model.environment(app).into_iter().filter(|(_, value)| *value != port);
    let names: Vec<String> = settings.map(|(name, _)| name).collect();
    if names.is_empty() {
        return Err(Failure::NotApplicable(format!("the compose file gives `{app}` no variable")));
    }
    let tried = stream::iter(&names).map(|name| try_without(bench, name, limit)).buffered(AT_ONCE);
    let found: Vec<String> = tried.try_filter_map(future::ok).try_collect().await?;
    if found.is_empty() {
        return Ok(());
    }
    let expected =
        format!("without a setting that it needs `{app}` exits within {} with another status than 0, and names it", told(limit));
    Err(Failure::Failed(Finding { expected, seen: found.join("; ") }))
}

/// Starts a copy in which the app lacks a setting. Returns what is wrong with what it does.
async fn try_without(bench: &Bench, name: &str, limit: Duration) -> Result<Option<String>, Failure> {
    let app = &bench.contract.app;
    let timeline = Timeline::new(bench.engine.clock(), bench.redactor.clone());
    let patch = Patch::WithoutVariable { service: app.clone(), name: name.to_owned() };
    let setup = Setup { patches: vec![patch], ..Setup::default() };
    let mut stack = launch::create(bench, &timeline, &setup).await?;
    let outcome = watch(bench, &stack, limit).await;
    // The log is whole after that.
    launch::stop_observing(bench, &mut stack).await;
    let judged = outcome.map(|outcome| judge(app, name, &outcome, &timeline.observations()));
    stack.down().await?;
    judged
}

/// Starts the app with everything before it, and waits until it is ready or has ended.
async fn watch(bench: &Bench, stack: &Stack, limit: Duration) -> Result<Outcome, Failure> {
    let app = &bench.contract.app;
    let started = launch::start_app(bench, stack).await?;
    // One that needs the setting for nothing may take as long as it always does.
    let limit = limit.max(bench.undisturbed_start * 2 + limit);
    let decided = |observations: &[Observation]| {
        observations.iter().filter(|observation| observation.at >= started).find_map(|observation| match &observation.fact {
            // An answer of 404 is one of an app that serves elsewhere.
            Fact::Probe { endpoint: Endpoint::Readiness, answer: Answer::Status(200..=499), .. } => Some(Outcome::Serves),
            Fact::Container { service, change: ContainerChange::Died { exit_code, .. } } if service == app => {
                Some(Outcome::Ended(*exit_code))
            }
            _ => None,
        })
    };
    Ok(stack.timeline().first(started + limit, decided).await.unwrap_or(Outcome::Undecided(limit)))
}

fn judge(app: &str, name: &str, outcome: &Outcome, observations: &[Observation]) -> Option<String> {
    let wanted = name.to_ascii_lowercase();
    let names_it = observations.iter().any(|observation| match &observation.fact {
        Fact::Log { service, line, .. } => service == app && line.to_ascii_lowercase().contains(&wanted),
        _ => false,
    });
    let last = last_log_lines(observations, app, 1).pop().map_or_else(|| "nothing".to_owned(), |line| format!("`{line}`"));
    match outcome {
        Outcome::Serves => None,
        Outcome::Ended(status) if *status != 0 && names_it => None,
        Outcome::Ended(0) => Some(format!("without {name} it exits with status 0; its last line is {last}")),
        Outcome::Ended(status) => {
            Some(format!("without {name} it exits with status {status} and does not name it; its last line is {last}"))
        }
        Outcome::Undecided(time) => {
            Some(format!("without {name} it was neither ready nor gone after {}; its last line is {last}", told(*time)))
        }
    }
}
