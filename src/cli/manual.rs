//! `seaworthy completions` and `seaworthy man`: made from the same definitions as `--help`.

use std::io::{self, stdout};
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::screen::note;
use crate::exit::Exit;

/// Print the completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  seaworthy completions bash > ~/.local/share/bash-completion/completions/seaworthy
  seaworthy completions zsh > \"${fpath[1]}/_seaworthy\"
  seaworthy completions fish > ~/.config/fish/completions/seaworthy.fish")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

pub(super) fn complete(arguments: &Completions) -> Exit {
    let mut script = vec![];
    generate(arguments.shell, &mut super::Arguments::command(), "seaworthy", &mut script);
    ended(io::Write::write_all(&mut stdout(), &script), "the script")
}

/// Print the manual page; with --dir, write one for each subcommand too.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  seaworthy man | man -l -
  seaworthy man --dir ~/.local/share/man/man1")]
pub(super) struct Man {
    /// The folder to write the pages to
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn man(arguments: &Man) -> Exit {
    let command = super::Arguments::command();
    match &arguments.dir {
        Some(folder) => {
            let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(command, folder));
            ended(written, &folder.display().to_string())
        }
        None => ended(clap_mangen::Man::new(command).render(&mut stdout()), "the page"),
    }
}

/// A reader that has read enough is no failure.
fn ended(written: io::Result<()>, what: &str) -> Exit {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            note(&format!("error: {what} can't be written: {error}"));
            Exit::CouldNotRun
        }
        _ => Exit::Passed,
    }
}
