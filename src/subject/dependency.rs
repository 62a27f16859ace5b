//! What the app depends on, and how to tell whether it can be used.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::Model;

/// A service that the app needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dependency {
    /// The service's name in the compose file.
    pub service: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
    /// What the app calls it besides, by the names of its variables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

/// A kind of dependency, with the port that it listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A PostgreSQL server.
    Postgres {
        /// The port.
        port: u16,
        /// How the app logs in.
        #[serde(flatten)]
        credentials: Credentials,
    },
    /// A MySQL or MariaDB server.
    Mysql {
        /// The port.
        port: u16,
        /// How the app logs in.
        #[serde(flatten)]
        credentials: Credentials,
    },
    /// A server that speaks Redis' protocol.
    Redis {
        /// The port.
        port: u16,
        /// What it asks for, if it is known to.
        #[serde(skip)]
        password: Option<Secret>,
    },
    /// An AMQP broker.
    Rabbitmq {
        /// The port.
        port: u16,
        /// How the app logs in.
        #[serde(flatten)]
        credentials: Credentials,
    },
    /// Anything that accepts TCP connections on a known port.
    Tcp {
        /// The port.
        port: u16,
    },
    /// Nothing is known but that its container runs.
    Unknown,
}

/// How to log in to a server. The password is never written anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The target database, or RabbitMQ's virtual host.
    pub database: String,
    /// The password.
    #[serde(skip)]
    pub password: Secret,
}

/// A text that is never written anywhere.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[secret]")
    }
}

const POSTGRES: &[&str] = &["postgres", "postgis", "timescale", "pgvector"];
const MYSQL: &[&str] = &["mysql", "mariadb", "percona"];
const REDIS: &[&str] = &["redis", "valkey", "keydb", "dragonfly"];
const RABBITMQ: &[&str] = &["rabbitmq"];
/// Images that carry a server's name and are something else beside it.
const BESIDE: &[&str] =
    &["exporter", "operator", "backup", "rest", "admin", "commander", "insight", "proxy", "sentinel", "client", "bouncer"];

impl Kind {
    /// Whether this is a database whose answers show whether it serves.
    #[must_use]
    pub fn is_database(&self) -> bool {
        matches!(self, Self::Postgres { .. } | Self::Mysql { .. })
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self {
            Self::Postgres { port, .. }
            | Self::Mysql { port, .. }
            | Self::Redis { port, .. }
            | Self::Rabbitmq { port, .. }
            | Self::Tcp { port } => Some(*port),
            Self::Unknown => None,
        }
    }

    /// What its protocol is called, where it has one of its own.
    #[must_use]
    pub fn protocol(&self) -> Option<&'static str> {
        match self {
            Self::Postgres { .. } => Some("postgres"),
            Self::Mysql { .. } => Some("mysql"),
            Self::Redis { .. } => Some("redis"),
            Self::Rabbitmq { .. } => Some("amqp"),
            Self::Tcp { .. } | Self::Unknown => None,
        }
    }

    /// The same at another port.
    #[must_use]
    pub fn at(mut self, other: u16) -> Self {
        match &mut self {
            Self::Postgres { port, .. }
            | Self::Mysql { port, .. }
            | Self::Redis { port, .. }
            | Self::Rabbitmq { port, .. }
            | Self::Tcp { port } => *port = other,
            Self::Unknown => {}
        }
        self
    }

    /// What a service would be if it had this image.
    #[must_use]
    pub fn of_image(model: &Model, service: &str, image: &str) -> Self {
        let mut value = model.value().clone();
        value["services"][service]["image"] = image.into();
        Self::recognise(&model.with_value(value), service, &[])
    }

    /// Recognises a service by its image and environment. `image_ports` are those that its image exposes.
    #[must_use]
    pub fn recognise(model: &Model, service: &str, image_ports: &[u16]) -> Self {
        let image = model.image(service).unwrap_or_default();
        let name = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let is = |words: &[&str]| has(words) && !has(BESIDE);
        let setting = |names: &[&str]| names.iter().find_map(|name| model.setting(service, name));
        let port =
            |variable: &str, usual: u16| model.setting(service, variable).and_then(|port| port.parse().ok()).unwrap_or(usual);
        let login = |user: String, database: Option<String>, password: Option<String>| Credentials {
            database: database.unwrap_or_else(|| user.clone()),
            password: Secret(password.unwrap_or_default()),
            user,
        };
        // A server built from one of these images keeps its variables and its port.
        let built_from = |variable: &str, port: u16| setting(&[variable]).is_some() && image_ports.contains(&port);

        if is(POSTGRES) || built_from("POSTGRES_PASSWORD", 5432) {
            let user = setting(&["POSTGRES_USER", "POSTGRESQL_USERNAME"]).unwrap_or_else(|| "postgres".into());
            let database = setting(&["POSTGRES_DB", "POSTGRESQL_DATABASE"]);
            let credentials = login(user, database, setting(&["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"]));
            return Self::Postgres { port: port("PGPORT", 5432), credentials };
        }
        if is(MYSQL) || built_from("MYSQL_ROOT_PASSWORD", 3306) || built_from("MARIADB_ROOT_PASSWORD", 3306) {
            let user = setting(&["MYSQL_USER", "MARIADB_USER"]);
            let password = match user {
                Some(_) => setting(&["MYSQL_PASSWORD", "MARIADB_PASSWORD"]),
                None => setting(&["MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD"]),
            };
            let database = setting(&["MYSQL_DATABASE", "MARIADB_DATABASE"]).unwrap_or_default();
            let credentials = login(user.unwrap_or_else(|| "root".into()), Some(database), password);
            return Self::Mysql { port: port("MYSQL_TCP_PORT", 3306), credentials };
        }
        if is(REDIS) {
            return Self::Redis { port: port("REDIS_PORT", 6379), password: model.redis_password(service).map(Secret) };
        }
        if is(RABBITMQ) {
            let user = setting(&["RABBITMQ_DEFAULT_USER"]).unwrap_or_else(|| "guest".into());
            let host = setting(&["RABBITMQ_DEFAULT_VHOST"]).unwrap_or_else(|| "/".into());
            let password = setting(&["RABBITMQ_DEFAULT_PASS"]).unwrap_or_else(|| "guest".into());
            return Self::Rabbitmq {
                port: port("RABBITMQ_NODE_PORT", 5672),
                credentials: login(user, Some(host), Some(password)),
            };
        }
        let port = model.declared_ports(service).first().copied().or_else(|| image_ports.first().copied());
        port.map_or(Self::Unknown, |port| Self::Tcp { port })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres { port, credentials } => {
                write!(formatter, "PostgreSQL on port {port}, database {} as {}", credentials.database, credentials.user)
            }
            Self::Mysql { port, .. } => write!(formatter, "MySQL or MariaDB on port {port}"),
            Self::Redis { port, password: Some(_) } => write!(formatter, "Redis on port {port}, with a password"),
            Self::Redis { port, password: None } => write!(formatter, "Redis on port {port}"),
            Self::Rabbitmq { port, .. } => write!(formatter, "an AMQP broker on port {port}"),
            Self::Tcp { port } => write!(formatter, "a TCP server on port {port}"),
            Self::Unknown => formatter.write_str("of unknown kind: only its container is watched"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::ComposeFile;

    fn recognise(service: &serde_json::Value, image_ports: &[u16]) -> Kind {
        let value = json!({"services": {"dep": service}});
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value).expect("has services");
        Kind::recognise(&model, "dep", image_ports)
    }

    #[test]
    fn kinds_are_recognised_by_image_and_environment() {
        let postgres = recognise(
            &json!({"image": "registry:5000/lib/postgres:15@sha256:00", "environment": {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p"}}),
            &[],
        );
        let credentials = Credentials { user: "u".into(), database: "u".into(), password: Secret("p".into()) };
        assert_eq!(postgres, Kind::Postgres { port: 5432, credentials });
        let redis = json!({"image": "redis:7", "command": ["redis-server", "--requirepass", "a$$b"]});
        assert_eq!(recognise(&redis, &[]), Kind::Redis { port: 6379, password: Some(Secret("a$b".into())) });
        assert_eq!(recognise(&json!({"image": "valkey/valkey:8"}), &[]), Kind::Redis { port: 6379, password: None });
        assert_eq!(recognise(&json!({"image": "redis-commander"}), &[8081]), Kind::Tcp { port: 8081 });
        let mysql = json!({"image": "mariadb:11", "environment": {"MARIADB_ROOT_PASSWORD": "p", "MARIADB_DATABASE": "d"}});
        let credentials = Credentials { user: "root".into(), database: "d".into(), password: Secret("p".into()) };
        assert_eq!(recognise(&mysql, &[]), Kind::Mysql { port: 3306, credentials });
        let rabbitmq = recognise(&json!({"image": "rabbitmq:3-management"}), &[4369, 5672, 15672]);
        assert_eq!(rabbitmq.port(), Some(5672));
        assert_eq!(recognise(&json!({"image": "postgres-exporter"}), &[9187]), Kind::Tcp { port: 9187 });
        assert_eq!(recognise(&json!({"image": "own", "expose": ["7000"]}), &[9000]), Kind::Tcp { port: 7000 });
        assert_eq!(recognise(&json!({"image": "own"}), &[]), Kind::Unknown);
    }

    #[test]
    fn a_password_is_never_shown() {
        let credentials = Credentials { user: "u".into(), database: "d".into(), password: Secret("hunter22".into()) };
        let json = serde_json::to_string(&credentials).expect("serialised");
        assert!(!format!("{credentials:?}{json}").contains("hunter22"));
    }
}
