//! Judging what the app answers.

use std::time::Duration;

use super::claim::{Lasting, Wanted};
use super::window::{Window, changes};
use super::words::{answers, count_exits, exits, seconds, since};
use crate::model::{Answer, ContainerChange, DependencyState, Endpoint, Fact, FactId, Observation, Outcome};

/// How long a request may be left without an answer before the app ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// A request to an endpoint and what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) id: FactId,
    pub(super) sent: Duration,
    /// When the answer was complete.
    pub(super) at: Duration,
    pub(super) answer: &'a Answer,
}

/// The requests to an endpoint, by the time of their answers.
pub(super) fn requests(facts: &[Observation], endpoint: Endpoint) -> impl DoubleEndedIterator<Item = Request<'_>> {
    facts.iter().filter_map(move |one| match &one.fact {
        Fact::Probe { endpoint: asked, sent, answer, .. } if *asked == endpoint => {
            Some(Request { id: one.id, sent: *sent, at: one.at, answer })
        }
        _ => None,
    })
}

/// Broken, with all that the endpoint answered in the window until a moment, and the app's exits.
fn broken(window: &Window<'_>, endpoint: Endpoint, until: Duration, expected: String, evidence: Vec<FactId>) -> Outcome {
    let answered = answers(window.facts, endpoint, (window.from, until));
    let seen = match exits(window.facts, window.app(), window.started(), window.from) {
        Some(exits) => format!("{answered}; {exits}"),
        None => answered,
    };
    Outcome::broken(expected, seen, evidence)
}

/// What an endpoint answered in the window until a moment, as evidence: the last answer of each kind.
fn last_of_each_kind(window: &Window<'_>, endpoint: Endpoint, until: Duration) -> Vec<FactId> {
    let mut last: Vec<(&Answer, FactId)> = vec![];
    for request in requests(window.facts, endpoint).filter(|request| request.sent >= window.from && request.at <= until) {
        last.retain(|(answer, _)| *answer != request.answer);
        last.push((request.answer, request.id));
    }
    last.into_iter().map(|(_, id)| id).collect()
}

/// An endpoint says this at least once within a limit. Held by the first such answer.
pub(super) fn answered(window: &Window<'_>, endpoint: Endpoint, wanted: Wanted, limit: Duration) -> Outcome {
    let until = window.from + limit;
    let first = requests(window.facts, endpoint)
        .find(|request| request.sent >= window.from && request.at <= until && wanted.is(request.answer));
    if let Some(request) = first {
        return Outcome::Held(vec![request.id]);
    }
    let app = window.app();
    let is_gone = count_exits(window.facts, app, window.started()) >= window.gone_after(app);
    if !window.over && !is_gone {
        return Outcome::Pending;
    }
    let expected = format!("{endpoint} answers {wanted} {}", window.within(limit));
    let evidence = last_of_each_kind(window, endpoint, until);
    broken(window, endpoint, until, expected, evidence)
}

/// An endpoint says this in the whole window, in which it is asked at least once.
///
/// What was sent before the window's end is waited for. There is one request at a time, so the end of a later one shows that all before
/// it have ended. Whether it hangs is seen late: there a request that was under way when the window began counts too.
pub(super) fn stayed(window: &Window<'_>, endpoint: Endpoint, lasting: Lasting, time: Duration) -> Outcome {
    let end = window.from + time;
    let counts = |request: &Request<'_>| {
        let begins_within = request.sent >= window.from || (lasting == Lasting::Bounded && request.at > window.from);
        begins_within && request.sent < end
    };
    let asked: Vec<Request<'_>> = requests(window.facts, endpoint).filter(counts).collect();
    if let Some(breaking) = asked.iter().find(|request| lasting.breaks(request.answer)) {
        let expected = format!("{endpoint} {lasting} throughout {} from {} on", seconds(time), window.event);
        return broken(window, endpoint, end.max(breaking.at), expected, vec![breaking.id]);
    }
    let was_asked = !asked.is_empty() || lasting.needs_no_answer();
    let is_past = requests(window.facts, endpoint).any(|request| request.at >= end);
    if (window.over || is_past) && was_asked {
        return Outcome::Held(asked.first().into_iter().chain(asked.last()).map(|request| request.id).collect());
    }
    Outcome::undecided_when(window.over, "the app gave no answer to judge by")
}

/// After the app was told to stop, nothing that it was asked is left hanging: it answers, or turns the request away.
///
/// Hanging means no answer for longer than this after the signal, until the probe's timeout or the end of the app.
pub(super) fn left_nothing_hanging(window: &Window<'_>) -> Outcome {
    let Some(stop) = window.stop() else { return super::stop::no_end(window) };
    let told = stop.told;
    let waited = |request: &Request<'_>| request.at.saturating_sub(request.sent.max(told));
    let hung = requests(window.facts, Endpoint::Readiness)
        .find(|request| matches!(request.answer, Answer::TimedOut | Answer::Broken(_)) && waited(request) > PATIENCE);
    let Some(request) = hung else { return Outcome::Held(vec![stop.sent]) };
    Outcome::broken(
        "every request after the signal is answered or refused",
        format!(
            "a request that was sent at {} was accepted and left hanging for {} after the signal: {}",
            since(told, request.sent),
            seconds(waited(&request)),
            request.answer,
        ),
        vec![stop.sent, request.id],
    )
}

/// No ready answer comes before the dependency accepts.
///
/// Broken only by proof: the answer was complete before an attempt began that the dependency turned down, or before its
/// container was started at all. That the dependency is seen to accept a little late proves nothing.
pub(super) fn never_ready_before(window: &Window<'_>, dependency: &str) -> Outcome {
    let turned_down = window.facts.iter().filter_map(|one| match &one.fact {
        Fact::Dependency { service, sent, state: DependencyState::NotAccepting { reason } } if service == dependency => {
            Some((one.id, *sent, one.at, reason.as_str()))
        }
        _ => None,
    });
    let started = changes(window.facts, dependency)
        .filter(|(_, change)| matches!(change, ContainerChange::Started { .. }))
        .map(|(one, _)| (one.id, one.at, one.at, "its container was not started yet"));
    let accepted = window.facts.iter().find(
        |one| matches!(&one.fact, Fact::Dependency { service, state: DependencyState::Accepting, .. } if service == dependency),
    );
    let ready =
        requests(window.facts, Endpoint::Readiness).find(|request| request.sent >= window.from && request.answer.is_success());
    let proof = ready.and_then(|ready| {
        // After the first acceptance a refusal is another story.
        let before = |at: Duration| accepted.is_none_or(|accepted| at < accepted.at);
        turned_down.chain(started).filter(|(_, sent, at, _)| *sent > ready.at && before(*at)).max_by_key(|(_, sent, _, _)| *sent)
    });
    if let (Some(ready), Some((id, sent, _, reason))) = (ready, proof) {
        let seen = format!(
            "the first ready answer came at {}, but at {} `{dependency}` still did not accept: {reason}",
            since(window.from, ready.at),
            since(window.from, sent),
        );
        return Outcome::broken(format!("readiness answers no 2xx before `{dependency}` accepts"), seen, vec![ready.id, id]);
    }
    match accepted {
        Some(accepted) => Outcome::Held(vec![accepted.id]),
        None => Outcome::undecided_when(window.over, format!("whether `{dependency}` accepts")),
    }
}
