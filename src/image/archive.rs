//! The archive of an image: which part of it is a layer, and in which order they lie on each other.
//!
//! Three layouts are read: `docker save` of today (an OCI layout with `manifest.json`), of old (`ID/layer.tar`), and a plain OCI
//! layout (`index.json`). The list of layers comes last in the stream, so every part that is an archive is read as if it were one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufReader, Read};

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::compression::{Part, recognise};
use super::config::Config;
use super::entry::{Archive, Budget, Kind};
use super::error::WHOLE;
use super::tree::{Contents, Layer};
use super::{ImageError, secret};

/// Larger texts are no configuration, index or manifest.
const LARGEST_JSON: u64 = 8 << 20;
/// Files that are kept whole, when they are not larger than this.
const KEPT: [&str; 2] = ["etc/passwd", "etc/group"];
const LARGEST_KEPT: u64 = 256 << 10;
/// How much is read at once.
const BUFFER: usize = 256 << 10;
/// Where an OCI layout keeps its parts, by digest.
const BLOBS: &str = "blobs/sha256/";

/// Everything that an archive holds, before its order is known.
#[derive(Default)]
pub(super) struct Parts {
    layers: BTreeMap<String, Layer>,
    texts: BTreeMap<String, Vec<u8>>,
    /// Old archives hold a layer once and links to it.
    links: BTreeMap<String, String>,
    others: BTreeSet<String>,
}

/// Reads the image that an archive holds. Where it holds one for each of several platforms, the one for `architecture`, by its
/// name in the OCI specification, is taken.
pub fn read(reader: impl Read, architecture: &str) -> Result<Contents, ImageError> {
    let mut parts = Parts::read(reader)?;
    let order = parts.order(architecture)?;
    let config = parts.config(&order)?;
    Ok(Contents::new(config, parts.layers(&order)?))
}

/// Where the parts of an image are in its archive.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The configuration.
    pub(super) config: String,
    /// The layers from the bottom up; one may occur more than once.
    pub(super) layers: Vec<String>,
}

/// The archive itself, whether it is compressed or not.
pub(super) fn unpacked<'a>(reader: impl Read + 'a) -> Result<Box<dyn Read + 'a>, ImageError> {
    match recognise(reader).map_err(ImageError::Read)? {
        Part::Tar(tar) => Ok(Box::new(tar)),
        Part::Gzip(tar) => Ok(tar),
        Part::Zstd(tar) => Ok(tar),
        Part::Json(_) | Part::Unknown => Err(ImageError::NoImage { what: "it is no archive (tar, gzip or zstd)".into() }),
    }
}

impl Parts {
    /// Reads an archive to its end.
    pub(super) fn read(reader: impl Read) -> Result<Self, ImageError> {
        let reader = unpacked(reader)?;
        let mut parts = Self::default();
        let (mut outer, mut inner) = (Budget::default(), Budget::default());
        let mut archive = Archive::new(BufReader::with_capacity(BUFFER, reader), WHOLE, &mut outer);
        while let Some(entry) = archive.next_entry()? {
            let path = entry.path.to_string();
            match entry.kind {
                Kind::File => {
                    let mut content = Hashed { reader: archive.content(), hash: Sha256::new() };
                    parts.part(&path, entry.size, &mut content, &mut inner)?;
                    std::io::copy(&mut content, &mut std::io::sink()).map_err(ImageError::Read)?;
                    let digest = hex(&content.hash.finalize());
                    if path.strip_prefix(BLOBS).is_some_and(|name| name != digest) {
                        return Err(ImageError::Damaged { part: WHOLE.into(), what: format!("{path} has the digest {digest}") });
                    }
                }
                Kind::Symlink | Kind::Hardlink => {
                    parts.links.insert(path, entry.link.unwrap_or_default().into());
                }
                Kind::Folder | Kind::Special => {}
            }
        }
        Ok(parts)
    }

    fn part(&mut self, path: &str, size: u64, content: &mut impl Read, budget: &mut Budget) -> Result<(), ImageError> {
        let name = format!("the layer {path}");
        let recognised = recognise(content).map_err(|error| damaged(&name, &error))?;
        match recognised {
            Part::Json(mut text) if size <= LARGEST_JSON => {
                let mut bytes = vec![];
                text.read_to_end(&mut bytes).map_err(ImageError::Read)?;
                self.texts.insert(path.to_owned(), bytes);
            }
            Part::Tar(tar) => drop(self.layers.insert(path.to_owned(), layer(tar, &name, budget)?)),
            Part::Gzip(tar) => drop(self.layers.insert(path.to_owned(), layer(tar, &name, budget)?)),
            Part::Zstd(tar) => drop(self.layers.insert(path.to_owned(), layer(tar, &name, budget)?)),
            Part::Json(_) | Part::Unknown => drop(self.others.insert(path.to_owned())),
        }
        Ok(())
    }

    /// Where the parts of the image for this architecture are.
    pub(super) fn order(&self, architecture: &str) -> Result<Order, ImageError> {
        let (config, layers) = match self.texts.get("manifest.json") {
            Some(manifest) => of_docker(manifest)?,
            None => self.of_oci(architecture)?,
        };
        Ok(Order { config, layers: layers.iter().map(|path| self.resolve(path)).collect() })
    }

    /// The configuration as it is written.
    pub(super) fn config_text(&self, order: &Order) -> Result<&[u8], ImageError> {
        self.texts.get(&order.config).map(Vec::as_slice).ok_or_else(|| lacks(&order.config))
    }

    pub(super) fn config(&self, order: &Order) -> Result<Config, ImageError> {
        Config::parse(self.config_text(order)?).map_err(|error| not_read(&order.config, &error))
    }

    /// The layers from the bottom up.
    pub(super) fn layers(&mut self, order: &Order) -> Result<Vec<Layer>, ImageError> {
        let mut ordered = vec![];
        let mut taken: BTreeMap<&str, usize> = BTreeMap::new();
        for path in &order.layers {
            let layer = match taken.get(path.as_str()) {
                // Two layers with the same content are stored once.
                Some(place) => Layer::clone(&ordered[*place]),
                None => self.layers.remove(path).ok_or_else(|| self.no_layer(path))?,
            };
            taken.insert(path, ordered.len());
            ordered.push(layer);
        }
        Ok(ordered)
    }

    fn resolve(&self, path: &str) -> String {
        let Some(target) = self.links.get(path) else { return path.to_owned() };
        // `../ID/layer.tar`, from the folder of another layer.
        target.trim_start_matches("../").trim_start_matches('/').to_owned()
    }

    fn no_layer(&self, path: &str) -> ImageError {
        if self.others.contains(path) || self.texts.contains_key(path) {
            return ImageError::Damaged {
                part: format!("the layer {path}"),
                what: "it is no archive (tar, gzip or zstd)".into(),
            };
        }
        lacks(path)
    }

    fn of_oci(&self, architecture: &str) -> Result<(String, Vec<String>), ImageError> {
        let index = self.texts.get("index.json").ok_or_else(|| lacks("manifest.json or index.json"))?;
        let mut descriptors = descriptors(index, "index.json", "manifests")?;
        // An index may lead to another one, which lists the platforms.
        for _ in 0..2 {
            let (matching, has) = choose(descriptors, architecture);
            let chosen = matching.ok_or_else(|| ImageError::OtherPlatform {
                wanted: format!("linux/{architecture}"),
                has: if has.is_empty() { "no platform".into() } else { has.join(", ") },
            })?;
            let path = blob(&chosen.digest);
            let text = self.texts.get(&path).ok_or_else(|| lacks(&path))?;
            let manifest: Value = serde_json::from_slice(text).map_err(|error| not_read(&path, &error))?;
            if manifest.get("manifests").is_some() {
                descriptors = self::descriptors(text, &path, "manifests")?;
                continue;
            }
            let config = manifest.pointer("/config/digest").and_then(Value::as_str).ok_or_else(|| lacks("a configuration"))?;
            let layers = self::descriptors(text, &path, "layers")?;
            return Ok((blob(config), layers.iter().map(|layer| blob(&layer.digest)).collect()));
        }
        Err(ImageError::NoImage { what: "its index leads from one to the next".into() })
    }
}

/// One layer, entry by entry.
fn layer(reader: impl Read, name: &str, budget: &mut Budget) -> Result<Layer, ImageError> {
    let mut archive = Archive::new(BufReader::with_capacity(BUFFER, reader), name, budget);
    let mut layer = Layer::default();
    while let Some(entry) = archive.next_entry().map_err(|error| in_layer(error, name))? {
        if entry.kind == Kind::File {
            if KEPT.contains(&&*entry.path) && entry.size <= LARGEST_KEPT {
                let content = content(&mut archive, LARGEST_KEPT, name)?;
                layer.kept.insert(entry.path.to_string(), content);
            } else if secret::may_hide_in(&entry) {
                let content = content(&mut archive, secret::LARGEST_FILE, name)?;
                layer.secrets.extend(secret::in_file(&entry.path, &content));
            }
        }
        layer.entries.push(entry);
    }
    // What follows the end of the archive belongs to its compression.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink()).map_err(|error| damaged(name, &error))?;
    Ok(layer)
}

/// The content of the entry that was returned last, up to so many bytes.
fn content(archive: &mut Archive<'_, impl Read>, largest: u64, name: &str) -> Result<Vec<u8>, ImageError> {
    let mut content = vec![];
    archive.content().take(largest).read_to_end(&mut content).map_err(|error| damaged(name, &error))?;
    Ok(content)
}

/// The list of Docker's own layout: one entry for each image.
fn of_docker(manifest: &[u8]) -> Result<(String, Vec<String>), ImageError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Manifest {
        config: String,
        layers: Vec<String>,
    }
    let images: Vec<Manifest> = serde_json::from_slice(manifest).map_err(|error| not_read("manifest.json", &error))?;
    match <[Manifest; 1]>::try_from(images) {
        Ok([image]) => Ok((image.config, image.layers)),
        Err(images) => Err(ImageError::NoImage { what: format!("it holds {} images, and one is wanted", images.len()) }),
    }
}

struct Descriptor {
    digest: String,
    platform: Option<(String, String)>,
}

fn descriptors(text: &[u8], path: &str, key: &str) -> Result<Vec<Descriptor>, ImageError> {
    let value: Value = serde_json::from_slice(text).map_err(|error| not_read(path, &error))?;
    let list = value.get(key).and_then(Value::as_array).ok_or_else(|| lacks(&format!("`{key}` in {path}")))?;
    let read = |descriptor: &Value| {
        let word = |pointer: &str| descriptor.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let platform = word("/platform/os").zip(word("/platform/architecture"));
        Some(Descriptor { digest: word("/digest")?, platform })
    };
    list.iter().map(|one| read(one).ok_or_else(|| lacks(&format!("a digest in {path}")))).collect()
}

/// The image for a platform, and all platforms that there are.
fn choose(descriptors: Vec<Descriptor>, architecture: &str) -> (Option<Descriptor>, Vec<String>) {
    // Attestations are listed under the platform `unknown`.
    let real = |os: &str| os != "unknown";
    let has = descriptors.iter().filter_map(|one| one.platform.as_ref()).filter(|(os, _)| real(os));
    let has = has.map(|(os, architecture)| format!("{os}/{architecture}")).collect();
    let fits = |one: &Descriptor| one.platform.as_ref().is_none_or(|(os, made_for)| os == "linux" && made_for == architecture);
    (descriptors.into_iter().find(fits), has)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

fn lacks(what: &str) -> ImageError {
    ImageError::NoImage { what: format!("it has no {what}") }
}

pub(super) fn not_read(path: &str, error: &serde_json::Error) -> ImageError {
    ImageError::NoImage { what: format!("its {path} can't be read: {error}") }
}

fn damaged(part: &str, error: &std::io::Error) -> ImageError {
    ImageError::Damaged { part: part.to_owned(), what: error.to_string() }
}

/// An error that comes out of the compression of a layer is the layer's.
fn in_layer(error: ImageError, name: &str) -> ImageError {
    match error {
        ImageError::Read(error) => damaged(name, &error),
        error => error,
    }
}

/// Takes the digest of what is read.
struct Hashed<R> {
    reader: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
