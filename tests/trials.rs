//! Sea trials: real servers that nobody wrote for this suite, with the verdicts that experts gave each of its checks
//! (`sea-trials/audit.tsv`). `make sea-trials` asks for them: they are built from the package registries, and take minutes each.
//!
//! `SEAWORTHY_SEA_TRIALS` is how often each is made, once with `make sea-trials`. Several runs must give the same verdicts, though all
//! processors are busy during the second. Every run is saved to `target/sea-trials/`.

#![expect(clippy::print_stderr, reason = "what nobody has audited is told, and no failure")]

mod engine;
mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use harness::{Lack, Test, tests};
use seaworthy::experiment::{Scan, Silent};
use seaworthy::model::{Run, Verdict, id_in};
use seaworthy::report::{Look, describe, message, to_json, word};
use seaworthy::subject::{Declared, Form};
use seaworthy::suite::{Request, check};

/// How often each is made.
const RUNS: &str = "SEAWORTHY_SEA_TRIALS";
/// The run in which the processors have something else to do.
const LOADED: usize = 2;
/// One server has no more defects than this.
const MOST_CAUSES: usize = 14;
/// What a terminal shows without scrolling.
const SCREEN: usize = 25;

const TESTS: &[Test] = tests! {
    when asked: [kinto, ara, mlflow, parse_server, phoenix, postgres_exporter, prefect, unleash],
};

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

fn asked() -> Result<(), Lack> {
    if runs().is_none() {
        return Err(Lack { what: "nobody asked for sea trials: `make sea-trials`", must_be_in_ci: false });
    }
    engine::is_there()
}

fn runs() -> Option<NonZeroUsize> {
    let runs = std::env::var(RUNS).ok()?;
    Some(runs.parse().unwrap_or_else(|_| panic!("{RUNS} is `{runs}`, and must be a number of runs")))
}

fn kinto() {
    sail("kinto", "web", "/v1/__heartbeat__");
}

fn ara() {
    sail("ara", "ara", "/healthcheck/");
}

fn mlflow() {
    sail("mlflow", "mlflow", "/health");
}

fn parse_server() {
    sail("parse-server", "parse", "/parse/health");
}

fn phoenix() {
    sail("phoenix", "phoenix", "/readyz");
}

fn postgres_exporter() {
    sail("postgres-exporter", "exporter", "/metrics");
}

fn prefect() {
    sail("prefect", "prefect-server", "/api/ready");
}

fn unleash() {
    sail("unleash", "web", "/ready");
}

/// Makes every check on a server as often as asked, and compares the verdicts with those that are right and with each other.
fn sail(server: &str, app: &str, readiness: &str) {
    let flags = Declared { app: vec![app.into()], readiness: Some(Form::path(readiness)), ..Declared::default() };
    let request = Request { target: folder().join(server).into(), flags, scan: Scan::Off, ..Request::default() };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (mut first, mut wrong) = (None, Vec::new());
    for number in 1..=runs().expect("somebody asked").get() {
        let load = (number == LOADED).then(Load::put);
        let run = runtime
            .block_on(check(&request, Arc::new(Silent), std::future::pending()))
            .unwrap_or_else(|error| panic!("{server}: {} {:#?}", error.describe(), error.output()));
        drop(load);
        save(server, number, &run);
        let (mut of_run, verdicts) = (faults(server, &run), verdicts(&run));
        of_run.extend(differences(first.get_or_insert_with(|| verdicts.clone()), &verdicts));
        wrong.extend(of_run.into_iter().map(|fault| format!("run {number}: {fault}")));
    }
    assert!(wrong.is_empty(), "{server}:\n{}", wrong.join("\n"));
}

/// What is wrong with a run.
fn faults(server: &str, run: &Run) -> Vec<String> {
    let right = right_verdicts(server);
    for check in run.checks.iter().filter(|check| check.verdict == Verdict::Failed && !right.contains_key(&check.name())) {
        eprintln!("{server}: nobody has audited {}: {}", check.name(), message(check, "; "));
    }
    let mut faults = wrong_verdicts(run, &right);
    let first = describe(run, "seaworthy check", Look { width: Some(80), ..Look::default() });
    if !faults.is_empty() || run.causes.len() > MOST_CAUSES || first.lines().count() > SCREEN {
        faults.push(format!(
            "{} causes, at most {MOST_CAUSES}; a first screen of at most {SCREEN} lines:\n{first}",
            run.causes.len()
        ));
    }
    faults
}

/// What differs from the verdicts of the first run.
fn differences(first: &BTreeMap<String, &str>, verdicts: &BTreeMap<String, &str>) -> Vec<String> {
    let names: BTreeSet<_> = first.keys().chain(verdicts.keys()).collect();
    let differing = names.into_iter().filter(|name| first.get(*name) != verdicts.get(*name));
    let told = |verdict: Option<&&str>| verdict.map_or("not made", |verdict| *verdict).to_owned();
    differing
        .map(|name| format!("{name} is {}, and was {} in the first run", told(verdicts.get(name)), told(first.get(name))))
        .collect()
}

fn verdicts(run: &Run) -> BTreeMap<String, &'static str> {
    run.checks.iter().map(|check| (check.name(), word(check.verdict))).collect()
}

/// For whoever looks for the cause of a verdict that is wrong.
fn save(server: &str, number: usize, run: &Run) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/sea-trials");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(format!("{server}-{number}.json")), to_json(run)).expect("a file");
}

/// Work for all processors, until it is dropped.
struct Load {
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn put() -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let work = |_| {
            let ends = ends.clone();
            thread::spawn(move || {
                while !ends.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let processors = thread::available_parallelism().expect("processors").get();
        Self { threads: (0..processors).map(work).collect(), ends }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that spins has nothing to say.
            let _ = thread.join();
        }
    }
}

fn wrong_verdicts(run: &Run, right: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let given: BTreeMap<String, &seaworthy::model::CheckRecord> = run.checks.iter().map(|check| (check.name(), check)).collect();
    let wrong = right.iter().filter_map(|(name, right)| {
        // What did not apply to one run has no dependency in the table, or the other way round.
        let of_id = || run.checks.iter().find(|check| check.id == id_in(name));
        let Some(check) = given.get(name).copied().or_else(of_id) else { return Some(format!("{name} was not made")) };
        let verdict = word(check.verdict).replace(' ', "_");
        (!right.contains(&verdict)).then(|| format!("{name} is {verdict} and not {right:?}: {}", message(check, "; ")))
    });
    wrong.collect()
}

/// Which verdicts are right, by the name of the check.
fn right_verdicts(server: &str) -> BTreeMap<String, Vec<String>> {
    let table = fs::read_to_string(folder().join("audit.tsv")).expect("a table");
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().expect("a head");
    let column = |name: &str| head.iter().position(|one| *one == name).unwrap_or_else(|| panic!("no column {name}"));
    let (stack, check, dependency, right) = (column("stack"), column("check"), column("dependency"), column("right"));
    let of_server = lines.filter(|line| line[stack] == server).map(|line| {
        let name =
            if line[dependency] == "-" { line[check].to_owned() } else { format!("{}[{}]", line[check], line[dependency]) };
        (name, line[right].split('|').map(str::to_owned).collect())
    });
    let right: BTreeMap<String, Vec<String>> = of_server.collect();
    assert!(!right.is_empty(), "{server} is not in the table");
    right
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sea-trials")
}
