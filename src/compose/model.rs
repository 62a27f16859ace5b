//! The resolved compose model: a JSON value with a few typed looks into it.

use serde_json::{Map, Value};

use super::ComposeFile;

/// What has to be true of a service before another one starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It runs.
    Started,
    /// Its health check passes.
    Healthy,
    /// It has ended with status 0.
    Completed,
}

/// What `docker compose config` said of a file, or a patched copy of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    file: ComposeFile,
    value: Value,
    warnings: Vec<String>,
}

impl Model {
    /// Wraps a resolved model; nothing when it has no services.
    #[must_use]
    pub fn new(file: ComposeFile, value: Value) -> Option<Self> {
        let has_services = value.get("services").and_then(Value::as_object).is_some_and(|services| !services.is_empty());
        has_services.then_some(Self { file, value, warnings: vec![] })
    }

    /// A changed copy.
    #[must_use]
    pub fn with_value(&self, value: Value) -> Self {
        Self { value, ..self.clone() }
    }

    /// The same, with what Compose warned of.
    #[must_use]
    pub(super) fn with_warnings(self, warnings: Vec<String>) -> Self {
        Self { warnings, ..self }
    }

    /// What Compose warned of when it read the files, such as variables that are not set.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Where the model came from.
    #[must_use]
    pub fn file(&self) -> &ComposeFile {
        &self.file
    }

    /// The model itself.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The model as Compose reads it.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.value.to_string()
    }

    /// All services, by name.
    pub fn services(&self) -> impl Iterator<Item = (&str, &Map<String, Value>)> {
        let services = self.value["services"].as_object();
        services.into_iter().flatten().filter_map(|(name, service)| Some((name.as_str(), service.as_object()?)))
    }

    /// One service.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Map<String, Value>> {
        self.value["services"].get(name)?.as_object()
    }

    /// The names of the services that are built.
    pub fn built_services(&self) -> impl Iterator<Item = &str> {
        self.services().filter(|(_, service)| service.contains_key("build")).map(|(name, _)| name)
    }

    /// The image that a service names.
    #[must_use]
    pub fn image(&self, service: &str) -> Option<&str> {
        self.service(service)?.get("image")?.as_str()
    }

    /// The services that a service depends on.
    #[must_use]
    pub fn depends_on(&self, service: &str) -> Vec<&str> {
        let dependencies = self.service(service).and_then(|service| service.get("depends_on")?.as_object());
        dependencies.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether the engine starts a service again when it exits.
    #[must_use]
    pub fn restarts(&self, service: &str) -> bool {
        let policy = self.service(service).and_then(|service| service.get("restart")?.as_str());
        policy.is_some_and(|policy| policy != "no")
    }

    /// How many containers a service has.
    #[must_use]
    pub fn replicas(&self, service: &str) -> usize {
        let count = self
            .service(service)
            .and_then(|service| service.get("scale").or_else(|| service.get("deploy")?.get("replicas")).and_then(Value::as_u64));
        count.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// What a service waits for before it starts.
    #[must_use]
    pub fn needs(&self, service: &str) -> Vec<(&str, Condition)> {
        let dependencies = self.service(service).and_then(|service| service.get("depends_on")?.as_object());
        let needs =
            dependencies.into_iter().flatten().filter(|(name, _)| self.service(name).is_some() && self.replicas(name) > 0);
        needs
            .map(|(name, need)| {
                let condition = match need.get("condition").and_then(Value::as_str) {
                    Some("service_healthy") => Condition::Healthy,
                    Some("service_completed_successfully") => Condition::Completed,
                    _ => Condition::Started,
                };
                (name.as_str(), condition)
            })
            .collect()
    }

    /// What a service waits for of another one before it starts, itself or through others that it waits for; nothing where it does not wait.
    #[must_use]
    pub fn condition(&self, service: &str, other: &str) -> Option<Condition> {
        let needs = self.needs(service);
        let direct = needs.iter().find(|(name, _)| *name == other).map(|(_, condition)| *condition);
        let mut awaited = needs.iter().filter(|(name, condition)| *condition != Condition::Started && *name != other);
        direct.or_else(|| awaited.find_map(|(name, _)| self.condition(name, other)))
    }

    /// All services that can't start before this one, directly or through others.
    #[must_use]
    pub fn dependents(&self, service: &str) -> Vec<String> {
        let mut found: Vec<String> = vec![];
        for name in self.start_order() {
            let needs = self.depends_on(&name);
            if needs.iter().any(|need| *need == service || found.iter().any(|dependent| dependent == need)) {
                found.push(name);
            }
        }
        found
    }

    /// All services that have a container, each after those that it depends on.
    #[must_use]
    pub fn start_order(&self) -> Vec<String> {
        self.start_order_after([].into_iter())
    }

    /// The same, with these and what they depend on first.
    #[must_use]
    pub fn start_order_after<'a>(&'a self, first: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut order = vec![];
        for service in first.chain(self.services().map(|(service, _)| service)) {
            self.append_with_dependencies(service, &mut order);
        }
        order
    }

    fn append_with_dependencies(&self, service: &str, order: &mut Vec<String>) {
        // Compose refuses cycles; a dependency that is not required may be missing.
        if order.iter().any(|name| name == service) || self.service(service).is_none() {
            return;
        }
        for dependency in self.depends_on(service) {
            self.append_with_dependencies(dependency, order);
        }
        if self.replicas(service) > 0 {
            order.push(service.to_owned());
        }
    }

    /// The environment of a service, as far as the compose file sets it. In the resolved model `$` is written `$$`.
    #[must_use]
    pub fn environment(&self, service: &str) -> Vec<(String, String)> {
        let environment = self.service(service).and_then(|service| service.get("environment")?.as_object());
        environment
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.replace("$$", "$"))))
            .collect()
    }

    /// The value of an environment variable of a service, or the content of the secret or bound file that `NAME_FILE` names.
    #[must_use]
    pub fn setting(&self, service: &str, name: &str) -> Option<String> {
        let environment = self.environment(service);
        let find = |name: &str| environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        find(name).or_else(|| self.file_content(service, &find(&format!("{name}_FILE"))?))
    }

    /// The password that a Redis server asks for: from its environment, or from its command line.
    #[must_use]
    pub fn redis_password(&self, service: &str) -> Option<String> {
        let command = self.service(service)?.get("command").and_then(Value::as_array);
        let words: Vec<&str> = command.into_iter().flatten().filter_map(Value::as_str).collect();
        // The whole line may stand in one word, behind a shell.
        let words: Vec<&str> = words.iter().flat_map(|word| word.split_whitespace()).collect();
        let given = words.iter().position(|word| *word == "--requirepass").and_then(|index| words.get(index + 1));
        let given = given.map(|word| word.trim_matches(['"', '\'']).replace("$$", "$")).filter(|word| !word.starts_with("${"));
        given.or_else(|| self.setting(service, "REDIS_PASSWORD")).filter(|password| !password.is_empty())
    }

    /// The content of a file that Compose mounts into the service from a secret.
    fn file_content(&self, service: &str, path: &str) -> Option<String> {
        let secrets = self.service(service)?.get("secrets")?.as_array()?;
        let source = secrets.iter().find_map(|secret| {
            let source = secret.get("source")?.as_str()?;
            let target = secret.get("target").and_then(Value::as_str).unwrap_or(source);
            (path == target || path == format!("/run/secrets/{target}")).then_some(source)
        })?;
        let secret = self.value["secrets"].get(source)?;
        let content = match (secret.get("file").and_then(Value::as_str), secret.get("environment").and_then(Value::as_str)) {
            (Some(file), _) => std::fs::read_to_string(file).ok()?,
            (None, Some(variable)) => std::env::var(variable).ok()?,
            (None, None) => secret.get("content").and_then(Value::as_str)?.replace("$$", "$"),
        };
        Some(content.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Ports that the service declares for itself (`ports` and `expose`), without repetitions.
    #[must_use]
    pub fn declared_ports(&self, service: &str) -> Vec<u16> {
        let Some(service) = self.service(service) else { return vec![] };
        let published = service.get("ports").and_then(Value::as_array).into_iter().flatten();
        let exposed = service.get("expose").and_then(Value::as_array).into_iter().flatten();
        let mut ports: Vec<u16> = published
            .filter_map(|port| u16::try_from(port.get("target")?.as_u64()?).ok())
            .chain(exposed.filter_map(|port| port.as_str()?.split('/').next()?.parse().ok()))
            .collect();
        ports.sort_unstable();
        ports.dedup();
        ports
    }

    /// Every variable of every service, for redaction.
    #[must_use]
    pub fn all_variables(&self) -> Vec<(String, String)> {
        let mut variables: Vec<(String, String)> = vec![];
        for (name, _) in self.services() {
            let environment = self.environment(name);
            let files = environment.iter().filter_map(|(key, _)| {
                let plain = key.strip_suffix("_FILE")?;
                Some((plain.to_owned(), self.setting(name, plain)?))
            });
            variables.extend(files);
            variables.extend(self.redis_password(name).map(|password| ("REDIS_PASSWORD".to_owned(), password)));
            variables.extend(environment.iter().cloned());
        }
        variables
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model(value: Value) -> Model {
        Model::new("/stack/compose.yaml".into(), value).expect("has services")
    }

    #[test]
    fn dollars_are_unescaped() {
        let model = model(json!({"services": {"db": {"environment": {"POSTGRES_PASSWORD": "a$$b"}}}}));
        assert_eq!(model.setting("db", "POSTGRES_PASSWORD").as_deref(), Some("a$b"));
    }

    #[test]
    fn a_setting_is_read_from_the_secret_that_its_file_variable_names() {
        let file = std::env::temp_dir().join(format!("seaworthy-model-{}", std::process::id()));
        std::fs::write(&file, "from-a-file\n").expect("written");
        let model = model(json!({
            "services": {"db": {
                "environment": {"POSTGRES_PASSWORD_FILE": "/run/secrets/pw"},
                "secrets": [{"source": "db_password", "target": "pw"}],
            }},
            "secrets": {"db_password": {"file": file}},
        }));
        let setting = model.setting("db", "POSTGRES_PASSWORD");
        std::fs::remove_file(&file).expect("removed");
        assert_eq!(setting.as_deref(), Some("from-a-file"));
    }

    #[test]
    fn needs_lead_to_an_order() {
        let model = model(json!({"services": {
            "proxy": {"depends_on": {"app": {"condition": "service_started"}}},
            "app": {"depends_on": {"migrate": {"condition": "service_completed_successfully"}, "cache": {}}},
            "migrate": {"depends_on": {"db": {"condition": "service_healthy"}, "gone": {"required": false}}},
            "db": {}, "cache": {},
        }}));
        assert_eq!(model.start_order(), ["cache", "db", "migrate", "app", "proxy"]);
        assert_eq!(model.start_order_after(["db"].into_iter()), ["db", "cache", "migrate", "app", "proxy"]);
        assert_eq!(model.condition("app", "db"), Some(Condition::Healthy), "through the migration");
        assert_eq!(model.condition("proxy", "db"), None, "what it needs is started, and no more");
        assert_eq!(model.needs("migrate"), [("db", Condition::Healthy)]);
        assert_eq!(model.dependents("db"), ["migrate", "app", "proxy"]);
    }

    #[test]
    fn ports_come_from_ports_and_expose() {
        let model = model(json!({"services": {"app": {"ports": [{"target": 8000}], "expose": ["9000/tcp", "8000"]}}}));
        assert_eq!(model.declared_ports("app"), [8000, 9000]);
    }
}
