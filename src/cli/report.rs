//! `seaworthy report`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::reports::ReportFlags;
use super::screen::{DetailFlags, look, note, say};
use crate::causes::with_causes;
use crate::exit::Exit;
use crate::judge::causes;
use crate::model::{ReadError, Run};
use crate::report;

/// Write reports from a saved run, the same as when it ended. Needs no engine.
///
/// Without a flag it prints what `check` printed. The exit code is that of the run.
#[derive(Debug, Args)]
#[command(after_help = super::examples("  \
  seaworthy report run.json
  seaworthy report run.json --html report.html --junit junit.xml
  seaworthy report run.json --verbose"))]
pub(super) struct Arguments {
    #[command(flatten)]
    saved: Saved,
}

/// A saved run, and how it is shown.
#[derive(Debug, Args)]
pub(super) struct Saved {
    /// A run that was saved with --json
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    /// Let failed `should` checks count too
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    detail: DetailFlags,
    #[command(flatten)]
    reports: ReportFlags,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    arguments.saved.show(|run| run)
}

impl Saved {
    /// Opens the run, lets it be changed, shows it as `check` showed it, and writes its reports.
    pub(super) fn show(&self, change: impl FnOnce(Run) -> Run) -> Exit {
        let Some(run) = open(&self.run) else { return Exit::CouldNotRun };
        if !run.proof.is_empty() && !self.reports.can_hold_proof() {
            return Exit::CouldNotRun;
        }
        let mut run = change(run);
        run.strict |= self.strict;
        show(&run, self.detail, &self.reports)
    }
}

fn show(run: &Run, detail: DetailFlags, reports: &ReportFlags) -> Exit {
    let look = look(detail);
    say(report::describe(run, &format!("seaworthy check {}", run.subject.stack), look).trim_end());
    if reports.write(run) { Exit::of_run(run) } else { Exit::CouldNotRun }
}

/// Opens a saved run, or says why it can't be.
pub(super) fn open(file: &Path) -> Option<Run> {
    match std::fs::read(file).map_err(ReadError::File).and_then(|text| Run::read(&text)) {
        Ok(mut run) => {
            if run.causes.is_empty() {
                run.causes = causes(&run.checks);
            }
            Some(run)
        }
        Err(error) => {
            note(&format!("error: {}: {}", file.display(), with_causes(&error)));
            note(&format!("  help: {}", error.advice()));
            None
        }
    }
}
