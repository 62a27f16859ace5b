//! An image in an archive, on its way to an engine: with a name and labels of the run's own.
//!
//! The names that an archive gives its image stay behind: loading them would take them from images that the engine has. An OCI
//! layout arrives as an archive of Docker's, which every engine can load.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read, Write};

use serde_json::{Map, Value, json};
use tar::{Builder, Header};

use super::ImageError;
use super::archive::{Order, Parts, not_read, unpacked};
use super::entry::{Archive, Budget};
use super::error::WHOLE;

const CONFIG: &str = "config.json";
const MANIFEST: &str = "manifest.json";

/// An image that has been read through once and can be loaded.
#[derive(Clone, Debug)]
pub struct Loadable {
    order: Order,
    config: Map<String, Value>,
}

impl Loadable {
    /// Reads an archive to its end, compressed or not. Where it holds an image for each of several platforms, the one for
    /// `architecture`, by its name in the OCI specification, is taken; an image that is made for another one is an error.
    pub fn read(archive: impl Read, architecture: &str) -> Result<Self, ImageError> {
        let mut parts = Parts::read(archive)?;
        let order = parts.order(architecture)?;
        let wanted = format!("linux/{architecture}");
        if let Some(has) = parts.config(&order)?.platform.filter(|platform| *platform != wanted) {
            return Err(ImageError::OtherPlatform { wanted, has });
        }
        let config = serde_json::from_slice(parts.config_text(&order)?).map_err(|error| not_read(&order.config, &error))?;
        // What is no layer is told before an engine trips over it.
        parts.layers(&order)?;
        Ok(Self { order, config })
    }

    /// Writes the image, out of the archive that it was read from, as an archive that `docker load` takes.
    pub fn write(
        &self,
        archive: impl Read,
        target: impl Write,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), ImageError> {
        let mut target = Builder::new(target);
        let wanted: BTreeSet<&str> = self.order.layers.iter().map(String::as_str).collect();
        let mut budget = Budget::default();
        let mut archive = Archive::new(BufReader::new(unpacked(archive)?), WHOLE, &mut budget);
        while let Some(entry) = archive.next_entry()? {
            if wanted.contains(&*entry.path) {
                append(&mut target, &entry.path, entry.size, archive.content())?;
            }
        }
        let config = self.labelled(labels);
        let manifest = json!([{"Config": CONFIG, "RepoTags": [name], "Layers": self.order.layers}]);
        for (path, value) in [(CONFIG, config), (MANIFEST, manifest)] {
            let text = value.to_string();
            append(&mut target, path, text.len() as u64, text.as_bytes())?;
        }
        target.into_inner().and_then(|mut target| target.flush()).map_err(ImageError::Read)
    }

    fn labelled(&self, labels: &BTreeMap<String, String>) -> Value {
        let mut config = self.config.clone();
        let mut section = section(&mut config, "config");
        let mut all = self::section(&mut section, "Labels");
        all.extend(labels.iter().map(|(key, label)| (key.clone(), label.clone().into())));
        section.insert("Labels".into(), all.into());
        config.insert("config".into(), section.into());
        config.into()
    }
}

/// Takes out a part that is missing or `null` where it is empty.
fn section(of: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match of.remove(key) {
        Some(Value::Object(section)) => section,
        _ => Map::new(),
    }
}

fn append(target: &mut Builder<impl Write>, path: &str, size: u64, content: impl Read) -> Result<(), ImageError> {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    target.append_data(&mut header, path, content).map_err(ImageError::Read)
}
