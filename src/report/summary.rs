//! The first screen: the verdict, what is to be fixed, what was not measured, and where there is more. Some twelve lines, whatever the
//! number of checks.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::path::Path;

use anstyle::{AnsiColor, Color, Style};

use super::look::{Detail, Look, printable, wrap};
use super::outcome;
use crate::judge::seconds;
use crate::model::{Cause, CheckRecord, Conclusion, Counts, Place, Run, Severity, Verdict, id_in, in_app};

/// How many lines causes may take; each takes one at least.
const ROOM: usize = 16;
/// How many lines a reason why something could not run may take.
const REASON: usize = 4;
/// So few causes may take so many lines each.
const FEW: usize = 4;
const MANY_LINES: usize = 4;
/// How much of a form of readiness is told, in characters: a command may be long.
const FORM: usize = 40;
/// How far causes are indented, and what goes on below them.
const INDENT: usize = 2;
const DEEPER: usize = 6;

/// What a run comes to, on one screen.
#[must_use]
pub(super) fn summarise(run: &Run, look: Look) -> String {
    let mut text = String::new();
    let _ = Summary { run, look }.write(&mut text);
    text
}

/// What a run comes to, in a few words.
#[must_use]
pub(super) fn headline(run: &Run) -> &'static str {
    in_words(run.conclusion(), run.counts())
}

fn in_words(conclusion: Conclusion, counts: Counts) -> &'static str {
    match conclusion {
        Conclusion::CouldNotRun => "No verdict",
        Conclusion::Failed => "Not ready for production",
        Conclusion::NothingRan if counts.blocked > 0 => "Nothing could be judged",
        Conclusion::NothingRan => "Nothing ran",
        Conclusion::Passed if counts.failed > 0 => "Ready, with findings that should be fixed",
        Conclusion::Passed => "Ready, as far as was checked",
    }
}

/// What a run comes to for one of several apps, with the counts of its checks.
#[must_use]
pub(super) fn of_app(run: &Run, app: Option<&str>) -> String {
    let counts = Counts::of(run.checks_of(app));
    let told = in_app(app, in_words(run.conclusion_of(app), counts));
    let counts = counted(counts);
    if counts.is_empty() { told } else { format!("{told} ({counts})") }
}

fn colour(conclusion: Conclusion) -> AnsiColor {
    match conclusion {
        Conclusion::Passed => AnsiColor::Green,
        Conclusion::Failed => AnsiColor::Red,
        Conclusion::CouldNotRun | Conclusion::NothingRan => AnsiColor::Magenta,
    }
}

/// How many checks that ran had each outcome.
fn counted(counts: Counts) -> String {
    let parts = [
        (counts.passed, "passed"),
        (counts.failed, "failed"),
        (counts.blocked, "blocked"),
        (counts.could_not_run, "could not run"),
        (counts.waived, "waived"),
    ];
    let told = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    told.collect::<Vec<_>>().join(", ")
}

struct Summary<'a> {
    run: &'a Run,
    look: Look,
}

impl Summary<'_> {
    fn write(&self, text: &mut String) -> fmt::Result {
        let Self { run, look, .. } = self;
        let verdict = format!("{}: {}", headline(run), printable(&run.subject.stack));
        writeln!(text, "{}", look.paint(bold(colour(run.conclusion())), verdict))?;
        self.line(text, 0, &self.counts())?;
        if run.counts().ran() == 0 {
            text.push_str("nothing ran: no selected check applies to this stack\n");
        }
        // What is left of the room goes to the first ones, a line each.
        let mut room = ROOM.saturating_sub(run.causes.len() + run.apps.several().len());
        for app in run.apps.labels() {
            if app.is_some() {
                let told = fitted(&of_app(run, app), look.prose_width());
                writeln!(text, "{}", look.paint(bold(colour(run.conclusion_of(app))), told))?;
            }
            self.causes(text, app, &mut room)?;
            self.others(text, app)?;
        }
        if look.detail > Detail::Quiet {
            self.unmeasured(text)?;
            self.more(text)?;
        }
        Ok(())
    }

    fn counts(&self) -> String {
        let counts = self.run.counts();
        let told = counted(counts);
        let checks = if counts.ran() == 1 { "check" } else { "checks" };
        let told = if told.is_empty() { String::new() } else { format!(": {told}") };
        // Whoever reads that readiness is wrong asks where that was read.
        let form = self.run.apps.contract(None).map(|contract| contract.readiness.to_string());
        let readiness = form.map(|form| format!(" (readiness: {})", printable(&fitted(&form, FORM))));
        let readiness = readiness.unwrap_or_default();
        format!(
            "{} {checks} of {}{readiness} in {}{told}; {} not applicable",
            counts.ran(),
            self.run.apps.in_words(),
            seconds(self.run.subject.duration),
            counts.not_applicable
        )
    }

    fn causes(&self, text: &mut String, app: Option<&str>, room: &mut usize) -> fmt::Result {
        let causes = &self.run.causes;
        let of = |severity| causes.iter().filter(move |cause| cause.severity == severity && cause.app.as_deref() == app);
        for (severity, heading, colour) in
            [(Severity::Must, "must be fixed", AnsiColor::Red), (Severity::Should, "should be fixed", AnsiColor::Yellow)]
        {
            let count = of(severity).count();
            if count > 0 {
                writeln!(text, "{}", self.look.paint(bold(colour), format!("{heading} ({count})")))?;
            }
            for cause in of(severity) {
                let lines = if causes.len() <= FEW {
                    MANY_LINES
                } else if severity == Severity::Must && *room > 0 {
                    *room -= 1;
                    2
                } else {
                    1
                };
                self.cause(text, cause, lines)?;
            }
        }
        Ok(())
    }

    /// A cause, in so many lines.
    fn cause(&self, text: &mut String, cause: &Cause, lines: usize) -> fmt::Result {
        let others = match (cause.also_failed.len(), cause.blocked.len()) {
            (0, 0) => String::new(),
            (failed, 0) => format!(" +{failed} more"),
            (0, blocked) => format!(", blocks {blocked}"),
            (failed, blocked) => format!(" +{failed} more, blocks {blocked}"),
        };
        // Files are named as from the stack's own folder, as the headline of the screen names that.
        let folder = format!("{}/", self.run.subject.stack.trim_end_matches('/'));
        let (check, evidence) = (&cause.check, printable(&cause.evidence.replace(&folder, "")));
        let place = cause.places.first().map(|place| self.place(place)).filter(|place| !evidence.contains(place));
        let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
        match (&cause.headline, lines) {
            (Some(headline), 1) => self.cut(text, &format!("{headline} ({check}{others}): {evidence}{place}"), INDENT, 1),
            (Some(headline), _) => {
                self.cut(text, &format!("{headline} ({check}{others})"), INDENT, 1)?;
                self.cut(text, &format!("{evidence}{place}"), DEEPER, lines - 1)
            }
            (None, lines) => self.cut(text, &format!("{check}{others}: {evidence}{place}"), INDENT, lines),
        }
    }

    /// A line of a file, as from the stack's own folder where it lies there.
    fn place(&self, place: &Place) -> String {
        let file = Path::new(&place.file);
        let is_there = file.parent().is_some_and(|parent| Path::new(&self.run.subject.stack).ends_with(parent));
        let name = file.file_name().filter(|_| is_there).map(|name| name.to_string_lossy());
        format!("{}:{}", name.unwrap_or_else(|| place.file.as_str().into()), place.line)
    }

    /// Checks that failed and are waived, that could not run, and that are blocked while no other check says why.
    fn others(&self, text: &mut String, app: Option<&str>) -> fmt::Result {
        let of = |verdict| self.run.checks_of(app).filter(move |check| check.verdict == verdict);
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
            self.cut(text, &printable(&format!("{}{others}: {reason}", check.name())), INDENT, REASON)?;
        }
        let alone: Vec<&CheckRecord> = of(Verdict::Blocked).filter(|check| check.blocked_by.is_none()).collect();
        if !alone.is_empty() {
            writeln!(text, "{}", self.look.paint(bold(AnsiColor::Yellow), "could not be judged"))?;
        }
        for check in alone {
            let seen = check.finding.as_ref().map(|finding| finding.seen.as_str()).unwrap_or_default();
            self.cut(text, &printable(&format!("{}: {seen}", check.name())), INDENT, 1)?;
        }
        for check in of(Verdict::Waived) {
            let reason = outcome(check).first().map(|(_, reason)| *reason).unwrap_or_default();
            self.cut(text, &printable(&format!("waived: {}: {reason}", check.name())), INDENT, 1)?;
        }
        Ok(())
    }

    /// What was not measured and which flag would change that.
    fn unmeasured(&self, text: &mut String) -> fmt::Result {
        let mut flags: BTreeMap<String, usize> = BTreeMap::new();
        for check in self.run.checks.iter().filter(|check| check.verdict == Verdict::NotApplicable) {
            if let Some(flag) = &check.flag {
                *flags.entry(in_app(check.app.as_deref(), flag)).or_default() += 1;
            }
        }
        let told: Vec<String> = flags.iter().map(|(flag, count)| format!("{flag} adds {count}")).collect();
        if told.is_empty() { Ok(()) } else { self.line(text, DEEPER, &format!("not measured: {}", told.join(", "))) }
    }

    fn more(&self, text: &mut String) -> fmt::Result {
        if self.look.detail == Detail::Verbose {
            return Ok(());
        }
        self.line(text, DEEPER, "every check, with its timeline: --verbose, or --html FILE")?;
        match self.run.causes.first() {
            Some(cause) => self.line(text, DEEPER, &format!("why, and how to fix it: seaworthy explain {}", id_in(&cause.check))),
            None => Ok(()),
        }
    }

    /// Text with an indent, that is cut after so many lines. What goes on is indented more.
    fn cut(&self, text: &mut String, told: &str, indent: usize, lines: usize) -> fmt::Result {
        let width = self.look.prose_width();
        let mut wrapped = wrap(told, indent, DEEPER, width);
        if wrapped.len() > lines {
            let rest: Vec<&str> = wrapped[lines - 1..].iter().map(|line| line.trim_start()).collect();
            // The first line gets its indent below.
            let (within, taken) = if lines > 1 { (DEEPER, DEEPER) } else { (0, indent) };
            let last = format!("{:within$}{}", "", fitted(&rest.join(" "), width - taken));
            wrapped.truncate(lines - 1);
            wrapped.push(last);
        }
        for (index, line) in wrapped.iter().enumerate() {
            let indent = if index == 0 { indent } else { 0 };
            writeln!(text, "{:indent$}{line}", "")?;
        }
        Ok(())
    }

    fn line(&self, text: &mut String, indent: usize, told: &str) -> fmt::Result {
        wrap(told, 0, indent, self.look.prose_width()).iter().try_for_each(|line| writeln!(text, "{line}"))
    }
}

pub(super) fn bold(colour: AnsiColor) -> Style {
    Style::new().bold().fg_color(Some(Color::Ansi(colour)))
}

/// The beginning of a text that fits.
pub(super) fn fitted(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(headline: Option<&str>, severity: Severity) -> Cause {
        Cause {
            app: None,
            headline: headline.map(str::to_owned),
            defect: None,
            severity,
            check: "shutdown.in-time".into(),
            evidence: "SIGTERM did not end it within 10.0 s: stopped by SIGKILL after 10.5 s; its first process is a shell, `sh`"
                .into(),
            fix: "use the exec form".into(),
            places: vec![],
            also_failed: vec!["shutdown.reaches-app".into()],
            blocked: vec!["shutdown.status".into(), "logging.last-words".into()],
        }
    }

    fn summarised(causes: Vec<Cause>) -> Vec<String> {
        let mut run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        run.causes = causes;
        let look = Look { width: Some(80), ..Look::default() };
        summarise(&run, look).lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_run_with_many_causes_fits_on_a_screen() {
        let of = |severity, count| vec![cause(Some("The stop signal does not end the app"), severity); count];
        for (must, should) in [(1, 0), (2, 2), (4, 6), (9, 5), (14, 0)] {
            let lines = summarised([of(Severity::Must, must), of(Severity::Should, should)].concat());
            assert!(lines.len() <= 25, "{must} and {should} take {} lines:\n{}", lines.len(), lines.join("\n"));
            assert!(lines.iter().all(|line| line.chars().count() <= 80), "{}", lines.join("\n"));
        }
    }

    #[test]
    fn a_cause_says_what_it_explains_and_how_it_was_seen() {
        let lines = summarised(vec![cause(Some("The stop signal does not end the app"), Severity::Must)]);
        let at = lines.iter().position(|line| line == "must be fixed (1)").expect("a heading");
        assert_eq!(
            lines[at + 1..at + 4],
            [
                "  The stop signal does not end the app (shutdown.in-time +1 more, blocks 2)",
                "      SIGTERM did not end it within 10.0 s: stopped by SIGKILL after 10.5 s; its",
                "      first process is a shell, `sh`",
            ]
        );
        let own = summarised(vec![cause(None, Severity::Should)]);
        assert!(own.iter().any(|line| line.starts_with("  shutdown.in-time +1 more, blocks 2: SIGTERM did")), "{own:?}");
    }
}
