//! Which variables an app that does not start speaks of.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::{Fact, Observation};

/// More names than these say nothing.
const MOST: usize = 3;

/// Two words in capitals or more, as environment variables with a prefix are called.
static NAME: LazyLock<Regex> = LazyLock::new(|| match Regex::new(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b") {
    Ok(regex) => regex,
    Err(error) => unreachable!("a built-in pattern: {error}"),
});

/// The names of variables in the log of a service, in the order in which they come, three at most; none where it has more, which would be
/// a list of all that there are.
#[must_use]
pub(super) fn named(facts: &[Observation], service: &str) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for one in facts {
        let Fact::Log { service: of, line, .. } = &one.fact else { continue };
        let found = NAME.find_iter(line).filter(|_| of == service).map(|name| name.as_str());
        for name in found {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    if names.len() > MOST { vec![] } else { names }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FactId, LogStream};

    fn names(lines: &[(&str, &str)]) -> Vec<String> {
        let line = |(service, line): &(&str, &str)| Observation {
            id: FactId(0),
            at: std::time::Duration::ZERO,
            fact: Fact::Log { service: (*service).into(), stream: LogStream::Stdout, line: (*line).into(), is_cut: false },
        };
        named(&lines.iter().map(line).collect::<Vec<_>>(), "app")
    }

    #[test]
    fn variables_are_known_by_their_capitals() {
        let missing = ("app", "error: the database is uninitialised and POSTGRES_PASSWORD is not set");
        assert_eq!(names(&[missing, missing]), ["POSTGRES_PASSWORD"]);
        assert_eq!(names(&[("app", "ERROR: SECRET_KEY, DB2_URL must be set")]), ["SECRET_KEY", "DB2_URL"]);
        assert!(names(&[("db", "PG_VERSION"), ("app", "FATAL: no such file: my_FILE")]).is_empty());
        assert!(names(&[("app", "A_A B_B C_C D_D")]).is_empty(), "a list of all");
    }
}
