//! The suite: the checks as Gherkin, the steps that they are made of, and the run that judges a stack by them.

mod bench;
mod blueprint;
mod catalogue;
mod check;
mod error;
mod features;
mod launch;
mod need;
mod paths;
mod plan;
mod runner;
mod setup;
mod sources;
mod steps;
mod try_out;
mod world;

pub use self::bench::{Bench, draft};
pub use self::blueprint::{Blueprint, Files, Target};
pub use self::catalogue::{Catalogue, Check, NotACheck};
pub use self::check::{Request, Scan, check, check_with};
pub use self::error::{Failure, RunError};
pub use self::need::Need;
pub use self::plan::{Known, Plan, Planned, Selection};
pub use self::runner::{Event, Progress, Silent};
pub use self::steps::{STEPS, StepDefinition};
pub use self::world::ScenarioWorld;
