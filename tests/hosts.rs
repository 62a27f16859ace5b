//! No file of the project names the host of a package registry: clients ask the one that the machine they run on is configured for.

#![expect(clippy::disallowed_methods, reason = "git knows which files are the project's")]

use std::fs;
use std::path::Path;
use std::process::Command;

use regex::RegexSet;

/// What such hosts look like.
const SHAPES: [&str; 7] = [
    r"\bregistry(?:-\d)?\.[a-z0-9-]+\.(?:org|com|io|net|dev)\b",
    r"\b(?:test\.)?pypi\.(?:org|io|python)\b",
    r"\b[a-z0-9-]+\.pythonhosted\.",
    r"\bdeb\.[a-z0-9-]+\.(?:org|com|net|io)\b",
    r"\b(?:archive|security|ports|snapshot|httpredir|cdn-\w+|ftp)(?:\.[a-z]{2})?\.(?:debian|ubuntu)\.",
    r"\b(?:index|static)\.crates\.",
    r"\b(?:proxy|sum)\.golang\.",
];

/// Hosts, in parts so that this file holds none either; the place of each is that of its shape.
const HOSTS: [&[&str]; 7] = [
    &["registry", "npmjs", "org"],
    &["pypi", "org"],
    &["files", "pythonhosted", "org"],
    &["deb", "debian", "org"],
    &["ftp", "de", "debian", "org"],
    &["static", "crates", "io"],
    &["proxy", "golang", "org"],
];

/// What looks nearly like one.
const INNOCENT: &str = "registry.invalid/nobody/nothing:1 //npm.example/:_authToken registry:5000/lib/postgres:15 docker.io \
                        example.org [pypi] pypi-AgE registry+https://github.com/rust-lang/crates.io-index";

fn shapes() -> RegexSet {
    RegexSet::new(SHAPES).expect("patterns")
}

#[test]
fn shapes_tell_hosts_of_registries_from_other_words() {
    for (place, parts) in HOSTS.iter().enumerate() {
        let url = format!("https://{}/simple", parts.join("."));
        assert!(shapes().matches(&url).matched(place), "{url} does not look like {}", SHAPES[place]);
    }
    let found: Vec<_> = shapes().matches(INNOCENT).iter().map(|place| SHAPES[place]).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn no_file_names_the_host_of_a_registry() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git")
        .current_dir(root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .expect("git runs");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let files = String::from_utf8(listed.stdout).expect("names in UTF-8");
    let shapes = shapes();
    let mut read = 0;
    let mut wrong = vec![];
    for file in files.split_terminator('\0') {
        // Neither a file that is no text nor one that was just removed says anything.
        let Ok(text) = fs::read_to_string(root.join(file)) else { continue };
        read += 1;
        let lines = text.lines().enumerate().filter(|(_, line)| shapes.is_match(line));
        wrong.extend(lines.map(|(number, line)| format!("{file}:{}: {}", number + 1, line.trim())));
    }
    assert!(read > 100, "only {read} files were read");
    assert!(wrong.is_empty(), "the machine's own configuration says which registry is asked: {wrong:#?}");
}
