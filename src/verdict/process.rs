//! Judging what happens to the app's processes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::words::{exits, seconds, since};
use super::{ContainerChange, Finding, changes};
use crate::timeline::{Fact, Observation, Process, Ruling};

/// Programs that pass no signal on to what they run.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "busybox"];

/// The app's first process has not ended since it was started at this moment.
pub fn stayed_the_same_process(app: &str, started: Duration, observations: &[Observation]) -> Result<(), Finding> {
    match exits(observations, app, started, started) {
        None => Ok(()),
        Some(seen) => {
            Err(Finding { expected: format!("`{app}` stays the same process"), seen: format!("{seen}, counted from its start") })
        }
    }
}

/// No process of the app runs as user 0, at any of the looks and for at least `looks` of them after the moment.
///
/// A process counts when two looks saw it: the engine's own helper runs as root for an instant inside every container that
/// it enters, for example for a health check.
#[must_use]
pub fn ran_without_root(app: &str, from: Duration, looks: usize, observations: &[Observation]) -> Ruling<(), Finding> {
    let tables = observations.iter().filter_map(|observation| match &observation.fact {
        Fact::Processes { service, processes } if service == app => Some((observation.at, processes)),
        _ => None,
    });
    let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
    let mut later = 0;
    for (at, processes) in tables {
        later += usize::from(at >= from);
        for root in processes.iter().filter(|process| process.uid == 0 && !process.command.starts_with("runc init")) {
            let times = seen.entry(root.pid).or_default();
            *times += 1;
            if *times == 2 {
                return Ruling::Broken(Finding {
                    expected: format!("no process of `{app}` runs as root"),
                    seen: format!("`{}` runs as uid 0 (seen at {}, counted from ready)", root.command, since(from, at)),
                });
            }
        }
    }
    if later >= looks { Ruling::Holds(()) } else { Ruling::Open }
}

/// No process of the app is left as a zombie: seen at two looks that are apart by at least this long.
pub fn left_no_zombies(app: &str, apart: Duration, observations: &[Observation]) -> Result<(), Finding> {
    let mut first_seen: BTreeMap<i64, Duration> = BTreeMap::new();
    let mut lasting: BTreeSet<i64> = BTreeSet::new();
    for observation in observations {
        let Fact::Zombies { service, pids } = &observation.fact else { continue };
        for pid in pids.iter().filter(|_| service == app) {
            let first = *first_seen.entry(*pid).or_insert(observation.at);
            if observation.at.saturating_sub(first) >= apart {
                lasting.insert(*pid);
            }
        }
    }
    if lasting.is_empty() {
        return Ok(());
    }
    Err(Finding {
        expected: format!("`{app}` takes note of its children's ends"),
        seen: format!("{} processes that had ended were still in the table {} later", lasting.len(), seconds(apart)),
    })
}

/// The first process of the app, from the last look before the moment.
pub(super) fn first_process(observations: &[Observation], app: &str, before: Duration) -> Option<Process> {
    let pid = changes(observations, app).filter_map(|(at, change)| match change {
        ContainerChange::Started { pid } if at <= before => Some(*pid),
        _ => None,
    });
    let pid = pid.last()?;
    let tables = observations.iter().rev().filter_map(|observation| match &observation.fact {
        Fact::Processes { service, processes } if service == app => Some(processes),
        _ => None,
    });
    tables.flatten().find(|process| process.pid == pid).cloned()
}

pub(super) fn is_shell(process: &Process) -> bool {
    is_shell_name(process.command.split_whitespace().next().unwrap_or_default())
}

/// Whether a program is a shell, by its name or path.
pub(super) fn is_shell_name(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default().trim_start_matches('-');
    SHELLS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64, fact: Fact) -> Observation {
        Observation { at: Duration::from_millis(ms), fact }
    }

    fn process(pid: i64, uid: u32, command: &str) -> Process {
        Process { pid, uid, command: command.into() }
    }

    fn processes(ms: u64, processes: Vec<Process>) -> Observation {
        at(ms, Fact::Processes { service: "app".into(), processes })
    }

    #[test]
    fn root_is_found_whenever_it_is_seen_twice() {
        let root = vec![process(7, 0, "init"), process(8, 1000, "server")];
        let observations = [processes(100, root.clone()), processes(300, root)];
        assert!(matches!(ran_without_root("app", Duration::ZERO, 2, &observations), Ruling::Broken(_)));
    }

    #[test]
    fn the_engines_own_helper_is_not_the_apps() {
        let user = process(8, 1000, "server");
        let observations = [
            processes(100, vec![user.clone(), process(20, 0, "runc init")]),
            processes(300, vec![user.clone(), process(21, 0, "runc init")]),
            processes(500, vec![user, process(22, 0, "/proc/self/exe init")]),
        ];
        assert_eq!(ran_without_root("app", Duration::ZERO, 2, &observations), Ruling::Holds(()));
    }

    #[test]
    fn too_few_looks_prove_nothing() {
        let observations = [processes(100, vec![process(8, 1000, "server")])];
        assert_eq!(ran_without_root("app", Duration::ZERO, 2, &observations), Ruling::Open);
    }

    #[test]
    fn a_zombie_counts_when_it_stays() {
        let zombies = |ms, pids: &[i64]| at(ms, Fact::Zombies { service: "app".into(), pids: pids.to_vec() });
        let apart = Duration::from_secs(2);
        assert!(left_no_zombies("app", apart, &[zombies(0, &[7]), zombies(2500, &[8])]).is_ok());
        assert!(left_no_zombies("app", apart, &[zombies(0, &[7]), zombies(500, &[7])]).is_ok());
        assert!(left_no_zombies("app", apart, &[zombies(0, &[7]), zombies(2500, &[7])]).is_err());
    }

    #[test]
    fn a_restart_is_another_process() {
        let died = ContainerChange::Died { exit_code: 1, oom_killed: false };
        let observations = [at(50, Fact::Container { service: "app".into(), change: died })];
        assert!(stayed_the_same_process("app", Duration::ZERO, &observations).is_err());
        assert!(stayed_the_same_process("app", Duration::from_millis(60), &observations).is_ok());
    }
}
