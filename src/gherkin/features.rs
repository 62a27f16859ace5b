//! The user's own feature files: checks like the built-in ones, made of the same sentences.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cucumber::feature::Ext;
use cucumber::gherkin::{Feature, GherkinEnv, Scenario, Step};

use super::plan::PLACEHOLDER;
use super::{Check, Need, sentences};
use crate::experiment::RunError;

/// Reads every `.feature` file of a folder and of those within it, in the order of their paths. `known` are the features that
/// there are already. A scenario that could not be run, or not be told from another, is an error that says where it stands.
pub(super) fn read_folder(folder: &Path, known: &[Feature]) -> Result<Vec<Feature>, RunError> {
    let unreadable = |error: io::Error| wrong(folder, 0, format!("it can't be read: {error}"));
    let mut files = vec![];
    find(folder, &mut files).map_err(unreadable)?;
    files.sort();
    if files.is_empty() {
        return Err(wrong(folder, 0, "no file in it ends in .feature".into()));
    }
    let mut taken = Taken::default();
    for scenario in known.iter().flat_map(|feature| &feature.scenarios) {
        taken.add(scenario);
    }
    let mut features = vec![];
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| wrong(&file, 0, format!("it can't be read: {error}")))?;
        let feature = Feature::parse(text, GherkinEnv::default())
            .map_err(|error| wrong(&file, 0, format!("it is not Gherkin: {}", error.to_string().trim_end())))?;
        let feature = feature.expand_examples().map_err(|error| wrong(&file, error.pos.line, error.to_string()))?;
        look_through(&feature, &file, &mut taken)?;
        features.push(feature);
    }
    Ok(features)
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "feature") {
            files.push(path);
        }
    }
    Ok(())
}

/// The ids and names that are taken.
#[derive(Default)]
struct Taken {
    ids: BTreeSet<String>,
    names: BTreeSet<String>,
}

impl Taken {
    /// Takes a scenario's id and name; says what of it another one has.
    fn add(&mut self, scenario: &Scenario) -> Option<&'static str> {
        let id = Check::read(scenario).map(|check| check.id);
        let has_id = id.is_ok_and(|id| !self.ids.insert(id));
        let has_name = !self.names.insert(scenario.name.clone());
        if has_id { Some("id") } else { has_name.then_some("name") }
    }
}

fn look_through(feature: &Feature, file: &Path, taken: &mut Taken) -> Result<(), RunError> {
    if let Some(rule) = feature.rules.first() {
        return Err(wrong(file, rule.position.line, "rules are not supported: write their scenarios without them".into()));
    }
    if let Some(tag) = feature.tags.iter().find(|tag| tag.starts_with(Need::TAG)) {
        return Err(wrong(file, feature.position.line, format!("the tag @{tag} counts at a scenario only: write it there")));
    }
    let look_at = |step: &Step| {
        let step = Step { value: step.value.replace(PLACEHOLDER, "dependency"), ..step.clone() };
        match sentences::matching(sentences::keyword(step.ty), &step.value).count() {
            1 => Ok(()),
            0 => Err(wrong(file, step.position.line, format!("no step is called `{}{}`", step.keyword, step.value))),
            _ => Err(wrong(file, step.position.line, format!("more than one step is called `{}`", step.value))),
        }
    };
    feature.background.iter().flat_map(|background| &background.steps).try_for_each(look_at)?;
    for scenario in &feature.scenarios {
        let wrong = |what: &str| wrong(file, scenario.position.line, format!("`{}` {what}", scenario.name));
        let check = Check::read(scenario).map_err(|error| wrong(&error.to_string()))?;
        if check.each_dependency != scenario.name.contains(PLACEHOLDER) {
            return Err(wrong("must have both or neither: the tag @each-dependency, and <dependency> in its name"));
        }
        if let Some(what) = taken.add(scenario) {
            return Err(wrong(&format!("has the same {what} as another check")));
        }
        if scenario.steps.is_empty() {
            return Err(wrong("has no steps"));
        }
        scenario.steps.iter().try_for_each(look_at)?;
    }
    Ok(())
}

fn wrong(file: &Path, line: usize, what: String) -> RunError {
    RunError::Feature { path: file.to_owned(), line: (line > 0).then_some(line), what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gherkin::Catalogue;

    /// What is said of a folder with this one file.
    fn read(text: &str) -> Result<Vec<Feature>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let nested = folder.path().join("shop");
        fs::create_dir(&nested).expect("made");
        fs::write(nested.join("own.feature"), text).expect("written");
        fs::write(nested.join("notes.txt"), "no feature").expect("written");
        read_folder(folder.path(), Catalogue::built_in().features()).map_err(|error| match error {
            RunError::Feature { line, what, .. } => format!("{line:?} {what}"),
            other => other.to_string(),
        })
    }

    fn scenario(tags: &str, name: &str, step: &str) -> String {
        format!("@shop\nFeature: The shop\n\n  {tags}\n  Scenario: {name}\n    {step}\n")
    }

    const STEP: &str = "Given the stack is ready";

    #[test]
    fn a_scenario_of_ones_own_is_read() {
        let features = read(&scenario("@shop.up @must", "The shop comes up", STEP)).expect("features");
        assert_eq!(features[0].scenarios.len(), 1);
        let each = scenario("@shop.down @should @each-dependency", "Without <dependency>", "When <dependency> is killed");
        assert!(read(&each).is_ok());
        let outline = "@shop\nFeature: F\n  @shop.a @must\n  Scenario Outline: <s> seconds\n    When db is frozen for <s> seconds\n    \
                       Examples:\n      | s |\n      | 1 |\n";
        assert_eq!(read(outline).expect("features")[0].scenarios[0].name, "1 seconds");
    }

    #[test]
    fn what_could_not_be_run_or_told_apart_is_refused() {
        for (text, said) in [
            (scenario("@must", "No id", STEP), "Some(5) `No id` is no check"),
            (scenario("@shop.up", "No severity", STEP), "is no check"),
            (
                scenario("@shop.up @must @needs-databse", "A typo", STEP),
                "Some(5) `A typo` has the tag @needs-databse, which does not exist; there are @needs-business, @needs-compose, \
                 @needs-database,",
            ),
            (
                scenario("@shop.up @must", "Needs", STEP).replace("@shop\n", "@shop @needs-database\n"),
                "Some(2) the tag @needs-database counts at a scenario only",
            ),
            (scenario("@outage.killed @must", "A taken id", STEP), "has the same id as another check"),
            (scenario("@shop.up @must", "The app survives the first boot of its database", STEP), "has the same name"),
            (scenario("@shop.up @must", "An unknown sentence", "Given the moon is full"), "Some(6) no step is called"),
            (scenario("@shop.up @must @each-dependency", "Not in the name", STEP), "must have both or neither"),
            (scenario("@shop.up @must", "Empty", ""), "has no steps"),
            ("Feature: F\n  Rule: R\n    Example: E\n      Given the stack is ready\n".into(), "rules are not supported"),
            ("This is no Gherkin".into(), "it is not Gherkin"),
        ] {
            let error = read(&text).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
        let empty = tempfile::tempdir().expect("a folder");
        assert!(read_folder(empty.path(), &[]).is_err());
        assert!(read_folder(&empty.path().join("missing"), &[]).is_err());
    }
}
