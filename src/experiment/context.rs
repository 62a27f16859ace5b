//! The run context: what all experiments of a run share: the engine, the resolved stack with its images, and the contract.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::find::{self, Search};
use super::seed::{self, Seeds};
use super::settle::LastLine;
use super::{ResolvedStack, RunError, baseline};
use crate::causes::with_causes;
use crate::compose::{
    Compose, ComposeError, Copy, Hazard, Isolated, Model, PROXY, Patch, Publish, TAP_CONTROL, TapPlace, isolate, patched, tap_of,
};
use crate::engine::{Base, Engine, EngineError, ImageFacts};
use crate::image::{Contents, read};
use crate::judge::start_limit;
use crate::model::Halt;
use crate::redact::Redactor;
use crate::subject::{Contract, Draft, Form, Found, ImagePorts, Kind, detect};

/// What every experiment about an app takes its instance of the stack from. Of several apps each has one; they share the engine, the stack
/// and its images.
#[derive(Debug)]
pub struct RunContext {
    /// The app, as its checks are named by it where the run has several.
    pub one_of_several: Option<String>,
    /// The engine.
    pub engine: Engine,
    /// The resolved stack as the user wrote it, without what was left out.
    pub model: Model,
    /// What the suite knows of it.
    pub contract: Contract,
    /// The same, with where each value came from.
    pub draft: Draft,
    /// Masks the secrets of the stack.
    pub redactor: Redactor,
    /// The other apps of the run.
    pub(super) other_apps: Vec<String>,
    /// Those that the app does not need, and what can't start before them.
    pub(super) bystanders: BTreeSet<String>,
    /// The id of the app's image.
    pub app_image: String,
    labels: BTreeMap<String, String>,
    /// The images that were built for this run, by service.
    built: BTreeMap<String, String>,
    images: Arc<Images>,
    /// What the user allows to be shared.
    allowed: BTreeSet<Hazard>,
    /// Whether instances share something with each other or with the machine, so that there may be only one at a time.
    pub(super) is_serial: bool,
    /// Numbers the copies of all apps.
    copies: Arc<AtomicUsize>,
    /// What the app's image holds, once a scenario has needed it.
    contents: OnceCell<Contents>,
    /// What the app's image was made from, likewise.
    base: OnceCell<Option<Base>>,
    /// Where known weaknesses come from.
    pub scan: Scan,
    /// The tap's image, once a scenario has needed it.
    tap: Arc<OnceCell<String>>,
    /// What databases have on their disks after their first boot.
    pub(super) seeds: Seeds,
    /// What the user should know of what was found.
    pub notes: Vec<String>,
    /// How long the app took to be ready when nothing disturbed it.
    pub(super) undisturbed_start: Duration,
    /// What it then wrote last about its start, where readiness does not say when that is over.
    pub(super) last_line: Option<LastLine>,
}

impl RunContext {
    /// Builds and pulls the images of a stack, and completes the contract of each of its apps.
    pub async fn set_up(engine: Engine, blueprint: ResolvedStack, say: &dyn Fn(&str)) -> Result<Vec<Self>, RunError> {
        let ResolvedStack { model, apps, declared, flags, redactor, allowed, is_serial, .. } = blueprint;
        let labels = engine.run().labels(engine.clock().started_at());
        let built = build(&engine, &model, &labels, say).await?;
        pull(&engine, &model, say).await?;
        let images = inspect(&engine, &model, &built).await?;
        let redactor = redactor.with_variables(images.variables());
        let (images, copies, tap) = (Arc::new(images), Arc::new(AtomicUsize::new(0)), Arc::new(OnceCell::new()));
        let has_several = apps.len() > 1;
        let names: Vec<String> = apps.iter().map(|app| app.value.clone()).collect();
        // Without an app the contract says what is missing.
        let apps = if apps.is_empty() { vec![None] } else { apps.into_iter().map(Some).collect() };
        let contexts = apps.into_iter().map(|app| {
            let draft = detect(app, &flags, &declared, &model, &*images);
            // While nothing else is known.
            let asked = draft.readiness.clone().unwrap_or_else(|| Found::new(Form::Runs, "not known yet"));
            let contract = Draft { readiness: Some(asked), ..draft.clone() }.into_contract(&model)?;
            Ok(Self {
                one_of_several: has_several.then(|| contract.app.clone()),
                engine: engine.clone(),
                model: model.clone(),
                other_apps: names.iter().filter(|name| **name != contract.app).cloned().collect(),
                bystanders: bystanders(&model, &contract, &names),
                app_image: images.0.get(&contract.app).map(|image| image.id.clone()).unwrap_or_default(),
                contract,
                draft,
                redactor: redactor.clone(),
                labels: labels.clone(),
                built: built.clone(),
                images: Arc::clone(&images),
                allowed: allowed.clone(),
                is_serial,
                copies: Arc::clone(&copies),
                contents: OnceCell::new(),
                base: OnceCell::new(),
                scan: Scan::default(),
                tap: Arc::clone(&tap),
                seeds: Seeds::default(),
                undisturbed_start: Duration::ZERO,
                last_line: None,
                notes: vec![],
            })
        });
        contexts.collect()
    }

    /// Finds how the app can be asked whether it is ready, by starting it once, when nobody has declared it.
    pub async fn find_readiness(&mut self, say: &dyn Fn(&str)) -> Result<(), RunError> {
        if self.draft.readiness.is_some() {
            return Ok(());
        }
        let app = self.one_of_several.as_ref().map_or("the app".to_owned(), |app| format!("`{app}`"));
        say(&format!("starting {app} once, to find how it says that it is ready"));
        let Search { readiness, port, note } = find::find_readiness(self).await?;
        self.draft.readiness = Some(readiness);
        if self.draft.port.is_none() {
            self.draft.port = port;
        }
        self.notes.extend(note);
        self.contract = self.draft.clone().into_contract(&self.model)?;
        Ok(())
    }

    /// The contract as far as what is not known yet could still be: a path for readiness, and one for liveness.
    #[must_use]
    pub fn undecided(&self) -> Contract {
        let path = || Form::path("/");
        let readiness = if self.draft.readiness.is_some() { self.contract.readiness.clone() } else { path() };
        let liveness = self.contract.liveness.clone().or_else(|| Some(path()));
        Contract { readiness, liveness, ..self.contract.clone() }
    }

    /// How long the app may take to be ready: more than the contract's limit where its start takes long alone.
    pub(super) fn start_limit(&self) -> Duration {
        start_limit(&self.contract, self.undisturbed_start)
    }

    /// Brings the stack up once, undisturbed, and completes the contract by what that shows, before so many experiments that start it. What
    /// the contexts of other apps have taken from databases is taken over. Returns how many copies the engine's machine bears at once.
    pub async fn measure_baseline(&mut self, experiments: usize, others: &[Self]) -> Result<usize, RunError> {
        let tried = baseline::measure(self).await?;
        if let Some(liveness) = tried.liveness {
            self.contract.liveness = Some(liveness.value.clone());
            self.draft.liveness = Some(liveness);
        }
        (self.undisturbed_start, self.last_line) = (tried.ready_after, tried.last_line);
        self.seeds = others.last().map(|other| other.seeds.clone()).unwrap_or_default();
        // One that can't be taken is no loss: each instance boots its databases itself then.
        if experiments >= seed::WORTH || seed::has_one_shots(self) {
            let seeds = seed::take(self).await.unwrap_or_default();
            self.seeds.extend(seeds);
        }
        Ok(tried.copies)
    }

    /// A new isolated copy of the stack with these changes, what else was changed in it, and the files that it needs; for the apps of these
    /// contexts besides its own.
    pub fn copy(&self, patches: &[Patch], others: &[&Self]) -> Result<Isolated, ComposeError> {
        let number = self.copies.fetch_add(1, Ordering::Relaxed) + 1;
        let copy = Copy {
            project: format!("seaworthy-{}-{number}", self.engine.run()),
            labels: self.labels.clone(),
            images: self.built.clone(),
            scratch: self.engine.run().scratch().join(number.to_string()),
            allowed: self.allowed.clone(),
            publish: self.engine.access().published_at().map(|at| Publish { at, ports: probed_ports(self, others) }),
        };
        isolate(&patched(&self.model, patches), &copy)
    }

    /// The ports that are probed, by service.
    fn probed_ports(&self) -> BTreeMap<String, BTreeSet<u16>> {
        let app = &self.contract.app;
        let forms = [Some(&self.contract.readiness), self.contract.liveness.as_ref()];
        let of_app = forms.into_iter().flatten().filter_map(|form| self.contract.port_of(form)).chain(self.contract.port);
        // While it is not known how the app is asked, it may be at any of these.
        let any = if self.draft.readiness.is_none() { self.ports(app) } else { BTreeSet::new() };
        let mut ports = BTreeMap::from([(app.clone(), of_app.chain(any).collect::<BTreeSet<u16>>())]);
        let of_proxy = self.contract.port_of(&self.contract.readiness);
        ports.insert(PROXY.to_owned(), of_proxy.into_iter().collect());
        for dependency in &self.contract.dependencies {
            ports.entry(dependency.service.clone()).or_default().extend(dependency.kind.port());
            ports.entry(tap_of(&dependency.service)).or_default().insert(TAP_CONTROL);
        }
        ports
    }

    /// What databases have on their disks after their first boot, of which the context that was measured last has most.
    pub(super) fn seeds<'a>(&'a self, others: &[&'a Self]) -> &'a Seeds {
        let most = |most: &'a Seeds, seeds: &'a Seeds| if seeds.data.len() > most.data.len() { seeds } else { most };
        others.iter().map(|other| &other.seeds).fold(&self.seeds, most)
    }

    /// Builds the app's image once more, under another name, from this folder in the place of its context. Returns what BuildKit tells of
    /// its steps.
    pub(super) async fn build_again(&self, context: &Path, dockerfile: &Path) -> Result<String, ComposeError> {
        let app = self.contract.app.as_str();
        let mut value = self.model.value().clone();
        for (service, image) in &self.built {
            let definition = &mut value["services"][service.as_str()];
            if service == app {
                name_build(definition, &format!("{image}-again"), &self.labels);
                definition["build"]["context"] = context.display().to_string().into();
                if definition["build"].get("dockerfile_inline").is_none() {
                    definition["build"]["dockerfile"] = dockerfile.display().to_string().into();
                }
            } else if let Some(definition) = definition.as_object_mut() {
                definition.remove("build");
                definition.insert("image".into(), image.clone().into());
            }
        }
        Compose.build(&self.model.with_value(value)).await
    }

    /// A folder of the run's own for this app, which is removed with the run.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.engine.run().scratch().join(format!("{name}-{}", self.contract.app))
    }

    /// What the app's image holds. It is read once in a run, when it is first asked for.
    pub(super) async fn contents(&self) -> Result<&Contents, Halt> {
        let read = || async {
            let architecture = self.engine.architecture().to_owned();
            let contents = self.engine.export(&self.app_image, move |archive| read(archive, &architecture)).await?;
            contents.map_err(|error| Halt::CouldNotRun {
                reason: format!("the image of `{}` can't be read: {}", self.contract.app, with_causes(&error)),
                advice: "build or pull the image again".into(),
                service: None,
            })
        };
        self.contents.get_or_try_init(read).await
    }

    /// The image that the app's was made from; nothing when the engine has none that it could be.
    pub(super) async fn base(&self) -> Result<Option<&Base>, EngineError> {
        Ok(self.base.get_or_try_init(|| self.engine.base_of(&self.app_image)).await?.as_ref())
    }

    /// The change that puts the tap in the place of a dependency.
    pub(super) async fn tap(&self, service: &str) -> Result<Patch, EngineError> {
        let image = self.tap.get_or_try_init(|| self.engine.tap_image()).await?.clone();
        Ok(Patch::Tap(TapPlace { service: service.to_owned(), image, ports: self.ports(service).into_iter().collect() }))
    }

    /// Why no tap can stand in the place of a dependency; nothing when one can.
    pub(super) fn tap_is_missing(&self, service: &str) -> Option<String> {
        if let Some(reason) = self.engine.tap_is_missing() {
            Some(reason.to_owned())
        } else if self.networks(service).is_empty() {
            Some(format!("`{service}` is on no network of its own, so nothing can stand in its place"))
        } else if self.ports(service).is_empty() {
            Some(format!("no port of `{service}` is known"))
        } else {
            None
        }
    }

    /// The change that puts a proxy beside the app, which answers readiness in its place.
    pub(super) async fn proxy(&self) -> Result<Patch, EngineError> {
        let image = self.tap.get_or_try_init(|| self.engine.tap_image()).await?.clone();
        let port = self.contract.port_of(&self.contract.readiness).unwrap_or_default();
        Ok(Patch::Proxy { service: self.contract.app.clone(), image, port })
    }

    /// The networks of a service.
    pub(super) fn networks(&self, service: &str) -> Vec<&str> {
        let networks = self.model.service(service).and_then(|service| service.get("networks")?.as_object());
        networks.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// The entry point and the command of a service's image.
    pub(super) fn command_of_image(&self, service: &str) -> (Vec<String>, Vec<String>) {
        self.images.0.get(service).map(|image| (image.entrypoint.clone(), image.command.clone())).unwrap_or_default()
    }

    /// Every port that a dependency is known to listen on.
    fn ports(&self, service: &str) -> BTreeSet<u16> {
        let of_kind = self.contract.dependency(service).and_then(|dependency| dependency.kind.port());
        let declared = self.model.declared_ports(service).into_iter();
        of_kind.into_iter().chain(declared).chain(self.images.exposed(service)).collect()
    }

    /// Whether somebody wrote a compose file for it.
    #[must_use]
    pub fn has_compose_file(&self) -> bool {
        !self.model.file().sources().is_empty()
    }

    /// Why the app can't meet the first boot of its database: it starts after a one-shot service that needs it.
    #[must_use]
    pub fn first_boot_is_missing(&self) -> Option<&'static str> {
        let why = "the app starts when a migration of its database has completed: it never meets the database's first boot";
        seed::has_one_shots(self).then_some(why)
    }

    /// Whether a service has a health check, declared by the compose file or by its image.
    #[must_use]
    pub fn has_health_check(&self, service: &str) -> bool {
        let declared = self.model.service(service).and_then(|service| service.get("healthcheck"));
        if declared.is_some_and(|check| check.get("disable") == Some(&true.into())) {
            return false;
        }
        let test = declared
            .and_then(|check| check.get("test")?.as_array())
            .map(|test| test.iter().filter_map(|word| word.as_str()).collect());
        let of_image = self.images.health_check(service).unwrap_or_default();
        let test: Vec<&str> = test.unwrap_or_else(|| of_image.iter().map(String::as_str).collect());
        test.first().is_some_and(|first| *first != "NONE")
    }

    /// Whether somebody has chosen the signal that stops a service.
    #[must_use]
    pub fn sets_stop_signal(&self, service: &str) -> bool {
        let declared = self.model.service(service).is_some_and(|service| service.contains_key("stop_signal"));
        declared || self.images.stop_signal(service).is_some()
    }

    /// The TCP ports that a service's image exposes.
    #[must_use]
    pub fn exposed_ports(&self, service: &str) -> Vec<u16> {
        self.images.exposed(service)
    }

    /// What the images say.
    pub(super) fn image_ports(&self) -> &dyn ImagePorts {
        &*self.images
    }

    /// The labels of a service's image.
    #[must_use]
    pub fn image_labels(&self, service: &str) -> BTreeMap<String, String> {
        self.images.0.get(service).map(|image| image.labels.clone()).unwrap_or_default()
    }

    /// Where a database keeps its data; nothing where that is not known.
    #[must_use]
    pub fn data_folder(&self, service: &str) -> Option<String> {
        match self.contract.dependency(service)?.kind {
            Kind::Postgres { .. } => {
                Some(self.model.setting(service, "PGDATA").unwrap_or_else(|| "/var/lib/postgresql/data".into()))
            }
            Kind::Mysql { .. } => Some("/var/lib/mysql".into()),
            _ => None,
        }
    }
}

/// Where known weaknesses of an image come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scan {
    /// A scanner that is installed (Trivy, Grype).
    #[default]
    Installed,
    /// A report that one of them has made elsewhere, in JSON.
    Report(PathBuf),
    /// Nowhere.
    Off,
}

/// The contract of each app as far as it can be told without building or starting anything; one without an app where that can't be told.
/// Images are asked where there is an engine that has them.
pub async fn drafts(blueprint: &ResolvedStack, engine: Option<&Engine>) -> Vec<Draft> {
    let ResolvedStack { model, apps, declared, flags, .. } = blueprint;
    let images = match engine {
        Some(engine) => inspect(engine, model, &BTreeMap::new()).await.unwrap_or_else(|_| Images(BTreeMap::new())),
        None => Images(BTreeMap::new()),
    };
    let apps = if apps.is_empty() { vec![None] } else { apps.iter().cloned().map(Some).collect() };
    apps.into_iter().map(|app| detect(app, flags, declared, model, &images)).collect()
}

/// The ports that are probed, by service, for the apps of these contexts.
fn probed_ports(context: &RunContext, others: &[&RunContext]) -> BTreeMap<String, BTreeSet<u16>> {
    let mut ports = context.probed_ports();
    for (service, more) in others.iter().flat_map(|other| other.probed_ports()) {
        ports.entry(service).or_default().extend(more);
    }
    ports
}

/// The apps among these that an app does not need in any way that is declared, and what can't start before them.
fn bystanders(model: &Model, contract: &Contract, apps: &[String]) -> BTreeSet<String> {
    let mut needed: BTreeSet<&str> = BTreeSet::new();
    let named = contract.dependencies.iter().map(|dependency| dependency.service.as_str());
    let mut open: Vec<&str> = named.chain([contract.app.as_str()]).collect();
    while let Some(service) = open.pop() {
        if needed.insert(service) {
            open.extend(model.depends_on(service));
        }
    }
    let others = apps.iter().filter(|app| !needed.contains(app.as_str()));
    let with_dependents = others.flat_map(|app| model.dependents(app).into_iter().chain([app.clone()]));
    with_dependents.filter(|service| !needed.contains(service.as_str())).collect()
}

/// Builds every service that has a build section, once for the whole run, under a name that is this run's alone.
async fn build(
    engine: &Engine,
    model: &Model,
    labels: &BTreeMap<String, String>,
    say: &dyn Fn(&str),
) -> Result<BTreeMap<String, String>, RunError> {
    let services: Vec<String> = model.built_services().map(str::to_owned).collect();
    if services.is_empty() {
        return Ok(BTreeMap::new());
    }
    say(&format!("building {}", services.join(", ")));
    let mut value = model.value().clone();
    let mut built = BTreeMap::new();
    for service in services {
        let image = format!("seaworthy-{}:{service}", engine.run());
        name_build(&mut value["services"][service.as_str()], &image, labels);
        built.insert(service, image);
    }
    Compose.build(&model.with_value(value)).await?;
    Ok(built)
}

/// Lets a service be built under a name that is this run's alone.
fn name_build(definition: &mut Value, image: &str, labels: &BTreeMap<String, String>) {
    definition["image"] = image.into();
    let section = &mut definition["build"];
    // A tag of the user's own would be overwritten.
    if let Some(section) = section.as_object_mut() {
        section.remove("tags");
    }
    for (key, label) in labels {
        section["labels"][key.as_str()] = label.clone().into();
    }
}

/// Pulls the images that are not on the engine.
async fn pull(engine: &Engine, model: &Model, say: &dyn Fn(&str)) -> Result<(), RunError> {
    let mut missing = vec![];
    for (service, definition) in model.services() {
        let Some(image) = model.image(service).filter(|_| !definition.contains_key("build")) else { continue };
        if engine.image(image).await?.is_none() {
            missing.push(image.to_owned());
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    say(&format!("pulling {}", missing.join(", ")));
    Ok(Compose.pull(model, missing).await?)
}

#[derive(Debug)]
struct Images(BTreeMap<String, ImageFacts>);

impl ImagePorts for Images {
    fn exposed(&self, service: &str) -> Vec<u16> {
        self.0.get(service).map(|image| image.exposed.clone()).unwrap_or_default()
    }
    fn stop_signal(&self, service: &str) -> Option<String> {
        self.0.get(service)?.stop_signal.clone()
    }
    fn health_check(&self, service: &str) -> Option<Vec<String>> {
        self.0.get(service)?.health_check.clone()
    }
}

impl Images {
    /// The variables that the images bring along.
    fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.values().flat_map(|image| image.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

async fn inspect(engine: &Engine, model: &Model, built: &BTreeMap<String, String>) -> Result<Images, EngineError> {
    let mut images = BTreeMap::new();
    for (service, _) in model.services() {
        let image = built.get(service).map(String::as_str).or_else(|| model.image(service));
        if let Some(image) = image
            && let Some(facts) = engine.image(image).await?
        {
            images.insert(service.to_owned(), facts);
        }
    }
    Ok(Images(images))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::ComposeFile;
    use crate::model::Run;

    #[test]
    fn a_bystander_is_an_app_that_the_app_does_not_need_and_what_waits_for_it() {
        let services = json!({
            "web": {"depends_on": {"db": {}}}, "worker": {"depends_on": {"queue": {}}}, "queue": {"depends_on": {"db": {}}}, "db": {},
            "proxy": {"depends_on": {"web": {}}}, "admin": {"depends_on": {"web": {}, "worker": {}}}, "mail": {},
        });
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), json!({"services": services})).expect("has services");
        let run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        let known = run.contract(&run.checks[0]);
        let apps = ["web", "worker", "queue"].map(str::to_owned);
        for (app, expected) in [
            ("web", &["admin", "queue", "worker"][..]),
            ("worker", &["admin", "proxy", "web"]),
            ("queue", &["admin", "proxy", "web", "worker"]),
            ("admin", &[]),
        ] {
            let contract = Contract { app: app.into(), ..known.clone() };
            let found: Vec<String> = bystanders(&model, &contract, &apps).into_iter().collect();
            assert_eq!(found, expected, "{app}");
        }
    }
}
