//! Services that others wait for with `service_completed_successfully` run to their end first.

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    when engine::is_there: [
        a_chain_of_one_shots_ends_before_the_app_starts,
        a_one_shot_that_fails_ends_the_run_with_its_log,
    ],
};

fn a_chain_of_one_shots_ends_before_the_app_starts() {
    let (output, left) =
        run(seaworthy(&["check", "tests/fixtures/one-shot", "--tags", "@shutdown.in-time or @nonroot.processes or @outage"]));
    let told = shown(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    // A one-shot is no dependency of the app: nobody kills it to see what happens.
    assert!(told.contains("2 checks of `app` (readiness: /) in N s: 2 passed; 17 not applicable"), "{told}");
    assert_eq!(left, Vec::<String>::new());
}

fn a_one_shot_that_fails_ends_the_run_with_its_log() {
    let (output, left) = run(seaworthy(&["check", "tests/fixtures/migration-fails"]));
    let told = shown(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("Expected: `migrate` ends with status 0 within N s; seen: `migrate` exited with status 4 at"),
        "{told}"
    );
    assert!(told.contains("  the last log lines of `migrate`:\n    | column price is missing\n"), "{told}");
    assert_eq!(left, Vec::<String>::new());
}
