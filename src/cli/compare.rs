//! `seaworthy compare`.

use std::path::PathBuf;

use clap::Args;

use super::report::open;
use super::screen::{look, say};
use crate::exit::Exit;
use crate::report::{Detail, compare};

const AFTER_HELP: &str = "\
Examples:
  seaworthy compare main.json branch.json
  seaworthy compare last-week.json today.json --strict

Exit codes:
  0  nothing got worse
  1  a check of severity `must` got worse (with --strict, any check)
  2  a run could not be read";

/// Compare two saved runs: what got better, worse and slower.
///
/// A check got worse when it fails or could not run, and did not before. It is slower or faster when it passed in both runs and its
/// time differs by more than a half and by more than a second.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// The earlier run, as --json saves it
    #[arg(value_name = "OLD.json")]
    old: PathBuf,
    /// The later run
    #[arg(value_name = "NEW.json")]
    new: PathBuf,
    /// Let `should` checks that got worse count too
    #[arg(long)]
    strict: bool,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let (Some(old), Some(new)) = (open(&arguments.old), open(&arguments.new)) else { return Exit::CouldNotRun };
    let comparison = compare(&old, &new);
    say(comparison.describe(look(Detail::default())).trim_end());
    if comparison.got_worse(arguments.strict) { Exit::Failed } else { Exit::Passed }
}
