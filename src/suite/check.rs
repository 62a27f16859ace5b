//! A whole run: from the path of a compose file to the record of every check, with everything removed at the end.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cucumber::gherkin::Step;
use cucumber::{Writer, writer};
use futures::FutureExt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::conclude::rule_over_all;
use super::execute::{Performed, execute};
use super::pace::Pace;
use super::{ScenarioWorld, cucumber as with_cucumber, prove};
use crate::clock::Clock;
use crate::compose::ImageStack;
use crate::engine::{AskedAccess, Engine, Reaper, RunId};
use crate::experiment::{self, Event, Exceptions, Progress, ResolvedStack, RunContext, RunError, Scan, Target};
use crate::gherkin::{Catalogue, Grouping, Known, Plan, Planned, Selection};
use crate::image::{ImageError, Loadable};
use crate::judge::{causes, missing_reporters, resolve};
use crate::model::{AppRecord, Apps, CheckRecord, ExperimentRecord, FORMAT_VERSION, Run, SourceFiles, Subject, Tool};
use crate::subject::{Contract, Declared};

/// How many experiments run at once that only say where a failure comes from.
const REPORTERS: usize = 2;

/// What to check, and how.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Request {
    /// The stack.
    pub target: Target,
    /// Contract values that win over those in the file.
    pub flags: Declared,
    /// A folder with feature files of the user's own, whose checks are made too.
    pub features: Option<PathBuf>,
    /// A Gherkin tag expression that selects checks; all of them without one.
    pub tags: Option<String>,
    /// How many experiments run at once; as many as the machine bears without one.
    pub jobs: Option<usize>,
    /// What may be shared with this machine and between copies, after which experiments run one at a time, and what no copy may be without.
    pub exceptions: Exceptions,
    /// Whether checks that take more than a minute are made too.
    pub slow: bool,
    /// Whether checks of severity `should` count too.
    pub strict: bool,
    /// Which checks share an experiment.
    pub grouping: Grouping,
    /// Whether only the contract is wanted: the stack is started once, and no check is made.
    pub explain: bool,
    /// Whether it is to be proved that the checks notice known defects in copies of this stack. Then only those checks are made, whatever the tag
    /// expression says.
    pub prove: bool,
    /// Where known weaknesses of the image come from.
    pub scan: Scan,
    /// How containers are reached, instead of the way that suits the engine.
    pub access: Option<AskedAccess>,
    /// The `seaworthy` executable, which removes what the run created should this process be killed. Without it, what a
    /// killed run leaves is removed by the next one.
    pub executable: Option<PathBuf>,
}

/// Runs the selected checks on a stack.
///
/// When this returns, whatever it returns, every container, network, volume and image that it created is removed. When it is
/// dropped, or its process is killed, the reaper removes them, or else the next run. It ends early, with
/// [`RunError::Interrupted`], when `stop` completes.
pub async fn check(request: &Request, progress: Arc<dyn Progress>, stop: impl Future<Output = ()>) -> Result<Run, RunError> {
    let perform = async |contexts: Contexts, plan: Arc<Plan>, pace: Pace| execute(&contexts, &plan, &pace, &progress).await;
    prepare_and(request, &progress, stop, |_| false, perform).await
}

/// The same, shown by cucumber to a writer. Cucumber itself drives scenarios that use steps which were added with its attributes.
pub async fn check_with<W>(
    request: &Request,
    progress: Arc<dyn Progress>,
    stop: impl Future<Output = ()>,
    writer: W,
) -> Result<Run, RunError>
where
    W: Writer<ScenarioWorld, Cli: Default> + writer::Normalized,
{
    let perform = async |contexts: Contexts, plan: Arc<Plan>, pace: Pace| {
        with_cucumber::run(&contexts, &plan, pace, &progress, writer).await
    };
    prepare_and(request, &progress, stop, with_cucumber::knows(), perform).await
}

/// The context of each app.
type Contexts = Arc<[Arc<RunContext>]>;

/// Sets a run up, lets the plan be performed, and removes everything.
async fn prepare_and(
    request: &Request,
    progress: &Arc<dyn Progress>,
    stop: impl Future<Output = ()>,
    has_step: impl Fn(&Step) -> bool,
    perform: impl AsyncFnOnce(Contexts, Arc<Plan>, Pace) -> Vec<Performed>,
) -> Result<Run, RunError> {
    let clock = Clock::start();
    let catalogue = Catalogue::built_in().with_own(request.features.as_deref(), has_step)?;
    let selection =
        if request.prove { prove::selection(&catalogue) } else { Selection::parse(request.tags.as_deref(), &catalogue)? };
    let resolved =
        ResolvedStack::read(&request.target, &request.flags, &request.exceptions, &catalogue.ids(), clock.day()).await?;
    let redactor = resolved.redactor.clone();
    for warning in resolved.model.warnings().iter().chain(&resolved.left_out) {
        progress.tell(Event::Warning(warning));
    }

    let engine = Engine::connect(RunId::random(), clock, request.access).await?;
    let reaper = request.executable.as_ref().map(|executable| Reaper::start(executable, engine.run())).transpose();
    let reaper = reaper.map_err(RunError::Reaper)?;
    let say = |phase: &str| progress.tell(Event::Phase(phase));
    for dead in engine.sweep().await? {
        say(&format!("removed what a dead run left behind: {dead}"));
    }
    let running = async {
        let mut notes = [resolved.left_out.clone(), resolved.changes.clone()].concat();
        let jobs = if resolved.is_serial { Some(1) } else { request.jobs };
        if let Target::Image(ImageStack { archive: Some(archive), image, .. }) = &request.target {
            say(&format!("loading {}", archive.display()));
            load(&engine, archive, image).await?;
        }
        let plan_of = |context: &RunContext, contract: &Contract, selection: &Selection| {
            let main = request.prove.then(|| prove::with_main_dependency(contract));
            let contract = main.as_ref().unwrap_or(contract);
            let plan = Plan::new(&catalogue, selection, known(context, contract, request.slow), request.grouping);
            plan.of_app(context.one_of_several.as_deref())
        };
        // The start may still find a liveness path: what asks for one is counted in.
        let planned = |context: &RunContext| plan_of(context, &context.undecided(), &selection);
        let own = resolved.with_own_passwords();
        let mut set_up = Box::pin(begin(&engine, resolved, request, progress, planned)).await?;
        // Somebody may have the password from where nobody can see it.
        if let (true, Some(own)) = (set_up.broken.iter().any(Option::is_some), own) {
            say("the app is not ready with a generated database password: trying again with the original one");
            notes = [own.left_out.clone(), own.changes.clone()].concat();
            set_up = Box::pin(begin(&engine, own, request, progress, planned)).await?;
        }
        let Begun { contexts, most, mut broken } = set_up;
        if (request.explain || request.prove)
            && let Some(error) = broken.iter_mut().find_map(Option::take)
        {
            return Err(error);
        }
        notes.extend(contexts.iter().flat_map(|context| context.notes.clone()));
        progress.tell(Event::Contracts(&contexts.iter().map(|context| &context.draft).collect::<Vec<_>>()));
        // What starts nothing can be judged all the same.
        let broken: Vec<Option<RunError>> =
            broken.into_iter().map(|error| error.map(|error| error.redacted(&redactor))).collect();
        let plans = contexts.iter().zip(&broken).map(|(context, broken)| match broken {
            _ if request.explain => Plan::default(),
            Some(error) => planned(context).without_starts(&error.describe()),
            None => plan_of(context, &context.contract, &selection),
        });
        let plan = Arc::new(Plan::together(plans.collect()));
        let does_start: Vec<bool> = broken.iter().map(Option::is_none).collect();
        for error in broken.into_iter().flatten() {
            if plan.runs() == 0 {
                return Err(error);
            }
            progress.tell(Event::DoesNotStart(&error));
        }
        let contexts: Contexts = contexts.into_iter().map(Arc::new).collect();
        if plan.runs() > 0 {
            progress.tell(Event::ChecksStarted { count: plan.runs() });
        }
        let pace = || pace_of(&engine, clock, jobs, most);
        let performed = perform(Arc::clone(&contexts), Arc::clone(&plan), pace()).await;
        let mut judged = Judged::default();
        judged.add(&plan, performed);
        if request.prove {
            let mut proof = vec![];
            for context in contexts.iter() {
                let plan_of = |selection: &Selection| plan_of(context, &context.contract, selection);
                proof.extend(prove::prove(context, &catalogue, plan_of, &pace(), progress, &mut judged).await);
            }
            return Ok(Run { proof, ..judged.record(&contexts, &catalogue, request.strict, &notes) });
        }
        let starting = contexts.iter().zip(does_start);
        let reporters =
            reporters(starting, &judged, &catalogue, |context, selection| plan_of(context, &context.contract, selection));
        ask_reporters(&contexts, &reporters, &Pace::fixed(clock, jobs.unwrap_or(REPORTERS)), progress, &mut judged).await;
        Ok(judged.record(&contexts, &catalogue, request.strict, &notes))
    };
    let outcome = tokio::select! {
        // From the first moment on: what listens for signals begins to do so when it is asked for the first time.
        biased;
        () = stop => Err(RunError::Interrupted),
        outcome = AssertUnwindSafe(running).catch_unwind() => {
            outcome.unwrap_or_else(|_| Err(RunError::Defect { message: "a panic while the checks ran".into() }))
        }
    };
    engine.end_creations().await;
    let removed = engine.remove_run(engine.run()).await;
    if let (Ok(()), Some(reaper)) = (&removed, reaper) {
        reaper.dismiss().await;
    }
    let run = outcome.map_err(|error| error.redacted(&redactor))?;
    removed?;
    Ok(run)
}

/// A run that is set up.
struct Begun {
    /// The context of each app.
    contexts: Vec<RunContext>,
    /// How many copies the engine's machine bears at once.
    most: usize,
    /// Why an app does not come up undisturbed; nothing where it does.
    broken: Vec<Option<RunError>>,
}

/// How many experiments run at once: as many as was asked for, or as the machine bears, which has room for so many at most.
fn pace_of(engine: &Engine, clock: Clock, jobs: Option<usize>, most: usize) -> Pace {
    match jobs {
        Some(jobs) => Pace::fixed(clock, jobs),
        // The processors of another machine can't be seen.
        None if engine.access().published_at().is_some() => Pace::fixed(clock, most.min(2 * engine.capacity().cores)),
        None => Pace::between(clock, most.min(engine.capacity().cores), most),
    }
}

/// The checks that say whether a defect is a check's own, or one that they report: of each app that starts.
fn reporters<'a>(
    contexts: impl Iterator<Item = (&'a Arc<RunContext>, bool)>,
    judged: &Judged,
    catalogue: &Catalogue,
    plan_of: impl Fn(&RunContext, &Selection) -> Plan,
) -> Plan {
    let plans = contexts.map(|(context, does_start)| {
        let missing = missing_reporters(&judged.checks, context.one_of_several.as_deref());
        let selection = Selection::of(&missing, catalogue).filter(|_| does_start);
        selection.map(|selection| plan_of(context, &selection)).unwrap_or_default()
    });
    Plan::together(plans.collect())
}

/// Makes these checks.
async fn ask_reporters(
    contexts: &[Arc<RunContext>],
    reporters: &Plan,
    pace: &Pace,
    progress: &Arc<dyn Progress>,
    judged: &mut Judged,
) {
    if reporters.checks.is_empty() {
        return;
    }
    let phase = format!("running {} more, to find the root cause of failures", reporters.runs());
    progress.tell(Event::Phase(&phase));
    let performed = execute(contexts, reporters, pace, progress).await;
    judged.add(reporters, performed);
}

/// Sets the stack up, and starts it once for each app of which that is wanted, one after the other: what an undisturbed start takes is
/// measured. `planned` tells the plan of what is known so far.
async fn begin(
    engine: &Engine,
    resolved: ResolvedStack,
    request: &Request,
    progress: &Arc<dyn Progress>,
    planned: impl Fn(&RunContext) -> Plan,
) -> Result<Begun, RunError> {
    let say = |phase: &str| progress.tell(Event::Phase(phase));
    let mut contexts = RunContext::set_up(engine.clone(), resolved, &say).await?;
    let mut most: Option<usize> = None;
    let mut broken = vec![];
    for number in 0..contexts.len() {
        let (others, rest) = contexts.split_at_mut(number);
        let context = &mut rest[0];
        context.scan = request.scan.clone();
        if !request.explain && !planned(context).starts_something() {
            broken.push(None);
            continue;
        }
        match start_once(context, others, progress, &planned).await {
            Ok(copies) => {
                most = Some(most.map_or(copies, |most| most.min(copies)));
                broken.push(None);
            }
            Err(error @ RunError::NotReady { .. }) => broken.push(Some(error)),
            Err(error) => return Err(error),
        }
    }
    Ok(Begun { contexts, most: most.unwrap_or(1), broken })
}

/// Finds how the app can be asked, where nobody has declared it, and brings the stack up once, undisturbed, before the experiments of this
/// plan; with the contexts of the apps for which that was done before. Returns how many copies the engine's machine bears at once.
async fn start_once(
    context: &mut RunContext,
    others: &[RunContext],
    progress: &Arc<dyn Progress>,
    plan_of: impl Fn(&RunContext) -> Plan,
) -> Result<usize, RunError> {
    let say = |phase: &str| progress.tell(Event::Phase(phase));
    Box::pin(context.find_readiness(&say)).await?;
    for note in &context.notes {
        progress.tell(Event::Warning(note));
    }
    let until = context.one_of_several.as_ref().map(|app| format!(", until `{app}` is ready")).unwrap_or_default();
    say(&format!("starting the stack once, with nothing disturbed{until}"));
    let planned = plan_of(context);
    let starting = planned.experiments.iter().filter(|experiment| experiment.starts_something());
    Box::pin(context.measure_baseline(starting.count(), others)).await
}

/// What the choice of checks needs to know, with this contract.
fn known<'a>(context: &'a RunContext, contract: &'a Contract, slow: bool) -> Known<'a> {
    Known {
        contract,
        has_health_check: context.has_health_check(&contract.app),
        has_compose_file: context.has_compose_file(),
        first_boot_is_missing: context.first_boot_is_missing(),
        tap_is_missing: context.engine.tap_is_missing(),
        slow,
    }
}

/// Loads the image that an archive holds, once it has been read through, under a name and labels of the run's own.
async fn load(engine: &Engine, archive: &Path, name: &str) -> Result<(), RunError> {
    let wrong = |source| RunError::Archive { path: archive.to_owned(), source };
    let open = |path: &Path| File::open(path).map_err(ImageError::Read);
    let (path, architecture) = (archive.to_owned(), engine.architecture().to_owned());
    let read = tokio::task::spawn_blocking(move || Loadable::read(open(&path)?, &architecture)).await;
    let image = read.map_err(|error| RunError::Defect { message: error.to_string() })?.map_err(wrong)?;
    let labels = engine.run().labels(engine.clock().started_at());
    let (path, name) = (archive.to_owned(), name.to_owned());
    engine.load(move |target| image.write(open(&path)?, target, &name, &labels)).await?.map_err(wrong)
}

/// What was performed, and what the checks came to.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) experiments: Vec<ExperimentRecord>,
    pub(super) checks: Vec<CheckRecord>,
}

impl Judged {
    fn add(&mut self, plan: &Plan, performed: Vec<Performed>) {
        let checks = self.number(plan, performed);
        self.checks.extend(checks);
    }

    /// Keeps the experiments, and gives each check of the plan the number of its own.
    pub(super) fn number(&mut self, plan: &Plan, mut performed: Vec<Performed>) -> Vec<CheckRecord> {
        let mut checks: Vec<CheckRecord> = plan.checks.iter().map(Planned::without_run).collect();
        performed.sort_by_key(|performed| performed.checks.first().map(|(index, _)| *index));
        for Performed { app, name, timeline, checks: judged } in performed {
            for (index, check) in judged {
                checks[index] = CheckRecord { experiment: Some(self.experiments.len()), ..check };
            }
            self.experiments.push(ExperimentRecord { app, name, timeline });
        }
        checks
    }

    /// The whole run, its checks app by app in the order of the catalogue.
    fn record(self, contexts: &[Arc<RunContext>], catalogue: &Catalogue, strict: bool, notes: &[String]) -> Run {
        let Self { experiments, mut checks } = self;
        let app = |check: &CheckRecord| contexts.iter().position(|context| context.one_of_several == check.app);
        checks.sort_by_key(|check| (app(check), catalogue.checks().position(|(_, known)| known.id == check.id)));
        let (tool, subject, apps) = described(contexts);
        rule_over_all(&mut checks, &experiments, &apps);
        resolve(&mut checks);
        Run {
            format_version: FORMAT_VERSION,
            tool,
            subject,
            apps,
            notes: notes.iter().map(|note| contexts[0].redactor.redact(note)).collect(),
            strict,
            experiments,
            causes: causes(&checks),
            checks,
            proof: vec![],
        }
    }
}

/// What made the run, and of what.
fn described(contexts: &[Arc<RunContext>]) -> (Tool, Subject, Apps) {
    let context = &contexts[0];
    let clock = context.engine.clock();
    let SourceFiles { compose, dockerfile } = experiment::files(context);
    let (apps, image, dockerfile) = if context.one_of_several.is_none() {
        (Apps::one(context.contract.clone()), Some(context.app_image.clone()), dockerfile)
    } else {
        let app = |context: &Arc<RunContext>| AppRecord {
            contract: context.contract.clone(),
            image: context.app_image.clone(),
            dockerfile: experiment::files(context).dockerfile,
        };
        (Apps::Several { apps: contexts.iter().map(app).collect() }, None, None)
    };
    let subject = Subject {
        stack: context.model.file().path().display().to_string(),
        files: SourceFiles { compose, dockerfile },
        image,
        run: context.engine.run().to_string(),
        started_at: OffsetDateTime::from(clock.started_at()).truncate_to_second().format(&Rfc3339).unwrap_or_default(),
        duration: clock.now(),
    };
    let tool = Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() };
    (tool, subject, apps)
}
