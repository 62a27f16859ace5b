//! Keeps the invariants of ARCHITECTURE.md: data flows one way, and each kind of outside world has its one door.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

#[path = "layers/product.rs"]
mod product;

/// The modules from left to right: each may use those before it, none after it.
const LAYERS: [&str; 19] = [
    "causes",
    "clock",
    "redact",
    "interrupt",
    "image",
    "compose",
    "subject",
    "model",
    "engine",
    "target",
    "probe",
    "fault",
    "judge",
    "experiment",
    "gherkin",
    "suite",
    "report",
    "exit",
    "cli",
];

/// Every source file with its module and its text without tests.
fn sources() -> Vec<(PathBuf, String, String)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = vec![];
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let relative = entry.strip_prefix(&source).expect("inside src").to_owned();
            let module = relative.iter().next().expect("a name").to_string_lossy().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&entry).expect("a text");
            found.push((relative, module, product::product(&text)));
        }
    }
    found
}

#[test]
fn every_module_uses_only_those_to_its_left() {
    let reference = Regex::new(r"\bcrate::(\w+)").expect("a pattern");
    let place = |module: &str| LAYERS.iter().position(|layer| *layer == module);
    let mut wrong = vec![];
    for (file, module, text) in sources() {
        if module == "lib" || module == "main" {
            continue;
        }
        let own = place(&module).unwrap_or_else(|| panic!("{} has no place in the layers", file.display()));
        for used in reference.captures_iter(&text).map(|captures| captures[1].to_owned()) {
            if place(&used).is_none_or(|used| used > own) {
                wrong.push(format!("{} uses crate::{used}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for layer in LAYERS {
        assert!(sources().iter().any(|(_, module, _)| module == layer), "there is no module {layer}");
    }
}

/// Words that only these modules may use.
#[test]
fn every_outside_world_has_one_door() {
    for (word, modules) in [
        (r"\bbollard\b|\btestcontainers::", &["engine"][..]),
        (r"\bCommand::new\b", &["compose", "engine"]),
        (r"\bInstant\b|\bSystemTime::now\b|\bnow_utc\b", &["clock"]),
        (r"\breqwest::|\btokio_postgres::", &["probe"]),
        (r"\bhyper::", &["probe", "engine"]),
        (r"\bcucumber::", &["gherkin", "suite"]),
        (r"\bprocess::exit\b", &[]),
        (r"\bprintln!|\beprintln!|\bstdout\(\)|\bstderr\(\)", &["cli"]),
    ] {
        let word = Regex::new(word).expect("a pattern");
        for (file, module, text) in sources() {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let uses = code.into_iter().any(|line| word.is_match(line));
            assert!(!uses || modules.contains(&module.as_str()), "{} uses {word}", file.display());
        }
        for module in modules {
            assert!(sources().iter().any(|(_, found, _)| found == module), "there is no module {module}");
        }
    }
}

/// Of cucumber `gherkin` takes the parser, with what it adds for outlines and tag expressions: runners and writers are for `suite`.
#[test]
fn gherkin_takes_the_parser_of_cucumber_alone() {
    let used = Regex::new(r"\bcucumber::(\w+)").expect("a pattern");
    let mut seen = vec![];
    for (file, _, text) in sources().into_iter().filter(|(_, module, _)| module == "gherkin") {
        for part in used.captures_iter(&text).map(|captures| captures[1].to_owned()) {
            assert!(["gherkin", "feature", "tag"].contains(&part.as_str()), "{} uses cucumber::{part}", file.display());
            seen.push(part);
        }
    }
    assert!(seen.iter().any(|part| part == "gherkin"), "nobody reads Gherkin");
}

#[test]
fn judging_and_reporting_do_no_io_and_wait_for_nothing() {
    for pure in ["judge", "model/record", "report"] {
        let is_pure = |file: &Path| file.with_extension("").starts_with(pure);
        let texts: Vec<_> = sources().into_iter().filter(|(file, ..)| is_pure(file)).collect();
        assert!(!texts.is_empty(), "there is no {pure}");
        for (file, _, text) in texts {
            for word in ["async ", "tokio::", "std::fs", "std::net", "std::env"] {
                assert!(!text.contains(word), "{} uses {word}", file.display());
            }
        }
    }
}

/// With a harness of its own a binary is not compiled as a test, and every `#[test]` in it is dropped without a word.
#[test]
fn no_test_is_dropped_by_a_harness_of_its_own() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(project.join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = toml::from_str(&manifest).expect("TOML");
    let attribute = Regex::new(r"(?m)^\s*#\[(?:\w+::)?test\b").expect("a pattern");
    let binaries = manifest["test"].as_array().expect("a list");
    let own = binaries.iter().filter(|binary| binary.get("harness").and_then(toml::Value::as_bool) == Some(false));
    let mut looked_at = 0;
    for name in own.map(|binary| binary["name"].as_str().expect("a name")) {
        let mut files = vec![project.join(format!("tests/{name}.rs"))];
        let folder = project.join("tests").join(name);
        if folder.exists() {
            files.extend(fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()));
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "rs") && file.exists());
        assert!(!files.is_empty(), "{name} has no file");
        for file in files {
            let text = fs::read_to_string(&file).expect("a text");
            assert!(!attribute.is_match(&text), "{} has a #[test] that nobody runs", file.display());
            looked_at += 1;
        }
    }
    assert!(looked_at > 0, "no binary has a harness of its own");
}
