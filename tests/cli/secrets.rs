//! A secret that is planted everywhere comes out nowhere.

use std::fs;

use seaworthy::model::Run;

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    when engine::is_there: [
        no_format_shows_a_secret_that_is_planted_everywhere,
        a_password_that_no_log_would_show_is_replaced_and_found,
        a_password_that_somebody_has_from_elsewhere_stays,
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

/// Checks for leaks, on a stack of ours whose database has a password of five letters.
fn checked_with_a_short_password(files: &[&str], tags: &str) -> (Option<i32>, Run, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let saved = folder.path().join("run.json");
    let mut command = seaworthy(&["check"]);
    command.args(files).args(["--startup-limit", "15s", "--tags", tags, "--json"]).arg(&saved).env("DB_PASSWORD", "short");
    let (output, left) = run(command);
    assert!(left.is_empty(), "{left:#?}");
    let text = fs::read_to_string(&saved).unwrap_or_else(|error| panic!("{error}: {}", shown(&output)));
    let generated = regex::Regex::new("generated-[0-9a-f]").expect("a pattern");
    for shown in [&text, &shown(&output)] {
        assert!(!generated.is_match(shown), "a generated password is shown");
    }
    (output.status.code(), Run::read(text.as_bytes()).expect("a run"), shown(&output))
}

fn is_replaced(run: &Run) -> bool {
    run.notes
        .iter()
        .any(|note| note.starts_with("service `db`: its password ") && note.ends_with("also in `DB_PASSWORD` of `app`"))
}

fn a_password_that_no_log_would_show_is_replaced_and_found() {
    let tags = "@logging.no-secrets or @retry.wrong-password";
    let (code, run, told) = checked_with_a_short_password(&["stacks/defects/leaks-password"], tags);
    assert!(is_replaced(&run), "{:?}", run.notes);
    assert_eq!((code, run.counts().failed), (Some(1), 2), "{told}");
    // What keeps it passes: nothing else has changed for it.
    let tags = format!("{tags} or @outage.discreet or @shutdown.releases-sessions or @config.missing-setting");
    let (code, run, told) = checked_with_a_short_password(&["stacks/fastapi-postgres"], &tags);
    assert!(is_replaced(&run), "{:?}", run.notes);
    assert_eq!((code, run.counts().passed), (Some(0), 5), "{told}");
}

/// The app of this fixture has it from a command line, where nobody can see that it is one.
fn a_password_that_somebody_has_from_elsewhere_stays() {
    let files = ["-f", "stacks/fastapi-postgres/compose.yaml", "-f", "tests/fixtures/own-password/compose.yaml"];
    let (code, run, told) = checked_with_a_short_password(&files, "@logging.no-secrets");
    assert!(!is_replaced(&run), "{:?}", run.notes);
    assert!(
        told.contains("the app is not ready with a generated database password: trying again with the original one"),
        "{told}"
    );
    assert_eq!((code, run.counts().passed), (Some(0), 1), "{told}");
}
