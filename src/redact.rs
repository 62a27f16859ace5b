//! Keeps secrets out of everything that leaves: reports, timelines, log excerpts, error messages.
//!
//! A value counts as a secret when the name of its variable says so. Very short values are left alone: replacing every `1`
//! or `app` of a log would hide the evidence and protect nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const SECRET_NAMES: [&str; 10] =
    ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY", "CREDENTIAL"];
/// What a name ends with that speaks of a secret; within a name it may be part of a harmless word.
const SECRET_ENDS: [&str; 6] = ["_PASS", "_PWD", "MASTER_KEY", "ENCRYPTION_KEY", "SIGNING_KEY", "_KEY_BASE"];
/// The ends of names whose value says where a secret is.
const PLACES: [&str; 2] = ["_FILE", "_PATH"];
const SHORTEST_SECRET: usize = 6;
/// The ends of the names of variables that name an account or a database, which is no secret.
const OPEN_ENDS: [&str; 5] = ["USER", "USERNAME", "_DB", "DATABASE", "_NAME"];
/// What is encoded wherever it stands in a URL (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What stands where a secret stood.
pub const MASK: &str = "[redacted]";

/// Replaces known secret values in text. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    /// Longest first, so that a secret that contains another one is replaced whole.
    secrets: Arc<[String]>,
    /// What is left alone.
    names: Arc<BTreeSet<String>>,
    /// Whether it was told a secret, one that is left alone or too short included.
    has_seen_any: bool,
}

impl Redactor {
    /// A redactor that leaves these names alone, whatever they are the value of: where the password of `postgres` is `postgres`,
    /// masking it would hide what is told and protect nothing.
    #[must_use]
    pub fn sparing<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { names: Arc::new(names.into_iter().map(str::to_owned).collect()), ..Self::default() }
    }

    /// The same, which knows the secrets among these variables too: values under names that speak of one, and passwords in URLs; as
    /// they are, and as JSON, URLs and headers have them. A password that is also the name of its user or database is left alone, as a
    /// name is: it stands in every line that tells of them, and that is not the password getting out.
    #[must_use]
    pub fn with_variables<'a>(self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let variables: Vec<(&str, &str)> = variables.into_iter().collect();
        let mut open = BTreeSet::clone(&self.names);
        open.extend(variables.iter().flat_map(|(name, value)| open_names(name, value)).map(str::to_owned));
        let mut secrets: BTreeSet<String> = self.secrets.iter().cloned().collect();
        let mut has_seen_any = self.has_seen_any;
        for (name, value) in variables {
            let named = names_a_secret(name).then_some(value);
            let found = named.into_iter().chain(password_in_url(value)).filter(|secret| !secret.is_empty());
            for secret in found {
                has_seen_any = true;
                if secret.len() >= SHORTEST_SECRET && !open.contains(secret) {
                    secrets.extend(spellings(secret));
                }
            }
        }
        let mut secrets: Vec<String> = secrets.into_iter().collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets: secrets.into(), names: open.into(), has_seen_any }
    }

    /// The same, which knows the value of a header too, and what follows the name of a scheme in it (RFC 9110, 11.4).
    #[must_use]
    pub fn with_secret(self, value: &str) -> Self {
        let credentials = value.split_once(' ').map(|(_, credentials)| credentials);
        [Some(value), credentials]
            .into_iter()
            .flatten()
            .fold(self, |redactor, secret| redactor.with_variables([("SECRET", secret)]))
    }

    /// Whether it was told a secret. One that is also a name, or too short, is one all the same.
    #[must_use]
    pub fn has_seen_any(&self) -> bool {
        self.has_seen_any
    }

    /// The text with every known secret masked.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mask = |text: String, secret: &String| if text.contains(secret) { text.replace(secret, MASK) } else { text };
        self.secrets.iter().fold(text.to_owned(), mask)
    }
}

/// Whether a variable of this name holds a secret; `DB_PASSWORD_FILE` holds a path, which is none.
#[must_use]
pub fn names_a_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let speaks_of_one =
        SECRET_NAMES.iter().any(|secret| name.contains(secret)) || SECRET_ENDS.iter().any(|end| name.ends_with(end));
    speaks_of_one && !PLACES.iter().any(|end| name.ends_with(end))
}

/// Whether a variable of this name names an account or a database, which is no secret.
#[must_use]
pub fn names_an_account(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    !names_a_secret(name) && OPEN_ENDS.iter().any(|end| upper.ends_with(end))
}

/// The password in `scheme://user:password@host` (RFC 3986, 3.2.1).
fn password_in_url(value: &str) -> Option<&str> {
    Some(login_in_url(value)?.1)
}

/// The user and the password in `scheme://user:password@host`.
fn login_in_url(value: &str) -> Option<(&str, &str)> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.rsplit_once('@')?.0.split_once(':')
}

/// The names of accounts and databases in a variable. In a URL the user may be a token, so it counts only where it is the password, too.
fn open_names<'a>(name: &str, value: &'a str) -> impl Iterator<Item = &'a str> {
    let is_open = names_an_account(name);
    let login = login_in_url(value).filter(|(user, password)| user == password);
    is_open.then_some(value).into_iter().chain(login.map(|(user, _)| user))
}

/// A secret as it is, in a JSON string, percent-encoded (RFC 3986, 2.1), and in Base64 (RFC 4648).
fn spellings(secret: &str) -> BTreeSet<String> {
    let json = serde_json::Value::from(secret).to_string();
    let percent = utf8_percent_encode(secret, RESERVED).to_string();
    [secret.to_owned(), json.trim_matches('"').to_owned(), percent, STANDARD.encode(secret)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_under_secret_names_are_masked() {
        let redactor = Redactor::default().with_variables([
            ("DB_PASSWORD", "hunter22"),
            ("DB_PASSWORD_FILE", "/run/secrets/db"),
            ("DB_USER", "app_user"),
            ("PIN_SECRET", "1234"),
            ("api_token", "hunter22-and-more"),
            ("PARSE_SERVER_MASTER_KEY", "change-me-please"),
            ("PARSE_SERVER_MASTER_KEY_IPS", "0.0.0.0/0,::/0"),
            ("TLS_PRIVATE_KEY_PATH", "/etc/tls/key.pem"),
        ]);
        let text = "app_user hunter22 hunter22-and-more /run/secrets/db 1234 change-me-please 0.0.0.0/0,::/0 /etc/tls/key.pem";
        let masked = "app_user [redacted] [redacted] /run/secrets/db 1234 [redacted] 0.0.0.0/0,::/0 /etc/tls/key.pem";
        assert_eq!(redactor.redact(text), masked);
    }

    #[test]
    fn a_secret_is_known_in_every_spelling() {
        let redactor = Redactor::default()
            .with_variables([("DATABASE_URL", "postgres://app:s3cr%C3%A9t@db:5432/app"), ("DB_PASS", "a\"b/c d!")]);
        for text in ["s3cr%C3%A9t", "a\"b/c d!", r#"a\"b/c d!"#, "a%22b%2Fc%20d%21", "YSJiL2MgZCE="] {
            assert_eq!(redactor.redact(text), MASK, "{text}");
        }
        assert_eq!(redactor.redact("postgres://app@db:5432/app"), "postgres://app@db:5432/app");
    }

    #[test]
    fn a_password_that_is_the_name_of_its_user_stays_readable() {
        let own = [("POSTGRES_USER", "unleash"), ("POSTGRES_PASSWORD", "unleash")];
        let in_address = [("DATABASE_URL", "postgres://unleash:unleash@db/unleash")];
        for variables in [&own[..], &in_address[..]] {
            let redactor = Redactor::default().with_variables(variables.iter().copied());
            assert_eq!(redactor.redact("GET /unleash as unleash"), "GET /unleash as unleash");
        }
        let other =
            Redactor::default().with_variables([("DB_USER", "unleash"), ("DB_PASSWORD", "hunter22"), ("NOTE", "hunter22")]);
        assert_eq!(other.redact("unleash hunter22"), "unleash [redacted]");
        let token = [("REPOSITORY", "https://hunter22:x-oauth@example.org/r"), ("API_TOKEN", "hunter22")];
        assert_eq!(Redactor::default().with_variables(token).redact("hunter22"), MASK);
    }

    #[test]
    fn a_secret_that_is_left_alone_is_one() {
        let told =
            |variables: &[(&str, &str)]| Redactor::sparing(["app"]).with_variables(variables.iter().copied()).has_seen_any();
        assert!(!told(&[("PORT", "8000"), ("DB_PASSWORD", ""), ("DB_PASSWORD_FILE", "/run/secrets/db")]));
        for variable in [("DB_PASSWORD", "app"), ("PIN_SECRET", "1234"), ("DATABASE_URL", "postgres://app:app@db/app")] {
            assert!(told(&[variable]), "{variable:?}");
        }
    }

    #[test]
    fn names_stay_readable() {
        let redactor = Redactor::sparing(["app", "postgres"]);
        let redactor = redactor.with_variables([("POSTGRES_PASSWORD", "postgres"), ("API_TOKEN", "hunter22")]);
        assert_eq!(redactor.redact("postgres has hunter22"), "postgres has [redacted]");
    }
}
