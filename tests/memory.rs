//! What an app without measure costs the machine that tests it: the memory of the real executable, while an app answers or writes
//! without end.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "this test starts the executable, and says what it measured"
)]

mod engine;
mod harness;

use std::fs;
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use harness::{Test, tests};

const TESTS: &[Test] = tests! {
    when engine::is_there: [
        an_answer_without_end_is_a_hang_and_costs_little,
        a_log_without_end_costs_little_and_is_judged_in_time,
        a_line_without_end_costs_little_and_is_judged_in_time,
        eight_copies_at_once_cost_little,
    ],
};

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

/// The most memory that it may ever take, in KiB. Without limits it takes gigabytes.
const MOST: u64 = 200 * 1024;
/// The most that eight copies of a stack take whose app has measure.
const MOST_OF_EIGHT: u64 = 100 * 1024;
const CHECKS: &str = "@readiness.stable or @shutdown.in-time or @logging.stdout";
/// How often the high-water mark is read; only what the last look misses is not seen.
const LOOKS: Duration = Duration::from_millis(100);

fn an_answer_without_end_is_a_hang_and_costs_little() {
    let (output, told, peak) = check(&["tests/fixtures/endless-body", "--tags", CHECKS]);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("no answer in time (") && told.contains("help: / hangs: no answer was complete within 5.0 s"),
        "{told}"
    );
    assert!(peak < MOST, "{peak} KiB");
}

fn a_log_without_end_costs_little_and_is_judged_in_time() {
    assert_is_judged("endless-log");
}

fn a_line_without_end_costs_little_and_is_judged_in_time() {
    assert_is_judged("endless-log/terminal.yaml");
}

/// With the data that they begin with.
fn eight_copies_at_once_cost_little() {
    let tags =
        "@outage.killed or @outage.frozen or @outage.flapping or @outage.new-address or @readiness or @retry.refused or @data";
    let (output, told, peak) = check(&["stacks/fastapi-postgres", "--jobs", "8", "--tags", tags]);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(peak < MOST_OF_EIGHT, "{peak} KiB");
}

fn assert_is_judged(fixture: &str) {
    let (output, told, peak) = check(&[&format!("tests/fixtures/{fixture}"), "--tags", CHECKS]);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains(": 3 passed"), "{told}");
    assert!(peak < MOST, "{peak} KiB");
    let seconds =
        told.split("3 checks of `app` (readiness: /) in ").nth(1).and_then(|rest| rest.split(" s").next()?.parse::<f64>().ok());
    // A quarter of a minute where nothing else runs; minutes when a log is read to an end that it does not have.
    assert!(seconds.is_some_and(|seconds| seconds < 60.0), "{told}");
}

/// Checks a stack. Returns how that ended, what was written, and the most memory that was taken, in KiB.
fn check(arguments: &[&str]) -> (Output, String, u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    command.arg("check").args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let (output, peak) = watch(child);
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    eprintln!("{}: {} MiB at most", arguments[0], peak / 1024);
    assert!(peak > 0, "the memory of the process was never read: {told}");
    (output, told, peak)
}

fn watch(child: Child) -> (Output, u64) {
    let status = format!("/proc/{}/status", child.id());
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    let mut peak = 0;
    loop {
        match receiver.recv_timeout(LOOKS) {
            Ok(output) => return (output.expect("ended"), peak),
            Err(RecvTimeoutError::Disconnected) => panic!("nobody waits for the process"),
            Err(RecvTimeoutError::Timeout) => peak = peak.max(high_water_mark(&status).unwrap_or_default()),
        }
    }
}

/// The most memory that a process has had at any time (proc(5), `VmHWM`).
fn high_water_mark(status: &str) -> Option<u64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
