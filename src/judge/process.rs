//! Judging what happens to the app's processes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::window::{Window, changes};
use super::words::{deaths, exits, seconds, since};
use crate::model::{ContainerChange, Fact, FactId, Observation, Outcome, Process};

/// Programs that pass no signal on to what they run.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "busybox"];
/// How many looks at the processes after readiness are enough.
const LOOKS: usize = 3;
/// A zombie that stays this long is nobody's.
const APART: Duration = Duration::from_secs(3);

/// The app's first process has not ended since the experiment started it.
pub(super) fn same(window: &Window<'_>) -> Outcome {
    let (app, started) = (window.app(), window.started());
    match exits(window.facts, app, started, started) {
        None => Outcome::Held(vec![]),
        Some(seen) => {
            let evidence = deaths(window.facts, app, started).map(|death| death.id).collect();
            Outcome::broken(format!("`{app}` stays the same process"), format!("{seen}, counted from its start"), evidence)
        }
    }
}

/// An app that exited is started again by the engine, after pauses that are not its own: nothing can be said of its pace.
pub(super) fn has_not_exited(window: &Window<'_>) -> Outcome {
    match same(window) {
        Outcome::Broken(finding) => Outcome::NotApplicable(format!("the pauses between the engine's restarts would be measured: {}", finding.seen)),
        other => other,
    }
}

/// No process of the app runs as user 0, at any of the looks and for some looks after the window's beginning.
///
/// A process counts when two looks saw it: the engine's own helper runs as root for an instant inside every container that
/// it enters, for example for a health check.
pub(super) fn ran_without_root(window: &Window<'_>) -> Outcome {
    let app = window.app();
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    let mut later: Vec<FactId> = vec![];
    for (one, processes) in looks(window.facts, app) {
        if one.at >= window.from {
            later.push(one.id);
        }
        for root in processes.iter().filter(|process| process.uid == 0 && !process.command.starts_with("runc init")) {
            let times = seen.entry(root.pid).or_default();
            *times += 1;
            if *times == 2 {
                return Outcome::broken(
                    format!("no process of `{app}` runs as root"),
                    format!("`{}` runs as uid 0 (seen at {}, counted from ready)", root.command, since(window.from, one.at)),
                    vec![one.id],
                );
            }
        }
    }
    if later.len() >= LOOKS {
        return Outcome::Held(later);
    }
    Outcome::undecided_when(window.over, "the processes of the app could not be listed")
}

/// No process of the app is left as a zombie: seen at two looks that are apart.
pub(super) fn left_no_zombies(window: &Window<'_>) -> Outcome {
    let app = window.app();
    let mut first_seen: BTreeMap<i64, Duration> = BTreeMap::new();
    let mut lasting: BTreeSet<i64> = BTreeSet::new();
    let mut evidence = vec![];
    for one in window.facts {
        let Fact::Zombies { service, pids } = &one.fact else { continue };
        if service != app {
            continue;
        }
        evidence.push(one.id);
        for pid in pids {
            let first = *first_seen.entry(*pid).or_insert(one.at);
            if one.at.saturating_sub(first) >= APART {
                lasting.insert(*pid);
            }
        }
    }
    if evidence.len() < 2 {
        return Outcome::undecided_when(window.over, "the zombies of the app could not be looked for twice");
    }
    if lasting.is_empty() {
        return Outcome::Held(evidence);
    }
    Outcome::broken(
        format!("`{app}` reaps its child processes"),
        format!("{} zombie processes were still there {} later", lasting.len(), seconds(APART)),
        evidence,
    )
}

/// The looks at a service's processes.
fn looks<'a>(facts: &'a [Observation], app: &'a str) -> impl DoubleEndedIterator<Item = (&'a Observation, &'a Vec<Process>)> {
    facts.iter().filter_map(move |one| match &one.fact {
        Fact::Processes { service, processes } if service == app => Some((one, processes)),
        _ => None,
    })
}

/// The first process of the app, from the last look before the moment.
pub(super) fn first_process(facts: &[Observation], app: &str, before: Duration) -> Option<Process> {
    let pid = changes(facts, app).filter_map(|(one, change)| match change {
        ContainerChange::Started { pid } if one.at <= before => Some(*pid),
        _ => None,
    });
    let pid = pid.last()??;
    looks(facts, app).rev().flat_map(|(_, processes)| processes).find(|process| process.pid == pid).cloned()
}

pub(super) fn is_shell(process: &Process) -> bool {
    is_shell_name(process.command.split_whitespace().next().unwrap_or_default())
}

/// Whether a program is a shell, by its name or path.
pub(super) fn is_shell_name(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default().trim_start_matches('-');
    SHELLS.contains(&name)
}
