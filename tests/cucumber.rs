//! The built-in features through the cucumber runner, on the stacks that ship with the project:
//!
//! ```text
//! cargo cucumber --tags @shutdown
//! cargo test --test cucumber -- --tags '@outage and not @slow' --stack stacks/defects/always-ready
//! ```
//!
//! As a part of `cargo test`, with no arguments or with those of a test harness, all of them run on the reference stack, which must get
//! exactly the verdicts that its `expected.toml` says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, Mutex};

use clap::Parser;
use cucumber::{WriterExt, then, writer};
use harness::{Test, tests};
use seaworthy::interrupt;
use seaworthy::model::Verdict;
use seaworthy::suite::{Request, Scan, ScenarioWorld, Silent, check_with};
use serde::Deserialize;

mod engine;
mod harness;

const TESTS: &[Test] = tests! {
    when engine::is_there: [
        a_database_that_has_booted_before_is_as_after_its_first_boot,
        the_reference_gets_its_verdicts,
    ],
};

/// Runs the built-in features on a stack and shows every step.
#[derive(Debug, Parser)]
struct Arguments {
    /// Run only the scenarios that a tag expression selects
    #[arg(long, short)]
    tags: Option<String>,
    /// A folder with feature files of your own, which are run too
    #[arg(long)]
    features: Option<PathBuf>,
    /// The stack to run them on
    #[arg(long, default_value = "stacks/fastapi-postgres")]
    stack: PathBuf,
    /// How many experiments run at once
    #[arg(long, short)]
    concurrency: Option<usize>,
}

fn main() -> ExitCode {
    match Arguments::try_parse() {
        Ok(arguments) if std::env::args_os().len() > 1 => run(arguments),
        Err(error) if libtest_mimic::Arguments::try_parse().is_err() => error.exit(),
        _ => harness::run(&[TESTS]),
    }
}

fn the_reference_gets_its_verdicts() {
    assert_eq!(run(Arguments::parse_from(["cucumber"])), ExitCode::SUCCESS, "see above");
}

/// What the database of an instance holds, by the step that looked.
static KEPT: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// All data, schemas and roles, and every setting. Hashes of passwords are salted: that the app could log in shows that they are right.
const DUMP: &str = "pg_dumpall --no-role-passwords --host 127.0.0.1 --username $POSTGRES_USER && \
                    psql --host 127.0.0.1 --username $POSTGRES_USER --dbname $POSTGRES_DB --csv \
                    --command 'SELECT name, setting, source FROM pg_settings ORDER BY name'";

#[then(regex = "^the database is remembered as (.+)$")]
#[expect(clippy::disallowed_methods, reason = "a test asks the real client")]
async fn remember(world: &mut ScenarioWorld, name: String) {
    let (_, instance) = world.instance().await.expect("an instance");
    let container = &instance.service("db").expect("the database").container;
    let login = "export PGPASSWORD=$POSTGRES_PASSWORD; ";
    let dumped = Command::new("docker").args(["exec", container, "sh", "-ec", &format!("{login}{DUMP}")]).output();
    let dumped = dumped.expect("docker");
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    // A dump of a patched PostgreSQL has a key of its own in it, which is chance.
    let text = String::from_utf8_lossy(&dumped.stdout);
    let lines = text.lines().filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"));
    KEPT.lock().expect("a map").insert(name, lines.collect::<Vec<_>>().join("\n"));
}

const OWN: &str = "@own
Feature: What is in the database

  @own.seeded @must
  Scenario: One that has booted before
    Given the stack is ready
    Then the database is remembered as booted before

  @own.fresh @must
  Scenario: One that boots for the first time
    When the database and the app start at the same moment
    Then readiness answers 2xx within the startup limit
    And the database is remembered as fresh
";

fn a_database_that_has_booted_before_is_as_after_its_first_boot() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("own.feature"), OWN).expect("written");
    let features = folder.path().display().to_string();
    assert_eq!(
        run(Arguments::parse_from(["cucumber", "--tags", "@own", "--features", &features])),
        ExitCode::SUCCESS,
        "see above"
    );
    let kept = KEPT.lock().expect("a map");
    let (seeded, fresh) = (&kept["booted before"], &kept["fresh"]);
    assert!(seeded.contains("CREATE TABLE") && seeded.contains("max_connections,"), "{seeded}");
    assert_eq!(seeded, fresh);
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the error goes where cucumber's own output does not")]
async fn run(arguments: Arguments) -> ExitCode {
    let expected = (arguments.tags.is_none() && arguments.features.is_none()).then(|| expected(&arguments.stack)).flatten();
    let request = Request {
        target: arguments.stack.into(),
        features: arguments.features,
        tags: arguments.tags,
        jobs: arguments.concurrency,
        // What a scanner that is installed here finds is no property of the stack.
        scan: if expected.is_some() { Scan::Off } else { Scan::default() },
        ..Request::default()
    };
    let writer = writer::Basic::stdout().summarized().fail_on_skipped();
    match Box::pin(check_with(&request, Arc::new(Silent), interrupt::requested(), writer)).await {
        Ok(run) => {
            let found = run.verdicts();
            let is_bad = |verdict: &Verdict| matches!(verdict, Verdict::Failed | Verdict::CouldNotRun);
            let is_right = expected.as_ref().map_or_else(|| !found.values().any(is_bad), |expected| *expected == found);
            if let (false, Some(expected)) = (is_right, expected) {
                for name in expected.keys().chain(found.keys()).filter(|name| expected.get(*name) != found.get(*name)) {
                    eprintln!("{name}: {:?} and not {:?}", found.get(name), expected.get(name));
                }
            }
            if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: {}\n  help: {}", error.describe(), error.advice());
            ExitCode::FAILURE
        }
    }
}

/// The verdicts that a stack of the project is to get; nothing for one that is somebody else's, or a twin.
fn expected(stack: &Path) -> Option<BTreeMap<String, Verdict>> {
    #[derive(Deserialize)]
    struct Expected {
        like: Option<PathBuf>,
        #[serde(default)]
        verdicts: BTreeMap<String, Verdict>,
    }
    let file = stack.join("expected.toml");
    if !file.exists() {
        return None;
    }
    let read = fs::read_to_string(&file).map(|text| toml::from_str(&text));
    let Expected { like, verdicts } = read.expect("a text").unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    like.is_none().then_some(verdicts)
}
