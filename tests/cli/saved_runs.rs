//! What is told of saved runs, and of the checks. None of it needs an engine.

use std::fs;
use std::process::Output;

use crate::harness::{Test, tests};
use crate::seaworthy;

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        a_saved_run_is_told_as_wide_as_the_terminal_is,
        as_much_is_told_as_is_wanted_in_colours_where_they_are,
        every_format_is_written_again_byte_for_byte_and_one_that_can_not_be_stops_no_other,
        what_is_no_run_is_told,
        github_gets_annotations_and_a_summary,
        of_several_apps_each_is_told_by_itself,
        the_sample_of_the_readme_is_what_is_told_of_a_real_run,
        what_is_blocked_is_told_in_every_format,
        two_runs_are_compared,
        checks_are_listed_and_explained,
        shells_complete_the_command_line_and_there_is_a_manual,
    ],
};

const FORMATS: [(&str, &str); 5] = [
    ("--html", "report.html"),
    ("--junit", "junit.xml"),
    ("--json", "run.json"),
    ("--sarif", "seaworthy.sarif"),
    ("--cucumber-json", "cucumber.json"),
];

fn saved(name: &str) -> String {
    format!("tests/fixtures/runs/{name}.json")
}

fn read(file: &str) -> String {
    fs::read_to_string(env!("CARGO_MANIFEST_DIR").to_owned() + "/" + file).expect("there")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn told(output: &Output) -> String {
    format!("exit code {}\n{}{}", output.status.code().expect("a code"), text(&output.stdout), text(&output.stderr))
}

fn a_saved_run_is_told_as_wide_as_the_terminal_is() {
    for (name, columns) in [
        ("passed", "80"),
        ("failed", "80"),
        ("could-not-run", "80"),
        ("nothing-ran", "80"),
        ("passed", "200"),
        ("failed", "200"),
        ("could-not-run", "200"),
        ("nothing-ran", "200"),
    ] {
        let output = seaworthy(&["report", &saved(name)]).env("COLUMNS", columns).output().expect("ended");
        let told = told(&output);
        let is_log = |line: &&str| line.starts_with("    | ") || line.contains("again:");
        let widest = told.lines().filter(|line| !is_log(line)).map(|line| line.chars().count()).max();
        assert!(widest.is_some() && widest <= columns.parse().ok(), "{name} at {columns}: {told}");
        insta::assert_snapshot!(format!("told-{name}-{columns}"), told);
    }
    let output = seaworthy(&["report", &saved("failed"), "--verbose"]).env("COLUMNS", "80").output().expect("ended");
    insta::assert_snapshot!("told-failed-verbose-80", self::told(&output));
}

fn as_much_is_told_as_is_wanted_in_colours_where_they_are() {
    let failed = saved("failed");
    let show = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = seaworthy(&[&["report", &failed][..], arguments].concat()).envs(variables.iter().copied()).output();
        text(&output.expect("ended").stdout)
    };
    let (quiet, normal, verbose) = (show(&["--quiet"], &[]), show(&[], &[]), show(&["--verbose"], &[]));
    assert!(quiet.contains("1 failed") && quiet.contains("must be fixed (1)") && !quiet.contains("--verbose"), "{quiet}");
    assert!(
        normal.contains("not measured: ") && normal.contains("seaworthy explain") && !normal.contains("passed  "),
        "{normal}"
    );
    for told in ["passed  ", "n/a ", "FAILED ", "When the app gets its stop signal", "to fix: ", "again: "] {
        assert!(verbose.contains(told) && !normal.contains(told), "{told}: {verbose}");
    }
    assert!(verbose.contains("must be fixed (1)"), "{verbose}");
    assert!(!normal.contains('\u{1b}'), "no colours where nobody sees them");
    let coloured = show(&[], &[("CLICOLOR_FORCE", "1")]);
    assert!(coloured.contains("\u{1b}[1m\u{1b}[31mNot ready for production"), "{coloured}");
    assert!(!show(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).contains('\u{1b}'), "NO_COLOR comes first");
}

fn every_format_is_written_again_byte_for_byte_and_one_that_can_not_be_stops_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = folder.path().join("all");
    let output = seaworthy(&["report", &saved("failed"), "--report-dir"]).arg(&all).output().expect("ended");
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    for (flag, name) in FORMATS {
        let one = folder.path().join(name);
        let mut command = seaworthy(&["report"]);
        let output = command.arg(all.join("run.json")).arg(flag).arg(&one).output().expect("ended");
        assert_eq!(output.status.code(), Some(1));
        assert!(fs::read(&one).expect("written") == fs::read(all.join(name)).expect("written"), "{name} differs");
        assert!(told.contains(name), "{told}");
    }
    let mut command = seaworthy(&["report", &saved("passed"), "--html", "/nowhere/report.html", "--junit"]);
    let junit = folder.path().join("second.xml");
    let output = command.arg(&junit).output().expect("ended");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("error: /nowhere/report.html can't be written"));
    assert!(fs::read_to_string(&junit).expect("written").contains("<testsuites"));
}

fn what_is_no_run_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.json");
    for (content, says) in
        [("hello", "help: "), (r#"{"format_version": 99}"#, "99"), (r#"{"format_version": 1}"#, "missing field")]
    {
        fs::write(&file, content).expect("written");
        let output = seaworthy(&["report"]).arg(&file).output().expect("ended");
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(text(&output.stderr).contains(says), "{}", text(&output.stderr));
    }
}

fn github_gets_annotations_and_a_summary() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = folder.path().join("summary.md");
    fs::write(&summary, "# Before\n").expect("written");
    let mut command = seaworthy(&["report", &saved("failed"), "--quiet"]);
    let output = command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary).output().expect("ended");
    let told = text(&output.stdout);
    let annotations: Vec<&str> = told.lines().filter(|line| line.starts_with("::")).collect();
    insta::assert_snapshot!("github", format!("{}\n{}", annotations.join("\n"), fs::read_to_string(&summary).expect("kept")));
}

fn of_several_apps_each_is_told_by_itself() {
    let file = saved("several-apps");
    let show = |arguments: &[&str]| told(&seaworthy(arguments).env("COLUMNS", "80").output().expect("ended"));
    insta::assert_snapshot!("told-several-apps-80", show(&["report", &file]));
    let verbose = show(&["report", &file, "--verbose"]);
    assert!(verbose.contains("--app worker --tags @outage.same-process"), "{verbose}");
    assert!(verbose.contains("the last log lines of `worker`"), "{verbose}");
    let judged = show(&["judge", &file]);
    assert!(!judged.contains(": was "), "{judged}");
    let explained = show(&["explain", "worker/outage.same-process[db]"]);
    assert!(explained.starts_with("exit code 0\noutage.same-process ("), "{explained}");
    // A run of one app is compared with its own checks in a run of several.
    let mut run: serde_json::Value = serde_json::from_str(&read(&file)).expect("JSON");
    run["contract"] = run["apps"][1]["contract"].clone();
    run.as_object_mut().expect("a run").remove("apps");
    let mut checks = run["checks"].as_array().expect("checks").clone();
    checks.retain(|check| check["app"] == "worker");
    for check in &mut checks {
        check.as_object_mut().expect("a check").remove("app");
        check["verdict"] = "passed".into();
    }
    (run["checks"], run["experiments"], run["causes"]) = (checks.into(), serde_json::json!([]), serde_json::json!([]));
    let folder = tempfile::tempdir().expect("a folder");
    let alone = folder.path().join("run.json");
    fs::write(&alone, run.to_string()).expect("written");
    let compared = show(&["compare", alone.to_str().expect("a name"), &file]);
    assert!(compared.contains("worker/outage.same-process[db]"), "{compared}");
    assert!(compared.contains("\nworse (2)\n") && compared.contains("passed → failed"), "{compared}");
}

fn the_sample_of_the_readme_is_what_is_told_of_a_real_run() {
    let output = seaworthy(&["report", &saved("readme")]).env("COLUMNS", "80").output().expect("ended");
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("there");
    let sample = readme.split("```console\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a sample");
    let (command, shown) = sample.split_once('\n').expect("a command and what it shows");
    assert_eq!(command, "$ seaworthy check sea-trials/postgres-exporter --readiness /metrics");
    assert_eq!(shown, text(&output.stdout));
    assert!(shown.lines().count() <= 25, "more than a screen: {shown}");
}

fn what_is_blocked_is_told_in_every_format() {
    let file = saved("readme");
    let run: serde_json::Value = serde_json::from_str(&read(&file)).expect("JSON");
    let checks = run["checks"].as_array().expect("checks");
    let blocked: Vec<&serde_json::Value> = checks.iter().filter(|check| check["verdict"] == "blocked").collect();
    assert!(blocked.len() > 5, "{} are blocked", blocked.len());
    let folder = tempfile::tempdir().expect("a folder");
    let all = folder.path();
    assert_eq!(seaworthy(&["report", &file, "--report-dir"]).arg(all).output().expect("ended").status.code(), Some(1));
    let report = |name: &str| fs::read_to_string(all.join(name)).expect("written");

    let junit = report("junit.xml");
    let cases: Vec<&str> = junit.split("<testcase ").filter(|case| case.contains("outage.recovers[db]")).collect();
    let [case] = cases[..] else { panic!("{} cases", cases.len()) };
    assert!(case.contains("<skipped") && case.contains("blocked, see: outage.killed[db]"), "{case}");

    let sarif: serde_json::Value = serde_json::from_str(&report("seaworthy.sarif")).expect("JSON");
    let of = |path: &str| sarif.pointer(path).and_then(serde_json::Value::as_array).expect("a list").clone();
    let results = of("/runs/0/results");
    assert!(!results.is_empty() && results.iter().all(|result| result["ruleId"] != "outage.recovers"), "{results:#?}");
    let notes = of("/runs/0/invocations/0/toolExecutionNotifications");
    assert_eq!(notes.iter().filter(|one| one["level"] == "note").count(), blocked.len(), "{notes:#?}");

    // The page begins with the causes, before any check.
    let page = report("report.html");
    let headlines = run["causes"].as_array().expect("a list");
    let headlines = headlines.iter().filter_map(|cause| cause["headline"].as_str());
    let places: Vec<usize> = headlines.map(|headline| page.find(headline).expect("told")).collect();
    let first_check = page.find("readiness.declared-order").expect("told");
    assert!(places.len() > 3 && places.iter().all(|place| *place < first_check), "{places:?} {first_check}");
    assert!(places.is_sorted(), "by severity: {places:?}");

    // One that passed before and can't be judged now is worse.
    let mut before = run.clone();
    for check in before["checks"].as_array_mut().expect("checks").iter_mut().filter(|check| check["id"] == "outage.recovers") {
        check["verdict"] = "passed".into();
    }
    let earlier = all.join("before.json");
    fs::write(&earlier, before.to_string()).expect("written");
    let compared = told(&seaworthy(&["compare"]).arg(&earlier).arg(&file).output().expect("ended"));
    assert!(compared.contains("\nworse (1)\n") && compared.contains("outage.recovers[db]"), "{compared}");
    assert!(compared.contains("passed → blocked"), "{compared}");
}

fn two_runs_are_compared() {
    let compare = |arguments: &[&str]| told(&seaworthy(&[&["compare"], arguments].concat()).output().expect("ended"));
    let (passed, failed) = (saved("passed"), saved("failed"));
    insta::assert_snapshot!("compare-worse", compare(&[&passed, &failed]));
    insta::assert_snapshot!("compare-better", compare(&[&failed, &passed]));
    let mut run: serde_json::Value = serde_json::from_str(&read(&failed)).expect("JSON");
    let check = |run: &mut serde_json::Value, id: &str| {
        run["checks"].as_array().expect("checks").iter().position(|check| check["id"] == id).expect("there")
    };
    let (frozen, stop) = (check(&mut run, "outage.frozen"), check(&mut run, "shutdown.in-time"));
    run["checks"][frozen]["duration_ms"] = 90_000.into();
    run["checks"][stop]["verdict"] = "passed".into();
    run["checks"][0]["verdict"] = "failed".into();
    run["checks"][0]["severity"] = "should".into();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("run.json");
    fs::write(&file, run.to_string()).expect("written");
    let file = file.to_str().expect("a name");
    insta::assert_snapshot!("compare-mixed", compare(&[&failed, file]));
    assert!(compare(&[&failed, file, "--strict"]).starts_with("exit code 1"));
    assert!(compare(&[&failed, "nowhere.json"]).starts_with("exit code 2"));
}

fn checks_are_listed_and_explained() {
    let show = |arguments: &[&str]| told(&seaworthy(arguments).output().expect("ended"));
    insta::assert_snapshot!("list", show(&["list", "--tags", "@retry"]));
    insta::assert_snapshot!("explain", show(&["explain", "outage.frozen[db]"]));
    insta::assert_snapshot!("explain-unknown", show(&["explain", "outage.freeze"]));
    let all = seaworthy(&["list", "--json"]).output().expect("ended");
    let all: serde_json::Value = serde_json::from_slice(&all.stdout).expect("JSON");
    let all = all.as_array().expect("a list");
    assert_eq!(all.len(), seaworthy::gherkin::Catalogue::built_in().ids().len());
    for check in all {
        let id = check["id"].as_str().expect("an id");
        assert!(show(&["explain", id]).starts_with(&format!("exit code 0\n{id} (")), "{id}");
    }
}

fn shells_complete_the_command_line_and_there_is_a_manual() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = seaworthy(&["completions", shell]).output().expect("ended");
        assert!(output.status.success() && text(&output.stdout).contains("report-dir"), "{shell}");
    }
    let page = seaworthy(&["man"]).output().expect("ended");
    assert!(text(&page.stdout).contains(".TH seaworthy 1"));
    let folder = tempfile::tempdir().expect("a folder");
    assert!(seaworthy(&["man", "--dir"]).arg(folder.path()).output().expect("ended").status.success());
    let check = fs::read_to_string(folder.path().join("seaworthy-check.1")).expect("a page");
    assert!(check.contains("cucumber"), "{check}");
}
