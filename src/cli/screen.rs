//! The terminal: what is written to it, and what it can show. Results go to standard output, all that is said about the work to
//! standard error.

use std::io::{Write, stderr, stdout};
use std::sync::LazyLock;

use anstream::{AutoStream, ColorChoice};
use clap::Args;
use indicatif::{MultiProgress, ProgressDrawTarget};
use terminal_size::{Width, terminal_size_of};

use crate::report::{Detail, Look};

/// The lines at the bottom that change; nothing where standard error is no terminal, or one that can't move its cursor.
static LIVE: LazyLock<MultiProgress> = LazyLock::new(|| {
    let cannot_move = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let target = if cannot_move { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    MultiProgress::with_draw_target(target)
});

/// How much is told.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct DetailFlags {
    /// Show only failures and the summary
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,
    /// Show every step as it begins, and the whole timeline of a failed check
    #[arg(long, short)]
    verbose: bool,
}

impl From<DetailFlags> for Detail {
    fn from(flags: DetailFlags) -> Self {
        match flags {
            DetailFlags { quiet: true, .. } => Self::Quiet,
            DetailFlags { verbose: true, .. } => Self::Verbose,
            DetailFlags { .. } => Self::Normal,
        }
    }
}

/// What standard output can show. `NO_COLOR`, `CLICOLOR_FORCE` and `COLUMNS` are followed.
pub(super) fn look(detail: impl Into<Detail>) -> Look {
    let declared = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    Look {
        width: declared.or_else(|| terminal_size_of(stdout()).map(|(Width(columns), _)| usize::from(columns))),
        colour: AutoStream::choice(&stdout()) != ColorChoice::Never,
        detail: detail.into(),
    }
}

/// The lines that change.
pub(super) fn live() -> &'static MultiProgress {
    &LIVE
}

/// Writes a line to standard output. A reader that went away is no reason to leave containers behind.
pub(super) fn say(line: &str) {
    LIVE.suspend(|| {
        let _ = writeln!(stdout(), "{line}");
    });
}

/// Writes a line to standard error.
pub(super) fn note(line: &str) {
    LIVE.suspend(|| {
        let _ = writeln!(stderr(), "{line}");
    });
}
