//! The suite's own proof on the user's stack: known defects are put into copies, and the checks that are to notice each are made there once
//! more, in the same way as without it.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;

use super::check::Judged;
use super::execute::{Performed, execute};
use super::pace::Pace;
use crate::experiment::{Event, Progress, RunContext};
use crate::gherkin::{Catalogue, PLANTED, Plan, Planted, Selection};
use crate::judge::{prove as conclude, prove_check, resolve};
use crate::model::{CheckRecord, Proof, Verdict};
use crate::subject::{Contract, Meant};

/// The checks that are to notice a known defect.
pub(super) fn selection(catalogue: &Catalogue) -> Selection {
    let ids: BTreeSet<&str> = PLANTED.iter().flat_map(|planted| planted.checks).copied().collect();
    Selection::of(&ids.into_iter().collect::<Vec<_>>(), catalogue).unwrap_or_default()
}

/// A contract with no dependency but the main one: one outage says enough of a check that is made for each.
pub(super) fn with_main_dependency(contract: &Contract) -> Contract {
    let main = main_dependency(contract);
    let dependencies = contract.dependencies.iter().filter(|dependency| Some(dependency.service.as_str()) == main);
    Contract { dependencies: dependencies.cloned().collect(), ..contract.clone() }
}

fn main_dependency(contract: &Contract) -> Option<&str> {
    Meant::MainDependency.service(contract).map(|main| contract.dependency(main).map_or(main, |found| found.service.as_str()))
}

/// A known defect on this stack.
struct Trial {
    planted: Planted,
    /// The checks that are to notice it, as they came to without it.
    without: Vec<CheckRecord>,
    /// Why it can't be put in.
    obstacle: Option<String>,
    /// The checks that passed without it, in instances with it.
    plan: Plan,
}

/// Puts every known defect into instances of an app, and says which of these checks, which were made without it, notice it. `plan` makes a plan of
/// selected checks.
pub(super) async fn prove(
    context: &Arc<RunContext>,
    catalogue: &Catalogue,
    plan: impl Fn(&Selection) -> Plan,
    pace: &Pace,
    progress: &Arc<dyn Progress>,
    judged: &mut Judged,
) -> Vec<Proof> {
    let is_of_app = |check: &&CheckRecord| check.app == context.one_of_several;
    let mut undisturbed: Vec<CheckRecord> = judged.checks.iter().filter(is_of_app).cloned().collect();
    resolve(&mut undisturbed);
    let main = main_dependency(&context.contract);
    let trials: Vec<Trial> = PLANTED.iter().map(|planted| trial(*planted, context, catalogue, &plan, &undisturbed)).collect();
    let count = trials.iter().map(|trial| trial.plan.runs()).sum();
    if count > 0 {
        progress.tell(Event::Phase("putting known defects into copies"));
        progress.tell(Event::ChecksStarted { count });
    }
    let performed: Vec<Vec<Performed>> =
        join_all(trials.iter().map(|trial| execute(std::slice::from_ref(context), &trial.plan, pace, progress))).await;
    let mut proof = vec![];
    for (trial, performed) in trials.into_iter().zip(performed) {
        let mut with = judged.number(&trial.plan, performed);
        resolve(&mut with);
        let prove = |without: &CheckRecord| {
            let found = with.iter().find(|other| other.name() == without.name()).cloned();
            let experiment = found.as_ref().and_then(|check| judged.experiments.get(check.experiment?));
            prove_check(without, found, experiment.map_or(&[], |experiment| &experiment.timeline))
        };
        let checks: Vec<_> = trial.without.iter().map(prove).collect();
        let [title, change] = trial.planted.texts(main);
        proof.push(Proof {
            app: context.one_of_several.clone(),
            defect: trial.planted.defect,
            title,
            change,
            result: conclude(&checks, trial.obstacle.is_none()),
            reason: trial.obstacle,
            checks,
        });
    }
    proof
}

fn trial(
    planted: Planted,
    context: &RunContext,
    catalogue: &Catalogue,
    plan: impl Fn(&Selection) -> Plan,
    undisturbed: &[CheckRecord],
) -> Trial {
    let main = main_dependency(&context.contract);
    let of = |id| undisturbed.iter().filter(move |check| check.id == id);
    let without: Vec<CheckRecord> = planted.checks.iter().copied().flat_map(of).cloned().collect();
    let obstacle = planted.act(main).and_then(|act| act.obstacle(context));
    let passed = |check: &&CheckRecord| check.verdict == Verdict::Passed && obstacle.is_none();
    let ids: Vec<&str> = without.iter().filter(passed).map(|check| check.id.as_str()).collect();
    let plan = Selection::of(&ids, catalogue).map(|selection| plan(&selection)).unwrap_or_default();
    let [title, _] = planted.texts(main);
    let plan = plan.with_defect(&planted.line(main), &title);
    Trial { planted, without, obstacle, plan }
}
