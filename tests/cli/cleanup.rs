//! Clean-up is a promise: whatever interrupts a run, nothing of it is left. (What kills one is in `tests/sweep`.)

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Test, tests};
use crate::{docker, engine, left_by, seaworthy};

pub(crate) const TESTS: &[Test] = tests! {
    when engine::is_there: [an_interrupted_run_leaves_nothing, what_is_left_is_found],
};

/// How long the first container may take after what is said of it.
const START_LIMIT: Duration = Duration::from_mins(2);
/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(50);

/// Interrupts a run at several moments of its life, by what it says then: nothing may be left, and the exit code is 2.
fn an_interrupted_run_leaves_nothing() {
    for (signal, moment) in [("INT", "building"), ("INT", "starting the stack"), ("TERM", "running"), ("HUP", "Then ")] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let mut command = seaworthy(&["check", "stacks/fastapi-postgres", "--verbose"]);
        let mut child = command.stdout(writer.try_clone().expect("one more")).stderr(writer).spawn().expect("started");
        // It holds the other end of the pipe too.
        drop(command);
        let (pid, mut told) = (child.id(), BufReader::new(reader));
        let mut shown = String::new();
        while !shown.lines().last().is_some_and(|line| line.contains(moment)) {
            assert!(told.read_line(&mut shown).expect("a text") > 0, "it never got as far as {moment:?}: {shown}");
        }
        // There must be something to remove; while it builds there may be nothing yet.
        if moment != "building" {
            await_container(pid);
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

fn await_container(pid: u32) {
    let deadline = Instant::now() + START_LIMIT;
    while !left_by(pid).iter().any(|one| one.starts_with("ps ")) {
        assert!(Instant::now() < deadline, "no container after {START_LIMIT:?}");
        thread::sleep(PAUSE);
    }
}

/// "Nothing is left" is worth something only if each kind of thing is found while it is there.
fn what_is_left_is_found() {
    let me = std::process::id();
    let (name, label) = (format!("left-{me}"), format!("dev.seaworthy.owner.pid={me}"));
    let labelled = ["--label", &label];
    let dockerfile = format!("FROM python:3.11-slim-bookworm\nLABEL {label}\n");
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("Dockerfile"), dockerfile).expect("written");
    docker(&["build", "--quiet", "--tag", &name, &folder.path().display().to_string()]);
    docker(&[&["create", "--name", &name][..], &labelled, &["python:3.11-slim-bookworm", "true"]].concat());
    docker(&[&["network", "create"][..], &labelled, &[&name]].concat());
    docker(&[&["volume", "create"][..], &labelled, &[&name]].concat());
    let found = left_by(me);
    for kind in ["container", "network", "volume", "image"] {
        docker(&[kind, "rm", &name]);
    }
    let kinds: Vec<&str> = found.iter().filter_map(|one| Some(one.split_once(": ")?.0)).collect();
    assert_eq!(kinds, ["ps -aq", "network ls -q", "volume ls -q", "images -aq"], "{found:?}");
    assert_eq!(left_by(me), Vec::<String>::new());
}
