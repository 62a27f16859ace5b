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
}

impl CompanionKind {
    fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }

    fn default_tag(self) -> &'static str {
        match self {
            Self::Postgres => "15-bookworm",
            Self::Redis => "7.0-bookworm",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Redis => 6379,
        }
    }

    fn data(self) -> &'static str {
        match self {
            Self::Postgres => "/var/lib/postgresql/data",
            Self::Redis => "/data",
        }
    }
}

impl FromStr for Companion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, tag) = text.split_once(':').map_or((text, None), |(name, tag)| (name, Some(tag)));
        let kind = [CompanionKind::Postgres, CompanionKind::Redis].into_iter().find(|kind| kind.name() == name);
        let kind = kind.ok_or("the companions are: postgres[:TAG], redis[:TAG]")?;
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
            let volume = format!("{name}-data");
            let mut service = json!({
                "image": companion.to_string(),
                "restart": "unless-stopped",
                "volumes": [format!("{volume}:{}", companion.kind.data())],
            });
            match companion.kind {
                CompanionKind::Postgres => {
                    service["environment"] =
                        json!({"POSTGRES_USER": USER, "POSTGRES_PASSWORD": self.password, "POSTGRES_DB": DATABASE});
                    variables.extend(self.postgres_variables());
                }
                CompanionKind::Redis => variables.extend(redis_variables()),
            }
            services.insert(name.into(), service);
            volumes.insert(volume, json!({}));
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

    fn postgres_variables(&self) -> impl Iterator<Item = (String, String)> + use<> {
        let (host, port) = (CompanionKind::Postgres.name(), CompanionKind::Postgres.port().to_string());
        let password = self.password.clone();
        let url = format!("postgres://{USER}:{password}@{host}:{port}/{DATABASE}");
        [
            ("DB_HOST", host.to_owned()),
            ("DB_PORT", port.clone()),
            ("DB_NAME", DATABASE.into()),
            ("DB_USER", USER.into()),
            ("DB_PASSWORD", password.clone()),
            ("PGHOST", host.to_owned()),
            ("PGPORT", port),
            ("PGDATABASE", DATABASE.into()),
            ("PGUSER", USER.into()),
            ("PGPASSWORD", password),
            ("DATABASE_URL", url),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// A value with the first companion's particulars filled in.
    fn fill_in(&self, value: &str) -> String {
        let Some(first) = self.companions.first() else { return value.to_owned() };
        let port = first.kind.port().to_string();
        let (user, password, database) = match first.kind {
            CompanionKind::Postgres => (USER, self.password.as_str(), DATABASE),
            CompanionKind::Redis => ("", "", "0"),
        };
        [("{user}", user), ("{password}", password), ("{host}", first.kind.name()), ("{port}", &port), ("{database}", database)]
            .iter()
            .fold(value.to_owned(), |value, (word, particular)| value.replace(word, particular))
    }
}

fn redis_variables() -> impl Iterator<Item = (String, String)> {
    let (host, port) = (CompanionKind::Redis.name(), CompanionKind::Redis.port());
    let variables =
        [("REDIS_HOST", host.to_owned()), ("REDIS_PORT", port.to_string()), ("REDIS_URL", format!("redis://{host}:{port}/0"))];
    variables.into_iter().map(|(name, value)| (name.to_owned(), value))
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
    fn unknown_companions_are_named() {
        assert!("mongo".parse::<Companion>().expect_err("unknown").contains("postgres[:TAG]"));
        assert!("redis:".parse::<Companion>().is_err());
    }
}
