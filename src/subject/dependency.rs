//! What the app depends on, and how to tell whether it can be used.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::health::health_url;
use super::{ImagePorts, Protocol};
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
    /// A MongoDB server.
    Mongodb {
        /// The port.
        port: u16,
    },
    /// A Kafka broker.
    Kafka {
        /// The port.
        port: u16,
    },
    /// A NATS server.
    Nats {
        /// The port.
        port: u16,
    },
    /// A memcached server.
    Memcached {
        /// The port.
        port: u16,
    },
    /// A member of an etcd cluster.
    Etcd {
        /// The port.
        port: u16,
    },
    /// A node of an Elasticsearch or OpenSearch cluster.
    Elasticsearch {
        /// The port.
        port: u16,
        /// The password of its first user, `elastic`, if it is known.
        #[serde(skip)]
        password: Option<Secret>,
    },
    /// A MinIO server.
    Minio {
        /// The port.
        port: u16,
    },
    /// An HTTP server whose health check names the path to ask.
    Http {
        /// The port.
        port: u16,
        /// The path.
        path: String,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
            | Self::Mongodb { port }
            | Self::Kafka { port }
            | Self::Nats { port }
            | Self::Memcached { port }
            | Self::Etcd { port }
            | Self::Elasticsearch { port, .. }
            | Self::Minio { port }
            | Self::Http { port, .. }
            | Self::Tcp { port } => Some(*port),
            Self::Unknown => None,
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
            | Self::Mongodb { port }
            | Self::Kafka { port }
            | Self::Nats { port }
            | Self::Memcached { port }
            | Self::Etcd { port }
            | Self::Elasticsearch { port, .. }
            | Self::Minio { port }
            | Self::Http { port, .. }
            | Self::Tcp { port } => *port = other,
            Self::Unknown => {}
        }
        self
    }

    /// The protocol in which it is asked; nothing where it is asked otherwise, or not at all.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        Some(match self {
            Self::Postgres { .. } => Protocol::Postgres,
            Self::Mysql { .. } => Protocol::Mysql,
            Self::Redis { .. } => Protocol::Redis,
            Self::Rabbitmq { .. } => Protocol::Amqp,
            Self::Mongodb { .. } => Protocol::Mongodb,
            Self::Kafka { .. } => Protocol::Kafka,
            Self::Nats { .. } => Protocol::Nats,
            Self::Memcached { .. } => Protocol::Memcached,
            Self::Etcd { .. } => Protocol::Etcd,
            Self::Elasticsearch { .. } => Protocol::Elasticsearch,
            Self::Minio { .. } => Protocol::Minio,
            Self::Http { .. } | Self::Tcp { .. } | Self::Unknown => return None,
        })
    }

    /// What it is asked with, where something is known.
    #[must_use]
    pub fn credentials(&self) -> Option<Credentials> {
        let with = |user: &str, password: &Option<Secret>| {
            let password = password.clone()?;
            Some(Credentials { user: user.into(), database: String::new(), password })
        };
        match self {
            Self::Postgres { credentials, .. } | Self::Mysql { credentials, .. } | Self::Rabbitmq { credentials, .. } => {
                Some(credentials.clone())
            }
            Self::Redis { password, .. } => with("", password),
            Self::Elasticsearch { password, .. } => with("elastic", password),
            _ => None,
        }
    }

    /// Recognises a service by its image, its environment, its ports and its health check.
    #[must_use]
    pub fn recognise(model: &Model, service: &str, images: &dyn ImagePorts) -> Self {
        let exposed = images.exposed(service);
        let ports: Vec<u16> = model.declared_ports(service).into_iter().chain(exposed.iter().copied()).collect();
        // A server built from one of these images keeps its variables and its port.
        let built_from = |variables: &[&str], protocol: Protocol| {
            let is_set = variables.iter().any(|variable| model.setting(service, variable).is_some());
            (is_set && exposed.contains(&protocol.usual_port())).then_some(protocol)
        };
        let protocol = Protocol::of_image(model.image(service).unwrap_or_default())
            .or_else(|| built_from(&["POSTGRES_PASSWORD"], Protocol::Postgres))
            .or_else(|| built_from(&["MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD"], Protocol::Mysql));
        if let Some(protocol) = protocol {
            return Self::speaking(protocol, model, service);
        }
        let health = health_url(model, service, images).filter(|url| url.is_plain && !url.is_https);
        let health = health.and_then(|url| Some((url.port.or_else(|| ports.first().copied())?, url.path)));
        match (health, ports.iter().find_map(|port| Protocol::of_port(*port)), ports.first()) {
            // What listens on another port may be there for the container alone.
            (Some((port, path)), ..) if ports.is_empty() || ports.contains(&port) => Self::Http { port, path },
            (_, Some(protocol), _) => Self::speaking(protocol, model, service),
            (_, None, Some(port)) => Self::Tcp { port: *port },
            (_, None, None) => Self::Unknown,
        }
    }

    /// A server that speaks this protocol, with the port and the login that its settings tell.
    #[must_use]
    pub fn speaking(protocol: Protocol, model: &Model, service: &str) -> Self {
        let setting = |names: &[&str]| names.iter().find_map(|name| model.setting(service, name));
        let port = |variable: &str| {
            let port = model.setting(service, variable).and_then(|port| port.parse().ok());
            port.unwrap_or(protocol.usual_port())
        };
        let login = |user: String, database: Option<String>, password: Option<String>| Credentials {
            database: database.unwrap_or_else(|| user.clone()),
            password: Secret(password.unwrap_or_default()),
            user,
        };
        let usual = protocol.usual_port();
        match protocol {
            Protocol::Postgres => {
                let user = setting(&["POSTGRES_USER", "POSTGRESQL_USERNAME"]).unwrap_or_else(|| "postgres".into());
                let database = setting(&["POSTGRES_DB", "POSTGRESQL_DATABASE"]);
                let credentials = login(user, database, setting(&["POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD"]));
                Self::Postgres { port: port("PGPORT"), credentials }
            }
            Protocol::Mysql => {
                let user = setting(&["MYSQL_USER", "MARIADB_USER"]);
                let password = match user {
                    Some(_) => setting(&["MYSQL_PASSWORD", "MARIADB_PASSWORD"]),
                    None => setting(&["MYSQL_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD"]),
                };
                let database = setting(&["MYSQL_DATABASE", "MARIADB_DATABASE"]).unwrap_or_default();
                let credentials = login(user.unwrap_or_else(|| "root".into()), Some(database), password);
                Self::Mysql { port: port("MYSQL_TCP_PORT"), credentials }
            }
            Protocol::Redis => Self::Redis { port: port("REDIS_PORT"), password: model.redis_password(service).map(Secret) },
            Protocol::Amqp => {
                let user = setting(&["RABBITMQ_DEFAULT_USER"]).unwrap_or_else(|| "guest".into());
                let host = setting(&["RABBITMQ_DEFAULT_VHOST"]).unwrap_or_else(|| "/".into());
                let password = setting(&["RABBITMQ_DEFAULT_PASS"]).unwrap_or_else(|| "guest".into());
                Self::Rabbitmq { port: port("RABBITMQ_NODE_PORT"), credentials: login(user, Some(host), Some(password)) }
            }
            Protocol::Mongodb => Self::Mongodb { port: usual },
            Protocol::Nats => Self::Nats { port: usual },
            Protocol::Memcached => Self::Memcached { port: usual },
            // What is asked over TLS only is any TCP server.
            Protocol::Kafka | Protocol::Etcd | Protocol::Elasticsearch | Protocol::Minio if has_tls(protocol, model, service) => {
                Self::Tcp { port: usual }
            }
            Protocol::Kafka => Self::Kafka { port: usual },
            Protocol::Etcd => Self::Etcd { port: usual },
            Protocol::Elasticsearch => Self::Elasticsearch { port: usual, password: setting(&["ELASTIC_PASSWORD"]).map(Secret) },
            Protocol::Minio => Self::Minio { port: usual },
        }
    }
}

/// Whether the settings of a service say that it takes nothing but TLS on its usual port.
fn has_tls(protocol: Protocol, model: &Model, service: &str) -> bool {
    let setting = |name: &str| model.setting(service, name).unwrap_or_default().to_lowercase();
    let words = |key: &str| {
        let words = model.service(service).and_then(|service| service.get(key)?.as_array());
        words.into_iter().flatten().filter_map(|word| word.as_str()).collect::<Vec<_>>().join(" ")
    };
    let image = model.image(service).unwrap_or_default();
    match protocol {
        Protocol::Kafka => setting("KAFKA_LISTENERS").split(',').any(|listener| {
            let (name, port) =
                (listener.split("://").next().unwrap_or_default(), listener.rsplit(':').next().unwrap_or_default());
            port == protocol.usual_port().to_string() && name.contains("ssl") && !name.contains("plaintext")
        }),
        Protocol::Etcd => words("command").contains("--cert-file") || !setting("ETCD_CERT_FILE").is_empty(),
        // Both encrypt by themselves unless they are told not to, Elasticsearch from version 8 on.
        Protocol::Elasticsearch if image.contains("opensearch") => {
            let off = [
                setting("DISABLE_SECURITY_PLUGIN"),
                setting("plugins.security.disabled"),
                setting("plugins.security.ssl.http.enabled"),
            ];
            off[0] != "true" && off[1] != "true" && off[2] != "false"
        }
        Protocol::Elasticsearch => {
            let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
            let is_old = tag.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_some_and(|major| major < 8);
            let (security, tls) = (setting("xpack.security.enabled"), setting("xpack.security.http.ssl.enabled"));
            tls == "true" || (!is_old && security != "false" && tls != "false")
        }
        Protocol::Minio => words("command").contains("--certs-dir"),
        _ => false,
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
            Self::Mongodb { port } => write!(formatter, "MongoDB on port {port}"),
            Self::Kafka { port } => write!(formatter, "Kafka on port {port}"),
            Self::Nats { port } => write!(formatter, "NATS on port {port}"),
            Self::Memcached { port } => write!(formatter, "memcached on port {port}"),
            Self::Etcd { port } => write!(formatter, "etcd on port {port}"),
            Self::Elasticsearch { port, .. } => write!(formatter, "Elasticsearch or OpenSearch on port {port}"),
            Self::Minio { port } => write!(formatter, "MinIO on port {port}"),
            Self::Http { port, path } => write!(formatter, "an HTTP server, asked for {path} on port {port}"),
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

    struct Exposes(Vec<u16>);
    impl ImagePorts for Exposes {
        fn exposed(&self, _service: &str) -> Vec<u16> {
            self.0.clone()
        }
        fn stop_signal(&self, _service: &str) -> Option<String> {
            None
        }
        fn health_check(&self, _service: &str) -> Option<Vec<String>> {
            None
        }
    }

    fn recognise(service: &serde_json::Value, image_ports: &[u16]) -> Kind {
        let value = json!({"services": {"dep": service}});
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value).expect("has services");
        Kind::recognise(&model, "dep", &Exposes(image_ports.to_vec()))
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
    fn servers_without_a_login_are_recognised_by_image_or_port() {
        for (service, ports, kind) in [
            (json!({"image": "mongo:7"}), &[27017][..], Kind::Mongodb { port: 27017 }),
            (json!({"image": "confluentinc/cp-kafka:7"}), &[], Kind::Kafka { port: 9092 }),
            (json!({"image": "own"}), &[4222, 6222, 8222], Kind::Nats { port: 4222 }),
            (json!({"image": "memcached"}), &[], Kind::Memcached { port: 11211 }),
            (json!({"image": "bitnami/etcd"}), &[], Kind::Etcd { port: 2379 }),
            (json!({"image": "minio/minio"}), &[], Kind::Minio { port: 9000 }),
            (json!({"image": "elasticsearch:7.17"}), &[], Kind::Elasticsearch { port: 9200, password: None }),
        ] {
            assert_eq!(recognise(&service, ports), kind, "{service}");
        }
    }

    #[test]
    fn a_server_that_takes_nothing_but_tls_is_any_tcp_server() {
        let elastic = |tag: &str, environment: serde_json::Value| json!({"image": format!("docker.elastic.co/elasticsearch/elasticsearch:{tag}"), "environment": environment});
        let tcp = Kind::Tcp { port: 9200 };
        assert_eq!(recognise(&elastic("8.11.0", json!({})), &[]), tcp);
        assert_eq!(recognise(&elastic("7.17.0", json!({"xpack.security.http.ssl.enabled": "true"})), &[]), tcp);
        let open = json!({"xpack.security.http.ssl.enabled": "false", "ELASTIC_PASSWORD": "p"});
        let password = Some(Secret("p".into()));
        assert_eq!(recognise(&elastic("8.11.0", open), &[]), Kind::Elasticsearch { port: 9200, password });
        let off = json!({"image": "opensearchproject/opensearch:2", "environment": {"DISABLE_SECURITY_PLUGIN": "true"}});
        assert_eq!(recognise(&off, &[]), Kind::Elasticsearch { port: 9200, password: None });
        let kafka = json!({"image": "kafka", "environment": {"KAFKA_LISTENERS": "BROKER://0.0.0.0:9093,SSL://0.0.0.0:9092"}});
        assert_eq!(recognise(&kafka, &[]), Kind::Tcp { port: 9092 });
        let etcd = json!({"image": "etcd", "command": ["etcd", "--cert-file=/c.pem"]});
        assert_eq!(recognise(&etcd, &[]), Kind::Tcp { port: 2379 });
    }

    #[test]
    fn an_http_server_is_recognised_by_its_health_check() {
        let with = |url: &str, more: serde_json::Value| {
            let mut service = json!({"image": "own", "healthcheck": {"test": ["CMD", "curl", "-f", url]}});
            service.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            service
        };
        let http = |port| Kind::Http { port, path: "/ready".into() };
        assert_eq!(recognise(&with("http://localhost:8080/ready", json!({})), &[]), http(8080));
        assert_eq!(recognise(&with("http://localhost/ready", json!({"expose": ["7000"]})), &[]), http(7000));
        let other = with("http://localhost:9999/ready", json!({"expose": ["7000"]}));
        assert_eq!(recognise(&other, &[]), Kind::Tcp { port: 7000 }, "it may listen for the container alone");
        assert_eq!(recognise(&with("https://localhost:7000/ready", json!({"expose": ["7000"]})), &[]), Kind::Tcp { port: 7000 });
    }

    #[test]
    fn a_password_is_never_shown() {
        let credentials = Credentials { user: "u".into(), database: "d".into(), password: Secret("hunter22".into()) };
        let json = serde_json::to_string(&credentials).expect("serialised");
        assert!(!format!("{credentials:?}{json}").contains("hunter22"));
    }
}
