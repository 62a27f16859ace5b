//! The report for people: one line per check, and for each failure what was expected, what was seen, what happened when, the
//! last log lines, how to fix it and how to run it again.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};

use super::lanes::draw;
use super::look::{Detail, Look, NARROWEST, printable, wrap};
use super::moments::{Told, tell};
use super::proof::describe_proof;
use super::summary::summarise;
use super::{outcome, selection};
use crate::judge::{seconds, used};
use crate::model::Verdict;
use crate::model::last_log_lines;
use crate::model::{CheckRecord, Run};

/// How many of the app's last log lines a failure shows.
const LOG_LINES: usize = 8;
/// Where the title of a check begins.
const TITLE: usize = 43;
/// Below its title a check goes on where so much room is left, else with a small indent.
const LEAST_PROSE: usize = 30;
const INDENT: usize = 8;

/// One line: verdict, name, title, time, and what the app used where that was measured. Where the terminal is too narrow for it, it goes on
/// below the title.
fn check_line(check: &CheckRecord, used: Option<&str>, look: Look) -> String {
    let (word, colour) = match check.verdict {
        Verdict::Passed => ("passed", AnsiColor::Green),
        Verdict::Failed => ("FAILED", AnsiColor::Red),
        Verdict::NotApplicable => ("n/a", AnsiColor::BrightBlack),
        Verdict::Waived => ("waived", AnsiColor::Yellow),
        Verdict::CouldNotRun => ("ERROR", AnsiColor::Magenta),
        Verdict::Blocked => ("blocked", AnsiColor::Yellow),
    };
    let after = match check.verdict {
        Verdict::NotApplicable => check.reason.clone().unwrap_or_default(),
        Verdict::Blocked => check.blocked_by.as_ref().map_or_else(|| seconds(check.duration), |other| format!("see {other}")),
        _ => [Some(seconds(check.duration)), used.map(str::to_owned)].into_iter().flatten().collect::<Vec<_>>().join("; "),
    };
    let style = if check.verdict == Verdict::Failed { Style::new().bold() } else { Style::new() };
    let word = look.paint(style.fg_color(Some(colour.into())), format!("{word:<7}"));
    let said = format!("{} ({after})", printable(&check.title));
    let name = check.name();
    match look.width {
        None => format!("{word} {name:<34} {said}"),
        // A name that reaches into the title moves it.
        Some(width) => {
            let begins = TITLE.max(name.len() + 9);
            let indent = if begins + LEAST_PROSE <= width { begins } else { INDENT };
            let lines = wrap(&said, begins, indent, width.max(NARROWEST));
            format!("{word} {name:<34} {}", lines.join("\n"))
        }
    }
}

/// All that is to be said once every check is made: each of them, and what did not pass at length, where everything is to be shown; and the
/// first screen. Of a run that was to prove something: what it proved. `command` is what the user ran, without a selection of checks and, where
/// there are several, of apps.
#[must_use]
pub fn describe(run: &Run, command: &str, look: Look) -> String {
    if !run.proof.is_empty() {
        return describe_proof(run, look);
    }
    let mut text = String::new();
    if look.detail == Detail::Verbose {
        details(&mut text, run, command, look);
        text.push('\n');
    }
    text.push_str(&summarise(run, look));
    text
}

/// Every check, and what did not pass at length.
fn details(text: &mut String, run: &Run, command: &str, look: Look) {
    for check in &run.checks {
        let _ = writeln!(text, "{}", check_line(check, used(run.timeline(check)).as_deref(), look));
    }
    for (index, check) in run.checks.iter().enumerate() {
        let is_told = run.checks[..index].iter().any(|earlier| could_not_run_for_the_same(earlier, check));
        if !is_told && matches!(check.verdict, Verdict::Failed | Verdict::Blocked | Verdict::Waived | Verdict::CouldNotRun) {
            let others = run.checks[index + 1..].iter().filter(|later| could_not_run_for_the_same(check, later));
            let others: Vec<String> = others.map(CheckRecord::name).collect();
            let _ = Failure { run, check, others: &others, command, look }.write(text);
        }
    }
}

/// Whether two checks could not run because their experiment could not: the reason is told once.
fn could_not_run_for_the_same(one: &CheckRecord, other: &CheckRecord) -> bool {
    let could_not = |check: &CheckRecord| check.verdict == Verdict::CouldNotRun && check.experiment.is_some();
    could_not(one) && could_not(other) && one.experiment == other.experiment && one.reason == other.reason
}

/// A check that did not pass, told at length.
struct Failure<'a> {
    run: &'a Run,
    check: &'a CheckRecord,
    /// The checks that did not pass for the same reason.
    others: &'a [String],
    command: &'a str,
    look: Look,
}

impl Failure<'_> {
    fn write(&self, text: &mut String) -> fmt::Result {
        let Self { run, check, others, command, look } = self;
        let heading = format!("{} ({}): {}", check.name(), check.severity.word(), printable(&check.title));
        writeln!(text, "\n{}", look.paint(Style::new().bold(), heading))?;
        for (label, told) in outcome(check) {
            let label = if label.is_empty() { String::new() } else { format!("{label}: ") };
            look.prose(text, &label, told)?;
        }
        if !others.is_empty() {
            look.prose(text, "so could not run either: ", &others.join(", "))?;
        }
        for place in check.places() {
            writeln!(text, "  {} {}:{}", look.label("at:"), printable(&place.file), place.line)?;
        }
        let seen = run.seen_by(check);
        if let Some(told) = draw(&seen).and_then(|drawing| tell(&drawing)) {
            self.timeline(text, &told)?;
        }
        let app = &run.contract(check).app;
        let lines = last_log_lines(&seen, app, LOG_LINES);
        if !lines.is_empty() {
            writeln!(text, "  {}", look.label(&format!("the last log lines of `{app}`:")))?;
            for line in lines {
                writeln!(text, "    | {}", printable(&line))?;
            }
        }
        look.prose(text, "why: ", &check.why)?;
        look.prose(text, "to fix: ", &check.fix)?;
        writeln!(text, "  {} {command} {}", look.label("again:"), selection(check))
    }

    fn timeline(&self, text: &mut String, told: &Told) -> fmt::Result {
        let heading = format!("timeline, in seconds from: {}", printable(&told.zero));
        writeln!(text, "  {}", self.look.label(&heading))?;
        for (at, what) in &told.lines {
            let lines = wrap(&printable(what), 14, 14, self.look.prose_width());
            writeln!(text, "    {:>+8.2}  {}", at / 1000.0, lines.join("\n"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ExperimentRecord;

    #[test]
    fn what_a_whole_experiment_could_not_do_is_told_once() {
        let mut run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        let check = |id: &str, experiment, reason: &str| CheckRecord {
            id: id.into(),
            dependency: None,
            verdict: Verdict::CouldNotRun,
            finding: None,
            reason: Some(reason.into()),
            experiment: Some(experiment),
            ..run.checks[0].clone()
        };
        let (same, own) = ("the app does not start", "it was interrupted");
        run.checks = vec![check("a.one", 0, same), check("a.two", 0, same), check("a.three", 0, own), check("b.one", 1, same)];
        run.experiments =
            ["first", "second"].map(|name| ExperimentRecord { app: None, name: name.into(), timeline: vec![] }).to_vec();
        let mut text = String::new();
        details(&mut text, &run, "seaworthy check", Look::default());
        assert_eq!(text.matches(same).count(), 2, "{text}");
        assert!(text.contains("so could not run either: a.two\n"), "{text}");
        assert!(text.contains("\na.three (") && text.contains("\nb.one (") && !text.contains("\na.two ("), "{text}");
    }
}
