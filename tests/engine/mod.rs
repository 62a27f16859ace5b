//! Whether the tests that need a container engine can run here.

use std::process::{Command, Stdio};

/// Whether an engine answers. Without one a test says that it is skipped; in CI it fails instead.
///
/// # Panics
///
/// When no engine answers and `CI` is set.
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test asks the real client, and says what it skips")]
pub(crate) fn is_there() -> bool {
    let answers = Command::new("docker").arg("info").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = answers.is_ok_and(|status| status.success());
    assert!(is_there || std::env::var_os("CI").is_none(), "no container engine answers, and CI is set");
    if !is_there {
        eprintln!("skipped: no container engine answers; `make test` sets one up");
    }
    is_there
}
