//! What the app depends on, and how to tell whether it can be used.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::compose::Model;

/// A service that the app needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    /// The service's name in the compose file.
    pub service: String,
    /// What it is.
    #[serde(flatten)]
    pub kind: Kind,
}

/// A kind of dependency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Kind {
    /// A PostgreSQL server.
    Postgres {
        /// The port that it listens on.
        port: u16,
        /// How the app logs in.
        #[serde(flatten)]
        credentials: Credentials,
    },
    /// Anything that accepts TCP connections on a known port.
    Tcp {
        /// The port that it listens on.
        port: u16,
    },
    /// Nothing is known but that its container runs.
    Unknown,
}

/// How to log in to a database. The password is never written anywhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The target database.
    pub database: String,
    /// The password.
    #[serde(skip)]
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).field("database", &self.database).finish_non_exhaustive()
    }
}

impl Kind {
    /// Whether this is a database that answers queries.
    #[must_use]
    pub fn is_database(&self) -> bool {
        matches!(self, Self::Postgres { .. })
    }

    /// Recognises a service by its image and environment. `image_ports` are those that its image exposes.
    #[must_use]
    pub fn recognise(model: &Model, service: &str, image_ports: &[u16]) -> Self {
        let image = model.image(service).unwrap_or_default();
        let name = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        let is = |words: &[&str]| words.iter().any(|word| name.contains(word));
        let setting = |name: &str| model.setting(service, name);

        if is(&["postgres", "postgis", "timescale", "pgvector"]) && !is(&["exporter", "operator", "backup", "rest"])
            || setting("POSTGRES_PASSWORD").is_some() && image_ports.contains(&5432)
        {
            let user = setting("POSTGRES_USER").unwrap_or_else(|| "postgres".into());
            return Self::Postgres {
                port: setting("PGPORT").and_then(|port| port.parse().ok()).unwrap_or(5432),
                credentials: Credentials {
                    database: setting("POSTGRES_DB").unwrap_or_else(|| user.clone()),
                    password: setting("POSTGRES_PASSWORD").unwrap_or_default(),
                    user,
                },
            };
        }
        let known = [(&["redis", "valkey", "keydb"][..], 6379), (&["mysql", "mariadb"], 3306), (&["rabbitmq"], 5672)];
        let known = known.iter().find(|(words, _)| is(words)).map(|&(_, port)| port);
        let port = known.or_else(|| model.declared_ports(service).first().copied()).or_else(|| image_ports.first().copied());
        port.map_or(Self::Unknown, |port| Self::Tcp { port })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::ComposeFile;

    fn recognise(service: &serde_json::Value, image_ports: &[u16]) -> Kind {
        let value = json!({"services": {"dep": service}});
        let model = Model::new(ComposeFile::File("/stack/compose.yaml".into()), value).expect("has services");
        Kind::recognise(&model, "dep", image_ports)
    }

    #[test]
    fn kinds_are_recognised_by_image_and_environment() {
        let postgres = recognise(
            &json!({"image": "registry:5000/lib/postgres:15@sha256:00", "environment": {"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p"}}),
            &[],
        );
        let credentials = Credentials { user: "u".into(), database: "u".into(), password: "p".into() };
        assert_eq!(postgres, Kind::Postgres { port: 5432, credentials });
        assert_eq!(recognise(&json!({"image": "redis:7"}), &[]), Kind::Tcp { port: 6379 });
        assert_eq!(recognise(&json!({"image": "postgres-exporter"}), &[9187]), Kind::Tcp { port: 9187 });
        assert_eq!(recognise(&json!({"image": "own", "expose": ["7000"]}), &[9000]), Kind::Tcp { port: 7000 });
        assert_eq!(recognise(&json!({"image": "own"}), &[]), Kind::Unknown);
    }

    #[test]
    fn a_password_is_never_shown() {
        let credentials = Credentials { user: "u".into(), database: "d".into(), password: "hunter22".into() };
        let json = serde_json::to_string(&credentials).expect("serialised");
        assert!(!format!("{credentials:?}{json}").contains("hunter22"));
    }
}
