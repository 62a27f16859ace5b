//! Judging a whole check: its claims one after the other, each in its own window, by the facts of its experiment.

use std::time::Duration;

use super::claim::Claim;
use super::window::{Event, Window};
use crate::model::{Fact, FactId, Finding, Halt, Observation, Outcome, Verdict};
use crate::subject::Contract;

/// What a check comes to, before waivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The verdict.
    pub verdict: Verdict,
    /// How a claim was broken, when one was.
    pub finding: Option<Finding>,
    /// Why it does not apply, or could not be run.
    pub reason: Option<String>,
}

impl Ruling {
    fn passed() -> Self {
        Self { verdict: Verdict::Passed, finding: None, reason: None }
    }

    fn failed(finding: Finding) -> Self {
        Self { verdict: Verdict::Failed, finding: Some(finding), reason: None }
    }

    fn not_applicable(reason: String) -> Self {
        Self { verdict: Verdict::NotApplicable, finding: None, reason: Some(reason) }
    }

    fn could_not_run(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::CouldNotRun, finding: None, reason: Some(reason.into()) }
    }
}

/// The window of the step that began with this fact: limits count from the last mark that was put down before it, or else from what an
/// earlier claim has found.
#[must_use]
pub fn begin<'a>(
    facts: &'a [Observation],
    step: FactId,
    carried: Option<(FactId, Duration, Event<'a>)>,
) -> (Duration, Event<'a>) {
    let marks = facts.iter().filter_map(|one| match &one.fact {
        Fact::Mark { mark } if one.id < step => Some((one.id, one.at, Event::Mark(mark))),
        _ => None,
    });
    let last: Option<(FactId, Duration, Event<'a>)> = marks.chain(carried).max_by_key(|(id, ..)| *id);
    last.map_or((Duration::ZERO, Event::Beginning), |(_, at, event)| (at, event))
}

/// Judges a check whose scenario has these lines, those that assert something with their claims, by all facts of its experiment.
#[must_use]
pub fn judge(lines: &[Option<Claim>], facts: &[Observation], contract: &Contract) -> Ruling {
    let steps: Vec<FactId> = by_number(facts).filter(|one| matches!(one.fact, Fact::Step { .. })).map(|one| one.id).collect();
    let halt = by_number(facts).find_map(|one| match &one.fact {
        Fact::Halted { halt } => Some((one.id, halt)),
        _ => None,
    });
    let mut carried = None;
    for (line, step) in lines.iter().zip(&steps) {
        let Some(claim) = line else { continue };
        // It is the performing of this step, or of an earlier one, that could not go on.
        let next = steps.iter().find(|other| *other > step).copied().unwrap_or(FactId(u32::MAX));
        if let Some((id, halt)) = halt
            && id < next
        {
            return halted(halt);
        }
        let (from, event) = begin(facts, *step, carried);
        // What a later step has done is not this claim's business.
        let end =
            facts.iter().find(|one| one.id == next).map_or(facts.len(), |one| facts.partition_point(|other| other.at <= one.at));
        let window = Window { facts: &facts[..end], contract, from, event, over: true };
        match claim.judge(&window) {
            Outcome::Held(evidence) => {
                if let (Claim::Answers { wanted, .. }, Some(first)) = (claim, evidence.first()) {
                    let at = facts.iter().find(|one| one.id == *first).map(|one| one.at);
                    carried = at.map(|at| (*step, at, Event::First(*wanted)));
                }
            }
            Outcome::Broken(finding) => {
                return match blind(facts) {
                    Some(what) => Ruling::could_not_run(format!("{what} could no longer be followed")),
                    None => Ruling::failed(finding),
                };
            }
            Outcome::NotApplicable(reason) => return Ruling::not_applicable(reason),
            Outcome::Undecided(what) => return Ruling::could_not_run(not_measured(&what)),
            Outcome::Pending => return Ruling::could_not_run(not_measured("a claim was still open at its limit")),
        }
    }
    match (halt, foreign(facts)) {
        (Some((_, halt)), _) => halted(halt),
        (None, Some(Some(error))) => Ruling::failed(Finding::new("the scenario's own steps pass", error, vec![])),
        (None, foreign) if steps.len() < lines.len() && foreign.is_none() => Ruling::could_not_run("it did not come to its end"),
        (None, _) => Ruling::passed(),
    }
}

fn not_measured(what: &str) -> String {
    match Halt::not_measured(what) {
        Halt::CouldNotRun { reason, advice, .. } => format!("{reason}. {advice}"),
        Halt::NotApplicable { reason } => reason,
    }
}

fn halted(halt: &Halt) -> Ruling {
    match halt {
        Halt::NotApplicable { reason } => Ruling::not_applicable(reason.clone()),
        Halt::CouldNotRun { reason, advice, .. } => Ruling::could_not_run(format!("{reason}. {advice}")),
    }
}

/// What could no longer be seen, so that silence proves nothing.
fn blind(facts: &[Observation]) -> Option<&str> {
    facts.iter().find_map(|one| match &one.fact {
        Fact::Blind { what } => Some(what.as_str()),
        _ => None,
    })
}

fn foreign(facts: &[Observation]) -> Option<Option<String>> {
    facts.iter().find_map(|one| match &one.fact {
        Fact::Foreign { error } => Some(error.clone()),
        _ => None,
    })
}

fn by_number(facts: &[Observation]) -> impl Iterator<Item = &Observation> {
    let mut facts: Vec<&Observation> = facts.iter().collect();
    facts.sort_by_key(|one| one.id);
    facts.into_iter()
}
