//! Judging what an image holds: programs that build and install, caches, waste, and files that give more away than they should.

use std::collections::{BTreeMap, BTreeSet};

use super::Finding;
use super::user::Identity;
use crate::image::{Contents, Entry, File, Kind, in_setting, in_step};

/// How many findings of one kind are told one by one.
const TOLD: usize = 5;
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
/// The share of an image that may be waste, in percent, and how much waste matters at all.
const MOST_WASTE: u64 = 10;
const SMALLEST_WASTE: u64 = 1 << 20;
/// What the names of files with code end in.
const CODE: [&str; 20] = [
    "py", "js", "mjs", "cjs", "ts", "rb", "php", "pl", "lua", "sh", "jar", "war", "class", "dll", "so", "ex", "exs", "beam",
    "jl", "r",
];

/// No setting of the image is a secret: environment, labels, command line.
pub fn keeps_secrets_out_of_settings(contents: &Contents) -> Result<(), Finding> {
    let config = &contents.config;
    let environment = config.environment.iter().filter_map(|(name, value)| Some(format!("ENV {}", in_setting(name, value)?)));
    let labels = config.labels.iter().filter_map(|(name, value)| Some(format!("LABEL {}", in_setting(name, value)?)));
    let command = in_step(&config.command.join(" ")).into_iter().map(|what| format!("in the command line {what}"));
    judge(environment.chain(labels).chain(command), "the image's environment, labels and command line hold no secret")
}

/// No instruction by which the image was made shows a secret.
pub fn keeps_secrets_out_of_history(contents: &Contents) -> Result<(), Finding> {
    let steps = contents.config.history.iter().filter(|step| {
        // What is set by these stands in the configuration, too, and is judged there.
        let instruction = step.instruction.trim_start_matches("/bin/sh -c #(nop)").trim_start();
        !["ENV ", "LABEL ", "CMD ", "ENTRYPOINT "].iter().any(|word| instruction.starts_with(word))
    });
    let found = steps.flat_map(|step| {
        let place = step.layer.map_or("a step without a layer".to_owned(), |layer| format!("the step of layer {}", layer + 1));
        in_step(&step.instruction).into_iter().map(move |what| format!("{place} shows {what}"))
    });
    judge(found, "the image's history shows no secret")
}

/// No layer has a file with a secret, whether it is there in the end or not.
pub fn keeps_secrets_out_of_files(contents: &Contents) -> Result<(), Finding> {
    let found = contents.secrets().map(|(layer, secret, is_gone)| {
        let gone = if is_gone { ", which a later layer deletes or replaces and everybody can still read" } else { "" };
        format!("/{secret} ({}{gone})", layer_of(contents, layer))
    });
    judge(found, "no layer of the image has a file with a secret")
}

/// Nothing compiles or builds.
pub fn has_no_compilers(contents: &Contents) -> Result<(), Finding> {
    let is_builder = |name: &str| {
        let bare = name.trim_end_matches(|character: char| character.is_ascii_digit() || "-.".contains(character));
        BUILDERS.contains(&name)
            || COMPILERS.iter().any(|compiler| bare == *compiler || bare.ends_with(&format!("-gnu-{compiler}")))
    };
    judge(programs(contents, is_builder), "no compiler or build system is in the image")
}

/// Nothing that the user can call installs packages.
pub fn has_no_package_managers(contents: &Contents, user: Option<&Identity>) -> Result<(), Finding> {
    let is_root = user.is_none_or(|user| user.uid == 0);
    let is_installer = |name: &str| {
        let bare = name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
        INSTALLERS.contains(&name) || bare == "pip" || (is_root && DISTRIBUTION.contains(&name))
    };
    let modules = contents.files().filter(|file| file.entry.path.ends_with("/site-packages/pip/__main__.py"));
    let modules = modules.map(|file| format!("/{} (python -m pip)", file.entry.path));
    judge(programs(contents, is_installer).into_iter().chain(modules), "nothing in the image installs packages")
}

/// No cache of an installation is left.
pub fn has_no_caches(contents: &Contents) -> Result<(), Finding> {
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
    judge(large.map(|(what, (size, first, _))| format!("{what}: {} (/{first})", bytes(size))), "no caches are left in the image")
}

/// Little of what the layers above the base image hold is overwritten or deleted by later ones. What a base image brings is stored
/// once for all that are made from it, and to take it away may be right.
pub fn wastes_little(contents: &Contents, base_layers: usize) -> Result<(), Finding> {
    let by_layer = contents.wasted(base_layers);
    let (wasted, size) = (by_layer.values().sum::<u64>(), contents.size());
    if wasted < SMALLEST_WASTE || wasted * 100 < size * MOST_WASTE {
        return Ok(());
    }
    let mut layers: Vec<(u64, usize)> = by_layer.iter().map(|(layer, bytes)| (*bytes, *layer)).collect();
    layers.sort_unstable_by(|one, other| other.cmp(one));
    let most = layers.iter().take(TOLD).map(|(wasted, layer)| format!("{} by {}", bytes(*wasted), layer_of(contents, *layer)));
    let most: Vec<String> = most.collect();
    Err(Finding {
        expected: format!("less than {MOST_WASTE} % of the image is overwritten or deleted by later layers"),
        seen: format!("{} of {} are: {}", bytes(wasted), bytes(size), most.join("; ")),
    })
}

/// The image is no larger than the contract allows, in bytes.
pub fn fits(contents: &Contents, limit: u64) -> Result<(), Finding> {
    let size = contents.size();
    if size <= limit {
        return Ok(());
    }
    let sizes = |layer: usize| contents.layers[layer].entries.iter().map(|entry| entry.size).sum::<u64>();
    let mut layers: Vec<(u64, usize)> = (0..contents.layers.len()).map(|layer| (sizes(layer), layer)).collect();
    layers.sort_unstable_by(|one, other| other.cmp(one));
    let largest = layers.iter().take(3).map(|(size, layer)| format!("{} in {}", bytes(*size), layer_of(contents, *layer)));
    let largest: Vec<String> = largest.collect();
    Err(Finding {
        expected: format!("the image has at most {}", bytes(limit)),
        seen: format!("it has {}: {}", bytes(size), largest.join("; ")),
    })
}

/// No program of the layers above the base image makes its caller another user, or one of another group.
pub fn has_no_setuid(contents: &Contents, base_layers: usize) -> Result<(), Finding> {
    let found = contents.files().filter(|file| file.layer >= base_layers && is_setuid(file.entry)).filter(|file| {
        // A base image's own, touched by a later layer, is still the base image's.
        let below = contents.layers[..base_layers.min(file.layer)].iter().flat_map(|layer| &layer.entries);
        !below.into_iter().any(|entry| entry.path == file.entry.path && is_setuid(entry))
    });
    let found = found
        .map(|file| format!("/{} has the mode {:04o} ({})", file.entry.path, file.entry.mode, layer_of(contents, file.layer)));
    judge(found, "no program beyond those of the base image has a setuid or setgid bit")
}

/// The user can't change the code that it runs: neither a file of it, nor the folder that holds it.
pub fn code_is_not_writable(contents: &Contents, base_layers: usize, user: &Identity) -> Result<(), Finding> {
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
    let expected = format!("uid {} can't change the code", user.uid);
    judge(folders.into_iter().chain(files).map(|path| format!("{path} can be written to")), &expected)
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

fn judge(found: impl IntoIterator<Item = String>, expected: &str) -> Result<(), Finding> {
    let found: Vec<String> = found.into_iter().collect();
    if found.is_empty() {
        return Ok(());
    }
    let more = found.len().saturating_sub(TOLD);
    let told = found[..found.len() - more].join("; ");
    let seen = if more == 0 { told } else { format!("{told}; and {more} more") };
    Err(Finding { expected: expected.to_owned(), seen })
}

/// A layer, numbered from 1 at the bottom, with the instruction that made it.
fn layer_of(contents: &Contents, layer: usize) -> String {
    match contents.config.made(layer) {
        Some(instruction) => format!("layer {}, {instruction}", layer + 1),
        None => format!("layer {}", layer + 1),
    }
}

/// A size as people read it, in units of 1024.
fn bytes(size: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, of) in UNITS {
        if size >= of {
            return format!("{}.{} {unit}", size / of, size % of * 10 / of);
        }
    }
    format!("{size} bytes")
}
