//! Judging an app's health check: that there is one, what its times are, and what the engine says by it.

use std::time::Duration;

use super::answers::{Request, requests};
use super::window::Window;
use super::words::{deaths, exits, seconds, since};
use crate::model::{ContainerChange, Endpoint, Fact, HealthTimes, Inspection, Observation, Outcome};

/// How long an app has to be unhealthy before that counts.
const LASTING: Duration = Duration::from_secs(4);

/// Within this time a health check has to notice.
const DETECTION: Duration = Duration::from_mins(2);

/// The engine calls the container healthy, or unhealthy, within the limit. Held by the fact that says so.
pub(super) fn turned(window: &Window<'_>, wanted: bool, limit: Duration) -> Outcome {
    let (app, from, until) = (window.app(), window.from, window.from + limit);
    let told: Vec<(&Observation, bool)> = (window.changes(app))
        .filter_map(|(one, change)| match change {
            ContainerChange::Health { healthy } if one.at <= until => Some((one, *healthy)),
            _ => None,
        })
        .collect();
    // On a busy machine a run of the health check may take too long once: one that can fail goes on failing.
    let end = window.facts.last().map_or(Duration::ZERO, |one| one.at);
    let lasts = |since: Duration| {
        let is_back = told.iter().any(|(one, healthy)| *healthy != wanted && one.at > since && one.at <= since + LASTING);
        wanted || (!is_back && (window.over || end >= since + LASTING))
    };
    let later = told.iter().find(|(one, healthy)| one.at >= from && *healthy == wanted && lasts(one.at));
    // It may have been so before, and stayed.
    let stayed = told.last().filter(|(one, healthy)| one.at < from && *healthy == wanted);
    if let Some((one, _)) = later.or(stayed) {
        return Outcome::Held(vec![one.id]);
    }
    if !window.over {
        return Outcome::Pending;
    }
    let words = |healthy: bool| if healthy { "healthy" } else { "unhealthy" };
    let seen = match told.last() {
        None => "there was no health status yet".to_owned(),
        Some((one, healthy)) if one.at < from => format!("its health status stayed {}", words(*healthy)),
        Some((one, healthy)) => format!("the last health status was {}, at {}", words(*healthy), since(from, one.at)),
    };
    let in_time = &window.facts[..window.facts.partition_point(|one| one.at <= until)];
    let seen = match exits(in_time, app, from, from) {
        Some(exits) => format!("{exits}; {seen}"),
        None => seen,
    };
    let expected = format!("the engine calls `{app}` {} within {}", words(wanted), seconds(limit));
    let exit = deaths(in_time, app, from).last().map(|death| death.id);
    Outcome::broken(expected, seen, told.last().map(|(one, _)| one.id).into_iter().chain(exit).collect())
}

/// The health check passes within the limit.
pub(super) fn passes(window: &Window<'_>, limit: Duration) -> Outcome {
    let Outcome::Broken(mut finding) = turned(window, true, limit) else { return turned(window, true, limit) };
    let last = window.facts.iter().rev().find_map(|one| match &one.fact {
        Fact::Inspected { inspection: Inspection::HealthRun { last } } => Some((one.id, last)),
        _ => None,
    });
    let run = match last {
        Some((id, Some((status, output)))) => {
            finding.evidence.push(id);
            let output = if output.is_empty() { String::new() } else { format!(": {output}") };
            format!("its last run ended with status {status}{output}")
        }
        _ => "its health check has not run".to_owned(),
    };
    finding.seen = format!("{}; {run}", finding.seen);
    Outcome::Broken(finding)
}

/// The engine did not call the app healthy while it was not ready.
///
/// Broken only by proof: an answer other than 2xx to a request that was sent after the engine had said so, and before the first
/// ready answer.
pub(super) fn not_healthy_before_ready(window: &Window<'_>) -> Outcome {
    let app = window.app();
    let healthy = window.changes(app).find(|(_, change)| matches!(change, ContainerChange::Health { healthy: true }));
    let Some((healthy, _)) = healthy else { return Outcome::Held(vec![]) };
    let ready = requests(window, Endpoint::Readiness).find(Request::is_ready);
    let proof = requests(window, Endpoint::Readiness)
        .rev()
        .find(|request| request.sent > healthy.at && ready.is_none_or(|ready| request.sent < ready.at) && !request.is_ready());
    let Some(proof) = proof else { return Outcome::Held(vec![healthy.id]) };
    Outcome::broken(
        format!("the engine calls `{app}` healthy only once it is ready"),
        format!(
            "{} after the engine said healthy, readiness still answered {}",
            seconds(proof.sent.saturating_sub(healthy.at)),
            proof.answer
        ),
        vec![healthy.id, proof.id],
    )
}

/// The app has a health check, from the compose file or from the image.
pub(super) fn is_declared(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::HealthCheck { declared, place } => Some((*declared, place.clone())),
        _ => None,
    });
    match found {
        None => Outcome::undecided_when(window.over, "the health check of the app"),
        Some((id, (true, _))) => Outcome::Held(vec![id]),
        Some((id, (false, place))) => super::with_places(
            Outcome::broken(
                format!("`{}` has a health check", window.app()),
                "neither the compose file nor the image declares one",
                vec![id],
            ),
            place,
        ),
    }
}

/// The times of a health check fit each other, the start of the app, and an outage.
pub(super) fn is_well_timed(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::HealthTimes(times) => Some(*times),
        _ => None,
    });
    let Some((id, times)) = found else { return Outcome::undecided_when(window.over, "the times of the health check") };
    let HealthTimes { interval, timeout, start_period, retries, app_start } = times;
    let app = window.app();
    let broken = |expected: String, seen: String| Outcome::broken(expected, seen, vec![id]);
    if timeout > interval {
        let expected = format!("the timeout of the health check of `{app}` is no longer than its interval");
        // The engine counts the interval from the end of a run.
        let hang = (interval + timeout) * retries;
        let (timeout, interval, hang) = (seconds(timeout), seconds(interval), seconds(hang));
        let seen = format!("the timeout is {timeout}, the interval {interval}: one that hangs counts as unhealthy after {hang}");
        return broken(expected, seen);
    }
    let patience = start_period + interval * retries;
    if app_start > patience {
        let expected = format!("the health check gives `{app}` enough time to start");
        let seen = format!("it took {} to be ready, but counts as unhealthy after {}", seconds(app_start), seconds(patience));
        return broken(expected, seen);
    }
    let detection = interval * retries + timeout;
    if detection > DETECTION {
        let expected = format!("the health check notices within {} that `{app}` is broken", seconds(DETECTION));
        let seen = format!(
            "it takes up to {}: {retries} retries at an interval of {}, plus the timeout",
            seconds(detection),
            seconds(interval)
        );
        return broken(expected, seen);
    }
    Outcome::Held(vec![id])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Case, Told, container, died, held, is_broken, is_held};
    use crate::judge::{Anchor, Claim};
    use crate::model::{Answer, FactId, Place};

    const LIMIT: Duration = Duration::from_secs(5);

    fn health(ms: u64, healthy: bool) -> Told {
        container(ms, "app", ContainerChange::Health { healthy })
    }

    fn readiness(sent: u64, status: u16) -> Told {
        crate::judge::testing::readiness(sent, sent + 2, Answer::Status(status))
    }

    #[test]
    fn health_has_to_turn() {
        let turns = |healthy| Claim::HealthTurns { healthy, within: LIMIT, of: Anchor::Latest };
        let case = |told: &[Told]| Case::of(told.to_vec()).from(100);
        let turned = [health(50, true), health(300, false)];
        assert_eq!(case(&turned).judge(&turns(false)), Outcome::Pending, "it may be for once");
        assert_eq!(case(&[&turned[..], &[readiness(4_400, 503)]].concat()).judge(&turns(false)), held([1]));
        let once = [&turned[..], &[health(1_300, true), readiness(4_400, 200)]].concat();
        assert!(is_broken(&case(&once).over().judge(&turns(false))), "one run took too long");
        assert_eq!(case(&[health(50, true)]).judge(&turns(false)), Outcome::Pending);
        let seen = case(&[health(50, true)]).over().seen(&turns(false));
        assert_eq!(seen, "its health status stayed healthy");
        let gone = case(&[health(50, true), died(900, 3)]).over().seen(&turns(false));
        assert_eq!(gone, "`app` exited with status 3 at +0.8 s; its health status stayed healthy");
        assert_eq!(case(&[health(50, true)]).judge(&turns(true)), held([0]), "it was, and stays");
        let between = [health(50, true), health(200, false), health(300, true)];
        assert_eq!(case(&between).judge(&turns(true)), held([2]));
        assert_eq!(case(&[health(50, true), health(200, false)]).judge(&turns(true)), Outcome::Pending);
        assert!(is_broken(&case(&[health(5101, false)]).over().judge(&turns(false))), "too late");
        assert_eq!(case(&[]).over().seen(&turns(true)), "there was no health status yet");
    }

    #[test]
    fn a_health_check_that_fails_is_told_with_its_last_run() {
        let claim = Claim::HealthCheckPasses(LIMIT);
        let run = |last| (400, Fact::Inspected { inspection: Inspection::HealthRun { last } });
        let judge = |last| Case::of([health(300, false), run(last)]).over().finding(&claim);
        let failed = judge(Some((1, "no curl".into())));
        assert_eq!(failed.seen, "the last health status was unhealthy, at +0.3 s; its last run ended with status 1: no curl");
        assert_eq!(failed.evidence, [FactId(0), FactId(1)]);
        assert!(judge(Some((1, String::new()))).seen.ends_with("; its last run ended with status 1"));
        assert!(judge(None).seen.ends_with("; its health check has not run"));
        assert_eq!(Case::of([health(300, true)]).judge(&claim), held([0]));
        assert_eq!(Case::of([]).judge(&claim), Outcome::Pending);
    }

    #[test]
    fn healthy_before_ready_has_to_be_proved() {
        for (told, is_good) in [
            ([readiness(50, 503), health(100, true), readiness(150, 200)], true),
            ([health(100, true), readiness(150, 503), readiness(200, 200)], false),
            ([health(100, true), readiness(150, 200), readiness(200, 503)], true),
        ] {
            let outcome = Case::of(told).judge(&Claim::NotHealthyTooEarly);
            assert_eq!((is_held(&outcome), is_broken(&outcome)), (is_good, !is_good), "{outcome:?}");
        }
    }

    #[test]
    fn a_missing_health_check_is_shown_at_its_line() {
        let place = Place { file: "compose.yaml".into(), line: 4 };
        let check = |declared| Case::shown([Inspection::HealthCheck { declared, place: Some(place.clone()) }]);
        assert_eq!(check(true).judge(&Claim::HasHealthCheck), held([0]));
        assert_eq!(check(false).finding(&Claim::HasHealthCheck).places, std::slice::from_ref(&place));
    }

    #[test]
    fn times_fit_each_other() {
        let times = |interval, timeout, start_period, retries, app_start| HealthTimes {
            interval: Duration::from_secs(interval),
            timeout: Duration::from_secs(timeout),
            start_period: Duration::from_secs(start_period),
            retries,
            app_start: Duration::from_secs(app_start),
        };
        for (times, broken) in [
            (times(30, 5, 15, 3, 3), None),
            // The engine's values.
            (times(30, 30, 0, 3, 3), None),
            (times(10, 30, 0, 3, 3), Some("no longer than its interval")),
            (times(30, 60, 0, 3, 3), Some("no longer than its interval")),
            (times(5, 5, 0, 3, 20), Some("gives `app` enough time to start")),
            (times(5, 5, 10, 3, 20), None),
            (times(60, 5, 0, 3, 3), Some("notices within 120.0 s")),
        ] {
            let case = Case::shown([Inspection::HealthTimes(times)]);
            match broken {
                None => assert_eq!(case.judge(&Claim::WellTimed), held([0]), "{times:?}"),
                Some(part) => {
                    let expected = case.finding(&Claim::WellTimed).expected;
                    assert!(expected.contains(part), "{times:?}: {expected}");
                }
            }
        }
    }
}
