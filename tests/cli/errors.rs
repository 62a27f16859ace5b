//! What goes wrong, and how it is told.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        mistakes_in_files_and_flags_are_told_without_an_engine,
        bad_files_are_told,
        an_engine_that_does_not_answer_is_told,
        the_docker_context_in_force_is_followed,
        a_client_without_compose_is_told,
        help_names_every_contract_value_and_the_exit_codes,
    ],
    when engine::is_there: [
        broken_stacks_are_told_and_leave_nothing,
        a_failed_check_exits_with_1_and_a_waived_one_with_0,
        a_scanners_report_is_judged,
        a_run_in_which_nothing_applies_exits_with_3,
        a_report_that_can_not_be_written_exits_with_2,
    ],
};

/// The exit code and what is shown for a fixture, which must leave nothing behind.
fn check_fixture(name: &str, arguments: &[&str]) -> String {
    let path = format!("tests/fixtures/{name}");
    let (output, left) = run(seaworthy(&[&["check", &path], arguments].concat()));
    assert!(left.is_empty(), "{name} left {left:#?}");
    format!("exit code {}\n{}", output.status.code().expect("a code"), shown(&output))
}

/// Errors that are found before an engine is asked.
fn mistakes_in_files_and_flags_are_told_without_an_engine() {
    for (snapshot, fixture, arguments) in [
        ("not-compose", "not-compose", &[][..]),
        ("no-services", "no-services", &[]),
        ("empty-folder", "empty-folder", &[]),
        ("nowhere", "nowhere", &[]),
        ("unknown-key", "unknown-key", &[]),
        ("unknown-service", "unknown-service", &[]),
        ("unknown-service-flag", "alone", &["--app", "web"]),
        ("unknown-dependency-flag", "alone", &["--dependencies", "cache"]),
        ("unknown-check-in-waiver", "alone", &["--waivers", "shutdown.soon=later"]),
        ("unknown-tag", "alone", &["--tags", "@shutdwon"]),
        ("no-tag-expression", "alone", &["--tags", "@shutdown and"]),
        ("nothing-selected", "alone", &["--tags", "@shutdown and @nonroot"]),
        ("not-a-time", "alone", &["--startup-limit", "soon"]),
    ] {
        let mut command = seaworthy(&["check", &format!("tests/fixtures/{fixture}")]);
        let output = command.args(arguments).env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
        let code = output.status.code().expect("a code");
        insta::assert_snapshot!(snapshot, format!("exit code {code}\n{}", shown(&output)));
    }
}

/// Files that no stack can be made of. One clear message each and exit code 2, before an engine is asked.
fn bad_files_are_told() {
    let mut told = String::new();
    for file in [
        "depends-in-a-circle",
        "empty",
        "extends-in-a-circle",
        "for-ever",
        "includes-itself",
        "no-env-file",
        "same-address",
        "variable-required",
        "wrong-type",
    ] {
        let mut command = seaworthy(&["check", &format!("tests/fixtures/bad/{file}.yaml")]);
        let output = command.env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
        assert_eq!(output.status.code(), Some(2), "{file}");
        told.push_str(&shown(&output));
    }
    insta::assert_snapshot!("bad-files", told);
}

fn an_engine_that_does_not_answer_is_told() {
    let mut command = seaworthy(&["check", "tests/fixtures/alone"]);
    let output = command.env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
    assert_eq!(output.status.code(), Some(2));
    let shown = shown(&output);
    assert!(shown.contains("error: no container engine answers at unix:///nowhere.sock"), "{shown}");
    assert!(shown.contains("help: start the engine"), "{shown}");
}

fn the_docker_context_in_force_is_followed() {
    let config = tempfile::tempdir().expect("a folder");
    let mut create = Command::new("docker");
    create.args(["context", "create", "elsewhere", "--docker", "host=unix:///elsewhere.sock"]);
    let output = create.env("DOCKER_CONFIG", config.path()).output().expect("the client runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut command = seaworthy(&["check", "tests/fixtures/alone"]);
    command.env("DOCKER_CONFIG", config.path()).env("DOCKER_CONTEXT", "elsewhere").env_remove("DOCKER_HOST");
    let output = command.output().expect("ended");
    assert_eq!(output.status.code(), Some(2));
    assert!(shown(&output).contains("no container engine answers at unix:///elsewhere.sock"), "{}", shown(&output));
}

/// What the client of Docker 26 says when its Compose plugin is not installed.
const WITHOUT_COMPOSE: &str = "#!/bin/sh\n\
    echo \"docker: 'compose' is not a docker command.\" >&2\n\
    echo \"See 'docker --help'\" >&2\n\
    exit 125\n";

fn a_client_without_compose_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let client = folder.path().join("docker");
    fs::write(&client, WITHOUT_COMPOSE).expect("written");
    make_executable(&client);
    let mut command = seaworthy(&["check", "tests/fixtures/alone"]);
    let output = command.env("PATH", format!("{}:/usr/bin:/bin", folder.path().display())).output().expect("ended");
    insta::assert_snapshot!("no-compose", format!("exit code {}\n{}", output.status.code().expect("a code"), shown(&output)));

    let empty = tempfile::tempdir().expect("a folder");
    let mut command = seaworthy(&["check", "tests/fixtures/alone"]);
    let output = command.env("PATH", empty.path()).output().expect("ended");
    insta::assert_snapshot!("no-docker", format!("exit code {}\n{}", output.status.code().expect("a code"), shown(&output)));
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("made executable");
}

/// Errors that show once containers are to be built, created or started.
fn broken_stacks_are_told_and_leave_nothing() {
    // What is seen on the way depends on the moment; what is said of it does not.
    for (fixture, words) in [
        (
            "does-not-build",
            &[
                "error: `app` of PROJECT/tests/fixtures/does-not-build can't be built",
                "    | the compiler is missing",
                "did not complete successfully: exit code: 7",
                "help: fix the build; this command must succeed: docker compose --project-directory",
            ][..],
        ),
        (
            "exits-at-once",
            &[
                "error: PROJECT/tests/fixtures/exits-at-once does not start even with nothing disturbed. Expected: readiness answers 2xx",
                "`app` exited with status 3 at",
                "  the last log lines of `app`:\n    | GREETING is not set\n  help: see its log for why `app` exits\n",
            ],
        ),
        (
            "wrong-port",
            &[
                "error: PROJECT/tests/fixtures/wrong-port does not start even with nothing disturbed.",
                "seen: connection refused (N times,",
                "help: nobody listens on port 8080: declare the right one (`port:` under x-seaworthy, or --port)",
            ],
        ),
        (
            "database-exits",
            &[
                "Expected: `db` accepts within N s; seen: `db` exited with status 1 at",
                "  the last log lines of `db`:\n    | ",
                "POSTGRES_PASSWORD",
                "help: make sure that `db` starts with what the compose file gives it",
            ],
        ),
        (
            "bad/no-context.yaml",
            &["error: `app` of PROJECT/tests/fixtures/bad/no-context.yaml can't be built", "nowhere\" not found"],
        ),
        ("bad/no-replicas.yaml", &["the app `app` has 0 replicas", "  help: give it one"]),
        (
            "privileged",
            &["error: service `app` of PROJECT/tests/fixtures/privileged can't be isolated: `privileged: true`", "  help: "],
        ),
        (
            "unknown-image",
            &["is not on the engine and can't be pulled: registry.invalid/nobody/nothing:1", "  help: pull or build"],
        ),
    ] {
        let shown = check_fixture(fixture, &[]);
        assert!(shown.starts_with("exit code 2\n"), "{fixture}: {shown}");
        for words in words {
            assert!(shown.contains(words), "{fixture} does not say {words:?}: {shown}");
        }
    }
}

fn a_failed_check_exits_with_1_and_a_waived_one_with_0() {
    let folder = tempfile::tempdir().expect("a folder");
    let [junit, json] = ["run.xml", "run.json"].map(|name| folder.path().join(name));
    let reports = ["--junit", junit.to_str().expect("UTF-8"), "--json", json.to_str().expect("UTF-8")];
    let shown = check_fixture("alone", &[&["--tags", "@shutdown.in-time or @retry.late-database"], &reports[..]].concat());
    assert!(shown.starts_with("exit code 1\n"), "{shown}");
    assert!(
        shown.contains(
            "The stop signal does not end the app (shutdown.in-time)\n      SIGTERM did not end it within N s: stopped"
        ),
        "{shown}"
    );
    assert!(shown.contains("1 check of `app` (readiness: /) in N s: 1 failed; 1 not applicable"), "{shown}");

    let read: seaworthy::model::Run = serde_json::from_str(&fs::read_to_string(json).expect("written")).expect("a run");
    let names: Vec<String> = read.verdicts().into_keys().collect();
    assert_eq!(names, ["retry.late-database", "shutdown.in-time"]);
    let junit = fs::read_to_string(junit).expect("written");
    assert!(junit.contains(r#"tests="2" failures="1" errors="0""#), "{junit}");

    let waived = check_fixture("alone", &["--tags", "@shutdown.in-time", "--waivers", "shutdown.in-time=known"]);
    assert!(waived.starts_with("exit code 0\n") && waived.contains("waived: shutdown.in-time: known\n"), "{waived}");
}

fn a_scanners_report_is_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let weakness = |severity: &str| {
        format!(
            r#"{{"SchemaVersion": 2, "Results": [{{"Vulnerabilities": [{{"VulnerabilityID": "CVE-2026-1", "PkgName": "zlib",
                "InstalledVersion": "1.2", "FixedVersion": "1.3", "Severity": "{severity}"}}]}}]}}"#
        )
    };
    for (content, code, says) in [
        (weakness("HIGH"), 1, "1 high: CVE-2026-1 in zlib 1.2 (high, fixed in 1.3)"),
        (weakness("MEDIUM"), 0, "1 passed"),
        ("no report".to_owned(), 2, "is not a JSON report of Trivy or Grype"),
    ] {
        fs::write(&report, content).expect("written");
        let shown =
            check_fixture("alone", &["--strict", "--tags", "@image.scan", "--scan-report", report.to_str().expect("UTF-8")]);
        assert!(shown.starts_with(&format!("exit code {code}\n")), "{shown}");
        assert!(shown.split_whitespace().collect::<Vec<_>>().join(" ").contains(says), "{shown}");
    }
}

fn a_run_in_which_nothing_applies_exits_with_3() {
    let shown = check_fixture("alone", &["--tags", "@outage"]);
    assert!(shown.starts_with("exit code 3\n"), "{shown}");
    assert!(shown.contains("nothing ran: no selected check applies to this stack"), "{shown}");
}

fn a_report_that_can_not_be_written_exits_with_2() {
    let shown = check_fixture("alone", &["--tags", "@nonroot.processes", "--json", "/nowhere/run.json"]);
    assert!(shown.starts_with("exit code 2\n") && shown.contains("/nowhere/run.json can't be written"), "{shown}");
}

fn help_names_every_contract_value_and_the_exit_codes() {
    let output = seaworthy(&["check", "--help"]).output().expect("ended");
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!("help", shown(&output));
}
