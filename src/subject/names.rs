//! What the app calls its dependencies: its variables say so. `KINTO_STORAGE_URL=postgresql://kinto@db/kinto` makes `storage` a name
//! of `db`.

use std::collections::BTreeSet;

use crate::compose::Model;

/// What else than a host a variable's name says of its value, and not of the dependency.
const TRANSPORT: [&str; 18] = [
    "urls",
    "uris",
    "dsn",
    "jdbc",
    "connection",
    "conn",
    "connectionstring",
    "string",
    "port",
    "socket",
    "node",
    "primary",
    "main",
    "default",
    "master",
    "replica",
    "read",
    "write",
];
/// What says in a name that its value is a host, though it may as well be a user or a kind.
const HOST: [&str; 15] = [
    "host",
    "hosts",
    "hostname",
    "hostnames",
    "server",
    "servers",
    "addr",
    "addrs",
    "address",
    "addresses",
    "endpoint",
    "endpoints",
    "url",
    "uri",
    "nodes",
];
/// What dependencies of a kind are called anyway, and what is too common in every log.
const GENERIC: [&str; 36] = [
    "database",
    "databases",
    "db",
    "sql",
    "postgres",
    "postgresql",
    "pg",
    "mysql",
    "mariadb",
    "redis",
    "valkey",
    "rabbit",
    "rabbitmq",
    "amqp",
    "api",
    "app",
    "application",
    "web",
    "www",
    "http",
    "https",
    "service",
    "services",
    "client",
    "backend",
    "engine",
    "driver",
    "provider",
    "type",
    "name",
    "user",
    "config",
    "settings",
    "env",
    "internal",
    "external",
];
/// A shorter word may be part of anything.
const SHORTEST: usize = 3;

/// Whether a word of a variable's name says something of its value, and not of the dependency.
fn is_of_value(word: &str) -> bool {
    HOST.contains(&word) || TRANSPORT.contains(&word) || is_number(word)
}

/// What the app calls each of these services, in their order. A name that would fit two of them is none.
pub(super) fn names(model: &Model, app: &str, services: &[String]) -> Vec<Vec<String>> {
    let variables = model.environment(app);
    let own = own_words(model, app);
    let all: Vec<BTreeSet<String>> = services.iter().map(|service| learn(&variables, &own, service)).collect();
    let is_taken = |name: &String| services.contains(name) || all.iter().filter(|names| names.contains(name)).count() > 1;
    all.iter().map(|names| names.iter().filter(|name| !is_taken(name)).cloned().collect()).collect()
}

/// What the app itself is called: its service, its image and its stack.
fn own_words(model: &Model, app: &str) -> BTreeSet<String> {
    let image = model.image(app).unwrap_or_default().split(['@', ':']).next().unwrap_or_default();
    let stack = model.value().get("name").and_then(|name| name.as_str()).unwrap_or_default();
    [app, image, stack].into_iter().flat_map(words).collect()
}

fn learn(variables: &[(String, String)], own: &BTreeSet<String>, service: &str) -> BTreeSet<String> {
    let (pointing, others): (Vec<_>, Vec<_>) = variables.iter().partition(|(name, value)| points_to(name, value, service));
    let others: Vec<Vec<String>> = others.into_iter().map(|(name, _)| words(name)).collect();
    // What most variables begin with is the app's own name.
    let is_prefix = |word: &String| others.iter().filter(|name| name.first() == Some(word)).count() * 2 >= others.len();
    let learnt = pointing.into_iter().filter_map(|(name, _)| {
        let mut words = words(name);
        while words.last().is_some_and(|word| is_of_value(word)) {
            words.pop();
        }
        let is_first = words.len() == 1;
        let name = words.pop()?;
        let is_none = name.len() < SHORTEST || GENERIC.contains(&name.as_str()) || own.contains(&name);
        (!is_none && (!is_first || !is_prefix(&name))).then_some(name)
    });
    learnt.filter(|name| name != service).collect()
}

fn words(name: &str) -> Vec<String> {
    name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a variable of the app holds this service as a host.
pub(super) fn is_named(model: &Model, app: &str, service: &str) -> bool {
    model.environment(app).iter().any(|(name, value)| points_to(name, value, service))
}

/// Whether a variable holds this host: in a URL, with a port, or alone under a name that speaks of hosts.
fn points_to(name: &str, value: &str, service: &str) -> bool {
    if value.contains("://") {
        let mut urls = value.split("://").skip(1);
        return urls.any(|rest| {
            let authority = rest.split(['/', '?', '#', ' ', '"']).next().unwrap_or_default();
            let hosts = authority.rsplit('@').next().unwrap_or_default();
            hosts.split(',').any(|host| without_port(host).0 == service)
        });
    }
    let speaks_of_hosts = words(name).iter().any(|word| HOST.contains(&word.as_str()));
    let is_host = |part: &str| {
        let (key, part) = part.split_once('=').map_or((None, part), |(key, part)| (Some(key.to_lowercase()), part));
        let is_named = key.is_some_and(|key| HOST.contains(&key.as_str()));
        let (host, has_port) = without_port(part);
        host == service && (has_port || is_named || (speaks_of_hosts && part == value.trim()))
    };
    value.split([' ', ',', ';', '(', ')', '@', '/']).any(is_host)
}

fn without_port(host: &str) -> (&str, bool) {
    match host.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && is_number(port) => (host, true),
        _ => (host, false),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::ComposeFile;

    /// What the app of a stack with these variables calls `db`.
    fn called(variables: &[(&str, &str)]) -> Vec<String> {
        let environment: serde_json::Map<_, _> =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let services = json!({"web": {"image": "registry/acme/shop:1", "environment": environment}, "db": {}, "redis": {}});
        let model = Model::new(ComposeFile::from("/compose.yaml"), json!({"name": "seatrial-kinto", "services": services}));
        names(&model.expect("has services"), "web", &["db".into(), "redis".into()]).remove(0)
    }

    #[test]
    fn a_variable_that_holds_the_host_tells_its_name() {
        let kinto = [
            ("KINTO_CACHE_BACKEND", "kinto.core.cache.postgresql"),
            ("KINTO_CACHE_URL", "postgresql://kinto:kinto@db/kinto"),
            ("KINTO_STORAGE_BACKEND", "kinto.core.storage.postgresql"),
            ("KINTO_STORAGE_URL", "postgresql://kinto:kinto@db/kinto"),
            ("KINTO_PERMISSION_URL", "postgresql://kinto:kinto@db:5432/kinto"),
        ];
        assert_eq!(called(&kinto), ["cache", "permission", "storage"]);
        for (name, value, expected) in [
            ("SPRING_DATASOURCE_URL", "jdbc:postgresql://db:5432/app", Some("datasource")),
            ("SESSIONS_HOST", "db", Some("sessions")),
            ("SESSIONS_PRIMARY_ADDR_1", "db:5432", Some("sessions")),
            ("ORDERS_DSN", "host=db user=u dbname=orders", Some("orders")),
            ("ORDERS_DSN", "user:pw@tcp(db:3306)/orders", Some("orders")),
            ("ORDERS_URLS", "postgres://u:p@other:1,db:5432/orders", Some("orders")),
            // What says nothing more than what is known.
            ("DATABASE_URL", "postgres://db/app", None),
            ("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://prefect:prefect@db:5432/prefect", None),
            ("ARA_DATABASE_HOST", "db", None),
            ("DB_HOST", "db", None),
            // What the app itself is called.
            ("SHOP_URL", "postgres://db/shop", None),
            ("KINTO_DSN", "postgres://db/shop", None),
            // Another host, user, database or kind.
            ("ORDERS_URL", "postgres://db:db@other/db?x=db", None),
            ("ORDERS_USER", "db", None),
            ("ORDERS_KIND", "db", None),
            ("ORDERS_HOST", "db.example.com", None),
        ] {
            let variables = [(name, value), ("TZ", "UTC"), ("LOG_LEVEL", "info"), ("WORKERS", "2")];
            assert_eq!(called(&variables).first().map(String::as_str), expected, "{name}={value}");
        }
    }

    #[test]
    fn what_most_variables_begin_with_is_the_app() {
        let others = [("MINE_PORT", "80"), ("MINE_LEVEL", "info"), ("TZ", "UTC")];
        assert_eq!(called(&[&[("MINE_DSN", "postgres://db/x")], &others[..]].concat()), Vec::<String>::new());
        assert_eq!(called(&[&[("MINE_ORDERS_DSN", "postgres://db/x")], &others[..]].concat()), ["orders"]);
    }

    #[test]
    fn a_name_of_two_services_is_none() {
        let both = [("ORDERS_URL", "postgres://db/x"), ("ORDERS_ADDR", "redis:6379"), ("TZ", "UTC")];
        assert_eq!(called(&both), Vec::<String>::new());
    }
}
