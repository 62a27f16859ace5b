//! Runs of format 1, in which every check carried a timeline of its own and the finding was one string. They are read for `report` and
//! `compare`; the string stays as it is.

use std::time::Duration;

use serde::Deserialize;

use super::{
    Apps, CheckRecord, ExperimentRecord, FORMAT_VERSION, FactId, Finding, Observation, Place, Run, Severity, Subject, Tool,
    Verdict,
};
use crate::clock::millis;
use crate::subject::Contract;

#[derive(Deserialize)]
struct Old {
    tool: Tool,
    subject: Subject,
    contract: Contract,
    notes: Vec<String>,
    checks: Vec<OldCheck>,
}

#[derive(Deserialize)]
struct OldCheck {
    id: String,
    dependency: Option<String>,
    title: String,
    severity: Severity,
    verdict: Verdict,
    reason: Option<String>,
    #[serde(default)]
    places: Vec<Place>,
    why: String,
    mend: String,
    #[serde(rename = "duration_ms", with = "millis")]
    duration: Duration,
    timeline: Vec<Observation>,
}

/// Reads a run of format 1 as one of today's.
pub(super) fn read(json: &[u8]) -> serde_json::Result<Run> {
    let Old { tool, subject, contract, notes, checks } = serde_json::from_slice(json)?;
    let mut run = Run {
        format_version: FORMAT_VERSION,
        tool,
        subject,
        apps: Apps::one(contract),
        notes,
        strict: false,
        experiments: vec![],
        causes: vec![],
        checks: vec![],
        proof: vec![],
    };
    for check in checks {
        let (record, timeline) = check.into_record();
        let experiment = (!timeline.is_empty()).then_some(run.experiments.len());
        if experiment.is_some() {
            run.experiments.push(ExperimentRecord { app: None, name: record.name(), timeline });
        }
        run.checks.push(CheckRecord { experiment, ..record });
    }
    Ok(run)
}

impl OldCheck {
    fn into_record(self) -> (CheckRecord, Vec<Observation>) {
        let Self { id, dependency, title, severity, verdict, reason, places, why, mend, duration, timeline } = self;
        let is_finding = matches!(verdict, Verdict::Failed | Verdict::Waived);
        let (finding, reason) = match reason {
            Some(seen) if is_finding => {
                (Some(Finding { expected: title.clone(), seen, evidence: vec![], places, defect: None }), None)
            }
            reason => (None, reason),
        };
        let timeline = timeline.into_iter().zip(0..).map(|(fact, id)| Observation { id: FactId(id), ..fact }).collect();
        let record = CheckRecord {
            app: None,
            id,
            dependency,
            title,
            severity,
            verdict,
            finding,
            blocked_by: None,
            flag: None,
            reason,
            why,
            fix: mend,
            duration,
            experiment: None,
            steps: vec![],
        };
        (record, timeline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ContainerChange, Fact};

    fn old() -> Run {
        Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run of format 1")
    }

    #[test]
    fn a_run_of_format_1_is_read_as_one_of_today() {
        let run = old();
        assert_eq!((run.format_version, run.strict, run.apps.in_words().as_str()), (FORMAT_VERSION, false, "`app`"));
        let verdicts: Vec<(String, Verdict)> = run.checks.iter().map(|check| (check.name(), check.verdict)).collect();
        let expected = [
            ("readiness.says-503[db]", Verdict::Passed),
            ("shutdown.in-time", Verdict::Failed),
            ("outage.frozen[db]", Verdict::Passed),
            ("outage.exhausted", Verdict::NotApplicable),
            ("config.no-secrets", Verdict::Waived),
        ];
        assert_eq!(verdicts, expected.map(|(name, verdict)| (name.to_owned(), verdict)));
        let stop = &run.checks[1];
        assert!(stop.why.starts_with("Every deployment stops the old container"), "{}", stop.why);
        assert!(stop.fix.starts_with("run the server as the first process"), "{}", stop.fix);
    }

    #[test]
    fn each_check_points_to_an_experiment_of_its_own() {
        let run = old();
        let experiments: Vec<Option<usize>> = run.checks.iter().map(|check| check.experiment).collect();
        assert_eq!(experiments, [Some(0), Some(1), Some(2), None, None]);
        let lengths: Vec<usize> = run.checks.iter().map(|check| run.timeline(check).len()).collect();
        assert_eq!(lengths, [24, 91, 89, 0, 0]);
        for experiment in &run.experiments {
            let ids: Vec<u32> = experiment.timeline.iter().map(|one| one.id.0).collect();
            assert!(ids.iter().copied().eq(0..u32::try_from(ids.len()).expect("few")), "{}: {ids:?}", experiment.name);
        }
        let of_stop = run.timeline(&run.checks[1]);
        let started =
            |one: &&Observation| matches!(one.fact, Fact::Container { change: ContainerChange::Started { pid: Some(_) }, .. });
        assert!(of_stop.iter().any(|one| started(&one)), "the first process has its number");
    }

    #[test]
    fn what_was_seen_stays_as_it_was_told() {
        let run = old();
        let finding = run.checks[1].finding.as_ref().expect("it failed");
        assert!(finding.seen.contains("`app` exits within 10.0 s of SIGTERM"), "{}", finding.seen);
        assert_eq!(run.checks[1].reason, None);
        let reason = run.checks[3].reason.as_deref();
        assert_eq!((reason, &run.checks[3].finding), (Some("`db` is no PostgreSQL server"), &None));
        let waived = run.checks[4].finding.as_ref().expect("it failed, and that is accepted");
        assert_eq!(waived.places, [Place { file: "stacks/defects/shell-form-cmd/compose.yaml".into(), line: 12 }]);
        assert!(waived.seen.contains("the vault comes with the next release"), "{}", waived.seen);
    }
}
