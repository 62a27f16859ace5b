//! The resolved stack: what can be known before an engine is asked: the resolved file, what is declared, and what isolation changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::RunError;
use crate::compose::{Compose, ComposeError, ComposeFile, Copy, Hazard, ImageStack, Model, isolate};
use crate::probe::authority;
use crate::redact::Redactor;
use crate::subject::{ContractError, Declared, Form, Origin, Tls};

/// Words of every log that some use as a password. Where they are masked nothing can be read, and each of them would look like a leak.
const WORDS: [&str; 10] =
    ["password", "passwd", "secret", "postgres", "postgresql", "mysql", "mariadb", "redis", "rabbitmq", "database"];

/// What is to be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A compose file or several.
    Files(Files),
    /// An image with generated companions.
    Image(ImageStack),
}

/// Compose files, and what they are resolved with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// A file, a folder that holds one, or several files, the later merged over the earlier.
    pub paths: Vec<PathBuf>,
    /// Files with variables, in the place of `.env`.
    pub env_files: Vec<PathBuf>,
    /// The profiles that are on.
    pub profiles: Vec<String>,
}

impl Default for Target {
    fn default() -> Self {
        PathBuf::from(".").into()
    }
}

impl From<PathBuf> for Target {
    fn from(path: PathBuf) -> Self {
        Self::Files(Files { paths: vec![path], ..Files::default() })
    }
}

impl Target {
    fn find(&self) -> Result<ComposeFile, ComposeError> {
        let Files { paths, env_files, profiles } = match self {
            Self::Image(instance) => return Ok(instance.to_compose()),
            Self::Files(files) => files,
        };
        let file = if let [path] = &paths[..] { ComposeFile::find(path)? } else { ComposeFile::merge(paths)? };
        Ok(file.with_env_files(env_files)?.with_profiles(profiles.clone()))
    }
}

/// A stack on paper.
#[derive(Clone, Debug)]
pub struct ResolvedStack {
    /// The resolved stack as the user wrote it.
    pub model: Model,
    /// What the file declares of the contract.
    pub declared: Declared,
    /// What flags declare, which win.
    pub flags: Declared,
    /// Masks the secrets of the stack.
    pub redactor: Redactor,
    /// What the user allows to be shared.
    pub allowed: BTreeSet<Hazard>,
    /// What isolation changes in every copy, in words.
    pub changes: Vec<String>,
    /// Whether something is shared, so that copies can't run side by side.
    pub is_serial: bool,
}

impl ResolvedStack {
    /// Reads a stack, and refuses what can't be isolated. `flags` win over what the file declares; waivers may name
    /// the known checks.
    pub async fn read(
        target: &Target,
        flags: &Declared,
        allowed: &BTreeSet<Hazard>,
        known_checks: &[String],
        today: time::Date,
    ) -> Result<Self, RunError> {
        let model = Compose.resolve(&target.find()?).await?;
        let mut declared = Declared::from_model(&model)?;
        let mut flags = flags.clone();
        let folder = model.file().folder();
        certificates(&mut declared, Some(&folder), |key| Declared::place(&model, key))?;
        certificates(&mut flags, None, |key| format!("--{key}"))?;
        let known_checks: Vec<&str> = known_checks.iter().map(String::as_str).collect();
        declared.validate(Origin::File, &model, &known_checks, today)?;
        flags.validate(Origin::Flags, &model, &known_checks, today)?;
        let preview = isolate(&model, &Copy::preview(allowed.clone()))?;
        let variables = model.all_variables();
        let redactor = Redactor::sparing(model.services().map(|(name, _)| name).chain(WORDS));
        let redactor = redactor.with_variables(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let headers = [&declared, &flags].into_iter().flat_map(Declared::secrets);
        let redactor = headers.fold(redactor, |redactor, secret| redactor.with_secret(&secret.0));
        let is_serial = !preview.shared.is_empty();
        Ok(Self { model, declared, flags, redactor, allowed: allowed.clone(), changes: preview.changes, is_serial })
    }
}

/// Reads the certificates that forms name, so that one which can't be read is told before anything is started. Their files are named from
/// this folder.
fn certificates(declared: &mut Declared, folder: Option<&Path>, place: impl Fn(&str) -> String) -> Result<(), ContractError> {
    let Declared { readiness, liveness, .. } = declared;
    for (key, form) in [("readiness", readiness), ("liveness", liveness)] {
        let Some(Form::Http(http)) = form else { continue };
        let Tls::Authority(file) = &mut http.tls else { continue };
        if let Some(folder) = folder {
            *file = folder.join(&file);
        }
        authority(file).map_err(|message| ContractError::Declared {
            place: place(key),
            message,
            advice: "name a file with certificates in PEM (`tls: {ca: FILE}`), or take any certificate: `tls: {insecure: true}`"
                .into(),
        })?;
    }
    Ok(())
}
