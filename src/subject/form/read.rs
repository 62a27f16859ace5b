//! Reading a form: from the contract, from a flag, and from a saved run. What can't be read is told in a sentence.

use regex::Regex;
use serde_json::{Map, Value};

use super::{Form, GrpcForm, HttpForm, Kind, Statuses, Tls};
use crate::subject::{Protocol, Secret};

const FORMS: &str = "write a path such as /health, `{path: …}`, `{grpc: SERVICE}`, `{tcp: PORT}`, `{exec: [command]}`, `{log: REGEX}`, \
                     `healthcheck`, `runs`, or a protocol";
const HTTP_KEYS: [&str; 9] = ["path", "port", "scheme", "host", "headers", "method", "ready", "unready", "tls"];
/// What else than letters and digits may stand in the name of a header or in a method (RFC 9110, 5.6.2).
const TOKEN: &str = "!#$%&'*+-.^_`|~";

impl TryFrom<Value> for Form {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        Self::read(&value)
    }
}

impl Form {
    /// Reads what is declared.
    pub fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(word) => Self::of_word(word),
            Value::Object(object) => Self::of_object(object),
            other => Err(format!("`{other}` is no form of readiness")),
        }
    }

    /// Reads what a flag says: a path, a word, a URL, or `tcp:PORT`, `grpc:SERVICE`, `log:REGEX`, `exec:COMMAND`; or all of it in braces, as
    /// JSON. Variables in the values of headers, `${NAME}`, are those of the environment.
    pub fn read_flag(text: &str) -> Result<Self, String> {
        if text.starts_with('{') {
            let mut value: Value = serde_json::from_str(text).map_err(|error| format!("it is not written as JSON: {error}"))?;
            for header in value.get_mut("headers").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
                if let Some(text) = header.as_str() {
                    *header = filled_in(text)?.into();
                }
            }
            return Self::read(&value);
        }
        match text.split_once(':') {
            Some(("tcp", port)) => Ok(Self::Tcp { port: Some(port_of(port)?) }),
            Some(("grpc", service)) => Ok(Self::Grpc(GrpcForm { service: service.to_owned(), ..GrpcForm::default() })),
            Some(("log", pattern)) => Self::log(pattern),
            Some(("exec", command)) => Self::exec(command.split_whitespace().map(str::to_owned).collect()),
            Some((scheme @ ("http" | "https"), rest)) => of_url(scheme, rest).map(Self::Http),
            _ => Self::of_word(text),
        }
    }

    fn of_word(word: &str) -> Result<Self, String> {
        match word {
            "healthcheck" => Ok(Self::HealthCheck),
            "runs" => Ok(Self::Runs),
            "tcp" => Ok(Self::Tcp { port: None }),
            "grpc" => Ok(Self::Grpc(GrpcForm::default())),
            path if path.starts_with('/') => Ok(Self::path(path)),
            name if name.parse::<Protocol>().is_ok() => Ok(Self::Protocol { name: name.to_owned(), kind: Kind::Unknown }),
            other => Err(format!("`{other}` is not a path: it must start with /, or be another form of readiness")),
        }
    }

    fn of_object(object: &Map<String, Value>) -> Result<Self, String> {
        let known = ["path", "grpc", "tcp", "exec", "log", "protocol"];
        let kinds: Vec<&str> = known.into_iter().filter(|key| object.contains_key(*key)).collect();
        let [kind] = kinds[..] else {
            let seen = if kinds.is_empty() { "none".to_owned() } else { kinds.join(" and ") };
            return Err(format!("it needs one of {}, and has {seen}", known[..5].join(", ")));
        };
        let allowed: &[&str] = match kind {
            "path" => &HTTP_KEYS,
            "grpc" => &["grpc", "port", "host", "tls"],
            "protocol" => &["protocol", "as"],
            _ => &[kind],
        };
        if let Some(key) = object.keys().find(|key| !allowed.contains(&key.as_str())) {
            return Err(format!("there is no `{key}` beside `{kind}`: the keys are {}", allowed.join(", ")));
        }
        let value = &object[kind];
        match kind {
            "path" => http(object).map(Self::Http),
            "grpc" => {
                let service = if value.is_null() { String::new() } else { text("grpc", value)?.to_owned() };
                let port = object.get("port").map(port).transpose()?;
                let host = object.get("host").map(|host| text("host", host).and_then(host_name)).transpose()?;
                let tls = object.get("tls").map(read_tls).transpose()?;
                Ok(Self::Grpc(GrpcForm { service, port, host, tls }))
            }
            "tcp" => Ok(Self::Tcp { port: if value.is_null() { None } else { Some(port(value)?) } }),
            "exec" => {
                let words = value.as_array().ok_or("`exec` is a list: the program and its arguments")?;
                Self::exec(words.iter().map(|word| text("exec", word).map(str::to_owned)).collect::<Result<_, _>>()?)
            }
            "log" => Self::log(text("log", value)?),
            _ => {
                let name = text("protocol", value)?.to_owned();
                let kind = object.get("as").cloned().map(serde_json::from_value).transpose();
                Ok(Self::Protocol { name, kind: kind.map_err(|error| error.to_string())?.unwrap_or(Kind::Unknown) })
            }
        }
    }

    fn log(pattern: &str) -> Result<Self, String> {
        match Regex::new(pattern) {
            Ok(_) if !pattern.is_empty() => Ok(Self::Log { pattern: pattern.to_owned() }),
            Ok(_) => Err("`log` is empty: it is the regular expression that a line matches".into()),
            Err(error) => {
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                Err(format!("`{pattern}` is not a regular expression: {reason}"))
            }
        }
    }

    fn exec(command: Vec<String>) -> Result<Self, String> {
        if command.first().is_none_or(String::is_empty) {
            return Err("`exec` names no program".into());
        }
        Ok(Self::Exec { command })
    }
}

/// The forms that there are, in words.
pub(crate) fn forms() -> String {
    format!("{FORMS} ({})", Protocol::ALL.map(Protocol::name).join(", "))
}

fn http(object: &Map<String, Value>) -> Result<HttpForm, String> {
    let path = text("path", &object["path"])?;
    if !path.starts_with('/') {
        return Err(format!("`{path}` is not a path: it must start with /"));
    }
    let mut http = HttpForm::to(path);
    http.port = object.get("port").map(port).transpose()?;
    http.is_https = match object.get("scheme").map(|scheme| text("scheme", scheme)).transpose()? {
        None | Some("http") => false,
        Some("https") => true,
        Some(other) => return Err(format!("`scheme: {other}` is neither http nor https")),
    };
    http.host = object.get("host").map(|host| text("host", host).and_then(host_name)).transpose()?;
    if let Some(headers) = object.get("headers") {
        let headers = headers.as_object().ok_or("`headers` is a mapping of names to values")?;
        http.headers = headers.iter().map(|(name, value)| header(name, value)).collect::<Result<_, _>>()?;
    }
    if let Some(method) = object.get("method") {
        let method = text("method", method)?.to_ascii_uppercase();
        if !is_token(&method) {
            return Err(format!("`method: {method}` is no method"));
        }
        http.method = method;
    }
    if let Some(ready) = object.get("ready") {
        http.ready = Statuses(statuses("ready", ready)?);
    }
    if let Some(unready) = object.get("unready") {
        http.unready = Some(statuses("unready", unready)?.into_iter().flat_map(|(first, last)| first..=last).collect());
    }
    if let Some(both) = http.unready.iter().flatten().find(|status| http.ready.has(**status)) {
        return Err(format!("{both} can't say both ready and not ready"));
    }
    if let Some(tls) = object.get("tls") {
        http.tls = read_tls(tls)?;
    }
    if http.tls != Tls::Public && !http.is_https {
        return Err("`tls` needs `scheme: https`".into());
    }
    Ok(http)
}

fn read_tls(value: &Value) -> Result<Tls, String> {
    let wrong = || "`tls` is {insecure: true} or {ca: FILE}".to_owned();
    let object = value.as_object().ok_or_else(wrong)?;
    match object.iter().map(|(key, value)| (key.as_str(), value)).collect::<Vec<_>>()[..] {
        [("insecure", Value::Bool(true))] => Ok(Tls::Insecure),
        [] | [("insecure", Value::Bool(false))] => Ok(Tls::Public),
        [("ca", Value::String(file))] if !file.is_empty() => Ok(Tls::Authority(file.into())),
        _ => Err(wrong()),
    }
}

fn header(name: &str, value: &Value) -> Result<(String, Secret), String> {
    if !is_token(name) {
        return Err(format!("`{name}` is not the name of a header"));
    }
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(format!("the header `{name}` has no value")),
    };
    // The value may be a secret, and is not repeated.
    if text.chars().any(char::is_control) || !text.is_ascii() {
        return Err(format!("the value of the header `{name}` has characters that no header may have"));
    }
    if text.is_empty() {
        return Err(format!("the value of the header `{name}` is empty; is its variable set?"));
    }
    Ok((name.to_owned(), Secret(text)))
}

fn statuses(key: &str, value: &Value) -> Result<Vec<(u16, u16)>, String> {
    let one;
    let list = match value {
        Value::Array(list) => list,
        other => {
            one = vec![other.clone()];
            &one
        }
    };
    if list.is_empty() {
        return Err(format!("`{key}` is empty"));
    }
    list.iter()
        .map(|value| range(value).ok_or_else(|| format!("`{key}: {value}` is no status or range such as 200-299")))
        .collect()
}

fn range(value: &Value) -> Option<(u16, u16)> {
    let status = |text: &str| text.trim().parse::<u16>().ok().filter(|status| (100..=599).contains(status));
    let (first, last) = match value {
        Value::Number(number) => (status(&number.to_string())?, status(&number.to_string())?),
        Value::String(text) => match text.split_once('-') {
            Some((first, last)) => (status(first)?, status(last)?),
            None => (status(text)?, status(text)?),
        },
        _ => return None,
    };
    (first <= last).then_some((first, last))
}

fn of_url(scheme: &str, rest: &str) -> Result<HttpForm, String> {
    let rest =
        rest.strip_prefix("//").ok_or_else(|| format!("`{scheme}:{rest}` is not a URL such as {scheme}://HOST:PORT/PATH"))?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let (host, port) = authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let mut http = HttpForm::to(path);
    http.is_https = scheme == "https";
    http.port = port.map(port_of).transpose()?;
    http.host = if host.is_empty() { None } else { Some(host_name(host)?) };
    Ok(http)
}

fn host_name(host: &str) -> Result<String, String> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
    if !host.is_empty() && host.chars().all(is_plain) {
        Ok(host.to_owned())
    } else {
        Err(format!("`host: {host}` is not a name"))
    }
}

fn port(value: &Value) -> Result<u16, String> {
    match value {
        Value::String(text) => port_of(text),
        other => port_of(&other.to_string()),
    }
}

fn port_of(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("`{text}` is not a port"))
}

fn text<'a>(key: &str, value: &'a Value) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("`{key}: {value}` is not a text"))
}

fn is_token(word: &str) -> bool {
    !word.is_empty() && word.chars().all(|letter| letter.is_ascii_alphanumeric() || TOKEN.contains(letter))
}

/// A text with the variables of the environment filled in.
fn filled_in(text: &str) -> Result<String, String> {
    let Some((before, rest)) = text.split_once("${") else { return Ok(text.to_owned()) };
    let (name, rest) = rest.split_once('}').ok_or("a variable is written ${NAME}")?;
    let value = std::env::var(name).map_err(|_| format!("the variable {name} is not set"))?;
    Ok(format!("{before}{value}{}", filled_in(rest)?))
}
