//! Starting the real executable, and looking at what it wrote and left.

use std::fs;
use std::process::{Command, Output, Stdio};

pub(crate) fn seaworthy(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    // What is shown must not depend on who runs the tests.
    for name in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to the end. Returns the output, and what it left on the engine and in the folder for temporary files.
pub(crate) fn run(mut command: Command) -> (Output, Vec<String>) {
    let temporary = tempfile::tempdir().expect("a folder");
    let child = command.env("TMPDIR", temporary.path()).spawn().expect("started");
    let pid = child.id();
    let output = child.wait_with_output().expect("ended");
    let files = fs::read_dir(temporary.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let left = left_by(pid).into_iter().chain(files.map(|file| file.display().to_string())).collect();
    (output, left)
}

/// What a run of this process has on the engine: everything that carries its label.
pub(crate) fn left_by(pid: u32) -> Vec<String> {
    let filter = format!("label=dev.seaworthy.owner.pid={pid}");
    let listed = |list: &str| docker(&[&list.split(' ').collect::<Vec<_>>()[..], &["--filter", &filter]].concat());
    let lists = ["ps -aq", "network ls -q", "volume ls -q", "images -aq"];
    lists.iter().flat_map(|list| listed(list).lines().map(|id| format!("{list}: {id}")).collect::<Vec<_>>()).collect()
}

/// Runs the client and returns what it writes.
pub(crate) fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("the client runs");
    assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What a user sees, without what differs from run to run, such as what the runs of others left.
pub(crate) fn shown(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let text = text.replace(env!("CARGO_MANIFEST_DIR"), "PROJECT");
    [
        (r"[+-]?\d+\.\d+ ?s\b", "N s"),
        (r"\d+ times", "N times"),
        (r"(?m)^    \| #\d+ (?:\d+\.\d+ )?", "    | "),
        (r"(?m)^… removed what a dead run left behind: .*\n", ""),
    ]
    .iter()
    .fold(text, |text, (pattern, replacement)| {
        regex::Regex::new(pattern).expect("a pattern").replace_all(&text, *replacement).into_owned()
    })
}
