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

/// Whether a line is judged: as a claim, or as the premise of one.
pub(super) fn asserts(step: &Step) -> bool {
    sentences::keyword(step.ty) == Keyword::Then || matches!(line(step).step, Some(Read::Premise(_)))
}

/// How many lines of the background a line has to wait for, when the line before it waits for so many.
fn turn(background: &[Line], line: &Line, before: Option<usize>) -> usize {
    let phase = line.claim().map(Claim::phase).unwrap_or_default();
    if phase == Anchor::Latest {
        return before.unwrap_or(background.len());
    }
    let begins = |line: &Line| matches!(&line.step, Some(Read::Act(act)) if act.begins(phase));
    let mut beginnings = (1..=background.len()).filter(|taken| begins(&background[taken - 1]));
    let begun = beginnings.nth(phase.number()).unwrap_or(background.len());
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

#[cfg(test)]
mod tests {
    use cucumber::gherkin::{Feature, GherkinEnv};

    use super::*;

    const RULE: &str = "Feature: F
  Rule: A life
    Background:
      Given the app has no capabilities
      And the app can gain no privileges
      And the stack is ready
      When db is killed for 3 seconds
      And the app gets its stop signal
      And the app is started again

    Scenario: S
      ";

    /// The steps of a scenario with these lines: shared, and alone.
    fn orders(own: &str) -> (Vec<String>, Vec<String>) {
        let feature = Feature::parse(format!("{RULE}{own}\n"), GherkinEnv::default()).expect("Gherkin");
        let place = Place::all(&feature).next().expect("a scenario");
        let texts = |steps: Vec<Step>| steps.into_iter().map(|step| step.value).collect();
        (texts(shared(place)), texts(alone(place)))
    }

    const NO_CAPABILITIES: &str = "the app has no capabilities";
    const NO_PRIVILEGES: &str = "the app can gain no privileges";
    const READY: &str = "the stack is ready";
    const KILLED: &str = "db is killed for 3 seconds";
    const STOP: &str = "the app gets its stop signal";
    const AGAIN: &str = "the app is started again";

    #[test]
    fn a_check_needs_no_more_of_the_background_than_the_phase_that_it_is_about() {
        for (own, needs) in [
            ("readiness answers 2xx throughout 10 seconds of being ready", &[NO_CAPABILITIES, NO_PRIVILEGES, READY][..]),
            ("no process of the app runs as root", &[NO_CAPABILITIES, NO_PRIVILEGES, READY]),
            ("readiness answers 503 within 5 seconds of the outage", &[NO_CAPABILITIES, NO_PRIVILEGES, READY, KILLED]),
            ("the app exits within the stop grace period", &[NO_CAPABILITIES, NO_PRIVILEGES, READY, KILLED, STOP]),
            ("readiness answers 2xx within 5 seconds", &[NO_CAPABILITIES, NO_PRIVILEGES, READY, KILLED, STOP, AGAIN]),
            ("the app is still the same process", &[NO_CAPABILITIES, NO_PRIVILEGES, READY, KILLED, STOP, AGAIN]),
        ] {
            let (shared, alone) = orders(&format!("Then {own}"));
            assert_eq!(shared, [needs, &[own]].concat());
            assert_eq!(alone, shared);
        }
    }

    #[test]
    fn a_moment_of_which_there_are_several_has_a_number() {
        let background = "Feature: F
  Rule: R
    Background:
      Given the stack is ready
      When the app is killed
      And the app is started again
      And the app is killed
      And the app is started again
      And the app gets SIGINT

    Scenario: S
      Then the app is ready within the startup limit of its";
        for (start, taken) in [("second start", 3), ("third start", 5)] {
            let feature = Feature::parse(format!("{background} {start}\n"), GherkinEnv::default()).expect("Gherkin");
            let place = Place::all(&feature).next().expect("a scenario");
            assert_eq!(shared(place).len(), taken + 1, "{start}");
        }
    }

    #[test]
    fn claims_wait_for_those_before_them() {
        let (shared, _) = orders(
            "Then readiness answers 503 within 5 seconds of the outage\n      And the app is still the same process\n      \
             And the app exits within the stop grace period\n      And no process of the app runs as root",
        );
        assert_eq!(
            shared[3..],
            [
                KILLED,
                "readiness answers 503 within 5 seconds of the outage",
                "the app is still the same process",
                STOP,
                "the app exits within the stop grace period",
                "no process of the app runs as root",
            ]
        );
    }

    #[test]
    fn alone_a_check_has_only_the_part_that_it_is_about() {
        let claim = "readiness answers 2xx within 5 seconds of being ready";
        let (shared, alone) = orders(&format!("Given {NO_PRIVILEGES}\n      Then {claim}"));
        assert_eq!(shared, [NO_CAPABILITIES, NO_PRIVILEGES, READY, claim]);
        assert_eq!(alone, [NO_PRIVILEGES, READY, claim]);
    }
}
