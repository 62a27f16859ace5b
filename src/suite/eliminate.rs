//! Elimination: what is taken away from an app is taken away all together first. Only where a check does not hold then, it is made again with
//! nothing but its own part.

use super::execute::Performed;
use crate::gherkin::PlannedExperiment;
use crate::model::{CheckRecord, Verdict};

/// Performs an experiment, and again for the checks that are about parts of it as far as they did not hold. Returns the one that each
/// check is concluded from.
pub(super) async fn eliminate(
    experiment: &PlannedExperiment,
    perform: impl AsyncFn(&PlannedExperiment) -> Performed,
) -> Vec<Performed> {
    let mut together = perform(experiment).await;
    let mut all = vec![];
    for turns in experiment.checks.iter().filter(|turns| !turns.alone.is_empty()) {
        let Some(check) = take_undecided(&mut together, turns.index) else { continue };
        let mut alone = PlannedExperiment::of_one(experiment.app, check.name(), turns.index, turns.alone.clone());
        alone.asks_liveness |= experiment.asks_liveness;
        all.push(perform(&alone).await);
    }
    if !together.checks.is_empty() {
        all.insert(0, together);
    }
    all
}

fn is_undecided(check: &CheckRecord) -> bool {
    matches!(check.verdict, Verdict::Failed | Verdict::Waived | Verdict::Blocked | Verdict::CouldNotRun)
}

/// Takes a check out of what was performed, when it did not hold there.
fn take_undecided(performed: &mut Performed, index: usize) -> Option<CheckRecord> {
    let at = performed.checks.iter().position(|(known, check)| *known == index && is_undecided(check))?;
    Some(performed.checks.remove(at).1)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::experiment::Line;
    use crate::gherkin::{self, Turns};
    use crate::model::{Keyword, Run, ScenarioLine};

    const CAPABILITIES: &str = "the app has no capabilities";
    const PRIVILEGES: &str = "the app can gain no privileges";
    const START: &str = "the app is started";

    fn given(text: &str) -> Line {
        let line = ScenarioLine { keyword: Keyword::Given, text: text.into(), ..ScenarioLine::default() };
        Line { step: gherkin::read(Keyword::Given, text), line }
    }

    /// Two checks about a part each, and one about both, of an app that does not bear some lines together. Returns in which order which lines
    /// were performed, and what the checks came to.
    async fn eliminated(not_borne: &[&str]) -> (Vec<String>, Vec<(usize, Verdict)>) {
        let mut experiment = PlannedExperiment::of_one(0, "together".into(), 0, vec![]);
        experiment.background = [CAPABILITIES, PRIVILEGES, START].map(given).to_vec();
        let part = |index, text| {
            let claim = (3, given("its claim"));
            Turns { index, lines: vec![claim], alone: [text, START].map(given).to_vec() }
        };
        let whole = Turns { index: 2, lines: vec![(3, given("its claim"))], alone: vec![] };
        experiment.checks = vec![part(0, CAPABILITIES), part(1, PRIVILEGES), whole];
        let performed = RefCell::new(vec![]);
        let known = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run").checks.remove(0);
        let perform = async |experiment: &PlannedExperiment| {
            let own = experiment.checks.iter().flat_map(|turns| turns.whole(&experiment.background));
            let lines: Vec<String> = own.map(|line| line.line.text).collect();
            performed.borrow_mut().push(format!("{}: {}", experiment.name, experiment.checks.len()));
            let fails = not_borne.iter().all(|text| lines.iter().any(|line| line == text));
            let verdict = if fails { Verdict::Failed } else { Verdict::Passed };
            let check =
                |turns: &Turns| (turns.index, CheckRecord { verdict, id: format!("part.{}", turns.index), ..known.clone() });
            Performed {
                app: None,
                name: experiment.name.clone(),
                timeline: vec![],
                checks: experiment.checks.iter().map(check).collect(),
            }
        };
        let all = eliminate(&experiment, perform).await;
        let mut verdicts: Vec<(usize, Verdict)> =
            all.iter().flat_map(|one| one.checks.iter().map(|(index, check)| (*index, check.verdict))).collect();
        verdicts.sort_by_key(|(index, _)| *index);
        (performed.take(), verdicts)
    }

    use Verdict::{Failed, Passed};

    #[tokio::test]
    async fn what_holds_together_is_performed_once() {
        let (performed, verdicts) = eliminated(&["something else"]).await;
        assert_eq!(performed, ["together: 3"]);
        assert_eq!(verdicts, [(0, Passed), (1, Passed), (2, Passed)]);
    }

    #[tokio::test]
    async fn a_part_that_is_not_borne_fails_alone() {
        let (performed, verdicts) = eliminated(&[CAPABILITIES]).await;
        assert_eq!(performed, ["together: 3", "part.0[db]: 1", "part.1[db]: 1"]);
        assert_eq!(verdicts, [(0, Failed), (1, Passed), (2, Failed)], "the last one is about all of them");
    }

    #[tokio::test]
    async fn parts_that_are_not_borne_together_only_pass_alone() {
        let (_, verdicts) = eliminated(&[CAPABILITIES, PRIVILEGES]).await;
        assert_eq!(verdicts, [(0, Passed), (1, Passed), (2, Failed)]);
    }
}
