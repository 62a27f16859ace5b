//! The user's own feature files, run like the built-in ones.

use std::fs;

use seaworthy::model::{Run, Verdict};

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        a_sentence_that_does_not_exist_is_told_with_its_line,
    ],
    when engine::is_there: [
        checks_of_ones_own_are_made,
        checks_of_a_rule_share_an_instance_and_come_to_the_same_verdicts_without,
    ],
};

/// The first scenario fails by intent: its expectation is that a stopped process answers.
fn checks_of_ones_own_are_made() {
    let arguments =
        ["check", "tests/fixtures/alone", "--features", "tests/fixtures/features", "--tags", "@shop", "--jobs", "1", "-v"];
    let (output, left) = run(seaworthy(&arguments));
    assert_eq!(left, Vec::<String>::new());
    let shown = shown(&output);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    for words in [
        "FAILED  shop.frozen",
        "passed  shop.goes-on",
        "expected: readiness never hangs throughout N s from the app being stopped by SIGSTOP on",
        "no answer in time",
        "why: Nobody sees from outside whether a process works or sleeps",
    ] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
}

/// One of the three fails, which is no other one's business.
fn checks_of_a_rule_share_an_instance_and_come_to_the_same_verdicts_without() {
    let tags = "@shop.resumed or @shop.same-server or @shop.never-unavailable";
    let folder = tempfile::tempdir().expect("a folder");
    let made = |name: &str, flags: &[&str]| {
        let json = folder.path().join(name);
        let mut command = seaworthy(&["check", "tests/fixtures/alone", "--features", "tests/fixtures/features", "--tags", tags]);
        command.args(["--json", json.to_str().expect("UTF-8")]).args(flags);
        let (output, left) = run(command);
        assert_eq!(left, Vec::<String>::new());
        assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
        Run::read(&fs::read(json).expect("written")).expect("a run")
    };
    let (shared, isolated) = (made("shared.json", &[]), made("isolated.json", &["--isolated"]));
    assert_eq!((shared.experiments.len(), isolated.experiments.len()), (1, 3));
    assert_eq!(shared.verdicts(), isolated.verdicts());
    let verdicts: Vec<Verdict> = shared.verdicts().into_values().collect();
    assert_eq!(verdicts, [Verdict::Failed, Verdict::Passed, Verdict::Passed], "never-unavailable, resumed, same-server");
}

fn a_sentence_that_does_not_exist_is_told_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "@shop\nFeature: The shop\n\n  @shop.up @must\n  Scenario: It comes up\n    Given the moon is full\n";
    fs::write(folder.path().join("own.feature"), text).expect("written");
    let path = folder.path().display().to_string();
    let mut command = seaworthy(&["check", "tests/fixtures/alone", "--features", &path]);
    let output = command.env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
    let shown = shown(&output).replace(&path, "FOLDER");
    assert_eq!(output.status.code(), Some(2), "{shown}");
    assert!(shown.contains("error: FOLDER/own.feature:6: no step is called `Given the moon is full`"), "{shown}");
    assert!(shown.contains("help: `seaworthy steps` lists the sentences"), "{shown}");
}
