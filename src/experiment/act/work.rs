//! Units of work: one that is let alone, and one that is under way when the app is told to stop. Both commands of the contract run in the
//! app's container, and what they say goes to the timeline.

use std::time::Duration;

use tokio::time::timeout;

use crate::causes::with_causes;
use crate::engine::Ended;
use crate::experiment::{RunContext, Stage};
use crate::judge::{DISTURBED, UNDISTURBED, seconds, work_limit};
use crate::model::{Fact, Halt, UnitState};
use crate::subject::Work;
use crate::target::Instance;

/// From one question to the next.
const INTERVAL: Duration = Duration::from_millis(300);

/// A unit is put in, seen under way, and finished, with nothing disturbed: without that nothing is known of what the commands say.
pub(super) async fn finish(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    if instance.replicas(&context.contract.app).count() > 1 {
        return Err(Halt::not_applicable("the app has several replicas, and one that is not stopped may take the unit of work"));
    }
    see_under_way(context, instance, UNDISTURBED).await?;
    let limit = context.contract.startup_limit;
    let last = ask_until(context, instance, UNDISTURBED, limit, |state| *state == UnitState::Done).await?;
    if last == UnitState::Done {
        return Ok(());
    }
    let told = format!("with nothing disturbed a unit of work is not done within {}: {last}", seconds(limit));
    Err(asked_wrongly(
        told,
        "let `done` end with status 0 when the unit is finished or in its queue, or look at what keeps the app from it",
    ))
}

/// A unit is put in, and the app is at it.
pub(super) async fn begin(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    see_under_way(context, instance, DISTURBED).await
}

/// The app, which runs again, is asked for the unit that was under way, until that is done or its time is over.
pub(super) async fn look_for(stage: &mut Stage) -> Result<(), Halt> {
    let (context, instance) = stage.instance().await?;
    let limit = instance.timeline().read(|facts| work_limit(facts, &context.contract));
    ask_until(context, instance, DISTURBED, limit, |state| *state == UnitState::Done).await.map(drop)
}

/// Puts a unit in, and waits until it is neither in its queue nor finished.
async fn see_under_way(context: &RunContext, instance: &Instance, unit: u32) -> Result<(), Halt> {
    put(context, instance, unit).await?;
    let limit = context.contract.recovery_limit;
    match ask_until(context, instance, unit, limit, |state| matches!(state, UnitState::Open { .. })).await? {
        UnitState::Open { .. } => Ok(()),
        UnitState::Done => Err(Halt::not_applicable(
            "`done` never says that a unit of work is under way: let `exec` put in one that takes some seconds, and `done` end with \
             another status than 0 meanwhile",
        )),
        last => Err(Halt::not_measured(format!("whether a unit of work is under way ({last})"))),
    }
}

async fn put(context: &RunContext, instance: &Instance, unit: u32) -> Result<(), Halt> {
    let work = work(context)?;
    let sent = instance.timeline().clock().now();
    let limit = context.contract.startup_limit;
    let failed = match run(context, instance, &work.put, unit, limit).await? {
        Some(Ended::With(0, _)) => {
            instance.timeline().record(Fact::Unit { unit, sent, state: UnitState::PutIn });
            return Ok(());
        }
        Some(Ended::With(status, last)) => with_last(format!("it ends with status {status}"), &last),
        Some(Ended::NoProgram(why)) => why,
        Some(Ended::NoContainer) => return Err(Halt::not_measured("whether a unit of work can be put in: the app does not run")),
        None => format!("it does not end within {}", seconds(limit)),
    };
    let command = work.put.join(" ");
    Err(asked_wrongly(
        format!("no unit of work can be put in by `{command}`: {failed}"),
        "let `exec` put one in and end with status 0",
    ))
}

/// Asks for a unit again and again, until something is said of it or the limit is reached. Returns what was said last.
async fn ask_until(
    context: &RunContext,
    instance: &Instance,
    unit: u32,
    limit: Duration,
    is_it: impl Fn(&UnitState) -> bool,
) -> Result<UnitState, Halt> {
    let clock = instance.timeline().clock();
    let work = work(context)?;
    let mut first = None;
    loop {
        let sent = clock.now();
        let time = context.contract.probe_timeout;
        let state = match run(context, instance, &work.done, unit, time).await? {
            Some(Ended::With(0, _)) => UnitState::Done,
            Some(Ended::With(status, last)) => UnitState::Open { said: with_last(format!("status {status}"), &last) },
            Some(Ended::NoContainer) => UnitState::Unclear { reason: "the app does not run".into() },
            Some(Ended::NoProgram(why)) => {
                let command = work.done.join(" ");
                return Err(asked_wrongly(format!("`{command}` can't be run: {why}"), "name a program that is in the image"));
            }
            None => UnitState::Unclear { reason: format!("it does not end within {}", seconds(time)) },
        };
        let at = clock.now();
        instance.timeline().record_at(at, Fact::Unit { unit, sent, state: state.clone() });
        // Counted between answers, as its judge does.
        let first = *first.get_or_insert(at);
        if is_it(&state) || at.saturating_sub(first) >= limit {
            return Ok(state);
        }
        clock.reach(sent + INTERVAL).await;
    }
}

/// Runs a command of the contract in the app's container; nothing where it does not end in time.
async fn run(
    context: &RunContext,
    instance: &Instance,
    command: &[String],
    unit: u32,
    limit: Duration,
) -> Result<Option<Ended>, Halt> {
    let container = &instance.service(&context.contract.app)?.container;
    let variables = [format!("{}={unit}", Work::UNIT)];
    match timeout(limit, context.engine.exec(container, command, &variables)).await {
        Ok(Ok(ended)) => Ok(Some(ended)),
        Ok(Err(error)) => Err(Halt::not_measured(format!("a unit of work ({})", with_causes(&error)))),
        Err(_) => Ok(None),
    }
}

fn work(context: &RunContext) -> Result<&Work, Halt> {
    context.contract.work().ok_or_else(|| Halt::not_measured("the contract names no unit of work"))
}

fn with_last(told: String, last: &str) -> String {
    if last.is_empty() { told } else { format!("{told}: {last}") }
}

fn asked_wrongly(reason: String, advice: &str) -> Halt {
    Halt::CouldNotRun { reason, advice: format!("{advice} (`business` under x-seaworthy)"), service: None }
}
