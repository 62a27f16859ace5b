//! Passwords that could get out unseen: one of five letters, or one that is the user's name too, is found in no log. A copy gets a generated one,
//! where all places are known that hold it; else it keeps its own.
//!
//! Looks at the files that are mounted, and changes nothing but variables.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::Model;
use crate::redact::{names_a_secret, names_an_account};

/// The variable of the official image and those made from it.
const VARIABLE: &str = "POSTGRES_PASSWORD";
const IMAGES: [&str; 4] = ["postgres", "postgis", "pgvector", "timescaledb"];
/// What the names of images of databases have in them. Another one of them has a password of its own, whatever it is the same as.
const DATABASES: [&str; 6] = ["postgres", "postgis", "pgvector", "timescale", "mysql", "maria"];
/// What the name of a variable has in it that is about a database.
const OF_DATABASES: [&str; 5] = ["DB", "DATABASE", "POSTGRES", "PG", "SQL"];
/// Keys of a service whose texts are no settings of what runs in it. Variables, mounts and builds are looked at by themselves.
const HARMLESS: [&str; 24] = [
    "environment",
    "volumes",
    "build",
    "image",
    "networks",
    "network_mode",
    "depends_on",
    "container_name",
    "hostname",
    "links",
    "expose",
    "ports",
    "labels",
    "profiles",
    "restart",
    "platform",
    "user",
    "working_dir",
    "deploy",
    "logging",
    "pull_policy",
    "init",
    "tmpfs",
    "stop_signal",
];
/// More files, or larger ones, are not read.
const MOST_FILES: usize = 200;
const LARGEST_FILE: u64 = 1 << 20;

/// A place that holds a password.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    service: String,
    variable: String,
    /// The variable's value with another password: what stands before it and after it.
    around: (String, String),
}

/// The model with a generated password for each PostgreSQL whose own can't be found in a log, and what was changed, in words; nothing when there
/// is none of which every place is known.
#[must_use]
pub fn with_findable_passwords(
    model: &Model,
    can_be_found: impl Fn(&str) -> bool,
    generate: impl Fn() -> String,
) -> Option<(Model, Vec<String>)> {
    let (mut value, mut changes) = (model.value().clone(), vec![]);
    for (service, definition) in model.services() {
        let Some(password) = own_password(model, service, definition).filter(|password| !can_be_found(password)) else {
            continue;
        };
        let Some(places) = places(model, service, &password) else { continue };
        let generated = generate();
        value["services"][service]["environment"][VARIABLE] = generated.clone().into();
        for Place { service, variable, around: (before, after) } in &places {
            let text = format!("{before}{generated}{after}");
            value["services"][service.as_str()]["environment"][variable.as_str()] = text.into();
        }
        let told: Vec<String> = places.iter().map(|place| format!("`{}` of `{}`", place.variable, place.service)).collect();
        changes.push(format!(
            "service `{service}`: its password is too short, or too much like a name, to be recognised in logs; replaced by a \
             generated one, also in {}",
            told.join(", ")
        ));
    }
    (!changes.is_empty()).then(|| (model.with_value(value), changes))
}

/// The password of a database that is given to it by a variable, and that nothing else in it may hold.
fn own_password(model: &Model, service: &str, definition: &Map<String, Value>) -> Option<String> {
    let image = model.image(service)?.split('@').next()?.rsplit('/').next()?;
    let is_known =
        IMAGES.contains(&image.split(':').next()?) && !definition.contains_key("build") && model.replicas(service) == 1;
    let environment = model.environment(service);
    let (_, password) = environment.iter().find(|(name, _)| name == VARIABLE).filter(|_| is_known)?;
    let is_word = !password.is_empty() && password.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_elsewhere = |(name, text): &(String, String)| {
        name != VARIABLE && has_word(text, password) && (names_a_secret(name) || !names_an_account(name))
    };
    let others = definition.iter().filter(|(key, _)| *key != "healthcheck");
    let is_known = is_word && !environment.iter().any(is_elsewhere) && !others.into_iter().any(|other| holds(other, password));
    (is_known && !mounts_may_hold(model, definition, password)).then(|| password.clone())
}

/// All places that hold the password of a database, beside its own variable; nothing when there may be others, or none is known.
fn places(model: &Model, database: &str, password: &str) -> Option<Vec<Place>> {
    let names = names_of(model, database);
    let mut all = vec![];
    for (service, definition) in model.services().filter(|(service, _)| *service != database) {
        if definition.iter().any(|other| holds(other, password)) || mounts_may_hold(model, definition, password) {
            return None;
        }
        let image = model.image(service).unwrap_or_default();
        let is_database = DATABASES.iter().any(|name| image.contains(name));
        let before = all.len();
        for (variable, text) in model.environment(service) {
            match look(model, &names, &variable, &text, password) {
                Look::Nothing => {}
                // An address says whose password it is.
                Look::Place((before, _)) if is_database && before.is_empty() => return None,
                Look::Unclear => return None,
                Look::Place(around) => all.push(Place { service: service.to_owned(), variable, around }),
            }
        }
        // It must have the password from somewhere that is not seen.
        if all.len() == before && model.depends_on(service).contains(&database) {
            return None;
        }
    }
    (!all.is_empty()).then_some(all)
}

/// What a variable holds of a password.
enum Look {
    Nothing,
    Unclear,
    Place((String, String)),
}

fn look(model: &Model, names: &[String], variable: &str, text: &str, password: &str) -> Look {
    if text == password {
        let upper = variable.to_ascii_uppercase();
        let is_of_database = OF_DATABASES.iter().any(|word| upper.contains(word));
        return match (names_a_secret(variable), is_of_database, names_an_account(variable)) {
            (true, true, _) => Look::Place((String::new(), String::new())),
            (false, _, true) => Look::Nothing,
            _ => Look::Unclear,
        };
    }
    if !has_word(text, password) {
        return Look::Nothing;
    }
    let login = text.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next()?.rsplit_once('@'));
    let Some((login, address)) = login else {
        // `host=db password=app`, or a list of words.
        let is_setting = ["pass", "pwd", "://", "@", "="].iter().any(|sign| text.to_ascii_lowercase().contains(sign));
        return if is_setting || names_a_secret(variable) { Look::Unclear } else { Look::Nothing };
    };
    let Some((user, found)) = login.split_once(':') else { return Look::Unclear };
    let host = address.split(':').next().unwrap_or_default().to_owned();
    let (before, after) = text.split_at(text.find(login).unwrap_or_default() + user.len() + 1);
    // What follows the address is the name of a database, and options without a password of their own.
    let options = after.split_once('?').map(|(_, options)| options).unwrap_or_default();
    let is_whole = text.matches("://").count() == 1 && !has_word(options, password);
    match (found == password, names.contains(&host)) {
        (true, true) if is_whole => Look::Place((before.to_owned(), after[password.len()..].to_owned())),
        (_, false) if is_whole && model.service(&host).is_some() => Look::Nothing,
        _ => Look::Unclear,
    }
}

/// What a service is called by others.
fn names_of(model: &Model, service: &str) -> Vec<String> {
    let Some(definition) = model.service(service) else { return vec![] };
    let own = ["container_name", "hostname"].into_iter().filter_map(|key| definition.get(key)?.as_str());
    let networks = definition.get("networks").and_then(Value::as_object).into_iter().flatten();
    let aliases = networks.filter_map(|(_, joined)| joined.get("aliases")?.as_array()).flatten().filter_map(Value::as_str);
    own.chain(aliases).chain([service]).map(str::to_owned).collect()
}

/// Whether a setting of a service, which is no variable, may hold a password.
fn holds((key, value): (&String, &Value), password: &str) -> bool {
    match key.as_str() {
        "build" => ["args", "dockerfile_inline"].into_iter().any(|key| has_text(value.get(key), password)),
        // Their contents are files in the container.
        "configs" | "secrets" | "volumes_from" => !is_empty(value),
        key => !HARMLESS.contains(&key) && has_text(Some(value), password),
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}

fn has_text(value: Option<&Value>, password: &str) -> bool {
    match value {
        Some(Value::String(text)) => has_word(text, password),
        Some(Value::Array(values)) => values.iter().any(|value| has_text(Some(value), password)),
        Some(Value::Object(values)) => values.values().any(|value| has_text(Some(value), password)),
        _ => false,
    }
}

/// Whether a text has a password in it that is not a part of a longer word.
fn has_word(text: &str, password: &str) -> bool {
    text.split(|character: char| !character.is_ascii_alphanumeric()).any(|word| word == password)
}

/// Whether a file that is mounted into a service may hold a password: it does, or can't be read, or nobody knows what is in the volume.
fn mounts_may_hold(model: &Model, definition: &Map<String, Value>, password: &str) -> bool {
    let mounts = definition.get("volumes").and_then(Value::as_array);
    mounts.into_iter().flatten().any(|mount| {
        let text = |key: &str| mount.get(key).and_then(Value::as_str);
        let source = text("source").unwrap_or_default();
        match text("type") {
            Some("tmpfs") => false,
            Some("volume") => {
                let volume = &model.value()["volumes"][source];
                volume.get("external") == Some(&Value::Bool(true)) || volume.get("driver_opts").is_some()
            }
            Some("bind") => file_may_hold(Path::new(source), password, &mut 0),
            _ => true,
        }
    })
}

fn file_may_hold(path: &Path, password: &str, read: &mut usize) -> bool {
    *read += 1;
    let Ok(facts) = fs::metadata(path) else { return path.exists() };
    if *read > MOST_FILES {
        return true;
    }
    if facts.is_dir() {
        let Ok(entries) = fs::read_dir(path) else { return true };
        return entries.into_iter().any(|entry| entry.map_or(true, |entry| file_may_hold(&entry.path(), password, read)));
    }
    if !facts.is_file() || facts.len() > LARGEST_FILE {
        return true;
    }
    fs::read(path).map_or(true, |content| has_word(&String::from_utf8_lossy(&content), password))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::ComposeFile;

    /// A stack with an app and its database, changed a little.
    fn changed(change: impl FnOnce(&mut Value)) -> Option<(Value, Vec<String>)> {
        let mut value = json!({
            "services": {
                "web": {
                    "build": {"context": "/src/kinto"}, "image": "shop/kinto", "depends_on": {"db": {}}, "command": ["serve"],
                    "environment": {"STORAGE_URL": "postgresql://kinto:kinto@db:5432/kinto?sslmode=disable", "DB_PASSWORD": "kinto", "DB_USER": "kinto", "PORT": "80"},
                },
                "db": {
                    "image": "postgres:15", "environment": {"POSTGRES_USER": "kinto", "POSTGRES_PASSWORD": "kinto", "POSTGRES_DB": "kinto"},
                    "healthcheck": {"test": ["CMD", "pg_isready", "-U", "kinto"]}, "volumes": [{"type": "volume", "source": "data", "target": "/d"}],
                },
            },
            "volumes": {"data": {}},
        });
        change(&mut value);
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value).expect("services");
        let found = with_findable_passwords(&model, |password| password.len() > 5, || "generated".into());
        found.map(|(model, changes)| (model.value().clone(), changes))
    }

    #[test]
    fn a_weak_password_is_replaced_at_all_of_its_places_and_nothing_else_is() {
        let mut before = Value::Null;
        let (mut after, changes) = changed(|value| before = value.clone()).expect("replaced");
        assert_eq!(changes.len(), 1);
        assert!(
            changes[0].ends_with("also in `STORAGE_URL` of `web`, `DB_PASSWORD` of `web`")
                || changes[0].ends_with("also in `DB_PASSWORD` of `web`, `STORAGE_URL` of `web`"),
            "{changes:?}"
        );
        for (service, variable, text, own) in [
            ("db", "POSTGRES_PASSWORD", "generated", "kinto"),
            ("web", "DB_PASSWORD", "generated", "kinto"),
            (
                "web",
                "STORAGE_URL",
                "postgresql://kinto:generated@db:5432/kinto?sslmode=disable",
                "postgresql://kinto:kinto@db:5432/kinto?sslmode=disable",
            ),
        ] {
            let place = &mut after["services"][service]["environment"][variable];
            assert_eq!(*place, text);
            *place = own.into();
        }
        assert_eq!(after, before, "field by field");
    }

    #[test]
    fn a_password_stays_where_not_every_place_is_known() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 18] = [
            ("it can be found", |value| value["services"]["db"]["environment"]["POSTGRES_PASSWORD"] = "hunter22".into()),
            ("the database is built", |value| value["services"]["db"]["build"] = json!({"context": "."})),
            ("its data are from elsewhere", |value| value["volumes"]["data"] = json!({"external": true})),
            ("an init script may hold it", |value| {
                value["services"]["db"]["volumes"][0] =
                    json!({"type": "bind", "source": env!("CARGO_MANIFEST_DIR"), "target": "/docker-entrypoint-initdb.d"});
            }),
            ("it is a secret of the database", |value| value["services"]["db"]["secrets"] = json!([{"source": "password"}])),
            ("another variable of the database has it", |value| {
                value["services"]["db"]["environment"]["PGPASSWORD"] = "kinto".into();
            }),
            ("the app has it from nowhere that is seen", |value| value["services"]["web"]["environment"] = json!({})),
            ("so has another service", |value| value["services"]["job"] = json!({"depends_on": {"db": {}}})),
            ("a command line has it", |value| {
                value["services"]["web"]["command"] = json!(["serve", "postgresql://kinto:kinto@db/kinto"]);
            }),
            ("a health check has it", |value| {
                value["services"]["web"]["healthcheck"] = json!({"test": ["CMD-SHELL", "PGPASSWORD=kinto psql"]});
            }),
            ("a build has it", |value| value["services"]["web"]["build"]["args"] = json!({"DB": "kinto"})),
            ("a config may hold it", |value| value["services"]["web"]["configs"] = json!([{"source": "ini"}])),
            ("another password is the same", |value| value["services"]["web"]["environment"]["ADMIN_PASSWORD"] = "kinto".into()),
            ("another server has the same", |value| {
                value["services"]["cache"] = json!({"command": ["redis-server", "--requirepass", "kinto"]});
            }),
            ("another database has the same", |value| {
                value["services"]["other"] = value["services"]["db"].clone();
            }),
            ("nobody knows what it is for", |value| value["services"]["web"]["environment"]["DB_PW"] = "kinto".into()),
            ("it is in a list of settings", |value| {
                value["services"]["web"]["environment"]["DSN"] = "host=db password=kinto".into();
            }),
            ("its host is nobody's", |value| {
                value["services"]["web"]["environment"]["STORAGE_URL"] = "postgresql://kinto:kinto@sql/kinto".into();
            }),
        ];
        for (why, change) in cases {
            assert_eq!(changed(change), None, "{why}");
        }
    }

    #[test]
    fn a_client_whose_image_is_named_after_the_database_has_it_in_an_address() {
        let exporter = json!({
            "image": "prometheuscommunity/postgres-exporter",
            "environment": {"DATA_SOURCE_NAME": "postgresql://kinto:kinto@db:5432/kinto"},
        });
        let (model, _) = changed(|value| value["services"]["exporter"] = exporter.clone()).expect("replaced");
        let name = &model["services"]["exporter"]["environment"]["DATA_SOURCE_NAME"];
        assert_eq!(name, "postgresql://kinto:generated@db:5432/kinto");
    }

    #[test]
    fn words_that_are_no_passwords_are_no_obstacle() {
        let (after, _) = changed(|value| {
            value["services"]["web"]["environment"]["MODULE"] = "kinto.settings".into();
            value["services"]["web"]["environment"]["CACHE_URL"] = "redis://:kinto@cache/0".into();
            value["services"]["cache"] = json!({"image": "redis"});
            value["services"]["web"]["volumes"] = json!([{"type": "bind", "source": "/no/such/file", "target": "/x"}]);
            value["services"]["db"]["networks"] = json!({"default": {"aliases": ["sql"]}});
            value["services"]["web"]["environment"]["OTHER_URL"] = "postgres://kinto:kinto@sql/kinto".into();
        })
        .expect("replaced");
        let variables = &after["services"]["web"]["environment"];
        assert_eq!(variables["OTHER_URL"], "postgres://kinto:generated@sql/kinto");
        assert_eq!((&variables["CACHE_URL"], &variables["MODULE"]), (&json!("redis://:kinto@cache/0"), &json!("kinto.settings")));
    }
}
