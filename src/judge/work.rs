//! Judging what becomes of a worker's unit of work when the worker is told to stop.

use std::time::Duration;

use super::stop::no_end;
use super::window::Window;
use super::words::{seconds, since};
use crate::model::{Fact, FactId, Mark, Observation, Outcome, UnitState};
use crate::subject::Contract;

/// The unit that is let alone: it shows that units are finished, and how long one takes.
pub(crate) const UNDISTURBED: u32 = 1;
/// The unit that is under way when the worker is told to stop.
pub(crate) const DISTURBED: u32 = 2;

/// What was said of a unit.
#[derive(Clone, Copy, Debug)]
struct Said<'a> {
    id: FactId,
    sent: Duration,
    at: Duration,
    state: &'a UnitState,
}

impl Said<'_> {
    fn is_open(&self) -> bool {
        matches!(self.state, UnitState::Open { .. })
    }
}

fn said(facts: &[Observation], unit: u32) -> impl DoubleEndedIterator<Item = Said<'_>> {
    facts.iter().filter_map(move |one| match &one.fact {
        Fact::Unit { unit: of, sent, state } if *of == unit => Some(Said { id: one.id, sent: *sent, at: one.at, state }),
        _ => None,
    })
}

/// For how long the undisturbed unit was seen to be under way.
fn took(facts: &[Observation]) -> Duration {
    let open = || said(facts, UNDISTURBED).filter(Said::is_open);
    open().next().zip(open().next_back()).map_or(Duration::ZERO, |(first, last)| last.at.saturating_sub(first.sent))
}

/// How long a unit may take to be done once the worker is ready again: as long as a recovery, and as an undisturbed unit takes, twice.
#[must_use]
pub(crate) fn patience(facts: &[Observation], contract: &Contract) -> Duration {
    contract.recovery_limit + took(facts) * 2
}

/// The unit that was under way when the app was told to stop is finished, or in its queue, once the app runs again.
///
/// Not applicable when it is done and may have been before the signal: then nothing was under way. One that is never done was not.
pub(super) fn is_kept(window: &Window<'_>) -> Outcome {
    let Some(stop) = window.stop() else { return no_end(window) };
    let facts = window.facts;
    let Some(under_way) = said(facts, DISTURBED).rfind(|said| said.at <= stop.told && said.is_open()) else {
        return Outcome::undecided_when(window.over, "whether a unit of work was under way");
    };
    let again = facts.iter().rev().find(|one| matches!(one.fact, Fact::Mark { mark: Mark::AppStarted { again: true } }));
    let Some(again) = again.map(|one| one.at).filter(|at| *at > stop.told) else {
        return Outcome::undecided_when(window.over, "whether the unit of work is done: the app was not started again");
    };
    let asked = || said(facts, DISTURBED).filter(|said| said.sent >= again);
    if let Some(done) = asked().find(|said| matches!(said.state, UnitState::Done)) {
        if took(facts) <= stop.told.saturating_sub(under_way.at) {
            let took = seconds(took(facts));
            return Outcome::NotApplicable(format!(
                "a unit of work takes {took}, and may have been finished before the signal: let `exec` put in one that takes some seconds"
            ));
        }
        return Outcome::Held(vec![under_way.id, stop.sent, done.id]);
    }
    let open: Vec<Said<'_>> = asked().filter(Said::is_open).collect();
    let (Some(first), Some(last)) = (open.first(), open.last()) else {
        return Outcome::undecided_when(window.over, "what became of the unit of work");
    };
    let limit = patience(facts, window.contract);
    let is_last_word = asked().next_back().is_some_and(|said| said.id == last.id);
    if last.at.saturating_sub(first.sent) < limit || !is_last_word {
        return Outcome::undecided_when(window.over, "what became of the unit of work");
    }
    Outcome::broken(
        format!(
            "the unit of work that was under way at {} is finished, or back in its queue, once the app runs again",
            stop.signal
        ),
        format!(
            "it is neither, {} after the next start ({}); {}",
            since(again, last.at).trim_start_matches('+'),
            last.state,
            stop.describe(window)
        ),
        vec![under_way.id, stop.sent, stop.death, last.id],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, Told, container, is_broken, is_held, mark, told_to_stop};
    use crate::model::ContainerChange;

    fn unit(unit: u32, sent: u64, state: UnitState) -> Told {
        (sent + 50, Fact::Unit { unit, sent: Duration::from_millis(sent), state })
    }

    fn open(number: u32, sent: u64) -> Told {
        unit(number, sent, UnitState::Open { said: "status 1".into() })
    }

    fn done(number: u32, sent: u64) -> Told {
        unit(number, sent, UnitState::Done)
    }

    /// An undisturbed unit is under way from 100 to 3100 ms; the other one is seen under way, and the app is told to stop at 6 s, ends at 7 s,
    /// and starts again at 8 s.
    fn stopped(others: &[Told]) -> Case {
        let before = [
            unit(UNDISTURBED, 0, UnitState::PutIn),
            open(UNDISTURBED, 100),
            open(UNDISTURBED, 3_100),
            done(UNDISTURBED, 3_600),
            unit(DISTURBED, 5_000, UnitState::PutIn),
            done(DISTURBED, 5_200),
            open(DISTURBED, 5_600),
            told_to_stop(6_000),
            container(7_000, "app", ContainerChange::Died { exit_code: 0, oom_killed: false }),
            mark(8_000, Mark::AppStarted { again: true }),
        ];
        Case::of(before.into_iter().chain(others.to_vec()))
    }

    #[test]
    fn a_unit_that_was_under_way_has_to_be_done() {
        assert!(is_held(&stopped(&[done(DISTURBED, 9_000)]).judge(&Claim::UnitKept)), "finished, or in its queue");
        let later = stopped(&[open(DISTURBED, 9_000), open(DISTURBED, 12_000), done(DISTURBED, 15_000)]);
        assert!(is_held(&later.judge(&Claim::UnitKept)), "taken again, and finished");
        let lost = stopped(&[open(DISTURBED, 9_000), open(DISTURBED, 40_000)]);
        assert!(is_broken(&lost.judge(&Claim::UnitKept)));
        assert_eq!(
            lost.seen(&Claim::UnitKept),
            "it is neither, 32.0 s after the next start (`done` ends with status 1); it stopped after 1.0 s with status 0"
        );
        let other = stopped(&[open(DISTURBED, 9_000), done(UNDISTURBED, 10_000), open(DISTURBED, 40_000)]);
        assert!(is_broken(&other.judge(&Claim::UnitKept)), "what is said of another unit");
    }

    #[test]
    fn what_nobody_saw_is_not_judged() {
        let too_soon = stopped(&[open(DISTURBED, 9_000), open(DISTURBED, 12_000)]);
        assert_eq!(too_soon.judge(&Claim::UnitKept), Outcome::Pending);
        assert!(matches!(too_soon.over().judge(&Claim::UnitKept), Outcome::Undecided(_)), "its time is not over");
        let unclear = |sent| unit(DISTURBED, sent, UnitState::Unclear { reason: "no end in time".into() });
        for told in [vec![], vec![unclear(9_000)], vec![open(DISTURBED, 9_000), open(DISTURBED, 39_000), unclear(40_000)]] {
            assert!(matches!(stopped(&told).over().judge(&Claim::UnitKept), Outcome::Undecided(_)), "{told:?}");
        }
    }

    #[test]
    fn a_unit_that_may_be_finished_before_the_signal_proves_nothing() {
        let told = |last: Told| {
            let told = [
                open(UNDISTURBED, 100),
                done(UNDISTURBED, 300),
                open(DISTURBED, 5_600),
                told_to_stop(6_000),
                container(7_000, "app", ContainerChange::Died { exit_code: 0, oom_killed: false }),
                mark(8_000, Mark::AppStarted { again: true }),
                open(DISTURBED, 9_000),
            ];
            told.into_iter().chain([last]).collect::<Vec<Told>>()
        };
        let short = told(done(DISTURBED, 10_000));
        assert!(matches!(Case::of(short.clone()).judge(&Claim::UnitKept), Outcome::NotApplicable(_)), "too short");
        assert!(is_broken(&Case::of(told(open(DISTURBED, 40_000))).judge(&Claim::UnitKept)), "it never was");
        let never_open = short.into_iter().filter(|(ms, _)| *ms != 5_650);
        assert!(matches!(Case::of(never_open).over().judge(&Claim::UnitKept), Outcome::Undecided(_)), "it was never seen");
    }
}
