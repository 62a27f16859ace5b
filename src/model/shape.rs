//! The shape of a text: what several texts have in common that tell the same of different things.

/// What stands between the parts of a time, an address, a path or an id.
const SEPARATORS: [char; 7] = ['-', '.', ',', ':', '/', '+', '_'];
/// Letters of hexadecimal numbers alone are taken for one from this length on; beside digits, as in a UUID, from a shorter one on.
const LONG: usize = 6;
const SHORT: usize = 4;
/// What stands in the place of numbers, times, addresses and ids.
const ANY: char = '#';

/// A text with `#` in the place of every number, time, address and id, and single spaces.
#[must_use]
pub fn shape(text: &str) -> String {
    let mut shape = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !shape.is_empty() {
            shape.push(' ');
        }
        let mut rest = word;
        while let Some(letter) = rest.chars().next() {
            let end = rest.find(|letter| !is_part(letter)).unwrap_or(rest.len());
            if end == 0 {
                shape.push(letter);
                rest = &rest[letter.len_utf8()..];
            } else {
                add_part(&mut shape, &rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    shape
}

fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || SEPARATORS.contains(&letter)
}

/// Adds a run of letters, digits and separators, in which numbers that follow each other are one.
fn add_part(shape: &mut String, part: &str) {
    let has_digits = part.contains(|letter: char| letter.is_ascii_digit());
    let shortest = if has_digits { SHORT } else { LONG };
    let begin = shape.len();
    for piece in part.split_inclusive(SEPARATORS) {
        let word = piece.trim_end_matches(SEPARATORS);
        let is_hexadecimal = word.len() >= shortest && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hexadecimal || word.contains(|letter: char| letter.is_ascii_digit()) {
            let before = shape[begin..].trim_end_matches(SEPARATORS);
            if before.ends_with(ANY) {
                shape.truncate(begin + before.len());
            } else {
                shape.push(ANY);
            }
            shape.push_str(&piece[word.len()..]);
        } else {
            shape.push_str(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_times_addresses_and_ids_are_alike() {
        for (one, other, common) in [
            ("Started server process [7]", "Started server process [1312]", "Started server process [#]"),
            ("2026-11-20 11:26:55,123 INFO ready", "2026-11-21 01:06:05,9 INFO ready", "# # INFO ready"),
            ("2026-11-20T11:26:55Z up", "2026-11-20T11:26:55.123+00:00 up", "# up"),
            ("<conn at 0x7f3a2b; dsn: 'x'>", "<conn at 0x55ffab; dsn: 'x'>", "<conn at #; dsn: 'x'>"),
            ("rid=5a6e64e5-60d7-42a3-ac32-e82bdeadbeef", "rid=abcdef01-abcd-4abc-8abc-abcdefabcdef", "rid=#"),
            ("to 10.0.0.7:5432 in 1.5 ms", "to 172.18.0.3:5432 in 12 ms", "to # in # ms"),
            ("commit deadbeef", "commit  cafebabe", "commit #"),
            (r#"{"time":1795243488915,"msg":"up"}"#, r#"{"time":1795243488.9,"msg":"up"}"#, r#"{"time":#,"msg":"up"}"#),
        ] {
            assert_eq!((shape(one).as_str(), shape(other).as_str()), (common, common));
        }
    }

    #[test]
    fn what_tells_something_else_has_another_shape() {
        for (one, other) in [
            ("worker-1 started", "worker-1 stopping"),
            ("Started server process [7]", "Finished server process [7]"),
            ("kinto/core/cache.py:24", "kinto/core/storage.py:24"),
            ("bad decade", "bad facade 1"),
        ] {
            assert_ne!(shape(one), shape(other));
        }
    }
}
