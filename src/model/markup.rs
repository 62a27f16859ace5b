//! HTML, as far as it matters what a page says and not how it looks.

use std::borrow::Cow;
use std::ops::Range;

/// A longer script is a library; a shorter one may hold data, which a page can leak.
const LONG_SCRIPT: usize = 2048;
/// How much of a body is looked at to see whether it is HTML.
const HEAD: usize = 1024;
/// What pages and parts of pages begin with.
const BEGINNINGS: [&str; 12] =
    ["<!doctype html", "<html", "<head", "<title", "<meta", "<body", "<h1", "<h2", "<p", "<div", "<pre", "<center"];
/// What stands within a line.
const INLINE: [&str; 10] = ["a", "b", "i", "em", "strong", "span", "code", "small", "font", "u"];

/// A page without its styles and long scripts, which are most of its length and say nothing; anything else as it is.
#[must_use]
pub fn without_styles(body: &str) -> Cow<'_, str> {
    if !is_html(body) {
        return Cow::Borrowed(body);
    }
    let mut kept = String::with_capacity(body.len());
    let mut end = 0;
    for (name, content) in hidden(body) {
        if name == "style" || content.len() > LONG_SCRIPT {
            kept.push_str(&body[end..content.start]);
            end = content.end;
        }
    }
    kept.push_str(&body[end..]);
    Cow::Owned(kept)
}

/// What a reader sees of a page; anything else as it is.
#[must_use]
pub fn visible_text(body: &str) -> Cow<'_, str> {
    if !is_html(body) {
        return Cow::Borrowed(body);
    }
    let mut text = String::with_capacity(body.len());
    let mut end = 0;
    for (_, content) in hidden(body) {
        add_without_tags(&mut text, &body[end..content.start]);
        end = content.end;
    }
    add_without_tags(&mut text, &body[end..]);
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    Cow::Owned(lines.join("\n"))
}

fn is_html(body: &str) -> bool {
    let start = body.trim_start_matches('\u{feff}').trim_start();
    let head = start[..start.floor_char_boundary(HEAD)].to_ascii_lowercase();
    let begins = |beginning: &str| {
        let rest = head.strip_prefix(beginning);
        rest.is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '-'))
    };
    BEGINNINGS.into_iter().any(begins)
        || (head.starts_with('<') && BEGINNINGS[..2].iter().any(|beginning| head.contains(beginning)))
}

/// The contents of the elements that nobody reads, with their names.
fn hidden(html: &str) -> Vec<(&'static str, Range<usize>)> {
    let lower = html.to_ascii_lowercase();
    let mut found = vec![];
    let mut from = 0;
    while let Some((name, begin)) = next_hidden(&lower, from) {
        let end = lower[begin..].find(&format!("</{name}")).map_or(html.len(), |length| begin + length);
        found.push((name, begin..end));
        from = end;
    }
    found
}

/// The next such element from a place on: its name, and where its content begins.
fn next_hidden(lower: &str, from: usize) -> Option<(&'static str, usize)> {
    let opens = |name: &'static str| {
        let tag = format!("<{name}");
        let opened = lower[from..].match_indices(&tag).map(|(place, _)| from + place + tag.len());
        let mut opened = opened.filter(|end| !lower[*end..].starts_with(|letter: char| letter.is_ascii_alphanumeric()));
        let end = opened.next()?;
        Some((end, name, end + lower[end..].find('>')? + 1))
    };
    [opens("style"), opens("script")].into_iter().flatten().min().map(|(_, name, content)| (name, content))
}

/// Adds the text between tags. A tag ends a line, unless it is one of those that stand within one.
fn add_without_tags(text: &mut String, html: &str) {
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        add_decoded(text, before);
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        // A sign and no tag.
        if !after.starts_with(|letter: char| letter.is_ascii_alphabetic() || ['/', '!', '?'].contains(&letter)) {
            text.push('<');
            rest = after;
            continue;
        }
        let (tag, later) = after.split_once('>').unwrap_or((after, ""));
        let name = tag.trim_start_matches('/').split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
        if !INLINE.contains(&name.to_ascii_lowercase().as_str()) {
            text.push('\n');
        }
        rest = later;
    }
    add_decoded(text, rest);
}

/// Adds a text with the characters that its references stand for, as far as they are among the usual ones.
fn add_decoded(text: &mut String, html: &str) {
    /// Longer names are none that are known here.
    const LONGEST: usize = 8;
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let named = after.split_once(';').filter(|(name, _)| name.len() <= LONGEST);
        let (letter, later) = named.and_then(|(name, later)| Some((character(name)?, later))).unwrap_or(('&', after));
        text.push(letter);
        rest = later;
    }
    text.push_str(rest);
}

fn character(name: &str) -> Option<char> {
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" | "#160" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix(['x', 'X']).map(|digits| u32::from_str_radix(digits, 16).ok());
            char::from_u32(hexadecimal.unwrap_or_else(|| number.parse().ok())?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_kept_without_what_makes_it_long() {
        let styles = "x".repeat(60_000);
        let page = format!(
            "<!DOCTYPE html>\n<html><head><STYLE type=\"text/css\">{styles}</style><script>{styles}</script>\
             <script>var url = 'postgres://u@db'</script></head><body>down</body></html>"
        );
        assert_eq!(
            without_styles(&page),
            "<!DOCTYPE html>\n<html><head><STYLE type=\"text/css\"></style><script></script>\
             <script>var url = 'postgres://u@db'</script></head><body>down</body></html>"
        );
        assert_eq!(visible_text(&page), "down");
        assert_eq!(without_styles("<html><style>never ends"), "<html><style>");
        assert_eq!(without_styles("<html><styles>are none"), "<html><styles>are none");
        for other in [r#"{"html": "<style>x</style>"}"#, "<health><style>x</style></health>", "down", ""] {
            assert_eq!((without_styles(other), visible_text(other)), (Cow::Borrowed(other), Cow::Borrowed(other)));
        }
    }

    #[test]
    fn what_is_read_of_a_page_is_its_text() {
        for (page, text) in [
            ("<h1>Server Error (500)</h1>", "Server Error (500)"),
            ("<html><table><tr><td>database</td><td class=\"db\">d<b>ow</b>n</td></tr></table>", "database\ndown"),
            ("<pre>Error: x<br> &nbsp; &nbsp;at f (/app/x.js:1:2)</pre>", "Error: x\n    at f (/app/x.js:1:2)"),
            (
                "<p>File &quot;/app/x.py&quot;, 1 &lt; 2 &amp;&#38; &#x27;a&#x27; &unknown; & b</p>",
                "File \"/app/x.py\", 1 < 2 && 'a' &unknown; & b",
            ),
            ("<html><!-- db --><body>1 < 2</body>", "1 < 2"),
            ("<?xml version=\"1.0\"?><!DOCTYPE html><html><p>xhtml</p></html>", "xhtml"),
        ] {
            assert_eq!(visible_text(page), text);
        }
    }
}
