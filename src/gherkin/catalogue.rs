//! The catalogue: every check, read from the feature files that are built into the executable.

use std::path::Path;

use cucumber::gherkin::{Feature, GherkinEnv, Scenario, Step};

use super::{Need, Place, features};
use crate::experiment::RunError;
use crate::model::Severity;

/// The feature files, by name.
const FEATURES: [(&str, &str); 10] = [
    ("readiness.feature", include_str!("../../features/readiness.feature")),
    ("startup-retry.feature", include_str!("../../features/startup-retry.feature")),
    ("shutdown.feature", include_str!("../../features/shutdown.feature")),
    ("outage.feature", include_str!("../../features/outage.feature")),
    ("data.feature", include_str!("../../features/data.feature")),
    ("nonroot.feature", include_str!("../../features/nonroot.feature")),
    ("image.feature", include_str!("../../features/image.feature")),
    ("logging.feature", include_str!("../../features/logging.feature")),
    ("config.feature", include_str!("../../features/config.feature")),
    ("hardening.feature", include_str!("../../features/hardening.feature")),
];

/// Marks the part of a description that says how to fix a failure.
const FIX: &str = "To fix:";

/// All checks, in the order of the feature files.
#[derive(Clone, Debug)]
pub struct Catalogue {
    features: Vec<Feature>,
}

/// What the tags and the description of a scenario say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The id: the tag that consists of a topic, a dot and a name.
    pub id: String,
    /// How serious a failure is.
    pub severity: Severity,
    /// What the stack must have, from the tags `needs-…`.
    pub needs: Vec<Need>,
    /// Whether it takes so long that it is made only on request.
    pub is_slow: bool,
    /// Whether it is made once for each dependency.
    pub each_dependency: bool,
    /// Why it matters.
    pub why: String,
    /// How to fix a failure.
    pub fix: String,
}

/// Why a scenario is no check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACheck {
    /// It has no id, or not one severity.
    #[error("is no check: give it an id, a tag with a dot in it such as @shop.checkout, and either @must or @should")]
    NoIdOrSeverity,
    /// It needs what nobody knows.
    #[error("has the tag @{0}, which does not exist; there are {needs}", needs = need_tags())]
    UnknownNeed(String),
}

impl Catalogue {
    /// The catalogue that is built in.
    ///
    /// # Panics
    ///
    /// Never: a test reads the same files.
    #[must_use]
    pub fn built_in() -> Self {
        let features = FEATURES.iter().map(|(name, text)| match Feature::parse(text, GherkinEnv::default()) {
            Ok(feature) => feature,
            Err(error) => unreachable!("the built-in {name} does not parse: {error}"),
        });
        Self { features: features.collect() }
    }

    /// The same with the user's own feature files, from this folder and those within it, where there is one. They may use steps that only
    /// the runner knows.
    pub fn with_own(mut self, folder: Option<&Path>, has_step: impl Fn(&Step) -> bool) -> Result<Self, RunError> {
        if let Some(folder) = folder {
            let own = features::read_folder(folder, &self.features, &has_step)?;
            self.features.extend(own);
        }
        Ok(self)
    }

    /// The features with their scenarios.
    #[must_use]
    pub fn features(&self) -> &[Feature] {
        &self.features
    }

    /// The ids of all checks.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.checks().map(|(_, check)| check.id).collect()
    }

    /// All scenarios, those of rules after the others of their feature.
    pub fn scenarios(&self) -> impl Iterator<Item = Place<'_>> {
        self.features.iter().flat_map(Place::all)
    }

    /// All checks, each with the place of its scenario.
    pub fn checks(&self) -> impl Iterator<Item = (Place<'_>, Check)> {
        self.scenarios().filter_map(|place| Some((place, Check::read(place.scenario).ok()?)))
    }

    /// Every tag that some check has.
    #[must_use]
    pub fn tags(&self) -> Vec<String> {
        let mut tags: Vec<String> = self.scenarios().flat_map(Place::tags).cloned().collect();
        tags.sort();
        tags.dedup();
        tags
    }
}

impl Check {
    /// Reads a scenario's tags and description.
    pub fn read(scenario: &Scenario) -> Result<Self, NotACheck> {
        let has = |tag: &str| scenario.tags.iter().any(|candidate| candidate == tag);
        let severity = match (has("must"), has("should")) {
            (true, false) => Severity::Must,
            (false, true) => Severity::Should,
            _ => return Err(NotACheck::NoIdOrSeverity),
        };
        let id = scenario.tags.iter().find(|tag| tag.contains('.')).ok_or(NotACheck::NoIdOrSeverity)?;
        let needs = scenario.tags.iter().filter_map(|tag| Some((tag, tag.strip_prefix(Need::TAG)?)));
        let needs = needs.map(|(tag, word)| Need::read(word).ok_or_else(|| NotACheck::UnknownNeed(tag.clone())));
        let description = scenario.description.as_deref().unwrap_or_default();
        let (why, fix) = description.split_once(FIX).unwrap_or((description, ""));
        Ok(Self {
            id: id.clone(),
            severity,
            needs: needs.collect::<Result<_, _>>()?,
            is_slow: has("slow"),
            each_dependency: has("each-dependency"),
            why: one_paragraph(why),
            fix: one_paragraph(fix),
        })
    }
}

fn need_tags() -> String {
    Need::ALL.map(|need| format!("@{}{need}", Need::TAG)).join(", ")
}

fn one_paragraph(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn every_scenario_is_a_check_with_a_reason_and_a_remedy() {
        for feature in Catalogue::built_in().features() {
            let [topic] = &feature.tags[..] else { panic!("{}: a feature has its topic as only tag", feature.name) };
            for Place { scenario, .. } in Place::all(feature) {
                let check = Check::read(scenario).unwrap_or_else(|error| panic!("`{}` {error}", scenario.name));
                assert_eq!(check.id.split_once('.').map(|(topic, _)| topic), Some(topic.as_str()), "{}", check.id);
                assert!(check.why.len() > 40 && check.fix.len() > 40, "{} says too little", check.id);
                assert_eq!(check.each_dependency, scenario.name.contains("<dependency>"), "{}", check.id);
            }
        }
    }

    #[test]
    fn a_rule_has_a_background_and_its_scenarios_only_assert() {
        for feature in Catalogue::built_in().features() {
            for rule in &feature.rules {
                features::look_at_rule(rule).unwrap_or_else(|(_, what)| panic!("{}: {what}", rule.name));
            }
        }
    }

    #[test]
    fn rules_of_one_name_have_one_background() {
        let catalogue = Catalogue::built_in();
        let mut backgrounds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for rule in catalogue.features().iter().flat_map(|feature| &feature.rules) {
            let steps = rule.background.iter().flat_map(|background| &background.steps);
            let steps: Vec<&str> = steps.map(|step| step.value.as_str()).collect();
            let known = backgrounds.entry(&rule.name).or_insert_with(|| steps.clone());
            assert_eq!(*known, steps, "{}", rule.name);
        }
        let rules = catalogue.features().iter().map(|feature| feature.rules.len()).sum::<usize>();
        assert!(backgrounds.len() < rules, "some are shared by several features");
    }

    #[test]
    fn ids_and_names_are_unique() {
        let catalogue = Catalogue::built_in();
        let ids = catalogue.ids();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        let names: Vec<&str> = catalogue.scenarios().map(|place| place.scenario.name.as_str()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
}
