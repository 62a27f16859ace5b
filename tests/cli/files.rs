//! Which files a stack is made of, and how many containers.

use std::process::Command;

use seaworthy::subject::Form;

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        files_are_merged_with_profiles_and_variables,
        a_variable_that_is_not_set_is_warned_of,
    ],
    when engine::is_there: [
        a_stack_of_several_files_runs_with_all_its_containers,
    ],
};

const FOLDER: &str = "tests/fixtures/several";

fn with_all(command: &str) -> Command {
    let [first, second, variables] = ["compose.yaml", "override.yaml", "some.env"].map(|name| format!("{FOLDER}/{name}"));
    seaworthy(&[command, "-f", &first, "-f", &second, "--env-file", &variables, "--profile", "workers"])
}

fn files_are_merged_with_profiles_and_variables() {
    let output = with_all("plan").env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
    insta::assert_snapshot!("plan-several", format!("exit code {}\n{}", output.status.code().expect("a code"), shown(&output)));
    let lacking = seaworthy(&["plan", FOLDER]).output().expect("ended");
    assert_eq!(lacking.status.code(), Some(2));
    assert!(shown(&lacking).contains("required variable IMAGE is missing a value"), "{}", shown(&lacking));
}

/// The fixture's app exits unless both files and the variables are there. Its workers, two of one service, live in its network.
fn a_stack_of_several_files_runs_with_all_its_containers() {
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("run.json").display().to_string();
    let mut command = with_all("check");
    command.args(["--tags", "@shutdown.in-time or @nonroot.processes", "--json", &json]);
    let (output, left) = run(command);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());
    let text = std::fs::read_to_string(json).expect("written");
    let read: seaworthy::model::Run = serde_json::from_str(&text).expect("a run");
    let (readiness, liveness) = (Form::path("/ready"), Some(Form::path("/livez")));
    let contract = read.contract(&read.checks[0]);
    assert_eq!((&contract.readiness, &contract.liveness), (&readiness, &liveness));
    assert_eq!(read.checks.len(), 2);
    for check in &read.checks {
        let timeline = serde_json::to_string(read.timeline(check)).expect("JSON");
        for started in
            [r#""service":"app","change":"started""#, r#""service":"worker","change":"started""#, r#""service":"worker#2""#]
        {
            assert!(timeline.contains(started), "{}: {started} is missing", check.id);
        }
    }
}

fn a_variable_that_is_not_set_is_warned_of() {
    let [first, second] = ["compose.yaml", "override.yaml"].map(|name| format!("{FOLDER}/{name}"));
    let mut command = seaworthy(&["plan", "-f", &first, "-f", &second]);
    let output = command.env("IMAGE", "x").output().expect("ended");
    assert!(shown(&output).contains("warning: The `GREETING` variable is not set."), "{}", shown(&output));
}
