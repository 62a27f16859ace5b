//! The report for people: one line per check, and for each failure what was expected, what was seen, the last log lines,
//! how to mend it and how to run it again.

use std::fmt::Write;

use super::severity;
use crate::record::{CheckRecord, Run};
use crate::timeline::last_log_lines;
use crate::verdict::{Verdict, seconds, used};

/// How many of the app's last log lines a failure shows.
const LOG_LINES: usize = 8;
/// How wide prose may get.
const WIDTH: usize = 100;

/// One line: verdict, name, title, time.
#[must_use]
pub fn check_line(check: &CheckRecord) -> String {
    let word = match check.verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "FAILED",
        Verdict::NotApplicable => "n/a",
        Verdict::Waived => "waived",
        Verdict::CouldNotRun => "ERROR",
    };
    let after = match check.verdict {
        Verdict::NotApplicable => check.reason.clone().unwrap_or_default(),
        _ => [Some(seconds(check.duration)), used(&check.timeline)].into_iter().flatten().collect::<Vec<_>>().join("; "),
    };
    format!("{word:<7} {:<34} {} ({after})", check.name(), check.title)
}

/// All that is to be said after the last check: the checks that did not run, the failures, and the sum.
/// `command` is what the user ran, without a selection of checks.
#[must_use]
pub fn describe(run: &Run, command: &str) -> String {
    let mut text = String::new();
    for check in run.checks.iter().filter(|check| check.verdict == Verdict::NotApplicable) {
        let _ = writeln!(text, "{}", check_line(check));
    }
    for check in &run.checks {
        if matches!(check.verdict, Verdict::Failed | Verdict::Waived | Verdict::CouldNotRun) {
            describe_check(&mut text, run, check, command);
        }
    }
    let counts = run.counts();
    let _ = writeln!(
        text,
        "\n{} ran in {}: {} passed, {} failed, {} could not run, {} waived; {} not applicable",
        counts.ran(),
        seconds(run.subject.duration),
        counts.passed,
        counts.failed,
        counts.could_not_run,
        counts.waived,
        counts.not_applicable,
    );
    text
}

fn describe_check(text: &mut String, run: &Run, check: &CheckRecord, command: &str) {
    let _ = writeln!(text, "\n{} ({}): {}", check.name(), severity(check), check.title);
    for part in check.reason.as_deref().unwrap_or_default().split("; seen: ").enumerate() {
        match part {
            (0, reason) => write_wrapped(text, "", reason),
            (_, seen) => write_wrapped(text, "seen: ", seen),
        }
    }
    let lines = last_log_lines(&check.timeline, &run.contract.app, LOG_LINES);
    if !lines.is_empty() {
        let _ = writeln!(text, "  the last log lines of `{}`:", run.contract.app);
        for line in lines {
            let _ = writeln!(text, "    | {}", printable(line));
        }
    }
    write_wrapped(text, "why: ", &check.why);
    write_wrapped(text, "to mend: ", &check.mend);
    let _ = writeln!(text, "  again: {command} --tags @{}", check.id);
}

/// Prose, wrapped and indented.
fn write_wrapped(text: &mut String, label: &str, prose: &str) {
    let mut line = format!("  {label}");
    let mut is_first = true;
    for word in printable(prose).split_whitespace() {
        if line.chars().count() + word.chars().count() > WIDTH && !is_first {
            let _ = writeln!(text, "{}", line.trim_end());
            line = "    ".into();
        }
        let _ = write!(line, "{word} ");
        is_first = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

/// What a container wrote must not steer the user's terminal.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() && character != '\t' { '\u{fffd}' } else { character }).collect()
}
