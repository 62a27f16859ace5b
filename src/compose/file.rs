//! Where a stack is declared: compose files and what they are resolved with. Paths are absolute.

use std::path::{Path, PathBuf};

use super::ComposeError;

/// The names that Compose looks for, in its order.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The declaration of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposeFile {
    origin: Origin,
    env_files: Vec<PathBuf>,
    profiles: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// Files that are merged, the later over the earlier; at least one.
    Files(Vec<PathBuf>),
    /// A folder with a compose file, and perhaps an override file.
    Folder(PathBuf),
    /// Text that was made for an image.
    Generated { subject: PathBuf, text: String },
}

impl ComposeFile {
    /// The compose file at a path, or in the folder at a path.
    pub fn find(path: &Path) -> Result<Self, ComposeError> {
        let absolute = absolute(path)?;
        if !absolute.is_dir() {
            return Ok(Self::new(Origin::Files(vec![absolute])));
        }
        // Compose would go on to look in the folders above.
        if NAMES.iter().any(|name| absolute.join(name).exists()) {
            Ok(Self::new(Origin::Folder(absolute)))
        } else {
            Err(ComposeError::NoFile { folder: path.to_owned() })
        }
    }

    /// Several files that Compose merges, the later over the earlier. Relative paths in them belong to the folder of the first.
    pub fn merge(paths: &[PathBuf]) -> Result<Self, ComposeError> {
        let files: Vec<PathBuf> = paths.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?;
        match &files[..] {
            [] => Self::find(Path::new(".")),
            _ => Ok(Self::new(Origin::Files(files))),
        }
    }

    /// Text that was made for an image; `subject` is what messages name.
    #[must_use]
    pub fn generated(subject: impl Into<PathBuf>, text: String) -> Self {
        Self::new(Origin::Generated { subject: subject.into(), text })
    }

    fn new(origin: Origin) -> Self {
        Self { origin, env_files: vec![], profiles: vec![] }
    }

    /// The same, interpolated from these files in the place of `.env`.
    pub fn with_env_files(mut self, files: &[PathBuf]) -> Result<Self, ComposeError> {
        self.env_files = files.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// The same with these profiles on.
    #[must_use]
    pub fn with_profiles(mut self, profiles: Vec<String>) -> Self {
        self.profiles = profiles;
        self
    }

    /// The path to name in messages: of the first file, or the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.origin {
            Origin::Files(files) => &files[0],
            Origin::Folder(path) | Origin::Generated { subject: path, .. } => path,
        }
    }

    /// The folder that relative paths belong to.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        match &self.origin {
            Origin::Folder(folder) => folder.clone(),
            Origin::Files(files) => files[0].parent().map_or_else(|| PathBuf::from("/"), Path::to_owned),
            Origin::Generated { .. } => PathBuf::from("/"),
        }
    }

    /// The files that hold the user's own text, for messages that name a line, the one that wins first.
    #[must_use]
    pub fn sources(&self) -> Vec<PathBuf> {
        match &self.origin {
            Origin::Files(files) => files.iter().rev().cloned().collect(),
            Origin::Generated { .. } => vec![],
            Origin::Folder(folder) => NAMES.iter().map(|name| folder.join(name)).find(|path| path.exists()).into_iter().collect(),
        }
    }

    /// Whether Compose reads an override file beside the one that it finds.
    pub(super) fn reads_overrides(&self) -> bool {
        matches!(self.origin, Origin::Folder(_))
    }

    /// Generated text, which Compose has to read from its standard input.
    #[must_use]
    pub(super) fn text(&self) -> Option<&str> {
        if let Origin::Generated { text, .. } = &self.origin { Some(text) } else { None }
    }

    /// The flags that make Compose read this, run in [`Self::folder`].
    #[must_use]
    pub(super) fn flags(&self) -> Vec<String> {
        let mut flags = vec![];
        match &self.origin {
            // Compose's own look-up, so that an override file beside it counts too.
            Origin::Folder(_) => {}
            Origin::Files(files) => flags.extend(files.iter().flat_map(|file| ["-f".into(), file.display().to_string()])),
            Origin::Generated { .. } => flags.extend(["-f".into(), "-".into()]),
        }
        flags.extend(self.env_file_flags());
        flags.extend(self.profiles.iter().flat_map(|profile| ["--profile".into(), profile.clone()]));
        flags
    }

    /// The flags that make Compose interpolate from the same variables.
    pub(super) fn env_file_flags(&self) -> impl Iterator<Item = String> {
        self.env_files.iter().flat_map(|file| ["--env-file".into(), file.display().to_string()])
    }

    /// The command that a user would type, from anywhere, to let Compose itself do something with this.
    #[must_use]
    pub(super) fn command(&self, command: &str) -> String {
        let mut words = vec!["docker compose".to_owned()];
        if let Origin::Folder(folder) = &self.origin {
            words.extend(["--project-directory".into(), folder.display().to_string()]);
        }
        words.extend(self.flags());
        words.push(command.to_owned());
        words.join(" ")
    }
}

fn absolute(path: &Path) -> Result<PathBuf, ComposeError> {
    path.canonicalize().map_err(|_| ComposeError::NoSuchPath { path: path.to_owned() })
}

#[cfg(test)]
impl From<&str> for ComposeFile {
    fn from(file: &str) -> Self {
        Self::new(Origin::Files(vec![file.into()]))
    }
}
