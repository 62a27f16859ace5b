//! Lays out the files that a copy has for itself. They lie in the run's scratch folder, which is removed with the run.

use std::path::{Path, PathBuf};

use super::program::run_program;
use super::{Compose, ComposeError, Model, ScratchFile, Source};

impl Compose {
    /// Makes the files of a copy. `model` tells Compose where to look variables up.
    pub async fn lay_out(&self, model: &Model, files: &[ScratchFile]) -> Result<(), ComposeError> {
        for file in files {
            match file {
                ScratchFile::EmptyFolder { to } => make_folder(to)?,
                ScratchFile::CopyOf { from, to } => copy(from, to).await?,
                ScratchFile::Content { to, source } => {
                    let content = match source {
                        Source::Text(text) => text.clone(),
                        Source::Variable(name) => self.variable(model, name).await?,
                    };
                    make_folder(to.parent().unwrap_or(Path::new("/")))?;
                    std::fs::write(to, content).map_err(failed(to))?;
                }
            }
        }
        Ok(())
    }
}

fn make_folder(folder: &Path) -> Result<(), ComposeError> {
    std::fs::create_dir_all(folder).map_err(failed(folder))
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> ComposeError {
    let path: PathBuf = path.to_owned();
    move |source| ComposeError::Scratch { path, source }
}

/// Copies a file or folder with its owners, modes and links; a link at the top is followed, as the engine would.
async fn copy(from: &Path, to: &Path) -> Result<(), ComposeError> {
    make_folder(to.parent().unwrap_or(Path::new("/")))?;
    let arguments =
        ["-R", "-p", "-H", "--"].map(Into::into).into_iter().chain([from.into(), to.into()]).collect::<Vec<std::ffi::OsString>>();
    let output = run_program("cp", &arguments, Path::new("/"), None).await.map_err(failed(from))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(from)(std::io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())))
}
