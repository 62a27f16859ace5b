//! What is told of a stack: every value of the contract with its origin, and the block that keeps it.

use std::fs;
use std::path::Path;

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        a_block_is_written_below_everything_else_and_only_once,
        the_sentences_of_scenarios_are_listed_with_examples,
    ],
    when engine::is_there: [
        every_value_is_explained,
    ],
};

fn copy_of(fixture: &str, drop_block: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture)).expect("a folder") {
        let file = entry.expect("an entry").path();
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let text = if drop_block { text.split("x-seaworthy:").next().unwrap_or_default().to_owned() } else { text };
        fs::write(folder.path().join(file.file_name().expect("a name")), text).expect("written");
    }
    folder
}

/// Nothing is declared: the readiness path and the liveness path are found by asking the running app.
fn every_value_is_explained() {
    let folder = copy_of("tests/fixtures/several", true);
    let [first, second, variables] =
        ["compose.yaml", "override.yaml", "some.env"].map(|name| folder.path().join(name).display().to_string());
    let files = ["-f", &first, "-f", &second, "--env-file", &variables];
    let (output, left) = run(seaworthy(&[&["check", "--explain-contract", "--outage-limit", "7s"], &files[..]].concat()));
    assert_eq!(left, Vec::<String>::new());
    insta::assert_snapshot!(
        "explain-contract",
        format!("exit code {}\n{}", output.status.code().expect("a code"), shown(&output))
    );
}

fn a_block_is_written_below_everything_else_and_only_once() {
    let folder = copy_of("stacks/fastapi-postgres", true);
    let path = folder.path().display().to_string();
    let file = folder.path().join("compose.yaml");
    // The password that the file asks for stands beside it.
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/fastapi-postgres/.env"), folder.path().join(".env"))
        .expect("copied");
    let before = fs::read_to_string(&file).expect("a text");
    let init = |arguments: &[&str]| {
        let mut command = seaworthy(&["init", &path]);
        let output = command.args(arguments).env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
        (output.status.code(), shown(&output).replace(&path, "FOLDER"))
    };
    let (code, printed) = init(&["--print", "--readiness", "/health"]);
    assert_eq!((code, fs::read_to_string(&file).expect("a text")), (Some(0), before.clone()));
    let (code, _) = init(&["--readiness", "/health"]);
    assert_eq!(code, Some(0));
    let after = fs::read_to_string(&file).expect("a text");
    assert!(after.starts_with(&before), "{after}");
    assert_eq!(after[before.len()..].trim(), printed.trim());
    insta::assert_snapshot!("init", after[before.len()..].trim());

    let (code, refused) = init(&[]);
    assert_eq!(code, Some(2));
    assert!(refused.contains("has an x-seaworthy block"), "{refused}");
    assert_eq!(fs::read_to_string(&file).expect("a text"), after);
    let names = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().contains("seaworthy-init")), "a file was left behind");
}

fn the_sentences_of_scenarios_are_listed_with_examples() {
    let output = seaworthy(&["steps"]).output().expect("ended");
    let listed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{listed}");
    for step in seaworthy::gherkin::SENTENCES {
        assert!(listed.contains(&format!("{:?} {}\n", step.keyword, step.pattern)), "{} is missing", step.pattern);
        assert!(listed.contains(step.example), "{} is missing", step.example);
    }
}
