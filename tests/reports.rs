//! The formats for machines, against what is published of them.

#![expect(clippy::disallowed_methods, reason = "the schema of JUnit is one of XML: xmllint reads it")]

use std::fs;
use std::path::Path;
use std::process::Command;

use seaworthy::model::{Run, schema};
use seaworthy::report::{Format, to_job_summary};
use seaworthy::suite::judge_again;
use serde_json::Value;

const RUNS: [&str; 5] = ["passed", "failed", "could-not-run", "nothing-ran", "several-apps"];
const PUBLISHED: &str = "docs/run-2.schema.json";

fn project(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

fn runs() -> impl Iterator<Item = (&'static str, Run)> {
    RUNS.into_iter().map(|name| {
        let json = fs::read(project(&format!("tests/fixtures/runs/{name}.json"))).expect("there");
        (name, Run::read(&json).expect("a run"))
    })
}

fn json(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(project(path)).expect("there")).expect("JSON")
}

fn assert_valid(schema: &Value, name: &str, text: &str) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let instance: Value = serde_json::from_str(text).expect("JSON");
    let errors: Vec<String> =
        validator.iter_errors(&instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
}

/// `UPDATE_SCHEMA=1 cargo test --test reports` writes it anew.
#[test]
fn the_published_schema_is_that_of_the_saved_run() {
    let text = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(project(PUBLISHED), &text).expect("written");
    }
    assert!(fs::read_to_string(project(PUBLISHED)).expect("there") == text, "UPDATE_SCHEMA=1 writes {PUBLISHED} anew");
}

#[test]
fn json_is_valid_by_its_schema_and_the_schema_can_say_no() {
    let schema = json(PUBLISHED);
    for (name, run) in runs() {
        assert_valid(&schema, name, &Format::Json.render(&run));
    }
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let (_, run) = runs().next().expect("a run");
    for (pointer, wrong) in [
        ("/format_version", Value::from("one")),
        ("/checks/0/verdict", "perhaps".into()),
        ("/experiments/0/timeline/0/fact", "nothing".into()),
        ("/contract/port", 70_000.into()),
        ("/checks/0/duration_ms", "soon".into()),
    ] {
        let mut instance: Value = serde_json::from_str(&Format::Json.render(&run)).expect("JSON");
        *instance.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is there")) = wrong;
        assert!(!validator.is_valid(&instance), "{pointer} may be anything");
    }
}

/// `tests/fixtures/runs/generate` makes them anew.
#[test]
fn the_fixtures_are_what_a_run_writes_today() {
    for (name, run) in runs() {
        let file = format!("tests/fixtures/runs/{name}.json");
        let written = fs::read_to_string(project(&file)).expect("there");
        assert!(Format::Json.render(&run) == written, "{file} is no longer what a run writes: make it anew");
        assert!(Format::Json.render(&judge_again(&run)) == written, "{file}: judged again it differs");
    }
}

#[test]
fn a_run_of_format_1_is_still_read() {
    let run = Run::read(&fs::read(project("tests/fixtures/runs/version-1.json")).expect("there")).expect("a run");
    let stop = run.checks.iter().find(|check| check.id == "shutdown.in-time").expect("a check");
    assert!(run.timeline(stop).len() > 50 && stop.finding.is_some() && !stop.fix.is_empty());
    assert!(Format::Html.render(&run).contains("its first process is a shell"));
}

#[test]
fn sarif_is_valid_by_its_schema() {
    let published = fs::read_to_string(project("tests/schemas/sarif-2.1.0.json")).expect("there");
    // A slip in a pattern for languages, which is no regular expression by today's rules.
    let schema = published.replace("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}(-[a-zA-Z]{2})?$");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    for (name, run) in runs() {
        assert_valid(&schema, name, &Format::Sarif.render(&run));
    }
}

#[test]
fn junit_is_valid_by_the_schema_of_jenkins() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, run) in runs() {
        let file = folder.path().join(format!("{name}.xml"));
        fs::write(&file, Format::Junit.render(&run)).expect("written");
        validate_xml(&file);
    }
}

fn validate_xml(file: &Path) {
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--schema", &project("tests/schemas/junit-10.xsd")]).arg(file);
    let output = command.output().expect("xmllint is there: `make test` installs it (libxml2-utils)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn junit_keeps_failures_errors_and_what_was_skipped_apart() {
    let rendered =
        |wanted: &str| runs().find(|(name, _)| *name == wanted).map(|(_, run)| Format::Junit.render(&run)).expect("there");
    let (failed, could_not_run) = (rendered("failed"), rendered("could-not-run"));
    assert!(failed.contains("<failure ") && !failed.contains("<error ") && failed.contains("<skipped "), "{failed}");
    assert!(could_not_run.contains("<error ") && !could_not_run.contains("<failure "), "{could_not_run}");
    for suite in ["readiness", "shutdown", "outage", "image"] {
        assert_eq!(failed.matches(&format!(r#"<testsuite name="{suite}""#)).count(), 1, "one suite for each topic: {failed}");
    }
}

#[test]
fn every_format_says_which_app_a_check_is_about() {
    let (_, run) = runs().find(|(name, _)| *name == "several-apps").expect("there");
    let labels: Vec<Option<&str>> = run.apps.labels().collect();
    assert_eq!(labels, [Some("web"), Some("worker")]);
    for (format, needles) in [
        (Format::Json, &["\"app\": \"web\"", "\"app\": \"worker\""][..]),
        (Format::Junit, &["<testsuite name=\"web.outage\"", "<testsuite name=\"worker.outage\"", "seaworthy.worker.outage"]),
        (Format::Sarif, &["worker/outage.same-process[db]", "worker: The app survives an outage of db"]),
        (
            Format::Html,
            &["worker: Not ready for production", "web: Ready", "id=\"web/outage.recovers[db]\"", "--app worker --tags @"],
        ),
        (Format::CucumberJson, &["\"id\": \"worker-outage\"", "features/web/outage.feature"]),
    ] {
        let rendered = format.render(&run);
        for needle in needles {
            assert!(rendered.contains(needle), "{format:?} has no {needle}");
        }
    }
    assert!(to_job_summary(&run).contains("worker: Not ready for production"));
    // Without its contract an app can't be judged.
    let mut json: Value = serde_json::from_str(&Format::Json.render(&run)).expect("JSON");
    json["apps"].as_array_mut().expect("apps").pop();
    assert!(Run::read(json.to_string().as_bytes()).is_err());
}

/// An empty line would end the HTML in GitHub's Markdown.
#[test]
fn a_job_summary_has_no_empty_line_within() {
    for (name, run) in runs() {
        assert_eq!(to_job_summary(&run).trim_end().lines().count(), 1, "{name}");
    }
}
