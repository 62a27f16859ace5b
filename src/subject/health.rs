//! What a health check asks: a URL, or the health service of gRPC.

use regex::Regex;
use serde_json::Value;

use super::ImagePorts;
use crate::compose::Model;

/// A URL on the container itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HealthUrl {
    /// Its port, where it names one.
    pub(super) port: Option<u16>,
    /// Its path.
    pub(super) path: String,
    /// Whether it is asked over TLS.
    pub(super) is_https: bool,
    /// Whether a request without headers, login and body asks the same.
    pub(super) is_plain: bool,
}

/// A call of the health service of gRPC, as `grpc_health_probe` makes it (github.com/grpc-ecosystem/grpc-health-probe).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GrpcProbe {
    /// The port.
    pub(super) port: u16,
    /// The service that is asked for; empty for the server as a whole.
    pub(super) service: String,
}

/// The URL that the health check of a service asks.
pub(super) fn health_url(model: &Model, service: &str, images: &dyn ImagePorts) -> Option<HealthUrl> {
    read(&command(model, service, images)?)
}

/// The path of its own container that a health check with this command asks over HTTP.
#[must_use]
pub fn health_path(command: &[String]) -> Option<String> {
    Some(read(&command.join(" "))?.path)
}

/// The call of gRPC's health service that the health check of a service makes, without TLS.
pub(super) fn grpc_probe(model: &Model, service: &str, images: &dyn ImagePorts) -> Option<GrpcProbe> {
    let command = command(model, service, images)?;
    let flag = |name: &str| {
        let flag = Regex::new(&format!(r#"\s--?{name}[= ]["']?([^\s"']+)"#)).ok()?;
        Some(flag.captures(&command)?[1].to_owned())
    };
    let is_plain = !Regex::new(r"\s--?(?:tls|spiffe)\b").ok()?.is_match(&command);
    let address = flag("addr").filter(|_| is_plain && command.contains("grpc_health_probe"))?;
    Some(GrpcProbe { port: address.rsplit(':').next()?.parse().ok()?, service: flag("service").unwrap_or_default() })
}

/// The health check of a service, declared by the compose file or by the image, on one line.
fn command(model: &Model, service: &str, images: &dyn ImagePorts) -> Option<String> {
    let declared = model.service(service).and_then(|service| {
        let test = service.get("healthcheck")?.get("test")?.as_array()?;
        Some(test.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
    });
    Some(declared.or_else(|| images.health_check(service))?.join(" "))
}

fn read(command: &str) -> Option<HealthUrl> {
    let url = r#"(https?)://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::([^/\s"']+))?(/[^\s"'|;)]*)"#;
    let found = Regex::new(url).ok()?.captures(command)?;
    // Of headers, logins and other methods a plain request knows nothing.
    let has_more = Regex::new(r"(?:^|\s)(?:-H|--header|-u|--user|-X|--request|-d|--data|--post-data)\b").ok()?.is_match(command);
    Some(HealthUrl {
        port: found.get(2).and_then(|port| port.as_str().parse().ok()),
        path: found[3].to_owned(),
        is_https: &found[1] == "https",
        is_plain: !has_more,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_health_check_tells_its_url() {
        let url = |port, path: &str, is_https, is_plain| Some(HealthUrl { port, path: path.into(), is_https, is_plain });
        for (command, expected) in [
            ("CMD-SHELL curl -f http://localhost:8080/healthz || exit 1", url(Some(8080), "/healthz", false, true)),
            ("CMD wget -q --spider http://127.0.0.1/", url(None, "/", false, true)),
            ("CMD curl -fk https://localhost:8443/ready", url(Some(8443), "/ready", true, true)),
            ("CMD curl -f -H 'X-Key: k' http://localhost:80/ready", url(Some(80), "/ready", false, false)),
            ("CMD curl -f http://other:80/ready", None),
            ("CMD pg_isready", None),
        ] {
            assert_eq!(read(command), expected, "{command}");
        }
    }
}
