//! Elimination: what is taken away from an app is taken away all together first. Only where a check does not hold then, its own part is
//! tried alone, and what is left without the parts that do not hold alone.

use super::execute::Performed;
use crate::gherkin::{PlannedExperiment, Turns};
use crate::model::{CheckRecord, Verdict};

/// Performs an experiment, and again for the checks that are about parts of it as far as they did not hold. Returns the one that each
/// check is concluded from.
pub(super) async fn eliminate(
    experiment: &PlannedExperiment,
    perform: impl AsyncFn(&PlannedExperiment) -> Performed,
) -> Vec<Performed> {
    let mut together = perform(experiment).await;
    if experiment.checks.iter().all(|turns| turns.givens.is_empty()) {
        return vec![together];
    }
    let mut again = vec![];
    let mut without = vec![];
    for turns in experiment.checks.iter().filter(|turns| !turns.givens.is_empty()) {
        let Some(check) = take_undecided(&mut together, turns.index) else { continue };
        let alone = PlannedExperiment::of_one(check.name(), turns.index, turns.alone.clone());
        let performed = perform(&alone).await;
        if performed.checks.iter().any(|(_, check)| is_undecided(check)) {
            without.extend(turns.givens.iter().filter_map(|line| line.step.clone()));
        }
        again.push(performed);
    }
    if !without.is_empty() {
        let rest = experiment.checks.iter().filter(|turns| turns.givens.is_empty());
        let rest: Vec<Turns> = rest.filter(|turns| take_undecided(&mut together, turns.index).is_some()).cloned().collect();
        if !rest.is_empty() {
            again.push(perform(&experiment.without(&without, rest)).await);
        }
    }
    if !together.checks.is_empty() {
        again.insert(0, together);
    }
    again
}

fn is_undecided(check: &CheckRecord) -> bool {
    matches!(check.verdict, Verdict::Failed | Verdict::Waived | Verdict::CouldNotRun)
}

/// Takes a check out of what was performed, when it did not hold there.
fn take_undecided(performed: &mut Performed, index: usize) -> Option<CheckRecord> {
    let at = performed.checks.iter().position(|(known, check)| *known == index && is_undecided(check))?;
    Some(performed.checks.remove(at).1)
}
