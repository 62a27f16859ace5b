//! The files that a stack is made of, as reports name them: from the folder that the run was started in, which is how code
//! scanning knows them.

use std::path::Path;

use super::Bench;
use crate::record::SourceFiles;

/// The files of a stack.
pub(super) fn of(bench: &Bench) -> SourceFiles {
    SourceFiles {
        compose: bench.model.file().sources().iter().map(|file| named(file)).collect(),
        dockerfile: bench.model.recipe(&bench.contract.app).ok().map(|built| named(&built.path)),
    }
}

/// A file's name.
pub(super) fn named(file: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    file.strip_prefix(here).unwrap_or(file).display().to_string()
}
