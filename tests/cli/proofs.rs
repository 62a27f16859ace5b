//! The proof on a stack: known defects in copies, and which checks notice each.

use std::fs;
use std::process::Output;

use seaworthy::model::{CheckResult, ProofResult, Run};
use seaworthy::report::to_json;
use seaworthy::suite::judge_again;

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        what_holds_no_proof_is_refused,
    ],
    when engine::is_there: [
        a_defect_that_another_one_hides_is_not_judged,
        a_good_stack_notices_every_known_defect,
        what_cannot_be_tried_is_told_and_is_no_proof,
    ],
};

/// Proves on a stack. Returns the saved run and what was shown.
fn prove(stack: &str) -> (Output, Run) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.json");
    let mut command = seaworthy(&["check", stack, "--prove", "--json"]);
    command.arg(&file).env("COLUMNS", "80");
    let (output, left) = run(command);
    assert_eq!(left, Vec::<String>::new());
    let saved = fs::read(&file).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)));
    let run = Run::read(&saved).expect("a run");
    let again = to_json(&judge_again(&run));
    assert!(again.as_bytes() == saved, "judged again it differs");
    (output, run)
}

/// What came of each known defect, and of each of its checks by name.
fn results(run: &Run) -> Vec<(ProofResult, Vec<(&str, CheckResult)>)> {
    let checks = run.proof.iter().map(|proof| proof.checks.iter().map(|check| (check.check.as_str(), check.result)).collect());
    run.proof.iter().map(|proof| proof.result).zip(checks).collect()
}

/// All known defects of a stack that is good, and what they come to.
fn all_noticed() -> Vec<(ProofResult, Vec<(&'static str, CheckResult)>)> {
    let checks: [&[&str]; 5] = [
        &["shutdown.in-time", "shutdown.reaches-app"],
        &["image.healthcheck-can-fail", "outage.healthcheck-follows"],
        &["readiness.not-before-database", "readiness.not-without-database", "readiness.says-503[db]", "outage.killed[db]"],
        &["nonroot.processes", "nonroot.image-user"],
        &["retry.unknown-name[db]", "retry.late-database"],
    ];
    let noticed = |checks: &&[&'static str]| checks.iter().map(|check| (*check, CheckResult::Noticed)).collect();
    checks.iter().map(|checks| (ProofResult::Noticed, noticed(checks))).collect()
}

fn a_good_stack_notices_every_known_defect() {
    let (output, run) = prove("stacks/fastapi-postgres");
    assert_eq!(results(&run), all_noticed(), "{}", shown(&output));
    assert_eq!(output.status.code(), Some(0));
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(screen.lines().all(|line| line.chars().count() <= 80 || line.starts_with("reports: ")), "{screen}");
    assert!(screen.starts_with("Proved: the checks notice what they should: "), "{screen}");

    // Each by its own defect, and not by something else that went wrong in that copy.
    let evidence = |name: &str| {
        let checks = run.proof.iter().flat_map(|proof| &proof.checks);
        let with = checks.filter(|check| check.check == name).find_map(|check| check.with_defect.as_ref());
        with.and_then(|check| check.finding.as_ref()).map(|finding| finding.seen.clone()).unwrap_or_default()
    };
    for (check, words) in [
        ("shutdown.in-time", "its first process, `/seaworthy-program/seaworthy-tap run python -m service`"),
        ("shutdown.reaches-app", "has no handler for SIGTERM"),
        ("image.healthcheck-can-fail", "its health status stayed healthy"),
        ("outage.healthcheck-follows", "its health status stayed healthy"),
        ("readiness.not-before-database", "`db` still did not accept"),
        ("readiness.not-without-database", "200"),
        ("outage.killed[db]", "200"),
        ("nonroot.processes", "runs as uid 0"),
        ("nonroot.image-user", "USER is `0:0`"),
        ("retry.unknown-name[db]", "503"),
    ] {
        assert!(evidence(check).contains(words), "{check}: {}", evidence(check));
    }
}

/// Readiness of this twin is always 200: it hides what a proxy would hide, and that the database is never found.
fn a_defect_that_another_one_hides_is_not_judged() {
    let (output, run) = prove("stacks/defects/always-ready");
    let mut expected = all_noticed();
    expected[1].1[1].1 = CheckResult::FailsAlready;
    expected[2].0 = ProofResult::NotProvable;
    expected[2].1.iter_mut().for_each(|(_, result)| *result = CheckResult::FailsAlready);
    // Nothing shows that an app whose readiness is always 2xx does not find its database.
    expected[4].0 = ProofResult::NotJudged;
    expected[4].1.iter_mut().for_each(|(_, result)| *result = CheckResult::NotJudged);
    assert_eq!(results(&run), expected, "{}", shown(&output));
    assert_eq!(output.status.code(), Some(2));
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(screen.contains("\nNOT JUDGED    The name of `db` never resolves\n"), "{screen}");
    // A check that fails anyway is not made again.
    let made = run.proof.iter().flat_map(|proof| &proof.checks).filter(|check| check.with_defect.is_some()).count();
    assert_eq!(made, 7);
}

/// This app runs as root behind a shell, has no health check and no dependency.
fn what_cannot_be_tried_is_told_and_is_no_proof() {
    let (output, run) = prove("stacks/flask-lab/insecure");
    assert!(run.proof.iter().all(|proof| proof.result == ProofResult::NotProvable), "{}", shown(&output));
    assert_eq!(output.status.code(), Some(3));
    let screen = String::from_utf8_lossy(&output.stdout);
    for line in [
        "Not proved: no known defect can be tried on this stack: ",
        "  shutdown.in-time fails already without it: ",
        "  not put in: `app` has no health check that could be replaced",
        "  outage.killed not applicable: the app has no dependency",
        "  nonroot.image-user fails already without it: no USER is set",
        "  not put in: the app has no dependency",
    ] {
        assert!(screen.contains(line), "{line}: {screen}");
    }
}

fn what_holds_no_proof_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("report").display().to_string();
    for (flag, words) in [
        ("--html", "error: --html can't hold a proof"),
        ("--junit", "error: --junit can't hold a proof"),
        ("--report-dir", "error: --report-dir can't hold a proof"),
        ("--tags", "'--prove' cannot be used with '--tags <EXPR>'"),
    ] {
        let mut command = seaworthy(&["check", "stacks/fastapi-postgres", "--prove", flag, &file]);
        let output = command.env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
        assert_eq!(output.status.code(), Some(2), "{flag}");
        assert!(shown(&output).contains(words), "{flag}: {}", shown(&output));
    }
}
