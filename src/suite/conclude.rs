//! Concluding: what a check comes to, by the facts of its experiment, and its record.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::experiment::{Line, RunContext};
use crate::gherkin::Planned;
use crate::judge::{Part, Ruling, judge, secret_anywhere, traces_anywhere, unstructured_anywhere};
use crate::model::{Apps, CheckRecord, ExperimentRecord, Observation, Timeline, Verdict, end_of_turn};
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

/// The topics of checks that change nothing of the app itself: not its user, its rights, its settings or its file system.
const UNCHANGED: [&str; 4] = ["readiness", "retry", "shutdown", "outage"];

/// The topic of checks that start the app while it misses something, and the one of them in which nothing is missing.
const MISSING: &str = "retry";
const REJECTED: &str = "retry.wrong-password";

/// Fails the checks of what an app may never write, by what it has written in any experiment of the run's checks. Copies that a defect was put
/// into are none. How it logs is judged where it is as its users have it: a shell that can't write says so in words of its own.
pub(super) fn rule_over_all(checks: &mut [CheckRecord], experiments: &[ExperimentRecord], apps: &Apps) {
    let made = |is_meant: &dyn Fn(&CheckRecord) -> bool| -> BTreeSet<usize> {
        checks.iter().filter(|check| is_meant(check)).filter_map(|check| check.experiment).collect()
    };
    let (all, unchanged) = (made(&|_| true), made(&|check| UNCHANGED.iter().any(|topic| is_in_topic(check, topic))));
    let missing = made(&|check| is_in_topic(check, MISSING) && check.id != REJECTED);
    for check in checks.iter_mut().filter(|check| matches!(check.verdict, Verdict::Passed | Verdict::NotApplicable)) {
        let Some(contract) = apps.contract(check.app.as_deref()) else { continue };
        let of = |numbers: &BTreeSet<usize>| -> Vec<&ExperimentRecord> {
            let others = numbers.iter().filter(|number| check.experiment != Some(**number));
            others.filter_map(|number| experiments.get(*number)).filter(|one| one.app == check.app).collect()
        };
        let finding = match check.id.as_str() {
            "logging.no-secrets" => secret_anywhere(of(&all), contract),
            "logging.structured" => unstructured_anywhere(of(&unchanged), contract),
            "retry.clear-error" => traces_anywhere(of(&missing), contract),
            _ => None,
        };
        if let Some(finding) = finding {
            apply(check, Ruling::failed(finding), contract);
        }
    }
}

fn is_in_topic(check: &CheckRecord, topic: &str) -> bool {
    check.id.split_once('.').is_some_and(|(of, _)| of == topic)
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
    use crate::model::{ContainerChange, Fact, FactId, Finding, LogStream, Run};

    /// A check and a contract from a saved run.
    fn saved() -> (CheckRecord, Contract) {
        let run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        (run.checks[1].clone(), run.contract(&run.checks[1]).clone())
    }

    fn passed(run: &Run, id: &str, experiment: usize) -> CheckRecord {
        let verdict = Verdict::Passed;
        CheckRecord { id: id.into(), experiment: Some(experiment), verdict, finding: None, ..run.checks[1].clone() }
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

    #[test]
    fn what_an_app_writes_counts_in_every_experiment_that_leaves_it_as_it_is() {
        let run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        let check = |id: &str, experiment| passed(&run, id, experiment);
        let app = run.contract(&run.checks[1]).app.clone();
        let told = |where_it_is: usize| {
            let said = |line: &str| {
                let fact = Fact::Log { service: app.clone(), stream: LogStream::Stdout, line: line.into(), is_cut: false };
                vec![Observation { id: FactId::default(), at: Duration::from_secs(1), fact }]
            };
            let good = r#"{"ts":1,"level":"info","msg":"ready"}"#;
            let lines = (0..4).map(|number| said(if number == where_it_is { "sh: can't create /x" } else { good }));
            let name = |number: usize| format!("experiment {number}");
            let experiments: Vec<ExperimentRecord> = lines
                .enumerate()
                .map(|(number, timeline)| ExperimentRecord { app: None, name: name(number), timeline })
                .collect();
            // The last one belongs to no check of the run.
            let mut checks = [check("logging.structured", 0), check("outage.killed", 1), check("hardening.read-only", 2)];
            rule_over_all(&mut checks, &experiments, &run.apps);
            checks[0].verdict
        };
        assert_eq!(told(1), Verdict::Failed, "in an outage");
        assert_eq!(told(0), Verdict::Passed, "its own experiment has been judged");
        assert_eq!(told(2), Verdict::Passed, "on a read-only root");
        assert_eq!(told(3), Verdict::Passed, "in a copy that a defect was put into");
    }

    #[test]
    fn a_trace_per_attempt_counts_wherever_something_is_missing() {
        let run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        let app = run.contract(&run.checks[1]).app.clone();
        let told = |id: &str| {
            let said = |number: u32, line: &str| Observation {
                id: FactId(number),
                at: Duration::from_secs(u64::from(number) * 2),
                fact: Fact::Log { service: app.clone(), stream: LogStream::Stdout, line: line.into(), is_cut: false },
            };
            let started = ContainerChange::Started { pid: Some(7) };
            let started = Fact::Container { service: app.clone(), change: started };
            let mut timeline = vec![Observation { id: FactId(0), at: Duration::ZERO, fact: started }];
            timeline.extend((1..3).map(|number| said(number, "Traceback (most recent call last):")));
            let experiment = |name: &str, timeline| ExperimentRecord { app: None, name: name.into(), timeline };
            let experiments = [experiment("db is missing", vec![]), experiment("another", timeline)];
            let check = |id: &str, experiment| passed(&run, id, experiment);
            let mut checks = [check("retry.clear-error", 0), check(id, 1)];
            rule_over_all(&mut checks, &experiments, &run.apps);
            checks[0].verdict
        };
        assert_eq!(told("retry.refused"), Verdict::Failed);
        assert_eq!(told("retry.wrong-password"), Verdict::Passed, "nothing is missing");
        assert_eq!(told("outage.killed"), Verdict::Passed, "it is not at its start");
    }
}
