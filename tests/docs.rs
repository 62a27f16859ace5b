//! Keeps the documents true to the sources: links lead somewhere, rooms and decisions are all named.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use seaworthy::gherkin::{Catalogue, Place};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

/// The documents that people read.
fn documents() -> Vec<PathBuf> {
    ["", "docs", "docs/decisions"].iter().flat_map(|folder| files(&project().join(folder), "md")).collect()
}

/// The anchor that GitHub makes of a heading.
fn anchor(heading: &str) -> String {
    let letters = heading.trim().to_lowercase().replace(' ', "-");
    letters.chars().filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter)).collect()
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let heading = Regex::new(r"(?m)^#+ (.+)$").expect("a pattern");
    let (mut wrong, mut count) = (vec![], 0);
    for document in documents() {
        let text = read(&document);
        for target in link.captures_iter(&text).map(|captures| captures[1].to_owned()) {
            if target.contains("://") {
                continue;
            }
            count += 1;
            let (path, fragment) = target.split_once('#').unwrap_or((&target, ""));
            let file = if path.is_empty() { document.clone() } else { document.with_file_name(path) };
            let is_there = file.exists();
            let has_heading = fragment.is_empty()
                || (is_there && heading.captures_iter(&read(&file)).any(|captures| anchor(&captures[1]) == fragment));
            if !is_there || !has_heading {
                wrong.push(format!("{} links to {target}", document.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 50, "only {count} links were found");
}

#[test]
fn every_room_is_in_the_architecture() {
    let architecture = read(&project().join("ARCHITECTURE.md"));
    let mut rooms: Vec<String> = vec![];
    for entry in fs::read_dir(project().join("src")).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        rooms.push(entry.file_stem().expect("a name").to_string_lossy().into_owned());
    }
    rooms.sort();
    rooms.dedup();
    let layers = architecture.split("```").find(|block| block.contains("causes  clock")).expect("the layers");
    for room in rooms.iter().filter(|room| !["lib", "main"].contains(&room.as_str())) {
        assert!(layers.split_whitespace().any(|layer| layer == room), "{room} is not among the layers");
        assert!(architecture.contains(&format!("| `{room}` |")), "{room} is not on the code map");
    }
    let known = layers.split_whitespace().filter(|layer| rooms.iter().any(|room| room == layer)).count();
    assert_eq!(known, layers.split_whitespace().count(), "the layers name what is not there: {layers}");
}

#[test]
fn every_decision_is_in_the_index() {
    let folder = project().join("docs/decisions");
    let index = read(&folder.join("README.md"));
    let pages = files(&folder, "md");
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let name = page.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "{name} is not in the index");
    }
}

/// Long documents are not read.
#[test]
fn documents_stay_short() {
    for (document, most) in [("README.md", 200), ("ARCHITECTURE.md", 150)] {
        let lines = read(&project().join(document)).lines().count();
        assert!(lines < most, "{document} has {lines} lines");
    }
}

/// One line for each check, as the features have it.
#[test]
fn every_check_is_in_the_list_of_checks() {
    let list = read(&project().join("docs/checks.md"));
    let title = |place: &Place<'_>| place.scenario.name.replace("<dependency>", "a dependency");
    let catalogue = Catalogue::built_in();
    let rows =
        catalogue.checks().map(|(place, check)| format!("| `{}` | {} | {} |", check.id, check.severity.word(), title(&place)));
    let rows: Vec<String> = rows.collect();
    let missing: Vec<&String> = rows.iter().filter(|row| !list.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(list.lines().filter(|line| line.starts_with("| `")).count(), rows.len(), "the list has checks that do not exist");
    assert!(read(&project().join("README.md")).contains(&format!("[{} checks]", rows.len())), "the README counts otherwise");
}
