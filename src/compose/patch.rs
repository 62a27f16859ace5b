//! Small changes to a copy that a scenario asks for.

use std::time::Duration;

use serde_json::{Value, json};

use super::Model;
use super::tap::{TapPlace, put_in_place};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch {
    /// The health check of a service, declared by the file or by the image, runs this often.
    HealthInterval {
        /// The service.
        service: String,
        /// The time from one run to the next.
        interval: Duration,
    },
    /// A variable of a service has another value.
    Variable {
        /// The service.
        service: String,
        /// The variable's name; a file that is named by `NAME_FILE` is no longer looked at.
        name: String,
        /// The value.
        value: String,
    },
    /// A service has no health check.
    NoHealthCheck {
        /// The service.
        service: String,
    },
    /// The tap stands in the place of a service.
    Tap(TapPlace),
}

/// The model with these changes.
#[must_use]
pub fn patched(model: &Model, patches: &[Patch]) -> Model {
    let mut value = model.value().clone();
    for patch in patches {
        match patch {
            Patch::HealthInterval { service, interval } => {
                let check = object(&mut value["services"][service.as_str()], "healthcheck");
                let interval = json!(format!("{}ms", interval.as_millis()));
                check["interval"] = interval.clone();
                check["start_interval"] = interval;
            }
            Patch::Variable { service, name, value: text } => {
                let variables = object(&mut value["services"][service.as_str()], "environment");
                if let Some(variables) = variables.as_object_mut() {
                    variables.remove(&format!("{name}_FILE"));
                    // In the model `$` is written `$$`.
                    variables.insert(name.clone(), json!(text.replace('$', "$$")));
                }
            }
            Patch::NoHealthCheck { service } => value["services"][service.as_str()]["healthcheck"] = json!({"disable": true}),
            Patch::Tap(place) => put_in_place(&mut value, place),
        }
    }
    model.with_value(value)
}

fn object<'a>(service: &'a mut Value, key: &str) -> &'a mut Value {
    if !service[key].is_object() {
        service[key] = json!({});
    }
    &mut service[key]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::ComposeFile;

    #[test]
    fn a_copy_is_changed_where_the_scenario_asks_for_it() {
        let value = json!({"services": {
            "app": {"healthcheck": {"test": ["CMD", "true"], "interval": "30s"}},
            "db": {"environment": {"POSTGRES_PASSWORD_FILE": "/run/secrets/p", "A": "b"}},
        }});
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value).expect("has services");
        let often = Patch::HealthInterval { service: "app".into(), interval: Duration::from_secs(1) };
        let password = Patch::Variable { service: "db".into(), name: "POSTGRES_PASSWORD".into(), value: "a$b".into() };
        let image_check = Patch::HealthInterval { service: "db".into(), interval: Duration::from_secs(1) };
        let patched = patched(&model, &[often, password, image_check]);
        let services = &patched.value()["services"];
        assert_eq!(
            services["app"]["healthcheck"],
            json!({"test": ["CMD", "true"], "interval": "1000ms", "start_interval": "1000ms"})
        );
        assert_eq!(services["db"]["environment"], json!({"POSTGRES_PASSWORD": "a$$b", "A": "b"}));
        assert_eq!(services["db"]["healthcheck"], json!({"interval": "1000ms", "start_interval": "1000ms"}));
    }
}
