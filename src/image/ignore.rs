//! `.dockerignore`: which paths of a build context are left out.
//!
//! Source: Docker's documentation of `.dockerignore` and the matching rules of Go's `filepath.Match`, with `**` for any number of
//! folders. The last pattern that matches a path, or a folder above it, decides.

use regex::Regex;

/// The patterns of a file.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    /// Each with whether it takes paths back in.
    patterns: Vec<(Regex, bool)>,
}

impl Ignore {
    /// Reads a file. A pattern that can't be read matches nothing; Docker refuses the build.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines =
            text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let patterns = lines.filter_map(|line| {
            let (pattern, is_exception) = line.strip_prefix('!').map_or((line, false), |rest| (rest.trim(), true));
            Some((pattern_of(&clean(pattern))?, is_exception))
        });
        Self { patterns: patterns.collect() }
    }

    /// Whether a path, from the root of the context and with `/` between its parts, is left out.
    #[must_use]
    pub fn leaves_out(&self, path: &str) -> bool {
        let mut out = false;
        for (pattern, is_exception) in &self.patterns {
            // What is decided already the same way need not be asked again.
            if out == *is_exception && matches_or_parent(pattern, path) {
                out = !is_exception;
            }
        }
        out
    }

    /// Whether any pattern takes paths back in: then a folder that is left out may still hold some that are not.
    #[must_use]
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|(_, is_exception)| *is_exception)
    }
}

/// Whether a pattern as COPY has it takes a path from the context, by itself or with a folder above it.
#[must_use]
pub fn is_taken(source: &str, path: &str) -> bool {
    let source = clean(source);
    source.is_empty() || pattern_of(&source).is_some_and(|pattern| matches_or_parent(&pattern, path))
}

fn matches_or_parent(pattern: &Regex, path: &str) -> bool {
    let parents = path.char_indices().filter(|(_, character)| *character == '/').map(|(place, _)| &path[..place]);
    pattern.is_match(path) || parents.into_iter().any(|parent| pattern.is_match(parent))
}

/// A path without `.`, and without a slash at either end. `..` stays within the root.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = vec![];
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn pattern_of(pattern: &str) -> Option<Regex> {
    if pattern.is_empty() {
        return None;
    }
    let mut regex = String::from("^");
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.next_if_eq(&'*').is_some() => {
                if characters.next_if_eq(&'/').is_some() {
                    regex.push_str("(?:.*/)?");
                } else {
                    regex.push_str(".*");
                }
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' => {
                regex.push('[');
                for inside in characters.by_ref() {
                    regex.push(inside);
                    if inside == ']' {
                        break;
                    }
                }
            }
            '\\' => regex.push_str(&regex::escape(&characters.next()?.to_string())),
            other => regex.push_str(&regex::escape(&other.to_string())),
        }
    }
    Regex::new(&(regex + "$")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_docker_reads_them() {
        for (text, path, out) in [
            ("", "a", false),
            ("# a comment\na", "a", true),
            ("#a", "a", false),
            ("a", "a/b/c", true),
            ("a", "b/a", false),
            ("/a/", "a", true),
            ("./a", "a", true),
            ("**/a", "a", true),
            ("**/a", "b/c/a", true),
            ("*.md", "README.md", true),
            ("*.md", "docs/README.md", false),
            ("**/*.md", "docs/README.md", true),
            ("*/temp*", "somedir/temporary.txt", true),
            ("*/*/temp*", "somedir/temporary.txt", false),
            ("temp?", "tempa", true),
            ("temp?", "temp", false),
            ("*\n!service/", "service/main.py", false),
            ("*\n!service/", "tests/main.py", true),
            ("*\n!service/\n**/*.pyc", "service/a.pyc", true),
            ("*.md\n!README.md", "README.md", false),
            ("!README.md\n*.md", "README.md", true),
            (".env*", ".env.local", true),
            ("[ab].txt", "a.txt", true),
            ("[ab].txt", "c.txt", false),
            ("a+b", "a+b", true),
            ("a+b", "aab", false),
            ("docs/**", "docs/a/b", true),
            ("*", "anything", true),
        ] {
            assert_eq!(Ignore::parse(text).leaves_out(path), out, "{text:?} {path}");
        }
    }

    #[test]
    fn copies_take_files_and_folders() {
        for (source, path, taken) in [
            (".", ".git/HEAD", true),
            ("./", "a/b", true),
            ("/", "a", true),
            ("src/", "src/a/b.js", true),
            ("src", "srcs/a", false),
            ("package*.json", "package-lock.json", true),
            ("package.json", "src/package.json", false),
        ] {
            assert_eq!(is_taken(source, path), taken, "{source} {path}");
        }
    }
}
