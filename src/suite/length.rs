//! How long an experiment takes at least, by what its lines wait for: those that take longest begin first.

use std::time::Duration;

use crate::experiment::{Act, Line, Step};
use crate::gherkin::PlannedExperiment;
use crate::judge::Claim;
use crate::subject::Contract;

/// From being killed to accepting again, and a little.
const ROUND: Duration = Duration::from_secs(4);
/// A health check that runs every second fails three times, each time after a wait.
const UNHEALTHY: Duration = Duration::from_secs(10);

/// How long its lines wait at least, when all goes well.
pub(super) fn length(experiment: &PlannedExperiment, contract: &Contract) -> Duration {
    let background = experiment.background.iter().take(experiment.needed()).map(|line| act(line, contract));
    let lines = |turn: usize| {
        let claims = experiment.checks.iter().flat_map(|turns| &turns.lines).filter(move |(of, _)| *of == turn);
        claims.map(|(_, line)| act(line, contract).max(claim(line))).max().unwrap_or_default()
    };
    let alone = experiment.checks.iter().filter(|_| experiment.background.is_empty());
    let alone = alone.flat_map(|turns| &turns.lines).map(|(_, line)| act(line, contract) + claim(line));
    let shared = (0..=experiment.needed()).map(lines).filter(|_| !experiment.background.is_empty());
    background.chain(alone).chain(shared).sum()
}

fn act(line: &Line, contract: &Contract) -> Duration {
    match &line.step {
        Some(Step::Act(Act::DisturbFor { time, beyond, .. })) => {
            *time + beyond.map(|limit| limit.of(contract)).unwrap_or_default()
        }
        Some(Step::Act(Act::StartLate { after: time, .. } | Act::StartWhile { time: Some(time), .. })) => *time,
        Some(Step::Act(Act::Flap { times, .. })) => ROUND * u32::try_from(*times).unwrap_or(u32::MAX),
        Some(Step::Act(Act::Suspend)) => Duration::from_secs(30),
        Some(Step::Act(act)) if !act.is_arrangement() => Duration::from_secs(1),
        _ => Duration::ZERO,
    }
}

fn claim(line: &Line) -> Duration {
    match line.claim() {
        Some(Claim::Stays { time, .. } | Claim::NoTraces { time, .. } | Claim::NoLogFiles(time) | Claim::WritesNothing(time)) => {
            *time
        }
        Some(Claim::HealthTurns { healthy: false, .. }) => UNHEALTHY,
        Some(Claim::GivesUpCleanly { within, .. } | Claim::NamesMissingSettings(within)) => *within,
        _ => Duration::ZERO,
    }
}
