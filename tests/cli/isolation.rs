//! Copies share nothing with each other, with the user's files, or with this machine, unless they are allowed to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        a_plan_lists_every_change_and_needs_no_engine,
    ],
    when engine::is_there: [
        copies_get_all_that_the_file_promises_and_the_users_files_stay_as_they_are,
        what_is_allowed_is_not_refused,
        what_reaches_out_and_is_not_needed_is_in_no_copy,
    ],
};

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// The fixture's app exits unless its mounts, config, secret and limits are as the compose file says, and then writes.
fn copies_get_all_that_the_file_promises_and_the_users_files_stay_as_they_are() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/isolated");
    let before = (names_in(&fixture), names_in(&fixture.join("data")));
    // Side by side, although the file asks for one container name, one address, one subnet and one host port.
    let (output, left) = run(seaworthy(&[
        "check",
        "tests/fixtures/isolated",
        "--tags",
        "@shutdown.in-time or @nonroot.processes",
        "--waivers",
        "nonroot.processes=a fixture",
    ]));
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());
    assert_eq!((names_in(&fixture), names_in(&fixture.join("data"))), before);
}

fn a_plan_lists_every_change_and_needs_no_engine() {
    for (snapshot, fixture, arguments) in [
        ("plan", "isolated", &[][..]),
        ("plan-refused", "privileged", &[]),
        ("plan-allowed", "privileged", &["--allow", "privileged"]),
        ("plan-left-out", "left-out", &[]),
        ("plan-kept", "left-out", &["--with", "proxy"]),
        ("plan-kept-allowed", "left-out", &["--with", "proxy", "--allow", "engine_socket"]),
        ("plan-needed", "left-out", &["--app", "dashboard"]),
        ("plan-keeps-nobody", "left-out", &["--with", "prxy"]),
    ] {
        let mut command = seaworthy(&["plan", &format!("tests/fixtures/{fixture}")]);
        let output = command.args(arguments).env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
        let code = output.status.code().expect("a code");
        insta::assert_snapshot!(snapshot, format!("exit code {code}\n{}", shown(&output)));
    }
}

fn what_is_allowed_is_not_refused() {
    let (output, left) =
        run(seaworthy(&["check", "tests/fixtures/privileged", "--allow", "privileged", "--tags", "@nonroot.processes"]));
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());
}

/// The fixture's app exits unless it has shared memory of its own in the file's size, and an empty volume.
fn what_reaches_out_and_is_not_needed_is_in_no_copy() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("run.html");
    let mut command = seaworthy(&["check", "tests/fixtures/left-out", "--tags", "@shutdown.in-time", "--waivers"]);
    command.args(["shutdown.in-time=a fixture", "--html"]).arg(&page);
    let (output, left) = run(command);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());
    let note = "service `proxy` is left out: `volumes` mounts the engine's socket /var/run/docker.sock";
    assert!(shown(&output).contains(note), "{}", shown(&output));
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.replace("&#39;", "'").contains(note) && page.contains("volume `data` is external"), "{page}");
}
