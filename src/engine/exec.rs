//! A command in a running container.

use futures::StreamExt;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecResults};

use super::{Engine, EngineError};

/// How much of what a command writes is kept.
const OUTPUT: usize = 4 * 1024;
/// The statuses with which the engine says that it could not start a program, as shells do: not executable, and not found.
const NOT_STARTED: [i64; 2] = [126, 127];

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It ended with this status, and wrote this last.
    With(i64, String),
    /// The container has no such program, or it can't be run: why.
    NoProgram(String),
    /// The container does not run.
    NoContainer,
}

impl Engine {
    /// Runs a command in a container, as its user, in its working directory and with these variables beside its own (`NAME=value`), and waits
    /// for its end.
    pub async fn exec(&self, container: &str, command: &[String], variables: &[String]) -> Result<Ended, EngineError> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(command.to_vec()),
            env: (!variables.is_empty()).then(|| variables.to_vec()),
            ..CreateExecOptions::default()
        };
        let failed = |error| EngineError::call(format!("run a command in the container {container}"))(error);
        let created = match self.docker.create_exec(container, options).await {
            Ok(created) => created,
            Err(error) if is_not_running(&error) => return Ok(Ended::NoContainer),
            Err(error) => return Err(failed(error)),
        };
        let mut written = String::new();
        match self.docker.start_exec(&created.id, None).await {
            Ok(StartExecResults::Attached { mut output, .. }) => {
                while let Some(piece) = output.next().await {
                    let Ok(piece) = piece else { break };
                    written.push_str(&piece.to_string());
                    let surplus = written.len().saturating_sub(OUTPUT);
                    written.drain(..written.ceil_char_boundary(surplus));
                }
            }
            Ok(StartExecResults::Detached) => {}
            Err(error) if is_not_running(&error) => return Ok(Ended::NoContainer),
            Err(Error::DockerResponseServerError { message, .. }) if says_no_program(&message) => {
                return Ok(Ended::NoProgram(message));
            }
            Err(error) => return Err(failed(error)),
        }
        let inspected = self.docker.inspect_exec(&created.id).await;
        let status = match inspected {
            Ok(inspected) => inspected.exit_code,
            Err(error) if is_not_running(&error) => None,
            Err(error) => return Err(failed(error)),
        };
        let last = written.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
        Ok(match status {
            Some(status) if NOT_STARTED.contains(&status) && says_no_program(&written) => Ended::NoProgram(last),
            Some(status) => Ended::With(status, last),
            None => Ended::NoContainer,
        })
    }
}

/// What runtimes say when there is nothing to run (runc, crun).
fn says_no_program(message: &str) -> bool {
    ["executable file not found", "no such file or directory", "permission denied"]
        .iter()
        .any(|words| message.to_lowercase().contains(words) && message.contains("exec"))
}

/// The container has ended, is paused, or was removed meanwhile.
fn is_not_running(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404 | 409, .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_told_from_one_that_fails() {
        let runc = "OCI runtime exec failed: exec failed: unable to start container process: exec: \"pg_isready\": executable file \
                    not found in $PATH: unknown";
        assert!(says_no_program(runc));
        assert!(!says_no_program("cat: /ready: No such file"));
    }
}
