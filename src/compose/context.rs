//! The build context of a service as the builder gets it: what `.dockerignore` leaves in and the Dockerfile takes.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::recipe::Built;
use crate::image::{Ignore, LARGEST_FILE, in_file, is_taken};

/// A context of more entries is not looked through.
const MOST_ENTRIES: usize = 200_000;
/// Folders that no build needs from outside, and what they are.
const FOLDERS: [(&str, &str); 2] =
    [(".git", "the whole history of the repository"), ("node_modules", "packages of another machine")];
/// The ends of names of source files.
const SOURCES: [&str; 28] = [
    "py", "js", "mjs", "cjs", "jsx", "ts", "tsx", "vue", "svelte", "html", "css", "go", "rs", "java", "kt", "scala", "rb", "php",
    "cs", "ex", "c", "cc", "cpp", "h", "swift", "dart", "lua", "pl",
];
/// Source files that list packages.
const LISTS: [&str; 4] = ["setup.py", "noxfile.py", "gulpfile.js", "build.rs"];
/// A context of more bytes is not copied.
const LARGEST_COPY: u64 = 512 << 20;
/// Folders with tests.
const TESTS: [&str; 3] = ["tests", "test", "__tests__"];

/// Why a context could not be looked through.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// It can't be read.
    #[error("the build context {} can't be read", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is too large.
    #[error("the build context {} has more than {MOST_ENTRIES} entries", path.display())]
    TooLarge {
        /// The folder.
        path: PathBuf,
    },
}

/// What a build gets from its context and should not: secrets, a repository, installed packages, tests in the stage that runs. Each with
/// its path from the root of the context.
pub fn unwanted(context: &Path, built: &Built) -> Result<Vec<String>, ContextError> {
    let of_runtime = built.recipe.runtime_sources(built.target.as_deref());
    let mut found = BTreeSet::new();
    for name in sent(context, built)? {
        let in_runtime = of_runtime.iter().any(|source| is_taken(source, &name));
        found.extend(judge(context, &name, in_runtime));
    }
    Ok(found.into_iter().collect())
}

/// Copies what a build gets from its context to a folder, which need not exist. Returns the first source file of it, by its path from the
/// root; nothing when there is none, or when it is too large to be copied.
pub fn copy_sent(context: &Path, built: &Built, to: &Path) -> Result<Option<String>, ContextError> {
    let sent = sent(context, built)?;
    let size: u64 = sent.iter().filter_map(|name| Some(fs::metadata(context.join(name)).ok()?.len())).sum();
    let source = sent.iter().filter(|name| is_source(name)).min().cloned();
    if source.is_none() || size > LARGEST_COPY {
        return Ok(None);
    }
    for name in sent {
        let (from, to) = (context.join(&name), to.join(&name));
        let copied = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::copy(&from, &to));
        copied.map_err(|source| ContextError::Unreadable { path: from, source })?;
    }
    Ok(source)
}

/// Whether a file is code that people change every day, and not a list of packages.
fn is_source(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or_default();
    let end = file.rsplit_once('.').map(|(_, end)| end).unwrap_or_default();
    SOURCES.contains(&end) && !LISTS.contains(&file)
}

/// The files that a build gets from its context, as paths from its root. Links are not followed.
fn sent(context: &Path, built: &Built) -> Result<Vec<String>, ContextError> {
    let ignore = Ignore::parse(&ignore_file(context, &built.path));
    let all = built.recipe.sources(built.target.as_deref());
    let mut sent = vec![];
    let mut folders = vec![PathBuf::new()];
    let mut entries = 0;
    while let Some(folder) = folders.pop() {
        let unreadable = |source| ContextError::Unreadable { path: context.join(&folder), source };
        for entry in fs::read_dir(context.join(&folder)).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            entries += 1;
            if entries > MOST_ENTRIES {
                return Err(ContextError::TooLarge { path: context.to_owned() });
            }
            let path = folder.join(entry.file_name());
            let name = path.to_string_lossy().into_owned();
            let is_out = ignore.leaves_out(&name);
            let kind = entry.file_type().map_err(unreadable)?;
            if kind.is_dir() {
                if !is_out || ignore.has_exceptions() {
                    folders.push(path);
                }
            } else if kind.is_file() && !is_out && all.iter().any(|source| is_taken(source, &name)) {
                sent.push(name);
            }
        }
    }
    Ok(sent)
}

/// What is wrong with a file that a build gets.
fn judge(context: &Path, name: &str, in_runtime: bool) -> Vec<String> {
    let above = |folders: &[&str]| {
        let mut at = 0;
        let mut parts = name.split('/').map(|part| {
            at += part.len() + 1;
            (part, at - 1)
        });
        parts.find(|(part, end)| folders.contains(part) && *end < name.len()).map(|(_, end)| &name[..end])
    };
    for (folder, what) in FOLDERS {
        if let Some(path) = above(&[folder]) {
            return vec![format!("{path}/ ({what})")];
        }
    }
    if in_runtime && let Some(path) = above(&TESTS) {
        return vec![format!("{path}/ (tests, in the stage that runs)")];
    }
    let file = context.join(name);
    let is_small = fs::metadata(&file).is_ok_and(|file| file.len() <= LARGEST_FILE);
    // One that can't be read can't be sent either.
    let bytes = if is_small { fs::read(&file).unwrap_or_default() } else { vec![] };
    in_file(name, &bytes).iter().map(ToString::to_string).collect()
}

/// The text of the file that counts: the Dockerfile's own before that of the context.
fn ignore_file(context: &Path, dockerfile: &Path) -> String {
    let mut own = dockerfile.as_os_str().to_owned();
    own.push(".dockerignore");
    fs::read_to_string(PathBuf::from(own)).or_else(|_| fs::read_to_string(context.join(".dockerignore"))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::image::Recipe;

    fn built(dockerfile: &str) -> Built {
        let recipe = Recipe::parse(dockerfile, &BTreeMap::new()).expect("parses");
        Built { recipe, path: "/nowhere/Dockerfile".into(), context: None, target: None, contexts: vec![] }
    }

    #[test]
    fn only_what_is_sent_is_judged() {
        let folder = tempfile::tempdir().expect("a folder");
        let context = folder.path();
        for (path, text) in [
            (".env", "DB_PASSWORD=kX82-mQp1\n"),
            (".env.example", "DB_PASSWORD=kX82-mQp1\n"),
            (".git/HEAD", "ref: refs/heads/main\n"),
            ("app/node_modules/a/index.js", "1\n"),
            ("app/main.js", "1\n"),
            ("app/test/main.js", "1\n"),
        ] {
            let path = context.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, text).expect("written");
        }
        let all = "FROM a\nCOPY . .\n";
        let everything = [
            ".env:1: `DB_PASSWORD` has a value of 9 characters",
            ".git/ (the whole history of the repository)",
            "app/node_modules/ (packages of another machine)",
            "app/test/ (tests, in the stage that runs)",
        ];
        for (dockerfile, ignore, expected) in [
            (all, "", &everything[..]),
            (all, ".git\n.env*\n**/node_modules\n", &everything[3..]),
            ("FROM a AS builder\nCOPY . .\nFROM b\nCOPY --from=builder /x /x\n", "", &everything[..3]),
            ("FROM a\nCOPY app/main.js .\n", "", &[]),
            (all, "*\n!app/main.js\n", &[]),
        ] {
            fs::write(context.join(".dockerignore"), ignore).expect("written");
            assert_eq!(unwanted(context, &built(dockerfile)).expect("read"), expected, "{dockerfile} {ignore}");
        }
    }
}
