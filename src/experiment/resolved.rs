//! The resolved stack: what can be known before an engine is asked: the resolved file, what is declared, and what isolation changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::RunError;
use crate::compose::{
    Compose, ComposeError, ComposeFile, Copy, Hazard, ImageStack, Model, Remaining, isolate, leave_out, with_findable_passwords,
};
use crate::engine::RunId;
use crate::probe::authority;
use crate::redact::Redactor;
use crate::subject::{ContractError, Declared, Found, Origin, built_apps, detect_apps};

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
    /// The resolved stack as the user wrote it, without what was left out.
    pub model: Model,
    /// The services under test, where they are declared or obvious; none where that can't be told.
    pub apps: Vec<Found<String>>,
    /// What the file declares of the contract.
    pub declared: Declared,
    /// What flags declare, which win.
    pub flags: Declared,
    /// Masks the secrets of the stack.
    pub redactor: Redactor,
    /// What the user allows to be shared.
    pub allowed: BTreeSet<Hazard>,
    /// Which services are in no copy, and why, in words.
    pub left_out: Vec<String>,
    /// What isolation changes in every copy, in words.
    pub changes: Vec<String>,
    /// Whether something is shared, so that copies can't run side by side.
    pub is_serial: bool,
    /// The same as the user wrote it, where databases have generated passwords in the place of ones that leak checks could not find.
    own: Option<Box<Self>>,
}

/// What the user takes along that would be left out or refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// What may be shared with this machine and between copies.
    pub allowed: BTreeSet<Hazard>,
    /// The services that no copy may be without.
    pub kept: BTreeSet<String>,
}

impl ResolvedStack {
    /// Reads a stack, leaves out what can't be isolated and what nothing under test needs, and refuses the rest of what can't be
    /// isolated. `flags` win over what the file declares; waivers may name the known checks.
    pub async fn read(
        target: &Target,
        flags: &Declared,
        exceptions: &Exceptions,
        known_checks: &[String],
        today: time::Date,
    ) -> Result<Self, RunError> {
        let whole = Compose.resolve(&target.find()?).await?;
        let mut declared = Declared::from_model(&whole)?;
        let mut flags = flags.clone();
        let folder = whole.file().folder();
        certificates(&mut declared, Some(&folder), |app, key| Declared::place(&whole, app, key))?;
        certificates(&mut flags, None, |_, key| format!("--{key}"))?;
        let known_checks: Vec<&str> = known_checks.iter().map(String::as_str).collect();
        declared.validate(Origin::File, &whole, &known_checks, today)?;
        flags.validate(Origin::Flags, &whole, &known_checks, today)?;
        let Exceptions { allowed, kept } = exceptions;
        are_services(kept, &whole)?;
        let mut apps = detect_apps(&flags, &declared, &whole);
        let of_apps = apps.iter().filter_map(|app| declared.of_app(&app.value)).filter_map(|app| app.dependencies.as_ref());
        let in_file = of_apps.chain(&declared.dependencies);
        let dependencies = flags.dependencies.iter().chain(in_file.filter(|_| flags.dependencies.is_none())).flatten();
        let dependencies: Vec<&str> = dependencies.map(String::as_str).collect();
        let tested: Vec<&str> = apps.iter().map(|app| app.value.as_str()).collect();
        let tested = if tested.is_empty() { tested } else { [&tested[..], &dependencies].concat() };
        let kept = kept.iter().map(String::as_str).chain(dependencies).map(str::to_owned).collect();
        let copy = Copy::preview(allowed.clone());
        let Remaining { model, left_out } = leave_out(&whole, &tested, &kept, &copy);
        let preview = isolate(&model, &copy)?;
        if apps.is_empty() {
            apps = built_apps(&model);
        }
        belong_to_one(&flags, &apps)?;
        let variables = whole.all_variables();
        let redactor = Redactor::sparing(whole.services().map(|(name, _)| name).chain(WORDS));
        let redactor = redactor.with_variables(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let headers = [&declared, &flags].into_iter().flat_map(Declared::secrets);
        let redactor = headers.fold(redactor, |redactor, secret| redactor.with_secret(&secret.0));
        let is_serial = !preview.shared.is_empty();
        let own = Self {
            model,
            apps,
            declared,
            flags,
            redactor,
            allowed: allowed.clone(),
            left_out,
            changes: preview.changes,
            is_serial,
            own: None,
        };
        Ok(own.with_findable_passwords())
    }

    /// With generated passwords in the place of those that leak checks could not find, where all of their places are known. Where something
    /// is shared, a database may have been there before, with the password that it had then.
    fn with_findable_passwords(self) -> Self {
        let can_be_found = |password: &str| self.redactor.redact(password) != password;
        let generate = || format!("generated-{}-{}", RunId::random(), RunId::random());
        let replaced = with_findable_passwords(&self.model, can_be_found, generate).filter(|_| !self.is_serial);
        let Some((model, passwords)) = replaced else { return self };
        let variables = model.all_variables();
        let redactor =
            self.redactor.clone().with_variables(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let changes = self.changes.iter().cloned().chain(passwords).collect();
        Self { model, redactor, changes, own: Some(Box::new(self.clone())), ..self }
    }

    /// The same stack with the passwords that the user gave it; nothing where it has them.
    #[must_use]
    pub fn with_own_passwords(&self) -> Option<Self> {
        self.own.as_deref().cloned()
    }
}

/// Services that the user keeps have to be there.
fn are_services(kept: &BTreeSet<String>, model: &Model) -> Result<(), ContractError> {
    let services: Vec<&str> = model.services().map(|(name, _)| name).collect();
    match kept.iter().find(|name| !services.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(ContractError::Declared {
            place: "--with".into(),
            message: format!("there is no service `{name}` to keep"),
            advice: format!("the services are: {}; with --image it names a dependency to start", services.join(", ")),
        }),
    }
}

/// A flag with what can only be true of one app says which one, where there are several.
fn belong_to_one(flags: &Declared, apps: &[Found<String>]) -> Result<(), ContractError> {
    let given = [
        ("port", flags.port.is_some()),
        ("readiness", flags.readiness.is_some()),
        ("liveness", flags.liveness.is_some()),
        ("business", flags.business.is_some()),
    ];
    let Some((key, _)) = given.into_iter().find(|(_, is_given)| *is_given && apps.len() > 1) else { return Ok(()) };
    let apps: Vec<&str> = apps.iter().map(|app| app.value.as_str()).collect();
    Err(ContractError::Declared {
        place: format!("--{key}"),
        message: format!("it is of one app, and there are several: {}", apps.join(", ")),
        advice: format!("select one with --app {}, or declare `{key}` under `apps` of x-seaworthy", apps[0]),
    })
}

/// Reads the certificates that forms name, so that one which can't be read is told before anything is started. Their files are named from
/// this folder.
fn certificates(
    declared: &mut Declared,
    folder: Option<&Path>,
    place: impl Fn(Option<&str>, &str) -> String,
) -> Result<(), ContractError> {
    for (app, key, form) in declared.forms_mut() {
        let Some(file) = form.authority() else { continue };
        if let Some(folder) = folder {
            *file = folder.join(&file);
        }
        authority(file).map_err(|message| ContractError::Declared {
            place: place(app, key),
            message,
            advice: "name a file with certificates in PEM (`tls: {ca: FILE}`), or take any certificate: `tls: {insecure: true}`"
                .into(),
        })?;
    }
    Ok(())
}
