//! `seaworthy prune`, and the hidden `seaworthy reap` that a run starts for itself.

use clap::Args;

use super::screen::{note, say};
use crate::clock::Clock;
use crate::engine::{Engine, EngineError, KnownRun, RunId, reap as wait_and_remove};
use crate::exit::Exit;
use crate::experiment::RunError;

/// Remove what dead runs left behind.
///
/// Only containers, networks, volumes and images with the label `dev.seaworthy.run` are ever touched. Every run of
/// `seaworthy check` does the same when it begins.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  seaworthy prune --dry-run
  seaworthy prune")]
pub(super) struct Arguments {
    /// Remove all runs, even those that are running or belong to another machine
    #[arg(long)]
    all: bool,
    /// Only show what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(arguments: &Arguments) -> Exit {
    match prune(arguments).await {
        Ok(()) => Exit::Passed,
        Err(error) => {
            super::check::explain(&RunError::Engine(error));
            Exit::CouldNotRun
        }
    }
}

async fn prune(arguments: &Arguments) -> Result<(), EngineError> {
    let engine = Engine::connect(RunId::random(), Clock::start(), None).await?;
    let (chosen, kept): (Vec<KnownRun>, Vec<KnownRun>) =
        engine.known_runs().await?.into_iter().partition(|known| arguments.all || known.is_dead);
    for known in &chosen {
        if !arguments.dry_run {
            engine.remove_run(&known.run).await?;
        }
        say(&format!("{} {}", if arguments.dry_run { "would remove" } else { "removed" }, known));
    }
    if chosen.is_empty() {
        say("nothing to remove");
    }
    for known in kept {
        note(&format!("kept {known}: its process still runs, or belongs to another machine (--all removes it)"));
    }
    Ok(())
}

/// The life of a reaper.
pub(super) async fn reap(run: &str) -> Exit {
    match wait_and_remove(RunId::read(run), tokio::io::stdin()).await {
        Ok(()) => Exit::Passed,
        Err(_) => Exit::CouldNotRun,
    }
}
