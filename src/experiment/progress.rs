//! What is told while a run is under way.

use std::fmt::Debug;

use super::RunError;
use crate::model::CheckRecord;
use crate::subject::Draft;

/// What happens while a run is under way.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Something before or after the checks: what is being done.
    Phase(&'a str),
    /// Something about the stack that its owner should know.
    Warning(&'a str),
    /// The stack does not start: only what starts nothing is checked.
    DoesNotStart(&'a RunError),
    /// What is known of each app, before the checks begin.
    Contracts(&'a [&'a Draft]),
    /// The checks begin.
    ChecksStarted {
        /// How many will run.
        count: usize,
    },
    /// An experiment began.
    ExperimentStarted {
        /// What it is called: by its rule, or by its only check.
        name: &'a str,
        /// The title of its only check, or how many there are.
        what: &'a str,
    },
    /// An experiment does or waits for something else now.
    StepStarted {
        /// The name of the experiment.
        name: &'a str,
        /// The line of the scenario.
        step: &'a str,
    },
    /// An experiment ended; the checks follow.
    ExperimentEnded {
        /// Its name.
        name: &'a str,
    },
    /// A check ended.
    CheckFinished(&'a CheckRecord),
}

/// Told what happens while a run is under way. Must not block.
pub trait Progress: Debug + Send + Sync {
    /// Something happened.
    fn tell(&self, event: Event<'_>);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn tell(&self, _: Event<'_>) {}
}
