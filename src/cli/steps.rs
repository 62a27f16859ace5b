//! `seaworthy steps`.

use clap::Args;

use super::screen::say;
use crate::exit::Exit;
use crate::gherkin::SENTENCES;

/// List the sentences for scenarios of your own, each with an example.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  seaworthy steps
  seaworthy steps | grep readiness
  seaworthy check --features my-checks --tags @my-topic")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> Exit {
    say(
        "The sentences of the built-in steps, each with an example. (a|b) is a choice, \\d+ a number, \\S+ the name of a service.",
    );
    for step in SENTENCES {
        say(&format!("{:?} {}", step.keyword, step.pattern));
        if step.example != step.pattern {
            say(&format!("    {:?} {}", step.keyword, step.example));
        }
    }
    Exit::Passed
}
