//! The plan of a run: which checks are selected, which of them apply to this stack, once or once per dependency.

use std::collections::BTreeSet;
use std::time::Duration;

use cucumber::gherkin::tagexpr::TagOperation;
use cucumber::gherkin::{Feature, Scenario, Step};
use cucumber::tag::Ext;

use super::turns::{Parts, in_order, parts};
use super::{Catalogue, Check, Need, Place, alone, line, lines};
use crate::experiment::{Line, RunError};
use crate::judge::{Claim, gap};
use crate::model::{CheckRecord, Defect, Endpoint, Finding, Verdict, in_app};
use crate::subject::{Contract, Form, Kind};

/// Stands for the dependency's name in a scenario that is made once per dependency.
pub(super) const PLACEHOLDER: &str = "<dependency>";

/// Marks a scenario that starts nothing.
const STATIC: &str = "static";

/// A check of a run.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The app that it is about, where the run has several.
    pub app: Option<String>,
    /// What its tags and description say.
    pub check: Check,
    /// The dependency that it is about.
    pub dependency: Option<String>,
    /// Its title, with the dependency's name filled in.
    pub title: String,
    /// Why it does not apply to this stack, if so.
    pub not_applicable: Option<Lack>,
    /// Why it can't be made now, if so.
    pub could_not_run: Option<String>,
}

/// What a check needs and the stack has not.
#[derive(Clone, Debug)]
pub struct Lack {
    /// In words.
    pub reason: String,
    /// The flag with which it would be made, where there is one.
    pub flag: Option<&'static str>,
    /// What is wrong with the app that it has not got it, where another check may say so.
    pub finding: Option<Finding>,
}

impl Lack {
    fn of(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), flag: None, finding: None }
    }
}

impl Planned {
    /// Its name, as its record has it.
    #[must_use]
    pub fn name(&self) -> String {
        self.without_run().name()
    }

    /// The name of its scenario in the features of the plan.
    fn scenario(&self) -> String {
        in_app(self.app.as_deref(), &self.title)
    }

    /// The record of a check that has not been run.
    #[must_use]
    pub fn without_run(&self) -> CheckRecord {
        let lack = self.not_applicable.as_ref();
        let (verdict, reason) = match lack {
            Some(Lack { reason, .. }) => (Verdict::NotApplicable, reason.clone()),
            None => (Verdict::CouldNotRun, self.could_not_run.clone().unwrap_or_else(|| "it was not run".into())),
        };
        CheckRecord {
            app: self.app.clone(),
            id: self.check.id.clone(),
            dependency: self.dependency.clone(),
            title: self.title.clone(),
            severity: self.check.severity,
            verdict,
            finding: lack.and_then(|lack| lack.finding.clone()),
            blocked_by: None,
            flag: lack.and_then(|lack| lack.flag).map(str::to_owned),
            reason: Some(reason),
            why: self.check.why.clone(),
            fix: self.check.fix.clone(),
            duration: Duration::ZERO,
            experiment: None,
            steps: vec![],
        }
    }
}

/// Which checks share an experiment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// Those of a rule.
    #[default]
    Rules,
    /// None: each has an instance of the stack of its own.
    Isolated,
}

/// All selected checks of a run.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The checks in the order of the catalogue.
    pub checks: Vec<Planned>,
    /// The features with the scenarios that apply, names filled in, each with all of its steps: for a runner that knows no experiments.
    pub features: Vec<Feature>,
    /// The same as experiments.
    pub experiments: Vec<PlannedExperiment>,
    /// Which of them share an instance of the stack.
    pub grouping: Grouping,
}

/// What is set up and disturbed once, and the checks that share it.
#[derive(Clone, Debug)]
pub struct PlannedExperiment {
    /// The number of the app that it is about.
    pub app: usize,
    /// What it is called: by its rule, or by its only check.
    pub name: String,
    /// What is done.
    pub background: Vec<Line>,
    /// The checks that share it.
    pub checks: Vec<Turns>,
    /// Whether liveness is asked all the while: where any check of its rule is about it, selected or not. What an app is asked may change what
    /// it writes, and when.
    pub asks_liveness: bool,
    /// Which rule, and which dependency: what the same experiment is told by.
    key: Option<(String, Option<String>)>,
}

/// A check of an experiment, and when its turn comes.
#[derive(Clone, Debug)]
pub struct Turns {
    /// The check, by its number in the plan.
    pub index: usize,
    /// What it asserts, each line with the number of lines of the background that are taken before.
    pub lines: Vec<(usize, Line)>,
    /// Where the check is about a part of what the background says of the instance: the check with that part alone.
    pub alone: Vec<Line>,
}

impl Turns {
    /// All lines of the check, in the order in which they are taken.
    #[must_use]
    pub fn whole(&self, background: &[Line]) -> Vec<Line> {
        in_order(background, &self.lines)
    }
}

impl PlannedExperiment {
    /// Whether it starts an instance of the stack.
    #[must_use]
    pub fn starts_something(&self) -> bool {
        let starts = |line: &Line| line.act().is_some_and(|act| !act.is_arrangement());
        self.background.iter().chain(self.checks.iter().flat_map(|turns| turns.lines.iter().map(|(_, line)| line))).any(starts)
    }

    /// Its checks by their numbers in the plan, each with all its lines.
    pub fn wholes(&self) -> impl Iterator<Item = (usize, Vec<Line>)> {
        self.checks.iter().map(|turns| (turns.index, turns.whole(&self.background)))
    }

    /// How many lines of the background its checks need.
    #[must_use]
    pub fn needed(&self) -> usize {
        let last = |turns: &Turns| turns.lines.last().map_or(self.background.len(), |(turn, _)| *turn);
        self.checks.iter().map(last).max().unwrap_or_default()
    }

    /// The same with what its only check does first as its background.
    #[must_use]
    pub fn in_phases(&self) -> Self {
        let mut all = self.clone();
        if let ([], [Turns { lines, .. }]) = (&all.background[..], &mut all.checks[..]) {
            let acts = lines.iter().take_while(|(_, line)| line.act().is_some()).count();
            all.background = lines.drain(..acts).map(|(_, line)| line).collect();
            for (turn, _) in lines {
                *turn = acts;
            }
        }
        all
    }

    /// An experiment about the app with this number, with this one check, and all of its lines.
    #[must_use]
    pub fn of_one(app: usize, name: String, index: usize, lines: Vec<Line>) -> Self {
        let asks_liveness = are_about_liveness(&lines);
        let lines = lines.into_iter().map(|line| (0, line)).collect();
        Self { app, name, background: vec![], checks: vec![Turns { index, lines, alone: vec![] }], asks_liveness, key: None }
    }
}

/// A tag expression that only names tags that exist.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    expression: Option<(String, TagOperation)>,
}

impl Selection {
    /// Reads a tag expression; without one everything is selected.
    pub fn parse(expression: Option<&str>, catalogue: &Catalogue) -> Result<Self, RunError> {
        let Some(expression) = expression else { return Ok(Self::default()) };
        let operation: TagOperation = expression
            .trim()
            .parse()
            .map_err(|error| RunError::TagExpression { expression: expression.to_owned(), message: format!("{error}") })?;
        let known = catalogue.tags();
        if let Some(tag) = tags_of(&operation).into_iter().find(|tag| !known.contains(tag)) {
            let known = known.into_iter().map(|tag| format!("@{tag}")).collect();
            return Err(RunError::UnknownTag { tag, known });
        }
        let selection = Self { expression: Some((expression.to_owned(), operation)) };
        let selects_any = catalogue.scenarios().any(|place| selection.selects(place));
        if selects_any { Ok(selection) } else { Err(RunError::NothingSelected { expression: expression.to_owned() }) }
    }

    /// Selects the checks with these ids; nothing when there are none.
    #[must_use]
    pub fn of(ids: &[&str], catalogue: &Catalogue) -> Option<Self> {
        let tags: Vec<String> = ids.iter().map(|id| format!("@{id}")).collect();
        if tags.is_empty() { None } else { Self::parse(Some(&tags.join(" or ")), catalogue).ok() }
    }

    /// Whether a scenario is selected.
    #[must_use]
    pub fn selects(&self, place: Place<'_>) -> bool {
        self.expression.as_ref().is_none_or(|(_, operation)| operation.eval(place.tags()))
    }
}

fn tags_of(operation: &TagOperation) -> Vec<String> {
    match operation {
        TagOperation::And(left, right) | TagOperation::Or(left, right) => [tags_of(left), tags_of(right)].concat(),
        TagOperation::Not(inner) => tags_of(inner),
        TagOperation::Tag(tag) => vec![tag.clone()],
    }
}

impl Plan {
    /// The selected checks for a stack with this contract, and the experiments that they share.
    #[must_use]
    pub fn new(catalogue: &Catalogue, selection: &Selection, stack: Known<'_>, grouping: Grouping) -> Self {
        let contract = stack.contract;
        let mut plan = Self { grouping, ..Self::default() };
        let asking = about_liveness(catalogue);
        for feature in catalogue.features() {
            let mut scenarios = vec![];
            for place in Place::all(feature).filter(|place| selection.selects(*place)) {
                let Ok(check) = Check::read(place.scenario) else { continue };
                let claims = lines(&alone(place));
                let claims = || claims.iter().filter_map(Line::claim);
                let lacks = lacks(&check, stack).or_else(|| claims().find_map(|claim| unsaid(claim, contract)));
                let dependencies: Vec<Option<&str>> = if check.each_dependency && lacks.is_none() {
                    contract.dependencies.iter().map(|dependency| Some(dependency.service.as_str())).collect()
                } else {
                    vec![None]
                };
                for dependency in dependencies {
                    let about = dependency.or_else(|| is_about(place, contract));
                    let whole = fill_in(&Scenario { steps: alone(place), ..place.scenario.clone() }, about);
                    plan.checks.push(Planned {
                        app: None,
                        check: check.clone(),
                        dependency: dependency.map(str::to_owned),
                        title: whole.name.clone(),
                        not_applicable: lacks.clone(),
                        could_not_run: None,
                    });
                    if lacks.is_none() {
                        let asks_liveness = place.rule.is_some_and(|rule| asking.contains(rule.name.as_str()));
                        plan.arrange(place, about, &whole.steps, asks_liveness);
                        scenarios.push(whole);
                    }
                }
            }
            if !scenarios.is_empty() {
                plan.features.push(Feature { scenarios, rules: vec![], background: None, ..feature.clone() });
            }
        }
        plan
    }

    /// Gives the last check a place in an experiment; these are its steps when it has one of its own.
    fn arrange(&mut self, place: Place<'_>, dependency: Option<&str>, alone: &[Step], asks_liveness: bool) {
        let index = self.checks.len() - 1;
        // What only another runner knows is performed by that runner.
        let is_ours = lines(alone).iter().all(|line| line.step.is_some());
        let Some(rule) = place.rule.filter(|_| self.grouping == Grouping::Rules && is_ours) else {
            let name = self.checks[index].name();
            let own = PlannedExperiment::of_one(0, name, index, lines(alone));
            self.experiments.push(PlannedExperiment { asks_liveness: own.asks_liveness || asks_liveness, ..own });
            return;
        };
        let filled = |steps: Vec<Step>| fill_in(&Scenario { steps, ..place.scenario.clone() }, dependency).steps;
        let background = filled(place.background().cloned().collect());
        let Parts { givens, claims } = parts(&background, &filled(place.scenario.steps.clone()));
        let turns = Turns {
            index,
            lines: claims.iter().map(|(turn, step)| (*turn, line(step))).collect(),
            alone: if givens.is_empty() { vec![] } else { lines(alone) },
        };
        let key = Some((rule.name.clone(), dependency.map(str::to_owned)));
        if let Some(experiment) = self.experiments.iter_mut().find(|experiment| experiment.key == key) {
            experiment.checks.push(turns);
            return;
        }
        let name = filled_in(&rule.name, dependency);
        let (background, checks) = (lines(&background), vec![turns]);
        self.experiments.push(PlannedExperiment { app: 0, name, background, checks, asks_liveness, key });
    }

    /// The same for one of several apps: its checks, scenarios and experiments carry its name.
    #[must_use]
    pub fn of_app(mut self, app: Option<&str>) -> Self {
        let Some(app) = app else { return self };
        for planned in &mut self.checks {
            planned.app = Some(app.to_owned());
        }
        for feature in &mut self.features {
            feature.name = in_app(Some(app), &feature.name);
            feature.scenarios.iter_mut().for_each(|scenario| scenario.name = in_app(Some(app), &scenario.name));
        }
        for experiment in &mut self.experiments {
            experiment.name = match (&experiment.key, &experiment.checks[..]) {
                (None, [Turns { index, .. }]) => self.checks[*index].name(),
                _ => in_app(Some(app), &experiment.name),
            };
        }
        self
    }

    /// The plans of several apps as one. Each experiment has the number of its app.
    #[must_use]
    pub fn together(plans: Vec<Self>) -> Self {
        let mut all = Self::default();
        for (app, plan) in plans.into_iter().enumerate() {
            let before = all.checks.len();
            if !plan.checks.is_empty() {
                all.grouping = plan.grouping;
            }
            all.checks.extend(plan.checks);
            all.features.extend(plan.features);
            all.experiments.extend(plan.experiments.into_iter().map(|mut experiment| {
                experiment.app = app;
                experiment.checks.iter_mut().for_each(|turns| turns.index += before);
                experiment
            }));
        }
        all
    }

    /// The same without what starts something, which can't be made for this reason.
    #[must_use]
    pub fn without_starts(mut self, reason: &str) -> Self {
        for feature in &mut self.features {
            feature.scenarios.retain(|scenario| is_static(&scenario.tags));
        }
        self.features.retain(|feature| !feature.scenarios.is_empty());
        let kept: Vec<String> =
            self.features.iter().flat_map(|feature| feature.scenarios.iter().map(|scenario| scenario.name.clone())).collect();
        let checks = &mut self.checks;
        for planned in checks.iter_mut().filter(|planned| !kept.contains(&planned.scenario())) {
            planned.could_not_run = Some(reason.to_owned());
        }
        self.experiments
            .retain(|experiment| experiment.checks.iter().all(|turns| kept.contains(&checks[turns.index].scenario())));
        self
    }

    /// How many checks are to be made.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.features.iter().map(|feature| feature.scenarios.len()).sum()
    }

    /// Whether any of them starts something.
    #[must_use]
    pub fn starts_something(&self) -> bool {
        self.features.iter().any(|feature| feature.scenarios.iter().any(|scenario| !is_static(&scenario.tags)))
    }

    /// The experiment, by its number, in which a check is made.
    #[must_use]
    pub fn experiment_of(&self, check: usize) -> Option<usize> {
        self.experiments.iter().position(|experiment| experiment.checks.iter().any(|turns| turns.index == check))
    }

    /// The check that a scenario of this plan makes.
    #[must_use]
    pub fn find(&self, scenario: &Scenario) -> Option<usize> {
        self.checks.iter().position(|planned| planned.scenario() == scenario.name)
    }
}

/// The names of the rules under which a scenario is about liveness.
fn about_liveness(catalogue: &Catalogue) -> BTreeSet<&str> {
    let places = catalogue.scenarios().filter(|place| are_about_liveness(&lines(&place.scenario.steps)));
    places.filter_map(|place| place.rule).map(|rule| rule.name.as_str()).collect()
}

fn are_about_liveness(lines: &[Line]) -> bool {
    lines.iter().filter_map(Line::claim).any(|claim| claim.endpoint() == Some(Endpoint::Liveness))
}

fn is_static(tags: &[String]) -> bool {
    tags.iter().any(|tag| tag == STATIC)
}

/// What is known of a stack when its checks are chosen.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its contract.
    pub contract: &'a Contract,
    /// Whether the app has a health check.
    pub has_health_check: bool,
    /// Whether somebody wrote a compose file for it.
    pub has_compose_file: bool,
    /// Why the app can't meet the first boot of its database, if so.
    pub first_boot_is_missing: Option<&'a str>,
    /// Why there can be no tap, if so.
    pub tap_is_missing: Option<&'a str>,
    /// Whether checks are wanted that take long.
    pub slow: bool,
}

#[cfg(test)]
impl<'a> Known<'a> {
    /// What is known of a stack that lacks nothing.
    pub(super) fn of(contract: &'a Contract) -> Self {
        Self {
            contract,
            has_health_check: true,
            has_compose_file: true,
            first_boot_is_missing: None,
            tap_is_missing: None,
            slow: false,
        }
    }
}

/// The main dependency, where the experiment of a check is about some dependency and the check is not made for each of them.
#[must_use]
pub fn is_about<'a>(place: Place<'_>, contract: &'a Contract) -> Option<&'a str> {
    let main = contract.database().or(contract.dependencies.first());
    let is_about_one = place.background().any(|step| step.value.contains(PLACEHOLDER));
    main.filter(|_| is_about_one).map(|dependency| dependency.service.as_str())
}

/// What the check needs and the stack has not.
fn lacks(check: &Check, stack: Known<'_>) -> Option<Lack> {
    let contract = stack.contract;
    if check.is_slow && !stack.slow {
        return Some(Lack { flag: Some("--slow"), ..Lack::of("it takes more than a minute: add --slow to run it") });
    }
    if check.each_dependency && contract.dependencies.is_empty() {
        return Some(Lack::of("the app has no dependency"));
    }
    let is_asked = contract.work().is_none() && (contract.business.is_some() || contract.readiness.http().is_some());
    check.needs.iter().find_map(|need| {
        let (is_there, reason) = match need {
            Need::Business if contract.work().is_some() => {
                (false, "the app takes units of work, and is not asked over HTTP: `business` in the contract")
            }
            Need::Business => (
                contract.business_request().is_some(),
                "the contract names no business path: declare `business: PATH` under x-seaworthy, or give --business PATH",
            ),
            Need::Compose => (stack.has_compose_file, "there is no compose file"),
            Need::Database => {
                (contract.database().is_some(), "the app has no database that we know how to ask (PostgreSQL, MySQL)")
            }
            Need::Dependency => (!contract.dependencies.is_empty(), "the app has no dependency"),
            Need::FirstBoot => return stack.first_boot_is_missing.map(Lack::of),
            Need::HealthCheck => (stack.has_health_check, "the app has no health check"),
            Need::Liveness => (
                contract.liveness.is_some(),
                if contract.readiness.http().is_some() {
                    "the contract names no liveness path, and none of the usual ones answers, apart from readiness"
                } else {
                    "the contract names no liveness path, and readiness is no HTTP path beside which one could be looked for"
                },
            ),
            Need::Postgres => (
                contract.dependencies.iter().any(|dependency| matches!(dependency.kind, Kind::Postgres { .. })),
                "the app has no PostgreSQL",
            ),
            Need::SizeLimit => (
                contract.image_size_limit.is_some(),
                "the contract has no limit: declare `image_size_limit: SIZE` under x-seaworthy, or give --image-size-limit SIZE",
            ),
            Need::Work if is_asked => (false, "the app is asked over HTTP, and the contract names no unit of work"),
            Need::Work => (
                contract.work().is_some(),
                "the contract does not say how a unit of work is put in: declare `business: {exec: [COMMAND], done: [COMMAND]}` under \
                 x-seaworthy",
            ),
            Need::Tap => {
                let missing = |reason| format!("it needs a proxy in front of the dependency: {reason}");
                return stack.tap_is_missing.map(missing).map(Lack::of);
            }
        };
        let flag = match need {
            Need::Business if contract.work().is_none() => Some("--business PATH"),
            Need::Work if !is_asked => Some("--business WORK"),
            Need::Liveness => Some("--liveness PATH"),
            Need::SizeLimit => Some("--image-size-limit SIZE"),
            _ => None,
        };
        let finding = (*need == Need::HealthCheck).then(|| Finding {
            defect: Some(Defect::NoHealthCheck),
            ..Finding::new("the app has a health check", "it has none", vec![])
        });
        (!is_there).then(|| Lack { flag, finding, ..Lack::of(reason) })
    })
}

/// What a claim needs to be told, and the form of readiness can't say.
fn unsaid(claim: &Claim, contract: &Contract) -> Option<Lack> {
    let flag = match (claim.endpoint(), &contract.readiness) {
        (Some(Endpoint::Liveness), _) => Some("--liveness PATH"),
        // It is known to speak something else.
        (_, Form::Protocol { .. }) => None,
        _ => Some("--readiness PATH"),
    };
    gap(claim, contract).map(|reason| Lack { flag, ..Lack::of(reason) })
}

/// A scenario with the name of a dependency filled in.
#[must_use]
pub fn fill_in(scenario: &Scenario, dependency: Option<&str>) -> Scenario {
    let mut scenario = scenario.clone();
    scenario.name = filled_in(&scenario.name, dependency);
    for step in &mut scenario.steps {
        step.value = filled_in(&step.value, dependency);
    }
    scenario
}

fn filled_in(text: &str, dependency: Option<&str>) -> String {
    text.replace(PLACEHOLDER, dependency.unwrap_or("a dependency"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::{ComposeFile, Model};
    use crate::subject::{Business, Declared, ImagePorts, detect, detect_apps};

    struct NoImages;
    impl ImagePorts for NoImages {
        fn exposed(&self, _service: &str) -> Vec<u16> {
            vec![80]
        }
        fn stop_signal(&self, _service: &str) -> Option<String> {
            None
        }
        fn health_check(&self, _service: &str) -> Option<Vec<String>> {
            None
        }
    }

    fn plan(services: &serde_json::Value, tags: Option<&str>) -> Result<Plan, RunError> {
        planned(services, tags, Grouping::Rules)
    }

    fn isolated(services: &serde_json::Value, tags: Option<&str>) -> Result<Plan, RunError> {
        planned(services, tags, Grouping::Isolated)
    }

    fn planned(services: &serde_json::Value, tags: Option<&str>, grouping: Grouping) -> Result<Plan, RunError> {
        let catalogue = Catalogue::built_in();
        let file = ComposeFile::from("/stack/compose.yaml");
        let model = Model::new(file, json!({"services": services})).expect("has services");
        let declared = Declared { app: vec!["app".into()], readiness: Some(Form::path("/")), ..Declared::default() };
        let (app, file) = (detect_apps(&declared, &Declared::default(), &model).pop(), Declared::default());
        let draft = detect(app, &declared, &file, &model, &NoImages);
        let contract = draft.into_contract(&model).expect("complete");
        let stack = Known::of(&contract);
        Ok(Plan::new(&catalogue, &Selection::parse(tags, &catalogue)?, stack, grouping))
    }

    fn names(plan: &Plan) -> Vec<String> {
        plan.checks.iter().map(|planned| format!("{} {:?}", planned.check.id, planned.dependency)).collect()
    }

    #[test]
    fn a_check_for_each_dependency_is_made_for_each() {
        let services = json!({
            "app": {"depends_on": {"db": {}, "cache": {}}}, "db": {"image": "postgres"}, "cache": {"image": "redis"},
        });
        let plan = plan(&services, Some("@outage.killed")).expect("planned");
        assert_eq!(names(&plan), ["outage.killed Some(\"cache\")", "outage.killed Some(\"db\")"]);
        let scenario = &plan.features[0].scenarios[1];
        assert_eq!(scenario.steps[1].value, "db is killed for the outage limit and 5 seconds");
        assert_eq!(plan.find(scenario), Some(1));
    }

    #[test]
    fn all_checks_of_an_app_with_one_dependency_need_few_instances() {
        let services = json!({
            "app": {"depends_on": {"db": {}}, "healthcheck": {"test": ["CMD", "check"]}}, "db": {"image": "postgres"},
        });
        let instances = |plan: Plan| plan.experiments.iter().filter(|experiment| experiment.starts_something()).count();
        let shared = instances(plan(&services, None).expect("planned"));
        // Without a business path, which needs one more.
        assert_eq!(shared, 27);
        assert!(instances(isolated(&services, None).expect("planned")) > 2 * shared);
    }

    #[test]
    fn an_app_is_asked_the_same_whichever_checks_of_a_rule_are_selected() {
        let services = json!({
            "app": {"depends_on": {"db": {}}, "x-seaworthy": {"liveness": "/live"}}, "db": {"image": "postgres"},
        });
        let asks = |plan: Result<Plan, RunError>| plan.expect("planned").experiments[0].asks_liveness;
        assert!(asks(plan(&services, Some("@retry.clear-error"))), "another check of its rule is about liveness");
        assert!(asks(isolated(&services, Some("@retry.clear-error"))));
        assert!(!asks(plan(&services, Some("@retry.refused"))));
    }

    #[test]
    fn checks_of_a_rule_share_an_experiment_for_each_dependency() {
        let services = json!({
            "app": {"depends_on": {"db": {}, "cache": {}}}, "db": {"image": "postgres"}, "cache": {"image": "redis"},
        });
        let shared = plan(&services, Some("@outage.killed or @outage.recovers or @outage.frozen")).expect("planned");
        let told = |plan: &Plan| -> Vec<String> {
            let lines = |experiment: &PlannedExperiment| {
                let own = experiment.checks.iter().map(|turns| {
                    let taken: Vec<String> = turns.lines.iter().map(|(turn, _)| turn.to_string()).collect();
                    format!("{} {}", plan.checks[turns.index].name(), taken.join("+"))
                });
                format!("{}: {} then {}", experiment.name, experiment.background.len(), own.collect::<Vec<_>>().join(", "))
            };
            plan.experiments.iter().map(lines).collect()
        };
        assert_eq!(
            told(&shared),
            [
                "cache is killed, and started again later: 2 then outage.killed[cache] 2+2, outage.recovers[cache] 2+2+2",
                "db is killed, and started again later: 2 then outage.killed[db] 2+2, outage.recovers[db] 2+2+2",
                "cache is frozen, and goes on later: 2 then outage.frozen[cache] 2+2",
                "db is frozen, and goes on later: 2 then outage.frozen[db] 2+2",
            ]
        );
        let alone = isolated(&services, Some("@outage.killed or @outage.recovers")).expect("planned");
        assert_eq!(
            told(&alone),
            [
                "outage.killed[cache]: 0 then outage.killed[cache] 0+0+0+0",
                "outage.killed[db]: 0 then outage.killed[db] 0+0+0+0",
                "outage.recovers[cache]: 0 then outage.recovers[cache] 0+0+0+0+0",
                "outage.recovers[db]: 0 then outage.recovers[db] 0+0+0+0+0",
            ]
        );
        assert_eq!(told(&shared).len(), 4);
    }

    #[test]
    fn plans_of_several_apps_are_one_in_which_everything_says_whose_it_is() {
        let services = json!({"app": {"depends_on": {"db": {}}}, "db": {"image": "postgres"}});
        let of = |app: &str| {
            let plan = plan(&services, Some("@outage.killed or @image.labels")).expect("planned").of_app(Some(app));
            if app == "worker" { plan.without_starts("it exits") } else { plan }
        };
        let together = Plan::together(vec![of("web"), of("worker")]);
        let names: Vec<String> = together.checks.iter().map(Planned::name).collect();
        assert_eq!(names, ["web/outage.killed[db]", "web/image.labels", "worker/outage.killed[db]", "worker/image.labels"]);
        let experiments: Vec<(usize, &str, &str)> =
            together.experiments.iter().map(|one| (one.app, one.name.as_str(), names[one.checks[0].index].as_str())).collect();
        let expected = [
            (0, "web: db is killed, and started again later", names[0].as_str()),
            (0, "web/image.labels", names[1].as_str()),
            (1, "worker/image.labels", names[3].as_str()),
        ];
        assert_eq!(experiments, expected);
        let scenarios = together.features.iter().flat_map(|feature| &feature.scenarios);
        let found: Vec<Option<usize>> = scenarios.map(|scenario| together.find(scenario)).collect();
        assert_eq!(found, [Some(0), Some(1), Some(3)], "each scenario is that of its app");
    }

    #[test]
    fn what_the_stack_has_not_is_not_applicable() {
        let plan = plan(&json!({"app": {}}), None).expect("planned");
        let applicable: Vec<&str> = plan
            .checks
            .iter()
            .filter(|planned| planned.not_applicable.is_none())
            .map(|planned| planned.check.id.as_str())
            .collect();
        assert!(applicable.contains(&"shutdown.in-time") && applicable.contains(&"readiness.stable"), "{applicable:?}");
        for topic in ["retry.", "outage.", "data."] {
            assert!(!applicable.iter().any(|id| id.starts_with(topic)), "{applicable:?}");
        }
    }

    #[test]
    fn an_app_that_starts_after_a_migration_meets_no_first_boot() {
        let contract = crate::judge::testing::contract();
        let applies = |first_boot_is_missing| {
            let catalogue = Catalogue::built_in();
            let selection = Selection::of(&["retry.initialising-database"], &catalogue).expect("a check");
            let plan =
                Plan::new(&catalogue, &selection, Known { first_boot_is_missing, ..Known::of(&contract) }, Grouping::Rules);
            plan.checks[0].not_applicable.is_none()
        };
        assert!(applies(None) && !applies(Some("it is migrated first")));
    }

    #[test]
    fn units_of_work_are_those_of_a_worker() {
        let reason = |readiness: Form, business: Option<serde_json::Value>| {
            let business = business.map(|business| Business::read(&business).expect("a business"));
            let contract = Contract { readiness, business, ..crate::judge::testing::contract() };
            let stack = Known::of(&contract);
            let catalogue = Catalogue::built_in();
            let ids = ["shutdown.work-kept", "shutdown.in-flight"];
            let plan = Plan::new(&catalogue, &Selection::of(&ids, &catalogue).expect("checks"), stack, Grouping::Rules);
            let told = |planned: &Planned| planned.not_applicable.as_ref().map(|lack| (lack.reason.clone(), lack.flag));
            let of = |id: &str| told(plan.checks.iter().find(|planned| planned.check.id == id).expect("planned"));
            (of(ids[0]), of(ids[1]))
        };
        let work = || Some(json!({"exec": ["put"], "done": ["look"]}));
        let (kept, in_flight) = reason(Form::Runs, work());
        assert!(kept.is_none() && in_flight.is_some_and(|(reason, flag)| reason.contains("units of work") && flag.is_none()));
        let (kept, in_flight) = reason(Form::Runs, None);
        assert!(kept.is_some_and(|(reason, flag)| reason.contains("{exec: [COMMAND], done: [COMMAND]}") && flag.is_some()));
        assert!(in_flight.is_some_and(|(_, flag)| flag.is_some()));
        let (kept, in_flight) = reason(Form::path("/health"), Some(json!("/items")));
        assert!(kept.is_some_and(|(_, flag)| flag.is_none()) && in_flight.is_none());
        let (kept, _) = reason(Form::path("/health"), work());
        assert!(kept.is_none(), "a worker may be asked for its readiness over HTTP");
    }

    #[test]
    fn of_a_stack_that_does_not_start_the_static_checks_are_made() {
        let whole = plan(&json!({"app": {}}), Some("@image")).expect("planned");
        let plan = whole.clone().without_starts("it exits");
        assert!(plan.runs() > 5 && plan.runs() < whole.runs() && !plan.starts_something());
        assert_eq!(plan.experiments.len(), plan.runs());
        let of = |id: &str| plan.checks.iter().find(|planned| planned.check.id == id).expect("planned").without_run();
        assert_eq!(of("image.exposes").reason.as_deref(), Some("it exits"));
        assert_eq!(of("image.labels").reason.as_deref(), Some("it was not run"));
    }

    #[test]
    fn tag_expressions_select() {
        let select = |tags| plan(&json!({"app": {}}), Some(tags));
        assert_eq!(select("@shutdown.in-time or @nonroot.processes").expect("planned").checks.len(), 2);
        assert!(matches!(select("@shutdwon"), Err(RunError::UnknownTag { tag, .. }) if tag == "shutdwon"));
        assert!(matches!(select("@shutdown and"), Err(RunError::TagExpression { .. })));
        assert!(matches!(select("@shutdown and @nonroot"), Err(RunError::NothingSelected { .. })));
    }
}
