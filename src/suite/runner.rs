//! Running a plan through cucumber, and turning what becomes of each scenario into a record.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cucumber::event::{Cucumber as CucumberEvent, ScenarioFinished, StepError};
use cucumber::gherkin::Feature;
use cucumber::{Event as Stamped, Parser, Writer, cli, parser, runner, writer};
use futures::{FutureExt, future, stream};

use super::{Bench, Failure, Plan, Planned, ScenarioWorld, steps};
use crate::causes::with_causes;
use crate::contract::Draft;
use crate::record::CheckRecord;
use crate::timeline::{Observation, Timeline};
use crate::verdict::{Verdict, is_blind};

/// What happens while a run is under way.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Something before or after the checks: what is being done.
    Phase(&'a str),
    /// Something about the stack that its owner should know.
    Warning(&'a str),
    /// What the suite knows of the stack, before the checks begin.
    Contract(&'a Draft),
    /// The checks begin.
    ChecksStarted {
        /// How many will run.
        count: usize,
    },
    /// A check began.
    CheckStarted {
        /// The id, with the dependency in brackets where there is one.
        name: &'a str,
        /// Its title.
        title: &'a str,
    },
    /// A check does or waits for something else now.
    StepStarted {
        /// The name of the check.
        name: &'a str,
        /// The line of the scenario.
        step: &'a str,
    },
    /// A check ended.
    CheckFinished(&'a CheckRecord),
}

/// Told what happens while a run is under way. Must not block.
pub trait Progress: Debug + Send + Sync {
    /// Something happened.
    fn tell(&self, event: Event<'_>);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn tell(&self, _: Event<'_>) {}
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

/// Runs the checks of a plan, so many at once, and returns a record of each check in the plan's order.
pub(super) async fn run<W>(
    bench: Arc<Bench>,
    plan: Arc<Plan>,
    jobs: usize,
    progress: Arc<dyn Progress>,
    writer: W,
) -> Vec<CheckRecord>
where
    W: Writer<ScenarioWorld, Cli: Default> + writer::Normalized,
{
    let records: Arc<Mutex<Vec<Option<CheckRecord>>>> = Arc::new(Mutex::new(vec![None; plan.checks.len()]));
    let features = plan.features.clone();
    let (plan_before, progress_before) = (Arc::clone(&plan), Arc::clone(&progress));
    let (plan_after, records_after) = (Arc::clone(&plan), Arc::clone(&records));
    let bench_after = Arc::clone(&bench);
    let runner = runner::Basic::default()
        .steps(steps::collection())
        .max_concurrent_scenarios(jobs)
        // Cucumber takes our topic tag @retry for its own wish to run a failed scenario again. A verdict stands.
        .retry_options(|_, _, _, _| None)
        .before(move |_, _, scenario, world| {
            let planned = plan_before.find(scenario).map(|index| &plan_before.checks[index]);
            let name = planned.map(Planned::name).unwrap_or_default();
            if let Some(planned) = planned {
                progress_before.tell(Event::CheckStarted { name: &name, title: &planned.title });
            }
            world.begin(Arc::clone(&bench), name, Arc::clone(&progress_before));
            future::ready(()).boxed_local()
        })
        .after(move |_, _, scenario, finished, world| {
            let (bench, plan) = (Arc::clone(&bench_after), Arc::clone(&plan_after));
            let (records, progress) = (Arc::clone(&records_after), Arc::clone(&progress));
            async move {
                let Some(index) = plan.find(scenario) else { return };
                let record = conclude(&bench, &plan.checks[index], finished, world).await;
                progress.tell(Event::CheckFinished(&record));
                records.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(record);
            }
            .boxed_local()
        });
    let options = cli::Opts::<cli::Empty, runner::basic::Cli, W::Cli, cli::Empty>::default();
    cucumber::Cucumber::<_, _, (), _, _, cli::Empty>::custom(Parsed(features), runner, writer).with_cli(options).run(()).await;

    let mut records = records.lock().unwrap_or_else(PoisonError::into_inner);
    let concluded = plan.checks.iter().zip(records.iter_mut());
    concluded.map(|(planned, record)| record.take().unwrap_or_else(|| planned.without_run())).collect()
}

/// Ends a scenario and puts down what became of it.
async fn conclude(
    bench: &Bench,
    planned: &Planned,
    finished: &ScenarioFinished,
    world: Option<&mut ScenarioWorld>,
) -> CheckRecord {
    let mut record = planned.without_run();
    let mut failure = None;
    if let Some(world) = world {
        if let Err(error) = world.end().await {
            // The end of the run removes everything once more, and tells what is left then.
            tracing::warn!(error = with_causes(&error), "a copy of the stack is not removed yet");
        }
        failure = world.failure.take();
        record.places = std::mem::take(&mut world.places);
        record.places.iter_mut().for_each(|place| place.file = bench.redactor.redact(&place.file));
        record.timeline = world.timeline().map(Timeline::observations).unwrap_or_default();
        record.duration = world.timeline().map(|timeline| elapsed(timeline, &record.timeline)).unwrap_or_default();
    }
    let (verdict, reason) = judge(finished, failure, &record.timeline);
    (record.verdict, record.reason) = (verdict, reason.map(|reason| bench.redactor.redact(&reason)));
    if let (Verdict::Failed, Some(waiver)) = (verdict, bench.contract.waivers.iter().find(|waiver| waiver.check == record.id)) {
        record.verdict = Verdict::Waived;
        record.reason = Some(format!("waived: {}. {}", waiver.reason, record.reason.unwrap_or_default()));
    }
    record
}

fn elapsed(timeline: &Timeline, observations: &[Observation]) -> Duration {
    let first = observations.iter().map(|observation| observation.at).find(|at| !at.is_zero());
    timeline.clock().now().saturating_sub(first.unwrap_or_default())
}

fn judge(finished: &ScenarioFinished, failure: Option<Failure>, observations: &[Observation]) -> (Verdict, Option<String>) {
    let could_not_run = |reason: String| (Verdict::CouldNotRun, Some(reason));
    match (finished, failure) {
        (ScenarioFinished::StepPassed, None) => (Verdict::Passed, None),
        (_, Some(Failure::CouldNotRun { message, advice, .. })) => could_not_run(format!("{message}. {advice}")),
        (_, Some(Failure::NotApplicable(reason))) => (Verdict::NotApplicable, Some(reason)),
        (_, Some(failure @ Failure::Failed(_))) => match is_blind(observations) {
            Some(what) => could_not_run(format!("{what} could no longer be followed")),
            None => (Verdict::Failed, Some(failure.to_string())),
        },
        (ScenarioFinished::StepSkipped, None) => could_not_run("a line of the scenario matches no step".into()),
        // A step that a user added with cucumber's attributes has a location, and its panic is a broken expectation.
        (ScenarioFinished::StepFailed(_, Some(_), error @ StepError::Panic(_)), None) => {
            (Verdict::Failed, Some(error.to_string()))
        }
        (ScenarioFinished::StepFailed(_, _, error), None) => could_not_run(format!("a defect of seaworthy: {error}")),
        (ScenarioFinished::BeforeHookFailed(_), None) => {
            could_not_run("a defect of seaworthy: the scenario could not begin".into())
        }
    }
}

impl Planned {
    /// The id, with the dependency in brackets where there is one.
    #[must_use]
    pub fn name(&self) -> String {
        self.without_run().name()
    }

    /// The record of a check that has not been run.
    fn without_run(&self) -> CheckRecord {
        let (verdict, reason) = match &self.not_applicable {
            Some(reason) => (Verdict::NotApplicable, reason.clone()),
            None => (Verdict::CouldNotRun, "it was not run".into()),
        };
        CheckRecord {
            id: self.check.id.clone(),
            dependency: self.dependency.clone(),
            title: self.title.clone(),
            severity: self.check.severity,
            verdict,
            reason: Some(reason),
            places: vec![],
            why: self.check.why.clone(),
            mend: self.check.mend.clone(),
            duration: Duration::ZERO,
            timeline: vec![],
        }
    }
}
