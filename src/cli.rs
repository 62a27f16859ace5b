//! The command line.

mod check;
mod compare;
mod explain;
mod files;
mod flags;
mod image;
mod init;
mod judge;
mod list;
mod manual;
mod plan;
mod progress;
mod prune;
mod report;
mod reports;
mod screen;
mod steps;

use clap::{Parser, Subcommand};

use crate::engine::follow_context;
use crate::exit::Exit;

const EXIT_CODES: &str = "\
Exit codes:
  0  all checks of severity `must` passed (with --strict, all checks)
  1  a check of severity `must` failed (with --strict, any check)
  2  no verdict: wrong usage, a compose file or engine error, or a stack that does not start
  3  nothing was judged: no check was selected, none applies to the stack, or all are blocked";

const EXAMPLES: &str = "  \
  seaworthy check
  seaworthy check path/to/compose.yaml --tags '@shutdown or @outage'
  seaworthy check --image shop:1.4 --with postgres --readiness /health
  seaworthy report run.json --html report.html";

/// Examples, and what the exit code says.
fn examples(lines: &str) -> String {
    format!("Examples:\n{lines}\n\n{EXIT_CODES}")
}

/// Proves, by running it, that a container image or compose stack is ready for production.
#[derive(Debug, Parser)]
#[command(name = "seaworthy", version, about, after_help = examples(EXAMPLES))]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start copies of a stack, disturb them, and judge what happens.
    Check(Box<check::Arguments>),
    /// Show what `check` would start, and what it would change in each copy. Needs no engine.
    Plan(plan::Arguments),
    /// Detect the contract of a stack, and add it to the compose file as x-seaworthy.
    Init(Box<init::Arguments>),
    /// Write reports from a saved run. Needs no engine.
    Report(report::Arguments),
    /// Judge a saved run again with this version. Needs no engine.
    Judge(judge::Arguments),
    /// Compare two saved runs: what got better, worse and slower.
    Compare(compare::Arguments),
    /// List the checks.
    List(list::Arguments),
    /// Explain a check: why it matters, what it does, and how to fix a failure.
    Explain(explain::Arguments),
    /// List the sentences for scenarios of your own, each with an example.
    Steps(steps::Arguments),
    /// Remove what dead runs left behind.
    Prune(prune::Arguments),
    /// Print the completion script for a shell.
    Completions(manual::Completions),
    /// Print the manual page.
    Man(manual::Man),
    /// Wait for the end of standard input, then remove a run.
    #[command(hide = true)]
    Reap {
        /// The run
        run: String,
    },
}

/// Runs the command and says how it ended.
pub async fn run(arguments: Arguments) -> Exit {
    if let Some(warning) = follow_context() {
        screen::note(&format!("warning: {warning}"));
    }
    match arguments.command {
        Command::Check(arguments) => check::run(*arguments).await,
        Command::Plan(arguments) => plan::run(arguments).await,
        Command::Init(arguments) => init::run(*arguments).await,
        Command::Report(arguments) => report::run(&arguments),
        Command::Judge(arguments) => judge::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Steps(arguments) => steps::run(&arguments),
        Command::Prune(arguments) => prune::run(&arguments).await,
        Command::Completions(arguments) => manual::complete(&arguments),
        Command::Man(arguments) => manual::man(&arguments),
        Command::Reap { run } => prune::reap(&run).await,
    }
}
