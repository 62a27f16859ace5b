//! `seaworthy plan`.

use clap::Args;
use serde_json::Value;

use super::files::FileFlags;
use super::screen::{note, say};
use crate::clock::Clock;
use crate::compose::{Hazard, Model};
use crate::exit::Exit;
use crate::experiment::{Exceptions, ResolvedStack};
use crate::gherkin::Catalogue;
use crate::subject::Declared;

/// Show what `check` would start, and what it would change in each copy.
///
/// Needs `docker compose config`, but no engine. A service that can't be isolated is left out if the app does not need it; otherwise the stack is
/// refused, with the key that is in the way.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  seaworthy plan
  seaworthy plan -f compose.yaml -f compose.ci.yaml
  seaworthy plan stack.yaml --allow privileged")]
pub(super) struct Arguments {
    #[command(flatten)]
    files: FileFlags,
    /// Allow a key that can't be isolated, such as `privileged`; may be repeated
    #[arg(long, value_name = "KEY")]
    allow: Vec<Hazard>,
    /// A service to keep that would be left out, because it can't be isolated and the app does not need it; may be repeated
    #[arg(long, value_name = "SERVICE")]
    with: Vec<String>,
    /// The service under test, whose needs decide what can be left out; may be repeated
    #[arg(long, value_name = "SERVICE")]
    app: Vec<String>,
}

pub(super) async fn run(arguments: Arguments) -> Exit {
    let catalogue = Catalogue::built_in();
    let exceptions = Exceptions { allowed: arguments.allow.into_iter().collect(), kept: arguments.with.into_iter().collect() };
    let flags = Declared { app: arguments.app, ..Declared::default() };
    match ResolvedStack::read(&arguments.files.into(), &flags, &exceptions, &catalogue.ids(), Clock::start().day()).await {
        Ok(resolved) => {
            for warning in resolved.model.warnings() {
                note(&format!("warning: {warning}"));
            }
            say(describe(&resolved).trim_end());
            Exit::Passed
        }
        Err(error) => {
            super::check::explain(&error);
            Exit::of_error(&error)
        }
    }
}

fn describe(resolved: &ResolvedStack) -> String {
    let model = &resolved.model;
    let mut lines = vec![format!("stack {}", model.file().path().display()), "services, in start order:".into()];
    for service in model.start_order() {
        let image = if model.built_services().any(|built| built == service) {
            "built here"
        } else {
            model.image(&service).unwrap_or("no image")
        };
        let needs = model.depends_on(&service);
        let needs = if needs.is_empty() { String::new() } else { format!(", after {}", needs.join(", ")) };
        let count = match model.replicas(&service) {
            1 => String::new(),
            count => format!(", {count} containers"),
        };
        lines.push(format!("  {service}: {image}{count}{needs}"));
    }
    if resolved.apps.len() > 1 {
        lines.push("apps, each checked by itself:".into());
        lines.extend(resolved.apps.iter().map(|app| format!("  {}: {}", app.value, app.origin)));
    }
    if !resolved.left_out.is_empty() {
        lines.push("in no copy:".into());
        lines.extend(resolved.left_out.iter().map(|left_out| format!("  {left_out}")));
    }
    for kind in ["networks", "volumes"] {
        let names = names_of(model, kind);
        if !names.is_empty() {
            lines.push(format!("{kind}: {}", names.join(", ")));
        }
    }
    lines.push("every copy has its own project name, networks and volumes; other changes:".into());
    lines.extend(resolved.changes.iter().map(|change| format!("  {change}")));
    if resolved.changes.is_empty() {
        lines.push("  none".into());
    }
    if resolved.is_serial {
        lines.push("all copies share what --allow permits: experiments run one at a time".into());
    }
    lines.join("\n")
}

fn names_of<'a>(model: &'a Model, kind: &str) -> Vec<&'a str> {
    let section = model.value().get(kind).and_then(Value::as_object);
    section.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}
