//! Docker contexts: the client follows the context in force, the API library only `DOCKER_HOST`. Where they would differ the
//! executable runs itself again with `DOCKER_HOST` set, so that Compose and we see one engine.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Where an engine listens when nothing else is said.
pub(super) const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";
const HOST: &str = "DOCKER_HOST";

/// Runs this executable again on the engine of the Docker context in force. Returns when there is nothing to follow
/// (`DOCKER_HOST` is set, no client is there, or the context names the default engine), or with a warning when it can't be followed.
#[expect(clippy::disallowed_methods, reason = "one of the two modules that start processes")]
#[must_use]
pub fn follow_context() -> Option<String> {
    if std::env::var_os(HOST).is_some() {
        return None;
    }
    let format = "{{.Endpoints.docker.Host}}\n{{.Storage.TLSPath}}";
    let Ok(asked) = Command::new("docker").args(["context", "inspect", "--format", format]).output() else { return None };
    let answer = String::from_utf8_lossy(&asked.stdout).into_owned();
    let (host, tls) = answer.trim().split_once('\n').unwrap_or((answer.trim(), ""));
    if !asked.status.success() || host.is_empty() || host == DEFAULT_HOST {
        return None;
    }
    let executable = std::env::current_exe().ok()?;
    // Replaces this process, and so only returns when that fails; then the default engine is as good as any.
    let mut again = Command::new(executable);
    again.args(std::env::args_os().skip(1)).env(HOST, host);
    let certificates = Path::new(tls.trim()).join("docker");
    if certificates.join("ca.pem").exists() {
        again.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", certificates);
    }
    let error = again.exec();
    Some(format!("the Docker context in force names {host}, which could not be followed: {error}"))
}
