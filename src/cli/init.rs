//! `seaworthy init`.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::files::FileFlags;
use super::flags::ContractFlags;
use super::screen::{note, say};
use crate::clock::Clock;
use crate::compose::{Compose, ComposeError, ComposeFile, Hazard, Model};
use crate::engine::{Engine, RunId};
use crate::exit::Exit;
use crate::experiment::{Exceptions, ResolvedStack, drafts};
use crate::gherkin::Catalogue;
use crate::subject::{Misfit, append, block};

/// Detect the contract of a stack, and add it to the compose file as an x-seaworthy block.
///
/// All other lines stay as they are. What can't be detected is added as a comment for you to fill in; flags win over what is
/// detected. Works without an engine; with one, the ports that images expose are detected too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  seaworthy init
  seaworthy init path/to/compose.yaml --readiness /health")]
pub(super) struct Arguments {
    #[command(flatten)]
    files: FileFlags,
    /// Show the block instead of writing it
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    contract: ContractFlags,
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let clock = Clock::start();
    let flags = arguments.contract.into();
    // What can't be isolated is no reason not to describe the stack.
    let exceptions = Exceptions { allowed: Hazard::ALL.into(), ..Exceptions::default() };
    let target = arguments.files.into();
    let resolved = match ResolvedStack::read(&target, &flags, &exceptions, &Catalogue::built_in().ids(), clock.day()).await {
        Ok(resolved) => resolved,
        Err(error) => {
            super::check::explain(&error);
            return Exit::of_error(&error);
        }
    };
    let engine = Engine::connect(RunId::random(), clock, None).await.ok();
    let block = block(&drafts(&resolved, engine.as_ref()).await);
    if arguments.print {
        say(block.trim_end());
        return Exit::Passed;
    }
    match add(&resolved.model, &block).await {
        Ok(file) => {
            note(&format!("wrote to {}:", file.display()));
            say(block.trim_end());
            Exit::Passed
        }
        Err(message) => {
            note(&format!("error: {message}"));
            note("  help: `seaworthy init --print` shows the block, for you to add by hand");
            Exit::CouldNotRun
        }
    }
}

/// Adds the block to the first of the stack's files, and returns which one that is. The file is replaced at once, and only when
/// Compose reads the same from it as before.
async fn add(model: &Model, block: &str) -> Result<PathBuf, String> {
    let file = model.file().sources().pop().ok_or("the stack has no file")?;
    let shown = file.display();
    let text = std::fs::read_to_string(&file).map_err(|error| format!("{shown} can't be read: {error}"))?;
    let text = append(&file, &text, block).map_err(|misfit| match misfit {
        Misfit::AlreadyThere { line } => format!("{shown}:{line} has an x-seaworthy block"),
        Misfit::NotABlock => format!("{shown} is not written in a form that a block can be added to"),
    })?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let failed = |error: std::io::Error| format!("{shown} can't be written: {error}");
    // Beside it, so that relative paths mean the same and the move is one step.
    let fresh = folder.join(format!(".seaworthy-init-{}.yaml", std::process::id()));
    let written = async {
        std::fs::write(&fresh, &text).map_err(failed)?;
        let permissions = std::fs::metadata(&file).map_err(failed)?.permissions();
        std::fs::set_permissions(&fresh, permissions).map_err(failed)?;
        let (before, after) = (resolve(&file).await, resolve(&fresh).await);
        if before.is_err() || before != after {
            return Err(format!("the block would change the meaning of {shown}"));
        }
        std::fs::rename(&fresh, &file).map_err(failed)
    };
    let written = written.await;
    if written.is_err() {
        // It may never have been made.
        let _ = std::fs::remove_file(&fresh);
    }
    written.map(|()| file.clone())
}

/// What Compose reads from one file alone, our block aside; nothing where it can't be read without the others.
async fn resolve(file: &Path) -> Result<Option<Value>, String> {
    let file = ComposeFile::find(file).map_err(|error| error.to_string())?;
    match Compose.resolve(&file).await {
        Ok(model) => {
            let mut value = model.value().clone();
            if let Some(root) = value.as_object_mut() {
                root.remove("x-seaworthy");
            }
            Ok(Some(value))
        }
        Err(ComposeError::Unreadable { .. }) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
