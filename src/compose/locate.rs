//! Finds the line of a key in the user's own file, for messages that say where.

use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, MarkedYaml};

/// The line (from 1) of the key that this path of keys leads to; nothing when the file has no such key of its own, for
/// example because it comes from an included file. An element of a list is addressed by its index.
#[must_use]
pub fn line_of_key(file: &Path, keys: &[&str]) -> Option<usize> {
    let text = std::fs::read_to_string(file).ok()?;
    line_in(&text, keys)
}

/// File and line of the deepest key on this path that stands in one of the files itself.
#[must_use]
pub fn place_of_key<'a>(files: &'a [PathBuf], keys: &[&str]) -> Option<(&'a Path, usize)> {
    let at = |depth: usize| files.iter().find_map(|file| Some((file.as_path(), line_of_key(file, &keys[..depth])?)));
    (1..=keys.len()).rev().find_map(at)
}

fn line_in(text: &str, keys: &[&str]) -> Option<usize> {
    let documents = MarkedYaml::load_from_str(text).ok()?;
    let mut node = documents.first()?;
    let mut line = None;
    for &key in keys {
        if let Some(mapping) = node.data.as_mapping() {
            let (found, value) = mapping.iter().find(|(candidate, _)| candidate.data.as_str() == Some(key))?;
            line = Some(found.span.start.line());
            node = value;
        } else {
            node = node.data.as_sequence()?.get(key.parse::<usize>().ok()?)?;
            line = Some(node.span.start.line());
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "services:\n  app:\n    image: x\n\nx-seaworthy:\n  port: 80\n  waivers:\n    - check: a\n      reason: b\n";

    #[test]
    fn keys_are_found_at_their_line() {
        for (keys, line) in [
            (&["x-seaworthy"][..], Some(5)),
            (&["x-seaworthy", "port"], Some(6)),
            (&["x-seaworthy", "waivers", "0", "reason"], Some(9)),
            (&["services", "app", "image"], Some(3)),
            (&["services", "db"], None),
        ] {
            assert_eq!(line_in(FILE, keys), line, "{keys:?}");
        }
    }
}
