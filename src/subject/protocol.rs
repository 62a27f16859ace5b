//! The protocols in which a server can be asked whether it serves.

use std::fmt;
use std::str::FromStr;

/// A protocol of servers: each has a greeting or a simple command that only a server which serves answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// PostgreSQL: `SELECT 1`.
    Postgres,
    /// MySQL and MariaDB: the greeting.
    Mysql,
    /// Redis, Valkey and others: `PING`.
    Redis,
    /// AMQP 0-9-1, as RabbitMQ speaks it: the header.
    Amqp,
    /// MongoDB: `isMaster`.
    Mongodb,
    /// Kafka: the versions of its API.
    Kafka,
    /// NATS: `INFO` and `PING`.
    Nats,
    /// Memcached: `version`.
    Memcached,
    /// etcd: `/health`.
    Etcd,
    /// Elasticsearch and OpenSearch: the health of the cluster.
    Elasticsearch,
    /// MinIO: the health of the cluster.
    Minio,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Postgres,
        Self::Mysql,
        Self::Redis,
        Self::Amqp,
        Self::Mongodb,
        Self::Kafka,
        Self::Nats,
        Self::Memcached,
        Self::Etcd,
        Self::Elasticsearch,
        Self::Minio,
    ];

    /// Its name in the contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
            Self::Redis => "redis",
            Self::Amqp => "amqp",
            Self::Mongodb => "mongodb",
            Self::Kafka => "kafka",
            Self::Nats => "nats",
            Self::Memcached => "memcached",
            Self::Etcd => "etcd",
            Self::Elasticsearch => "elasticsearch",
            Self::Minio => "minio",
        }
    }

    /// The port on which its servers usually listen.
    #[must_use]
    pub fn usual_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mysql => 3306,
            Self::Redis => 6379,
            Self::Amqp => 5672,
            Self::Mongodb => 27017,
            Self::Kafka => 9092,
            Self::Nats => 4222,
            Self::Memcached => 11211,
            Self::Etcd => 2379,
            Self::Elasticsearch => 9200,
            Self::Minio => 9000,
        }
    }

    /// The protocol of the server that an image holds, by the image's name.
    #[must_use]
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.split('@').next().unwrap_or_default().rsplit('/').next().unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        let is_beside = BESIDE.iter().any(|word| name.contains(word));
        let is_named = |protocol: &Self| protocol.images().iter().any(|word| name.contains(word));
        Self::ALL.into_iter().find(|protocol| !is_beside && is_named(protocol))
    }

    /// The protocol that a port alone tells: its usual port is nobody else's, and it can be asked without a login.
    #[must_use]
    pub fn of_port(port: u16) -> Option<Self> {
        let told_by_port = [Self::Mysql, Self::Redis, Self::Amqp, Self::Mongodb, Self::Nats, Self::Memcached, Self::Etcd];
        told_by_port.into_iter().find(|protocol| protocol.usual_port() == port)
    }

    /// Words in the names of images that hold such a server.
    fn images(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgres", "postgis", "timescale", "pgvector"],
            Self::Mysql => &["mysql", "mariadb", "percona"],
            Self::Redis => &["redis", "valkey", "keydb", "dragonfly"],
            Self::Amqp => &["rabbitmq", "lavinmq"],
            Self::Mongodb => &["mongo", "ferretdb"],
            Self::Kafka => &["kafka", "redpanda"],
            Self::Nats => &["nats"],
            Self::Memcached => &["memcached"],
            Self::Etcd => &["etcd"],
            Self::Elasticsearch => &["elasticsearch", "opensearch"],
            Self::Minio => &["minio"],
        }
    }
}

/// Words in the names of images that carry a server's name and are something else beside it.
const BESIDE: [&str; 25] = [
    "exporter",
    "operator",
    "backup",
    "rest",
    "admin",
    "commander",
    "insight",
    "proxy",
    "sentinel",
    "client",
    "bouncer",
    "express",
    "connect",
    "schema",
    "manager",
    "console",
    "dashboards",
    "-ui",
    "-box",
    "keeper",
    "browser",
    "workbench",
    "curator",
    "bridge",
    "mirror",
];

/// What else they are called.
const ALSO: [(&str, Protocol); 6] = [
    ("postgresql", Protocol::Postgres),
    ("mariadb", Protocol::Mysql),
    ("valkey", Protocol::Redis),
    ("rabbitmq", Protocol::Amqp),
    ("mongo", Protocol::Mongodb),
    ("opensearch", Protocol::Elasticsearch),
];

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|protocol| protocol.name() == text);
        let also = ALSO.into_iter().find(|(name, _)| *name == text).map(|(_, protocol)| protocol);
        found.or(also).ok_or_else(|| format!("the protocols are: {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_tells_its_protocol() {
        for (image, protocol) in [
            ("docker.io/library/postgres:15@sha256:00", Some(Protocol::Postgres)),
            ("bitnami/mariadb", Some(Protocol::Mysql)),
            ("mongo:7", Some(Protocol::Mongodb)),
            ("mongo-express", None),
            ("confluentinc/cp-kafka:7.6", Some(Protocol::Kafka)),
            ("docker.redpanda.com/redpandadata/redpanda:v24", Some(Protocol::Kafka)),
            ("redpandadata/console", None),
            ("confluentinc/cp-kafka-connect", None),
            ("provectuslabs/kafka-ui", None),
            ("nats:2-alpine", Some(Protocol::Nats)),
            ("natsio/nats-box", None),
            ("memcached:1.6", Some(Protocol::Memcached)),
            ("prom/memcached-exporter", None),
            ("quay.io/coreos/etcd:v3.5", Some(Protocol::Etcd)),
            ("docker.elastic.co/elasticsearch/elasticsearch:8.11.0", Some(Protocol::Elasticsearch)),
            ("opensearchproject/opensearch:2", Some(Protocol::Elasticsearch)),
            ("opensearchproject/opensearch-dashboards:2", None),
            ("minio/minio", Some(Protocol::Minio)),
            ("minio/mc", None),
            ("nginx", None),
        ] {
            assert_eq!(Protocol::of_image(image), protocol, "{image}");
        }
    }

    #[test]
    fn a_protocol_has_one_name_and_a_port_of_its_own() {
        for protocol in Protocol::ALL {
            assert_eq!(protocol.name().parse(), Ok(protocol));
            assert_eq!(Protocol::ALL.iter().filter(|other| other.usual_port() == protocol.usual_port()).count(), 1);
        }
        assert_eq!(Protocol::of_port(4222), Some(Protocol::Nats));
        assert_eq!(Protocol::of_port(9000), None, "many listen there");
        assert_eq!(Protocol::of_port(5432), None, "it is asked with a login");
        assert!("oracle".parse::<Protocol>().is_err());
    }
}
