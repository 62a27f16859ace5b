//! Judging what the compose file says, what stays of the data, and what the app makes of its settings.

use std::time::Duration;

use super::window::Window;
use super::words::seconds;
use crate::model::{FactId, Finding, Inspection, Outcome, RowState, SettingOutcome};

/// The compose file limits what one instance may take.
pub(super) fn limits_are_declared(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Limits { memory, cpus, pids, place } => Some(([*memory, *cpus, *pids], place.clone())),
        _ => None,
    });
    let Some((id, (limited, place))) = found else { return Outcome::undecided_when(window.over, "the limits of the app") };
    let missing: Vec<&str> =
        ["memory", "cpus", "pids"].into_iter().zip(limited).filter(|(_, is_limited)| !is_limited).map(|(name, _)| name).collect();
    let seen = match &missing[..] {
        [] => return Outcome::Held(vec![id]),
        [one] => format!("{one} is not limited"),
        several => format!("{} are not limited", several.join(", ")),
    };
    let expected = format!("`deploy.resources.limits` of `{}` has memory, cpus and pids", window.app());
    super::with_places(Outcome::broken(expected, seen, vec![id]), place)
}

/// The app is started only when each dependency is healthy, and each says whether it is.
pub(super) fn order_is_declared(window: &Window<'_>) -> Outcome {
    let app = window.app();
    let mut evidence: Vec<FactId> = vec![];
    for (id, inspection) in window.inspections() {
        let Inspection::Order { service, named, waits, has_health_check, place } = inspection else { continue };
        let seen = match (named, waits, has_health_check) {
            (false, ..) => format!("`depends_on` of `{app}` does not name `{service}`"),
            (true, false, _) => format!("`{app}` waits only until `{service}` is started, not until it serves"),
            (true, true, false) => format!("`{service}` has no health check to wait for"),
            (true, true, true) => {
                evidence.push(id);
                continue;
            }
        };
        let expected = format!("`{app}` has `depends_on: {service}: condition: service_healthy`, and `{service}` a health check");
        return super::with_places(Outcome::broken(expected, seen, vec![id]), place.clone());
    }
    if evidence.is_empty() { Outcome::undecided_when(window.over, "the order of the services") } else { Outcome::Held(evidence) }
}

/// The data directory of the database is on a volume with a name, or bound from outside.
pub(super) fn data_is_on_a_volume(window: &Window<'_>, database: &str) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::DataFolder { service, folder, lasting, place } if service == database => {
            Some((folder, *lasting, place.clone()))
        }
        _ => None,
    });
    match found {
        None => Outcome::undecided_when(window.over, format!("where `{database}` keeps its data")),
        Some((id, (_, true, _))) => Outcome::Held(vec![id]),
        Some((id, (folder, false, place))) => super::with_places(
            Outcome::broken(
                format!("{folder} of `{database}` is on a volume with a name, or bound from outside"),
                "`volumes` has nothing there: the data goes with the container",
                vec![id],
            ),
            place,
        ),
    }
}

/// A row that was written is there when the container of the database is replaced.
pub(super) fn row_survives(window: &Window<'_>, database: &str) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Row { service, state } if service == database => Some(*state),
        _ => None,
    });
    let seen = match found {
        None => return Outcome::undecided_when(window.over, "what became of the row"),
        Some((id, RowState::Kept)) => return Outcome::Held(vec![id]),
        Some((id, RowState::Empty)) => (id, "the table is empty"),
        Some((id, RowState::Gone)) => (id, "the table is gone"),
    };
    let expected = format!("a row that was written is there when the container of `{database}` is replaced");
    Outcome::broken(expected, seen.1, vec![seen.0])
}

/// Without each of its settings in turn the app runs all the same, or exits in time, with another status than 0, and names what is
/// missing.
pub(super) fn missing_settings_are_named(window: &Window<'_>, limit: Duration) -> Outcome {
    let (mut evidence, mut tried, mut seen) = (vec![], vec![], vec![]);
    for (id, inspection) in window.inspections() {
        let Inspection::WithoutSetting { name, outcome, lines } = inspection else { continue };
        tried.push(id);
        if let Some(wrong) = wrong_without(name, outcome, lines, limit) {
            seen.push(wrong);
            evidence.push(id);
        }
    }
    if tried.is_empty() {
        return Outcome::undecided_when(window.over, "what the app does without a setting");
    }
    if seen.is_empty() {
        return Outcome::Held(tried);
    }
    let expected = format!(
        "without a setting that it needs `{}` exits within {} with a status other than 0, and names it",
        window.app(),
        seconds(limit)
    );
    Outcome::Broken(Finding::new(expected, seen.join("; "), evidence))
}

/// What is wrong with what an app does without a setting.
fn wrong_without(name: &str, outcome: &SettingOutcome, lines: &[String], limit: Duration) -> Option<String> {
    let wanted = name.to_ascii_lowercase();
    let names_it = lines.iter().any(|line| line.to_ascii_lowercase().contains(&wanted));
    let last = lines.last().map_or_else(|| "it wrote nothing".to_owned(), |line| format!("its last line is `{line}`"));
    match outcome {
        SettingOutcome::Serves => None,
        SettingOutcome::Ended { status: 0, .. } => Some(format!("without {name} it exits with status 0; {last}")),
        SettingOutcome::Ended { status, .. } if !names_it => {
            Some(format!("without {name} it exits with status {status} and does not name it; {last}"))
        }
        // One that takes its time to start may take as long to find out.
        SettingOutcome::Ended { after, app_start, .. } if *after > limit.max(*app_start * 2) => {
            Some(format!("without {name} it exits only after {}; {last}", seconds(*after)))
        }
        SettingOutcome::Ended { .. } => None,
        SettingOutcome::Undecided { after } => {
            Some(format!("without {name} it neither became ready nor exited within {}; {last}", seconds(*after)))
        }
    }
}
