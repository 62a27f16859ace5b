//! Clean-up is a promise: whatever ends a run, nothing of it is left, and nothing of anybody else's is touched.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use crate::foreign::Foreign;
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

/// A run may die at any moment of its life, which takes about this long.
const LIFE: Duration = Duration::from_secs(10);
const DEATHS: usize = 20;
/// The reaper begins at once and is done in a second or two. The rest is for the engine: on a disk that others keep busy it has
/// been seen to do nothing at all for 17 s.
const LEFT_LIMIT: Duration = Duration::from_mins(1);

/// One after the other, so that no other run of this test sweeps what the reaper should remove.
#[test]
fn a_killed_run_leaves_nothing() {
    if !engine::is_there() {
        return;
    }
    let foreign = Foreign::create("kill");
    for _ in 0..DEATHS {
        die_at(random_part_of(LIFE));
    }
    foreign.assert_untouched();
}

/// Kills a run with SIGKILL after a while and waits until nothing of it is left, and nobody who could still create something.
fn die_at(moment: Duration) {
    let mut child = seaworthy(&["check", "stacks/fastapi-postgres"]).spawn().expect("started");
    let pid = child.id();
    thread::sleep(moment);
    let reapers = reapers_of(pid);
    child.kill().expect("killed");
    child.wait().expect("dead");
    let deadline = Instant::now() + LEFT_LIMIT;
    loop {
        let left = left_by(pid);
        let reaping = reapers.iter().any(|reaper| Path::new(&format!("/proc/{reaper}")).exists());
        if left.is_empty() && !reaping {
            return;
        }
        assert!(Instant::now() < deadline, "killed after {moment:?}, and {LEFT_LIMIT:?} later there is {left:#?}");
    }
}

/// The reaper that a process has started, by number.
fn reapers_of(pid: u32) -> Vec<String> {
    let listed = Command::new("ps").args(["-o", "pid=,args=", "--ppid", &pid.to_string()]).output().expect("listed");
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let reapers = text.lines().filter(|line| line.contains(" reap "));
    reapers.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn random_part_of(whole: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    whole.mul_f64(f64::from(u32::try_from(random >> 32).expect("32 bits")) / f64::from(u32::MAX))
}
