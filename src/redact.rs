//! Keeps secrets out of everything that leaves: reports, timelines, log excerpts, error messages.
//!
//! A value counts as a secret when the name of its variable says so. Very short values are left alone: replacing every `1`
//! or `app` of a log would hide the evidence and protect nothing.

use std::collections::BTreeSet;

const SECRET_NAMES: [&str; 10] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY", "CREDENTIAL"];
const SHORTEST_SECRET: usize = 6;
/// What stands where a secret stood.
pub const MASK: &str = "[redacted]";

/// Replaces known secret values in text.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Longest first, so that a secret that contains another one is replaced whole.
    secrets: Vec<String>,
}

impl Redactor {
    /// A redactor for the secrets among these variables.
    #[must_use]
    pub fn of_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let secrets: BTreeSet<&str> = variables
            .into_iter()
            .filter(|(name, value)| names_a_secret(name) && value.len() >= SHORTEST_SECRET)
            .map(|(_, value)| value)
            .collect();
        let mut secrets: Vec<String> = secrets.into_iter().map(str::to_owned).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// The text with every known secret masked.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), MASK))
    }
}

/// Whether a variable of this name holds a secret; `DB_PASSWORD_FILE` holds a path, which is none.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    !name.ends_with("_FILE") && SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_under_secret_names_are_masked() {
        let redactor = Redactor::of_variables([
            ("DB_PASSWORD", "hunter22"),
            ("DB_PASSWORD_FILE", "/run/secrets/db"),
            ("DB_USER", "app_user"),
            ("PIN_SECRET", "1234"),
            ("api_token", "hunter22-and-more"),
        ]);
        let text = "app_user hunter22 hunter22-and-more /run/secrets/db 1234";
        assert_eq!(redactor.redact(text), "app_user [redacted] [redacted] /run/secrets/db 1234");
    }
}
