//! Scanners for known weaknesses that are installed on this machine.

use std::env;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::Engine;

/// The scanners, and how each is asked for a report in JSON; the image follows.
const SCANNERS: [(&str, &[&str]); 2] =
    [("trivy", &["image", "--quiet", "--format", "json", "--scanners", "vuln"]), ("grype", &["--quiet", "--output", "json"])];
/// How long a scanner may take, with the download of what it knows.
const LIMIT: Duration = Duration::from_mins(10);

/// What a scanner did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The scanner.
    pub by: &'static str,
    /// Its report, or why there is none.
    pub report: Result<String, String>,
}

impl Engine {
    /// Lets a scanner that is installed look at an image; nothing when none is. It is started in `folder`, where it finds what it is to
    /// ignore.
    #[expect(clippy::disallowed_methods, reason = "one of the two modules that start processes")]
    pub async fn scan(&self, image: &str, folder: &std::path::Path) -> Option<Scanned> {
        let (by, arguments) = SCANNERS.into_iter().find(|(name, _)| is_installed(name))?;
        let mut command = Command::new(by);
        command.args(arguments).arg(image).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        let report = match timeout(LIMIT, command.output()).await {
            Err(_) => Err(format!("it was not done after {} minutes", LIMIT.as_secs() / 60)),
            Ok(Err(error)) => Err(error.to_string()),
            Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            Ok(Ok(output)) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        };
        Some(Scanned { by, report })
    }
}

fn is_installed(name: &str) -> bool {
    let folders: Vec<PathBuf> = env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    folders.iter().any(|folder| folder.join(name).is_file())
}
