//! The state of one scenario: its copy of the stack, its timeline, and the moments that its steps refer to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::error::settle;
use super::launch::{self, Without};
use super::setup::Setup;
use super::sources::named;
use super::{Bench, Event, Failure, Progress};
use crate::compose::place_of_key;
use crate::engine::EngineError;
use crate::fault;
use crate::probe::OpenSession;
use crate::record::Place;
use crate::stack::Stack;
use crate::timeline::{Answer, Fact, Observation, Ruling, Timeline};
use crate::verdict::{Finding, Judged};

/// How often an app that the engine starts again may exit before nobody waits for it any more.
const RESTARTS: usize = 6;

/// The world of a scenario. Steps of your own may be added with cucumber's `given`, `when` and `then` attributes.
#[derive(Debug, Default, cucumber::World)]
pub struct ScenarioWorld {
    stage: Option<Stage>,
    /// Why a step did not pass.
    pub(super) failure: Option<Failure>,
    /// The lines of the user's files that are at fault.
    pub(super) places: Vec<Place>,
}

/// What a scenario works with once it has begun.
#[derive(Debug)]
struct Stage {
    name: String,
    progress: Arc<dyn Progress>,
    bench: Arc<Bench>,
    timeline: Timeline,
    stack: Option<Stack>,
    setup: Setup,
    moments: Moments,
}

/// The moments and facts that later steps refer to.
#[derive(Debug, Default)]
pub struct Moments {
    /// When the app's first process was started.
    pub app_started: Duration,
    /// What limits are counted from: the last disturbance or its end.
    pub since: Duration,
    /// What happened then, in words that follow "of" and "since".
    pub event: String,
    /// What was started without a dependency.
    pub(super) without: Option<Without>,
    /// The signal that told the app to stop, and when.
    pub told_to_stop: Option<(String, Duration)>,
    /// When and how the app ended after it was told to stop: offset, exit status, out of memory.
    pub death: Option<(Duration, i64, bool)>,
    /// A request that is under way.
    pub(super) request: Option<JoinHandle<Answer>>,
    /// How many sessions the app had.
    pub sessions: Option<usize>,
    /// Sessions that take the database's slots.
    pub(super) slots: Vec<OpenSession>,
}

impl ScenarioWorld {
    /// Begins a scenario on a bench, with an empty timeline.
    pub(super) fn begin(&mut self, bench: Arc<Bench>, name: String, progress: Arc<dyn Progress>) {
        let timeline = Timeline::new(bench.engine.clock(), bench.redactor.clone());
        let (setup, moments) = (Setup::default(), Moments::default());
        self.stage = Some(Stage { name, progress, bench, timeline, stack: None, setup, moments });
    }

    /// Puts down, and tells, that a step begins.
    pub(super) fn begin_step(&self, step: &str) {
        if let Some(stage) = &self.stage {
            stage.timeline.record(Fact::Step { text: step.to_owned() });
            stage.progress.tell(Event::StepStarted { name: &stage.name, step });
        }
    }

    /// Names a line that is at fault, for reports that show it in its file.
    pub(super) fn point_at(&mut self, file: &Path, line: usize) {
        self.places.push(Place { file: named(file), line });
    }

    /// Names the line of a key of a service, or of what is nearest to it in the user's own files.
    pub(super) fn point_at_key(&mut self, service: &str, key: &str) {
        let Some(stage) = &self.stage else { return };
        let files = stage.bench.model.file().sources();
        if let Some((file, line)) = place_of_key(&files, &["services", service, key]) {
            self.point_at(file, line);
        }
    }

    /// The timeline of the scenario.
    #[must_use]
    pub fn timeline(&self) -> Option<&Timeline> {
        self.stage.as_ref().map(|stage| &stage.timeline)
    }

    /// The stack as it is before anything is created.
    pub(super) fn bench(&mut self) -> Result<&Bench, Failure> {
        Ok(&self.stage()?.bench)
    }

    /// What the copy is to be like. Changes count only before it is created.
    pub(super) fn setup(&mut self) -> Result<&mut Setup, Failure> {
        Ok(&mut self.stage()?.setup)
    }

    /// The moments that steps refer to.
    pub fn moments(&mut self) -> Result<&mut Moments, Failure> {
        Ok(&mut self.stage()?.moments)
    }

    /// The running copy of the stack with its bench and moments; created when first asked for.
    pub async fn stack(&mut self) -> Result<(&Bench, &Stack, &mut Moments), Failure> {
        let (bench, stack, moments) = self.stack_to_change().await?;
        Ok((bench, stack, moments))
    }

    /// The same, for steps that replace its containers.
    pub(super) async fn stack_to_change(&mut self) -> Result<(&Bench, &mut Stack, &mut Moments), Failure> {
        let stage = self.stage()?;
        if stage.stack.is_none() {
            stage.stack = Some(launch::create(&stage.bench, &stage.timeline, &stage.setup).await?);
        }
        let stack = stage.stack.as_mut().ok_or_else(|| Failure::not_measured("the stack was not created"))?;
        Ok((&stage.bench, stack, &mut stage.moments))
    }

    /// Lets limits be counted from something that has just happened.
    pub(super) fn mark(&mut self, at: Duration, event: impl Into<String>) -> Result<(), Failure> {
        let moments = self.moments()?;
        (moments.since, moments.event) = (at, event.into());
        Ok(())
    }

    /// Waits until a judge of the app's answers rules. Limits and times are counted from [`Moments::since`].
    pub(super) async fn expect<T>(
        &mut self,
        limit: Duration,
        judge: impl Fn(Judged<'_>, &[Observation], bool) -> Ruling<T, Finding>,
    ) -> Result<T, Failure> {
        let (bench, stack, moments) = self.stack().await?;
        let judged = Judged {
            app: &bench.contract.app,
            started: moments.app_started,
            gone_after: if bench.restarts(&bench.contract.app) { RESTARTS } else { 1 },
            since: moments.since,
            event: &moments.event,
            limit,
        };
        let deadline = moments.since + limit;
        let ruling = stack.timeline().wait(deadline, |observations, over| judge(judged, observations, over)).await;
        settle(ruling, "the app gave no answer to judge by")
    }

    /// Looks back at the timeline with a judge.
    pub(super) async fn look_back(
        &mut self,
        judge: impl Fn(&Bench, &Moments, &[Observation]) -> Result<(), Finding>,
    ) -> Result<(), Failure> {
        let (bench, stack, moments) = self.stack().await?;
        stack.timeline().read(|observations| judge(bench, moments, observations)).map_err(Failure::Failed)
    }

    /// Ends faults and observation, puts the last log lines on the timeline and removes the copy of the stack.
    pub(super) async fn end(&mut self) -> Result<(), EngineError> {
        let Some(stage) = self.stage.as_mut() else { return Ok(()) };
        let Some(mut stack) = stage.stack.take() else { return Ok(()) };
        stage.moments.slots.clear();
        fault::end_all(&stack);
        if stage.setup.is_limited() {
            launch::note_usage(&stage.bench, &stack).await;
        }
        launch::stop_observing(&stage.bench, &mut stack).await;
        stack.down().await
    }

    fn stage(&mut self) -> Result<&mut Stage, Failure> {
        self.stage.as_mut().ok_or_else(|| Failure::not_measured("the scenario was not begun by the suite"))
    }
}
