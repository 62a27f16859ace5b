//! Where a scenario stands: in a feature, and perhaps in a rule of it.

use cucumber::gherkin::{Feature, Rule, Scenario, Step};

/// A scenario with what stands around it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Its feature.
    pub feature: &'a Feature,
    /// The rule that it stands under: then it shares an experiment with the others there.
    pub rule: Option<&'a Rule>,
    /// The scenario.
    pub scenario: &'a Scenario,
}

impl<'a> Place<'a> {
    /// All scenarios of a feature.
    pub(super) fn all(feature: &'a Feature) -> impl Iterator<Item = Self> {
        let alone = feature.scenarios.iter().map(move |scenario| Self { feature, rule: None, scenario });
        let of_rule =
            move |rule: &'a Rule| rule.scenarios.iter().map(move |scenario| Self { feature, rule: Some(rule), scenario });
        alone.chain(feature.rules.iter().flat_map(of_rule))
    }

    /// The steps of the backgrounds: of the feature, then of the rule.
    pub fn background(self) -> impl Iterator<Item = &'a Step> {
        let of_rule = self.rule.and_then(|rule| rule.background.as_ref());
        self.feature.background.iter().chain(of_rule).flat_map(|background| &background.steps)
    }

    /// All tags that count for it.
    pub fn tags(self) -> impl Iterator<Item = &'a String> + Clone {
        let of_rule = self.rule.into_iter().flat_map(|rule| &rule.tags);
        self.feature.tags.iter().chain(of_rule).chain(&self.scenario.tags)
    }
}
