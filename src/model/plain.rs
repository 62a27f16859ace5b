//! What programs write for a terminal, as plain text.

use std::borrow::Cow;

const ESCAPE: char = '\u{1b}';
const BELL: char = '\u{7}';
/// How a string ends that is told to a terminal.
const TERMINATOR: &str = "\u{1b}\\";

/// A text without what colours it, moves the cursor or names links in a terminal (ECMA-48).
#[must_use]
pub fn without_escapes(text: &str) -> Cow<'_, str> {
    if !text.contains(ESCAPE) {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(ESCAPE) {
        plain.push_str(before);
        rest = after_sequence(after);
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// What comes after the sequence that an escape has begun. One that does not end, because the line was cut in it, ends with its parameters.
fn after_sequence(text: &str) -> &str {
    let is_intermediate = |letter: char| (' '..='/').contains(&letter);
    let mut letters = text.chars();
    let kind = letters.next();
    let rest = letters.as_str();
    match kind {
        Some('[') => {
            let rest = rest.trim_start_matches(|letter| ('0'..='?').contains(&letter)).trim_start_matches(is_intermediate);
            rest.strip_prefix(|letter| ('@'..='~').contains(&letter)).unwrap_or(rest)
        }
        // A title, a link, or what else is told to the terminal itself.
        Some(']' | 'P' | 'X' | '^' | '_') => {
            let ends = [rest.find(BELL).map(|at| at + BELL.len_utf8()), rest.find(TERMINATOR).map(|at| at + TERMINATOR.len())];
            ends.into_iter().flatten().min().map_or(rest, |end| &rest[end..])
        }
        Some(' '..='/') => {
            let rest = rest.trim_start_matches(is_intermediate);
            rest.strip_prefix(|letter| ('0'..='~').contains(&letter)).unwrap_or(rest)
        }
        Some('0'..='~') => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_does_not_show_is_left_out() {
        for (text, plain) in [
            ("plain", "plain"),
            ("\u{1b}[1m\"GET   /v1/\"\u{1b}[0m\u{1b}[33m 401 (29 ms)\u{1b}[0m", "\"GET   /v1/\" 401 (29 ms)"),
            ("\u{1b}[38;5;208mINFO\u{1b}[m ready", "INFO ready"),
            ("\u{1b}[2K\u{1b}[1Gdone", "done"),
            ("\u{1b}]0;title\u{7}text", "text"),
            ("\u{1b}]8;;http://docs\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Btext\u{1b}7", "text"),
            // Cut within a sequence.
            ("end\u{1b}", "end"),
            ("end\u{1b}[3", "end"),
            ("end\u{1b}]8;;http", "end8;;http"),
            ("\u{1b}\u{1b}[1mtwice", "twice"),
        ] {
            assert_eq!(without_escapes(text), plain, "{text:?}");
        }
    }
}
