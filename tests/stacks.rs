//! Every stack that ships with the project gets exactly the verdicts that its `expected.toml` says, no more and no less.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use seaworthy::suite::{Request, Silent, check};
use seaworthy::verdict::Verdict;
use serde::Deserialize;

mod engine;

/// How many checks of one stack run at once: two stacks run side by side on two cores.
const JOBS: usize = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// The folder whose `expected.toml` holds the verdicts that are not given here.
    like: Option<PathBuf>,
    /// The verdict of every check, by name.
    #[serde(default)]
    verdicts: BTreeMap<String, Verdict>,
    /// Words that the reason of a check must contain.
    #[serde(default)]
    says: BTreeMap<String, String>,
}

fn stacks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks")
}

/// The password of the database of every stack that is made from the reference.
fn password() -> String {
    let text = fs::read_to_string(stacks().join("fastapi-postgres/.env")).expect("the settings of the reference");
    let value = text.lines().find_map(|line| line.strip_prefix("DB_PASSWORD=")).expect("a password");
    value.to_owned()
}

fn expected(stack: &Path) -> Expected {
    let file = stack.join("expected.toml");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut read: Expected = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    if let Some(like) = &read.like {
        let own = std::mem::take(&mut read.verdicts);
        read.verdicts = expected(&stack.join(like)).verdicts;
        for name in own.keys() {
            assert!(read.verdicts.contains_key(name), "{}: {name} is unknown where `like` points", file.display());
        }
        read.verdicts.extend(own);
    }
    read
}

fn assert_verdicts(stack: &str) {
    if !engine::is_there() {
        return;
    }
    let path = stacks().join(stack);
    let Expected { verdicts, says, .. } = expected(&path);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let request = Request { target: path.into(), jobs: Some(JOBS), ..Request::default() };
    let run = runtime
        .block_on(check(&request, Arc::new(Silent), std::future::pending()))
        .unwrap_or_else(|error| panic!("{stack}: {} {:#?}", error.describe(), error.output()));
    let reasons: BTreeMap<String, String> =
        run.checks.iter().map(|check| (check.name(), check.reason.clone().unwrap_or_default())).collect();
    assert_eq!(run.verdicts(), verdicts, "{stack}: {reasons:#?}");
    let saved = seaworthy::report::to_json(&run);
    assert!(!saved.contains(&password()), "{stack}: the saved run shows the database's password");
    for (name, words) in says {
        let reason = &reasons[&name];
        assert!(reason.contains(&words), "{stack}: {name} does not say {words:?} but {reason:?}");
    }
}

macro_rules! stacks {
    ($($test:ident: $stack:literal;)*) => {
        $(#[test]
        fn $test() {
            assert_verdicts($stack);
        })*

        const TESTED: &[&str] = &[$($stack),*];
    };
}

stacks! {
    fastapi_postgres: "fastapi-postgres";
    always_ready: "defects/always-ready";
    no_retry: "defects/no-retry";
    shell_form_cmd: "defects/shell-form-cmd";
    runs_as_root: "defects/runs-as-root";
    never_reconnects: "defects/never-reconnects";
}

#[test]
fn every_stack_is_tested() {
    let folders = |folder: PathBuf| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let found: BTreeSet<String> = folders(stacks())
        .chain(folders(stacks().join("defects")))
        .filter(|folder| folder.join("compose.yaml").exists())
        .map(|folder| folder.strip_prefix(stacks()).expect("inside stacks").display().to_string())
        .collect();
    assert_eq!(found, TESTED.iter().map(|&stack| stack.to_owned()).collect());
}

#[test]
fn every_check_fails_on_some_twin() {
    let must_fail = expected(&stacks().join("fastapi-postgres")).verdicts;
    let twins = TESTED.iter().filter(|stack| stack.starts_with("defects/"));
    let failed: BTreeSet<String> = twins
        .flat_map(|twin| expected(&stacks().join(twin)).verdicts)
        .filter(|(_, verdict)| *verdict == Verdict::Failed)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(failed, must_fail.into_keys().collect());
}

#[test]
fn the_twins_are_built_from_the_reference() {
    let read = |file: &str| fs::read_to_string(stacks().join(file)).expect("a Dockerfile");
    assert!(
        read("defects/Dockerfile").contains(&read("fastapi-postgres/Dockerfile")),
        "stacks/defects/Dockerfile no longer holds stacks/fastapi-postgres/Dockerfile: copy it over"
    );
}
