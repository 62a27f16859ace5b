//! Scanners for known weaknesses that are installed on this machine.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;

use super::Engine;
use crate::compose::run_program;

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
    pub async fn scan(&self, image: &str, folder: &Path) -> Option<Scanned> {
        for (by, arguments) in SCANNERS {
            let arguments: Vec<OsString> = arguments.iter().chain([&image]).map(Into::into).collect();
            let report = match timeout(LIMIT, run_program(by, &arguments, folder, None)).await {
                Err(_) => Err(format!("it was not done after {} minutes", LIMIT.as_secs() / 60)),
                Ok(Err(error)) if error.kind() == ErrorKind::NotFound => continue,
                Ok(Err(error)) => Err(error.to_string()),
                Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
                Ok(Ok(output)) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            };
            return Some(Scanned { by, report });
        }
        None
    }
}
