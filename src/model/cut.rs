//! Text that is too long is cut at a character, and says so at its end.

/// How much of a text is shown among other words, in bytes, and how much of that is before what matters in it.
const SHOWN: usize = 2000;
const BEFORE: usize = 200;
/// What stands around the number of bytes that are missing.
const BEFORE_NUMBER: &str = " … (";
const AFTER: &str = " bytes more)";
/// How much of a text is shown where it is one of many.
const SHORT: usize = 200;

/// The end of a text of which so many bytes are missing.
#[must_use]
pub fn cut_mark(missing: usize) -> String {
    format!("{BEFORE_NUMBER}{missing}{AFTER}")
}

/// Whether a text is not whole.
#[must_use]
pub fn is_cut(text: &str) -> bool {
    let missing = text.strip_suffix(AFTER).and_then(|text| text.rsplit_once(BEFORE_NUMBER));
    missing.is_some_and(|(_, missing)| !missing.is_empty() && missing.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A text as a sentence can hold it: whole, or the part around a place in it.
#[must_use]
pub fn excerpt(text: &str, place: usize) -> String {
    if text.len() <= SHOWN {
        return text.to_owned();
    }
    let begin = text.floor_char_boundary(if place < SHOWN - BEFORE { 0 } else { place - BEFORE });
    let mut shown = text[begin..].to_owned();
    cut(&mut shown, SHOWN);
    if begin == 0 { shown } else { format!("… {shown}") }
}

/// The beginning of a text that is one of many.
#[must_use]
pub fn beginning(text: &str) -> String {
    let mut shown = text.to_owned();
    cut(&mut shown, SHORT);
    shown
}

/// Cuts a text that has more bytes than that.
pub(super) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let end = text.floor_char_boundary(limit);
        let missing = text.len() - end;
        text.truncate(end);
        text.push_str(&cut_mark(missing));
        text.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_character_and_says_so() {
        for (text, limit, expected) in
            [("short", 5, "short"), ("longer", 5, "longe … (1 bytes more)"), ("öööö", 5, "öö … (4 bytes more)"), ("", 0, "")]
        {
            let mut text = text.to_owned();
            cut(&mut text, limit);
            assert_eq!((text.as_str(), is_cut(&text)), (expected, expected.ends_with("more)")));
        }
        assert!(excerpt(&"x".repeat(3000), 0).ends_with(" … (1000 bytes more)") && excerpt("short", 3) == "short");
        assert!(beginning(&"x".repeat(300)).ends_with("x … (100 bytes more)") && !is_cut("all (7 bytes more)"));
        let (before, after) = ("x".repeat(5000), "y".repeat(5000));
        let shown = excerpt(&format!("{before}[here]{after}"), 5000);
        assert_eq!(shown, format!("… {}[here]{} … (3206 bytes more)", &before[..BEFORE], &after[..SHOWN - BEFORE - 6]));
    }
}
