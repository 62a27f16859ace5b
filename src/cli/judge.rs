//! `seaworthy judge`.

use std::path::PathBuf;

use clap::Args;

use super::report::{open, show};
use super::reports::ReportFlags;
use super::screen::{DetailFlags, note};
use crate::exit::Exit;
use crate::model::Run;
use crate::suite::judge_again;

/// Judge a saved run again, from its saved observations, with this version.
///
/// Needs no engine. Checks that did not run stay as they are. The exit code follows the new verdicts; differences from the saved ones
/// are reported on standard error.
#[derive(Debug, Args)]
#[command(after_help = super::examples("  \
  seaworthy judge run.json
  seaworthy judge run.json --json judged.json"))]
pub(super) struct Arguments {
    /// A run that was saved with --json
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    /// Let a failed check of severity `should` count too
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    detail: DetailFlags,
    #[command(flatten)]
    reports: ReportFlags,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Some(saved) = open(&arguments.run) else { return Exit::CouldNotRun };
    let mut judged = judge_again(&saved);
    judged.strict |= arguments.strict;
    tell_differences(&saved, &judged);
    show(&judged, arguments.detail, &arguments.reports)
}

fn tell_differences(saved: &Run, judged: &Run) {
    for (before, now) in saved.checks.iter().zip(&judged.checks) {
        if before.verdict != now.verdict {
            let (before, after) = (crate::report::word(before.verdict), crate::report::word(now.verdict));
            note(&format!("{}: was {before}, is {after}", now.name()));
        } else if (&before.finding, &before.reason) != (&now.finding, &now.reason) {
            note(&format!("{}: the reason differs", now.name()));
        }
    }
}
