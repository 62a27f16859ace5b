//! Judging what the engine says of a health check.

use std::time::Duration;

use super::app::probes;
use super::words::seconds;
use super::{ContainerChange, Finding, changes, since};
use crate::timeline::{Endpoint, Observation, Ruling};

/// The engine calls the container healthy, or unhealthy, within the limit. Holds with the moment at which it said so.
#[must_use]
pub fn health_turned(
    app: &str,
    wanted: bool,
    (from, limit): (Duration, Duration),
    observations: &[Observation],
    over: bool,
) -> Ruling<Duration, Finding> {
    let told = changes(observations, app).filter_map(|(at, change)| match change {
        ContainerChange::Health { healthy } => Some((at, *healthy)),
        _ => None,
    });
    let told: Vec<(Duration, bool)> = told.collect();
    // It may have been so before, and stayed.
    let before = told.iter().rev().find(|(at, _)| *at < from).filter(|(_, healthy)| *healthy == wanted);
    let later = told.iter().find(|(at, healthy)| *at >= from && *healthy == wanted);
    if let Some((at, _)) = later.or(before.filter(|_| told.iter().all(|(at, _)| *at < from))) {
        return Ruling::Holds((*at).max(from));
    }
    if !over {
        return Ruling::Open;
    }
    let words = |healthy: bool| if healthy { "healthy" } else { "unhealthy" };
    let seen = told.last().map_or("it has said nothing yet".to_owned(), |(at, healthy)| {
        format!("the last thing it said was {}, at {}", words(*healthy), since(from, *at))
    });
    let expected = format!("the engine calls `{app}` {} within {}", words(wanted), seconds(limit));
    Ruling::Broken(Finding { expected, seen })
}

/// The engine did not call the app healthy while it was not ready.
///
/// Broken only by proof: an answer other than 2xx to a request that was sent after the engine had said so, and before the first
/// ready answer.
pub fn not_healthy_before_ready(app: &str, observations: &[Observation]) -> Result<(), Finding> {
    let healthy = changes(observations, app).find(|(_, change)| matches!(change, ContainerChange::Health { healthy: true }));
    let Some((healthy, _)) = healthy else { return Ok(()) };
    let answers: Vec<_> = probes(observations, Endpoint::Readiness).collect();
    let ready = answers.iter().find(|(_, _, answer)| answer.is_success()).map(|(_, at, _)| *at);
    let proof = answers
        .iter()
        .rev()
        .find(|(sent, _, answer)| *sent > healthy && ready.is_none_or(|ready| *sent < ready) && !answer.is_success());
    let Some((sent, _, answer)) = proof else { return Ok(()) };
    Err(Finding {
        expected: format!("the engine calls `{app}` healthy only once it is ready"),
        seen: format!(
            "{} after the engine said healthy, readiness still answered {answer}",
            seconds(sent.saturating_sub(healthy))
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::{Answer, Fact};

    fn health(ms: u64, healthy: bool) -> Observation {
        let fact = Fact::Container { service: "app".into(), change: ContainerChange::Health { healthy } };
        Observation { at: Duration::from_millis(ms), fact }
    }

    fn readiness(sent: u64, status: u16) -> Observation {
        let answer = Answer::Status(status);
        let fact = Fact::Probe { endpoint: Endpoint::Readiness, sent: Duration::from_millis(sent), answer, body: None };
        Observation { at: Duration::from_millis(sent + 2), fact }
    }

    #[test]
    fn health_has_to_turn() {
        let window = (Duration::from_millis(100), Duration::from_secs(5));
        let judge = |observations: &[Observation], over| health_turned("app", false, window, observations, over);
        assert_eq!(judge(&[health(50, true), health(300, false)], false), Ruling::Holds(Duration::from_millis(300)));
        assert_eq!(judge(&[health(50, true)], false), Ruling::Open);
        assert!(matches!(judge(&[health(50, true)], true), Ruling::Broken(_)));
        let stays = health_turned("app", true, window, &[health(50, true)], false);
        assert_eq!(stays, Ruling::Holds(Duration::from_millis(100)));
    }

    #[test]
    fn healthy_before_ready_has_to_be_proved() {
        assert!(not_healthy_before_ready("app", &[readiness(50, 503), health(100, true), readiness(150, 200)]).is_ok());
        assert!(not_healthy_before_ready("app", &[health(100, true), readiness(150, 503), readiness(200, 200)]).is_err());
        assert!(not_healthy_before_ready("app", &[health(100, true), readiness(150, 200), readiness(200, 503)]).is_ok());
    }
}
