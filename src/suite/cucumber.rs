//! Cucumber as a runner of the same scenarios: for `cargo cucumber`, and for libraries that add steps of their own with cucumber's
//! attributes.
//!
//! A scenario of our sentences alone is performed by our own runner, with all that share its experiment: the first of them performs it, the
//! others wait for it, and cucumber shows step by step what it came to. One with steps of somebody else has an instance of the stack of its
//! own, and cucumber drives it. The verdict is concluded from the timeline, as everywhere.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use cucumber::event::{Cucumber as CucumberEvent, ScenarioFinished, StepError};
use cucumber::gherkin::{Feature, Scenario, Step};
use cucumber::step::{Collection, Context};
use cucumber::{Event as Stamped, Parser, Writer, cli, parser, runner, writer};
use futures::future::LocalBoxFuture;
use futures::{FutureExt, stream};
use tokio::sync::OnceCell;

use super::execute::{self, Performed};
use super::pace::{Pace, Place};
use crate::experiment::{Event, Progress, RunContext, Silent, Stage};
use crate::gherkin::{Plan, SENTENCES, line, lines};
use crate::model::{CheckRecord, Fact, Halt, Keyword, Observation, ScenarioLine, Timeline, Verdict};
use crate::target::Instance;

/// The world of a scenario. Steps of your own may be added with cucumber's `given`, `when` and `then` attributes.
#[derive(Debug, Default, ::cucumber::World)]
pub struct ScenarioWorld {
    stage: Option<Stage>,
    /// Where other steps than ours drive the scenario: its place among the instances that there may be at once.
    place: Option<Place>,
    /// Where our own runner has performed it: what is to be shown.
    shown: Option<Shown>,
}

/// The step at which a scenario ended early, and why.
type End = (usize, String);

/// What a scenario came to that our own runner has performed.
#[derive(Debug)]
struct Shown {
    /// How many of its steps have been shown.
    steps: usize,
    /// The step at which it ended early, and why.
    end: Option<End>,
}

impl ScenarioWorld {
    /// All that is observed in this scenario; nothing when it was not begun by the suite.
    #[must_use]
    pub fn timeline(&self) -> Option<&Timeline> {
        self.stage.as_ref().map(Stage::timeline)
    }

    /// What is known of the stack, and its running instance; created when first asked for. The error says why there can be none.
    pub async fn instance(&mut self) -> Result<(&RunContext, &Instance), Halt> {
        let stage = self.stage.as_mut().ok_or_else(|| Halt::not_measured("the scenario was not begun by the suite"))?;
        stage.instance().await
    }

    async fn take(&mut self, context: Context) {
        if let Some(shown) = &mut self.shown {
            if let Some((_, why)) = shown.end.as_ref().filter(|(step, _)| *step == shown.steps) {
                panic!("{why}");
            }
            shown.steps += 1;
            return;
        }
        let line = line(&context.step);
        let taken = match &mut self.stage {
            Some(stage) => stage.take(&line, None).await,
            None => ControlFlow::Break("the scenario was not begun by the suite".to_owned()),
        };
        if let ControlFlow::Break(why) = taken {
            // Cucumber's own way to be told that a step did not pass. The verdict does not come from it.
            panic!("{why}");
        }
    }
}

/// Our sentences, together with the steps that were added with cucumber's attributes.
fn collection() -> Collection<ScenarioWorld> {
    SENTENCES.iter().fold(<ScenarioWorld as cucumber::World>::collection(), |collection, sentence| {
        let pattern = sentence.regex();
        match sentence.keyword {
            Keyword::Given => collection.given(None, pattern, take),
            Keyword::When => collection.when(None, pattern, take),
            // What is asserted after Then is a premise after Given.
            Keyword::Then => collection.then(None, pattern.clone(), take).given(None, pattern, take),
        }
    })
}

/// Whether a step was added with cucumber's attributes.
pub(super) fn knows() -> impl Fn(&Step) -> bool {
    let own = <ScenarioWorld as ::cucumber::World>::collection();
    move |step| own.find(step).is_ok_and(|found| found.is_some())
}

fn take(world: &mut ScenarioWorld, context: Context) -> LocalBoxFuture<'_, ()> {
    Box::pin(world.take(context))
}

impl<World> Writer<World> for Silent {
    type Cli = cli::Empty;

    async fn handle_event(&mut self, _: parser::Result<Stamped<CucumberEvent<World>>>, _: &Self::Cli) {}
}

impl writer::Normalized for Silent {}

/// Hands features to cucumber that are parsed already.
struct Parsed(Vec<Feature>);

impl Parser<()> for Parsed {
    type Cli = cli::Empty;
    type Output = stream::Iter<std::vec::IntoIter<parser::Result<Feature>>>;

    fn parse(self, (): (), _: Self::Cli) -> Self::Output {
        stream::iter(self.0.into_iter().map(Ok).collect::<Vec<_>>())
    }
}

/// What the scenarios of a run share.
struct Shared {
    contexts: Arc<[Arc<RunContext>]>,
    plan: Arc<Plan>,
    progress: Arc<dyn Progress>,
    pace: Pace,
    /// What each experiment showed of its checks, by their numbers in the plan, once it is performed.
    shown: Vec<OnceCell<BTreeMap<usize, Option<End>>>>,
    performed: Mutex<Vec<Performed>>,
}

impl Shared {
    /// Prepares the world of a scenario.
    async fn begin(&self, scenario: &Scenario, world: &mut ScenarioWorld) {
        let Some(index) = self.plan.find(scenario) else { return };
        if lines(&scenario.steps).iter().all(|line| line.step.is_some()) {
            world.shown = Some(Shown { steps: 0, end: self.end_of(index).await });
            return;
        }
        let planned = &self.plan.checks[index];
        world.place = Some(self.pace.enter().await);
        let name = planned.name();
        self.progress.tell(Event::ExperimentStarted { name: &name, what: &planned.title });
        let Some(experiment) = self.plan.experiment_of(index) else { return };
        let context = &self.contexts[self.plan.experiments[experiment].app];
        world.stage = Some(Stage::new(Arc::clone(context), name, Arc::clone(&self.progress)));
    }

    /// At which of its steps a check ended early, and why; its experiment is performed when it was not yet.
    async fn end_of(&self, index: usize) -> Option<End> {
        let at = self.plan.experiment_of(index)?;
        let experiment = &self.plan.experiments[at];
        let perform = async || {
            let _place = self.pace.enter().await;
            let performed = execute::perform(&self.contexts[experiment.app], &self.plan, experiment, &self.progress).await;
            let ends =
                performed.iter().flat_map(|one| one.checks.iter().map(|(index, check)| (*index, end(&one.timeline, check))));
            let ends = ends.collect();
            self.performed.lock().unwrap_or_else(PoisonError::into_inner).extend(performed);
            ends
        };
        self.shown[at].get_or_init(perform).await.get(&index).cloned().flatten()
    }
}

/// At which of its steps a check ended early, and why: the last that it took itself, or else the last of the background.
fn end(timeline: &[Observation], check: &CheckRecord) -> Option<End> {
    if !matches!(check.verdict, Verdict::Failed | Verdict::Blocked | Verdict::CouldNotRun) {
        return None;
    }
    let name = check.name();
    let taken = |one: &Observation| match &one.fact {
        Fact::Step { line, check: of } => of.as_ref().is_none_or(|of| *of == name).then(|| (of.is_some(), line.clone())),
        _ => None,
    };
    let taken: Vec<(bool, ScenarioLine)> = timeline.iter().filter_map(taken).collect();
    let (_, last) = taken.iter().rfind(|(is_own, _)| *is_own).or(taken.last())?;
    let step = check.steps.iter().rposition(|line| line == last).unwrap_or_default();
    let broken = check.finding.as_ref().map(|finding| format!("expected: {}; seen: {}", finding.expected, finding.seen));
    Some((step, broken.or(check.reason.clone())?))
}

/// Performs the checks of a plan, in as many instances of the stack at once as its pace allows, and tells cucumber's events to a writer. Returns what
/// each came to.
pub(super) async fn run<W>(
    contexts: &Arc<[Arc<RunContext>]>,
    plan: &Arc<Plan>,
    pace: Pace,
    progress: &Arc<dyn Progress>,
    writer: W,
) -> Vec<Performed>
where
    W: Writer<ScenarioWorld, Cli: Default> + writer::Normalized,
{
    let shared = Arc::new(Shared {
        contexts: Arc::clone(contexts),
        plan: Arc::clone(plan),
        progress: Arc::clone(progress),
        pace,
        shown: plan.experiments.iter().map(|_| OnceCell::new()).collect(),
        performed: Mutex::default(),
    });
    let (before, after) = (Arc::clone(&shared), Arc::clone(&shared));
    let runner = runner::Basic::default()
        .steps(collection())
        // Those that share an experiment wait for it together; the instances are counted by ourselves.
        .max_concurrent_scenarios(None)
        // Cucumber takes our topic tag @retry for its own wish to run a failed scenario again. A verdict stands.
        .retry_options(|_, _, _, _| None)
        .before(move |_, _, scenario, world| {
            let shared = Arc::clone(&before);
            async move { shared.begin(scenario, world).await }.boxed_local()
        })
        .after(move |_, _, scenario, finished, world| {
            let shared = Arc::clone(&after);
            async move {
                let Shared { plan, progress, .. } = &*shared;
                let Some(index) = plan.find(scenario) else { return };
                let Some(world) = world else { return };
                // A writer may keep the world of a failed step for long.
                let _place = world.place.take();
                let Some(stage) = world.stage.as_mut() else { return };
                let performed = finish(plan, index, (scenario, finished), stage, progress).await;
                progress.tell(Event::ExperimentEnded { name: &performed.name });
                performed.tell(progress);
                shared.performed.lock().unwrap_or_else(PoisonError::into_inner).push(performed);
            }
            .boxed_local()
        });
    let options = cli::Opts::<cli::Empty, runner::basic::Cli, W::Cli, cli::Empty>::default();
    let features = Parsed(plan.features.clone());
    ::cucumber::Cucumber::<_, _, (), _, _, cli::Empty>::custom(features, runner, writer).with_cli(options).run(()).await;
    let mut performed = shared.performed.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut performed)
}

async fn finish(
    plan: &Plan,
    index: usize,
    (scenario, finished): (&Scenario, &ScenarioFinished),
    stage: &mut Stage,
    progress: &Arc<dyn Progress>,
) -> Performed {
    let lines = lines(&scenario.steps);
    // Steps of somebody else leave no fact by themselves.
    if lines.iter().any(|line| line.step.is_none()) && !matches!(finished, ScenarioFinished::StepSkipped) {
        let error = match finished {
            ScenarioFinished::StepFailed(_, Some(_), error @ StepError::Panic(_)) => Some(error.to_string()),
            _ => None,
        };
        stage.timeline().record(Fact::Foreign { error });
    }
    let name = plan.checks[index].name();
    execute::finish(plan, name, stage, [(index, lines)].into_iter(), progress).await
}
