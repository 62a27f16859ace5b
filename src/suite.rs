//! The suite: the whole of a run, from the path of a compose file to the record of every check; and the judging of saved runs.
//!
//! Our own runner performs scenarios made of our sentences; under `cargo cucumber` cucumber shows them, and drives only those with steps of
//! somebody else. A verdict is reached by the same code.

mod again;
mod check;
mod company;
mod conclude;
mod cucumber;
mod eliminate;
mod execute;
mod length;
mod pace;
mod prove;

pub use self::again::{judge_again, lines_of};
pub use self::check::{Request, check, check_with};
pub use self::cucumber::ScenarioWorld;
pub use crate::experiment::{Event, Exceptions, Progress, RunError, Scan, Silent, Target};
