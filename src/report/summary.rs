//! The first screen: the verdict, what is to be fixed, what was not measured, and where there is more. Some twelve lines, whatever the
//! number of checks.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use anstyle::{AnsiColor, Color, Style};

use super::look::{Detail, Look, printable, wrap};
use super::outcome;
use crate::judge::seconds;
use crate::model::{Cause, CheckRecord, Conclusion, Run, Severity, Verdict};

/// How many lines causes may take, before each is cut to one.
const ROOM: usize = 18;
/// How far causes are indented, and what goes on below them.
const INDENT: usize = 2;
const DEEPER: usize = 6;

/// What a run comes to, on one screen. `command` is what the user ran.
#[must_use]
pub(super) fn summarise(run: &Run, command: &str, look: Look) -> String {
    let mut text = String::new();
    let _ = Summary { run, command, look }.write(&mut text);
    text
}

/// What a run comes to, in a few words.
#[must_use]
pub(super) fn headline(run: &Run) -> &'static str {
    match run.conclusion() {
        Conclusion::CouldNotRun => "No verdict",
        Conclusion::Failed => "Not ready for production",
        Conclusion::NothingRan => "Nothing ran",
        Conclusion::Passed if run.counts().failed > 0 => "Ready, with findings that should be fixed",
        Conclusion::Passed => "Ready, as far as was checked",
    }
}

struct Summary<'a> {
    run: &'a Run,
    command: &'a str,
    look: Look,
}

impl Summary<'_> {
    fn write(&self, text: &mut String) -> fmt::Result {
        let Self { run, look, .. } = self;
        let colour = match run.conclusion() {
            Conclusion::Passed => AnsiColor::Green,
            Conclusion::Failed => AnsiColor::Red,
            Conclusion::CouldNotRun | Conclusion::NothingRan => AnsiColor::Magenta,
        };
        let verdict = format!("{}: {}", headline(run), printable(&run.subject.stack));
        writeln!(text, "{}", look.paint(bold(colour), verdict))?;
        self.line(text, 0, &self.counts())?;
        if run.counts().ran() == 0 {
            text.push_str("nothing ran: no selected check applies to this stack\n");
        }
        self.causes(text)?;
        self.others(text)?;
        if look.detail > Detail::Quiet {
            self.unmeasured(text)?;
            self.more(text)?;
        }
        Ok(())
    }

    fn counts(&self) -> String {
        let counts = self.run.counts();
        let parts = [
            (counts.passed, "passed"),
            (counts.failed, "failed"),
            (counts.blocked, "blocked"),
            (counts.could_not_run, "could not run"),
            (counts.waived, "waived"),
        ];
        let told: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let checks = if counts.ran() == 1 { "check" } else { "checks" };
        let told = if told.is_empty() { String::new() } else { format!(": {}", told.join(", ")) };
        format!(
            "{} {checks} of `{}` in {}{told}; {} not applicable",
            counts.ran(),
            self.run.contract.app,
            seconds(self.run.subject.duration),
            counts.not_applicable
        )
    }

    fn causes(&self, text: &mut String) -> fmt::Result {
        let causes = &self.run.causes;
        let of = |severity| causes.iter().filter(move |cause| cause.severity == severity);
        let must = of(Severity::Must).count();
        let lines = if causes.len() + must <= ROOM { 2 } else { 1 };
        for (severity, heading, colour) in
            [(Severity::Must, "must be fixed", AnsiColor::Red), (Severity::Should, "should be fixed", AnsiColor::Yellow)]
        {
            let count = of(severity).count();
            if count > 0 {
                writeln!(text, "{}", self.look.paint(bold(colour), format!("{heading} ({count})")))?;
            }
            for cause in of(severity) {
                self.cause(text, cause, if severity == Severity::Must { lines } else { 1 })?;
            }
        }
        Ok(())
    }

    /// A cause, in so many lines.
    fn cause(&self, text: &mut String, cause: &Cause, lines: usize) -> fmt::Result {
        let place = cause.places.first().map(|place| format!(" ({}:{})", place.file, place.line)).unwrap_or_default();
        let others = match (cause.also_failed.len(), cause.blocked.len()) {
            (0, 0) => String::new(),
            (failed, 0) => format!(" and {failed} more"),
            (0, blocked) => format!(", blocks {blocked}"),
            (failed, blocked) => format!(" and {failed} more, blocks {blocked}"),
        };
        let (check, evidence) = (&cause.check, printable(&cause.evidence));
        match (&cause.headline, lines) {
            (Some(headline), 1) => self.cut(text, &format!("{headline} ({check}{others}): {evidence}{place}"), 1),
            (Some(headline), _) => {
                self.cut(text, &format!("{headline} ({check}{others})"), 1)?;
                let line = fitted(&format!("{evidence}{place}"), self.look.prose_width().saturating_sub(DEEPER));
                writeln!(text, "{:DEEPER$}{line}", "")
            }
            (None, lines) => self.cut(text, &format!("{check}{others}: {evidence}{place}"), lines),
        }
    }

    /// Checks that failed and are waived, that could not run, and that are blocked while no other check says why.
    fn others(&self, text: &mut String) -> fmt::Result {
        let checks = &self.run.checks;
        let of = |verdict| checks.iter().filter(move |check| check.verdict == verdict);
        let mut reasons: Vec<(&CheckRecord, usize)> = vec![];
        for check in of(Verdict::CouldNotRun) {
            match reasons.iter_mut().find(|(first, _)| first.reason == check.reason) {
                Some((_, others)) => *others += 1,
                None => reasons.push((check, 0)),
            }
        }
        if !reasons.is_empty() {
            writeln!(text, "{}", self.look.paint(bold(AnsiColor::Magenta), "could not run"))?;
        }
        for (check, others) in reasons {
            let others = if others > 0 { format!(" and {others} more") } else { String::new() };
            let reason = check.reason.as_deref().unwrap_or_default();
            for line in wrap(&printable(&format!("{}{others}: {reason}", check.name())), INDENT, DEEPER, self.look.prose_width())
            {
                writeln!(text, "{:INDENT$}{line}", "")?;
            }
        }
        let alone: Vec<&CheckRecord> = of(Verdict::Blocked).filter(|check| check.blocked_by.is_none()).collect();
        if !alone.is_empty() {
            writeln!(text, "{}", self.look.paint(bold(AnsiColor::Yellow), "could not be judged"))?;
        }
        for check in alone {
            let seen = check.finding.as_ref().map(|finding| finding.seen.as_str()).unwrap_or_default();
            self.cut(text, &printable(&format!("{}: {seen}", check.name())), 1)?;
        }
        for check in of(Verdict::Waived) {
            let reason = outcome(check).first().map(|(_, reason)| *reason).unwrap_or_default();
            self.cut(text, &printable(&format!("waived: {}: {reason}", check.name())), 1)?;
        }
        Ok(())
    }

    /// What was not measured and which flag would change that.
    fn unmeasured(&self, text: &mut String) -> fmt::Result {
        let mut flags: BTreeMap<&str, usize> = BTreeMap::new();
        for check in self.run.checks.iter().filter(|check| check.verdict == Verdict::NotApplicable) {
            if let Some(flag) = &check.flag {
                *flags.entry(flag).or_default() += 1;
            }
        }
        let told: Vec<String> = flags.iter().map(|(flag, count)| format!("{flag} adds {count}")).collect();
        if told.is_empty() { Ok(()) } else { self.line(text, DEEPER, &format!("not measured: {}", told.join(", "))) }
    }

    fn more(&self, text: &mut String) -> fmt::Result {
        let first = self.run.causes.first().map_or("ID", |cause| cause.check.split('[').next().unwrap_or_default());
        if self.look.detail < Detail::Verbose {
            let whole = "--verbose shows every check with its timeline, --html FILE writes it as a page";
            let explain = format!("seaworthy explain {first}");
            self.line(text, DEEPER, &format!("{whole}; `{explain}` says why it matters and how to fix it"))?;
        }
        if self.run.causes.is_empty() {
            Ok(())
        } else {
            self.line(text, DEEPER, &format!("again: {} --tags @{first}", self.command))
        }
    }

    /// Text that is cut after so many lines.
    fn cut(&self, text: &mut String, told: &str, lines: usize) -> fmt::Result {
        let width = self.look.prose_width();
        let wrapped = wrap(told, INDENT, DEEPER, width);
        if wrapped.len() <= lines {
            return wrapped.iter().try_for_each(|line| writeln!(text, "{:INDENT$}{line}", ""));
        }
        let (whole, rest) = wrapped.split_at(lines - 1);
        for line in whole {
            writeln!(text, "{:INDENT$}{line}", "")?;
        }
        let rest = rest.iter().map(|line| line.trim_start()).collect::<Vec<_>>().join(" ");
        let indent = if lines > 1 { DEEPER } else { 0 };
        writeln!(text, "{:INDENT$}{:indent$}{}", "", "", fitted(&rest, width - INDENT - indent))
    }

    fn line(&self, text: &mut String, indent: usize, told: &str) -> fmt::Result {
        wrap(told, 0, indent, self.look.prose_width()).iter().try_for_each(|line| writeln!(text, "{line}"))
    }
}

fn bold(colour: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(Color::Ansi(colour)))
}

/// The beginning of a text that fits.
fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}
