//! The report as one page: nothing is loaded from anywhere, and what comes from containers stays text.
//!
//! Everything is escaped where it is written, by `maud`. The page's policy (Content Security Policy Level 3) allows the one
//! script and the one style that are its own, by their digests, and nothing else: no network, no other script, and no image but the
//! empty one that keeps a browser from asking for an icon.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::lanes::{draw_shared, draw_turn};
use super::summary::{headline, of_app};
use super::{by_topic, outcome, selection, topic, word};
use crate::judge::{seconds, used};
use crate::model::{Cause, CheckRecord, Fact, Observation, Run, Severity, Verdict, in_app};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");
/// How many log lines of a check are shown from its beginning and from its end.
const FIRST_LINES: usize = 100;
const LAST_LINES: usize = 200;
/// How high the scale of a drawing is, and a row with the gap below it.
const TOP: usize = 22;
const ROW: usize = 28;

/// The run as one self-contained page.
#[must_use]
pub fn to_html(run: &Run) -> String {
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'",
        digest(SCRIPT),
        digest(STYLE)
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(format!("{} {}", run.tool.name, run.tool.version));
                // Without this a browser asks for one.
                link rel="icon" href="data:,";
                title { "Seaworthy: " (run.subject.stack) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (headline(run)) ": " (run.subject.stack) }
                    p.soft {
                        "started " (run.subject.started_at) ", took " (seconds(run.subject.duration))
                        @if let Some(image) = &run.subject.image { ", image " code { (image) } }
                    }
                    @for app in run.apps.several() {
                        p { (of_app(run, Some(&app.contract.app))) span.soft { "; image " code { (app.image) } } }
                    }
                    (counts(run))
                }
                (causes(run))
                (filters(run))
                main { (topics(run)) }
                (experiments(run))
                (about(run))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// The source of a script or style as a policy names it.
fn digest(source: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(source.as_bytes())))
}

fn counts(run: &Run) -> Markup {
    let counts = run.counts();
    html! {
        ul.counts {
            @for (count, what) in [
                (counts.passed, "passed"), (counts.failed, "failed"), (counts.blocked, "blocked"), (counts.could_not_run, "could not run"),
                (counts.waived, "waived"), (counts.not_applicable, "not applicable"),
            ] {
                li { b { (count) } (what) }
            }
        }
    }
}

/// What is to be fixed, each defect once, with the checks that it explains.
fn causes(run: &Run) -> Markup {
    let of = |severity| run.causes.iter().filter(move |cause| cause.severity == severity).collect::<Vec<_>>();
    let groups = [(Severity::Must, "Must be fixed"), (Severity::Should, "Should be fixed")];
    html! {
        @for (heading, causes) in groups.map(|(severity, heading)| (heading, of(severity))) {
            @if !causes.is_empty() {
                section.causes {
                    h2 { (heading) " (" (causes.len()) ")" }
                    ol { @for cause in causes { li { (self::cause(cause)) } } }
                }
            }
        }
    }
}

fn cause(cause: &Cause) -> Markup {
    let link = |name: &String| html! { a href={ "#" (name) } { code { (name) } } };
    html! {
        @if let Some(headline) = &cause.headline { b { (headline) } " " }
        (link(&cause.check)) ": " (cause.evidence)
        @for place in &cause.places { " " code { (place.file) ":" (place.line) } }
        div.soft { "To fix: " (cause.fix) }
        @for (heading, names) in [("Failed for the same reason: ", &cause.also_failed), ("Blocked by it: ", &cause.blocked)] {
            @if !names.is_empty() {
                div.soft { (heading) @for (index, name) in names.iter().enumerate() { @if index > 0 { ", " } (link(name)) } }
            }
        }
    }
}

fn filters(run: &Run) -> Markup {
    let mut told = BTreeSet::new();
    let topics = run.checks.iter().map(topic).filter(|topic| told.insert(*topic));
    let verdicts =
        [Verdict::Failed, Verdict::Blocked, Verdict::CouldNotRun, Verdict::Waived, Verdict::Passed, Verdict::NotApplicable];
    html! {
        form.filters role="search" aria-label="Filter the checks" autocomplete="off" {
            label { "Search" input #text type="search" placeholder="name, reason, log line"; }
            label { "Topic" select #topic { option value="" { "all" } @for topic in topics { option { (topic) } } } }
            label {
                "Verdict"
                select #verdict {
                    option value="" { "all" }
                    @for verdict in verdicts { option value=(class(verdict)) { (word(verdict)) } }
                }
            }
            label { "Severity" select #severity { option value="" { "all" } option { "must" } option { "should" } } }
            span #shown.soft role="status" {}
        }
    }
}

fn topics(run: &Run) -> Markup {
    html! {
        @for checks in by_topic(run) {
            section.topic {
                h2 { (in_app(checks[0].app.as_deref(), topic(&checks[0]))) }
                @for check in checks { (self::check(run, check)) }
            }
        }
    }
}

fn check(run: &Run, check: &CheckRecord) -> Markup {
    let (verdict, failed) = (check.verdict, matches!(check.verdict, Verdict::Failed | Verdict::CouldNotRun));
    html! {
        details #(check.name()) class={ "check " (class(verdict)) } open[failed]
            data-topic=(topic(check)) data-verdict=(class(verdict)) data-severity=(check.severity.word())
        {
            summary {
                span.verdict { (word(verdict)) }
                span.title { (check.title) " " span.id.soft { (check.name()) } }
                span.soft { (check.severity.word()) @if verdict != Verdict::NotApplicable { ", " (seconds(check.duration)) } }
            }
            div.body {
                dl {
                    (reason(check))
                    @if let Some(used) = used(run.timeline(check)) { dt { "used" } dd { (used) } }
                    @for place in check.places() { dt { "at" } dd { code { (place.file) ":" (place.line) } } }
                    dt { "why" } dd { (check.why) }
                    @if verdict != Verdict::Passed { dt { "to fix" } dd { (check.fix) } }
                    dt { "again" } dd { code { "seaworthy check " (run.subject.stack) " " (selection(check)) } }
                }
                (drawing(run, check))
                @if failed { (log(&run.seen_by(check))) }
                @if let Some(number) = check.experiment.filter(|number| has_log(run, *number)) {
                    p.soft { a href={ "#experiment-" (number + 1) } { "log of the whole experiment" } }
                }
            }
        }
    }
}

fn reason(check: &CheckRecord) -> Markup {
    html! {
        @for (label, told) in outcome(check) {
            dt { (if label.is_empty() { "because" } else { label }) } dd { (told) }
        }
    }
}

/// The chart of a check: the timeline of its experiment, which stands in the page once, and above it what was looked at for this check.
fn drawing(run: &Run, check: &CheckRecord) -> Markup {
    let (Some(number), timeline) = (check.experiment, run.timeline(check)) else { return Markup::default() };
    let Some(shared) = draw_shared(timeline) else { return Markup::default() };
    let own = draw_turn(timeline, &check.name());
    // As the script has it, so that nothing moves when it is drawn.
    let height = TOP + (shared.lanes.len() + usize::from(own.is_some())) * ROW + 4;
    html! {
        figure data-timeline=(timeline_id(number)) {
            div.tools {
                button type="button" data-zoom="in" { "Zoom in" }
                button type="button" data-zoom="out" { "Zoom out" }
                button type="button" data-zoom="all" { "Show all" }
                span { "Drag to zoom, point to read; with the keyboard: arrows, + and −, 0. Shaded: a fault. Dashed: a signal." }
            }
            svg.chart height=(height) tabindex="0" role="application" aria-label={ "Timeline of " (check.name()) } {}
            p.told role="status" aria-live="polite" {}
            script type="application/json" { (PreEscaped(data(&own))) }
        }
    }
}

/// Every experiment once: what is drawn for its checks, and its log.
fn experiments(run: &Run) -> Markup {
    let shown = run.experiments.iter().enumerate().filter_map(|(number, experiment)| {
        let drawing = draw_shared(&experiment.timeline)?;
        Some((number, experiment, drawing))
    });
    html! {
        section.experiments {
            h2 { "Experiments" }
            p.soft {
                "Each is one copy of the stack, set up and disturbed in one way. The timeline of each check is shown with the check."
            }
            @for (number, experiment, drawing) in shown {
                article.experiment #{ "experiment-" (number + 1) } {
                    h3 { (number + 1) ". " (experiment.name) }
                    p.soft {
                        @for (index, check) in run.checks.iter().filter(|check| check.experiment == Some(number)).enumerate() {
                            @if index > 0 { ", " }
                            a href={ "#" (check.name()) } { (check.name()) }
                        }
                    }
                    (log(&experiment.timeline))
                    script type="application/json" #(timeline_id(number)) { (PreEscaped(data(&drawing))) }
                }
            }
        }
    }
}

fn has_log(run: &Run, experiment: usize) -> bool {
    let is_line = |one: &Observation| matches!(one.fact, Fact::Log { .. });
    run.experiments.get(experiment).is_some_and(|experiment| experiment.timeline.iter().any(is_line))
}

fn timeline_id(experiment: usize) -> String {
    format!("timeline-{}", experiment + 1)
}

/// What a script reads.
fn data(value: &impl serde::Serialize) -> String {
    match serde_json::to_string(value) {
        // Within a script nothing is escaped: `<` is the only letter that can end it.
        Ok(data) => data.replace('<', "\\u003c"),
        Err(error) => unreachable!("a drawing has string keys only: {error}"),
    }
}

/// The log lines, without the middle when there are many.
fn log(timeline: &[Observation]) -> Markup {
    let start = timeline.first().map(|observation| observation.at).unwrap_or_default();
    let lines: Vec<String> = timeline
        .iter()
        .filter_map(|observation| match &observation.fact {
            Fact::Log { service, line, .. } => {
                Some(format!("{:>8} {service} | {line}", format!("{:.2}", observation.at.saturating_sub(start).as_secs_f64())))
            }
            _ => None,
        })
        .collect();
    let left_out = lines.len().saturating_sub(FIRST_LINES + LAST_LINES);
    let (first, rest) = lines.split_at(if left_out > 0 { FIRST_LINES } else { lines.len() });
    html! {
        @if !lines.is_empty() {
            details.log {
                summary { "log (" (lines.len()) " lines)" }
                pre {
                    (first.join("\n"))
                    @if left_out > 0 {
                        "\n… " (left_out) " lines are left out; the saved run has them …\n" (rest[left_out..].join("\n"))
                    }
                }
            }
        }
    }
}

fn about(run: &Run) -> Markup {
    html! {
        @if !run.notes.is_empty() {
            section {
                h2 { "Changed in every copy of the stack" }
                ul { @for note in &run.notes { li { (note) } } }
            }
        }
        p.soft { "Made by " (run.tool.name) " " (run.tool.version) ", run " code { (run.subject.run) } }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::NotApplicable => "not_applicable",
        Verdict::Waived => "waived",
        Verdict::CouldNotRun => "could_not_run",
        Verdict::Blocked => "blocked",
    }
}
