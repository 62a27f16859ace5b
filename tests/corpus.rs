//! Real compose files of public projects: each gives a plan, or a refusal that names the key in the way.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use futures::StreamExt;
use harness::{Lack, Test, tests};
use seaworthy::clock::Clock;
use seaworthy::compose::{ComposeError, Copy, isolate};
use seaworthy::experiment::{Exceptions, ResolvedStack, RunError};
use seaworthy::subject::Declared;

mod harness;

const TESTS: &[Test] = tests! {
    when corpus_is_there: [every_real_file_gives_a_plan_or_a_refusal_that_names_the_key],
};

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

/// How many files are resolved at once.
const AT_ONCE: usize = 4;
/// The part of the files that must plan.
const LEAST_PERCENT: usize = 97;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/compose-corpus")
}

/// The corpus is no part of the project.
fn corpus_is_there() -> Result<(), Lack> {
    let lack = Lack { what: "../shared/compose-corpus is not there", must_be_in_ci: false };
    if folder().exists() { Ok(()) } else { Err(lack) }
}

/// The files, one per folder.
fn corpus() -> Vec<PathBuf> {
    let folders =
        fs::read_dir(folder()).expect("a folder").map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    let file_in = |folder: PathBuf| {
        let mut files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        files.find(|file| file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml"))
    };
    let mut files: Vec<PathBuf> = folders.filter_map(file_in).collect();
    files.sort();
    files
}

/// Plans one file. `Ok` is nothing for a plan, or the key that it is refused for.
async fn plan(file: PathBuf) -> Result<Option<&'static str>, String> {
    let said = |error: &dyn std::error::Error| format!("{}: {error}", file.display());
    let today = Clock::start().day();
    let read = ResolvedStack::read(&file.clone().into(), &Declared::default(), &Exceptions::default(), &[], today).await;
    let resolved = match read {
        Ok(resolved) => resolved,
        Err(RunError::Compose(ComposeError::Refused { hazard, reason, .. })) if !reason.is_empty() => {
            return Ok(Some(hazard.key()));
        }
        Err(error) => return Err(said(&error)),
    };
    let copy = Copy::preview([].into());
    let once = isolate(&resolved.model, &copy).map_err(|error| said(&error))?;
    let twice = isolate(&once.model, &copy).map_err(|error| said(&error))?;
    if twice.model != once.model || !twice.changes.is_empty() {
        return Err(format!("{}: patched again it changes: {:#?}", file.display(), twice.changes));
    }
    Ok(None)
}

#[tokio::main(flavor = "current_thread")]
async fn every_real_file_gives_a_plan_or_a_refusal_that_names_the_key() {
    let files = corpus();
    let total = files.len();
    let outcomes: Vec<_> = futures::stream::iter(files.into_iter().map(plan)).buffer_unordered(AT_ONCE).collect().await;
    let errors: Vec<&String> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for key in outcomes.iter().filter_map(|outcome| outcome.as_ref().ok().copied().flatten()) {
        *refused.entry(key).or_default() += 1;
    }
    let planned = total - refused.values().sum::<usize>();
    // Past the capture of the test harness.
    let share = format!("{planned} of {total} files plan ({} %); refused: {refused:?}", planned * 100 / total);
    writeln!(std::io::stderr(), "corpus: {share}").expect("written");
    assert!(planned * 100 >= total * LEAST_PERCENT, "only {planned} of {total} plan; refused: {refused:?}");
}
