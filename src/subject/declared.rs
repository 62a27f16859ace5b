//! Contract values that the user declared: the `x-seaworthy` block of the compose file, and flags.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use time::{Date, macros::format_description};

use super::{Business, Form, Secret, business::BUSINESSES, form::forms};
pub(super) use crate::compose::OWN_BLOCK as BLOCK;
use crate::compose::{Model, place_of_key};

/// Contract values as declared, each of which may be missing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// The service under test; by flags there may be several.
    #[serde(default, deserialize_with = "one")]
    pub app: Vec<String>,
    /// Several services under test, each with what belongs to it alone: what stands beside them is the default of all.
    #[serde(default, deserialize_with = "apps")]
    pub apps: Option<BTreeMap<String, Self>>,
    /// The port on which the app serves.
    pub port: Option<u16>,
    /// How the app is asked whether it is ready.
    pub readiness: Option<Form>,
    /// How the app is asked whether it lives.
    pub liveness: Option<Form>,
    /// See [`super::Contract::business`].
    pub business: Option<Business>,
    /// The services that the app needs.
    pub dependencies: Option<Vec<String>>,
    /// See [`super::Contract::startup_limit`].
    #[serde(default, deserialize_with = "duration")]
    pub startup_limit: Option<Duration>,
    /// See [`super::Contract::stop_status`].
    pub stop_status: Option<Vec<i64>>,
    /// See [`super::Contract::unready`].
    pub unready: Option<Vec<u16>>,
    /// See [`super::Contract::probe_timeout`].
    #[serde(default, deserialize_with = "duration")]
    pub probe_timeout: Option<Duration>,
    /// See [`super::Contract::outage_limit`].
    #[serde(default, deserialize_with = "duration")]
    pub outage_limit: Option<Duration>,
    /// See [`super::Contract::recovery_limit`].
    #[serde(default, deserialize_with = "duration")]
    pub recovery_limit: Option<Duration>,
    /// See [`super::Contract::image_size_limit`].
    #[serde(default, deserialize_with = "size")]
    pub image_size_limit: Option<u64>,
    /// Checks whose failure is accepted for now.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
}

/// Where declared values came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The compose file.
    File,
    /// The command line.
    Flags,
}

/// An accepted failure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The id of the check.
    pub check: String,
    /// Why its failure is accepted.
    pub reason: String,
    /// The last day on which it is accepted, as `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// A declaration that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// A value in the compose file, or given by a flag, is wrong.
    #[error("{place}: {message}")]
    Declared {
        /// File and line, or the flag.
        place: String,
        /// What is wrong.
        message: String,
        /// What to do.
        advice: String,
    },
    /// A value is neither declared nor obvious.
    #[error("{}: {message}", path.display())]
    Undetected {
        /// The compose file.
        path: PathBuf,
        /// What can't be told.
        message: String,
        /// How to declare it.
        advice: String,
    },
}

impl ContractError {
    /// What the user can do about it.
    #[must_use]
    pub fn advice(&self) -> &str {
        let (Self::Declared { advice, .. } | Self::Undetected { advice, .. }) = self;
        advice
    }
}

impl Declared {
    /// Reads the `x-seaworthy` block of a resolved model; all values are missing when there is none.
    pub fn from_model(model: &Model) -> Result<Self, ContractError> {
        // A block with nothing in it resolves to null.
        let Some(block) = model.value().get(BLOCK).filter(|block| !block.is_null()) else { return Ok(Self::default()) };
        are_readable(model, &[BLOCK], block)?;
        for (app, block) in block.get("apps").and_then(Value::as_object).into_iter().flatten() {
            let path = [BLOCK, "apps", app];
            if !block.is_object() && !block.is_null() {
                let message = format!("`apps.{app}` is not a mapping with the keys of an app");
                return Err(wrong(model, &path, &message, &keys(&path)));
            }
            are_readable(model, &path, block)?;
        }
        serde_json::from_value(block.clone())
            .map_err(|error| wrong(model, &[BLOCK], &format!("`{BLOCK}`: {error}"), &keys(&[BLOCK])))
    }

    /// File and line of a key of the block, or of the block of an app in it.
    #[must_use]
    pub fn place(model: &Model, app: Option<&str>, key: &str) -> String {
        match app {
            Some(app) => place(model, &[BLOCK, "apps", app, key]),
            None => place(model, &[BLOCK, key]),
        }
    }

    /// What is declared for one of several apps alone.
    #[must_use]
    pub fn of_app(&self, app: &str) -> Option<&Self> {
        self.apps.as_ref()?.get(app)
    }

    /// This block and those of single apps in it, each with its app.
    pub fn blocks(&self) -> impl Iterator<Item = (Option<&str>, &Self)> {
        let of_apps = self.apps.iter().flatten().map(|(app, block)| (Some(app.as_str()), block));
        std::iter::once((None, self)).chain(of_apps)
    }

    /// Every form that is declared, with its app and its key.
    pub fn forms_mut(&mut self) -> impl Iterator<Item = (Option<&str>, &'static str, &mut Form)> {
        let Self { readiness, liveness, apps, .. } = self;
        let of_apps =
            apps.iter_mut().flatten().map(|(app, block)| (Some(app.as_str()), &mut block.readiness, &mut block.liveness));
        let all = std::iter::once((None, readiness, liveness)).chain(of_apps);
        let forms = all.flat_map(|(app, readiness, liveness)| [(app, "readiness", readiness), (app, "liveness", liveness)]);
        forms.filter_map(|(app, key, form)| Some((app, key, form.as_mut()?)))
    }

    /// The values of headers that speak of a secret by their names. Others, such as `Accept`, stand in every log.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let forms = self.blocks().flat_map(|(_, block)| [&block.readiness, &block.liveness]).flatten();
        let headers = forms.filter_map(Form::http).flat_map(|http| &http.headers);
        headers.filter(|(name, _)| is_secret_header(name)).map(|(_, value)| value)
    }

    /// Checks what only the stack and the catalogue can tell: services, check ids and expiry dates.
    pub fn validate(&self, origin: Origin, model: &Model, check_ids: &[&str], today: Date) -> Result<(), ContractError> {
        let wrong = |model: &Model, keys: &[&str], message: &str, advice: &str| match origin {
            Origin::File => wrong(model, keys, message, advice),
            Origin::Flags => ContractError::Declared {
                place: format!("--{}", keys[1]),
                message: message.to_owned(),
                advice: advice.to_owned(),
            },
        };
        let services: Vec<&str> = model.services().map(|(name, _)| name).collect();
        let advice = format!("the services are: {}", services.join(", "));
        if let Some(app) = self.app.iter().find(|app| !services.contains(&app.as_str())) {
            return Err(wrong(model, &[BLOCK, "app"], &format!("there is no service `{app}` to be the app"), &advice));
        }
        if let Some(apps) = &self.apps {
            if !self.app.is_empty() {
                let advice = "keep `app` for one app, or `apps` for several";
                return Err(wrong(model, &[BLOCK, "apps"], "`app` and `apps` are both declared", advice));
            }
            if apps.is_empty() {
                return Err(wrong(model, &[BLOCK, "apps"], "`apps` names no service", &advice));
            }
            if let Some(app) = apps.keys().find(|app| !services.contains(&app.as_str())) {
                return Err(wrong(model, &[BLOCK, "apps", app], &format!("there is no service `{app}` to be an app"), &advice));
            }
        }
        for (app, block) in self.blocks() {
            let path = app.map_or_else(|| vec![BLOCK], |app| vec![BLOCK, "apps", app]);
            block.validate_own(&path, wrong, model, &services, check_ids, today)?;
        }
        Ok(())
    }

    /// Checks what stands in one block.
    fn validate_own(
        &self,
        path: &[&str],
        wrong: impl Fn(&Model, &[&str], &str, &str) -> ContractError,
        model: &Model,
        services: &[&str],
        check_ids: &[&str],
        today: Date,
    ) -> Result<(), ContractError> {
        for (index, dependency) in self.dependencies.iter().flatten().enumerate() {
            if !services.contains(&dependency.as_str()) {
                let index = index.to_string();
                let place = [path, &["dependencies", &index]].concat();
                let advice = format!("the services are: {}", services.join(", "));
                return Err(wrong(model, &place, &format!("there is no service `{dependency}` to depend on"), &advice));
            }
        }
        for (index, waiver) in self.waivers.iter().enumerate() {
            let index = index.to_string();
            let place = [path, &["waivers", &index]].concat();
            if !check_ids.contains(&waiver.check.as_str()) {
                let advice = format!("the checks are: {}", check_ids.join(", "));
                return Err(wrong(model, &place, &format!("a waiver names the unknown check `{}`", waiver.check), &advice));
            }
            let Some(expires) = &waiver.expires else { continue };
            // YAML takes a date without quotes for a moment, and Compose prints it as one.
            let expires = expires.strip_suffix("T00:00:00Z").unwrap_or(expires);
            let date = Date::parse(expires, format_description!("[year]-[month]-[day]"))
                .map_err(|_| wrong(model, &place, &format!("`expires: {expires}` is not a date"), "write it as YYYY-MM-DD"))?;
            if date < today {
                let message = format!("the waiver of `{}` expired on {expires}", waiver.check);
                return Err(wrong(model, &place, &message, "fix the failure, or give the waiver a new date and a reason"));
            }
        }
        Ok(())
    }
}

fn is_secret_header(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["auth", "key", "token", "secret", "cookie", "session", "password", "signature"].iter().any(|word| name.contains(word))
}

/// The keys that a block may have at this path.
fn keys(path: &[&str]) -> String {
    let what = if path.len() > 1 { "keys of an app are: " } else { "keys are: app, apps (a block of keys for each), " };
    format!(
        "the {what}port, readiness, liveness, business, dependencies, startup_limit, stop_status, unready, probe_timeout, \
         outage_limit, recovery_limit, image_size_limit, waivers (check, reason, expires); times are written 60s or 1m30s, sizes \
         300m or 2g"
    )
}

/// Whether every key of a block is known and has a value that it may have.
fn are_readable(model: &Model, path: &[&str], block: &Value) -> Result<(), ContractError> {
    for (key, value) in block.as_object().into_iter().flatten() {
        let is_of_app = path.len() > 1;
        if !is_of_app && key == "apps" && value.is_object() {
            continue;
        }
        let is_misplaced = is_of_app && ["app", "apps"].contains(&key.as_str());
        let one: serde_json::Map<String, Value> = [(key.clone(), value.clone())].into_iter().collect();
        let read = if is_misplaced {
            Err(serde_json::Error::custom(format!("unknown field `{key}`")))
        } else {
            serde_json::from_value::<Declared>(Value::Object(one)).map(|_| ())
        };
        if let Err(error) = read {
            let error = error.to_string();
            // The keys that it goes on to list stand in the advice.
            let error = error.split(", expected one of").next().unwrap_or_default();
            let advice = match key.as_str() {
                "readiness" | "liveness" => forms(),
                "business" => BUSINESSES.to_owned(),
                _ => keys(path),
            };
            let place = [path, &[key]].concat();
            let message = format!("`{}`: {error}", place[1..].join("."));
            return Err(wrong(model, &place, &message, &advice));
        }
    }
    Ok(())
}

fn wrong(model: &Model, keys: &[&str], message: &str, advice: &str) -> ContractError {
    ContractError::Declared { place: place(model, keys), message: message.to_owned(), advice: advice.to_owned() }
}

/// File and line of a declared value. A value from an included file has no line of its own.
pub(super) fn place(model: &Model, keys: &[&str]) -> String {
    let sources = model.file().sources();
    match place_of_key(&sources, keys) {
        Some((source, line)) => format!("{}:{line}", source.display()),
        None => sources.first().map_or_else(|| model.file().path().display().to_string(), |source| source.display().to_string()),
    }
}

/// A size in bytes, in the units of Compose: `b`, `k`, `m`, `g`, each also with a `b` behind, powers of 1024.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size such as 300m or 2g");
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|character: char| !character.is_ascii_digit()).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let factor = match unit {
        "" | "b" => 1_u64,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).filter(|size| *size > 0).ok_or_else(wrong)
}

fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.into_iter().collect())
}

/// Of an app that has no keys of its own only its name is declared.
fn apps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BTreeMap<String, Declared>>, D::Error> {
    let apps = Option::<BTreeMap<String, Option<Declared>>>::deserialize(deserializer)?.unwrap_or_default();
    Ok(Some(apps.into_iter().map(|(app, block)| (app, block.unwrap_or_default())).collect()))
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        other => other.to_string(),
    };
    parse_size(&text).map(Some).map_err(D::Error::custom)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map(Some)
        .map_err(|_| D::Error::custom(format!("`{text}` is not a time such as 60s or 1m30s")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::ComposeFile;

    fn declared(block: &Value) -> Result<Declared, ContractError> {
        let value = json!({"services": {"app": {}, "db": {}}, BLOCK: block});
        let model = Model::new(ComposeFile::from("/none/compose.yaml"), value).expect("has services");
        let declared = Declared::from_model(&model)?;
        declared.validate(Origin::File, &model, &["shutdown.in-time"], Date::from_ordinal_date(2026, 100).expect("a date"))?;
        Ok(declared)
    }

    #[test]
    fn a_block_is_read() {
        let read = declared(&json!({
            "app": "app", "port": 8000, "readiness": "/health", "startup_limit": "1m30s", "stop_status": [0], "unready": [500, 503],
            "waivers": [{"check": "shutdown.in-time", "reason": "known", "expires": "2026-12-01"}],
        }))
        .expect("declared");
        assert_eq!(read.startup_limit, Some(Duration::from_secs(90)));
        assert_eq!(read.unready, Some(vec![500, 503]));
        assert_eq!(read.waivers.len(), 1);
    }

    #[test]
    fn an_empty_block_declares_nothing() {
        assert_eq!(declared(&Value::Null).expect("declared"), Declared::default());
    }

    #[test]
    fn several_apps_have_a_block_each() {
        let read = declared(&json!({
            "outage_limit": "7s", "apps": {"app": {"port": 8000, "outage_limit": "9s"}, "db": null},
        }))
        .expect("declared");
        let apps: Vec<&str> = read.apps.iter().flatten().map(|(app, _)| app.as_str()).collect();
        assert_eq!(apps, ["app", "db"]);
        assert_eq!(read.of_app("app").and_then(|app| app.port), Some(8000));
        assert_eq!(read.of_app("db"), Some(&Declared::default()));
        assert_eq!(read.outage_limit, Some(Duration::from_secs(7)));
    }

    #[test]
    fn wrong_values_are_named() {
        for (block, message) in [
            (json!({"apps": {"web": {}}}), "no service `web` to be an app"),
            (json!({"apps": {}}), "names no service"),
            (json!({"apps": null}), "names no service"),
            (json!({"apps": ["app"]}), "`apps`: invalid type: sequence"),
            (json!({"apps": {"app": 8000}}), "`apps.app` is not a mapping"),
            (json!({"apps": {"app": {}}, "app": "app"}), "`app` and `apps` are both declared"),
            (json!({"apps": {"app": {"prot": 80}}}), "`apps.app.prot`: unknown field `prot`"),
            (json!({"apps": {"app": {"app": "db"}}}), "`apps.app.app`: unknown field `app`"),
            (json!({"apps": {"app": {"outage_limit": "soon"}}}), "is not a time"),
            (json!({"apps": {"app": {"dependencies": ["cache"]}}}), "no service `cache`"),
            (json!({"apps": {"app": {"waivers": [{"check": "shutdown.soon", "reason": "x"}]}}}), "unknown check `shutdown.soon`"),
            (json!({"app": ["app", "db"]}), "`app`: invalid type: sequence"),
            (json!({"prot": 80}), "unknown field `prot`"),
            (json!({"port": "eighty"}), "`port`"),
            (json!({"port": 80_000}), "`port`"),
            (json!({"readiness": "health"}), "must start with /"),
            (json!({"business": "items"}), "must start with /"),
            (json!({"business": {"exec": ["put"]}}), "a unit of work needs `done`"),
            (json!({"outage_limit": "soon"}), "is not a time"),
            (json!({"app": "web"}), "no service `web`"),
            (json!({"dependencies": ["cache"]}), "no service `cache`"),
            (json!({"waivers": [{"check": "shutdown.soon", "reason": "x"}]}), "unknown check `shutdown.soon`"),
            (json!({"waivers": [{"check": "shutdown.in-time", "reason": "x", "expires": "2026-01-01"}]}), "expired"),
            (
                json!({"waivers": [{"check": "shutdown.in-time", "reason": "x", "expires": "2026-01-01T00:00:00Z"}]}),
                "expired on 2026-01-01",
            ),
            (json!({"waivers": [{"check": "shutdown.in-time", "reason": "x", "expires": "soon"}]}), "not a date"),
            (json!({"waivers": [{"check": "shutdown.in-time"}]}), "missing field `reason`"),
        ] {
            let error = declared(&block).expect_err(message).to_string();
            assert!(error.contains(message), "{message}: {error}");
        }
    }
}
