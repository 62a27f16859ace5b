//! What programs say when something has failed.

use std::sync::LazyLock;

use regex::Regex;

use super::trace::pattern;

/// Why something has failed, in the words of errno(3) and of name resolution; that it has; anything at all.
static WORDS: LazyLock<[Regex; 3]> = LazyLock::new(|| {
    let why = "not permitted|permission denied|read-only file system|not writable|no such file|out of memory|cannot allocate|in use|\
               refused|reset by peer|econnreset|timed out|unreachable|not known|unknown host|no such host|enotfound|eai_again|\
               in name resolution|authentication failed|system is starting up";
    let that = "error|exception|fatal|fail|denied|unable|can ?not|can't|could not|panic|missing|required|invalid|refused|reset|\
                time(?:d )?out|unavailable|not available|unreachable|not known|unknown host|no such host|enotfound|eai_again|retry";
    [why, that, r"\S"].map(|words| pattern(&format!("(?i){words}")))
});

/// How little a line says of a failure: 0 why it failed, 1 that it failed, 2 something else. Nothing for a blank line.
pub(super) fn rank(line: &str) -> Option<usize> {
    WORDS.iter().position(|words| words.is_match(line))
}

/// Whether a line says that something has failed.
pub(super) fn is_told(line: &str) -> bool {
    rank(line).is_some_and(|rank| rank < 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_many_programs_are_ranked() {
        for (line, expected) in [
            ("bind() to 0.0.0.0:80 failed (13: Permission denied)", Some(0)),
            ("Error: connect ECONNREFUSED 172.18.0.2:5432", Some(0)),
            ("Application startup failed. Exiting.", Some(1)),
            ("dial tcp: lookup db: no such host", Some(0)),
            ("read timed out", Some(0)),
            ("could not translate host name", Some(1)),
            ("Listening on port 8000", Some(2)),
            ("Starting up with postgres at db:5432", Some(2)),
            ("FATAL: the database system is starting up", Some(0)),
            ("  ", None),
        ] {
            assert_eq!((rank(line), is_told(line)), (expected, expected.is_some_and(|rank| rank < 2)), "{line}");
        }
    }
}
