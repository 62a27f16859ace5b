//! The executable: reads the command line, runs the command, returns its exit code.

use std::process::ExitCode;

use clap::Parser;
use seaworthy::cli::{Arguments, run};

#[tokio::main]
async fn main() -> ExitCode {
    run(Arguments::parse()).await.into()
}
