//! Judging the sessions that an app has with its dependency.

use std::time::Duration;

use super::stop::no_end;
use super::window::Window;
use super::words::seconds;
use crate::model::{Fact, FactId, Outcome, Phase};

/// How long after its end a session of the app may be seen.
const LIMIT: Duration = Duration::from_secs(1);

/// The counts of the app's sessions: when, how many.
fn counts<'a>(window: &Window<'a>) -> impl DoubleEndedIterator<Item = (FactId, Duration, usize)> + use<'a> {
    window.facts.iter().filter_map(|one| match &one.fact {
        Fact::Sessions { count, .. } => Some((one.id, one.at, *count)),
        _ => None,
    })
}

/// A second after its end the app has no session left.
pub(super) fn none_left(window: &Window<'_>) -> Outcome {
    let Some(stop) = window.stop() else { return no_end(window) };
    let after: Vec<(FactId, Duration, usize)> = counts(window).filter(|(_, at, _)| *at >= stop.died).collect();
    if let Some((id, ..)) = after.iter().find(|(_, _, count)| *count == 0) {
        return Outcome::Held(vec![stop.death, *id]);
    }
    match after.last() {
        Some((id, at, count)) if *at >= stop.died + LIMIT => Outcome::broken(
            format!("no session of `{}` is left {} after its end", stop.app, seconds(LIMIT)),
            format!("{count} were left"),
            vec![stop.death, *id],
        ),
        _ => Outcome::undecided_when(window.over, "the sessions of the app"),
    }
}

/// The app has at most so many sessions more than before the disturbance.
pub(super) fn few_more(window: &Window<'_>, more: usize) -> Outcome {
    let begin = window.facts.iter().find(|one| matches!(one.fact, Fact::Fault { phase: Phase::Begins, .. }));
    let Some(begin) = begin else { return Outcome::undecided_when(window.over, "nothing was disturbed") };
    let before = counts(window).rfind(|(_, at, _)| *at < begin.at);
    let after = counts(window).rfind(|(_, at, _)| *at > begin.at);
    let (Some((first, _, before)), Some((last, _, after))) = (before, after) else {
        return Outcome::undecided_when(window.over, "the sessions of the app");
    };
    let evidence = vec![first, last];
    if after <= before + more {
        return Outcome::Held(evidence);
    }
    let expected = format!("`{}` has at most {more} sessions more than the {before} before", window.app());
    Outcome::broken(expected, format!("it has {after}"), evidence)
}
