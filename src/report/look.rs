//! How text for people looks: how wide, in which colours, how much of it.

use std::fmt::{self, Display, Write};

use anstyle::{AnsiColor, Style};

/// How wide prose gets where the terminal is wider, or is none.
const WIDEST: usize = 100;
/// How wide it gets at least: a terminal that is narrower wraps it again.
pub(super) const NARROWEST: usize = 40;

/// What the report looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// How many columns there are; nothing where it is not read in a terminal.
    pub width: Option<usize>,
    /// Whether there may be colours.
    pub colour: bool,
    /// How much is told.
    pub detail: Detail,
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Failures and the sum.
    Quiet,
    /// What matters.
    #[default]
    Normal,
    /// All that happened.
    Verbose,
}

impl Look {
    pub(super) fn paint(self, style: Style, text: impl Display) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    pub(super) fn label(self, label: &str) -> String {
        if label.is_empty() { String::new() } else { self.paint(Style::new().fg_color(Some(AnsiColor::Cyan.into())), label) }
    }

    pub(super) fn prose_width(self) -> usize {
        self.width.unwrap_or(WIDEST).clamp(NARROWEST, WIDEST)
    }

    /// Writes prose after a label, wrapped and indented.
    pub(super) fn prose(self, text: &mut String, label: &str, prose: &str) -> fmt::Result {
        let lines = wrap(&printable(prose), 2 + label.len(), 4, self.prose_width());
        writeln!(text, "  {}{}", self.label(label), lines.join("\n"))
    }
}

/// Breaks text into lines no wider than `width`, the first of which begins at a column and the others with an indent.
pub(super) fn wrap(text: &str, begins: usize, indent: usize, width: usize) -> Vec<String> {
    let mut lines = vec![];
    let (mut line, mut used) = (String::new(), begins);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !line.trim_start().is_empty() && used + length > width {
            lines.push(line.trim_end().to_owned());
            (line, used) = (" ".repeat(indent), indent);
        }
        line.push_str(word);
        line.push(' ');
        used += length + 1;
    }
    lines.push(line.trim_end().to_owned());
    lines
}

/// What a container wrote must not steer the user's terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() && character != '\t' { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_a_line_goes_on_below_its_beginning() {
        assert_eq!(wrap("one two three", 4, 2, 12), ["one two", "  three"]);
        assert_eq!(wrap("a-word-that-is-wider-than-all", 4, 2, 12), ["a-word-that-is-wider-than-all"]);
        assert_eq!(wrap("", 4, 2, 12), [""]);
    }

    #[test]
    fn what_a_container_wrote_does_not_steer_the_terminal() {
        assert_eq!(printable("\u{1b}[2Jtwo\ttabs\r"), "\u{fffd}[2Jtwo\ttabs\u{fffd}");
    }
}
