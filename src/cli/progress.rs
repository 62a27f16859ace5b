//! What a run says while it is under way: what it does on standard error, each finished check on standard output. In a terminal
//! the experiments that run are shown below that, each with what it waits for.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::check::explain;
use super::screen::{live, note, say};
use crate::judge::seconds;
use crate::model::Verdict;
use crate::report::{Detail, Look};
use crate::suite::{Event, Progress};

/// How often a line that changes is drawn again.
const TICK: Duration = Duration::from_millis(100);

/// Writes a line for every event that matters.
#[derive(Debug)]
pub(super) struct Lines {
    look: Look,
    /// Whether the contract is to be shown.
    explains: bool,
    live: Option<Mutex<Live>>,
}

/// The lines that change.
#[derive(Debug, Default)]
struct Live {
    phase: Option<(ProgressBar, String)>,
    experiments: HashMap<String, ProgressBar>,
    sum: Option<ProgressBar>,
    total: usize,
    done: usize,
    failed: usize,
}

impl Lines {
    /// Tells as much as `look` says.
    pub(super) fn new(look: Look, explains: bool) -> Self {
        let is_live = look.detail > Detail::Quiet && !live().is_hidden();
        Self { look, explains, live: is_live.then(Mutex::default) }
    }

    /// Takes away the lines that change.
    pub(super) fn end(&self) {
        if let Some(mut live) = self.live() {
            live.end_phase();
            live.experiments.drain().for_each(|(_, line)| line.finish_and_clear());
            live.sum.take().inspect(ProgressBar::finish_and_clear);
        }
    }

    fn live(&self) -> Option<MutexGuard<'_, Live>> {
        self.live.as_ref().map(|live| live.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn started(&self, name: &str, what: &str) {
        match self.live() {
            Some(mut live) => live.begin(name),
            None if self.look.detail == Detail::Verbose => note(&format!("started {name:<34} {what}")),
            None => {}
        }
    }

    fn step(&self, name: &str, step: &str) {
        if self.look.detail == Detail::Verbose {
            note(&format!("        {name:<34} {step}"));
        }
        if let Some(live) = self.live() {
            live.experiments.get(name).inspect(|line| line.set_message(step.to_owned()));
        }
    }
}

impl Progress for Lines {
    fn tell(&self, event: Event<'_>) {
        let is_quiet = self.look.detail == Detail::Quiet;
        match event {
            Event::Warning(what) => note(&format!("warning: {what}")),
            Event::DoesNotStart(error) => explain(error),
            Event::Contracts(drafts) if self.explains => {
                say(&drafts.iter().map(|draft| draft.explain()).collect::<Vec<_>>().join("\n\n"));
            }
            _ if is_quiet => {}
            Event::Phase(what) => match self.live() {
                Some(mut live) => live.phase(what),
                None => note(&format!("… {what}")),
            },
            Event::ChecksStarted { count } => match self.live() {
                Some(mut live) => live.checks(count),
                None => note(&format!("… running {count} check{}", if count == 1 { "" } else { "s" })),
            },
            Event::ExperimentStarted { name, what } => self.started(name, what),
            Event::StepStarted { name, step } => self.step(name, step),
            Event::ExperimentEnded { name } => {
                if let Some(mut live) = self.live() {
                    live.end(name);
                }
            }
            Event::CheckFinished(check) => {
                if let Some(mut live) = self.live() {
                    live.finish(check.verdict);
                }
            }
            Event::Contracts(_) => {}
        }
    }
}

impl Live {
    fn phase(&mut self, what: &str) {
        self.end_phase();
        self.phase = Some((line("", what), what.to_owned()));
    }

    /// A phase that is over stays as a line that says how long it took.
    fn end_phase(&mut self) {
        if let Some((line, what)) = self.phase.take() {
            let took = line.elapsed();
            line.finish_and_clear();
            note(&format!("… {what} ({})", seconds(took)));
        }
    }

    fn checks(&mut self, total: usize) {
        self.end_phase();
        self.sum.take().inspect(ProgressBar::finish_and_clear);
        (self.total, self.done, self.failed) = (total, 0, 0);
        self.sum = Some(line("", ""));
        self.say_sum();
    }

    fn begin(&mut self, name: &str) {
        self.experiments.insert(name.to_owned(), line(name, ""));
    }

    fn end(&mut self, name: &str) {
        self.experiments.remove(name).inspect(ProgressBar::finish_and_clear);
    }

    fn finish(&mut self, verdict: Verdict) {
        self.done += 1;
        self.failed += usize::from(matches!(verdict, Verdict::Failed | Verdict::CouldNotRun));
        self.say_sum();
    }

    fn say_sum(&self) {
        let failed = if self.failed > 0 { format!(", {} did not pass", self.failed) } else { String::new() };
        let sum = format!("{} of {} checks done{failed}", self.done, self.total);
        self.sum.iter().for_each(|line| line.set_message(sum.clone()));
    }
}

/// A line that says since when, and what.
fn line(name: &str, what: &str) -> ProgressBar {
    let template =
        if name.is_empty() { "{spinner} {since:>6}  {wide_msg}" } else { "{spinner} {since:>6}  {prefix:<34!} {wide_msg}" };
    let since = |state: &ProgressState, text: &mut dyn Write| {
        let _ = write!(text, "{:.0} s", state.elapsed().as_secs_f64().floor());
    };
    let style = match ProgressStyle::with_template(template) {
        Ok(style) => style.with_key("since", since),
        Err(error) => unreachable!("the template of a line: {error}"),
    };
    let line =
        live().add(ProgressBar::new_spinner()).with_style(style).with_prefix(name.to_owned()).with_message(what.to_owned());
    line.enable_steady_tick(TICK);
    line
}
