//! Writing a form: as the contract has it, in JSON and in YAML. The values of headers are masked.

use serde_json::{Map, Value, json};

use super::{Form, GrpcForm, HttpForm, Statuses, Tls};
use crate::redact::MASK;

/// A range of statuses, as it is declared.
pub(super) fn range((first, last): (u16, u16)) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

impl From<Form> for Value {
    fn from(form: Form) -> Self {
        match form {
            Form::Http(http) => http_form(http),
            Form::Grpc(grpc) => grpc_form(grpc),
            Form::Tcp { port } => json!({"tcp": port}),
            Form::Exec { command } => json!({"exec": command}),
            Form::HealthCheck => "healthcheck".into(),
            Form::Log { pattern } => json!({"log": pattern}),
            Form::Protocol { name, kind } => json!({"protocol": name, "as": kind}),
            Form::Runs => "runs".into(),
        }
    }
}

fn http_form(http: HttpForm) -> Value {
    if http.is_plain() {
        return http.path.into();
    }
    let HttpForm { path, port, is_https, host, headers, method, ready, unready, tls } = http;
    let mut object = Map::from_iter([("path".to_owned(), Value::from(path))]);
    let mut add = |key: &str, value: Option<Value>| {
        object.extend(value.map(|value| (key.to_owned(), value)));
    };
    add("scheme", is_https.then(|| "https".into()));
    add("host", host.map(Value::from));
    add("port", port.map(Value::from));
    let headers: Map<String, Value> = headers.into_iter().map(|(name, _)| (name, MASK.into())).collect();
    add("headers", (!headers.is_empty()).then_some(Value::Object(headers)));
    add("method", (method != "GET").then(|| method.into()));
    let ranges = |Statuses(ranges)| -> Vec<String> { ranges.into_iter().map(range).collect() };
    add("ready", (ready != Statuses::default()).then(|| ranges(ready).into()));
    add("unready", unready.map(Value::from));
    add("tls", (tls != Tls::Public).then(|| looked_at(tls)));
    Value::Object(object)
}

fn grpc_form(GrpcForm { service, port, host, tls }: GrpcForm) -> Value {
    let mut object = Map::from_iter([("grpc".to_owned(), Value::from(service))]);
    let mut add = |key: &str, value: Option<Value>| {
        object.extend(value.map(|value| (key.to_owned(), value)));
    };
    add("port", port.map(Value::from));
    add("host", host.map(Value::from));
    add("tls", tls.map(looked_at));
    Value::Object(object)
}

fn looked_at(tls: Tls) -> Value {
    match tls {
        Tls::Public => json!({}),
        Tls::Insecure => json!({"insecure": true}),
        Tls::Authority(file) => json!({"ca": file.display().to_string()}),
    }
}

impl Form {
    /// The form as a value in a compose file. A word or a path stands there as it is; what has braces is written as JSON, which is YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        match self {
            Self::Protocol { name, .. } => name.clone(),
            Self::Tcp { port: Some(port) } => format!("{{tcp: {port}}}"),
            Self::Tcp { port: None } => "tcp".into(),
            Self::Grpc(grpc) if *grpc == GrpcForm::default() => "grpc".into(),
            other => match Value::from(other.clone()) {
                Value::String(word) => word,
                value => value.to_string(),
            },
        }
    }
}
