//! The built-in features through the cucumber runner, on the stacks that ship with the project:
//!
//! ```text
//! cargo cucumber --tags @shutdown
//! cargo test --test cucumber -- --tags '@outage and not @slow' --stack stacks/defects/always-ready
//! ```
//!
//! As a part of `cargo test`, without arguments, all of them run on the reference stack, which must get exactly the verdicts that its
//! `expected.toml` says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use cucumber::{WriterExt, writer};
use seaworthy::interrupt;
use seaworthy::model::Verdict;
use seaworthy::suite::{Request, Scan, Silent, check_with};
use serde::Deserialize;

mod engine;

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
    /// How many scenarios run at once
    #[arg(long, short)]
    concurrency: Option<usize>,
}

#[tokio::main]
#[expect(clippy::print_stderr, reason = "the error goes where cucumber's own output does not")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !engine::is_there() {
        return ExitCode::SUCCESS;
    }
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
        verdicts: BTreeMap<String, Verdict>,
    }
    let text = fs::read_to_string(stack.join("expected.toml")).ok()?;
    let Expected { like, verdicts } = toml::from_str(&text).ok()?;
    like.is_none().then_some(verdicts)
}
