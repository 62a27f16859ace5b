//! `seaworthy report`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::progress::{note, say};
use super::reports::ReportFlags;
use crate::causes::with_causes;
use crate::exit::Exit;
use crate::record::{ReadError, Run};
use crate::report;

/// Write the reports of a saved run again, the same as when it was made.
///
/// Without a flag the run is told as `check` told it. The exit code is that of the run.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Arguments {
    /// A run that was saved with --json
    #[arg(value_name = "RUN.json")]
    run: PathBuf,
    /// Let a failed check of severity `should` count too
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    reports: ReportFlags,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let Some(run) = open(&arguments.run) else { return Exit::CouldNotRun };
    for check in &run.checks {
        say(&report::check_line(check));
    }
    say(report::describe(&run, &format!("seaworthy check {}", run.subject.stack)).trim_end());
    if arguments.reports.write(&run) { Exit::of_run(&run, arguments.strict) } else { Exit::CouldNotRun }
}

/// Opens a saved run, or says why it can't be.
pub(super) fn open(file: &Path) -> Option<Run> {
    match std::fs::read(file).map_err(ReadError::File).and_then(|text| Run::read(&text)) {
        Ok(run) => Some(run),
        Err(error) => {
            note(&format!("error: {}: {}", file.display(), with_causes(&error)));
            note(&format!("  help: {}", error.advice()));
            None
        }
    }
}
