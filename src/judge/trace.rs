//! Recognising stack traces, in the languages that servers are written in.

use std::sync::LazyLock;

use regex::Regex;

/// How they begin: Python, Rust, Java.
const HEADERS: [&str; 3] = ["Traceback (most recent call last)", "stack backtrace:", "Exception in thread"];
/// A frame in Ruby, PHP and Elixir, which is a line of its own.
static CALLED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?m)^[ \t]*(?:from )?\S+\.rb:\d+:in [`'‘][^'’\n]*['’]\s*$|^#\d+ (?:\S+\(\d+\): |\{main\})|^[ \t]+\(\w+ \d[\w.+-]*\) \S+:\d+: ",
    )
});
/// A frame in Ruby, wherever it stands, and how PHP begins a trace.
static WITHIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?m)\.rb:\d+:in [`'‘]|Stack trace:(?:\\n|\s*$)"));
/// How Go begins the stack of each goroutine, before its number.
const GOROUTINE: &str = "goroutine ";
/// What joins the trace of an exception to that of its cause: Python, Java, Node.
const CHAINS: [&str; 5] = [
    "The above exception was the direct cause of the following exception",
    "During handling of the above exception, another exception occurred",
    "Caused by:",
    "Suppressed:",
    "[cause]:",
];
/// What begins a frame in Java, .NET and Node.
const AT: &str = "at ";
/// What begins a frame in Python.
const FILE: &str = "File \"";
/// How far code is indented under its frame in Python.
const CODE: &str = "    ";

/// A pattern of ours, which is valid.
pub(super) fn pattern(text: &str) -> Regex {
    match Regex::new(text) {
        Ok(regex) => regex,
        Err(error) => unreachable!("a built-in pattern: {error}"),
    }
}

/// Where in a text a stack trace begins.
pub(super) fn place(text: &str) -> Option<usize> {
    let headers = HEADERS.iter().filter_map(|header| text.find(header));
    headers
        .chain(goroutine(text))
        .chain(frame(text))
        .chain([&*CALLED, &*WITHIN].into_iter().filter_map(|frame| Some(frame.find(text)?.start())))
        .min()
}

fn goroutine(text: &str) -> Option<usize> {
    let is_one = |(place, _): &(usize, &str)| {
        let rest = text[place + GOROUTINE.len()..].trim_start_matches(|letter: char| letter.is_ascii_digit());
        rest.starts_with(" [")
    };
    text.match_indices(GOROUTINE).find(is_one).map(|(place, _)| place)
}

/// The first frame of the form `   at code (place)`, or `at place:7`: on a line of its own, which may stand in a string of JSON.
fn frame(text: &str) -> Option<usize> {
    text.match_indices(AT).map(|(place, _)| place).find(|place| {
        let before = &text[..*place];
        let begin = before.trim_end_matches([' ', '\t', '\u{a0}']);
        let begin = begin.strip_suffix("\\t").unwrap_or(begin);
        let is_first = begin.is_empty() || begin.ends_with('\n') || begin.ends_with("\\n");
        let rest = &text[place + AT.len()..];
        let rest = rest.split('\n').next().unwrap_or_default().split("\\n").next().unwrap_or_default();
        let mut pairs = rest.as_bytes().windows(2);
        is_first
            && begin.len() < before.len()
            && (rest.contains('(') || pairs.any(|pair| pair[0] == b':' && pair[1].is_ascii_digit()))
    })
}

/// What one line of a log is to a stack trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Its first line.
    Header,
    /// A call.
    Frame,
    /// What joins it to the next one, which belongs to the same exception.
    Chain,
}

/// What a line is to a stack trace; nothing when it is no part of one, or within it.
pub(super) fn part(line: &str) -> Option<Part> {
    if HEADERS.iter().any(|header| line.contains(header)) || goroutine(line).is_some() {
        return Some(Part::Header);
    }
    if CHAINS.iter().any(|chain| line.trim_start().starts_with(chain)) {
        return Some(Part::Chain);
    }
    (frame(line).is_some() || CALLED.is_match(line)).then_some(Part::Frame)
}

/// Tells code from what is said: frames, and in Python the line of code under each.
#[derive(Debug, Default)]
pub(super) struct Code {
    is_under_a_frame: bool,
}

impl Code {
    /// Whether the next line is code.
    pub(super) fn is_code(&mut self, line: &str) -> bool {
        let is_file = line.trim_start().starts_with(FILE);
        let is_under = self.is_under_a_frame && line.starts_with(CODE);
        self.is_under_a_frame = is_file || is_under;
        is_file || is_under || part(line) == Some(Part::Frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_found_in_texts() {
        for (text, found) in [
            ("x Traceback (most recent call last):", Some(2)),
            ("panic: x\n\ngoroutine 35 [running]:", Some(10)),
            ("Error: x\n    at f (/app/x.js:1:2)", Some(13)),
            (r#"{"stack":"Error: x\n    at f (/app/x.js:1:2)"}"#, Some(24)),
            (r#"{"stack":"E: x\n\tat app.Main.run(Main.java:7)"}"#, Some(18)),
            ("   at Namespace.Type.Method() in /src/x.cs:line 12", Some(3)),
            ("    at /app/x.js:1:2", Some(4)),
            ("boom\n/srv/app.rb:7:in 'Pool#take'", Some(5)),
            ("Fatal error\n#0 /srv/index.php(3): connect()\n#1 {main}", Some(12)),
            ("** (E) x\n    (postgrex 0.17.0) lib/postgrex.ex:12: Postgrex.query/3", Some(9)),
            (r#"{"backtrace":["/app/x.rb:1:in 'y'"]}"#, Some(21)),
            ("ticket #7 (12): closed", None),
            (r#"{"e":"PDOException Stack trace:\n#0 x"}"#, Some(19)),
            ("Stack trace: disabled", None),
            ("see app.rb:7 for more", None),
            ("<p>\n  at the moment we are down", None),
            ("look at this (now)", None),
            ("goroutine pool [3]", None),
            ("INFO\tat start (now)", None),
        ] {
            assert_eq!(place(text), found, "{text}");
        }
    }

    #[test]
    fn the_lines_of_a_trace_are_told_apart() {
        for (line, expected) in [
            ("Traceback (most recent call last):", Some(Part::Header)),
            (r#"{"exc":"Traceback (most recent call last):\n  File"}"#, Some(Part::Header)),
            ("\tat org.postgresql.Driver.connect(Driver.java:29)", Some(Part::Frame)),
            ("Caused by: java.net.UnknownHostException: db", Some(Part::Chain)),
            ("  [cause]: Error: connect ECONNREFUSED", Some(Part::Chain)),
            ("The above exception was the direct cause of the following exception:", Some(Part::Chain)),
            ("\tfrom /srv/pool.rb:12:in `checkout'", Some(Part::Frame)),
            ("/srv/pool.rb:3:in `initialize': connection refused (PG::ConnectionBad)", None),
            ("ERROR -- : could not connect to db (/app/db.rb:12:in 'connect')", None),
            ("#0 /srv/index.php(3): PDO->__construct()", Some(Part::Frame)),
            ("Stack trace: disabled", None),
            ("the failure was Caused by: db", None),
            ("at start", None),
        ] {
            assert_eq!(part(line), expected, "{line}");
        }
    }

    #[test]
    fn code_is_told_from_what_is_said() {
        let lines = [
            ("Traceback (most recent call last):", false),
            ("  File \"/app/db.py\", line 3, in connect", true),
            ("    return self.pool.connect()", true),
            ("           ^^^^^^^^^^^^^^^^^^^", true),
            ("OperationalError: no db", false),
            ("    an indented line about db", false),
            ("    at Pool.connect (/app/pool.js:1:2)", true),
        ];
        let mut code = Code::default();
        for (line, expected) in lines {
            assert_eq!(code.is_code(line), expected, "{line}");
        }
    }
}
