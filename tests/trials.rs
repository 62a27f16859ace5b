//! Sea trials: real servers that nobody wrote for this suite, with the verdicts that experts gave each of its checks
//! (`sea-trials/audit.tsv`). `make sea-trials` asks for them: they are built from the package registries, and take minutes each.

#![expect(clippy::print_stderr, reason = "what nobody has audited is told, and no failure")]

mod engine;
mod harness;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use harness::{Lack, Test, tests};
use seaworthy::experiment::{Scan, Silent};
use seaworthy::model::{Run, Verdict, id_in};
use seaworthy::report::{Look, describe, message, word};
use seaworthy::subject::{Declared, Form};
use seaworthy::suite::{Request, check};

/// Set by `make sea-trials`.
const ASKED: &str = "SEAWORTHY_SEA_TRIALS";
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
    if std::env::var_os(ASKED).is_none() {
        return Err(Lack { what: "nobody asked for sea trials: `make sea-trials`", must_be_in_ci: false });
    }
    engine::is_there()
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

/// Makes every check on a server, and compares the verdicts with those that are right.
fn sail(server: &str, app: &str, readiness: &str) {
    let flags = Declared { app: vec![app.into()], readiness: Some(Form::path(readiness)), ..Declared::default() };
    let request = Request { target: folder().join(server).into(), flags, scan: Scan::Off, ..Request::default() };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let run = runtime
        .block_on(check(&request, Arc::new(Silent), std::future::pending()))
        .unwrap_or_else(|error| panic!("{server}: {} {:#?}", error.describe(), error.output()));
    let right = right_verdicts(server);
    let wrong = wrong_verdicts(&run, &right);
    for check in run.checks.iter().filter(|check| check.verdict == Verdict::Failed && !right.contains_key(&check.name())) {
        eprintln!("{server}: nobody has audited {}: {}", check.name(), message(check, "; "));
    }
    let first = describe(&run, "seaworthy check", Look { width: Some(80), ..Look::default() });
    assert!(wrong.is_empty(), "{server}: {} of {} are wrong: {wrong:#?}\n{first}", wrong.len(), right.len());
    assert!(run.causes.len() <= MOST_CAUSES, "{server}: {} causes:\n{first}", run.causes.len());
    assert!(first.lines().count() <= SCREEN, "{server}:\n{first}");
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
