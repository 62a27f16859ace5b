//! Concluding: what a check comes to, by the facts of its experiment, and its record.

use std::time::Duration;

use crate::experiment::{Line, RunContext};
use crate::gherkin::Planned;
use crate::judge::{Claim, Ruling, judge};
use crate::model::{CheckRecord, Observation, Timeline, Verdict};
use crate::subject::{Contract, Waiver};

/// What a check came to, with all that was observed.
#[derive(Clone, Debug)]
pub(super) struct Concluded {
    pub(super) check: CheckRecord,
    pub(super) timeline: Vec<Observation>,
}

/// Concludes a check whose experiment has ended.
pub(super) fn conclude(context: &RunContext, planned: &Planned, lines: &[Line], timeline: &Timeline) -> Concluded {
    let observations = timeline.observations();
    let claims: Vec<Option<Claim>> = lines.iter().map(|line| line.claim().cloned()).collect();
    let duration = elapsed(timeline, &observations);
    let steps = lines.iter().map(|line| line.line.clone()).collect();
    let mut check = CheckRecord { duration, steps, ..planned.without_run() };
    apply(&mut check, judge(&claims, &observations, &context.contract), &context.contract);
    Concluded { check, timeline: observations }
}

/// Puts down what a check comes to. A failure that the contract accepts is waived.
pub(super) fn apply(check: &mut CheckRecord, ruling: Ruling, contract: &Contract) {
    let Ruling { verdict, finding, reason } = ruling;
    (check.verdict, check.finding, check.reason) = (verdict, finding, reason);
    let waiver = contract.waivers.iter().find(|waiver| waiver.check == check.id);
    if let (Verdict::Failed, Some(Waiver { reason, .. })) = (verdict, waiver) {
        (check.verdict, check.reason) = (Verdict::Waived, Some(reason.clone()));
    }
}

fn elapsed(timeline: &Timeline, observations: &[Observation]) -> Duration {
    let first = observations.iter().map(|observation| observation.at).find(|at| !at.is_zero());
    timeline.clock().now().saturating_sub(first.unwrap_or_default())
}
