//! The files that a stack is made of, as reports name them: from the folder that the run was started in, which is how code
//! scanning knows them.

use std::path::Path;

use super::RunContext;
use crate::compose::place_of_key;
use crate::model::{Place, SourceFiles};

/// The files of a stack.
#[must_use]
pub fn files(context: &RunContext) -> SourceFiles {
    SourceFiles {
        compose: context.model.file().sources().iter().map(|file| named(file)).collect(),
        dockerfile: context.model.recipe(&context.contract.app).ok().map(|built| named(&built.path)),
    }
}

/// A file's name.
pub(super) fn named(file: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    file.strip_prefix(here).unwrap_or(file).display().to_string()
}

/// A line of a file.
pub(super) fn place(file: &Path, line: usize) -> Place {
    Place { file: named(file), line }
}

/// The line of a key of a service, or of what is nearest to it in the user's own files.
pub(super) fn place_of(context: &RunContext, service: &str, key: &str) -> Option<Place> {
    let files = context.model.file().sources();
    place_of_key(&files, &["services", service, key]).map(|(file, line)| place(file, line))
}
