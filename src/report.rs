//! Reports: written from a finished run, with nothing else at hand.

mod junit;
mod terminal;

pub use self::junit::to_junit;
pub use self::terminal::{check_line, describe};

use crate::record::Run;

/// The saved run as JSON.
#[must_use]
pub fn to_json(run: &Run) -> String {
    match serde_json::to_string_pretty(run) {
        Ok(json) => json,
        Err(error) => unreachable!("a run has string keys only: {error}"),
    }
}
