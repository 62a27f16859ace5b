//! The user's own feature files: checks like the built-in ones, made of the same sentences.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cucumber::feature::Ext;
use cucumber::gherkin::{Feature, GherkinEnv, Rule, Scenario, Step};

use super::plan::PLACEHOLDER;
use super::turns::asserts;
use super::{Check, Need, Place, sentences};
use crate::experiment::RunError;
use crate::model::Keyword;

/// Tags without which there is perhaps no dependency that a check could be about.
const NEEDS_DEPENDENCY: [&str; 3] = ["needs-dependency", "needs-database", "needs-postgres"];

/// Whether a runner has a step of its own that is no sentence of ours.
pub(super) type HasStep<'a> = &'a dyn Fn(&Step) -> bool;

/// Reads every `.feature` file of a folder and of those within it, in the order of their paths. `known` are the features that
/// there are already. A scenario that could not be run, or not be told from another, is an error that says where it stands.
pub(super) fn read_folder(folder: &Path, known: &[Feature], has_step: HasStep<'_>) -> Result<Vec<Feature>, RunError> {
    let unreadable = |error: io::Error| wrong(folder, 0, format!("it can't be read: {error}"));
    let mut files = vec![];
    find(folder, &mut files).map_err(unreadable)?;
    files.sort();
    if files.is_empty() {
        return Err(wrong(folder, 0, "no file in it ends in .feature".into()));
    }
    let mut taken = Taken::default();
    for place in known.iter().flat_map(Place::all) {
        taken.add(place.scenario);
    }
    taken.rules.extend(known.iter().flat_map(|feature| &feature.rules).map(|rule| rule.name.clone()));
    let mut features = vec![];
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| wrong(&file, 0, format!("it can't be read: {error}")))?;
        let feature = Feature::parse(text, GherkinEnv::default())
            .map_err(|error| wrong(&file, 0, format!("it is not Gherkin: {}", error.to_string().trim_end())))?;
        let feature = feature.expand_examples().map_err(|error| wrong(&file, error.pos.line, error.to_string()))?;
        look_through(&feature, &file, &mut taken, has_step)?;
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
    /// The names of rules.
    rules: BTreeSet<String>,
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

fn look_through(feature: &Feature, file: &Path, taken: &mut Taken, has_step: HasStep<'_>) -> Result<(), RunError> {
    for rule in &feature.rules {
        look_at_rule(rule).map_err(|(line, what)| wrong(file, line, what))?;
        if !taken.rules.insert(rule.name.clone()) {
            return Err(wrong(file, rule.position.line, format!("another rule has the name `{}` too", rule.name)));
        }
    }
    if let Some(tag) = feature.tags.iter().find(|tag| tag.starts_with(Need::TAG)) {
        return Err(wrong(file, feature.position.line, format!("the tag @{tag} counts at a scenario only: write it there")));
    }
    let look_at = |step: &Step| {
        let step = Step { value: step.value.replace(PLACEHOLDER, "dependency"), ..step.clone() };
        match sentences::matching(sentences::keyword(step.ty), &step.value).count() {
            1 => Ok(()),
            0 if has_step(&step) => Ok(()),
            0 => Err(wrong(file, step.position.line, format!("no step is called `{}{}`", step.keyword, step.value))),
            _ => Err(wrong(file, step.position.line, format!("more than one step is called `{}`", step.value))),
        }
    };
    for place in Place::all(feature) {
        let scenario = place.scenario;
        place.background().try_for_each(look_at)?;
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

/// What is wrong with a rule, and in which line: its background performs the experiment, and its scenarios only assert.
pub(super) fn look_at_rule(rule: &Rule) -> Result<(), (usize, String)> {
    let name = &rule.name;
    let steps = rule.background.iter().flat_map(|background| &background.steps);
    if steps.clone().next().is_none() {
        let what = format!("the rule `{name}` has no background: it says what is set up and disturbed");
        return Err((rule.position.line, what));
    }
    let keyword = |step: &Step| sentences::keyword(step.ty);
    let is_judged = |step: &Step| asserts(&Step { value: step.value.replace(PLACEHOLDER, "dependency"), ..step.clone() });
    if let Some(step) = steps.clone().find(|step| is_judged(step)) {
        return Err((
            step.position.line,
            format!("the background of the rule `{name}` asserts something: write that in a scenario"),
        ));
    }
    let is_about_one = steps.clone().any(|step| step.value.contains(PLACEHOLDER));
    let is_of_background = |step: &Step| {
        keyword(step) == Keyword::Given
            && steps.clone().any(|other| keyword(other) == Keyword::Given && other.value == step.value)
    };
    for scenario in &rule.scenarios {
        if let Some(step) = scenario.steps.iter().find(|step| !is_judged(step) && !is_of_background(step)) {
            let what = format!(
                "`{}` shares its experiment with the rule `{name}`, and may only assert, say what must hold before, and repeat a `Given` of the background \
                 that it is about: write `{}{}` in the background, or the scenario outside of the rule",
                scenario.name, step.keyword, step.value
            );
            return Err((step.position.line, what));
        }
        let needs_one = scenario.tags.iter().any(|tag| NEEDS_DEPENDENCY.contains(&tag.as_str()));
        if is_about_one && !scenario.name.contains(PLACEHOLDER) && !needs_one {
            let what = format!(
                "`{}` has neither <dependency> in its name nor the tag @needs-dependency, and the background of the rule `{name}` is \
                 about a dependency",
                scenario.name
            );
            return Err((scenario.position.line, what));
        }
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
        read_folder(folder.path(), Catalogue::built_in().features(), &|step| step.value == "the moon is new").map_err(|error| {
            match error {
                RunError::Feature { line, what, .. } => format!("{line:?} {what}"),
                other => other.to_string(),
            }
        })
    }

    fn scenario(tags: &str, name: &str, step: &str) -> String {
        format!("@shop\nFeature: The shop\n\n  {tags}\n  Scenario: {name}\n    {step}\n")
    }

    const STEP: &str = "Given the stack is ready";
    const BACKGROUND: &str = "Background:\n      Given the stack is ready";

    fn rule(background: &str, step: &str) -> String {
        format!(
            "@shop\nFeature: The shop\n\n  Rule: Stopped\n    {background}\n    @shop.stops @must\n    Scenario: It stops\n      {step}\n"
        )
    }

    #[test]
    fn a_scenario_of_ones_own_is_read() {
        let features = read(&scenario("@shop.up @must", "The shop comes up", STEP)).expect("features");
        assert_eq!(features[0].scenarios.len(), 1);
        let each = scenario("@shop.down @should @each-dependency", "Without <dependency>", "When <dependency> is killed");
        assert!(read(&each).is_ok());
        let outline = "@shop\nFeature: F\n  @shop.a @must\n  Scenario Outline: <s> seconds\n    When db is frozen for <s> seconds\n    \
                       Examples:\n      | s |\n      | 1 |\n";
        assert_eq!(read(outline).expect("features")[0].scenarios[0].name, "1 seconds");
        assert!(read(&scenario("@shop.moon @must", "A step of the runner's own", "Given the moon is new")).is_ok());
        let shared = read(&rule(BACKGROUND, "Then the app has a health check")).expect("features");
        assert_eq!(shared[0].rules[0].scenarios.len(), 1);
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
            (rule("", "Then the app has a health check"), "Some(4) the rule `Stopped` has no background"),
            (
                rule("Background:\n      Then the app has a health check", "Then the app has a health check"),
                "Some(6) the background of the rule `Stopped` asserts something",
            ),
            (
                rule(BACKGROUND, "When the app gets its stop signal"),
                "Some(9) `It stops` shares its experiment with the rule `Stopped`",
            ),
            (
                rule(BACKGROUND, "Then the app has a health check")
                    .replace("Given the stack is ready", "When <dependency> is frozen"),
                "Some(8) `It stops` has neither <dependency> in its name nor the tag @needs-dependency",
            ),
            (
                rule(BACKGROUND, "Then the app has a health check")
                    .replace("Stopped", "<dependency> is frozen, and goes on later"),
                "another rule has the name `<dependency> is frozen, and goes on later` too",
            ),
            ("This is no Gherkin".into(), "it is not Gherkin"),
        ] {
            let error = read(&text).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
        let empty = tempfile::tempdir().expect("a folder");
        assert!(read_folder(empty.path(), &[], &|_| false).is_err());
        assert!(read_folder(&empty.path().join("missing"), &[], &|_| false).is_err());
    }
}
