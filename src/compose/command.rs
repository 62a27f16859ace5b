//! Running `docker compose`: resolve, build, pull, create.

use std::ffi::OsString;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::program::run_program;
use super::{ComposeError, ComposeFile, Model};

/// How long to wait for addresses, all pauses together a few minutes: by then most checks have ended.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(5);
const PAUSES: usize = 60;
/// How long Compose may take to read the files. Thousands of services take seconds; files can also be made to take for ever.
const RESOLVE_LIMIT: Duration = Duration::from_secs(30);
/// How much of a program's output an error carries.
const OUTPUT_LINES: usize = 20;

/// The `docker compose` of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compose;

impl Compose {
    /// Resolves a compose file, with everything that it includes, extends and interpolates. Needs no engine.
    pub async fn resolve(&self, file: &ComposeFile) -> Result<Model, ComposeError> {
        let mut arguments = file.flags();
        arguments.extend(["config", "--format", "json"].map(Into::into));
        let unreadable = |message: String| unreadable(file, message);
        let folder = file.folder();
        let reading = run(&arguments, &folder, file.text().map(str::to_owned));
        let output = timeout(RESOLVE_LIMIT, reading)
            .await
            .map_err(|_| unreadable(format!("it is not done with it after {} seconds", RESOLVE_LIMIT.as_secs())))??;
        if !output.status.success() {
            // A client without the plugin complains of anything but that: asked plainly, it can't answer.
            let version = run(&["version".into()], &folder, None).await?;
            if !version.status.success() {
                return Err(ComposeError::NoCompose { message: first_line(&stderr(&version)) });
            }
            return Err(unreadable(concise(&stderr(&output))));
        }
        let model = serde_json::from_slice(&output.stdout).map_err(|error| unreadable(error.to_string()))?;
        let model = with_plain_keys(model);
        let model = Model::new(file.clone(), model).ok_or_else(|| unreadable("it has no services".into()))?;
        Ok(model.with_warnings(warnings(&stderr(&output))))
    }

    /// A model as a compose file that a user could keep.
    pub async fn to_yaml(&self, model: &Model) -> Result<String, ComposeError> {
        let output = feed(model, &[], &["config"]).await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(unreadable(model.file(), concise(&stderr(&output))))
    }

    /// The value of a variable as Compose sees it in this stack's files: from the environment, or from `.env`. Empty when it is
    /// not set, as Compose takes it.
    pub(super) async fn variable(&self, model: &Model, name: &str) -> Result<String, ComposeError> {
        let question = json!({"services": {"x": {"image": "x", "environment": {"ANSWER": format!("${{{name}}}")}}}});
        let mut arguments: Vec<String> = model.file().env_file_flags().collect();
        arguments.extend(["-f", "-", "config", "--format", "json"].map(Into::into));
        let output = run(&arguments, &model.file().folder(), Some(question.to_string())).await?;
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let answer = answer["services"]["x"]["environment"]["ANSWER"].as_str().unwrap_or_default();
        Ok(answer.replace("$$", "$"))
    }

    /// Builds every service of the model that has a build section. Returns what BuildKit tells of its steps.
    pub async fn build(&self, model: &Model) -> Result<String, ComposeError> {
        let output = feed(model, &[], &["build"]).await?;
        // BuildKit writes the steps to one stream and the verdict to the other, and not always the same.
        let told = format!("{}\n{}", String::from_utf8_lossy(&output.stdout), stderr(&output));
        if output.status.success() {
            return Ok(told);
        }
        let services: Vec<String> = model.built_services().map(|service| format!("`{service}`")).collect();
        Err(ComposeError::Build {
            command: model.file().command("build"),
            path: model.file().path().to_owned(),
            services: services.join(", "),
            output: last_lines(&told),
        })
    }

    /// Pulls these images of the model, which are not on this machine.
    pub async fn pull(&self, model: &Model, images: Vec<String>) -> Result<(), ComposeError> {
        let output = feed(model, &[], &["pull", "--quiet", "--ignore-buildable", "--policy", "missing"]).await?;
        if output.status.success() {
            return Ok(());
        }
        Err(ComposeError::Pull { path: model.file().path().to_owned(), images, output: last_lines(&stderr(&output)) })
    }

    /// Creates the containers, networks and volumes of an isolated copy; starts nothing. When the engine has no address left for
    /// another network, waits until other copies have given theirs back.
    pub async fn create(&self, copy: &Model) -> Result<(), ComposeError> {
        Self::create_with(copy, &[]).await
    }

    /// Puts another container in the place of a service's, which gets all of its volumes; starts nothing.
    pub async fn recreate(&self, copy: &Model, service: &str) -> Result<(), ComposeError> {
        Self::create_with(copy, &["--force-recreate", service]).await
    }

    async fn create_with(copy: &Model, more: &[&str]) -> Result<(), ComposeError> {
        // A project name in the environment, or in the user's `.env`, would win over the one in the model.
        let project = copy.value()["name"].as_str().unwrap_or_default();
        let attempt = || async {
            let output = feed(copy, &["-p", project], &[&["create", "--no-build", "--pull", "never"], more].concat()).await?;
            if output.status.success() {
                return Ok(());
            }
            Err(ComposeError::Create {
                path: copy.file().path().to_owned(),
                command: copy.file().command("up"),
                output: last_lines(&stderr(&output)),
            })
        };
        let pauses = ExponentialBuilder::default().with_min_delay(FIRST_PAUSE).with_max_delay(LAST_PAUSE).with_max_times(PAUSES);
        attempt.retry(pauses.with_jitter()).when(ComposeError::is_out_of_addresses).await
    }
}

fn unreadable(file: &ComposeFile, message: String) -> ComposeError {
    ComposeError::Unreadable { path: file.path().to_owned(), command: file.command("config"), message }
}

/// Compose writes every `$` as `$$`, in keys too, and reads `$$` as `$` again, but not in keys.
fn with_plain_keys(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().map(|(key, value)| (key.replace("$$", "$"), with_plain_keys(value))).collect()
        }
        Value::Array(values) => values.into_iter().map(with_plain_keys).collect(),
        other => other,
    }
}

/// Runs Compose on a resolved model, given on its standard input.
async fn feed(model: &Model, flags: &[&str], command: &[&str]) -> Result<Output, ComposeError> {
    let words = ["--progress", "plain", "-f", "-"].iter().chain(flags).chain(command);
    let arguments: Vec<String> = words.map(|&word| word.to_owned()).collect();
    run(&arguments, &model.file().folder(), Some(model.to_json())).await
}

async fn run(arguments: &[String], folder: &Path, input: Option<String>) -> Result<Output, ComposeError> {
    let arguments: Vec<OsString> = std::iter::once("compose".into()).chain(arguments.iter().map(Into::into)).collect();
    run_program("docker", &arguments, folder, input).await.map_err(ComposeError::NoDocker)
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

/// What Compose warns of, without what it says of the file's version, which nobody needs to know.
fn warnings(message: &str) -> Vec<String> {
    let warnings = message.lines().filter(|line| line.contains("level=warning") && !line.contains("`version` is obsolete"));
    let mut warnings: Vec<String> =
        warnings.filter_map(|line| Some(line.split_once("msg=\"")?.1.trim_end_matches('"').replace("\\\"", "`"))).collect();
    warnings.dedup();
    warnings
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(OUTPUT_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_stay_escaped_in_values_only() {
        let value = json!({"labels": {"a.$${X}": "$${Y}"}, "list": [{"$$": 1}]});
        assert_eq!(with_plain_keys(value), json!({"labels": {"a.${X}": "$${Y}"}, "list": [{"$": 1}]}));
    }

    #[test]
    fn warnings_are_told_once() {
        let message = r#"time="2026" level=warning msg="The \"A\" variable is not set. Defaulting to a blank string."
time="2026" level=warning msg="The \"A\" variable is not set. Defaulting to a blank string."
time="2026" level=warning msg="/x/compose.yaml: `version` is obsolete""#;
        assert_eq!(warnings(message), ["The `A` variable is not set. Defaulting to a blank string."]);
    }

    #[test]
    fn warnings_are_left_out_of_the_message() {
        let message = "time=\"2026\" level=warning msg=\"version is obsolete\"\nservices.app.ports must be a list";
        assert_eq!(concise(message), "services.app.ports must be a list");
    }
}
