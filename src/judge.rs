//! Judging: what a timeline proves. Pure functions, a window of facts in and an outcome out; nothing here waits, asks or writes.
//!
//! A judge may only say "broken" with a fact that proves it. Where a fact could not be measured, the outcome is undecided, and the
//! check could not run.

mod answers;
mod anywhere;
mod attempts;
mod body;
mod causes;
mod check;
mod claim;
mod config;
mod defect;
mod dependency;
mod failure;
mod felt;
mod files;
mod gap;
mod health;
mod image;
mod listing;
mod load;
mod log;
mod logging;
mod meaning;
mod missed;
mod names;
mod process;
mod proof;
mod sessions;
mod stop;
mod trace;
mod window;
mod words;
mod work;

pub use self::answers::ready_in_a_row;
pub use self::anywhere::{secret_anywhere, traces_anywhere, unstructured_anywhere};
pub use self::attempts::attempts;
pub use self::causes::{causes, missing_reporters, resolve};
pub use self::check::{Part, Ruling, begin, judge};
pub use self::claim::{Anchor, Claim, Lasting, Limit, Wanted};
pub use self::config::names_setting;
pub use self::dependency::{Awaited, became_healthy, completed, gone_after, started_to_accept};
pub use self::gap::gap;
pub use self::proof::{prove, prove_check};
pub use self::window::{Event, SIGN_LIMIT, SLOWEST, Window, start_limit};
pub use self::words::{count_exits, seconds, since, used};
pub(crate) use self::work::{DISTURBED, UNDISTURBED, patience as work_limit};
use crate::model::{FactId, Inspection, Outcome, Place};

/// The same outcome with the lines that are at fault.
fn with_places(outcome: Outcome, places: impl IntoIterator<Item = Place>) -> Outcome {
    match outcome {
        Outcome::Broken(mut finding) => {
            finding.places.extend(places);
            Outcome::Broken(finding)
        }
        other => other,
    }
}

impl<'a> Window<'a> {
    /// What looks have shown, the last first.
    fn inspections(&self) -> impl DoubleEndedIterator<Item = (FactId, &'a Inspection)> + use<'a> {
        self.facts.iter().filter_map(|one| match &one.fact {
            crate::model::Fact::Inspected { inspection } => Some((one.id, inspection)),
            _ => None,
        })
    }

    /// The last look that has shown something, and what.
    fn inspected<T>(&self, find: impl Fn(&'a Inspection) -> Option<T>) -> Option<(FactId, T)> {
        self.inspections().rev().find_map(|(id, inspection)| Some((id, find(inspection)?)))
    }
}

#[cfg(test)]
pub(crate) mod testing;
