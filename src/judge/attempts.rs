//! Judging how an app tries to reach a dependency that turns it down, by what the tap sees on the wire.

use std::time::Duration;

use super::answers::{answered, requests};
use super::claim::Wanted;
use super::window::{Event, Window};
use super::words::seconds;
use crate::model::{Endpoint, Fact, FactId, Mark, Observation, Outcome};

/// Attempts that follow so closely are one: a pool that opens several connections at once, or a driver that asks once more without
/// encryption.
const ONE: Duration = Duration::from_millis(50);
/// A pace that does not slow down is slow enough when its pauses are as long as this.
const SLOW_ENOUGH: Duration = Duration::from_millis(500);
/// Pauses are drawn by lot in good retry loops, so a mean of them may be off by this part.
const TOLERANCE: f64 = 0.2;
/// Pauses grow when the later ones are this many times as long as the first ones.
const GROWTH: f64 = 2.0;
/// For so long the way to a dependency is being opened before it is known to be open.
const OPENING: Duration = Duration::from_millis(500);
/// With fewer attempts there is no pace to judge.
const FEW: usize = 3;

/// Every attempt to reach a dependency that the tap saw.
pub fn attempts<'a>(observations: &'a [Observation], dependency: &str) -> impl Iterator<Item = &'a Observation> {
    observations.iter().filter(move |one| matches!(&one.fact, Fact::Attempt { service } if service == dependency))
}

/// Readiness answers 2xx within a limit of a dependency being reachable, of which the app takes no more than this time to notice. How long the
/// rest of its start takes, the machine has a say in.
pub(super) fn prompt(window: &Window<'_>, time: Duration, limit: Duration) -> Outcome {
    let Some((service, attempt)) = noticed_late(window, time) else {
        return answered(window, Endpoint::Readiness, Wanted::Success, limit);
    };
    let expected = format!("`{}` tries to reach `{service}` {}", window.app(), window.within(time));
    let after = attempt.at.saturating_sub(window.from);
    Outcome::broken(expected, format!("its first attempt came after {}", seconds(after)), vec![attempt.id])
}

/// The first attempt of the app, which was not ready before, to reach a dependency that is within reach again, where it came later than this after that.
pub(super) fn noticed_late<'a>(window: &Window<'a>, time: Duration) -> Option<(&'a str, &'a Observation)> {
    let Event::Mark(Mark::WithinReach { service }) = window.event else { return None };
    // One that came while the way was being opened may have got through.
    let first = attempts(window.facts, service).find(|one| one.at + OPENING >= window.from)?;
    let mut ready = requests(window, Endpoint::Readiness).filter(|one| one.sent >= window.from && one.is_ready());
    let was_ready = ready.any(|one| one.at < first.at);
    (first.at > window.from + time && !was_ready).then_some((service, first))
}

/// The attempts of an app that was turned down: from its start to the window's beginning, at which that ended.
#[derive(Debug)]
struct Pace {
    /// As offsets from the first; those that follow closely are one.
    offsets: Vec<Duration>,
    /// The first and the last of them.
    evidence: Vec<FactId>,
}

impl Pace {
    fn of(window: &Window<'_>, dependency: &str) -> Self {
        let within = window.started()..window.from;
        let all: Vec<&Observation> = attempts(window.facts, dependency).filter(|one| within.contains(&one.at)).collect();
        let first = all.first().map(|one| one.at).unwrap_or_default();
        let mut offsets: Vec<Duration> = vec![];
        for one in &all {
            let at = one.at.saturating_sub(first);
            if offsets.last().is_none_or(|last| at >= *last + ONE) {
                offsets.push(at);
            }
        }
        Self { offsets, evidence: all.first().into_iter().chain(all.last()).map(|one| one.id).collect() }
    }

    /// Judges the attempts. Not applicable when there are too few to judge by.
    fn judged(self, window: &Window<'_>, dependency: &str, judge: impl FnOnce(Self) -> Outcome) -> Outcome {
        if self.offsets.len() >= FEW {
            return judge(self);
        }
        let (app, count) = (window.app(), self.offsets.len());
        let attempts = if count == 1 { "attempt" } else { "attempts" };
        let away = seconds(window.from.saturating_sub(window.started()));
        Outcome::NotApplicable(format!(
            "`{app}` makes {count} {attempts} to reach `{dependency}` in the {away} after its start while connections are refused: \
             too few to measure a pace"
        ))
    }
}

/// The app makes at most so many attempts in the first second, and so many in each second after.
pub(super) fn paced(window: &Window<'_>, dependency: &str, first_second: usize, later: usize) -> Outcome {
    Pace::of(window, dependency).judged(window, dependency, |pace| are_few(pace, dependency, first_second, later))
}

fn are_few(Pace { offsets, evidence }: Pace, dependency: &str, first_second: usize, later: usize) -> Outcome {
    let second = Duration::from_secs(1);
    let begins = (0..).map(|n| second * n).take_while(|begin| offsets.last().is_some_and(|last| begin <= last));
    let counts: Vec<usize> =
        begins.map(|begin| offsets.iter().filter(|at| (begin..begin + second).contains(*at)).count()).collect();
    let is_broken = |(n, count): (usize, &usize)| *count > if n == 0 { first_second } else { later };
    if !counts.iter().enumerate().any(is_broken) {
        return Outcome::Held(evidence);
    }
    let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
    Outcome::broken(
        format!(
            "at most {first_second} attempts to reach `{dependency}` in the first second and {later} in each second after that"
        ),
        format!("second by second: {} (attempts less than 0.05 s apart count as one)", counts.join(", ")),
        evidence,
    )
}

/// The pauses between attempts grow, or stay the same and are long.
pub(super) fn backed_off(window: &Window<'_>, dependency: &str) -> Outcome {
    Pace::of(window, dependency).judged(window, dependency, |pace| grow(&pace, dependency))
}

fn grow(Pace { offsets, evidence }: &Pace, dependency: &str) -> Outcome {
    let pauses: Vec<f64> = offsets.windows(2).map(|pair| (pair[1].saturating_sub(pair[0])).as_secs_f64()).collect();
    let (first, late) = (&pauses[..2], &pauses[pauses.len() / 2..]);
    let mean = |pauses: &[f64]| pauses.iter().sum::<f64>() / f64::from(u32::try_from(pauses.len()).unwrap_or(u32::MAX));
    let (first, late) = (mean(first), mean(late));
    // A loop without growth may still slow down when the machine gets busier.
    let grows = late >= first * GROWTH;
    let is_slow = late >= SLOW_ENOUGH.as_secs_f64() * (1.0 - TOLERANCE);
    if grows || is_slow {
        return Outcome::Held(evidence.clone());
    }
    Outcome::broken(
        format!("the pauses between attempts to reach `{dependency}` grow, or are {} or longer", seconds(SLOW_ENOUGH)),
        format!(
            "{} attempts; the first two pauses are {first:.2} s on average, those of the later half {late:.2} s",
            offsets.len()
        ),
        evidence.clone(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Case, is_broken, is_held, mark, readiness};
    use crate::judge::{Anchor, Claim, Limit};
    use crate::model::{Answer, Inspection};
    use crate::subject::Meant;

    const PACED: Claim = Claim::Paced { dependency: Meant::Database, first_second: 10, later: 5 };
    const BACKS_OFF: Claim = Claim::BacksOff(Meant::Database);

    fn attempt(ms: u64) -> (u64, Fact) {
        (ms, Fact::Attempt { service: "db".into() })
    }

    /// An app that was turned down for a minute.
    fn tried_at(milliseconds: impl IntoIterator<Item = u64>) -> Case {
        Case::of(milliseconds.into_iter().map(attempt)).from(60_000)
    }

    #[test]
    fn an_app_that_notices_soon_may_start_as_slowly_as_the_machine_is() {
        let claim = Claim::Answers {
            endpoint: Endpoint::Readiness,
            wanted: Wanted::Success,
            within: Limit::BeyondStart(Duration::from_secs(3)),
            of: Anchor::Latest,
        };
        let there = Mark::WithinReach { service: "db".into() };
        let took = (0, Fact::Inspected { inspection: Inspection::UndisturbedStart { took: Duration::from_secs(6) } });
        let judged = |tried: &[u64], ready: u64| {
            let answer = readiness(ready, ready + 50, Answer::Status(200));
            let facts = [took.clone(), mark(8_000, there.clone())].into_iter();
            let case = Case::of(facts.chain(tried.iter().map(|ms| attempt(*ms))).chain([answer])).from(8_000).over();
            case.look(|window| claim.judge(&Window { event: Event::Mark(&there), ..*window }))
        };
        assert!(is_held(&judged(&[0, 5_400, 10_900], 19_000)));
        let Outcome::Broken(finding) = judged(&[0, 5_700, 12_100], 19_000) else { panic!("not broken") };
        assert_eq!(finding.expected, "`app` tries to reach `db` within 3.0 s of `db` being reachable");
        assert_eq!(finding.seen, "its first attempt came after 4.1 s");
        assert!(is_held(&judged(&[0, 7_900, 12_100], 19_000)), "it may have got through before that was known");
        assert!(is_held(&judged(&[0, 12_100], 10_000)), "it was ready before");
        assert!(is_broken(&judged(&[0, 9_000], 27_000)), "3 s, and twice its start");
        assert!(is_held(&judged(&[], 19_000)), "nobody saw an attempt");
    }

    #[test]
    fn a_hot_loop_is_neither_paced_nor_does_it_back_off() {
        let hot = tried_at((0..800).map(|n| n * 10));
        let finding = hot.finding(&PACED);
        assert!(finding.seen.starts_with("second by second: 20, 20"), "{}", finding.seen);
        assert_eq!(finding.evidence, [FactId(0), FactId(799)]);
        assert!(is_broken(&hot.judge(&BACKS_OFF)));
    }

    #[test]
    fn growing_pauses_and_long_ones_are_good() {
        for good in [
            &[1000, 1250, 1750, 2750, 4750, 6750, 8750][..],
            &[0, 500, 1000, 1500, 2000, 2500],
            &[0, 1000, 2000, 3000],
            &[0, 100, 300, 700, 1500],
            // Full jitter below a growing limit.
            &[0, 80, 100, 400, 700, 2100, 2500, 5000],
        ] {
            let case = tried_at(good.iter().copied());
            assert!(is_held(&case.judge(&PACED)), "{good:?}");
            assert!(is_held(&case.judge(&BACKS_OFF)), "{good:?}");
        }
    }

    #[test]
    fn constant_short_pauses_are_paced_and_do_not_back_off() {
        let constant = tried_at((0..40).map(|n| n * 200));
        assert!(is_held(&constant.judge(&PACED)));
        let seen = constant.seen(&BACKS_OFF);
        assert_eq!(seen, "40 attempts; the first two pauses are 0.20 s on average, those of the later half 0.20 s");
    }

    #[test]
    fn a_pool_that_opens_many_at_once_makes_one_attempt() {
        let pool = tried_at([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 1000, 1002, 1004, 3000]);
        assert!(is_held(&pool.judge(&PACED)));
    }

    #[test]
    fn two_attempts_are_no_pace() {
        let reason = |count: &str| {
            Outcome::NotApplicable(format!(
                "`app` makes {count} to reach `db` in the 60.0 s after its start while connections are refused: too few to measure a pace"
            ))
        };
        for claim in [&BACKS_OFF, &PACED] {
            assert_eq!(tried_at([0, 10, 5000]).judge(claim), reason("2 attempts"));
            assert_eq!(tried_at([0]).judge(claim), reason("1 attempt"));
            assert_eq!(tried_at([]).judge(claim), reason("0 attempts"));
            assert!(is_held(&tried_at([0, 1000, 5000]).judge(claim)));
        }
    }

    #[test]
    fn only_attempts_from_the_start_to_the_end_of_the_outage_count() {
        let hot = |from: u64| (0..100).map(move |n| attempt(from + n * 10));
        let calm = || [6000, 8000, 10_000].map(attempt);
        let before = Case::of(hot(0).chain([mark(5000, Mark::AppStarted { again: true })]).chain(calm())).from(60_000);
        assert!(is_held(&before.judge(&PACED)));
        assert!(is_held(&Case::of(calm().into_iter().chain(hot(60_000))).from(60_000).judge(&PACED)));
    }

    #[test]
    fn attempts_of_another_dependency_do_not_count() {
        let other = (0..800).map(|n| (n * 10, Fact::Attempt { service: "cache".into() }));
        let calm = [0, 2000, 4000].map(attempt);
        assert!(is_held(&Case::of(calm.into_iter().chain(other.clone())).from(60_000).judge(&PACED)));
        assert_eq!(attempts(&crate::judge::testing::timeline(other), "cache").count(), 800);
    }
}
