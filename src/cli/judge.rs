//! `seaworthy judge`.

use clap::Args;

use super::report::Saved;
use super::screen::note;
use crate::exit::Exit;
use crate::model::Run;
use crate::suite::judge_again;

/// Judge a saved run again, from its saved observations, with this version.
///
/// Needs no engine. Checks that did not run stay as they are. The exit code follows the new verdicts; differences from the saved ones
/// are reported on standard error.
#[derive(Debug, Args)]
#[command(after_help = super::examples("  \
  seaworthy judge run.json
  seaworthy judge run.json --json judged.json"))]
pub(super) struct Arguments {
    #[command(flatten)]
    saved: Saved,
}

pub(super) fn run(arguments: &Arguments) -> Exit {
    arguments.saved.show(|saved| {
        let judged = judge_again(&saved);
        tell_differences(&saved, &judged);
        judged
    })
}

fn tell_differences(saved: &Run, judged: &Run) {
    for (before, now) in saved.proof.iter().zip(&judged.proof).filter(|(before, now)| before.result != now.result) {
        note(&format!("{}: was {}, is {}", now.title, before.result.word(), now.result.word()));
    }
    for (before, now) in saved.checks.iter().zip(&judged.checks) {
        if before.verdict != now.verdict {
            let (before, after) = (crate::report::word(before.verdict), crate::report::word(now.verdict));
            note(&format!("{}: was {before}, is {after}", now.name()));
        } else if (&before.finding, &before.reason) != (&now.finding, &now.reason) {
            note(&format!("{}: the reason differs", now.name()));
        }
    }
}
