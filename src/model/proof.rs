//! The proof of `check --prove`: which checks notice a known defect that was put into copies of the user's own stack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CheckRecord, Conclusion};

/// A defect that is put into copies on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownDefect {
    /// The first process passes no signal on.
    SwallowedSignals,
    /// The health check always passes.
    HealthCheckThatCannotFail,
    /// Readiness is always 200.
    ReadinessThatCannotFail,
    /// The app runs as root.
    RootUser,
    /// The name of a dependency never resolves.
    UnresolvableName,
}

/// What came of one known defect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// The app into whose copies it was put, where a run has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The defect.
    pub defect: KnownDefect,
    /// The defect in a few words.
    pub title: String,
    /// What was changed in the copies.
    pub change: String,
    /// Whether a check notices it.
    pub result: ProofResult,
    /// Why it could not be put in, where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The checks that are to notice it. What each came to without the defect stands under `checks` of the run.
    pub checks: Vec<ProvenCheck>,
}

/// Whether checks notice a known defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProofResult {
    /// At least one check passed without it, and failed with it.
    Noticed,
    /// No check noticed it, and at least one passed with it too.
    NotNoticed,
    /// It could not be put in, or the stack does not start with it, or every check fails already without it, or none applies.
    NotProvable,
    /// No check noticed it, and at least one could not be judged.
    NotJudged,
}

impl ProofResult {
    /// The result in words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Noticed => "noticed",
            Self::NotNoticed => "not noticed",
            Self::NotProvable => "not provable",
            Self::NotJudged => "not judged",
        }
    }
}

/// What a check came to in a copy with a known defect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProvenCheck {
    /// The check, by name.
    pub check: String,
    /// Whether it notices the defect.
    pub result: CheckResult,
    /// What it has seen of the defect, or why it proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Its record in the copy with the defect; nothing when it was not made there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_defect: Option<CheckRecord>,
}

/// Whether a check notices a known defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckResult {
    /// It passed without the defect, and failed with it.
    Noticed,
    /// It passed without the defect, and with it.
    StaysGreen,
    /// It did not pass without the defect either, which proves nothing.
    FailsAlready,
    /// It does not apply to the stack.
    NotApplicable,
    /// The stack does not start with the defect, so that there is nothing to be judged.
    DoesNotStart,
    /// It could not be judged, without the defect or with it.
    NotJudged,
}

/// What a proof comes to: a defect that no check notices is a failure; one that can't be put in here is not.
#[must_use]
pub fn conclude_proof(proof: &[Proof]) -> Conclusion {
    let has = |result| proof.iter().any(|one| one.result == result);
    if has(ProofResult::NotNoticed) {
        Conclusion::Failed
    } else if has(ProofResult::NotJudged) {
        Conclusion::CouldNotRun
    } else if has(ProofResult::Noticed) {
        Conclusion::Passed
    } else {
        Conclusion::NothingRan
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defect_that_nobody_notices_decides() {
        use ProofResult::{NotJudged, NotNoticed, NotProvable, Noticed};
        for (results, conclusion) in [
            (&[Noticed, Noticed][..], Conclusion::Passed),
            (&[Noticed, NotProvable], Conclusion::Passed),
            (&[NotProvable, NotProvable], Conclusion::NothingRan),
            (&[Noticed, NotJudged], Conclusion::CouldNotRun),
            (&[Noticed, NotNoticed, NotJudged], Conclusion::Failed),
        ] {
            let proof = results.iter().map(|result| Proof {
                app: None,
                defect: KnownDefect::RootUser,
                title: String::new(),
                change: String::new(),
                result: *result,
                reason: None,
                checks: vec![],
            });
            assert_eq!(conclude_proof(&proof.collect::<Vec<_>>()), conclusion, "{results:?}");
        }
    }
}
