//! Judging what may happen in any experiment, whichever check it belongs to.

use super::log::shown_secret;
use super::logging::unstructured;
use crate::model::{Defect, ExperimentRecord, Finding};
use crate::subject::Contract;

/// A secret of the stack that the app has written or answered in some of its experiments.
///
/// The facts of a finding are those of its check's own experiment, so this one has none; it names the experiment.
#[must_use]
pub fn secret_anywhere<'a>(experiments: impl IntoIterator<Item = &'a ExperimentRecord>, contract: &Contract) -> Option<Finding> {
    let shown = |one: &'a ExperimentRecord| Some((one, shown_secret(&one.timeline, &contract.app)?));
    let (experiment, (_, seen)) = experiments.into_iter().find_map(shown)?;
    let seen = format!("a secret is in {seen} (seen in another experiment: {})", experiment.name);
    let finding = Finding::new(format!("`{}` shows no secret", contract.app), seen, vec![]);
    Some(Finding { defect: Some(Defect::ShowsSecret), ..finding })
}

/// A line of the app, in some of its experiments, that is no JSON object with time, level and message.
///
/// As with secrets, the finding names the experiment and has no facts.
#[must_use]
pub fn unstructured_anywhere<'a>(
    experiments: impl IntoIterator<Item = &'a ExperimentRecord>,
    contract: &Contract,
) -> Option<Finding> {
    let wrong = |one: &'a ExperimentRecord| Some((one, unstructured(&one.timeline, &contract.app)?));
    let (experiment, wrong) = experiments.into_iter().find_map(wrong)?;
    let seen = format!("{} (seen in another experiment: {})", wrong.seen, experiment.name);
    Some(Finding { seen, evidence: vec![], ..wrong })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{contract, line, timeline};
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
}
