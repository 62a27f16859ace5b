//! The command line.

mod check;
mod files;
mod flags;
mod image;
mod init;
mod plan;
mod progress;
mod prune;
mod report;
mod reports;
mod steps;

use clap::{Parser, Subcommand};

use crate::engine::follow_context;
use crate::exit::Exit;

const EXIT_CODES: &str = "\
Exit codes:
  0  all checks of severity `must` passed (with --strict, all checks)
  1  a check of severity `must` failed (with --strict, any check)
  2  it could not be found out: usage, compose file, engine, or a stack that does not come up
  3  nothing ran: no check was selected, or none applies";

/// Proves, by running it, that a container image or compose stack is ready for production.
#[derive(Debug, Parser)]
#[command(name = "seaworthy", version, about, after_help = EXIT_CODES)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start copies of a stack, disturb them, and judge what happens.
    Check(Box<check::Arguments>),
    /// Show what `check` would start, and what it would change in every copy. Needs no engine.
    Plan(plan::Arguments),
    /// Write an x-seaworthy block, with what can be told of the stack, at the end of its compose file.
    Init(Box<init::Arguments>),
    /// Write the reports of a saved run again.
    Report(report::Arguments),
    /// List the sentences that scenarios are made of, with an example each.
    Steps(steps::Arguments),
    /// Remove what runs have left behind whose process is gone.
    Prune(prune::Arguments),
    /// Wait for the end of standard input, then remove a run.
    #[command(hide = true)]
    Reap {
        /// The run
        run: String,
    },
}

/// Runs the command and says how it ended.
pub async fn run(arguments: Arguments) -> Exit {
    follow_context();
    match arguments.command {
        Command::Check(arguments) => check::run(*arguments).await,
        Command::Plan(arguments) => plan::run(arguments).await,
        Command::Init(arguments) => init::run(*arguments).await,
        Command::Report(arguments) => report::run(&arguments),
        Command::Steps(arguments) => steps::run(&arguments),
        Command::Prune(arguments) => prune::run(&arguments).await,
        Command::Reap { run } => prune::reap(&run).await,
    }
}
