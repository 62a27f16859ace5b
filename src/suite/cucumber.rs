//! Cucumber as a runner of the same steps: for `cargo cucumber`, and for libraries that add steps of their own with cucumber's
//! attributes. It shows the scenarios and drives them; the verdict is concluded from the timeline, as everywhere.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use cucumber::event::{Cucumber as CucumberEvent, ScenarioFinished, StepError};
use cucumber::gherkin::{Feature, Scenario};
use cucumber::step::{Collection, Context};
use cucumber::{Event as Stamped, Parser, Writer, cli, parser, runner, writer};
use futures::future::LocalBoxFuture;
use futures::{FutureExt, future, stream};

use super::execute::{self, Performed};
use crate::experiment::{Event, Progress, RunContext, Silent, Stage};
use crate::gherkin::{Plan, SENTENCES, line, lines};
use crate::model::{Fact, Halt, Keyword, Timeline};
use crate::target::Instance;

/// The world of a scenario. Steps of your own may be added with cucumber's `given`, `when` and `then` attributes.
#[derive(Debug, Default, ::cucumber::World)]
pub struct ScenarioWorld {
    stage: Option<Stage>,
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
            Keyword::Then => collection.then(None, pattern, take),
        }
    })
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

/// Performs the checks of a plan, at most so many at once, and tells cucumber's events to a writer. Returns what each came to.
pub(super) async fn run<W>(
    context: &Arc<RunContext>,
    plan: &Arc<Plan>,
    jobs: usize,
    progress: &Arc<dyn Progress>,
    writer: W,
) -> Vec<Performed>
where
    W: Writer<ScenarioWorld, Cli: Default> + writer::Normalized,
{
    let performed: Arc<Mutex<Vec<Performed>>> = Arc::default();
    let features = plan.features.clone();
    let (context_before, plan_before, progress_before) = (Arc::clone(context), Arc::clone(plan), Arc::clone(progress));
    let (context_after, plan_after, progress_after) = (Arc::clone(context), Arc::clone(plan), Arc::clone(progress));
    let performed_after = Arc::clone(&performed);
    let runner = runner::Basic::default()
        .steps(collection())
        .max_concurrent_scenarios(jobs)
        // Cucumber takes our topic tag @retry for its own wish to run a failed scenario again. A verdict stands.
        .retry_options(|_, _, _, _| None)
        .before(move |_, _, scenario, world| {
            if let Some(index) = plan_before.find(scenario) {
                let planned = &plan_before.checks[index];
                let name = planned.name();
                progress_before.tell(Event::CheckStarted { name: &name, title: &planned.title });
                world.stage = Some(Stage::new(Arc::clone(&context_before), name, Arc::clone(&progress_before)));
            }
            future::ready(()).boxed_local()
        })
        .after(move |_, _, scenario, finished, world| {
            let (context, plan) = (Arc::clone(&context_after), Arc::clone(&plan_after));
            let (all, progress) = (Arc::clone(&performed_after), Arc::clone(&progress_after));
            async move {
                let Some(index) = plan.find(scenario) else { return };
                let Some(stage) = world.and_then(|world| world.stage.as_mut()) else { return };
                let performed = finish(&context, &plan, index, (scenario, finished), stage, &progress).await;
                all.lock().unwrap_or_else(PoisonError::into_inner).push(performed);
            }
            .boxed_local()
        });
    let options = cli::Opts::<cli::Empty, runner::basic::Cli, W::Cli, cli::Empty>::default();
    ::cucumber::Cucumber::<_, _, (), _, _, cli::Empty>::custom(Parsed(features), runner, writer).with_cli(options).run(()).await;
    let mut performed = performed.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut performed)
}

async fn finish(
    context: &RunContext,
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
    execute::finish(context, plan, name, stage, [(index, lines)].into_iter(), progress).await
}
