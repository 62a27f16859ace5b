//! A secret that is planted everywhere comes out nowhere.

use std::fs;

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy};

pub(crate) const TESTS: &[Test] = tests! {
    when engine::is_there: [
        no_format_shows_a_secret_that_is_planted_everywhere,
    ],
};

/// What is planted, and how a log, a URL or a header might spell it.
const PLANTED: [&str; 6] = [
    "pl4nted-in-the-image",
    "pl4nted-s3cret+token=42",
    "pl4nted-s3cret%2Btoken%3D42",
    "cGw0bnRlZC1zM2NyZXQrdG9rZW49NDI",
    "pl4nted-p4ssword",
    "cGw0bnRlZC1wNHNzd29yZA",
];
const TAGS: &str = "@readiness.stable or @shutdown.in-time or @nonroot.processes or @hardening.writes-nothing or \
                    @logging.no-secrets or @config.no-literal-secrets";

fn no_format_shows_a_secret_that_is_planted_everywhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let (reports, summary) = (folder.path().join("reports"), folder.path().join("summary.md"));
    let mut command = seaworthy(&["check", "tests/fixtures/tells-all", "--tags", TAGS, "--verbose", "--report-dir"]);
    command.arg(&reports).env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", &summary);
    let (output, left) = run(command);
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(output.status.code(), Some(1), "{told}");

    let files = fs::read_dir(&reports).expect("there").map(|entry| entry.expect("an entry").path());
    let files: Vec<_> = files.chain([summary]).collect();
    assert_eq!(files.len(), 6, "{files:?}");
    let mut shown = vec![("the terminal".to_owned(), told)];
    shown.extend(files.iter().map(|file| (file.display().to_string(), fs::read_to_string(file).expect("text"))));
    for (place, text) in &shown {
        for secret in PLANTED {
            assert!(!text.contains(secret), "{place} shows {secret}");
        }
    }

    // And it was there to be shown: in the log, a body, the command line of a process, the name of a file.
    let run = &shown.iter().find(|(place, _)| place.ends_with("run.json")).expect("saved").1;
    for masked in [
        "the token is [redacted], the database is postgres://app:[redacted]@db",
        "token [redacted] url postgres://app:[redacted]@db",
        "--token [redacted]",
        "/data/of-[redacted].txt",
    ] {
        assert!(run.contains(masked), "{masked} is not there");
    }
}
