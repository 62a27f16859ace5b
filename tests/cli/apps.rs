//! Several apps in one stack: which they are, which are selected, and what each comes to.

use std::collections::BTreeMap;

use seaworthy::model::{ExperimentRecord, Fact, FaultKind, Mark, Run, Verdict};

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        mistakes_name_the_line_and_what_there_is,
        the_plan_and_the_block_name_each_app,
    ],
    when engine::is_there: [
        every_contract_is_explained,
        each_app_has_verdicts_of_its_own_and_one_can_be_selected,
        a_database_is_killed_once_for_all_apps,
        an_app_that_does_not_start_leaves_the_other_its_verdicts,
    ],
};

fn told_without_an_engine(arguments: &[&str]) -> String {
    let output = seaworthy(arguments).env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
    format!("exit code {}\n{}", output.status.code().expect("a code"), shown(&output))
}

fn mistakes_name_the_line_and_what_there_is() {
    let mut told = String::new();
    for (file, arguments) in [
        ("unknown-service.yaml", &[][..]),
        ("unknown-key.yaml", &[]),
        ("app-and-apps.yaml", &[]),
        ("compose.yaml", &["--app", "web", "--app", "wroker"]),
        ("compose.yaml", &["--readiness", "/health"]),
    ] {
        told.push_str(&told_without_an_engine(&[&["check", &format!("tests/fixtures/apps/{file}")], arguments].concat()));
    }
    insta::assert_snapshot!("apps-mistakes", told);
}

fn the_plan_and_the_block_name_each_app() {
    let built = "tests/fixtures/apps/built.yaml";
    insta::assert_snapshot!("apps-plan", told_without_an_engine(&["plan", built]));
    let one = told_without_an_engine(&["plan", built, "--app", "worker"]);
    assert!(!one.contains("each checked by itself"), "{one}");
    insta::assert_snapshot!("apps-init", told_without_an_engine(&["init", "--print", built]));
}

fn every_contract_is_explained() {
    let (output, left) = run(seaworthy(&["check", "--explain-contract", "tests/fixtures/apps"]));
    assert_eq!(left, Vec::<String>::new());
    insta::assert_snapshot!("apps-explained", format!("exit code {}\n{}", output.status.code().expect("a code"), shown(&output)));
}

/// The exit code, what is shown, and the verdicts.
fn checked(arguments: &[&str]) -> (i32, String, BTreeMap<String, Verdict>) {
    let (code, told, saved) = saved(arguments);
    (code, told, saved.verdicts())
}

/// The exit code, what is shown, and the saved run.
fn saved(arguments: &[&str]) -> (i32, String, Run) {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("run.json").display().to_string();
    let (output, left) = run(seaworthy(&[&["check", "--json", &json], arguments].concat()));
    assert_eq!(left, Vec::<String>::new());
    let saved = Run::read(&std::fs::read(&json).expect("saved")).expect("a run");
    (output.status.code().expect("a code"), shown(&output), saved)
}

fn a_database_is_killed_once_for_all_apps() {
    let tags = ["--tags", "@outage.recovers"];
    let kills = |more: &[&str]| {
        let (code, told, run) = saved(&[&["stacks/web-worker"], &tags[..], more].concat());
        assert_eq!(code, 0, "{told}");
        assert!(told.contains("web: Ready") && told.contains("worker: Ready"), "{told}");
        let killed = |one: &ExperimentRecord| {
            let is_kill = |fact: &Fact| matches!(fact, Fact::Mark { mark: Mark::Disturbed { fault: FaultKind::Killed, .. } });
            one.timeline.iter().find(|one| is_kill(&one.fact)).map(|one| one.at)
        };
        let own = |app: &str| run.experiments.iter().filter(|one| one.app.as_deref() == Some(app)).find_map(killed);
        (own("web").expect("killed"), own("worker").expect("killed"))
    };
    let (web, worker) = kills(&[]);
    assert_eq!(web, worker);
    let (web, worker) = kills(&["--isolated"]);
    assert_ne!(web, worker);
}

fn each_app_has_verdicts_of_its_own_and_one_can_be_selected() {
    use Verdict::{Failed, Passed};
    let check = |more: &[&str]| checked(&[&["tests/fixtures/apps", "--tags", "@nonroot.processes"], more].concat());
    let verdicts = |expected: &[(&str, Verdict)]| -> BTreeMap<String, Verdict> {
        expected.iter().map(|(name, verdict)| ((*name).to_owned(), *verdict)).collect()
    };
    let (code, told, found) = check(&[]);
    assert_eq!(found, verdicts(&[("web/nonroot.processes", Passed), ("worker/nonroot.processes", Failed)]), "{told}");
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("web: Ready, as far as was checked (1 passed)"), "{told}");
    assert!(told.contains("worker: Not ready for production (1 failed)"), "{told}");
    let (code, told, found) = check(&["--app", "web"]);
    assert_eq!((code, found), (0, verdicts(&[("nonroot.processes", Passed)])), "{told}");
    let (code, told, found) = check(&["--app", "worker", "--app", "web"]);
    assert_eq!(found, verdicts(&[("web/nonroot.processes", Passed), ("worker/nonroot.processes", Failed)]), "{told}");
    assert_eq!(code, 1, "{told}");
}

fn an_app_that_does_not_start_leaves_the_other_its_verdicts() {
    let (code, told, found) =
        checked(&["tests/fixtures/apps/worker-exits.yaml", "--tags", "@nonroot.processes or @image.pinned"]);
    assert_eq!(code, 2, "{told}");
    assert_eq!(found["web/nonroot.processes"], Verdict::Passed, "{told}");
    assert_eq!(found["worker/nonroot.processes"], Verdict::CouldNotRun, "{told}");
    assert!(told.contains("no queue") && told.contains("`worker`"), "{told}");
}
