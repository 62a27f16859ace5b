//! In a terminal, what runs is shown while it runs, and what is finished stays.

use std::process::{Command, Stdio};

use crate::engine;
use crate::harness::{Test, tests};

pub(crate) const TESTS: &[Test] = tests! {
    when engine::is_there: [
        what_runs_is_shown_with_what_it_waits_for,
    ],
};

/// What a run writes to a terminal, control sequences and all.
fn in_a_terminal(arguments: &str, variables: &[(&str, &str)]) -> String {
    // util-linux' `script` runs a command in a terminal of its own.
    let mut command = Command::new("script");
    let line = format!("stty cols 100 rows 40; exec {} {arguments}", env!("CARGO_BIN_EXE_seaworthy"));
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    for name in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "CI"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color").envs(variables.iter().copied()).stdin(Stdio::null());
    let output = command.output().expect("script is there");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn what_runs_is_shown_with_what_it_waits_for() {
    let check = "check tests/fixtures/alone --tags @readiness.stable";
    let shown = in_a_terminal(check, &[]);
    assert!(shown.contains("0 of 1 checks done"), "{shown}");
    assert!(shown.contains("And the stack is ready"), "the step that it is at: {shown}");
    assert!(shown.contains("\u{1b}["), "lines are drawn over: {shown}");
    assert!(shown.contains("\u{1b}[32mReady, as far as was checked"), "{shown}");
    assert!(!shown.contains("started The app runs"), "that is for logs: {shown}");

    let plain = in_a_terminal(&format!("{check} --verbose"), &[("NO_COLOR", "1"), ("TERM", "dumb")]);
    assert!(plain.contains("started The app runs undisturbed") && !plain.contains('\u{1b}'), "{plain}");
}
