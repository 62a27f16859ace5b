//! Judging a saved run again, without an engine: by the facts that were put down, with the judges of today.

use cucumber::gherkin::Scenario;

use super::conclude::{rule, rule_over_all};
use crate::experiment::{Line, Step};
use crate::gherkin::{self, Catalogue};
use crate::judge::{causes, prove, prove_check, resolve};
use crate::model::{CheckRecord, Proof, Run, ScenarioLine};
use crate::subject::Contract;

/// The same run with the verdicts that today's judges give. Checks that were not run stay as they are.
#[must_use]
pub fn judge_again(run: &Run) -> Run {
    let catalogue = Catalogue::built_in();
    let mut judged = run.clone();
    for check in &mut judged.checks {
        if check.experiment.is_none() {
            continue;
        }
        let contract = run.contract(check);
        let lines = lines_of(check, contract, &catalogue);
        rule(check, &lines, run.timeline(check), contract);
    }
    rule_over_all(&mut judged.checks, &run.experiments, &run.apps);
    resolve(&mut judged.checks);
    judged.causes = causes(&judged.checks);
    judged.proof = run.proof.iter().map(|proof| prove_again(proof, &judged, &catalogue)).collect();
    judged
}

/// The same proof by today's judges, with the checks of a run that they have judged already.
fn prove_again(proof: &Proof, judged: &Run, catalogue: &Catalogue) -> Proof {
    let mut with: Vec<CheckRecord> = proof.checks.iter().filter_map(|check| check.with_defect.clone()).collect();
    for check in &mut with {
        let contract = judged.contract(check);
        let lines = lines_of(check, contract, catalogue);
        rule(check, &lines, judged.timeline(check), contract);
    }
    resolve(&mut with);
    let checks = proof.checks.iter().map(|check| {
        let Some(without) = judged.checks.iter().find(|without| without.name() == check.check) else { return check.clone() };
        let found = with.iter().find(|other| other.name() == check.check).cloned();
        let facts = found.as_ref().map_or(&[][..], |found| judged.timeline(found));
        prove_check(without, found.clone(), facts)
    });
    let checks: Vec<_> = checks.collect();
    Proof { result: prove(&checks, proof.reason.is_none()), checks, ..proof.clone() }
}

/// The lines of a check: those of today's scenario where the run has performed the same acts, so that what it asserts may have changed
/// since; else those that it was saved with.
#[must_use]
pub fn lines_of(check: &CheckRecord, contract: &Contract, catalogue: &Catalogue) -> Vec<Line> {
    let saved = read(&check.steps);
    let place = catalogue.checks().find(|(_, known)| known.id == check.id).map(|(place, _)| place);
    let mut today = place.into_iter().flat_map(|place| {
        [gherkin::shared(place), gherkin::alone(place)].map(|steps| {
            let whole = Scenario { steps, ..place.scenario.clone() };
            let about = check.dependency.as_deref().or_else(|| gherkin::is_about(place, contract));
            gherkin::lines(&gherkin::fill_in(&whole, about).steps)
        })
    });
    let acts = |lines: &[Line]| -> Vec<Option<Step>> {
        lines.iter().map(|line| line.step.clone()).map(|step| step.filter(|step| matches!(step, Step::Act(_)))).collect()
    };
    today.find(|today| acts(today) == acts(&saved)).unwrap_or(saved)
}

/// Lines as they were saved.
fn read(steps: &[ScenarioLine]) -> Vec<Line> {
    steps.iter().map(|line| Line { line: line.clone(), step: gherkin::read(line.keyword, &line.text) }).collect()
}
