//! Judging what may happen in any experiment, whichever check it belongs to.

use std::time::Duration;

use super::log::{few_traces, shown_secret};
use super::logging::unstructured;
use crate::model::{ContainerChange, Defect, ExperimentRecord, Fact, Finding, Mark, Observation, Outcome};
use crate::subject::Contract;

/// A secret of the stack that the app has written or answered in some of its experiments.
#[must_use]
pub fn secret_anywhere<'a>(experiments: impl IntoIterator<Item = &'a ExperimentRecord>, contract: &Contract) -> Option<Finding> {
    let app = &contract.app;
    let finding = anywhere(experiments, |facts| {
        let (_, seen) = shown_secret(facts, app)?;
        Some(Finding::new(format!("`{app}` shows no secret"), format!("a secret is in {seen}"), vec![]))
    })?;
    Some(Finding { defect: Some(Defect::ShowsSecret), ..finding })
}

/// A line of the app, in some of its experiments, that is no JSON object with time, level and message.
#[must_use]
pub fn unstructured_anywhere<'a>(
    experiments: impl IntoIterator<Item = &'a ExperimentRecord>,
    contract: &Contract,
) -> Option<Finding> {
    anywhere(experiments, |facts| unstructured(facts, &contract.app))
}

/// A stack trace for each attempt to reach what is missing, in some experiment in which the app is started without it: until that is there, or
/// the app is told to stop.
#[must_use]
pub fn traces_anywhere<'a>(experiments: impl IntoIterator<Item = &'a ExperimentRecord>, contract: &Contract) -> Option<Finding> {
    let app = &contract.app;
    let finding = anywhere(experiments, |facts| {
        let started = facts.iter().find_map(|one| match &one.fact {
            Fact::Container { service, change: ContainerChange::Started { .. } } if service == app => Some(one.at),
            _ => None,
        })?;
        let end = facts.iter().find_map(|one| match &one.fact {
            Fact::Mark { mark: Mark::Accepts { .. } | Mark::StopSignal { .. } } if one.at > started => Some(one.at),
            _ => None,
        });
        match few_traces(facts, app, (started, end.unwrap_or(Duration::MAX))) {
            Outcome::Broken(finding) => Some(finding),
            _ => None,
        }
    })?;
    Some(Finding { defect: Some(Defect::TracePerAttempt), ..finding })
}

/// What is found in the first experiment that shows it, with the name of that. The facts of a finding are those of its check's own experiment,
/// so this one has none.
fn anywhere<'a>(
    experiments: impl IntoIterator<Item = &'a ExperimentRecord>,
    found: impl Fn(&'a [Observation]) -> Option<Finding>,
) -> Option<Finding> {
    let shown = |one: &'a ExperimentRecord| Some((one, found(&one.timeline)?));
    let (experiment, finding) = experiments.into_iter().find_map(shown)?;
    let seen = format!("{} (seen in another experiment: {})", finding.seen, experiment.name);
    Some(Finding { seen, evidence: vec![], ..finding })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Told, container, contract, line, mark, timeline};
    use crate::model::Return;
    use crate::redact::MASK;

    #[test]
    fn a_secret_is_found_in_whichever_experiment_it_is_shown() {
        let experiment =
            |name: &str, text: &str| ExperimentRecord { app: None, name: name.into(), timeline: timeline([line(5, text)]) };
        let quiet = experiment("the app runs undisturbed", "ready");
        let loud = experiment("db is missing", &format!("can't connect to postgresql://app:{MASK}@db"));
        assert_eq!(secret_anywhere([&quiet], &contract()), None);
        let finding = secret_anywhere([&quiet, &loud], &contract()).expect("it is shown");
        assert!(finding.seen.ends_with("(seen in another experiment: db is missing)"), "{}", finding.seen);
        assert_eq!(finding.defect, Some(Defect::ShowsSecret));
    }

    #[test]
    fn a_line_that_is_no_json_counts_in_whichever_experiment_it_is_written() {
        let experiment =
            |name: &str, text: &str| ExperimentRecord { app: None, name: name.into(), timeline: timeline([line(5, text)]) };
        let good = experiment("the app runs undisturbed", r#"{"ts":1,"level":"info","msg":"ready"}"#);
        let bad = experiment("db is missing", "Traceback (most recent call last):");
        assert_eq!(unstructured_anywhere([&good], &contract()), None);
        let finding = unstructured_anywhere([&good, &bad], &contract()).expect("it is written");
        assert!(finding.seen.starts_with("1 of 1 lines"), "{}", finding.seen);
        assert!(
            finding.seen.ends_with("Traceback (most recent call last): (seen in another experiment: db is missing)"),
            "{}",
            finding.seen
        );
    }

    #[test]
    fn traces_count_in_whichever_experiment_the_app_misses_something_until_that_is_there() {
        let trace =
            |ms: u64| [line(ms, "Traceback (most recent call last):"), line(ms + 1, "  File \"/srv/x.py\", line 1, in x")];
        let judged = |others: &[Told]| {
            let told = [&[container(0, "app", ContainerChange::Started { pid: Some(7) })][..], &trace(1_000), others].concat();
            let one = ExperimentRecord { app: None, name: "db refuses".into(), timeline: timeline(told) };
            traces_anywhere([&one], &contract())
        };
        let finding = judged(&trace(4_000)).expect("one for each attempt");
        assert_eq!(finding.seen, "2 stack traces, at +1.0 s to +4.0 s (seen in another experiment: db refuses)");
        assert_eq!(finding.defect, Some(Defect::TracePerAttempt));
        let after = |end: Mark| judged(&[&[mark(3_000, end)][..], &trace(4_000)].concat());
        assert_eq!(after(Mark::Accepts { service: "db".into(), after: Return::FirstStart }), None);
        assert_eq!(after(Mark::StopSignal { signal: "SIGTERM".into() }), None);
    }
}
