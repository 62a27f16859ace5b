//! Clean-up is a promise: whatever interrupts a run, nothing of it is left. (What kills one is in `tests/sweep`.)

use std::io::{BufRead, BufReader, Read};
use std::process::Command;

use crate::{engine, left_by, seaworthy};

/// Interrupts a run at several moments of its life, by what it says then: nothing may be left, and the exit code is 2.
#[test]
fn an_interrupted_run_leaves_nothing() {
    if !engine::is_there() {
        return;
    }
    for (signal, moment) in [("INT", "building"), ("INT", "starting the stack"), ("TERM", "running"), ("HUP", "passed")] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = seaworthy(&["check", "stacks/fastapi-postgres"]);
        let mut child = command.stdout(writer.try_clone().expect("one more")).stderr(writer).spawn().expect("started");
        // It holds the other end of the pipe too.
        drop(command);
        let (pid, mut told) = (child.id(), BufReader::new(reader));
        let mut shown = String::new();
        while !shown.lines().last().is_some_and(|line| line.contains(moment)) {
            assert!(told.read_line(&mut shown).expect("a text") > 0, "it never got as far as {moment:?}: {shown}");
        }
        let sent = Command::new("kill").args([format!("-{signal}"), pid.to_string()]).status().expect("sent");
        assert!(sent.success());
        told.read_to_string(&mut shown).expect("a text");
        let status = child.wait().expect("ended");
        assert_eq!(status.code(), Some(2), "{signal} when {moment}: {shown}");
        assert!(shown.contains("error: interrupted; everything that the run had created is removed"), "{signal}: {shown}");
        assert_eq!(left_by(pid), Vec::<String>::new(), "{signal} when {moment}: {shown}");
    }
}
