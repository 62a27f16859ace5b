//! Judging what happens to the app's processes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::answers::reason;
use super::window::{Window, changes, restarts};
use super::words::{Death, deaths, meaning, seconds, since};
use crate::model::{ContainerChange, Fact, FactId, Observation, Outcome, Process, is_init};

/// Programs that pass no signal on to what they run.
const SHELLS: [&str; 6] = ["sh", "bash", "dash", "ash", "zsh", "busybox"];
/// How many looks at the processes after readiness are enough.
const LOOKS: usize = 3;
/// A zombie that stays this long is nobody's.
const APART: Duration = Duration::from_secs(3);

/// The app's first process has not ended since the experiment started it.
pub(super) fn same(window: &Window<'_>) -> Outcome {
    let (app, started) = (window.app(), window.started());
    let ends: Vec<Death> = deaths(window.facts, app, started).collect();
    let Some(first) = ends.first() else { return Outcome::Held(vec![]) };
    // The first exit is what the engine's restarts follow; what the app writes in its next life does not say why it ended.
    let next = changes(window.facts, app)
        .find_map(|(one, change)| (one.at > first.at && matches!(change, ContainerChange::Started { .. })).then_some(one.at));
    // What a process writes at once may be known before its start is.
    let before = deaths(window.facts, app, Duration::ZERO).map(|death| death.at).take_while(|at| *at < first.at).last();
    let reason = reason(window, (before.unwrap_or_default(), next.unwrap_or(Duration::MAX))).unwrap_or_default();
    let times = match ends.last() {
        Some(last) if ends.len() > 1 => format!("; {} times, the last at {}", ends.len(), since(started, last.at)),
        _ => String::new(),
    };
    let how = first.describe();
    let seen = format!("`{app}` exited with {how}{reason} (at {}, counted from its start{times})", since(started, first.at));
    Outcome::broken(format!("`{app}` stays the same process"), seen, ends.iter().map(|death| death.id).collect())
}

/// Of an app that exited no pace can be told: either nothing starts it again, or the engine does, after pauses that are its own.
pub(super) fn has_not_exited(window: &Window<'_>) -> Outcome {
    let (app, started) = (window.app(), window.started());
    match same(window) {
        Outcome::Broken(finding) if restarts(window.facts, app) => {
            Outcome::NotApplicable(format!("the pauses between the engine's restarts would be measured: {}", finding.seen))
        }
        Outcome::Broken(finding) => {
            let exit = deaths(window.facts, app, started).last().map(|death| {
                let (status, after) = (death.exit_code, seconds(death.at.saturating_sub(started)));
                format!("`{app}` exited with status {status}{}, {after} after its start", meaning(status))
            });
            Outcome::NotApplicable(format!("{}, and nothing restarts it", exit.unwrap_or(finding.seen)))
        }
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
                let when = match window.from.checked_sub(one.at) {
                    Some(before) if !before.is_zero() => format!("{} before it was ready", seconds(before)),
                    _ => format!("at {}, counted from ready", since(window.from, one.at)),
                };
                return Outcome::broken(
                    format!("no process of `{app}` runs as root"),
                    format!("`{}` runs as uid 0 (seen {when})", root.command),
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
    // One that is dying has lost its command line.
    let looks = looks(facts, app).rev().filter(|(one, _)| one.at <= before);
    looks.flat_map(|(_, processes)| processes).find(|process| process.pid == pid).cloned()
}

/// Whether the first process of an app is an init, which passes signals on, and there is no shell behind it that does not.
pub(super) fn is_behind_an_init(facts: &[Observation], app: &str, before: Duration) -> bool {
    let first = first_process(facts, app, before);
    let last = looks(facts, app).rfind(|(one, _)| one.at <= before);
    first.is_some_and(|first| is_init(first.program())) && last.is_some_and(|(_, processes)| !processes.iter().any(is_shell))
}

pub(super) fn is_shell(process: &Process) -> bool {
    is_shell_name(process.program())
}

/// Whether a program is a shell, by its name or path.
pub(super) fn is_shell_name(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or_default().trim_start_matches('-');
    SHELLS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, Told, container, died, held, ids, is_broken, is_held, line, mark, timeline};
    use crate::model::Mark;

    fn process(pid: i64, uid: u32, command: &str) -> Process {
        Process { pid, uid, command: command.into() }
    }

    fn processes(ms: u64, processes: Vec<Process>) -> Told {
        (ms, Fact::Processes { service: "app".into(), processes })
    }

    #[test]
    fn root_is_found_whenever_it_is_seen_twice() {
        let root = vec![process(7, 0, "init"), process(8, 1000, "server")];
        let finding = Case::of([processes(100, root.clone()), processes(300, root)]).finding(&Claim::NoRootProcess);
        assert_eq!(finding.seen, "`init` runs as uid 0 (seen at +0.3 s, counted from ready)");
        assert_eq!(finding.evidence, ids([1]));
    }

    #[test]
    fn the_engines_own_helper_is_not_the_apps() {
        let user = process(8, 1000, "server");
        let case = Case::of([
            processes(100, vec![user.clone(), process(20, 0, "runc init")]),
            processes(300, vec![user.clone(), process(21, 0, "runc init")]),
            processes(500, vec![user, process(22, 0, "/proc/self/exe init")]),
        ]);
        assert_eq!(case.judge(&Claim::NoRootProcess), held([0, 1, 2]));
    }

    #[test]
    fn too_few_looks_prove_nothing() {
        let look = |ms| processes(ms, vec![process(8, 1000, "server")]);
        let few = Case::of([look(100), look(200)]);
        assert_eq!(few.judge(&Claim::NoRootProcess), Outcome::Pending);
        assert!(matches!(few.over().judge(&Claim::NoRootProcess), Outcome::Undecided(_)));
        let early = Case::of([look(100), look(200), look(300)]).from(150);
        assert_eq!(early.judge(&Claim::NoRootProcess), Outcome::Pending, "looks before the app was ready are not enough");
    }

    #[test]
    fn a_zombie_counts_when_it_stays() {
        let zombies = |ms, pids: &[i64]| (ms, Fact::Zombies { service: "app".into(), pids: pids.to_vec() });
        let judge = |told: &[Told]| Case::of(told.to_vec()).over().judge(&Claim::NoZombies);
        assert!(is_held(&judge(&[zombies(0, &[7]), zombies(3500, &[8])])));
        assert!(is_held(&judge(&[zombies(0, &[7]), zombies(500, &[7])])));
        assert!(is_broken(&judge(&[zombies(0, &[7]), zombies(3500, &[7])])));
        let once = "the zombies of the app could not be looked for twice";
        assert_eq!(judge(&[zombies(0, &[7])]), Outcome::Undecided(once.into()));
    }

    #[test]
    fn a_restart_is_another_process() {
        let again = |ms| mark(ms, Mark::AppStarted { again: true });
        assert_eq!(
            Case::of([died(50, 1)]).seen(&Claim::SameProcess),
            "`app` exited with status 1 (at +0.1 s, counted from its start)"
        );
        let lives = [
            line(40, "connect to db: connection refused"),
            died(50, 1),
            container(200, "app", ContainerChange::Started { pid: Some(8) }),
            line(300, "db: no such host"),
            died(350, 1),
        ];
        assert_eq!(
            Case::of(lives).seen(&Claim::SameProcess),
            "`app` exited with status 1: `connect to db: connection refused` (at +0.1 s, counted from its start; 2 times, the last at \
             +0.3 s)",
            "the first exit is its own, and so are its words"
        );
        assert_eq!(Case::of([died(50, 1), again(60)]).from(100).judge(&Claim::SameProcess), held([]));
        assert!(is_broken(&Case::of([died(50, 1), again(200)]).from(100).judge(&Claim::SameProcess)), "started later");
    }

    #[test]
    fn an_exit_leaves_no_pace_to_judge() {
        let reason = |told: &[Told]| match Case::of(told.to_vec()).judge(&Claim::HasNotExited) {
            Outcome::NotApplicable(reason) => reason,
            other => panic!("it is judged: {other:?}"),
        };
        assert_eq!(reason(&[died(1250, 1)]), "`app` exited with status 1, 1.2 s after its start, and nothing restarts it");
        let restarts = |restarts| container(0, "app", ContainerChange::Created { restarts });
        assert!(reason(&[restarts(false), died(50, 137)]).ends_with("(SIGKILL), 0.1 s after its start, and nothing restarts it"));
        let again = reason(&[restarts(true), died(50, 1)]);
        assert!(again.starts_with("the pauses between the engine's restarts would be measured: `app` exited"), "{again}");
        assert!(is_held(&Case::of([]).judge(&Claim::HasNotExited)));
    }

    #[test]
    fn the_first_process_is_that_of_the_last_start() {
        let started = |ms, pid| container(ms, "app", ContainerChange::Started { pid });
        let look = |ms| processes(ms, vec![process(9, 0, "sh"), process(7, 0, "server")]);
        let first = |told: &[Told], before| first_process(&timeline(told.to_vec()), "app", Duration::from_millis(before));
        let both = [started(0, Some(9)), look(30), started(50, Some(7)), look(60)];
        assert_eq!(first(&both, 100), Some(process(7, 0, "server")));
        assert_eq!(first(&both, 40), Some(process(9, 0, "sh")));
        let dying = [&both[..], &[processes(110, vec![process(7, 0, "[server] <defunct>")])]].concat();
        assert_eq!(first(&dying, 100), Some(process(7, 0, "server")), "as it was before the moment");
        assert_eq!(first(&[started(0, Some(9)), started(50, None), look(60)], 100), None, "it had ended before anybody looked");
        assert_eq!(first(&[started(0, Some(3)), look(60)], 100), None);
    }
}
