//! The stage of one experiment: its instance of the stack, its timeline, and what acts have left under way.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::arrangement::Arrangement;
use super::launch::{self, Without};
use super::{Event, Line, Progress, RunContext, Step, look};
use crate::engine::EngineError;
use crate::judge::{self, Anchor, Claim, Window};
use crate::model::{Endpoint, Fact, FactId, Halt, Inspection, Mark, Observation, Outcome, Timeline};
use crate::probe::OpenSession;
use crate::target::Instance;

/// What an experiment works with.
#[derive(Debug)]
pub struct Stage {
    name: String,
    progress: Arc<dyn Progress>,
    context: Arc<RunContext>,
    timeline: Timeline,
    instance: Option<Instance>,
    arrangement: Arrangement,
    /// What was started without a dependency.
    pub(super) without: Option<Without>,
    /// A request that is under way; what becomes of it goes to the timeline.
    pub(super) request: Option<JoinHandle<()>>,
    /// Sessions that take the database's slots.
    pub(super) slots: Vec<OpenSession>,
    /// The check whose step is taken; nothing when all checks share it.
    turn: Option<String>,
    /// What an earlier claim of a check has found, from which its later ones count: by which step, and when.
    found: BTreeMap<Option<String>, (FactId, Duration, judge::Event<'static>)>,
}

impl Stage {
    /// An empty stage, with an empty timeline.
    #[must_use]
    pub fn new(context: Arc<RunContext>, name: String, progress: Arc<dyn Progress>) -> Self {
        let timeline = Timeline::new(context.engine.clock(), context.redactor.clone());
        let arrangement = Arrangement::default();
        Self {
            name,
            progress,
            context,
            timeline,
            instance: None,
            arrangement,
            without: None,
            request: None,
            slots: vec![],
            turn: None,
            found: BTreeMap::new(),
        }
    }

    /// Nobody asks for liveness.
    pub fn leave_liveness(&mut self) {
        self.arrangement.is_not_asked = vec![Endpoint::Liveness];
    }

    /// All that is observed.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The stack as it is before anything is created.
    #[must_use]
    pub fn context(&self) -> &RunContext {
        &self.context
    }

    /// What the instance is to be like. Changes count only before it is created.
    pub(super) fn arrangement(&mut self) -> &mut Arrangement {
        &mut self.arrangement
    }

    /// The instance, created when first asked for.
    pub async fn instance(&mut self) -> Result<(&RunContext, &Instance), Halt> {
        let (context, instance) = self.instance_to_change().await?;
        Ok((context, instance))
    }

    /// The same, for looks that replace its containers.
    pub(super) async fn instance_to_change(&mut self) -> Result<(&RunContext, &mut Instance), Halt> {
        if self.instance.is_none() {
            self.instance = Some(launch::create(&self.context, &self.timeline, &self.arrangement).await?);
        }
        let instance = self.instance.as_mut().ok_or_else(|| Halt::not_measured("the instance was not created"))?;
        Ok((&self.context, instance))
    }

    /// Puts down that a phase of the experiment begins at this moment.
    pub(super) fn mark(&self, at: Duration, mark: Mark) {
        if mark == (Mark::AppStarted { again: false }) {
            let inspection = Inspection::UndisturbedStart { took: self.context.undisturbed_start };
            self.timeline.record_at(at, Fact::Inspected { inspection });
        }
        self.timeline.record_at(at, Fact::Mark { mark });
    }

    /// When the app was last started by the experiment.
    pub(super) fn app_started(&self) -> Duration {
        let is_start = |fact: &Fact| matches!(fact, Fact::Mark { mark: Mark::AppStarted { .. } });
        self.timeline.read(|facts| facts.iter().rev().find(|one| is_start(&one.fact)).map(|one| one.at)).unwrap_or_default()
    }

    /// The moment from which the limits of what is looked at now count.
    pub(super) fn since(&self) -> Duration {
        self.timeline.read(|facts| judge::begin(facts, FactId(u32::MAX), Anchor::Latest, self.carried()).0)
    }

    fn carried(&self) -> Option<(FactId, Duration, judge::Event<'static>)> {
        self.found.get(&self.turn).copied()
    }

    /// Creates one instance for the experiments of several apps, which all of these share. What is done goes by the first.
    pub async fn share(stages: &mut [Self]) -> Result<(), Halt> {
        let Some((host, guests)) = stages.split_first_mut() else { return Ok(()) };
        let others: Vec<&RunContext> = guests.iter().map(|guest| &*guest.context).collect();
        let instance = launch::create_for(&host.context, &host.timeline, &host.arrangement, &others).await?;
        let instance = host.instance.insert(instance);
        for guest in guests {
            guest.instance = Some(launch::join(&guest.context, &guest.timeline, &guest.arrangement, instance)?);
        }
        Ok(())
    }

    /// Puts down a step of the whole experiment that is taken by the stage of another app.
    pub async fn announce(&mut self, line: &Line) {
        self.turn = None;
        self.put_down(line);
        if let Some(act) = line.act() {
            act.look_before(self).await;
        }
    }

    /// Waits until a step that the stage of another app has taken, after it was announced here, has come to the same for this app. Breaks, with
    /// a reason, when it has not.
    pub async fn follow(&mut self, line: &Line) -> ControlFlow<String> {
        let announced = self.timeline.read(|facts| facts.iter().rev().find(|one| is_step(&one.fact)).map(|one| one.at));
        let followed = match &line.step {
            Some(Step::Act(act)) => act.follow(self, announced.unwrap_or_default()).await,
            _ => Err(Halt::not_measured("a line that is no act")),
        };
        self.settled(followed.map(|()| ControlFlow::Continue(())), None)
    }

    /// Takes one step: does what it says, or looks at and waits for what it asserts. Breaks, with a reason, when the scenario is not to go
    /// on. What it comes to is concluded from the timeline alone.
    ///
    /// A step belongs to a check, by its name, or to the whole experiment.
    pub async fn take(&mut self, line: &Line, check: Option<&str>) -> ControlFlow<String> {
        let check = check.map(str::to_owned);
        self.turn.clone_from(&check);
        let step = self.put_down(line);
        let taken = match &line.step {
            None => Err(Halt::CouldNotRun {
                reason: "a line of the scenario matches no step".into(),
                advice: "`seaworthy steps` lists the sentences; steps of your own need cucumber as the runner".into(),
                service: None,
            }),
            Some(Step::Act(act)) => act.perform(self).await.map(|()| ControlFlow::Continue(())),
            Some(Step::Claim(claim) | Step::Premise(claim)) => self.settle(step, claim).await,
        };
        self.settled(taken, check)
    }

    /// Puts down that a step is taken now, by the check whose turn it is.
    fn put_down(&self, line: &Line) -> FactId {
        let fact = Fact::Step { line: line.line.clone(), check: self.turn.clone() };
        let step = self.timeline.record_at(self.timeline.clock().now(), fact);
        self.progress.tell(Event::StepStarted { name: &self.name, step: &line.line.to_string() });
        step
    }

    /// What a step has come to. What has kept it from being taken is put down.
    fn settled(&self, taken: Result<ControlFlow<String>, Halt>, check: Option<String>) -> ControlFlow<String> {
        taken.unwrap_or_else(|halt| {
            let reason = match &halt {
                Halt::NotApplicable { reason } | Halt::CouldNotRun { reason, .. } => reason.clone(),
            };
            self.timeline.record(Fact::Halted { halt, check });
            ControlFlow::Break(reason)
        })
    }

    /// Looks at what a claim is about, and waits until its judge rules.
    async fn settle(&mut self, step: FactId, claim: &Claim) -> Result<ControlFlow<String>, Halt> {
        look::look(self, step, claim).await?;
        let outcome = self.wait(step, claim).await;
        Ok(match outcome {
            Outcome::Held(evidence) => {
                if let (Some(event), Some(first)) = (claim.finds(), evidence.first()) {
                    let at = self.timeline.read(|facts| facts.iter().find(|one| one.id == *first).map(|one| one.at));
                    self.found.extend(at.map(|at| (self.turn.clone(), (step, at, event))));
                }
                ControlFlow::Continue(())
            }
            Outcome::Broken(finding) => ControlFlow::Break(format!("expected: {}; seen: {}", finding.expected, finding.seen)),
            Outcome::Undecided(what) => ControlFlow::Break(format!("could not be measured: {what}")),
            Outcome::NotApplicable(reason) => ControlFlow::Break(reason),
            Outcome::Pending => ControlFlow::Break("a claim was still open at its limit".into()),
        })
    }

    /// Waits until the judge of a claim rules, at most as long as that may take.
    pub(super) async fn wait(&self, step: FactId, claim: &Claim) -> Outcome {
        self.timeline.wait(self.deadline(step, claim), |facts, over| self.judged(step, claim, facts, over)).await
    }

    /// The same, at most until a moment: the outcome is pending where more may come after that.
    pub(super) async fn wait_until(&self, moment: Duration, step: FactId, claim: &Claim) -> Outcome {
        let deadline = self.deadline(step, claim);
        let is_last = moment >= deadline;
        self.timeline.wait(moment.min(deadline), |facts, over| self.judged(step, claim, facts, over && is_last)).await
    }

    fn deadline(&self, step: FactId, claim: &Claim) -> Duration {
        let since = self.timeline.read(|facts| judge::begin(facts, step, claim.anchor(), self.carried()).0);
        since + claim.patience(&self.context.contract)
    }

    fn judged(&self, step: FactId, claim: &Claim, facts: &[Observation], over: bool) -> Outcome {
        let (from, event) = judge::begin(facts, step, claim.anchor(), self.carried());
        claim.judge(&Window { facts, contract: &self.context.contract, from, event, over })
    }

    /// Ends observation, puts the last log lines on the timeline and removes the instance.
    pub async fn end(&mut self) -> Result<(), EngineError> {
        let Some(mut instance) = self.instance.take() else { return Ok(()) };
        self.slots.clear();
        if self.arrangement.is_limited() {
            launch::note_usage(&self.context, &instance).await;
        }
        launch::stop_observing(&self.context, &mut instance).await;
        instance.down().await
    }
}

fn is_step(fact: &Fact) -> bool {
    matches!(fact, Fact::Step { .. })
}
