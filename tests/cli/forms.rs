//! How an app is asked: forms that can't be read, forms that it can't answer, and forms that are found.

use std::fs;

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        forms_that_can_not_be_read_are_told_with_their_line,
    ],
    when engine::is_there: [
        a_form_that_the_app_can_not_answer_is_told_at_once,
        a_grpc_server_says_whether_it_speaks_tls,
        an_app_that_asks_for_a_key_is_told_the_line_to_declare,
        a_server_that_speaks_no_http_is_judged,
        a_stack_that_does_not_start_has_verdicts_for_what_starts_nothing,
    ],
};

fn forms_that_can_not_be_read_are_told_with_their_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    fs::write(folder.path().join("empty.pem"), "").expect("written");
    let mut told = String::new();
    for readiness in [
        "health",
        "{log: \"ready (\"}",
        "{tcp: 70000}",
        "{exec: pg_isready}",
        "{path: /health, headers: {\"X Key\": a}}",
        "{path: /health, headers: {X-Key: \"${NOT_SET_ANYWHERE:-}\"}}",
        "{path: /health, ready: [2xx]}",
        "{path: /health, ready: [200, 503], unready: [503]}",
        "{path: /health, scheme: https, tls: {ca: nowhere.pem}}",
        "{path: /health, scheme: https, tls: {ca: empty.pem}}",
        "{path: /health, tls: {insecure: true}}",
        "{grpc: a, tcp: 1}",
        "{grpc: a, tls: true}",
        "{grpc: a, tls: {ca: nowhere.pem}}",
    ] {
        let stack = format!("services:\n  app:\n    image: x\n\nx-seaworthy:\n  port: 1\n  readiness: {readiness}\n");
        fs::write(&file, stack).expect("written");
        let mut command = seaworthy(&["check", &file.display().to_string()]);
        let output = command.env("DOCKER_HOST", "unix:///nowhere.sock").output().expect("ended");
        assert_eq!(output.status.code(), Some(2), "{readiness}");
        let shown = shown(&output).replace(&folder.path().display().to_string(), "FOLDER");
        // What to write stands in the documents.
        told.extend(shown.lines().filter(|line| line.starts_with("error")).map(|line| format!("{line}\n")));
    }
    insta::assert_snapshot!("forms", told);
}

fn a_form_that_the_app_can_not_answer_is_told_at_once() {
    for (form, words) in [
        ("grpc:shop", "readiness of `app` can't be probed by the gRPC health of shop: it does not speak HTTP/2"),
        ("https://shop.test:8000/", "can't be probed by https://shop.test:8000/: the port does not speak TLS"),
        ("exec:pg_isready -q", "executable file not found"),
    ] {
        let check = ["check", "tests/fixtures/alone", "--tags", "@shutdown.in-time", "--readiness", form];
        let (output, left) = run(seaworthy(&check));
        assert_eq!((output.status.code(), left), (Some(2), vec![]), "{form}: {}", shown(&output));
        assert!(shown(&output).contains("error: --readiness: ") && shown(&output).contains(words), "{form}: {}", shown(&output));
    }
}

fn a_grpc_server_says_whether_it_speaks_tls() {
    let with = |tls: &str| format!(r#"{{"grpc": "shop.Orders", "tls": {tls}}}"#);
    for (stack, form, words, help) in [
        ("grpc-tls", "grpc:shop.Orders", "the gRPC health of shop.Orders: the port speaks TLS", "where that speaks TLS"),
        ("grpc-tls", &with(r#"{"ca": "tls/ca.pem"}"#), "certificate not valid for name", "`host: NAME`"),
        ("grpc-tls", &with("{}"), "invalid peer certificate: UnknownIssuer", "`tls: {ca: FILE}`"),
        ("grpc", &with(r#"{"insecure": true}"#), "over TLS: the port does not speak TLS", "remove `tls`"),
    ] {
        let (folder, authority) = (format!("stacks/forms/{stack}"), "stacks/forms/grpc-tls/tls/ca.pem");
        // A flag names a file from where it is given.
        let form = form.replace("tls/ca.pem", authority);
        let (output, left) = run(seaworthy(&["check", &folder, "--tags", "@shutdown.in-time", "--readiness", &form]));
        assert_eq!((output.status.code(), left), (Some(2), vec![]), "{form}: {}", shown(&output));
        for words in ["error: --readiness: ", words, help] {
            assert!(shown(&output).contains(words), "{form}: {}", shown(&output));
        }
    }
}

fn an_app_that_asks_for_a_key_is_told_the_line_to_declare() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    // The same API as in `stacks/forms/api-key`, of which nobody has declared anything.
    let stack = fs::read_to_string("stacks/forms/api-key/compose.yaml").expect("a stack");
    let stack = stack.split("x-seaworthy:").next().expect("services");
    let web = std::env::current_dir().expect("a folder").join("stacks/forms/web");
    fs::write(&file, stack.replace("../web", &web.display().to_string())).expect("written");
    let file = file.display().to_string();
    let (output, left) = run(seaworthy(&["check", &file, "--tags", "@shutdown.in-time or @shutdown.no-torn-answers"]));
    let shown = shown(&output);
    assert_eq!((output.status.code(), left), (Some(0), vec![]), "{shown}");
    for words in [
        "warning: `app` asks for a login at the usual readiness paths (it answers 401): declare `readiness: {path: /PATH, headers:",
        "1 passed; 1 not applicable",
        "not measured: --readiness PATH adds 1",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}

fn a_server_that_speaks_no_http_is_judged() {
    let tags = "@readiness.stable or @shutdown.in-time or @shutdown.turns-away or @shutdown.no-torn-answers";
    let folder = tempfile::tempdir().expect("a folder");
    let json = folder.path().join("run.json").display().to_string();
    let (output, left) = run(seaworthy(&["check", "--image", "redis:7.0-bookworm", "--tags", tags, "--json", &json]));
    assert_eq!((output.status.code(), left), (Some(0), vec![]), "{}", shown(&output));
    assert!(shown(&output).contains("3 passed; 1 not applicable"), "{}", shown(&output));
    let saved = seaworthy::model::Run::read(&fs::read(&json).expect("written")).expect("a run");
    assert_eq!(saved.apps.contract(None).expect("one app").readiness.to_string(), "Redis on port 6379");
    assert_eq!(seaworthy::suite::judge_again(&saved), saved);
}

fn a_stack_that_does_not_start_has_verdicts_for_what_starts_nothing() {
    let tags = "@image.labels or @image.no-secrets-in-config or @readiness.stable";
    // It wants a password, and says so.
    let (output, left) = run(seaworthy(&["check", "--image", "postgres:15-bookworm", "--tags", tags]));
    let shown = shown(&output);
    assert_eq!((output.status.code(), left), (Some(2), vec![]), "{shown}");
    for words in ["`app` exits", "--env POSTGRES_PASSWORD=VALUE", "1 passed, 1 failed, 1 could not run"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
}
