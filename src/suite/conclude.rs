//! Concluding: what a check comes to, by the facts of its experiment, and its record.

use std::time::Duration;

use crate::experiment::{Line, RunContext};
use crate::gherkin::Planned;
use crate::judge::{Part, Ruling, judge, secret_anywhere, unstructured_anywhere};
use crate::model::{Apps, CheckRecord, ExperimentRecord, Finding, Observation, Timeline, Verdict, end_of_turn};
use crate::subject::{Contract, Waiver};

/// Concludes a check whose experiment has ended, with these observations.
pub(super) fn conclude(
    context: &RunContext,
    planned: &Planned,
    lines: &[Line],
    timeline: &Timeline,
    observations: &[Observation],
) -> CheckRecord {
    let duration = elapsed(timeline, observations, &planned.name());
    let steps = lines.iter().map(|line| line.line.clone()).collect();
    let mut check = CheckRecord { duration, steps, ..planned.without_run() };
    rule(&mut check, lines, observations, &context.contract);
    check
}

/// Puts down what a check with these lines comes to by the facts of its experiment: at the end of it, and from a saved run.
pub(super) fn rule(check: &mut CheckRecord, lines: &[Line], observations: &[Observation], contract: &Contract) {
    let parts: Vec<Option<Part>> = lines.iter().map(Line::part).collect();
    let ruling = judge(&check.name(), &parts, observations, contract);
    apply(check, ruling, contract);
}

/// Puts down what a check comes to. A failure that the contract accepts is waived.
fn apply(check: &mut CheckRecord, ruling: Ruling, contract: &Contract) {
    let Ruling { verdict, finding, reason } = ruling;
    (check.verdict, check.finding, check.reason, check.blocked_by) = (verdict, finding, reason, None);
    let waiver = contract.waivers.iter().find(|waiver| waiver.check == check.id);
    if let (Verdict::Failed, Some(Waiver { reason, .. })) = (verdict, waiver) {
        (check.verdict, check.reason) = (Verdict::Waived, Some(reason.clone()));
    }
}

/// What an app does wrong in some of its experiments, whichever.
type Anywhere = fn(&[&ExperimentRecord], &Contract) -> Option<Finding>;

/// The checks that are about all that an app writes.
const ABOUT_ALL: [(&str, Anywhere); 2] = [
    ("logging.no-secrets", |experiments, contract| secret_anywhere(experiments.iter().copied(), contract)),
    ("logging.structured", |experiments, contract| unstructured_anywhere(experiments.iter().copied(), contract)),
];

/// Fails the checks of what an app may never write, by what it has written in any of its experiments.
pub(super) fn rule_over_all(checks: &mut [CheckRecord], experiments: &[ExperimentRecord], apps: &Apps) {
    for check in checks {
        let could_fail = matches!(check.verdict, Verdict::Passed | Verdict::NotApplicable);
        let Some((_, anywhere)) = ABOUT_ALL.iter().find(|(id, _)| *id == check.id && could_fail) else { continue };
        let Some(contract) = apps.contract(check.app.as_deref()) else { continue };
        let own: Vec<&ExperimentRecord> = experiments.iter().filter(|one| one.app == check.app).collect();
        if let Some(finding) = anywhere(&own, contract) {
            apply(check, Ruling::failed(finding), contract);
        }
    }
}

/// How long the experiment went on until its last claim was looked at.
fn elapsed(timeline: &Timeline, observations: &[Observation], check: &str) -> Duration {
    let first = observations.iter().map(|observation| observation.at).find(|at| !at.is_zero());
    let end = end_of_turn(observations, check).unwrap_or_else(|| timeline.clock().now());
    end.saturating_sub(first.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Run;

    /// A check and a contract from a saved run.
    fn saved() -> (CheckRecord, Contract) {
        let run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        (run.checks[1].clone(), run.contract(&run.checks[1]).clone())
    }

    fn applied(verdict: Verdict, waived: &str) -> CheckRecord {
        let (mut check, mut contract) = saved();
        contract.waivers =
            vec![Waiver { check: waived.into(), reason: "the next release has it".into(), expires: Some("2030-01-31".into()) }];
        let finding = (verdict == Verdict::Failed).then(|| Finding::new("it stops", "it does not", vec![]));
        let reason = (verdict == Verdict::CouldNotRun).then(|| "it broke".into());
        apply(&mut check, Ruling { verdict, finding, reason }, &contract);
        check
    }

    #[test]
    fn a_failure_that_the_contract_accepts_is_waived_and_still_told() {
        let check = applied(Verdict::Failed, "shutdown.in-time");
        assert_eq!((check.verdict, check.reason.as_deref()), (Verdict::Waived, Some("the next release has it")));
        assert_eq!(check.finding.map(|finding| finding.seen).as_deref(), Some("it does not"));
    }

    #[test]
    fn only_the_failure_of_this_check_is_waived() {
        for (verdict, waived, reason) in [
            (Verdict::Failed, "shutdown.status", None),
            (Verdict::Passed, "shutdown.in-time", None),
            (Verdict::CouldNotRun, "shutdown.in-time", Some("it broke")),
        ] {
            let check = applied(verdict, waived);
            assert_eq!((check.verdict, check.reason.as_deref()), (verdict, reason));
            assert_eq!(check.finding.is_some(), verdict == Verdict::Failed, "what it came to before is gone");
        }
    }
}
