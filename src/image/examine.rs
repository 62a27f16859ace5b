//! Examining what an image holds: programs that build and install, caches, waste, and files that give more away than they should.
//! What is found is told in words; whether it may be there is for the judges to say.

use std::collections::{BTreeMap, BTreeSet};

use super::{Contents, Entry, File, Identity, Kind, in_setting, in_step};

/// The search path of a process that is given none (execvp(3), and what Docker sets).
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Programs that compile or build.
const BUILDERS: [&str; 30] = [
    "cc", "c89", "c99", "gcc", "g++", "c++", "clang", "clang++", "tcc", "gfortran", "make", "gmake", "cmake", "ninja", "meson",
    "bazel", "cargo", "rustc", "go", "javac", "kotlinc", "scalac", "mvn", "gradle", "sbt", "ghc", "ocamlopt", "fpc", "nasm",
    "yasm",
];
/// Compilers whose names may bear a target before and a version behind.
const COMPILERS: [&str; 4] = ["gcc", "g++", "clang", "clang++"];
/// Programs that install packages for whoever calls them.
const INSTALLERS: [&str; 20] = [
    "pip",
    "pip2",
    "pip3",
    "pipx",
    "pipenv",
    "poetry",
    "uv",
    "conda",
    "mamba",
    "easy_install",
    "npm",
    "npx",
    "yarn",
    "pnpm",
    "corepack",
    "gem",
    "bundle",
    "composer",
    "nuget",
    "luarocks",
];
/// Programs that install packages of the distribution, which only root can.
const DISTRIBUTION: [&str; 11] =
    ["apt", "apt-get", "aptitude", "dpkg", "apk", "dnf", "microdnf", "yum", "rpm", "zypper", "pacman"];
/// Where caches are: a folder of any home, or a path from the root.
const CACHES: [(&str, &str); 17] = [
    ("package lists of apt", "var/lib/apt/lists/"),
    ("packages of apt", "var/cache/apt/"),
    ("packages of apk", "var/cache/apk/"),
    ("packages of dnf", "var/cache/dnf/"),
    ("packages of yum", "var/cache/yum/"),
    ("pip's cache", "/.cache/pip/"),
    ("pipenv's cache", "/.cache/pipenv/"),
    ("poetry's cache", "/.cache/pypoetry/"),
    ("uv's cache", "/.cache/uv/"),
    ("npm's cache", "/.npm/_cacache/"),
    ("yarn's cache", "/.cache/yarn/"),
    ("yarn's cache", "usr/local/share/.cache/"),
    ("Go's build cache", "/.cache/go-build/"),
    ("cargo's registry", "/.cargo/registry/"),
    ("Maven's repository", "/.m2/repository/"),
    ("Gradle's cache", "/.gradle/caches/"),
    ("composer's cache", "/.composer/cache/"),
];
/// A cache of less than this is left from an installation that cleaned up: lock files, an empty index.
const SMALLEST_CACHE: u64 = 64 << 10;
/// What the names of files with code end in.
const CODE: [&str; 20] = [
    "py", "js", "mjs", "cjs", "ts", "rb", "php", "pl", "lua", "sh", "jar", "war", "class", "dll", "so", "ex", "exs", "beam",
    "jl", "r",
];

/// The settings of the image that are secrets: environment, labels, command line.
#[must_use]
pub fn secrets_in_settings(contents: &Contents) -> Vec<String> {
    let config = &contents.config;
    let environment = config.environment.iter().filter_map(|(name, value)| Some(format!("ENV {}", in_setting(name, value)?)));
    let labels = config.labels.iter().filter_map(|(name, value)| Some(format!("LABEL {}", in_setting(name, value)?)));
    let command = in_step(&config.command.join(" ")).into_iter().map(|what| format!("in the command line {what}"));
    environment.chain(labels).chain(command).collect()
}

/// The instructions by which the image was made that show a secret.
#[must_use]
pub fn secrets_in_history(contents: &Contents) -> Vec<String> {
    let steps = contents.config.history.iter().filter(|step| {
        // What is set by these stands in the configuration, too, and is judged there.
        let instruction = step.instruction.trim_start_matches("/bin/sh -c #(nop)").trim_start();
        !["ENV ", "LABEL ", "CMD ", "ENTRYPOINT "].iter().any(|word| instruction.starts_with(word))
    });
    let found = steps.flat_map(|step| {
        let place = step.layer.map_or("a step without a layer".to_owned(), |layer| format!("the step of layer {}", layer + 1));
        in_step(&step.instruction).into_iter().map(move |what| format!("{place} shows {what}"))
    });
    found.collect()
}

/// The files of all layers with a secret, whether they are there in the end or not. Settings of the base image are not the app's.
#[must_use]
pub fn secret_files(contents: &Contents, base_layers: usize) -> Vec<String> {
    let own = contents.secrets().filter(|(layer, secret, _)| !secret.is_setting || *layer >= base_layers);
    let found = own.map(|(layer, secret, is_gone)| {
        let gone = if is_gone { ", which a later layer deletes or replaces and everybody can still read" } else { "" };
        format!("/{secret} ({}{gone})", layer_of(contents, layer))
    });
    found.collect()
}

/// What compiles or builds.
#[must_use]
pub fn compilers(contents: &Contents) -> Vec<String> {
    let is_builder = |name: &str| {
        let bare = name.trim_end_matches(|character: char| character.is_ascii_digit() || "-.".contains(character));
        BUILDERS.contains(&name)
            || COMPILERS.iter().any(|compiler| bare == *compiler || bare.ends_with(&format!("-gnu-{compiler}")))
    };
    programs(contents, is_builder)
}

/// What installs packages, and can be called by the user.
#[must_use]
pub fn package_managers(contents: &Contents, user: Option<&Identity>) -> Vec<String> {
    let is_root = user.is_none_or(|user| user.uid == 0);
    let is_installer = |name: &str| {
        let bare = name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
        INSTALLERS.contains(&name) || bare == "pip" || (is_root && DISTRIBUTION.contains(&name))
    };
    let modules = contents.files().filter(|file| file.entry.path.ends_with("/site-packages/pip/__main__.py"));
    let modules = modules.map(|file| format!("/{} (python -m pip)", file.entry.path));
    programs(contents, is_installer).into_iter().chain(modules).collect()
}

/// The caches of installations in the layers above the base image: what the base brings, nobody who goes on from it can take away.
#[must_use]
pub fn caches(contents: &Contents, base_layers: usize) -> Vec<String> {
    let mut sizes: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
    for file in contents.files().filter(|file| file.entry.kind == Kind::File && file.layer >= base_layers) {
        let path = &file.entry.path;
        // Either from the root, or below any home.
        let cache = CACHES.iter().find(|(_, folder)| match folder.strip_prefix('/') {
            Some(below) => path.contains(folder) || path.starts_with(below),
            None => path.starts_with(folder),
        });
        if let Some((what, _)) = cache {
            sizes.entry(what).or_insert((0, path)).0 += file.entry.size;
        }
    }
    let large = sizes.into_iter().filter(|(_, (size, _))| *size >= SMALLEST_CACHE);
    large.map(|(what, (size, first))| format!("{what}: {} (/{first})", size_in_words(size))).collect()
}

/// How much of what each layer above the base image holds is overwritten or deleted by later ones, by the layer that does so.
#[must_use]
pub fn waste(contents: &Contents, base_layers: usize) -> Vec<(String, u64)> {
    contents.wasted(base_layers).into_iter().map(|(layer, bytes)| (layer_of(contents, layer), bytes)).collect()
}

/// How large each layer is.
#[must_use]
pub fn layer_sizes(contents: &Contents) -> Vec<(String, u64)> {
    let size = |layer: usize| contents.layers[layer].entries.iter().map(|entry| entry.size).sum::<u64>();
    (0..contents.layers.len()).map(|layer| (layer_of(contents, layer), size(layer))).collect()
}

/// The programs of the layers above the base image that make their caller another user, or one of another group.
#[must_use]
pub fn setuid_programs(contents: &Contents, base_layers: usize) -> Vec<String> {
    let found = contents.files().filter(|file| file.layer >= base_layers && is_setuid(file.entry)).filter(|file| {
        // A base image's own, touched by a later layer, is still the base image's.
        let below = contents.layers[..base_layers.min(file.layer)].iter().flat_map(|layer| &layer.entries);
        !below.into_iter().any(|entry| entry.path == file.entry.path && is_setuid(entry))
    });
    found
        .map(|file| format!("/{} has the mode {:04o} ({})", file.entry.path, file.entry.mode, layer_of(contents, file.layer)))
        .collect()
}

/// The code that the user can change: files of it, and folders that hold it.
#[must_use]
pub fn writable_code(contents: &Contents, base_layers: usize, user: &Identity) -> Vec<String> {
    let is_code = |file: &File<'_>| {
        let entry = file.entry;
        let end = entry.path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, end)| end.to_ascii_lowercase());
        let is_program = entry.mode & 0o111 != 0 || end.is_some_and(|end| CODE.contains(&end.as_str()));
        entry.kind == Kind::File && entry.size > 0 && file.layer >= base_layers && is_program
    };
    let mut folders: BTreeSet<String> = BTreeSet::new();
    let mut files = vec![];
    for file in contents.files().filter(is_code) {
        let folder = file.entry.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let is_open = contents.at(folder).is_some_and(|folder| user.may_write(folder.entry) && folder.entry.mode & 0o1000 == 0);
        if is_open {
            folders.insert(format!("the folder /{folder}"));
        } else if user.may_write(file.entry) {
            files.push(format!("/{}", file.entry.path));
        }
    }
    folders.into_iter().chain(files).map(|path| format!("{path} can be written to")).collect()
}

/// Programs in the folders that are searched for them whose names fit.
fn programs(contents: &Contents, fits: impl Fn(&str) -> bool) -> Vec<String> {
    let path = contents.config.environment.iter().find(|(name, _)| name == "PATH").map_or(PATH, |(_, value)| value.as_str());
    let folders: BTreeSet<&str> = path.split(':').chain(PATH.split(':')).map(|folder| folder.trim_matches('/')).collect();
    let named = contents.files().filter(|file| {
        let (folder, name) = file.entry.path.rsplit_once('/').unwrap_or(("", &file.entry.path));
        folders.contains(folder) && matches!(file.entry.kind, Kind::File | Kind::Hardlink | Kind::Symlink) && fits(name)
    });
    // A link that leads nowhere is none.
    let real = named.filter(|file| {
        let target = contents.resolve(&file.entry.path);
        target.is_some_and(|target| {
            target.entry.kind == Kind::Hardlink || (target.entry.kind == Kind::File && target.entry.mode & 0o111 != 0)
        })
    });
    real.map(|file| format!("/{} ({})", file.entry.path, layer_of(contents, file.layer))).collect()
}

fn is_setuid(entry: &Entry) -> bool {
    entry.kind == Kind::File && entry.mode & 0o6000 != 0 && entry.mode & 0o111 != 0
}

/// A layer, numbered from 1 at the bottom, with the instruction that made it.
fn layer_of(contents: &Contents, layer: usize) -> String {
    match contents.config.made(layer) {
        Some(instruction) => format!("layer {}, {instruction}", layer + 1),
        None => format!("layer {}", layer + 1),
    }
}

/// A size as people read it, in units of 1024.
#[must_use]
pub fn size_in_words(size: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, of) in UNITS {
        if size >= of {
            return format!("{}.{} {unit}", size / of, size % of * 10 / of);
        }
    }
    format!("{size} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Config, Layer};

    fn file(path: &str, size: u64) -> Entry {
        Entry { path: path.into(), kind: Kind::File, mode: 0o644, uid: 0, gid: 0, size, link: None }
    }

    fn contents(layers: impl IntoIterator<Item = Layer>) -> Contents {
        Contents::new(Config::default(), layers.into_iter().collect())
    }

    fn files(files: &[(&str, u64)]) -> Layer {
        Layer { entries: files.iter().map(|(path, size)| file(path, *size)).collect(), ..Layer::default() }
    }

    #[test]
    fn caches_are_the_apps_own_and_of_installations() {
        const MIB: u64 = 1 << 20;
        let base = files(&[("var/lib/apt/lists/base", MIB), ("usr/lib/python3.11/test/__pycache__/a.pyc", 9 * MIB)]);
        let own = files(&[
            ("usr/local/lib/python3.11/site-packages/django/test/__pycache__/client.pyc", 2 * MIB),
            ("usr/local/lib/python3.11/site-packages/pandas/tests/__pycache__/test_a.pyc", 60 * MIB),
            ("srv/__pycache__/app.pyc", 2 * MIB),
            ("var/cache/apt/pkgcache.bin", 100),
        ]);
        assert!(caches(&contents([base.clone(), own.clone()]), 1).is_empty());
        let cached = files(&[("root/.cache/pip/http/a", MIB), ("root/.cache/pip/http/b", MIB)]);
        assert_eq!(caches(&contents([base.clone(), own, cached]), 1), ["pip's cache: 2.0 MiB (/root/.cache/pip/http/a)"]);
        let updated = files(&[("var/lib/apt/lists/base", 2 * MIB)]);
        let found = caches(&contents([base, updated]), 1);
        assert_eq!(found, ["package lists of apt: 2.0 MiB (/var/lib/apt/lists/base)"], "fetched again by a layer of the app");
    }

    #[test]
    fn settings_of_the_base_image_are_not_the_apps() {
        let secret =
            |path: &str, is_setting| super::super::Secret { what: "a secret".into(), path: path.into(), line: None, is_setting };
        let layer = |secrets: Vec<super::super::Secret>| Layer { secrets, ..files(&[("etc/app.ini", 1)]) };
        let found = |own: &[bool]| {
            let base = layer(vec![secret("etc/base.ini", true), secret("root/.netrc", false)]);
            let own = layer(own.iter().map(|is_setting| secret("etc/app.ini", *is_setting)).collect());
            secret_files(&contents([base, own]), 1)
        };
        assert_eq!(
            found(&[]),
            ["/root/.netrc: a secret (layer 1, which a later layer deletes or replaces and everybody can still read)"]
        );
        assert_eq!(found(&[true])[1..], ["/etc/app.ini: a secret (layer 2)"]);
    }
}
