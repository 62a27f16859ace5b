//! The isolation patch: turns the resolved model into one of many copies that share nothing.
//!
//! A copy has its own project name, networks and volumes, publishes nothing to the host, and carries our labels on all
//! that Compose creates. What can't be had once per copy is left out where nothing that is judged needs it, or else refused, unless the user
//! allows it. Model in, patched model, list of changes and list of files out; the file system is looked at only to see what is mounted, and how
//! large the machine's shared memory is.

mod hazard;
mod left_out;
mod mounts;
mod repair;
mod resources;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

pub use self::hazard::Hazard;
pub use self::left_out::{Remaining, leave_out};
pub(super) use self::mounts::is_engine_socket;
use super::{ComposeError, Model};

/// What makes one copy different from all others.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The Compose project name, unique on the engine.
    pub project: String,
    /// Labels for every container, network and volume.
    pub labels: BTreeMap<String, String>,
    /// The image to use for each service that was built.
    pub images: BTreeMap<String, String>,
    /// The folder for files of this copy alone.
    pub scratch: PathBuf,
    /// What the user allows to be shared.
    pub allowed: BTreeSet<Hazard>,
    /// What is to be reached from outside, where containers can't be reached at their own addresses.
    pub publish: Option<Publish>,
}

/// Ports that a copy publishes.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The address on the engine's machine.
    pub at: IpAddr,
    /// The ports, by service. Each is published at a free port of the machine's choice.
    pub ports: BTreeMap<String, BTreeSet<u16>>,
}

impl Copy {
    /// A copy that is never created: it shows what would be changed or refused.
    #[must_use]
    pub fn preview(allowed: BTreeSet<Hazard>) -> Self {
        let (labels, images) = (BTreeMap::new(), BTreeMap::new());
        Self { project: "copy".into(), labels, images, scratch: "/scratch".into(), allowed, publish: None }
    }
}

/// A model that shares nothing with any other copy of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Isolated {
    /// The patched model.
    pub model: Model,
    /// What was changed, in words.
    pub changes: Vec<String>,
    /// Files that must be there before the containers are created.
    pub files: Vec<ScratchFile>,
    /// What is shared because the user allows it.
    pub shared: BTreeSet<Hazard>,
}

/// A file or folder that a copy needs for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScratchFile {
    /// A copy of a file or folder of the user's.
    CopyOf {
        /// The user's.
        from: PathBuf,
        /// The copy's.
        to: PathBuf,
    },
    /// An empty folder, as the engine would make where a mounted path is missing.
    EmptyFolder {
        /// The folder.
        to: PathBuf,
    },
    /// A file with this content.
    Content {
        /// The file.
        to: PathBuf,
        /// Where the content comes from.
        source: Source,
    },
}

/// Where the content of a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It stands in the compose file.
    Text(String),
    /// It is the value of a variable, as Compose sees it.
    Variable(String),
}

/// What the patch has found and done so far.
#[derive(Default)]
struct Notes {
    changes: Vec<String>,
    files: Vec<ScratchFile>,
    shared: BTreeSet<Hazard>,
}

impl Notes {
    fn change(&mut self, change: String) {
        self.changes.push(change);
    }

    /// Notes a hazard that the user allows; otherwise an error that names its key.
    fn hazard(&mut self, copy: &Copy, hazard: Hazard, reason: String) -> Result<(), (Hazard, String)> {
        if !copy.allowed.contains(&hazard) {
            return Err((hazard, reason));
        }
        self.shared.insert(hazard);
        Ok(())
    }
}

/// Patches the model into a copy.
pub fn isolate(model: &Model, copy: &Copy) -> Result<Isolated, ComposeError> {
    let mut value = model.value().clone();
    let mut notes = Notes::default();
    value["name"] = json!(copy.project);
    if let Some(root) = value.as_object_mut() {
        root.retain(|key, _| !key.starts_with("x-"));
    }
    let refused = |place: String, (hazard, reason): (Hazard, String)| ComposeError::Refused {
        path: model.file().path().to_owned(),
        place,
        hazard,
        reason,
    };
    for (name, network) in entries(&mut value, "networks") {
        resources::isolate_network(name, network, &copy.project, &mut notes);
        set_labels(network, &copy.labels);
    }
    for (name, volume) in entries(&mut value, "volumes") {
        resources::isolate_volume(name, volume, copy, &mut notes).map_err(|found| refused(format!("volume `{name}`"), found))?;
        // A volume that others have made stays theirs.
        if !volume.contains_key("external") {
            set_labels(volume, &copy.labels);
        }
    }
    resources::addresses_are_unique(model)?;
    let names: Vec<String> = model.services().map(|(name, _)| name.to_owned()).collect();
    let folder = model.file().folder();
    for (name, definition) in entries(&mut value, "services") {
        let place = || format!("service `{name}`");
        hazard::look_for(name, definition, copy, &mut notes).map_err(|found| refused(place(), found))?;
        mounts::isolate(name, definition, &folder, copy, &mut notes).map_err(|found| refused(place(), found))?;
        service::isolate(name, definition, &names, &mut notes);
        if let Some(image) = copy.images.get(name) {
            definition.insert("image".into(), json!(image));
        }
        set_labels(definition, &copy.labels);
    }
    if let Some(publish) = &copy.publish {
        service::publish(&mut value, publish);
    }
    repair::read_only_services(&mut value, copy, &mut notes);
    let Notes { changes, files, shared } = notes;
    Ok(Isolated { model: model.with_value(value), changes, files, shared })
}

/// The entries of a top-level section, each made an object (an empty entry resolves to null).
fn entries<'a>(value: &'a mut Value, section: &str) -> impl Iterator<Item = (&'a String, &'a mut Map<String, Value>)> {
    let section = value.get_mut(section).and_then(Value::as_object_mut);
    section.into_iter().flatten().filter_map(|(name, entry)| {
        if entry.is_null() {
            *entry = json!({});
        }
        Some((name, entry.as_object_mut()?))
    })
}

fn set_labels(entry: &mut Map<String, Value>, labels: &BTreeMap<String, String>) {
    let existing = entry.entry("labels").or_insert_with(|| json!({}));
    if !existing.is_object() {
        *existing = json!({});
    }
    for (key, value) in labels {
        existing[key.as_str()] = json!(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::ComposeFile;

    fn copy(allowed: &[Hazard]) -> Copy {
        Copy {
            project: "copy-1".into(),
            labels: BTreeMap::from([("dev.seaworthy.run".into(), "r1".into())]),
            images: BTreeMap::from([("app".into(), "seaworthy-r1:app".into())]),
            scratch: "/scratch".into(),
            allowed: allowed.iter().copied().collect(),
            publish: None,
        }
    }

    fn isolated(value: &Value, allowed: &[Hazard]) -> Result<Isolated, ComposeError> {
        let model = Model::new(ComposeFile::from("/stack/compose.yaml"), value.clone()).expect("has services");
        isolate(&model, &copy(allowed))
    }

    fn labelled(mut value: Value) -> Value {
        value["labels"] = json!({"dev.seaworthy.run": "r1"});
        value
    }

    #[test]
    fn a_copy_shares_no_name_port_or_address() {
        let found = isolated(
            &json!({
                "name": "shop",
                "services": {"app": {
                    "build": {"context": "."}, "profiles": ["x"], "container_name": "shop-app", "develop": {},
                    "ports": [{"target": 80}], "networks": {"front": {"ipv4_address": "10.0.0.2"}, "back": null},
                    "depends_on": {"db": {"condition": "service_started"}}, "external_links": ["other:db"],
                }},
                "networks": {
                    "front": {"name": "shop_front", "ipam": {"config": [{"subnet": "10.0.0.0/24"}]}},
                    "back": {"name": "shared", "external": true},
                    "six": {"enable_ipv6": true, "ipam": {"config": [{"subnet": "fd00::/64"}]}},
                    "lan": {"driver": "macvlan", "driver_opts": {"parent": "eth0"}},
                    "named": {"driver_opts": {"com.docker.network.bridge.name": "br-shop", "x": "y"}},
                },
                "volumes": {"data": {"name": "shop_data"}},
                "x-seaworthy": {"app": "app"},
            }),
            &[],
        )
        .expect("isolated");
        let mut value = found.model.value().clone();
        let subnet = value["networks"]["six"]["ipam"]["config"][0]["subnet"].take();
        assert!(subnet.as_str().is_some_and(|subnet| subnet.starts_with("fd")), "{subnet}");
        assert_eq!(
            value,
            json!({
                "name": "copy-1",
                "services": {"app": labelled(json!({
                    "image": "seaworthy-r1:app", "depends_on": {}, "expose": ["80"],
                    "networks": {"front": {"aliases": ["shop-app"]}, "back": {"aliases": ["shop-app"]}},
                }))},
                "networks": {
                    "front": labelled(json!({"ipam": {}})), "back": labelled(json!({})), "lan": labelled(json!({})),
                    "six": labelled(json!({"enable_ipv6": true, "ipam": {"config": [{"subnet": null}]}})),
                    "named": labelled(json!({"driver_opts": {"x": "y"}})),
                },
                "volumes": {"data": labelled(json!({}))},
            })
        );
        assert_eq!(found.changes.len(), 9, "{:#?}", found.changes);
    }

    #[test]
    fn what_reaches_out_is_refused_unless_it_is_allowed() {
        let bind = |source: &str, read_only: bool| {
            json!({"services": {"app": {"volumes": [
                {"type": "bind", "source": source, "target": "/t", "read_only": read_only, "bind": {"create_host_path": true}},
            ]}}})
        };
        let app = |service: Value| json!({"services": {"app": service}});
        let volume = |volume: Value| json!({"services": {"app": {}}, "volumes": {"data": volume}});
        for (value, hazard) in [
            (app(json!({"privileged": true})), Hazard::Privileged),
            (app(json!({"network_mode": "host"})), Hazard::NetworkMode),
            (app(json!({"network_mode": "container:other"})), Hazard::NetworkMode),
            (app(json!({"pid": "host"})), Hazard::Pid),
            (app(json!({"ipc": "container:other"})), Hazard::Ipc),
            (app(json!({"uts": "host"})), Hazard::Uts),
            (app(json!({"userns_mode": "host"})), Hazard::UsernsMode),
            (app(json!({"cgroup": "host"})), Hazard::Cgroup),
            (app(json!({"devices": [{"source": "/dev/kvm"}]})), Hazard::Devices),
            (app(json!({"volumes_from": ["container:other"]})), Hazard::VolumesFrom),
            (bind("/var/run/docker.sock", true), Hazard::EngineSocket),
            (bind("/stack/../var/run/docker.sock", true), Hazard::EngineSocket),
            (bind("/", true), Hazard::EngineSocket),
            (bind("/var/run/", true), Hazard::EngineSocket),
            (bind("/proc/sys", false), Hazard::Volumes),
            (bind("/stack/../proc/sys", false), Hazard::Volumes),
            (volume(json!({"driver_opts": {"type": "none", "device": "/data", "o": "bind"}})), Hazard::DriverOpts),
        ] {
            let error = isolated(&value, &[]).expect_err(hazard.key());
            assert!(matches!(&error, ComposeError::Refused { hazard: found, .. } if *found == hazard), "{value}: {error}");
            assert!(error.advice().contains(&format!("--allow {}", hazard.key())), "{}", error.advice());
            let allowed = isolated(&value, &[hazard]).expect("allowed");
            assert_eq!(allowed.shared, BTreeSet::from([hazard]));
        }
    }

    #[test]
    fn what_reaches_out_and_can_be_had_for_oneself_is_replaced_unless_it_is_allowed() {
        let value = json!({
            "services": {
                "app": {"ipc": "host", "cap_add": ["NET_ADMIN", "CAP_SYS_MODULE", "SYS_TIME"]},
                "sized": {"ipc": "host", "shm_size": "2097152"},
            },
            "volumes": {"data": {"external": true, "name": "theirs"}},
        });
        let found = isolated(&value, &[]).expect("isolated");
        let services = &found.model.value()["services"];
        let size: u64 = services["app"]["shm_size"].as_str().expect("a size").parse().expect("a number");
        assert!(size > 64 << 20, "{size}");
        assert_eq!((&services["app"]["ipc"], &services["sized"]["ipc"]), (&json!("private"), &json!("private")));
        assert_eq!(services["sized"]["shm_size"], "2097152");
        assert_eq!(services["app"]["cap_add"], json!(["NET_ADMIN"]));
        assert_eq!(found.model.value()["volumes"]["data"], labelled(json!({})));
        let changes = found.changes.join("\n").replace(&format!("{} MiB", size >> 20), "SIZE");
        assert_eq!(
            changes,
            "volume `data` is external: replaced by a new, empty one (--allow external shares it)\n\
             service `app`: ipc: host is replaced by a namespace of its own, with SIZE of shared memory\n\
             service `app`: capability CAP_SYS_MODULE dropped: it changes this machine's kernel\n\
             service `app`: capability SYS_TIME dropped: it changes this machine's kernel\n\
             service `sized`: ipc: host is replaced by a namespace of its own, with 2 MiB of shared memory"
        );
        assert!(found.shared.is_empty());

        let hazards = [Hazard::External, Hazard::Ipc, Hazard::CapAdd];
        let allowed = isolated(&value, &hazards).expect("allowed");
        assert_eq!((allowed.shared, allowed.changes), (BTreeSet::from(hazards), vec![]));
        assert_eq!(allowed.model.value()["volumes"], value["volumes"]);
    }

    #[test]
    fn a_mount_from_outside_is_copied_where_it_is_small_and_nothing_but_files() {
        let (folder, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("another"));
        let path = |name: &str| outside.path().join(name).display().to_string();
        std::fs::create_dir(path("files")).expect("made");
        std::fs::write(path("files/one"), "1").expect("written");
        std::fs::create_dir(path("run")).expect("made");
        let _socket = std::os::unix::net::UnixListener::bind(path("run/app.sock")).expect("bound");
        let large = std::fs::File::create(path("large")).expect("made");
        large.set_len(1 << 30).expect("sparse");
        let file = ComposeFile::from(folder.path().join("compose.yaml").display().to_string().as_str());
        let with = |source: &str, allowed: &[Hazard]| {
            let mount = json!({"type": "bind", "source": source, "target": "/t"});
            let model = Model::new(file.clone(), json!({"services": {"app": {"volumes": [mount]}}})).expect("has services");
            isolate(&model, &copy(allowed))
        };
        let found = with(&path("files"), &[]).expect("copied");
        assert_eq!(found.files, [ScratchFile::CopyOf { from: path("files").into(), to: "/scratch/app-0".into() }]);
        assert!(found.changes[0].contains(", from outside the stack's folder, is copied"), "{:?}", found.changes);
        for (name, why) in [("run", "app.sock is no file"), ("large", "it is too large to be copied")] {
            let error = with(&path(name), &[]).expect_err(name).to_string();
            assert!(error.contains(why), "{error}");
            assert_eq!(with(&path(name), &[Hazard::Volumes]).expect("allowed").shared, BTreeSet::from([Hazard::Volumes]));
        }
        let system = with("/usr", &[]).expect("read");
        assert_eq!(system.model.value()["services"]["app"]["volumes"][0]["read_only"], json!(true));
        assert_eq!(system.changes, ["service `app`: /usr is mounted read-only"]);
    }

    #[test]
    fn read_only_mounts_stay_and_writable_ones_are_copied() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("data.txt"), "data").expect("written");
        let mount = |name: &str, read_only: bool| json!({"type": "bind", "source": path(name), "target": format!("/{name}"), "read_only": read_only});
        let value = json!({"services": {"app": {"volumes": [
            mount("data.txt", true), mount("data.txt", false), mount("missing", true), mount("missing", false),
        ]}}});
        let model = Model::new(ComposeFile::from(path("compose.yaml").as_str()), value).expect("has services");
        let found = isolate(&model, &copy(&[])).expect("isolated");
        let sources: Vec<&str> = found.model.value()["services"]["app"]["volumes"]
            .as_array()
            .expect("mounts")
            .iter()
            .filter_map(|mount| mount["source"].as_str())
            .collect();
        assert_eq!(sources, [&path("data.txt"), "/scratch/app-1", "/scratch/app-2", "/scratch/app-3"]);
        assert_eq!(
            found.files,
            [
                ScratchFile::CopyOf { from: path("data.txt").into(), to: "/scratch/app-1".into() },
                ScratchFile::EmptyFolder { to: "/scratch/app-2".into() },
                ScratchFile::EmptyFolder { to: "/scratch/app-3".into() },
            ]
        );
    }

    #[test]
    fn what_compose_would_not_create_again_is_repaired() {
        let found = isolated(
            &json!({
                "services": {
                    "app": {
                        "read_only": true, "ulimits": {"core": {"hard": 100}, "nofile": {}, "nproc": 65},
                        "configs": [{"source": "settings", "target": "/etc/s"}], "secrets": [{"source": "token"}],
                    },
                    "web": {"configs": [{"source": "settings", "target": "/etc/s"}]},
                },
                "configs": {"settings": {"content": "price: $$5"}},
                "secrets": {"token": {"environment": "TOKEN"}},
            }),
            &[],
        )
        .expect("isolated");
        let value = found.model.value();
        assert_eq!(
            value["services"]["app"]["ulimits"],
            json!({"core": {"soft": 0, "hard": 100}, "nofile": {"soft": 0, "hard": 0}, "nproc": 65})
        );
        assert_eq!(value["services"]["app"]["configs"][0]["source"], "settings-file");
        assert_eq!(value["services"]["web"]["configs"][0]["source"], "settings");
        assert_eq!(value["configs"]["settings-file"], json!({"file": "/scratch/settings-file"}));
        assert_eq!(value["secrets"]["token-file"], json!({"file": "/scratch/token-file"}));
        assert_eq!(
            found.files,
            [
                ScratchFile::Content { to: "/scratch/settings-file".into(), source: Source::Text("price: $5".into()) },
                ScratchFile::Content { to: "/scratch/token-file".into(), source: Source::Variable("TOKEN".into()) },
            ]
        );
    }

    #[test]
    fn a_patched_copy_patched_again_is_the_same() {
        let once = isolated(&json!({"services": {"app": {"ports": [{"target": 80}]}}}), &[]).expect("isolated");
        let twice = isolated(once.model.value(), &[]).expect("isolated");
        assert_eq!((twice.model.value(), twice.changes.len()), (once.model.value(), 0));
    }
}
