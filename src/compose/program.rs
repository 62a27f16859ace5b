//! Running a program to its end.
//!
//! Each runs in a process group of its own, so that a Ctrl-C at the terminal reaches us alone and we decide what is finished
//! and what is removed. The whole group is killed when its future is dropped: `docker compose` does its work in a child.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Kills what is left of a process group.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take() {
            // Gone already is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Runs a program to its end, with an input where there is one.
#[expect(clippy::disallowed_methods, reason = "one of the two modules that start processes")]
pub(crate) async fn run_program(
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
    let mut group = Group(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        // A program that ends without reading says why on standard error.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await;
    // Its number may be somebody else's from now on.
    group.0 = None;
    output
}
