//! `seaworthy explain`.

use clap::Args;

use super::screen::{look, note, say};
use crate::exit::Exit;
use crate::gherkin::{self, Catalogue};
use crate::model::id_in;
use crate::report::{Detail, explain};

/// How many ids are proposed for one that does not exist.
const PROPOSED: usize = 8;

/// Explain a check: why it matters, what it does, and how to fix a failure.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  seaworthy explain outage.frozen
  seaworthy explain shutdown.in-flight")]
pub(super) struct Arguments {
    /// The id of a check; `seaworthy list` has all
    #[arg(value_name = "ID")]
    id: String,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    let catalogue = Catalogue::built_in();
    // As it stands in a report, with an app and a dependency, or as a tag.
    let id = id_in(arguments.id.trim_start_matches('@'));
    let Some((place, check)) = catalogue.checks().find(|(_, check)| check.id == id) else {
        note(&format!("error: there is no check {id}"));
        let near = near(&catalogue, id);
        if near.is_empty() {
            note("  help: `seaworthy list` has all of them");
        } else {
            note(&format!("  help: there are {}; `seaworthy list` has all of them", near.join(", ")));
        }
        return Exit::CouldNotRun;
    };
    let steps = gherkin::alone(place);
    let steps: Vec<String> = steps.iter().map(|step| format!("{}{}", step.keyword, step.value)).collect();
    say(explain(&check, &place.scenario.name, &steps, look(Detail::default())).trim_end());
    Exit::Passed
}

/// Ids of the same topic, or that share a part of their name.
fn near(catalogue: &Catalogue, id: &str) -> Vec<String> {
    let (topic, name) = id.split_once('.').unwrap_or((id, id));
    let shares = |other: &str| name.split('-').any(|part| part.len() > 2 && other.contains(part));
    let ids = catalogue.ids();
    let (sharing, others): (Vec<String>, Vec<String>) = ids.into_iter().partition(|other| shares(other));
    let same_topic = others.into_iter().filter(|other| other.split('.').next() == Some(topic));
    sharing.into_iter().chain(same_topic).take(PROPOSED).collect()
}
