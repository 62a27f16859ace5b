//! Flags that name a compose file and what it is resolved with, as `docker compose` has them.

use std::path::PathBuf;

use clap::Args;

use crate::experiment::{Files, Target};

/// The stack.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct FileFlags {
    /// A compose file, or the folder that holds one [default: this folder]
    #[arg(value_name = "DIR|FILE", conflicts_with = "file")]
    path: Option<PathBuf>,
    /// A compose file; may be repeated, later files override earlier ones
    #[arg(long, short, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Enable a profile of the compose file; may be repeated
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// A file with variables, instead of .env; with --image, variables for the app; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(super) env_file: Vec<PathBuf>,
}

impl From<FileFlags> for Target {
    fn from(flags: FileFlags) -> Self {
        let paths = if flags.file.is_empty() { vec![flags.path.unwrap_or_else(|| ".".into())] } else { flags.file };
        Self::Files(Files { paths, env_files: flags.env_file, profiles: flags.profile })
    }
}
