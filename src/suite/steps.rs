//! The steps: general sentences about a stack, from which every check is written.
//!
//! All steps stand in one table, so that they can be listed, and so that a test can prove that every line of every
//! feature matches exactly one of them.

mod given;
mod then;
mod when;

use cucumber::gherkin::StepType;
use cucumber::step::{Collection, Context};
use futures::future::LocalBoxFuture;
use regex::Regex;

use super::{Failure, ScenarioWorld};
use crate::timeline::Fact;

/// A sentence that scenarios may use.
#[derive(Clone, Copy, Debug)]
pub struct StepDefinition {
    /// Given, When or Then.
    pub keyword: StepType,
    /// The regular expression that the sentence matches, from its first to its last character.
    pub pattern: &'static str,
    /// A sentence that matches.
    pub example: &'static str,
    run: cucumber::Step<ScenarioWorld>,
}

/// The words of a sentence that its pattern captured, in order.
type Words = Vec<String>;

macro_rules! steps {
    ($($keyword:ident $pattern:literal, $example:literal => $function:path;)*) => {
        &[$(StepDefinition {
            keyword: StepType::$keyword,
            pattern: $pattern,
            example: $example,
            run: |world, context| take(world, context, |world, words| Box::pin($function(world, words))),
        }),*]
    };
}

/// Every sentence that the built-in steps understand.
pub const STEPS: &[StepDefinition] = steps! {
    Given "the processes of the app are watched", "the processes of the app are watched" => given::processes_are_watched;
    Given "the stack is ready", "the stack is ready" => given::stack_is_ready;
    Given "every service but the database is started", "every service but the database is started" => given::all_but_the_database;
    When "all services start on fresh data, the database last", "all services start on fresh data, the database last" => when::all_start_database_last;
    When r"the database starts (\d+) seconds after the app", "the database starts 6 seconds after the app" => when::database_starts_late;
    When "the app is told to stop", "the app is told to stop" => when::app_is_told_to_stop;
    When r"(\S+) is killed", "db is killed" => when::is_killed;
    When r"(\S+) is killed, and starts again (\d+) seconds later", "db is killed, and starts again 3 seconds later" => when::is_killed_for;
    Then "readiness answers no 2xx before the database accepts", "readiness answers no 2xx before the database accepts" => then::not_ready_before_database;
    Then "readiness answers 2xx within the (startup|recovery) limit", "readiness answers 2xx within the startup limit" => then::ready_within;
    Then r"readiness answers (\d{3}) within the outage limit", "readiness answers 503 within the outage limit" => then::answers_within;
    Then r"readiness answers no 2xx throughout (\d+) seconds", "readiness answers no 2xx throughout 3 seconds" => then::unready_throughout;
    Then "the app is still the same process", "the app is still the same process" => then::same_process;
    Then "the app exits within the stop grace period", "the app exits within the stop grace period" => then::exits_in_time;
    Then "nobody had to kill the app", "nobody had to kill the app" => then::was_not_killed;
    Then "no process of the app runs as root", "no process of the app runs as root" => then::nothing_runs_as_root;
};

/// The built-in steps, together with those that were added with cucumber's attributes.
pub(super) fn collection() -> Collection<ScenarioWorld> {
    STEPS.iter().fold(<ScenarioWorld as cucumber::World>::collection(), |collection, step| {
        let (pattern, run) = (step.regex(), step.run);
        match step.keyword {
            StepType::Given => collection.given(None, pattern, run),
            StepType::When => collection.when(None, pattern, run),
            StepType::Then => collection.then(None, pattern, run),
        }
    })
}

impl StepDefinition {
    /// The pattern, anchored at both ends.
    ///
    /// # Panics
    ///
    /// Never: a test compiles every pattern of the table.
    #[must_use]
    pub fn regex(&self) -> Regex {
        match Regex::new(&format!("^{}$", self.pattern)) {
            Ok(regex) => regex,
            Err(error) => unreachable!("the pattern of a built-in step: {error}"),
        }
    }
}

/// Takes one step. A failure is kept in the world, where the suite finds it, and then told to cucumber in its own way: by a
/// panic, which its runner catches.
fn take(
    world: &mut ScenarioWorld,
    context: Context,
    run: for<'w> fn(&'w mut ScenarioWorld, Words) -> LocalBoxFuture<'w, Result<(), Failure>>,
) -> LocalBoxFuture<'_, ()> {
    Box::pin(async move {
        if let Some(timeline) = world.timeline() {
            timeline.record(Fact::Step { text: format!("{}{}", context.step.keyword, context.step.value) });
        }
        let words = context.matches.into_iter().skip(1).map(|(_, word)| word).collect();
        if let Err(failure) = run(world, words).await {
            let message = failure.to_string();
            world.failure = Some(failure);
            panic!("{message}");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Catalogue;

    fn matching(keyword: StepType, sentence: &str) -> Vec<&'static str> {
        STEPS.iter().filter(|step| step.keyword == keyword && step.regex().is_match(sentence)).map(|step| step.pattern).collect()
    }

    #[test]
    fn every_line_of_every_feature_matches_exactly_one_step() {
        for scenario in Catalogue::built_in().features().iter().flat_map(|feature| &feature.scenarios) {
            assert!(!scenario.steps.is_empty(), "{} has no steps", scenario.name);
            for step in &scenario.steps {
                let sentence = step.value.replace("<dependency>", "db");
                assert_eq!(matching(step.ty, &sentence).len(), 1, "{} {sentence}", step.keyword);
            }
        }
    }

    #[test]
    fn every_example_matches_its_own_step_alone() {
        for step in STEPS {
            assert_eq!(matching(step.keyword, step.example), [step.pattern]);
        }
    }
}
