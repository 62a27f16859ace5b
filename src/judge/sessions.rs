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
    Outcome::broken(expected, format!("it has {after} sessions now, and had {before} before"), evidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, Told, died, held, ids, told_to_stop};
    use crate::model::FaultKind;

    fn sessions(ms: u64, count: usize) -> Told {
        (ms, Fact::Sessions { service: "db".into(), count })
    }

    fn fault(ms: u64, phase: Phase) -> Told {
        (ms, Fact::Fault { service: "db".into(), fault: FaultKind::Killed, phase })
    }

    #[test]
    fn sessions_have_to_be_gone_a_second_after_the_end() {
        let case = |told: &[Told]| Case::of([told_to_stop(0), died(1000, 0)].into_iter().chain(told.to_vec())).over();
        assert_eq!(case(&[sessions(1100, 3), sessions(1900, 0)]).judge(&Claim::NoSessionLeft), held([1, 3]));
        let finding = case(&[sessions(1100, 3), sessions(2000, 2)]).finding(&Claim::NoSessionLeft);
        assert_eq!((finding.seen.as_str(), finding.evidence), ("2 were left", ids([1, 3])));
        let undecided = Outcome::Undecided("the sessions of the app".into());
        assert_eq!(case(&[sessions(500, 0)]).judge(&Claim::NoSessionLeft), undecided, "counted before its end");
        assert_eq!(case(&[sessions(1900, 2)]).judge(&Claim::NoSessionLeft), undecided, "they may still go");
        assert!(matches!(Case::of([sessions(1, 0)]).over().judge(&Claim::NoSessionLeft), Outcome::Undecided(_)));
    }

    #[test]
    fn a_few_more_sessions_are_good() {
        let claim = Claim::FewMoreSessions(2);
        let case =
            |after| Case::of([sessions(10, 9), sessions(20, 3), fault(30, Phase::Begins), sessions(40, 99), sessions(50, after)]);
        assert_eq!(case(5).judge(&claim), held([1, 4]));
        let finding = case(6).finding(&claim);
        assert_eq!(finding.expected, "`app` has at most 2 sessions more than the 3 before");
        assert_eq!((finding.seen.as_str(), finding.evidence), ("it has 6 sessions now, and had 3 before", ids([1, 4])));
    }

    #[test]
    fn more_than_before_needs_a_count_from_before() {
        let claim = Claim::FewMoreSessions(2);
        let undecided = Outcome::Undecided("the sessions of the app".into());
        assert_eq!(Case::of([fault(30, Phase::Begins), sessions(40, 1)]).over().judge(&claim), undecided);
        assert_eq!(Case::of([sessions(20, 1), fault(30, Phase::Begins)]).over().judge(&claim), undecided);
        assert_eq!(Case::of([sessions(20, 1), fault(30, Phase::Begins)]).judge(&claim), Outcome::Pending);
        let undisturbed = Case::of([sessions(20, 1), sessions(40, 9)]).over().judge(&claim);
        assert_eq!(undisturbed, Outcome::Undecided("nothing was disturbed".into()));
    }
}
