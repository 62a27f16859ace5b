//! Text that is too long is cut at a character, and says so at its end.

/// How much of a text is shown among other words, in bytes, and how much of that is before what matters in it.
const SHOWN: usize = 2000;
const BEFORE: usize = 200;

/// The end of a text of which so many bytes are missing.
#[must_use]
pub fn cut_mark(missing: usize) -> String {
    format!(" … ({missing} bytes more)")
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
            assert_eq!(text, expected);
        }
        assert!(excerpt(&"x".repeat(3000), 0).ends_with(" … (1000 bytes more)") && excerpt("short", 3) == "short");
        let (before, after) = ("x".repeat(5000), "y".repeat(5000));
        let shown = excerpt(&format!("{before}[here]{after}"), 5000);
        assert_eq!(shown, format!("… {}[here]{} … (3206 bytes more)", &before[..BEFORE], &after[..SHOWN - BEFORE - 6]));
    }
}
