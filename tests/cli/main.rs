//! The real executable: what it prints, how it exits, and that it leaves nothing behind.

#![expect(clippy::disallowed_methods, reason = "these tests start the executable and ask the real client")]

mod apps;
mod cleanup;
mod contracts;
#[path = "../engine/mod.rs"]
mod engine;
mod engines;
mod errors;
mod features;
mod files;
mod forms;
#[path = "../harness/mod.rs"]
mod harness;
mod images;
mod isolation;
mod one_shots;
mod proofs;
mod saved_runs;
mod secrets;
mod start;
mod terminal;

use std::process::ExitCode;

pub(crate) use start::{docker, left_by, run, seaworthy, shown};

fn main() -> ExitCode {
    // Those that take longest come first.
    harness::run(&[
        proofs::TESTS,
        apps::TESTS,
        cleanup::TESTS,
        contracts::TESTS,
        engines::TESTS,
        errors::TESTS,
        features::TESTS,
        files::TESTS,
        forms::TESTS,
        images::TESTS,
        isolation::TESTS,
        one_shots::TESTS,
        saved_runs::TESTS,
        secrets::TESTS,
        terminal::TESTS,
    ])
}
