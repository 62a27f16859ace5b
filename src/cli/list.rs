//! `seaworthy list`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::check::explain;
use super::screen::say;
use crate::exit::Exit;
use crate::experiment::RunError;
use crate::gherkin::{Catalogue, Check, Selection};
use crate::model::Severity;

/// List the checks, each with its id, its severity and what a stack must have for it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  seaworthy list
  seaworthy list --tags '@shutdown and @must'
  seaworthy list --json | jq -r '.[] | select(.slow) | .id'")]
pub(super) struct Arguments {
    /// Only the checks that a tag expression selects
    #[arg(long, short, value_name = "EXPR")]
    tags: Option<String>,
    /// Include the checks of your own feature files, from a folder and its subfolders
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// As JSON: a list with an object for each check
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Entry {
    id: String,
    severity: Severity,
    needs: Vec<String>,
    each_dependency: bool,
    slow: bool,
    title: String,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    match entries(arguments) {
        Ok(entries) if arguments.json => {
            say(&serde_json::to_string_pretty(&entries).unwrap_or_else(|error| unreachable!("string keys only: {error}")));
            Exit::Passed
        }
        Ok(entries) => {
            say(&format!("{:<34} {:<8} {:<28} {}", "ID", "SEVERITY", "NEEDS", "CHECK"));
            for entry in entries {
                let severity = entry.severity.word();
                say(&format!("{:<34} {severity:<8} {:<28} {}", entry.id, entry.marks(), entry.title));
            }
            Exit::Passed
        }
        Err(error) => {
            explain(&error);
            Exit::of_error(&error)
        }
    }
}

fn entries(arguments: &Arguments) -> Result<Vec<Entry>, RunError> {
    let catalogue = Catalogue::built_in().with_own(arguments.features.as_deref(), |_| false)?;
    let selection = Selection::parse(arguments.tags.as_deref(), &catalogue)?;
    let checks = catalogue.checks().filter(|(place, _)| selection.selects(*place));
    Ok(checks.map(|(place, check)| Entry::new(check, place.scenario.name.clone())).collect())
}

impl Entry {
    fn new(check: Check, title: String) -> Self {
        let Check { id, severity, needs, is_slow, each_dependency, .. } = check;
        let needs = needs.iter().map(ToString::to_string).collect();
        Self { id, severity, needs, each_dependency, slow: is_slow, title }
    }

    /// What a stack must have for it, and what else is special.
    fn marks(&self) -> String {
        let mut marks = self.needs.clone();
        marks.extend(self.each_dependency.then(|| "each dependency".to_owned()));
        marks.extend(self.slow.then(|| "--slow".to_owned()));
        if marks.is_empty() { "-".into() } else { marks.join(", ") }
    }
}
