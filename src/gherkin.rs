//! Gherkin: the feature files, the sentences that scenarios are made of, and the choice of checks for a stack.

mod catalogue;
mod features;
mod need;
mod place;
mod plan;
mod planted;
mod sentences;
mod turns;

pub use self::catalogue::{Catalogue, Check, NotACheck};
pub use self::need::Need;
pub use self::place::Place;
pub use self::plan::{Grouping, Known, Plan, Planned, PlannedExperiment, Selection, Turns, fill_in, is_about};
pub use self::planted::{PLANTED, Planted};
pub use self::sentences::{SENTENCES, Sentence, line, lines, read};
pub use self::turns::{alone, shared};
