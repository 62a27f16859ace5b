//! What a killed run leaves is removed by its reaper; and where that is killed too, by the next run or by `prune`. Apart from the
//! other tests, and one at a time, because every run sweeps.

#![expect(clippy::disallowed_methods, reason = "these tests start the executable and ask the real client")]

#[path = "../engine/mod.rs"]
mod engine;
mod foreign;
#[path = "../harness/mod.rs"]
mod harness;
#[path = "../cli/start.rs"]
mod start;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use foreign::Foreign;
use harness::{Test, tests};
use start::{docker, left_by, run, seaworthy, shown};
use tempfile::TempDir;

const TESTS: &[Test] = tests! {
    when engine::is_there: [
        prune_removes_what_dead_runs_left_and_nothing_else,
        a_run_sweeps_what_dead_runs_left,
        a_killed_run_leaves_nothing,
    ],
};

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

/// The engine for one test at a time.
fn engine_alone() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
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

fn prune_removes_what_dead_runs_left_and_nothing_else() {
    let _alone = engine_alone();
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

fn a_run_sweeps_what_dead_runs_left() {
    let _alone = engine_alone();
    let dead = format!("swept-{}", std::process::id());
    network_of_run(&dead, std::process::id(), "1");
    let (output, left) = run(seaworthy(&["check", "tests/fixtures/alone", "--tags", "@nonroot.processes"]));
    assert!(left.is_empty() && !networks().contains(&dead), "{}", shown(&output));
}

/// A run may die at any moment. One of each round does within this time from its start, when there may be nothing of it yet; the
/// others do within this time from the moment at which the first container or network of theirs is there.
const LIFE: Duration = Duration::from_secs(10);
/// So many at once, so often. All of a round start together, before any of them dies: a run that starts sweeps, and what a dead run
/// leaves here is for its own reaper.
const AT_ONCE: usize = 5;
const ROUNDS: usize = 4;
/// So many at least must have had containers or networks when they died, or the test would say little.
const LEAST_WITH_SOMETHING: usize = AT_ONCE * ROUNDS / 2;
/// How long the first container or network may take: all of a round build and start at once.
const START_LIMIT: Duration = Duration::from_mins(2);
/// The reaper begins at once and is done in a second or two. The rest is for the engine: on a disk that others keep busy it has
/// been seen to do nothing at all for 17 s.
const LEFT_LIMIT: Duration = Duration::from_mins(1);
/// The signal that nobody can handle.
const SIGKILL: i32 = 9;
/// From one look to the next.
const PAUSE: Duration = Duration::from_millis(50);

/// A run that is to be killed.
struct Victim {
    process: Child,
    /// Where it puts its files.
    temporary: TempDir,
}

/// When a run dies.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// So long after its start.
    FromStart(Duration),
    /// So long after its first container or network.
    FromFirstThing(Duration),
}

fn a_killed_run_leaves_nothing() {
    let _alone = engine_alone();
    let foreign = Foreign::create("kill");
    let mut with_something = 0;
    for _ in 0..ROUNDS {
        let round: Vec<Victim> = (0..AT_ONCE).map(|_| Victim::start()).collect();
        thread::scope(|scope| {
            let moment = |number| match number {
                0 => Moment::FromStart(random_part_of(LIFE)),
                _ => Moment::FromFirstThing(random_part_of(LIFE)),
            };
            let kill = |(number, victim): (usize, Victim)| scope.spawn(move || victim.die_at(moment(number)));
            let killed: Vec<_> = round.into_iter().enumerate().map(kill).collect();
            for victim in killed {
                let had = victim.join().unwrap_or_else(|panic| resume_unwind(panic));
                with_something += usize::from(has_something(&had));
            }
        });
    }
    foreign.assert_untouched();
    let share = format!("{with_something} of {} had containers or networks when they died", AT_ONCE * ROUNDS);
    writeln!(std::io::stderr(), "sweep: {share}").expect("written");
    assert!(with_something >= LEAST_WITH_SOMETHING, "only {share}");
}

fn has_something(listed: &[String]) -> bool {
    listed.iter().any(|one| one.starts_with("ps ") || one.starts_with("network "))
}

impl Victim {
    fn start() -> Self {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut command = seaworthy(&["check", "stacks/fastapi-postgres"]);
        // Nobody reads what it says.
        command.stdout(Stdio::null()).stderr(Stdio::null()).env("TMPDIR", temporary.path());
        Self { process: command.spawn().expect("started"), temporary }
    }

    /// Kills the run with SIGKILL. Nothing of it may be left when its reaper is done. Returns what it had.
    fn die_at(mut self, moment: Moment) -> Vec<String> {
        let pid = self.process.id();
        match moment {
            Moment::FromStart(time) => thread::sleep(time),
            Moment::FromFirstThing(time) => {
                let deadline = Instant::now() + START_LIMIT;
                while !has_something(&left_by(pid)) {
                    let ended = self.process.try_wait().expect("told");
                    assert!(ended.is_none(), "it ended by itself, before it had a container or network: {ended:?}");
                    assert!(Instant::now() < deadline, "no container and no network after {START_LIMIT:?}");
                    thread::sleep(PAUSE);
                }
                thread::sleep(time);
            }
        }
        let (reapers, had) = (reapers_of(pid), left_by(pid));
        self.process.kill().expect("killed");
        assert_eq!(self.process.wait().expect("dead").signal(), Some(SIGKILL), "it had ended by itself");
        let deadline = Instant::now() + LEFT_LIMIT;
        while reapers.iter().any(|reaper| Path::new(&format!("/proc/{reaper}")).exists()) {
            assert!(
                Instant::now() < deadline,
                "killed at {moment:?}, and {LEFT_LIMIT:?} later its reaper is at work; left: {:#?}",
                left_by(pid)
            );
            thread::sleep(PAUSE);
        }
        assert_eq!(left_by(pid), Vec::<String>::new(), "killed at {moment:?} with {had:#?}, and its reaper is done");
        let files = fs::read_dir(self.temporary.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        assert_eq!(files.collect::<Vec<_>>(), Vec::<OsString>::new(), "killed at {moment:?}, and its reaper is done");
        had
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
