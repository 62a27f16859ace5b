//! The `x-seaworthy` block as text, and its place in a compose file whose other lines stay as they are.

use std::path::Path;

use super::declared::BLOCK;
use super::{Draft, Form, Found};
use crate::compose::line_of_key;

/// Why a block can't be added to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It has one.
    AlreadyThere {
        /// The line of its key.
        line: usize,
    },
    /// Its outermost mapping is written in braces, or something follows its end.
    NotABlock,
}

/// The block for a stack: what is known as values, with where it came from; what is not as comments to be filled in. Several apps have a
/// block each in it.
#[must_use]
pub fn block(drafts: &[Draft]) -> String {
    let mut lines = vec![format!("{BLOCK}:")];
    if let [draft] = drafts {
        let app = draft.app.as_ref();
        lines.push(match app {
            Some(Found { value, origin }) => format!("  app: {value}  # {origin}"),
            None => "  # app: NAME  # the service under test".into(),
        });
        lines.extend(values(draft).into_iter().map(|line| format!("  {line}")));
    } else {
        lines.push("  apps:".into());
        for draft in drafts {
            lines.extend(draft.app.iter().map(|Found { value, origin }| format!("    {value}:  # {origin}")));
            lines.extend(values(draft).into_iter().map(|line| format!("      {line}")));
        }
    }
    lines.join("\n") + "\n"
}

/// The lines of one app.
fn values(draft: &Draft) -> Vec<String> {
    let mut lines = vec![];
    let mut line = |key: &str, value: Option<(String, &str)>, example: &str, help: &str| {
        lines.push(match value {
            Some((value, origin)) => format!("{key}: {value}  # {origin}"),
            None => format!("# {key}: {example}  # {help}"),
        });
    };
    let form = |found: &Option<Found<Form>>| found.as_ref().map(|found| Found::new(found.value.to_yaml(), found.origin.clone()));
    let (readiness, liveness) = (form(&draft.readiness), form(&draft.liveness));
    let business = draft.business.as_ref().map(|found| Found::new(found.value.to_yaml(), found.origin.clone()));
    let port = draft.port.as_ref().map(|port| (port.value.to_string(), port.origin.as_str()));
    line("port", port, "8000", "the port on which the app serves");
    for (key, found, example, help) in [
        (
            "readiness",
            &readiness,
            "/health",
            "answers 2xx when the app can serve and 503 when it can't; else the usual paths are probed, and other forms of readiness",
        ),
        ("liveness", &liveness, "/", "answers 2xx as long as the process lives; else the usual paths are probed"),
        ("business", &business, "/items", "a path that uses the dependencies; or, of a worker, how it is given a unit of work"),
    ] {
        line(key, found.as_ref().map(|found| (found.value.clone(), found.origin.as_str())), example, help);
    }
    let services: Vec<&str> = draft.dependencies.value.iter().map(|dependency| dependency.service.as_str()).collect();
    line("dependencies", Some((format!("[{}]", services.join(", ")), draft.dependencies.origin.as_str())), "", "");
    for (key, found, help) in [
        ("startup_limit", &draft.startup_limit, "how long the app may take until it is ready"),
        ("outage_limit", &draft.outage_limit, "how long readiness may take to turn 503 in an outage"),
        ("recovery_limit", &draft.recovery_limit, "how long the app may take to be ready again after an outage"),
    ] {
        line(key, None, &humantime::format_duration(found.value).to_string(), help);
    }
    lines
}

/// The text of a compose file with a block at its end; all its own lines stay as they are.
pub fn append(file: &Path, text: &str, block: &str) -> Result<String, Misfit> {
    if let Some(line) = line_of_key(file, &[BLOCK]) {
        return Err(Misfit::AlreadyThere { line });
    }
    let content = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let lines: Vec<&str> = text.lines().filter(content).collect();
    let starts_in_braces = lines.iter().find(|line| **line != "---").is_some_and(|line| line.trim_start().starts_with('{'));
    let documents = lines.iter().skip(1).any(|line| *line == "---" || *line == "...");
    if starts_in_braces || documents || lines.is_empty() {
        return Err(Misfit::NotABlock);
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let gap = match text {
        _ if text.ends_with("\n\n") || text.ends_with("\n\r\n") => String::new(),
        _ if text.ends_with('\n') => end.to_owned(),
        _ => end.repeat(2),
    };
    Ok(format!("{text}{gap}{}", block.replace('\n', end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_added_below_and_nothing_else_changes() {
        let nowhere = Path::new("/nowhere");
        let block = "x-seaworthy:\n  app: a\n";
        let with = |text: &str| append(nowhere, text, block);
        assert_eq!(with("services:\n  a: {}\n").expect("fits"), "services:\n  a: {}\n\nx-seaworthy:\n  app: a\n");
        assert_eq!(with("# c\nservices: {}").expect("fits"), "# c\nservices: {}\n\nx-seaworthy:\n  app: a\n");
        assert_eq!(with("services: {}\r\n").expect("fits"), "services: {}\r\n\r\nx-seaworthy:\r\n  app: a\r\n");
        for text in ["{\"services\": {}}\n", "---\n{}\n", "services: {}\n...\n", ""] {
            assert_eq!(with(text), Err(Misfit::NotABlock), "{text:?}");
        }
    }
}
