//! The known defects of `check --prove`: the sentence that puts each into an instance, and the checks that are to notice it.

use super::plan::PLACEHOLDER;
use super::{Plan, read};
use crate::experiment::{Act, Line, Step};
use crate::model::{Keyword, KnownDefect, ScenarioLine};

/// A known defect. In its texts `<dependency>` stands for the main dependency.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    /// Which one it is.
    pub defect: KnownDefect,
    /// The defect in a few words.
    pub title: &'static str,
    /// What is changed in a copy.
    pub change: &'static str,
    /// The sentence that does it.
    given: &'static str,
    /// The checks whose title it breaks, by id.
    pub checks: &'static [&'static str],
}

/// All of them.
pub const PLANTED: [Planted; 5] = [
    Planted {
        defect: KnownDefect::SwallowedSignals,
        title: "The first process swallows signals",
        change: "a parent process starts the app and passes no signal on, as a shell does",
        given: "a parent process starts the app and passes no signal on",
        checks: &["shutdown.in-time", "shutdown.reaches-app"],
    },
    Planted {
        defect: KnownDefect::HealthCheckThatCannotFail,
        title: "The health check says `exit 0`",
        change: "the health check is a program that does nothing and exits with 0",
        given: "the health check of the app always passes",
        checks: &["image.healthcheck-can-fail", "outage.healthcheck-follows"],
    },
    Planted {
        defect: KnownDefect::ReadinessThatCannotFail,
        title: "A proxy always answers readiness with 200",
        change: "readiness is asked of a proxy, which never asks the app",
        given: "a proxy answers readiness with 200, whatever the app says",
        checks: &["readiness.not-before-database", "readiness.not-without-database", "readiness.says-503", "outage.killed"],
    },
    Planted {
        defect: KnownDefect::RootUser,
        title: "The app runs as root",
        change: "the app's `user` is 0:0",
        given: "the app runs as user 0:0",
        checks: &["nonroot.processes", "nonroot.image-user"],
    },
    Planted {
        defect: KnownDefect::UnresolvableName,
        title: "The name of <dependency> never resolves",
        change: "the app has a network of its own with all services but <dependency>",
        given: "the name of <dependency> never resolves for the app",
        checks: &["retry.unknown-name", "retry.late-database"],
    },
];

impl Planted {
    /// The line that puts it into an instance whose main dependency has this name.
    #[must_use]
    pub fn line(&self, dependency: Option<&str>) -> Line {
        let text = self.given.replace(PLACEHOLDER, dependency.unwrap_or("the main dependency"));
        Line { step: read(Keyword::Given, &text), line: ScenarioLine { keyword: Keyword::Given, word: "Given".into(), text } }
    }

    /// What it does.
    #[must_use]
    pub fn act(&self, dependency: Option<&str>) -> Option<Act> {
        match self.line(dependency).step {
            Some(Step::Act(act)) => Some(act),
            _ => None,
        }
    }

    /// The defect in a few words, and what is changed in a copy.
    #[must_use]
    pub fn texts(&self, dependency: Option<&str>) -> [String; 2] {
        let dependency = dependency.map_or_else(|| "a dependency".to_owned(), |name| format!("`{name}`"));
        [self.title, self.change].map(|text| text.replace(PLACEHOLDER, &dependency))
    }
}

impl Plan {
    /// The same checks, made of instances into which this line has put a defect, which has a name in the names of the experiments.
    #[must_use]
    pub fn with_defect(mut self, given: &Line, name: &str) -> Self {
        for experiment in &mut self.experiments {
            experiment.name = format!("{name}: {}", experiment.name);
            let is_shared = !experiment.background.is_empty();
            if is_shared {
                experiment.background.insert(0, given.clone());
            }
            for turns in &mut experiment.checks {
                if is_shared {
                    turns.lines.iter_mut().for_each(|(turn, _)| *turn += 1);
                } else {
                    turns.lines.insert(0, (0, given.clone()));
                }
                if !turns.alone.is_empty() {
                    turns.alone.insert(0, given.clone());
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gherkin::{Catalogue, Grouping, Known, Selection};
    use crate::model::Run;

    #[test]
    fn every_defect_is_put_in_before_there_is_an_instance_and_its_checks_are_known() {
        let ids = Catalogue::built_in().ids();
        for known in PLANTED {
            for dependency in [Some("db"), None] {
                let act = known.act(dependency).unwrap_or_else(|| panic!("{:?} is no act", known.defect));
                assert!(act.is_arrangement(), "{act:?}");
                assert!(!known.texts(dependency).concat().contains(PLACEHOLDER));
            }
            assert!(known.checks.iter().all(|id| ids.iter().any(|other| other == id)), "{:?}", known.checks);
        }
    }

    /// A check in an instance with a defect has the same lines, and one more before them.
    #[test]
    fn a_plan_with_a_defect_differs_in_one_line() {
        let catalogue = Catalogue::built_in();
        let run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        let contract = run.contract(&run.checks[0]);
        let stack = Known::of(contract);
        for grouping in [Grouping::Rules, Grouping::Isolated] {
            for known in PLANTED {
                let selection = Selection::of(known.checks, &catalogue).expect("checks");
                let plan = Plan::new(&catalogue, &selection, stack, grouping);
                let given = known.line(Some("db"));
                let spoilt = plan.clone().with_defect(&given, "spoilt");
                assert!(!plan.experiments.is_empty());
                for (before, after) in plan.experiments.iter().zip(&spoilt.experiments) {
                    assert!(after.name.starts_with("spoilt: "));
                    for (before_turns, after_turns) in before.checks.iter().zip(&after.checks) {
                        let with_one_more = [std::slice::from_ref(&given), &before_turns.whole(&before.background)[..]].concat();
                        assert_eq!(after_turns.whole(&after.background), with_one_more);
                    }
                }
            }
        }
    }
}
