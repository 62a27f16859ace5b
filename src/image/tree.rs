//! The layers of an image laid on each other.
//!
//! Source: the image layer specification of OCI, "Whiteouts": `.wh.NAME` takes NAME of the layers below away, `.wh..wh..opq`
//! everything in its folder.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::Secret;
use super::config::Config;
use super::entry::{Entry, Kind};

const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";

/// What one layer holds.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// Its entries in their order.
    pub entries: Vec<Entry>,
    /// What looks like a secret in its files.
    pub secrets: Vec<Secret>,
    /// The content of the few files that are kept, by path.
    pub(super) kept: BTreeMap<String, Vec<u8>>,
}

/// What an image holds.
#[derive(Clone, Debug)]
pub struct Contents {
    /// What it says of itself.
    pub config: Config,
    /// Its layers, from the bottom up.
    pub layers: Vec<Layer>,
    /// What is there in the end: for each path the layer and the place in it.
    tree: BTreeMap<Arc<str>, (usize, usize)>,
    /// Bytes of files that a later layer overwrites or takes away, by the layer that they are of and the one that does.
    wasted: BTreeMap<(usize, usize), u64>,
}

/// One entry of the final file system.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// The layer that it comes from, from 0 at the bottom.
    pub layer: usize,
    /// What it is.
    pub entry: &'a Entry,
}

impl Contents {
    pub(super) fn new(config: Config, layers: Vec<Layer>) -> Self {
        let mut contents = Self { config, layers, tree: BTreeMap::new(), wasted: BTreeMap::new() };
        for layer in 0..contents.layers.len() {
            contents.lay(layer);
        }
        contents
    }

    /// Lays a layer on those below.
    fn lay(&mut self, layer: usize) {
        let entries = std::mem::take(&mut self.layers[layer].entries);
        // First what it takes away, wherever that stands: it means the layers below.
        for entry in &entries {
            let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
            if name == OPAQUE {
                self.remove_below(folder, layer);
            } else if let Some(name) = name.strip_prefix(WHITEOUT) {
                let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                self.remove(&path, layer);
                self.remove_below(&path, layer);
            }
        }
        for (place, entry) in entries.iter().enumerate() {
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            if name.starts_with(WHITEOUT) || entry.path.is_empty() {
                continue;
            }
            self.remove(&entry.path, layer);
            if entry.kind != Kind::Folder {
                self.remove_below(&entry.path, layer);
            }
            self.tree.insert(Arc::clone(&entry.path), (layer, place));
        }
        self.layers[layer].entries = entries;
    }

    fn remove(&mut self, path: &str, layer: usize) {
        if let Some(place) = self.tree.remove(path) {
            self.waste(place, layer);
        }
    }

    /// Takes everything in a folder away, but what the layer itself has brought.
    fn remove_below(&mut self, folder: &str, layer: usize) {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let range = self.tree.range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded));
        let below: Vec<Arc<str>> = range.map(|(path, _)| Arc::clone(path)).take_while(|path| path.starts_with(&prefix)).collect();
        for path in below {
            self.remove(&path, layer);
        }
    }

    fn waste(&mut self, (of, place): (usize, usize), by: usize) {
        if of != by
            && let Some(entry) = self.layers[of].entries.get(place)
            && entry.size > 0
        {
            *self.wasted.entry((of, by)).or_default() += entry.size;
        }
    }

    /// Everything that is there in the end, by path.
    pub fn files(&self) -> impl Iterator<Item = File<'_>> {
        self.tree.values().map(|(layer, place)| File { layer: *layer, entry: &self.layers[*layer].entries[*place] })
    }

    /// What is at a path in the end. Links on the way are not followed.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<File<'_>> {
        let (layer, place) = self.tree.get(path.trim_matches('/'))?;
        Some(File { layer: *layer, entry: &self.layers[*layer].entries[*place] })
    }

    /// The content of one of the few files that are kept, as it is in the end.
    #[must_use]
    pub fn kept(&self, path: &str) -> Option<&[u8]> {
        let path = path.trim_matches('/');
        self.layers[self.at(path)?.layer].kept.get(path).map(Vec::as_slice)
    }

    /// The size of all files of all layers, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.layers.iter().flat_map(|layer| &layer.entries).map(|entry| entry.size).sum()
    }

    /// The bytes of the layers from this one on that later ones overwrite or take away, by the layer that does.
    #[must_use]
    pub fn wasted(&self, from: usize) -> BTreeMap<usize, u64> {
        let mut wasted = BTreeMap::new();
        for ((_, by), bytes) in self.wasted.iter().filter(|((of, _), _)| *of >= from) {
            *wasted.entry(*by).or_default() += bytes;
        }
        wasted
    }

    /// What looks like a secret in a file of any layer, with the layer, and whether the file is gone in the end.
    pub fn secrets(&self) -> impl Iterator<Item = (usize, &Secret, bool)> {
        let all = self.layers.iter().enumerate().flat_map(|(layer, of)| of.secrets.iter().map(move |secret| (layer, secret)));
        all.map(|(layer, secret)| {
            let is_gone = self.at(&secret.path).is_none_or(|file| file.layer != layer);
            (layer, secret, is_gone)
        })
    }

    /// The path that a path leads to when links are followed; nothing when it leads nowhere or round in circles.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<File<'_>> {
        let mut seen = BTreeSet::new();
        let mut todo: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut at: Vec<String> = vec![];
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "" | "." => {}
                ".." => drop(at.pop()),
                _ => {
                    at.push(part);
                    let path = at.join("/");
                    let Some(file) = self.at(&path).filter(|file| file.entry.kind == Kind::Symlink) else { continue };
                    // A link may be passed twice on one way, but not for ever.
                    if !seen.insert((path, todo.len())) {
                        return None;
                    }
                    let link = file.entry.link.as_deref().unwrap_or_default();
                    if link.starts_with('/') {
                        at.clear();
                    } else {
                        drop(at.pop());
                    }
                    todo.extend(link.split('/').rev().map(str::to_owned));
                }
            }
            if todo.len() > LONGEST_WAY {
                return None;
            }
        }
        self.at(&at.join("/"))
    }
}

/// How many parts a way through links may have.
const LONGEST_WAY: usize = 256;
