//! Clean-up is a promise: whatever interrupts a run, nothing of it is left. (What kills one is in `tests/sweep`.)

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::{engine, left_by, seaworthy, shown};

/// Interrupts a run at several moments of its life: nothing may be left, and the exit code is 2.
#[test]
fn an_interrupted_run_leaves_nothing() {
    if !engine::is_there() {
        return;
    }
    for (signal, containers) in [("INT", 0), ("INT", 1), ("TERM", 4), ("HUP", 5)] {
        let child = seaworthy(&["check", "stacks/fastapi-postgres"]).spawn().expect("started");
        let pid = child.id();
        wait_for(&child, || left_by(pid).iter().filter(|left| left.starts_with("ps")).count() >= containers);
        let sent = Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().expect("sent");
        assert!(sent.success());
        let output = child.wait_with_output().expect("ended");
        let shown = shown(&output);
        if containers > 0 {
            assert_eq!(output.status.code(), Some(2), "{signal} with {containers} containers: {shown}");
            assert!(shown.contains("error: interrupted; everything that the run had created is removed"), "{shown}");
        }
        assert_eq!(left_by(pid), Vec::<String>::new(), "{signal} with {containers} containers: {shown}");
    }
}

/// Looks until it is so.
fn wait_for(child: &Child, so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(2);
    while !so() {
        assert!(Instant::now() < deadline, "process {} never got there", child.id());
    }
}
