//! Whether the tests that need a container engine can run here.

use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::harness::Lack;

/// Whether an engine answers. It is asked once.
#[expect(clippy::disallowed_methods, reason = "a test asks the real client")]
pub(crate) fn is_there() -> Result<(), Lack> {
    static IS_THERE: OnceLock<bool> = OnceLock::new();
    let is_there = *IS_THERE.get_or_init(|| {
        let answers = Command::new("docker").arg("info").stdout(Stdio::null()).stderr(Stdio::null()).status();
        answers.is_ok_and(|status| status.success())
    });
    if is_there {
        Ok(())
    } else {
        Err(Lack { what: "no container engine answers; `make test` sets one up", must_be_in_ci: true })
    }
}
