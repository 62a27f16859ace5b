//! Secrets that stand in the user's own compose files, before anything is filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode, MarkedYaml};

use super::{ComposeFile, OWN_BLOCK};
use crate::image::{Written, written_in_line, written_in_setting};

/// Files that Compose reads beside the one that it found.
const OVERRIDES: [&str; 4] =
    ["compose.override.yaml", "compose.override.yml", "docker-compose.override.yml", "docker-compose.override.yaml"];
/// Keys whose texts are command lines.
const COMMANDS: [&str; 3] = ["command", "entrypoint", "test"];

/// A secret that is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Literal {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What it is, without its value.
    pub what: String,
}

/// The secrets that are written out in the files of a stack, and in those that they include.
#[must_use]
pub fn literals(file: &ComposeFile) -> Vec<Literal> {
    let mut todo = file.sources();
    todo.extend(OVERRIDES.iter().map(|name| file.folder().join(name)).filter(|path| file.reads_overrides() && path.exists()));
    let mut read = BTreeSet::new();
    let mut found = vec![];
    while let Some(path) = todo.pop() {
        // A file that can't be read is Compose's to tell of.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if !read.insert(path.clone()) {
            continue;
        }
        let (own, included) = in_text(&text);
        found.extend(own.into_iter().map(|(line, written)| (path.clone(), line, written)));
        let folder = path.parent().unwrap_or(Path::new("/"));
        todo.extend(included.into_iter().filter_map(|include| folder.join(include).canonicalize().ok()));
    }
    found.sort_by(|(one, at, _), (other, there, _)| (one, at).cmp(&(other, there)));
    told_once(found)
}

/// The same secret at several places, such as the password of a database and in the app's address of it, is one: told at the first, and
/// named at the others.
fn told_once(found: Vec<(PathBuf, usize, Written)>) -> Vec<Literal> {
    let mut told: BTreeSet<String> = BTreeSet::new();
    let literal = |(file, line, Written { name, what, value })| {
        let what = match (told.insert(value), name) {
            (true, _) => what,
            (false, Some(name)) => format!("`{name}` has the same secret"),
            (false, None) => "a command line has the same secret".to_owned(),
        };
        Literal { file, line, what }
    };
    found.into_iter().map(literal).collect()
}

/// The secrets of a text, each with its line, and the files that it includes.
fn in_text(text: &str) -> (Vec<(usize, Written)>, Vec<String>) {
    let Ok(documents) = MarkedYaml::load_from_str(text) else { return (vec![], vec![]) };
    let (mut found, mut included) = (vec![], vec![]);
    for document in &documents {
        for (key, value) in document.data.as_mapping().into_iter().flatten() {
            match key.data.as_str() {
                // It holds no settings of services.
                Some(OWN_BLOCK) => {}
                Some("include") => strings(value, &mut included),
                _ => walk("", value, &mut found),
            }
        }
    }
    // What an anchor names is written once and walked through for each of its aliases.
    let mut lines: BTreeMap<usize, Vec<Written>> = BTreeMap::new();
    for (line, written) in found {
        let of_line = lines.entry(line).or_default();
        if !of_line.contains(&written) {
            of_line.push(written);
        }
    }
    let found = lines.into_iter().flat_map(|(line, all)| all.into_iter().map(move |written| (line, written)));
    (found.collect(), included)
}

fn walk(name: &str, node: &MarkedYaml<'_>, found: &mut Vec<(usize, Written)>) {
    if let Some(mapping) = node.data.as_mapping() {
        for (key, value) in mapping {
            walk(key.data.as_str().unwrap_or_default(), value, found);
        }
    } else if let Some(list) = node.data.as_sequence() {
        for (place, value) in list.iter().enumerate() {
            // `--password`, and its value in the next element.
            let before =
                place.checked_sub(1).and_then(|place| list[place].data.as_str()).filter(|before| before.starts_with("--"));
            let in_pair = before
                .zip(value.data.as_str())
                .filter(|(_, value)| !value.starts_with("--"))
                .and_then(|(flag, value)| written_in_setting(flag.trim_start_matches('-'), &filled(value)));
            match in_pair {
                Some(written) => found.push((value.span.start.line(), written)),
                // What stands in a list is not named by its key: `secrets` lists names.
                None => walk(if COMMANDS.contains(&name) { name } else { "" }, value, found),
            }
        }
    } else if let Some(text) = node.data.as_str().map(str::to_owned).or_else(|| Some(node.data.as_integer()?.to_string())) {
        let text = filled(&text);
        let line = node.span.start.line();
        if COMMANDS.contains(&name) {
            found.extend(written_in_line(&text).into_iter().map(|written| (line, written)));
            return;
        }
        let in_list = text.split_once('=').filter(|(key, _)| is_name(key));
        let written = in_list.and_then(|(key, value)| written_in_setting(key, value));
        found.extend(written.or_else(|| written_in_setting(name, &text)).map(|written| (line, written)));
    }
}

/// A text with the defaults of its variables filled in: `${NAME:-default}` holds what it falls back to.
fn filled(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((inside, left)) = after.split_once('}') else {
            rest = &rest[before.len()..];
            break;
        };
        let default = inside.split_once(":-").or_else(|| inside.split_once('-')).filter(|(name, _)| is_name(name));
        match default {
            Some((_, default)) => filled.push_str(default),
            None => filled.extend(["${", inside, "}"]),
        }
        rest = left;
    }
    filled + rest
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn strings(node: &MarkedYaml<'_>, found: &mut Vec<String>) {
    if let Some(text) = node.data.as_str() {
        found.push(text.to_owned());
    } else if let Some(list) = node.data.as_sequence() {
        for node in list {
            strings(node, found);
        }
    } else if let Some(mapping) = node.data.as_mapping()
        && let Some((_, node)) = mapping.iter().find(|(key, _)| key.data.as_str() == Some("path"))
    {
        strings(node, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_written_out_is_a_literal() {
        let text = "include:\n  - a.yaml\n  - path: [b.yaml, c.yaml]\nservices:\n  app:\n    environment:\n      DB_PASSWORD: ${DB_PASSWORD:?set it}\n      \
                    OTHER_PASSWORD: kX82-mQp1\n      FALLBACK_PASSWORD: ${P:-kX82-mQp1}\n      DB_PASSWORD_FILE: /run/secrets/db\n      \
                    URL: postgres://app:kX82mQp1@db/app\n      FILLED: postgres://app:${DB_PASSWORD}@db/app\n      ADMIN_PASSWORD: changeme\n  \
                    db:\n    environment:\n      - POSTGRES_PASSWORD=Qx91-mmVt\n      - POSTGRES_USER=app\n  \
                    cache:\n    command: redis-server --requirepass $${PASSWORD} --masterauth ${OTHER}\n    entrypoint: [run, --password, Qx91mmVt]\n    secrets:\n      - ovh_application_secret_of_ours\n\
                    x-seaworthy:\n  waivers: [{check: a, reason: 'PASSWORD=kX82-mQp1'}]\n";
        let (found, included) = in_text(text);
        assert_eq!(included, ["a.yaml", "b.yaml", "c.yaml"]);
        let lines: Vec<usize> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [8, 9, 11, 13, 16, 20], "{found:?}");
        assert!(found.iter().all(|(_, written)| !written.what.contains("kX82") && !written.what.contains("Qx91")), "{found:?}");
    }

    #[test]
    fn a_key_that_falls_back_to_a_literal_is_one() {
        let text = "services:\n  app:\n    environment:\n      SERVER_MASTER_KEY: ${MASTER_KEY:-change-me-please}\n      \
                    SERVER_MASTER_KEY_IPS: 0.0.0.0/0\n      SECRET_KEY_BASE: ${SECRET_KEY_BASE:?set it}\n      \
                    ENCRYPTION_KEY: ${ENCRYPTION_KEY-}\n      SIGNING_KEY_FILE: ${KEY_FILE:-keys/signing}\n    \
                    command: [serve, --signing-key, abc]\n";
        let lines: Vec<usize> = in_text(text).0.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 9]);
    }

    #[test]
    fn a_password_at_several_places_is_told_once_and_named_at_each() {
        let text = "x-env: &env\n  STORAGE_URL: postgresql://kinto:kinto@db/kinto\nservices:\n  web:\n    environment:\n      <<: *env\n      \
                    CACHE_URL: postgresql://kinto:kinto@db/kinto\n    command: serve --store postgresql://kinto:kinto@db/kinto\n  \
                    db:\n    environment:\n      POSTGRES_USER: kinto\n      POSTGRES_PASSWORD: kinto\n      PIN_PASSWORD: 1234\n";
        let found = in_text(text).0.into_iter().map(|(line, written)| (PathBuf::from("compose.yaml"), line, written));
        let told: Vec<(usize, String)> = told_once(found.collect()).into_iter().map(|one| (one.line, one.what)).collect();
        let expected = [
            (2, "`STORAGE_URL` is a URL with a password"),
            (7, "`CACHE_URL` has the same secret"),
            (8, "a command line has the same secret"),
            (12, "`POSTGRES_PASSWORD` has the same secret"),
            (13, "`PIN_PASSWORD` has a value of 4 characters"),
        ];
        assert_eq!(told, expected.map(|(line, what)| (line, what.to_owned())));
    }
}
