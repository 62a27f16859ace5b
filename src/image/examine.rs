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
/// Compiled tests of less than this are not worth a word.
const SMALLEST_TESTS: u64 = 1 << 20;
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

/// The files of all layers with a secret, whether they are there in the end or not.
#[must_use]
pub fn secret_files(contents: &Contents) -> Vec<String> {
    let found = contents.secrets().map(|(layer, secret, is_gone)| {
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

/// The caches of installations.
#[must_use]
pub fn caches(contents: &Contents) -> Vec<String> {
    let mut sizes: BTreeMap<&str, (u64, &str, u64)> = BTreeMap::new();
    for file in contents.files().filter(|file| file.entry.kind == Kind::File) {
        let path = &file.entry.path;
        // Either from the root, or below any home.
        let cache = CACHES.iter().find(|(_, folder)| match folder.strip_prefix('/') {
            Some(below) => path.contains(folder) || path.starts_with(below),
            None => path.starts_with(folder),
        });
        let is_test = path.ends_with(".pyc") && (path.contains("/tests/") || path.contains("/test/"));
        let (what, least) = match cache {
            Some((what, _)) => (*what, SMALLEST_CACHE),
            None if is_test => ("compiled tests", SMALLEST_TESTS),
            None => continue,
        };
        sizes.entry(what).or_insert((0, path, least)).0 += file.entry.size;
    }
    let large = sizes.into_iter().filter(|(_, (size, _, least))| size >= least);
    large.map(|(what, (size, first, _))| format!("{what}: {} (/{first})", size_in_words(size))).collect()
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
