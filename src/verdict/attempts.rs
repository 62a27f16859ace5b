//! Judging how an app tries to reach a dependency that turns it down, by what the tap sees on the wire.

use std::time::Duration;

use super::Finding;
use super::words::seconds;
use crate::timeline::{Fact, Observation};

/// Attempts that follow so closely are one: a pool that opens several connections at once, or a driver that asks once more without
/// encryption.
const ONE: Duration = Duration::from_millis(50);
/// A pace that does not slow down is slow enough when its pauses are as long as this.
const SLOW_ENOUGH: Duration = Duration::from_millis(500);
/// Pauses are drawn by lot in good retry loops, so a mean of them may be off by this part.
const TOLERANCE: f64 = 0.2;
/// Pauses grow when the later ones are this many times as long as the first ones.
const GROWTH: f64 = 2.0;
/// With fewer attempts there is no pace to judge.
const FEW: usize = 3;

/// Every attempt to reach a dependency.
pub fn attempts(observations: &[Observation], dependency: &str) -> impl Iterator<Item = Duration> {
    observations.iter().filter_map(move |observation| match &observation.fact {
        Fact::Attempt { service } if service == dependency => Some(observation.at),
        _ => None,
    })
}

/// The attempts from one moment to another, as offsets from the first; those that follow closely are one.
fn pace(observations: &[Observation], dependency: &str, (from, to): (Duration, Duration)) -> Vec<Duration> {
    let mut all: Vec<Duration> = attempts(observations, dependency).filter(|at| (from..to).contains(at)).collect();
    all.sort_unstable();
    let first = all.first().copied().unwrap_or_default();
    let mut apart: Vec<Duration> = vec![];
    for at in all {
        let at = at.saturating_sub(first);
        if apart.last().is_none_or(|last| at >= *last + ONE) {
            apart.push(at);
        }
    }
    apart
}

/// The app makes at most so many attempts in the first second, and so many in each second after.
pub fn paced(
    dependency: &str,
    window: (Duration, Duration),
    (first_second, later): (usize, usize),
    observations: &[Observation],
) -> Result<(), Finding> {
    let pace = pace(observations, dependency, window);
    let second = Duration::from_secs(1);
    let most = (0..).map(|n| second * n).take_while(|begin| pace.last().is_some_and(|last| begin <= last));
    let counts: Vec<usize> = most.map(|begin| pace.iter().filter(|at| (begin..begin + second).contains(*at)).count()).collect();
    let is_broken = |(n, count): (usize, &usize)| *count > if n == 0 { first_second } else { later };
    if !counts.iter().enumerate().any(is_broken) {
        return Ok(());
    }
    let counts: Vec<String> = counts.iter().map(usize::to_string).collect();
    Err(Finding {
        expected: format!(
            "at most {first_second} attempts to reach `{dependency}` in the first second and {later} a second after"
        ),
        seen: format!("second by second: {} (attempts less than 0.05 s apart count as one)", counts.join(", ")),
    })
}

/// The pauses between attempts grow, or stay the same and are long. Nothing when there are too few to judge by.
#[must_use]
pub fn backed_off(dependency: &str, window: (Duration, Duration), observations: &[Observation]) -> Option<Result<(), Finding>> {
    let pace = pace(observations, dependency, window);
    if pace.len() < FEW {
        return None;
    }
    let pauses: Vec<f64> = pace.windows(2).map(|pair| (pair[1].saturating_sub(pair[0])).as_secs_f64()).collect();
    let (first, late) = (&pauses[..2], &pauses[pauses.len() / 2..]);
    let mean = |pauses: &[f64]| pauses.iter().sum::<f64>() / f64::from(u32::try_from(pauses.len()).unwrap_or(u32::MAX));
    let (first, late) = (mean(first), mean(late));
    // A loop without growth may still slow down when the machine gets busier.
    let grows = late >= first * GROWTH;
    let is_slow = late >= SLOW_ENOUGH.as_secs_f64() * (1.0 - TOLERANCE);
    if grows || is_slow {
        return Some(Ok(()));
    }
    Some(Err(Finding {
        expected: format!("the pauses between attempts to reach `{dependency}` grow, or are {} or longer", seconds(SLOW_ENOUGH)),
        seen: format!(
            "{} attempts; the first two pauses are {first:.2} s on average, those of the later half {late:.2} s",
            pace.len()
        ),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: (Duration, Duration) = (Duration::ZERO, Duration::from_mins(1));

    fn tried_at(milliseconds: impl IntoIterator<Item = u64>) -> Vec<Observation> {
        let attempt = |ms| Observation { at: Duration::from_millis(ms), fact: Fact::Attempt { service: "db".into() } };
        milliseconds.into_iter().map(attempt).collect()
    }

    #[test]
    fn a_hot_loop_is_neither_paced_nor_does_it_back_off() {
        let hot = tried_at((0..800).map(|n| n * 10));
        let finding = paced("db", WINDOW, (10, 5), &hot).expect_err("too fast");
        assert!(finding.seen.starts_with("second by second: 20, 20"), "{}", finding.seen);
        assert!(matches!(backed_off("db", WINDOW, &hot), Some(Err(_))));
    }

    #[test]
    fn growing_pauses_and_long_ones_are_good() {
        for good in [
            tried_at([1000, 1250, 1750, 2750, 4750, 6750, 8750]),
            tried_at([0, 500, 1000, 1500, 2000, 2500]),
            tried_at([0, 1000, 2000, 3000]),
            tried_at([0, 100, 300, 700, 1500]),
            // Full jitter below a growing limit.
            tried_at([0, 80, 100, 400, 700, 2100, 2500, 5000]),
        ] {
            assert_eq!(paced("db", WINDOW, (10, 5), &good), Ok(()));
            assert_eq!(backed_off("db", WINDOW, &good), Some(Ok(())), "{good:?}");
        }
    }

    #[test]
    fn constant_short_pauses_are_paced_and_do_not_back_off() {
        let constant = tried_at((0..40).map(|n| n * 200));
        assert_eq!(paced("db", WINDOW, (10, 5), &constant), Ok(()));
        assert!(matches!(backed_off("db", WINDOW, &constant), Some(Err(_))));
    }

    #[test]
    fn a_pool_that_opens_many_at_once_makes_one_attempt() {
        let pool = tried_at([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 1000, 1002, 1004, 3000]);
        assert_eq!(paced("db", WINDOW, (10, 5), &pool), Ok(()));
    }

    #[test]
    fn two_attempts_are_no_pace() {
        assert_eq!(backed_off("db", WINDOW, &tried_at([0, 10, 5000])), None);
        assert_eq!(paced("db", WINDOW, (10, 5), &[]), Ok(()));
    }
}
