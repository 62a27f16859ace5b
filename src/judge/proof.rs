//! Judging a proof: whether a check notices a known defect, by what it came to without it and with it. Pure, over records.

use crate::model::{CheckRecord, CheckResult, Fact, Halt, Observation, ProofResult, ProvenCheck, Verdict};

/// Why a check that could not be judged proves nothing, when it says nothing itself.
const UNKNOWN: &str = "it came to no verdict";

/// Whether a check notices a defect. Only a check that passed without it, and failed by its own claim with it, does: one that fails anyway is
/// no proof, nor is one that was blocked or could not run. These are the facts of its experiment with the defect.
#[must_use]
pub fn prove_check(without: &CheckRecord, with: Option<CheckRecord>, facts: &[Observation]) -> ProvenCheck {
    let (result, seen) = match (without.verdict, &with) {
        (Verdict::Failed | Verdict::Waived | Verdict::Blocked, _) => (CheckResult::FailsAlready, said(without)),
        (Verdict::NotApplicable, _) => (CheckResult::NotApplicable, said(without)),
        (Verdict::CouldNotRun, _) => (CheckResult::NotJudged, said(without)),
        (Verdict::Passed, None) => (CheckResult::NotJudged, None),
        (Verdict::Passed, Some(with)) => match with.verdict {
            Verdict::Failed | Verdict::Waived => (CheckResult::Noticed, said(with)),
            Verdict::Passed => (CheckResult::StaysGreen, None),
            Verdict::CouldNotRun if does_not_start(facts) => (CheckResult::DoesNotStart, None),
            Verdict::Blocked | Verdict::NotApplicable | Verdict::CouldNotRun => (CheckResult::NotJudged, said(with)),
        },
    };
    let seen = seen.or_else(|| (result == CheckResult::NotJudged).then(|| UNKNOWN.to_owned()));
    ProvenCheck { check: without.name(), result, seen, with_defect: with }
}

/// Whether an experiment ended because a service of the stack did not start.
fn does_not_start(facts: &[Observation]) -> bool {
    facts.iter().any(|one| matches!(&one.fact, Fact::Halted { halt: Halt::CouldNotRun { service: Some(_), .. }, .. }))
}

/// What a check has seen, or why there was nothing to see.
fn said(check: &CheckRecord) -> Option<String> {
    check.finding.as_ref().map(|finding| finding.seen.clone()).or_else(|| check.reason.clone())
}

/// Whether any of the checks notices the defect. One that could not be put in proves nothing, whatever the checks came to.
#[must_use]
pub fn prove(checks: &[ProvenCheck], is_put_in: bool) -> ProofResult {
    let has = |result| checks.iter().any(|check| check.result == result);
    if !is_put_in {
        ProofResult::NotProvable
    } else if has(CheckResult::Noticed) {
        ProofResult::Noticed
    } else if has(CheckResult::StaysGreen) {
        ProofResult::NotNoticed
    } else if has(CheckResult::NotJudged) {
        ProofResult::NotJudged
    } else {
        ProofResult::NotProvable
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::timeline;
    use crate::model::{Finding, Run};

    fn check(verdict: Verdict) -> CheckRecord {
        let run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        let broken = matches!(verdict, Verdict::Failed | Verdict::Waived | Verdict::Blocked);
        let finding = broken.then(|| Finding::new("it stops", "it does not", vec![]));
        let reason = (!broken && verdict != Verdict::Passed).then(|| "no reason".to_owned());
        CheckRecord { verdict, finding, reason, ..run.checks[0].clone() }
    }

    #[test]
    fn only_a_check_that_passes_without_the_defect_and_fails_with_it_notices_it() {
        use CheckResult::{FailsAlready, NotApplicable, NotJudged, Noticed, StaysGreen};
        for (without, with, result, seen) in [
            (Verdict::Passed, Some(Verdict::Failed), Noticed, Some("it does not")),
            (Verdict::Passed, Some(Verdict::Waived), Noticed, Some("it does not")),
            (Verdict::Passed, Some(Verdict::Passed), StaysGreen, None),
            (Verdict::Passed, Some(Verdict::Blocked), NotJudged, Some("it does not")),
            (Verdict::Passed, Some(Verdict::CouldNotRun), NotJudged, Some("no reason")),
            (Verdict::Passed, Some(Verdict::NotApplicable), NotJudged, Some("no reason")),
            (Verdict::Passed, None, NotJudged, Some(UNKNOWN)),
            (Verdict::Failed, Some(Verdict::Failed), FailsAlready, Some("it does not")),
            (Verdict::Failed, None, FailsAlready, Some("it does not")),
            (Verdict::Waived, None, FailsAlready, Some("it does not")),
            (Verdict::Blocked, None, FailsAlready, Some("it does not")),
            (Verdict::NotApplicable, None, NotApplicable, Some("no reason")),
            (Verdict::CouldNotRun, None, NotJudged, Some("no reason")),
        ] {
            let proven = prove_check(&check(without), with.map(check), &[]);
            assert_eq!((proven.result, proven.seen.as_deref()), (result, seen), "{without:?} {with:?}");
        }
        let halt = |service: Option<&str>| {
            let halt =
                Halt::CouldNotRun { reason: "it broke".into(), advice: String::new(), service: service.map(str::to_owned) };
            timeline([(1, Fact::Halted { halt, check: None })])
        };
        for (service, verdict, result) in [
            (Some("app"), Verdict::CouldNotRun, CheckResult::DoesNotStart),
            (None, Verdict::CouldNotRun, NotJudged),
            (Some("app"), Verdict::Failed, Noticed),
        ] {
            assert_eq!(prove_check(&check(Verdict::Passed), Some(check(verdict)), &halt(service)).result, result, "{service:?}");
        }
    }

    #[test]
    fn a_defect_is_noticed_by_one_check_and_unnoticed_only_when_one_stays_green() {
        use CheckResult::{FailsAlready, NotApplicable, NotJudged, Noticed, StaysGreen};
        for (results, expected) in [
            (&[Noticed, StaysGreen, NotJudged][..], ProofResult::Noticed),
            (&[FailsAlready, StaysGreen, NotJudged], ProofResult::NotNoticed),
            (&[FailsAlready, NotJudged], ProofResult::NotJudged),
            (&[FailsAlready, NotApplicable, CheckResult::DoesNotStart], ProofResult::NotProvable),
            (&[], ProofResult::NotProvable),
        ] {
            let of =
                |result: &CheckResult| ProvenCheck { check: "a.check".into(), result: *result, seen: None, with_defect: None };
            let checks: Vec<_> = results.iter().map(of).collect();
            assert_eq!(prove(&checks, true), expected, "{results:?}");
            assert_eq!(prove(&checks, false), ProofResult::NotProvable, "{results:?}");
        }
    }
}
