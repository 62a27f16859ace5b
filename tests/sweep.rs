//! What dead runs left is removed by the next run and by `prune`. Apart from the other tests, and one at a time, because every run
//! sweeps.

#![expect(clippy::disallowed_methods, reason = "these tests start the executable and ask the real client")]

mod engine;
#[path = "cli/foreign.rs"]
mod foreign;
#[path = "cli/start.rs"]
mod start;

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Mutex, PoisonError};

use foreign::{Foreign, docker};
use start::{run, seaworthy, shown};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

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
    if !engine::is_there() {
        return;
    }
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
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
    if !engine::is_there() {
        return;
    }
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let dead = format!("swept-{}", std::process::id());
    network_of_run(&dead, std::process::id(), "1");
    let (output, left) = run(seaworthy(&["check", "tests/fixtures/alone", "--tags", "@nonroot.processes"]));
    assert!(left.is_empty() && !networks().contains(&dead), "{}", shown(&output));
}
