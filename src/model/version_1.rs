//! Runs of format 1, in which every check carried a timeline of its own and the finding was one string. They are read for `report` and
//! `compare`; the string stays as it is.

use std::time::Duration;

use serde::Deserialize;

use super::{
    CheckRecord, ExperimentRecord, FORMAT_VERSION, FactId, Finding, Observation, Place, Run, Severity, Subject, Tool, Verdict,
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
        contract,
        notes,
        strict: false,
        experiments: vec![],
        checks: vec![],
    };
    for check in checks {
        let (record, timeline) = check.into_record();
        let experiment = (!timeline.is_empty()).then_some(run.experiments.len());
        if experiment.is_some() {
            run.experiments.push(ExperimentRecord { name: record.name(), timeline });
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
            Some(seen) if is_finding => (Some(Finding { expected: title.clone(), seen, evidence: vec![], places }), None),
            reason => (None, reason),
        };
        let timeline = timeline.into_iter().zip(0..).map(|(fact, id)| Observation { id: FactId(id), ..fact }).collect();
        let record = CheckRecord {
            id,
            dependency,
            title,
            severity,
            verdict,
            finding,
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
