//! Running `docker compose`: resolve, build, pull, create.
//!
//! Each call is one process in its own process group, so that a Ctrl-C at the terminal reaches us alone and we decide
//! what is finished and what is removed.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{ComposeError, ComposeFile, Model};

/// How long to wait for addresses, all pauses together a few minutes: by then most checks have ended.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(5);
const PAUSES: usize = 60;
/// How much of a program's output an error carries.
const OUTPUT_LINES: usize = 20;

/// The `docker compose` of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compose;

impl Compose {
    /// Resolves a compose file, with everything that it includes, extends and interpolates. Needs no engine.
    pub async fn resolve(&self, file: &ComposeFile) -> Result<Model, ComposeError> {
        let mut arguments = file_arguments(file);
        arguments.extend(["config", "--format", "json"].map(Into::into));
        let text = if let ComposeFile::Generated { text, .. } = file { Some(text.clone()) } else { None };
        let output = run(&arguments, &file.folder(), text).await?;
        let unreadable = |message: String| ComposeError::Unreadable { path: file.path().to_owned(), message };
        if !output.status.success() {
            // A client without the plugin complains of anything but that: asked plainly, it can't answer.
            let version = run(&["version".into()], &file.folder(), None).await?;
            if !version.status.success() {
                return Err(ComposeError::NoCompose { message: first_line(&stderr(&version)) });
            }
            return Err(unreadable(concise(&stderr(&output))));
        }
        let model = serde_json::from_slice(&output.stdout).map_err(|error| unreadable(error.to_string()))?;
        Model::new(file.clone(), model).ok_or_else(|| unreadable("it has no services".into()))
    }

    /// A model as a compose file that a user could keep.
    pub async fn to_yaml(&self, model: &Model) -> Result<String, ComposeError> {
        let output = feed(model, &["config"]).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(ComposeError::Unreadable { path: model.file().path().to_owned(), message: concise(&stderr(&output)) })
    }

    /// The value of a variable as Compose sees it in this stack's files: from the environment, or from `.env`. Empty when it is
    /// not set, as Compose takes it.
    pub(super) async fn variable(&self, model: &Model, name: &str) -> Result<String, ComposeError> {
        let question = json!({"services": {"x": {"image": "x", "environment": {"ANSWER": format!("${{{name}}}")}}}});
        let arguments = ["-f", "-", "config", "--format", "json"].map(Into::into);
        let output = run(&arguments, &model.file().folder(), Some(question.to_string())).await?;
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let answer = answer["services"]["x"]["environment"]["ANSWER"].as_str().unwrap_or_default();
        Ok(answer.replace("$$", "$"))
    }

    /// Builds every service of the model that has a build section.
    pub async fn build(&self, model: &Model) -> Result<(), ComposeError> {
        let output = feed(model, &["build"]).await?;
        if output.status.success() {
            return Ok(());
        }
        let services: Vec<String> = model.built_services().map(|service| format!("`{service}`")).collect();
        Err(ComposeError::Build {
            path: model.file().path().to_owned(),
            services: services.join(", "),
            // BuildKit writes the steps' own output to one stream and the verdict to the other.
            output: last_lines(&format!("{}\n{}", String::from_utf8_lossy(&output.stdout), stderr(&output))),
        })
    }

    /// Pulls these images of the model, which are not on this machine.
    pub async fn pull(&self, model: &Model, images: Vec<String>) -> Result<(), ComposeError> {
        let output = feed(model, &["pull", "--quiet", "--ignore-buildable", "--policy", "missing"]).await?;
        if output.status.success() {
            return Ok(());
        }
        Err(ComposeError::Pull { path: model.file().path().to_owned(), images, output: last_lines(&stderr(&output)) })
    }

    /// Creates the containers, networks and volumes of an isolated copy; starts nothing. When the engine has no address left for
    /// another network, waits until other copies have given theirs back.
    pub async fn create(&self, copy: &Model) -> Result<(), ComposeError> {
        let attempt = || async {
            let output = feed(copy, &["create", "--no-build", "--pull", "never"]).await?;
            if output.status.success() {
                return Ok(());
            }
            Err(ComposeError::Create { path: copy.file().path().to_owned(), output: last_lines(&stderr(&output)) })
        };
        let pauses = ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_max_delay(LAST_PAUSE).with_max_times(PAUSES);
        attempt.retry(pauses.with_jitter()).when(ComposeError::is_out_of_addresses).await
    }
}

fn file_arguments(file: &ComposeFile) -> Vec<String> {
    match file {
        // Compose's own look-up, so that an override file beside it counts too.
        ComposeFile::Folder(_) => vec![],
        ComposeFile::File(path) => vec!["-f".into(), path.display().to_string()],
        ComposeFile::Generated { .. } => vec!["-f".into(), "-".into()],
    }
}

/// Runs Compose on a resolved model, given on its standard input.
async fn feed(model: &Model, command: &[&str]) -> Result<Output, ComposeError> {
    let mut arguments: Vec<String> = ["--progress", "plain", "-f", "-"].map(Into::into).into();
    arguments.extend(command.iter().map(|&argument| argument.to_owned()));
    run(&arguments, &model.file().folder(), Some(model.to_json())).await
}

async fn run(arguments: &[String], folder: &Path, input: Option<String>) -> Result<Output, ComposeError> {
    let arguments: Vec<OsString> = std::iter::once("compose".into()).chain(arguments.iter().map(Into::into)).collect();
    run_program("docker", &arguments, folder, input).await.map_err(ComposeError::NoDocker)
}

/// Runs a program to its end, with an input where there is one. It is killed when the future is dropped.
#[expect(clippy::disallowed_methods, reason = "one of the two modules that start processes")]
pub(super) async fn run_program(
    program: &str,
    arguments: &[OsString],
    folder: &Path,
    input: Option<String>,
) -> std::io::Result<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .process_group(0)
        .kill_on_drop(true)
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // A program that ends without reading says why on standard error.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    child.wait_with_output().await
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Compose's message without its warnings, on one line.
fn concise(message: &str) -> String {
    let lines: Vec<&str> =
        message.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains("level=warning")).collect();
    lines.join(" ")
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(OUTPUT_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_left_out_of_the_message() {
        let message = "time=\"2026\" level=warning msg=\"version is obsolete\"\nservices.app.ports must be a list";
        assert_eq!(concise(message), "services.app.ports must be a list");
    }
}
