//! Every form is read, told and written again; what can't be read is told in a sentence.

use serde_json::json;

use super::*;

#[test]
fn every_form_is_read_and_written_as_it_is_declared() {
    for (declared, told) in [
        (json!("/health"), "/health"),
        (json!("healthcheck"), "the health check"),
        (json!("runs"), "its running process"),
        (json!({"path": "/h", "scheme": "https", "host": "shop.test", "port": 8443}), "https://shop.test:8443/h"),
        (json!({"path": "/h", "scheme": "https", "tls": {"insecure": true}}), "https:/h"),
        (json!({"path": "/h", "method": "HEAD", "ready": ["200-299", "401"]}), "HEAD /h (200-299 or 401)"),
        (json!({"grpc": "shop.Orders", "port": 50051}), "the gRPC health of shop.Orders"),
        (json!({"grpc": "shop.Orders", "tls": {}}), "the gRPC health of shop.Orders over TLS"),
        (json!({"grpc": "", "tls": {"insecure": true}}), "the gRPC health of the server over TLS"),
        (json!({"grpc": "", "host": "shop.test", "tls": {"ca": "ca.pem"}}), "the gRPC health of the server over TLS"),
        (json!({"tcp": 5432}), "a connection to port 5432"),
        (json!({"exec": ["test", "-f", "/ready"]}), "the command test -f /ready"),
        (json!({"log": "ready to (serve|work)"}), "a line of the log like ready to (serve|work)"),
    ] {
        let form = Form::read(&declared).unwrap_or_else(|error| panic!("{declared}: {error}"));
        assert_eq!(form.to_string(), told);
        assert_eq!(Value::from(form.clone()), declared);
        assert_eq!(Form::read(&Value::from(form.clone())), Ok(form));
    }
}

#[test]
fn the_values_of_headers_are_never_written() {
    let declared = json!({"path": "/h", "headers": {"X-API-Key": "hunter22"}});
    let form = Form::read(&declared).expect("a form");
    assert_eq!(form.http().expect("a request").headers[0].1.0, "hunter22");
    for written in [format!("{form} {form:?}"), form.to_yaml(), Value::from(form).to_string()] {
        assert!(!written.contains("hunter22") && written.contains("X-API-Key"), "{written}");
    }
}

#[test]
fn what_a_flag_says_is_read() {
    for (flag, form) in [
        ("/health", json!("/health")),
        ("tcp:5432", json!({"tcp": 5432})),
        ("grpc:shop", json!({"grpc": "shop"})),
        ("log:^ready", json!({"log": "^ready"})),
        ("exec:pg_isready -q", json!({"exec": ["pg_isready", "-q"]})),
        ("https://shop.test:8443/h", json!({"path": "/h", "scheme": "https", "host": "shop.test", "port": 8443})),
        (r#"{"path": "/h", "host": "shop.test"}"#, json!({"path": "/h", "host": "shop.test"})),
    ] {
        assert_eq!(Form::read_flag(flag), Form::read(&form), "{flag}");
    }
    let with = |value: &str| Form::read_flag(&json!({"path": "/h", "headers": {"A": value}}).to_string());
    let home = std::env::var("PATH").expect("a variable");
    assert_eq!(with("a ${PATH}").expect("a form").http().expect("a request").headers[0].1.0, format!("a {home}"));
    assert_eq!(with("${NO_SUCH_VARIABLE_HERE}"), Err("the variable NO_SUCH_VARIABLE_HERE is not set".into()));
}

#[test]
fn what_can_not_be_read_is_told() {
    for (declared, part) in [
        (json!("health"), "`health` is not a path"),
        (json!(7), "`7` is no form of readiness"),
        (json!({}), "it needs one of path, grpc, tcp, exec, log, and has none"),
        (json!({"tcp": 1, "log": "x"}), "has tcp and log"),
        (json!({"log": "("}), "`(` is not a regular expression: unclosed group"),
        (json!({"exec": "true"}), "`exec` is a list"),
        (json!({"exec": []}), "`exec` names no program"),
        (json!({"tcp": 70_000}), "`70000` is not a port"),
        (json!({"path": "/h", "hosts": "x"}), "there is no `hosts` beside `path`"),
        (json!({"path": "/h", "headers": {"X Key": "v"}}), "`X Key` is not the name of a header"),
        (json!({"path": "/h", "headers": {"X-Key": "a\nb"}}), "the value of the header `X-Key` has characters"),
        (json!({"path": "/h", "headers": {"X-Key": ""}}), "is its variable set?"),
        (json!({"path": "/h", "ready": ["299-200"]}), "`ready: \"299-200\"` is no status or range"),
        (json!({"path": "/h", "ready": ["2xx"]}), "is no status or range"),
        (json!({"path": "/h", "ready": [200, 503], "unready": [503]}), "503 can't say both"),
        (json!({"path": "/h", "scheme": "ftp"}), "`scheme: ftp` is neither http nor https"),
        (json!({"path": "/h", "tls": {"insecure": true}}), "`tls` needs `scheme: https`"),
        (json!({"grpc": "", "tls": true}), "`tls` is {insecure: true} or {ca: FILE}"),
        (json!({"grpc": "", "scheme": "https"}), "there is no `scheme` beside `grpc`: the keys are grpc, port, host, tls"),
        (json!({"path": "/h", "scheme": "https", "tls": {"ca": 1}}), "`tls` is {insecure: true} or {ca: FILE}"),
    ] {
        let error = Form::read(&declared).expect_err("nothing to read");
        assert!(error.contains(part), "{declared}: {error}");
    }
}

#[test]
fn forms_differ_in_what_they_can_say() {
    for (declared, can_say_unready, tells_of_the_start) in [
        (json!("/"), true, true),
        (json!("grpc"), true, true),
        (json!("healthcheck"), true, true),
        (json!({"exec": ["true"]}), true, true),
        (json!({"log": "x"}), false, true),
        (json!({"tcp": 1}), false, false),
        (json!("redis"), false, false),
        (json!("runs"), false, false),
    ] {
        let form = Form::read(&declared).expect("a form");
        assert_eq!((form.can_say_unready(), form.tells_of_the_start()), (can_say_unready, tells_of_the_start), "{declared}");
    }
}
