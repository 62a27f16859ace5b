//! Turns: the order in which the lines of an experiment are taken that several checks share.
//!
//! A check asserts something as soon as the background has come to the phase that its claims count from, not at the end of everything, and
//! needs no more of the background than that.

use cucumber::gherkin::Step;

use super::{Place, line, sentences};
use crate::experiment::{Line, Step as Read};
use crate::judge::{Anchor, Claim};
use crate::model::Keyword;

/// What a scenario under a rule consists of.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// What of the background the check is about: all of it where it says nothing.
    pub(super) givens: Vec<Step>,
    /// What it asserts, each with the number of lines of the background that are taken before.
    pub(super) claims: Vec<(usize, Step)>,
}

/// The parts of a scenario that has this background.
pub(super) fn parts(background: &[Step], own: &[Step]) -> Parts {
    let (givens, claims): (Vec<Step>, Vec<Step>) = own.iter().cloned().partition(|step| !asserts(step));
    let background: Vec<Line> = background.iter().map(line).collect();
    let mut before = None;
    let claims = claims.into_iter().map(|step| {
        let turn = turn(&background, &line(&step), before);
        before = Some(turn);
        (turn, step)
    });
    Parts { givens, claims: claims.collect() }
}

fn asserts(step: &Step) -> bool {
    sentences::keyword(step.ty) == Keyword::Then
}

/// How many lines of the background a line has to wait for, when the line before it waits for so many.
fn turn(background: &[Line], line: &Line, before: Option<usize>) -> usize {
    let phase = line.claim().map(Claim::phase).unwrap_or_default();
    if phase == Anchor::Latest {
        return before.unwrap_or(background.len());
    }
    let begins = |line: &Line| matches!(&line.step, Some(Read::Act(act)) if act.begins(phase));
    let begun = background.iter().position(begins).map_or(background.len(), |index| index + 1);
    begun.max(before.unwrap_or_default())
}

/// A background and what is asserted in between, in the order in which they are taken, as far as a check needs them.
pub(super) fn in_order<T: Clone>(background: &[T], claims: &[(usize, T)]) -> Vec<T> {
    let mut taken = 0;
    let mut all = vec![];
    for (turn, claim) in claims {
        all.extend(background[taken..*turn].iter().cloned());
        taken = *turn;
        all.push(claim.clone());
    }
    all
}

/// The steps of a scenario that has an instance of the stack of its own, in the order in which they are taken.
#[must_use]
pub fn alone(place: Place<'_>) -> Vec<Step> {
    let background: Vec<Step> = place.background().cloned().collect();
    let own = &place.scenario.steps;
    if place.rule.is_none() {
        return [&background[..], own].concat();
    }
    let Parts { givens, .. } = parts(&background, own);
    let background = if givens.is_empty() { background } else { with_only(&background, givens) };
    let Parts { claims, .. } = parts(&background, own);
    in_order(&background, &claims)
}

/// The steps of a scenario in an experiment that it shares, without those that only other checks need.
#[must_use]
pub fn shared(place: Place<'_>) -> Vec<Step> {
    let background: Vec<Step> = place.background().cloned().collect();
    let Parts { claims, .. } = parts(&background, &place.scenario.steps);
    in_order(&background, &claims)
}

/// A background in which these stand in the place of all that it says of the instance.
fn with_only(background: &[Step], givens: Vec<Step>) -> Vec<Step> {
    let others = background.iter().filter(|step| !is_arrangement(step)).cloned();
    givens.into_iter().chain(others).collect()
}

fn is_arrangement(step: &Step) -> bool {
    matches!(line(step).step, Some(Read::Act(act)) if act.is_arrangement())
}
