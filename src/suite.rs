//! The suite: the whole of a run, from the path of a compose file to the record of every check; and the judging of saved runs.
//!
//! Two runners perform the same steps and reach a verdict by the same code: our own, which `check` uses, and cucumber's, for
//! `cargo cucumber` and for libraries with steps of their own.

mod again;
mod check;
mod conclude;
mod cucumber;
mod eliminate;
mod execute;
mod length;
mod pace;

pub use self::again::{judge_again, lines_of};
pub use self::check::{Request, check, check_with};
pub use self::cucumber::ScenarioWorld;
pub use crate::experiment::{Event, Progress, RunError, Scan, Silent, Target};
