//! A check explained: why it matters, how it is made, how to fix its failure.

use std::fmt::{self, Write};

use anstyle::Style;

use super::look::Look;
use crate::gherkin::Check;
use crate::model::Severity;

/// Tells what a check is about. `steps` are the lines of its scenario.
#[must_use]
pub fn explain(check: &Check, title: &str, steps: &[String], look: Look) -> String {
    let mut text = String::new();
    let _ = write(&mut text, check, title, steps, look);
    text
}

fn write(text: &mut String, check: &Check, title: &str, steps: &[String], look: Look) -> fmt::Result {
    let severity = check.severity.word();
    let counts = match check.severity {
        Severity::Must => "its failure fails the run",
        Severity::Should => "its failure fails the run with --strict",
    };
    writeln!(text, "{}", look.paint(Style::new().bold(), format!("{} ({severity}): {title}", check.id)))?;
    look.prose(text, "why: ", &check.why)?;
    look.prose(text, "to fix: ", &check.fix)?;
    look.prose(text, "severity: ", &format!("{severity}; {counts}"))?;
    if !check.needs.is_empty() {
        look.prose(text, "needs: ", &check.needs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))?;
    }
    if check.each_dependency {
        look.prose(text, "runs: ", "once for each dependency")?;
    }
    writeln!(text, "  {}", look.label("scenario:"))?;
    for step in steps {
        writeln!(text, "    {step}")?;
    }
    let slow = if check.is_slow { " --slow" } else { "" };
    writeln!(text, "  {} seaworthy check --tags @{}{slow}", look.label("example:"), check.id)
}
