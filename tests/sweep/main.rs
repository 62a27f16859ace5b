//! What a killed run leaves is removed by its reaper; and where that is killed too, by the next run or by `prune`. Apart from the
//! other tests, and one at a time, because every run sweeps.

#![expect(clippy::disallowed_methods, reason = "these tests start the executable and ask the real client")]

#[path = "../engine/mod.rs"]
mod engine;
mod foreign;
#[path = "../cli/start.rs"]
mod start;

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use foreign::Foreign;
use start::{docker, left_by, run, seaworthy, shown};

/// The engine for one test at a time; nothing where there is none.
fn engine_alone() -> Option<MutexGuard<'static, ()>> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    engine::is_there().then(|| ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A network with the labels of a run that belongs to this process number.
fn network_of_run(name: &str, pid: u32, started: &str) -> String {
    let read = |file: &str| fs::read_to_string(file).expect("told").trim().to_owned();
    let namespace = fs::read_link("/proc/self/ns/pid").expect("told");
    let (host, boot) = (read("/proc/sys/kernel/hostname"), read("/proc/sys/kernel/random/boot_id"));
    let owner = format!("dev.seaworthy.owner={host} {boot} {} {pid} {started}", namespace.display());
    let run = format!("dev.seaworthy.run={name}");
    docker(&["network", "create", "--label", &run, "--label", &owner, name])
}

fn networks() -> BTreeSet<String> {
    docker(&["network", "ls", "--format", "{{.Name}}"]).lines().map(str::to_owned).collect()
}

#[test]
fn prune_removes_what_dead_runs_left_and_nothing_else() {
    let Some(_alone) = engine_alone() else { return };
    let foreign = Foreign::create("prune");
    let me = std::process::id();
    let stat = fs::read_to_string("/proc/self/stat").expect("told");
    let started = stat.rsplit_once(')').and_then(|(_, fields)| fields.split_whitespace().nth(19)).expect("a start").to_owned();
    let [dead, alive] = ["dead", "alive"].map(|kind| format!("{kind}-{me}"));
    // The number is in use, but by a process that started at another time.
    network_of_run(&dead, me, "1");
    network_of_run(&alive, me, &started);

    let (output, _) = run(seaworthy(&["prune", "--dry-run"]));
    assert!(shown(&output).contains(&format!("would remove run {dead} (1 networks)")), "{}", shown(&output));
    assert!(networks().contains(&dead));

    let (output, _) = run(seaworthy(&["prune"]));
    let told = shown(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains(&format!("removed run {dead} (1 networks)")), "{told}");
    assert!(told.contains(&format!("kept run {alive} (1 networks): its process still runs")), "{told}");
    assert!(!networks().contains(&dead) && networks().contains(&alive));
    docker(&["network", "rm", &alive]);
    foreign.assert_untouched();
}

#[test]
fn a_run_sweeps_what_dead_runs_left() {
    let Some(_alone) = engine_alone() else { return };
    let dead = format!("swept-{}", std::process::id());
    network_of_run(&dead, std::process::id(), "1");
    let (output, left) = run(seaworthy(&["check", "tests/fixtures/alone", "--tags", "@nonroot.processes"]));
    assert!(left.is_empty() && !networks().contains(&dead), "{}", shown(&output));
}

/// A run may die at any moment of its life, which takes about this long.
const LIFE: Duration = Duration::from_secs(10);
/// So many at once, so often. All of a round start together, before any of them dies: a run that starts sweeps, and what a dead run
/// leaves here is for its own reaper.
const AT_ONCE: usize = 5;
const ROUNDS: usize = 4;
/// The reaper begins at once and is done in a second or two. The rest is for the engine: on a disk that others keep busy it has
/// been seen to do nothing at all for 17 s.
const LEFT_LIMIT: Duration = Duration::from_mins(1);
/// From one look at the reaper to the next.
const PAUSE: Duration = Duration::from_millis(50);

#[test]
fn a_killed_run_leaves_nothing() {
    let Some(_alone) = engine_alone() else { return };
    let foreign = Foreign::create("kill");
    for _ in 0..ROUNDS {
        let round: Vec<Child> =
            (0..AT_ONCE).map(|_| seaworthy(&["check", "stacks/fastapi-postgres"]).spawn().expect("started")).collect();
        thread::scope(|scope| {
            for child in round {
                scope.spawn(|| die_at(child, random_part_of(LIFE)));
            }
        });
    }
    foreign.assert_untouched();
}

/// Kills a run with SIGKILL after a while. Nothing of it may be left when its reaper is done.
fn die_at(mut child: Child, moment: Duration) {
    let pid = child.id();
    thread::sleep(moment);
    let reapers = reapers_of(pid);
    child.kill().expect("killed");
    child.wait().expect("dead");
    let deadline = Instant::now() + LEFT_LIMIT;
    while reapers.iter().any(|reaper| Path::new(&format!("/proc/{reaper}")).exists()) {
        assert!(
            Instant::now() < deadline,
            "killed after {moment:?}, and {LEFT_LIMIT:?} later its reaper is at work; left: {:#?}",
            left_by(pid)
        );
        thread::sleep(PAUSE);
    }
    assert_eq!(left_by(pid), Vec::<String>::new(), "killed after {moment:?}, and its reaper is done");
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
