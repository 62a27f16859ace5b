//! Any image: no compose file, and nothing of ours inside.

use std::fs;
use std::process::Command;

use crate::{engine, run, seaworthy, shown};

/// Builds the foreign image and returns its name.
fn foreign_image() -> String {
    let name = format!("seaworthy-test-perl:{}", std::process::id());
    let mut build = Command::new("docker");
    build.args(["build", "--quiet", "--tag", &name, "tests/fixtures/perl-image"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let output = build.output().expect("the client runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    name
}

/// Checks that such a small server can pass.
const TAGS: &str = "@readiness.not-before-database or @retry.late-database or @shutdown.in-time or @outage.killed or \
                    @outage.recovers or @nonroot.processes";

struct Image(String);

impl Drop for Image {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["image", "rm", &self.0]).output();
    }
}

#[test]
fn a_foreign_image_gets_the_verdicts_that_it_deserves() {
    if !engine::is_there() {
        return;
    }
    let image = Image(foreign_image());
    let folder = tempfile::tempdir().expect("a folder");
    let [json, yaml, env] = ["run.json", "stack.yaml", "more.env"].map(|name| folder.path().join(name).display().to_string());
    fs::write(&env, "GREETING=ahoy from a file\n").expect("written");

    // It needs nothing: what is about a dependency does not apply.
    let alone = ["check", "--image", &image.0, "--readiness", "/", "--env", "GREETING=ahoy $5", "--tags", TAGS];
    let (output, left) = run(seaworthy(&alone));
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(shown(&output).contains("2 passed, 0 failed, 0 could not run, 0 waived; 4 not applicable"), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());

    // With a database beside it, it claims to be ready without ever having looked.
    let with_database = [
        "check",
        "--image",
        &image.0,
        "--with",
        "postgres",
        "--readiness",
        "/",
        "--env-file",
        &env,
        "--json",
        &json,
        "--tags",
        TAGS,
    ];
    let (output, left) = run(seaworthy(&[&with_database[..], &["--write-compose", &yaml]].concat()));
    assert_eq!(output.status.code(), Some(1), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());
    let read: seaworthy::record::Run = serde_json::from_str(&fs::read_to_string(json).expect("written")).expect("a run");
    let failed: Vec<String> = read
        .verdicts()
        .into_iter()
        .filter(|(_, verdict)| *verdict != seaworthy::verdict::Verdict::Passed)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(failed, ["outage.killed[postgres]", "readiness.not-before-database"], "{}", shown(&output));

    // The stack that was used can be kept, and gives the same plan.
    let (output, _) = run(seaworthy(&["plan", &yaml]));
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(shown(&output).contains(&format!("  app: {}, after postgres", image.0)), "{}", shown(&output));
}

#[test]
fn an_image_that_is_not_there_is_told() {
    if !engine::is_there() {
        return;
    }
    let (output, left) =
        run(seaworthy(&["check", "--image", "registry.invalid/nobody/nothing:1", "--readiness", "/", "--port", "80"]));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        shown(&output).contains("neither here nor can it be pulled: registry.invalid/nobody/nothing:1"),
        "{}",
        shown(&output)
    );
    assert_eq!(left, Vec::<String>::new());
}
