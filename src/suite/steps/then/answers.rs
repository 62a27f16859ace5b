//! What the app answers.

use std::time::Duration;

use crate::suite::error::settle;
use crate::suite::steps::{Words, number, word};
use crate::suite::{Bench, Failure, ScenarioWorld, launch};
use crate::timeline::Endpoint;
use crate::verdict::{Judged, Lasting, Wanted, answered, health_turned, never_ready_before, not_healthy_before_ready, stayed};

/// How much later than at its time-out a request may be recorded.
const MARGIN: Duration = Duration::from_secs(1);

/// No ready answer was complete before the database accepted.
pub(in crate::suite::steps) async fn not_ready_before_database(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    let bench = world.bench()?;
    let (database, limit) = (launch::meant(bench, "the database")?, bench.contract.startup_limit);
    world.expect(limit, |judged, observations, _| never_ready_before(judged, &database, observations)).await
}

/// An endpoint says this within a limit. Limits of later steps count from that answer.
pub(in crate::suite::steps) async fn within(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let endpoint = endpoint(word(&words, 0)?);
    let limit = limit(world.bench()?, word(&words, 2)?)?;
    let wanted = match word(&words, 1)? {
        "2xx" => Wanted::Success,
        status => Wanted::Status(status.parse().unwrap_or_default()),
    };
    let at = world.expect(limit, |judged, observations, over| answered(judged, (endpoint, wanted), observations, over)).await?;
    world.mark(at, format!("the first {wanted}"))
}

/// An endpoint says this all the time.
pub(in crate::suite::steps) async fn throughout(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let endpoint = endpoint(word(&words, 0)?);
    let lasting = match word(&words, 1)? {
        "answers 2xx" => Lasting::Success,
        "answers no 2xx" => Lasting::NoSuccess,
        "answers nothing but 503" => Lasting::OnlyUnavailable,
        _ => Lasting::Bounded,
    };
    let limit = Duration::from_secs(number(&words, 2)?);
    // The last request of the window may have to run into its time-out before its answer is known.
    let patience = world.bench()?.contract.probe_timeout + MARGIN;
    let judge = |judged: Judged<'_>, observations: &[_], over| {
        stayed(Judged { limit, ..judged }, (endpoint, lasting), observations, over)
    };
    world.expect(limit + patience, judge).await
}

/// The engine calls the app healthy, or unhealthy, within so many seconds.
pub(in crate::suite::steps) async fn health_turns(world: &mut ScenarioWorld, words: Words) -> Result<(), Failure> {
    let (wanted, limit) = (word(&words, 0)? == "healthy", Duration::from_secs(number(&words, 1)?));
    health_becomes(world, wanted, limit).await
}

/// Waits until the engine calls the app healthy, or unhealthy, within the limit.
pub(super) async fn health_becomes(world: &mut ScenarioWorld, wanted: bool, limit: Duration) -> Result<(), Failure> {
    let (bench, stack, moments) = world.stack().await?;
    let (app, from) = (&bench.contract.app, moments.since);
    let deadline = from + limit;
    let judge = |observations: &[_], over| health_turned(app, wanted, (from, limit), observations, over);
    settle(stack.timeline().wait(deadline, judge).await, "the engine said nothing of the app's health").map(drop)
}

/// The engine did not call the app healthy before its first ready answer.
pub(in crate::suite::steps) async fn not_healthy_too_early(world: &mut ScenarioWorld, _: Words) -> Result<(), Failure> {
    world.look_back(|bench, _, observations| not_healthy_before_ready(&bench.contract.app, observations)).await
}

fn endpoint(word: &str) -> Endpoint {
    if word == "liveness" { Endpoint::Liveness } else { Endpoint::Readiness }
}

/// A limit by its name.
fn limit(bench: &Bench, name: &str) -> Result<Duration, Failure> {
    let contract = &bench.contract;
    Ok(match name {
        "the startup limit" => contract.startup_limit,
        "the recovery limit" => contract.recovery_limit,
        "the outage limit" => contract.outage_limit,
        // A probe that was under way may have to run into its own time-out first, and the app's next one after that.
        "the outage limit and one probe" => contract.outage_limit + contract.probe_timeout,
        other => {
            let seconds = other.split(' ').next().and_then(|seconds| seconds.parse().ok());
            Duration::from_secs(seconds.ok_or_else(|| Failure::not_measured("the step's limit"))?)
        }
    })
}
