//! Compose is the oracle: what the engine says of the containers, networks and volumes that Compose creates from a user's own file
//! is what it says of those in our copy, except for what the isolation patch declares.

#![expect(clippy::disallowed_methods, reason = "this test asks the real client")]

#[path = "oracle/compare.rs"]
mod compare;
mod engine;
mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use futures::StreamExt;
use saphyr::{LoadableYamlNode, Yaml};
use seaworthy::compose::{Compose, ComposeFile, Copy, Hazard, Model, isolate};
use serde_json::Value;

use self::compare::{Snapshot, differences, undeclared};
use harness::{Test, tests};

const TESTS: &[Test] = tests! {
    always: [
        every_key_of_a_service_is_used_by_some_stack,
    ],
    when engine::is_there: [
        what_we_create_is_what_compose_creates_except_for_declared_changes,
    ],
};

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

/// How many stacks are created at once.
const AT_ONCE: usize = 3;
/// The least number of stacks.
const LEAST_STACKS: usize = 30;
/// What some stacks expect to be there, made by others.
const THEIRS: [[&str; 3]; 3] = [
    ["network", "create", "bridge-of-the-oracle"],
    ["volume", "create", "oracle-external-volume"],
    ["container", "create", "oracle-outsider"],
];
/// Stacks in which nothing is allowed: what reaches out is replaced.
const REPLACED: [&str; 1] = ["replaced"];
/// Every key of a service in the compose specification.
const KEYS: &str = "annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name \
    cpu_period cpu_quota cpu_shares cpus cpuset depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search \
    domainname entrypoint env_file environment expose extends external_links extra_hosts group_add healthcheck hostname image \
    init ipc labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit network_mode networks \
    oom_kill_disable oom_score_adj pid pids_limit platform ports privileged profiles pull_policy read_only restart runtime \
    scale secrets security_opt shm_size stdin_open stop_grace_period stop_signal sysctls tmpfs tty ulimits user userns_mode \
    uts volumes volumes_from working_dir";

fn stacks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    files
}

fn docker(arguments: &[&str], input: Option<&Path>) -> Result<String, String> {
    let mut command = Command::new("docker");
    command.args(arguments);
    if let Some(folder) = input {
        command.current_dir(folder);
    }
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("docker {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)))
    }
}

/// Removes a project, whatever became of the test.
struct Project(String);

impl Drop for Project {
    fn drop(&mut self) {
        let labelled = format!("label=com.docker.compose.project={}", self.0);
        // Compose labels what it builds with the name in the file.
        let named = format!("reference={}*", self.0);
        for (list, filter, remove) in [
            (&["ps", "-aq"][..], &labelled, &["rm", "-fv"][..]),
            (&["network", "ls", "-q"], &labelled, &["network", "rm"]),
            (&["volume", "ls", "-q"], &labelled, &["volume", "rm"]),
            (&["images", "--format", "{{.Repository}}:{{.Tag}}"], &named, &["image", "rm"]),
        ] {
            let listed = docker(&[list, &["--filter", filter]].concat(), None).unwrap_or_default();
            let ids: Vec<&str> = listed.lines().collect();
            if !ids.is_empty() {
                let _ = docker(&[remove, &ids].concat(), None);
            }
        }
        let _ = fs::remove_dir_all(scratch(&self.0));
    }
}

fn scratch(project: &str) -> PathBuf {
    std::env::temp_dir().join(format!("seaworthy-test-{project}"))
}

/// Everything that the engine has of a project.
fn snapshot(project: &str, model: &Model) -> Result<Snapshot, String> {
    let filter = format!("label=com.docker.compose.project={project}");
    let inspect = |list: &[&str], inspect: &[&str]| -> Result<Vec<Value>, String> {
        let ids = docker(&[list, &["--filter", &filter]].concat(), None)?;
        let ids: Vec<&str> = ids.lines().collect();
        if ids.is_empty() {
            return Ok(vec![]);
        }
        serde_json::from_str(&docker(&[inspect, &ids].concat(), None)?).map_err(|error| error.to_string())
    };
    Ok(Snapshot::new(
        project,
        model.value(),
        inspect(&["ps", "-aq", "--no-trunc"], &["inspect"])?,
        inspect(&["network", "ls", "-q"], &["network", "inspect"])?,
        inspect(&["volume", "ls", "-q"], &["volume", "inspect"])?,
    ))
}

/// Makes a copy other than it should be.
type Spoil = fn(&mut Value);

/// Creates a stack twice, from the user's file and as a copy of ours, and returns what differs and is not declared.
async fn compare(file: PathBuf, spoil: Spoil) -> Result<Vec<String>, String> {
    let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
    let (theirs, ours) = (format!("oracle-{name}-{}", std::process::id()), format!("oracle-{name}-{}-copy", std::process::id()));
    let folder = file.parent().expect("a folder");
    let path = file.display().to_string();
    let said = |error: seaworthy::compose::ComposeError| format!("{name}: {error} {:?}", error.output());

    let guard = Project(theirs.clone());
    docker(&["compose", "-p", &theirs, "-f", &path, "create"], Some(folder))?;
    let model = Compose.resolve(&ComposeFile::find(&file).map_err(said)?).await.map_err(said)?;
    let by_the_oracle = snapshot(&theirs, &model)?;
    // Names and host ports that exist once must be free again.
    drop(guard);

    let _guard = Project(ours.clone());
    let images = model.built_services().map(|service| (service.to_owned(), format!("{ours}:{service}")));
    let copy = Copy {
        images: images.collect(),
        project: ours.clone(),
        labels: BTreeMap::from([("com.docker.compose.project".to_owned(), ours.clone())]),
        scratch: scratch(&ours),
        ..Copy::preview(if REPLACED.contains(&name.as_str()) { BTreeSet::new() } else { Hazard::ALL.into() })
    };
    let mut value = model.value().clone();
    for (service, image) in &copy.images {
        value["services"][service.as_str()]["image"] = image.clone().into();
        value["services"][service.as_str()]["build"]["labels"]["com.docker.compose.project"] = ours.clone().into();
    }
    if !copy.images.is_empty() {
        Compose.build(&model.with_value(value)).await.map_err(said)?;
    }
    let copy = isolate(&model, &copy).map_err(said)?;
    let mut value = copy.model.value().clone();
    spoil(&mut value);
    let spoilt = copy.model.with_value(value);
    Compose.lay_out(&spoilt, &copy.files).await.map_err(said)?;
    Compose.create(&spoilt).await.map_err(said)?;
    let by_us = snapshot(&ours, &spoilt)?;

    let built: BTreeSet<String> = model.built_services().map(str::to_owned).collect();
    let found = undeclared(differences(&by_the_oracle, &by_us), &copy.changes, &built);
    Ok(found.into_iter().map(|difference| format!("{name}: {difference}")).collect())
}

struct Theirs;

impl Theirs {
    fn make() -> Self {
        let theirs = Self;
        for words in THEIRS {
            let image: &[&str] =
                if words[0] == "container" { &["--name", words[2], "debian:bookworm-slim"] } else { &words[2..] };
            // What a killed test has left is as good.
            if let Err(error) = docker(&[&words[..2], image].concat(), None) {
                assert!(error.contains("already exists") || error.contains("already in use"), "{error}");
            }
        }
        theirs
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        for [kind, _, name] in THEIRS {
            let _ = docker(&[kind, "rm", name], None);
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn what_we_create_is_what_compose_creates_except_for_declared_changes() {
    let _theirs = Theirs::make();
    let files = stacks();
    assert!(files.len() >= LEAST_STACKS, "only {} stacks", files.len());
    let compared = futures::stream::iter(files.into_iter().map(|file| compare(file, |_| {})));
    let outcomes: Vec<Result<Vec<String>, String>> = compared.buffer_unordered(AT_ONCE).collect().await;
    let found: Vec<String> = outcomes.into_iter().flat_map(|outcome| outcome.unwrap_or_else(|error| vec![error])).collect();
    assert!(found.is_empty(), "{found:#?}");

    // The test can fail: what a copy lacks or has too much is found, in each kind of thing.
    let spoilt: [(&str, Spoil, &str); 4] = [
        ("commands", |value| value["services"]["set"]["working_dir"] = "/".into(), "Config.WorkingDir"),
        ("security", |value| value["services"]["app"]["cap_drop"] = serde_json::json!([]), "HostConfig.CapDrop"),
        ("networks", |value| value["networks"]["back"]["internal"] = false.into(), "Internal"),
        ("replicas", |value| value["services"]["two"]["scale"] = 1.into(), "service two#2"),
    ];
    for (stack, spoil, place) in spoilt {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/oracle/{stack}.yaml"));
        let found = compare(file, spoil).await.expect("compared");
        assert!(found.len() == 1 && found[0].contains(place), "{stack}: {found:#?}");
    }
}

fn every_key_of_a_service_is_used_by_some_stack() {
    let used: BTreeSet<String> = stacks().iter().flat_map(|file| keys_of_services(file)).collect();
    let unused: Vec<&str> = KEYS.split_whitespace().filter(|key| !used.contains(*key)).collect();
    assert!(unused.is_empty(), "no stack uses {unused:?}");
}

fn keys_of_services(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a text");
    let documents = Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    // A file may have nothing but what it includes.
    let services = documents[0].as_mapping_get("services").and_then(Yaml::as_mapping);
    let services = services.into_iter().flat_map(|services| services.values()).filter_map(Yaml::as_mapping);
    services.flat_map(|service| service.keys()).filter_map(Yaml::as_str).map(str::to_owned).collect()
}
