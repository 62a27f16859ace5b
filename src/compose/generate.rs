//! A stack for a single image: the image as the app, with generated companions that it is told of by the usual variables.
//! The result is compose text like a user's own and takes the same road.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use super::ComposeFile;

/// The name of the service that runs the image.
const APP: &str = "app";
const USER: &str = "app_user";
const DATABASE: &str = "app_db";

/// An image, and what it needs around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageStack {
    /// The image under test.
    pub image: String,
    /// The archive that holds it, when it is to be loaded from one, under that name.
    pub archive: Option<PathBuf>,
    /// The services that it needs.
    pub companions: Vec<Companion>,
    /// Variables for the app. `{user}`, `{password}`, `{host}`, `{port}` and `{database}` stand for the first companion's.
    pub environment: Vec<(String, String)>,
    /// Files with more variables, by absolute path.
    pub env_files: Vec<PathBuf>,
    /// The password of generated databases.
    pub password: String,
}

/// A generated service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion {
    kind: CompanionKind,
    tag: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CompanionKind {
    Postgres,
    Redis,
    Mariadb,
    Mysql,
    Rabbitmq,
    Mongo,
    Memcached,
    Nats,
}

impl CompanionKind {
    const ALL: [Self; 8] =
        [Self::Postgres, Self::Redis, Self::Mariadb, Self::Mysql, Self::Rabbitmq, Self::Mongo, Self::Memcached, Self::Nats];

    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
            Self::Rabbitmq => "rabbitmq",
            Self::Mongo => "mongo",
            Self::Memcached => "memcached",
            Self::Nats => "nats",
        }
    }

    fn default_tag(self) -> &'static str {
        match self {
            Self::Postgres => "15-bookworm",
            Self::Redis => "7.0-bookworm",
            Self::Mariadb => "10.11",
            Self::Mysql => "8.4",
            Self::Rabbitmq => "3.10",
            Self::Mongo => "7",
            Self::Memcached => "1.6",
            Self::Nats => "2.9",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Redis => 6379,
            Self::Mariadb | Self::Mysql => 3306,
            Self::Rabbitmq => 5672,
            Self::Mongo => 27017,
            Self::Memcached => 11211,
            Self::Nats => 4222,
        }
    }

    /// The folder that outlives its container; nothing where it keeps no data.
    fn data(self) -> Option<&'static str> {
        match self {
            Self::Postgres => Some("/var/lib/postgresql/data"),
            Self::Redis => Some("/data"),
            Self::Mariadb | Self::Mysql => Some("/var/lib/mysql"),
            Self::Rabbitmq => Some("/var/lib/rabbitmq"),
            Self::Mongo => Some("/data/db"),
            Self::Memcached | Self::Nats => None,
        }
    }

    /// What its image wants to know.
    fn settings(self, password: &str) -> Value {
        match self {
            Self::Postgres => json!({"POSTGRES_USER": USER, "POSTGRES_PASSWORD": password, "POSTGRES_DB": DATABASE}),
            Self::Mariadb | Self::Mysql => json!({
                "MYSQL_USER": USER, "MYSQL_PASSWORD": password, "MYSQL_DATABASE": DATABASE, "MYSQL_ROOT_PASSWORD": password,
            }),
            Self::Rabbitmq => json!({"RABBITMQ_DEFAULT_USER": USER, "RABBITMQ_DEFAULT_PASS": password}),
            Self::Redis | Self::Mongo | Self::Memcached | Self::Nats => json!({}),
        }
    }

    /// User, password and database of the app; each may be empty.
    fn login(self, password: &str) -> (&'static str, &str, &'static str) {
        match self {
            Self::Postgres | Self::Mariadb | Self::Mysql => (USER, password, DATABASE),
            Self::Rabbitmq => (USER, password, "/"),
            Self::Mongo => ("", "", DATABASE),
            Self::Redis => ("", "", "0"),
            Self::Memcached | Self::Nats => ("", "", ""),
        }
    }

    /// The usual variables by which an app is told of it.
    fn variables(self, password: &str) -> Vec<(&'static str, String)> {
        let (host, port) = (self.name(), self.port());
        let (user, password, database) = self.login(password);
        let text = str::to_owned;
        let of_database = |scheme: &str| {
            vec![
                ("DB_HOST", text(host)),
                ("DB_PORT", port.to_string()),
                ("DB_NAME", text(database)),
                ("DB_USER", text(user)),
                ("DB_PASSWORD", text(password)),
                ("DATABASE_URL", format!("{scheme}://{user}:{password}@{host}:{port}/{database}")),
            ]
        };
        let with = |mut variables: Vec<(&'static str, String)>, more: [(&'static str, String); 5]| {
            variables.extend(more);
            variables
        };
        match self {
            Self::Postgres => with(
                of_database("postgres"),
                [
                    ("PGHOST", text(host)),
                    ("PGPORT", port.to_string()),
                    ("PGDATABASE", text(database)),
                    ("PGUSER", text(user)),
                    ("PGPASSWORD", text(password)),
                ],
            ),
            Self::Mariadb | Self::Mysql => with(
                of_database("mysql"),
                [
                    ("MYSQL_HOST", text(host)),
                    ("MYSQL_PORT", port.to_string()),
                    ("MYSQL_DATABASE", text(database)),
                    ("MYSQL_USER", text(user)),
                    ("MYSQL_PASSWORD", text(password)),
                ],
            ),
            Self::Redis => vec![
                ("REDIS_HOST", text(host)),
                ("REDIS_PORT", port.to_string()),
                ("REDIS_URL", format!("redis://{host}:{port}/{database}")),
            ],
            Self::Rabbitmq => {
                let url = format!("amqp://{user}:{password}@{host}:{port}/%2F");
                vec![
                    ("RABBITMQ_HOST", text(host)),
                    ("RABBITMQ_PORT", port.to_string()),
                    ("RABBITMQ_URL", url.clone()),
                    ("AMQP_URL", url),
                ]
            }
            Self::Mongo => {
                let url = format!("mongodb://{host}:{port}/{database}");
                vec![("MONGO_HOST", text(host)), ("MONGO_URL", url.clone()), ("MONGODB_URI", url)]
            }
            Self::Memcached => {
                vec![
                    ("MEMCACHED_HOST", text(host)),
                    ("MEMCACHED_PORT", port.to_string()),
                    ("MEMCACHED_SERVERS", format!("{host}:{port}")),
                ]
            }
            Self::Nats => vec![("NATS_URL", format!("nats://{host}:{port}"))],
        }
    }
}

impl FromStr for Companion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, tag) = text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)));
        let kind = CompanionKind::ALL.into_iter().find(|kind| kind.name() == name);
        let known = || CompanionKind::ALL.map(|kind| format!("{}[:TAG]", kind.name())).join(", ");
        let kind = kind.ok_or_else(|| format!("the companions are: {}", known()))?;
        if tag == Some("") {
            return Err("the tag is missing".into());
        }
        Ok(Self { kind, tag: tag.unwrap_or(kind.default_tag()).to_owned() })
    }
}

impl fmt::Display for Companion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.kind.name(), self.tag)
    }
}

impl ImageStack {
    /// The stack as compose text.
    #[must_use]
    pub fn to_compose(&self) -> ComposeFile {
        let mut services = Map::new();
        let mut volumes = Map::new();
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        for companion in &self.companions {
            let name = companion.kind.name();
            let settings = companion.kind.settings(&self.password);
            let mut service = json!({"image": companion.to_string(), "restart": "unless-stopped", "environment": settings});
            if let Some(data) = companion.kind.data() {
                let volume = format!("{name}-data");
                service["volumes"] = json!([format!("{volume}:{data}")]);
                volumes.insert(volume, json!({}));
            }
            // Of two databases the first one has the general names.
            for (variable, value) in companion.kind.variables(&self.password) {
                variables.entry(variable.to_owned()).or_insert(value);
            }
            services.insert(name.into(), service);
        }
        variables.extend(self.environment.iter().map(|(name, value)| (name.clone(), self.fill_in(value))));
        let names: Vec<&str> = self.companions.iter().map(|companion| companion.kind.name()).collect();
        services.insert(
            APP.into(),
            json!({
                "image": self.image,
                "restart": "unless-stopped",
                "environment": variables.into_iter().map(|(name, value)| (name, Value::from(escape(&value)))).collect::<Map<_, _>>(),
                "env_file": self.env_files,
                "depends_on": names,
            }),
        );
        let text = json!({
            "name": "image",
            "services": services,
            "volumes": volumes,
            "x-seaworthy": {"app": APP, "dependencies": names},
        });
        let title = match &self.archive {
            Some(archive) => format!("image {}", archive.display()),
            None => format!("image {}", self.image),
        };
        ComposeFile::generated(title, text.to_string())
    }

    /// A value with the first companion's particulars filled in.
    fn fill_in(&self, value: &str) -> String {
        let Some(first) = self.companions.first() else { return value.to_owned() };
        let port = first.kind.port().to_string();
        let (user, password, database) = first.kind.login(&self.password);
        [("{user}", user), ("{password}", password), ("{host}", first.kind.name()), ("{port}", &port), ("{database}", database)]
            .iter()
            .fold(value.to_owned(), |value, (word, particular)| value.replace(word, particular))
    }
}

/// In compose text `$` begins a variable.
fn escape(value: &str) -> String {
    value.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compose(stack: &ImageStack) -> Value {
        let file = stack.to_compose();
        serde_json::from_str(file.text().expect("generated")).expect("JSON")
    }

    #[test]
    fn an_image_that_needs_nothing_stands_alone() {
        let value = compose(&ImageStack { image: "web:1".into(), ..ImageStack::default() });
        assert_eq!(value["services"].as_object().map(Map::len), Some(1));
        assert_eq!(value["x-seaworthy"]["dependencies"], json!([]));
    }

    #[test]
    fn companions_are_told_by_the_usual_variables_and_the_users_win() {
        let value = compose(&ImageStack {
            image: "web:1".into(),
            companions: vec!["postgres:16".parse().expect("a companion"), "redis".parse().expect("a companion")],
            environment: vec![
                ("DB".into(), "pg://{user}:{password}@{host}:{port}/{database}".into()),
                ("DB_USER".into(), "me".into()),
                ("PRICE".into(), "$5".into()),
            ],
            password: "generated-1".into(),
            ..ImageStack::default()
        });
        let environment = &value["services"]["app"]["environment"];
        assert_eq!(environment["DB"], "pg://app_user:generated-1@postgres:5432/app_db");
        assert_eq!(environment["DATABASE_URL"], "postgres://app_user:generated-1@postgres:5432/app_db");
        assert_eq!(environment["REDIS_URL"], "redis://redis:6379/0");
        assert_eq!((&environment["DB_USER"], &environment["PRICE"]), (&json!("me"), &json!("$$5")));
        assert_eq!(value["services"]["postgres"]["image"], "postgres:16");
        assert_eq!(value["services"]["redis"]["image"], "redis:7.0-bookworm");
    }

    #[test]
    fn every_companion_is_told_of_and_recognised() {
        for kind in CompanionKind::ALL {
            let stack = ImageStack {
                image: "web:1".into(),
                companions: vec![kind.name().parse().expect("a companion")],
                environment: vec![("AT".into(), "{host}:{port}".into())],
                password: "generated-1".into(),
                ..ImageStack::default()
            };
            let value = compose(&stack);
            let (environment, name) = (&value["services"]["app"]["environment"], kind.name());
            assert_eq!(environment["AT"], format!("{name}:{}", kind.port()));
            let told = environment.as_object().expect("variables").values().filter_map(Value::as_str);
            assert!(told.filter(|value| value.contains(&format!("{name}:{}", kind.port()))).count() > 1, "{environment}");
            assert_eq!(value["services"][name]["image"], format!("{name}:{}", kind.default_tag()));
            assert_eq!(value["volumes"].as_object().map(Map::len), Some(usize::from(kind.data().is_some())));
        }
        let both = ["mariadb".parse().expect("a companion"), "postgres".parse().expect("a companion")];
        let value = compose(&ImageStack { image: "web:1".into(), companions: both.into(), ..ImageStack::default() });
        let environment = &value["services"]["app"]["environment"];
        assert_eq!((&environment["DB_HOST"], &environment["PGHOST"]), (&json!("mariadb"), &json!("postgres")));
    }

    #[test]
    fn unknown_companions_are_named() {
        assert!("oracle".parse::<Companion>().expect_err("unknown").contains("postgres[:TAG]"));
        assert!("redis:".parse::<Companion>().is_err());
    }
}
