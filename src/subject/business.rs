//! Business: what the app is there for. A path that uses the dependencies; or, of a worker, units of work from a queue, with a command
//! that puts one in and one that says whether it is done.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the app is there for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Business {
    /// A path that uses the dependencies.
    Path(String),
    /// Units of work.
    Work(Work),
}

/// How a worker is given a unit of work. Both commands run in the app's container, and have the number of the unit in the variable
/// [`Work::UNIT`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Puts one unit in: the program and its arguments.
    pub put: Vec<String>,
    /// Ends with status 0 when the unit is finished, or waits in its queue; with another one while it is under way, or when it is lost.
    pub done: Vec<String>,
}

impl Work {
    /// The variable that tells both commands which unit they are about.
    pub const UNIT: &str = "SEAWORTHY_UNIT";
}

/// What can be declared, in words.
pub(super) const BUSINESSES: &str = "write a path such as /items, or for a worker `{exec: [command], done: [command]}`: the first puts in one \
                                     unit of work, the second ends with status 0 when that is finished or in its queue";

impl Business {
    /// Reads what is declared.
    pub fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(path) if path.starts_with('/') => Ok(Self::Path(path.clone())),
            Value::String(other) => Err(format!("`{other}` is not a path: it must start with /")),
            Value::Object(object) => {
                if let Some(key) = object.keys().find(|key| !["exec", "done"].contains(&key.as_str())) {
                    return Err(format!("there is no `{key}` in a unit of work: the keys are exec, done"));
                }
                let command = |key: &str| command(key, object.get(key));
                Ok(Self::Work(Work { put: command("exec")?, done: command("done")? }))
            }
            other => Err(format!("`{other}` is neither a path nor a unit of work")),
        }
    }

    /// Reads what a flag says: a path, or the braces in JSON.
    pub fn read_flag(text: &str) -> Result<Self, String> {
        let value = if text.starts_with('{') {
            serde_json::from_str(text).map_err(|error| format!("it is not written as JSON: {error}"))?
        } else {
            text.into()
        };
        Self::read(&value)
    }

    /// The path, where it is one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        if let Self::Path(path) = self { Some(path) } else { None }
    }

    /// The unit of work, where it is one.
    #[must_use]
    pub fn work(&self) -> Option<&Work> {
        if let Self::Work(work) = self { Some(work) } else { None }
    }

    /// As a value in a compose file: what has braces is written as JSON, which is YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        match self {
            Self::Path(path) => path.clone(),
            Self::Work(_) => Value::from(self.clone()).to_string(),
        }
    }
}

fn command(key: &str, value: Option<&Value>) -> Result<Vec<String>, String> {
    let wrong = || format!("`{key}` is a list: the program and its arguments");
    let words = value.ok_or_else(|| format!("a unit of work needs `{key}`"))?.as_array().ok_or_else(wrong)?;
    let words: Option<Vec<String>> = words.iter().map(|word| word.as_str().map(str::to_owned)).collect();
    let words = words.ok_or_else(wrong)?;
    if words.first().is_none_or(String::is_empty) {
        return Err(format!("`{key}` names no program"));
    }
    Ok(words)
}

impl TryFrom<Value> for Business {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        Self::read(&value)
    }
}

impl From<Business> for Value {
    fn from(business: Business) -> Self {
        match business {
            Business::Path(path) => path.into(),
            Business::Work(Work { put, done }) => json!({"exec": put, "done": done}),
        }
    }
}

impl fmt::Display for Business {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => formatter.write_str(path),
            Self::Work(Work { put, done }) => {
                write!(formatter, "a unit of work, put in by {}, done when {} says so", put.join(" "), done.join(" "))
            }
        }
    }
}

impl JsonSchema for Business {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Business".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What the app is there for: a path that uses the dependencies, or an object with two commands: `exec` puts in a \
                            unit of work, `done` says whether it is finished or in its queue.",
            "anyOf": [{"type": "string"}, {"type": "object"}],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_a_unit_of_work_are_read_and_written() {
        for (declared, told) in [
            (json!("/items"), "/items"),
            (json!({"exec": ["put", "one"], "done": ["look"]}), "a unit of work, put in by put one, done when look says so"),
        ] {
            let business = Business::read(&declared).expect("a business");
            assert_eq!(business.to_string(), told);
            assert_eq!(Value::from(business.clone()), declared);
            assert_eq!(Business::read_flag(&business.to_yaml()), Ok(business));
        }
    }

    #[test]
    fn what_can_not_be_read_is_told_in_a_sentence() {
        for (declared, message) in [
            (json!("items"), "must start with /"),
            (json!(5), "neither a path nor a unit of work"),
            (json!({"exec": ["put"]}), "a unit of work needs `done`"),
            (json!({"done": ["look"]}), "a unit of work needs `exec`"),
            (json!({"exec": "put", "done": ["look"]}), "`exec` is a list"),
            (json!({"exec": ["put"], "done": []}), "`done` names no program"),
            (json!({"exec": ["put"], "done": [1]}), "`done` is a list"),
            (json!({"exec": ["put"], "done": ["look"], "path": "/"}), "there is no `path`"),
        ] {
            let error = Business::read(&declared).expect_err(message);
            assert!(error.contains(message), "{message}: {error}");
        }
    }
}
