//! What a run says while it is under way: what it does on standard error, each finished check on standard output.

use std::io::{Write, stderr, stdout};

use crate::report::check_line;
use crate::suite::{Event, Progress};
use crate::verdict::Verdict;

/// Writes a line for every event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lines {
    /// Whether the contract is to be shown.
    pub(super) explains: bool,
}

impl Progress for Lines {
    fn tell(&self, event: Event<'_>) {
        match event {
            Event::Phase(what) => note(&format!("… {what}")),
            Event::Warning(what) => note(&format!("warning: {what}")),
            Event::Contract(draft) if self.explains => say(&draft.explain()),
            Event::ChecksStarted { count: 1 } => note("… running 1 check"),
            Event::ChecksStarted { count } => note(&format!("… running {count} checks")),
            Event::CheckStarted { name, title } => note(&format!("started {name:<34} {title}")),
            Event::CheckFinished(check) if check.verdict != Verdict::NotApplicable => say(&check_line(check)),
            Event::Contract(_) | Event::CheckFinished(_) => {}
        }
    }
}

/// Writes a line to standard output. A reader that went away is no reason to leave containers behind.
pub(super) fn say(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}

/// Writes a line to standard error.
pub(super) fn note(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}
