//! The built-in features through the cucumber runner, on the stacks that ship with the project:
//!
//! ```text
//! cargo cucumber --tags @shutdown
//! cargo test --test cucumber -- --tags '@outage and not @slow' --stack stacks/defects/always-ready
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use cucumber::{WriterExt, writer};
use seaworthy::interrupt;
use seaworthy::suite::{Request, Silent, check_with};
use seaworthy::verdict::Verdict;

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
    let request = Request {
        target: arguments.stack.into(),
        features: arguments.features,
        tags: arguments.tags,
        jobs: arguments.concurrency,
        ..Request::default()
    };
    let writer = writer::Basic::stdout().summarized().fail_on_skipped();
    match Box::pin(check_with(&request, Arc::new(Silent), interrupt::requested(), writer)).await {
        Ok(run) => {
            let bad = run.checks.iter().any(|check| matches!(check.verdict, Verdict::Failed | Verdict::CouldNotRun));
            if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => {
            eprintln!("error: {}\n  help: {}", error.describe(), error.advice());
            ExitCode::FAILURE
        }
    }
}
