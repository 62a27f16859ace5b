//! A whole run: from the path of a compose file to the record of every check, with everything removed at the end.

use std::collections::BTreeSet;
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cucumber::{Writer, writer};
use futures::FutureExt;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{
    Bench, Blueprint, Catalogue, Event, Plan, Progress, RunError, ScenarioWorld, Selection, Silent, Target, runner, sources,
};
use crate::causes::with_causes;
use crate::clock::Clock;
use crate::compose::{Hazard, ImageStack};
use crate::contract::{Contract, Declared};
use crate::engine::{AskedAccess, Engine, Reaper, RunId};
use crate::image::{ImageError, Loadable};
use crate::record::{CheckRecord, FORMAT_VERSION, Run, Subject, Tool};

/// What to check, and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The stack.
    pub target: Target,
    /// Contract values that win over those in the file.
    pub flags: Declared,
    /// A folder with feature files of the user's own, whose checks are made too.
    pub features: Option<PathBuf>,
    /// A Gherkin tag expression that selects checks; all of them without one.
    pub tags: Option<String>,
    /// How many checks run at once; a number that suits the machine without one.
    pub jobs: Option<usize>,
    /// What may be shared with this machine and between copies; checks then run one at a time.
    pub allowed: BTreeSet<Hazard>,
    /// Whether checks that take more than a minute are made too.
    pub slow: bool,
    /// Whether only the contract is wanted: the stack is started once, and no check is made.
    pub explain: bool,
    /// Where known weaknesses of the image come from.
    pub scan: Scan,
    /// How containers are reached, instead of the way that suits the engine.
    pub access: Option<AskedAccess>,
    /// The `seaworthy` executable, which removes what the run created should this process be killed. Without it, what a
    /// killed run leaves is removed by the next one.
    pub executable: Option<PathBuf>,
}

/// Where known weaknesses of an image come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scan {
    /// A scanner that is installed (Trivy, Grype).
    #[default]
    Installed,
    /// A report that one of them has made elsewhere, in JSON.
    Report(PathBuf),
    /// Nowhere.
    Off,
}

/// Runs the selected checks on a stack. See [`check_with`].
pub async fn check(request: &Request, progress: Arc<dyn Progress>, stop: impl Future<Output = ()>) -> Result<Run, RunError> {
    check_with(request, progress, stop, Silent).await
}

/// Runs the selected checks on a stack and tells cucumber's events to a writer.
///
/// When this returns, whatever it returns, every container, network, volume and image that it created is removed. When it is
/// dropped, or its process is killed, the reaper removes them, or else the next run. It ends early, with
/// [`RunError::Interrupted`], when `stop` completes.
pub async fn check_with<W>(
    request: &Request,
    progress: Arc<dyn Progress>,
    stop: impl Future<Output = ()>,
    writer: W,
) -> Result<Run, RunError>
where
    W: Writer<ScenarioWorld, Cli: Default> + writer::Normalized,
{
    let clock = Clock::start();
    let catalogue = Catalogue::built_in().with_own(request.features.as_deref())?;
    let selection = Selection::parse(request.tags.as_deref(), &catalogue)?;
    let blueprint = Blueprint::read(&request.target, &request.flags, &request.allowed, &catalogue, clock.day()).await?;
    let redactor = blueprint.redactor.clone();
    for warning in blueprint.model.warnings() {
        progress.tell(Event::Warning(warning));
    }

    let engine = Engine::connect(RunId::random(), clock, request.access).await?;
    let reaper = request.executable.as_ref().map(|executable| Reaper::start(executable, engine.run())).transpose();
    let reaper = reaper.map_err(RunError::Reaper)?;
    let say = |phase: &str| progress.tell(Event::Phase(phase));
    for dead in engine.sweep().await? {
        say(&format!("removed what was left of a dead run: {dead}"));
    }
    let on_bench = async {
        let notes = blueprint.changes.clone();
        let jobs = if blueprint.is_serial { Some(1) } else { request.jobs };
        if let Target::Image(ImageStack { archive: Some(archive), image, .. }) = &request.target {
            say(&format!("loading {}", archive.display()));
            load(&engine, archive, image).await?;
        }
        let mut bench = Bench::set_up(engine.clone(), blueprint, &say).await?;
        bench.scan = request.scan.clone();
        // The try-out may still find a liveness path: what asks for one is counted in.
        let undecided = Contract { liveness: Some(String::new()), ..bench.contract.clone() };
        let mut copies = 1;
        if Plan::new(&catalogue, &selection, bench.known(&undecided, request.slow)).starts_something() || request.explain {
            say("starting the stack once, undisturbed");
            copies = bench.try_out().await?;
        }
        progress.tell(Event::Contract(&bench.draft));
        let plan = Arc::new(if request.explain {
            Plan::default()
        } else {
            Plan::new(&catalogue, &selection, bench.known(&bench.contract, request.slow))
        });
        let bench = Arc::new(bench);
        if plan.runs() > 0 {
            progress.tell(Event::ChecksStarted { count: plan.runs() });
        }
        let checks = runner::run(Arc::clone(&bench), plan, jobs.unwrap_or(copies), Arc::clone(&progress), writer).await;
        Ok(record(&bench, &notes, checks))
    };
    let outcome = tokio::select! {
        outcome = AssertUnwindSafe(on_bench).catch_unwind() => {
            outcome.unwrap_or_else(|_| Err(RunError::Defect { message: "a panic while the checks ran".into() }))
        }
        () = stop => Err(RunError::Interrupted),
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

fn record(bench: &Bench, notes: &[String], checks: Vec<CheckRecord>) -> Run {
    let notes = notes.iter().map(|note| bench.redactor.redact(note)).collect();
    let clock = bench.engine.clock();
    let subject = Subject {
        stack: bench.model.file().path().display().to_string(),
        files: sources::of(bench),
        image: bench.app_image.clone(),
        run: bench.engine.run().to_string(),
        started_at: OffsetDateTime::from(clock.started_at()).truncate_to_second().format(&Rfc3339).unwrap_or_default(),
        duration: clock.now(),
    };
    let tool = Tool { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() };
    Run { format_version: FORMAT_VERSION, tool, subject, contract: bench.contract.clone(), notes, checks }
}

impl RunError {
    /// The error and its causes, on one line.
    #[must_use]
    pub fn describe(&self) -> String {
        with_causes(self)
    }
}
