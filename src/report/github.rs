//! What GitHub Actions shows of a run: annotations, which are lines on standard output (workflow commands), and the summary of a
//! job, which is a file of Markdown. Rules: "Workflow commands for GitHub Actions".

use std::fmt::Write;

use maud::html;

use super::summary::of_app;
use super::{message, outcome, word};
use crate::judge::seconds;
use crate::model::Verdict;
use crate::model::{CheckRecord, Run, Severity};

/// An annotation for every check that did not pass, a line each; with its place where there is one. Empty when all passed.
#[must_use]
pub fn to_annotations(run: &Run) -> String {
    let mut text = String::new();
    for check in &run.checks {
        let level = match (check.verdict, check.severity) {
            (Verdict::Failed, Severity::Must) | (Verdict::CouldNotRun, _) => "error",
            (Verdict::Failed, Severity::Should) => "warning",
            (Verdict::Waived, _) => "notice",
            (Verdict::Passed | Verdict::NotApplicable | Verdict::Blocked, _) => continue,
        };
        let places = if check.places().is_empty() { vec![None] } else { check.places().iter().map(Some).collect() };
        for place in places {
            let place = place.map(|place| format!("file={},line={},", property(&place.file), place.line)).unwrap_or_default();
            let title = property(&format!("{}: {}", check.name(), check.title));
            let _ = writeln!(
                text,
                "::{level} {place}title={title}::{}",
                data(&format!("{}\nto fix: {}", message(check, "\n"), check.fix))
            );
        }
    }
    text
}

/// The value of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// The summary of a job, as HTML, which Markdown takes as it is. Without line breaks, because an empty line ends it.
#[must_use]
pub fn to_job_summary(run: &Run) -> String {
    let counts = run.counts();
    let others = [Verdict::CouldNotRun, Verdict::Waived];
    let others: Vec<&CheckRecord> = run.checks.iter().filter(|check| others.contains(&check.verdict)).collect();
    let page = html! {
        h3 { "Seaworthy: " (run.subject.stack) }
        p {
            b { (counts.passed) " passed, " (counts.failed) " failed, " (counts.blocked) " blocked, " (counts.could_not_run) " could not run, " (counts.waived) " waived" }
            ", " (counts.not_applicable) " not applicable; in " (seconds(run.subject.duration))
        }
        @if !run.apps.several().is_empty() {
            p { @for (place, app) in run.apps.labels().enumerate() { @if place > 0 { br; } (of_app(run, app)) } }
        }
        @if !run.causes.is_empty() || !others.is_empty() {
            table {
                tr { th { "check" } th { "severity" } th { "what was seen" } th { "to fix" } }
                @for cause in &run.causes {
                    tr {
                        td {
                            @if let Some(headline) = &cause.headline { b { (headline) } br; }
                            code { (cause.check) }
                            @for (what, names) in [("failed too: ", &cause.also_failed), ("blocked: ", &cause.blocked)] {
                                @if !names.is_empty() { br; (what) (names.join(", ")) }
                            }
                        }
                        td { (cause.severity.word()) }
                        td { (cause.evidence) @for place in &cause.places { br; code { (place.file) ":" (place.line) } } }
                        td { (cause.fix) }
                    }
                }
                @for check in others {
                    tr {
                        td { code { (check.name()) } br; (check.title) br; i { (word(check.verdict)) } }
                        td { (check.severity.word()) }
                        td {
                            @for (place, (label, told)) in outcome(check).into_iter().enumerate() {
                                @if place > 0 { br; }
                                @if !label.is_empty() { (label) ": " }
                                (told)
                            }
                        }
                        td { (check.fix) }
                    }
                }
            }
        }
    };
    let line: Vec<&str> = page.0.split_whitespace().collect();
    format!("{}\n\n", line.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_meaning_in_a_workflow_command_is_escaped() {
        assert_eq!(data("100%\r\n::warning::x"), "100%25%0D%0A::warning::x");
        assert_eq!(property("a:b,c%"), "a%3Ab%2Cc%25");
    }
}
