//! What a secret looks like by itself: tokens of services that document a prefix, private keys, passwords in addresses; and what
//! only looks like one: values that stand for a secret, versions, numbers, references.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

/// A kind of secret, and how it looks. The prefixes are documented by those who give the tokens out.
const KINDS: [(&str, &str); 22] = [
    (
        PRIVATE_KEY,
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n)+(?:[A-Za-z-]+: [^\n]*\s+)*[A-Za-z0-9+/=]{40}",
    ),
    ("an AWS access key", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
    ("a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,251}\b"),
    ("a GitHub token", r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b"),
    ("a GitLab token", r"\bgl(?:pat|dt|rt|ptt|cbt)-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abeoprs]-[0-9]{8,}-[A-Za-z0-9-]{16,}"),
    ("a Slack webhook", r"https://hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{20,}"),
    ("a Stripe key", r"\b[sr]k_live_[A-Za-z0-9]{24,}"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}\b"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", r"\bpypi-AgE[A-Za-z0-9_-]{60,}"),
    ("a Docker Hub token", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{27,}"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}\b"),
    ("an OpenAI key", r"\bsk-(?:proj|svcacct)-[A-Za-z0-9_-]{40,}"),
    ("an Anthropic key", r"\bsk-ant-[a-z0-9]+-[A-Za-z0-9_-]{80,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z]{34}\b"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    ("a HashiCorp Vault token", r"\bhvs\.[A-Za-z0-9_-]{90,}"),
    ("a Shopify token", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
    ("a Telegram bot token", r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    ("an Azure storage key", r"\bAccountKey=[A-Za-z0-9+/]{86}=="),
    ("an age key", r"\bAGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}\b"),
];
/// How messages call a private key.
pub(super) const PRIVATE_KEY: &str = "a private key";
/// A password in an address: `scheme://user:password@host`.
const ADDRESS: &str = r"\b[a-z][a-z0-9+.-]*://[^\s:/@'\x22]*:([^\s/@'\x22]+)@[A-Za-z0-9\[]";
/// What values that stand for a secret contain, in small letters.
const STAND_INS: [&str; 26] = [
    "example",
    "change",
    "placeholder",
    "your",
    "dummy",
    "xxxx",
    "****",
    "todo",
    "fixme",
    "redacted",
    "insert",
    "replace",
    "<",
    "{",
    "$(",
    "sample",
    "fake",
    "0000000000",
    "1234567",
    "abcdef",
    "not-set",
    "notset",
    "undefined",
    "secret-here",
    "my-secret",
    "mysecret",
];
/// Words that no one takes for a secret.
const WORDS: [&str; 22] = [
    "password",
    "passwd",
    "pass",
    "secret",
    "token",
    "postgres",
    "mysql",
    "redis",
    "admin",
    "root",
    "user",
    "guest",
    "test",
    "testing",
    "development",
    "production",
    "default",
    "disabled",
    "enabled",
    "required",
    "optional",
    "anonymous",
];

static PATTERNS: LazyLock<Vec<Regex>> =
    LazyLock::new(|| KINDS.iter().filter_map(|(_, pattern)| Regex::new(pattern).ok()).collect());
static ANY: LazyLock<RegexSet> = LazyLock::new(|| RegexSet::new(KINDS.iter().map(|(_, pattern)| pattern)).unwrap_or_default());
static IN_ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ADDRESS).ok());

/// Everything in a text that is a secret by itself: what it is, where, and how it begins.
pub(super) fn tokens(text: &str) -> Vec<(&'static str, usize, String)> {
    let mut found = vec![];
    for kind in ANY.matches(text) {
        let (what, _) = KINDS[kind];
        for token in PATTERNS[kind].find_iter(text).filter(|token| what == PRIVATE_KEY || !stands_in(token.as_str())) {
            found.push((what, token.start(), begin(token.as_str())));
        }
    }
    found
}

/// The first password in an address of a text that counts as one.
pub(super) fn password_in_address(text: &str, counts: impl Fn(&str) -> bool) -> Option<&str> {
    let captures = IN_ADDRESS.as_ref()?.captures_iter(text);
    captures.filter_map(|captures| captures.get(1)).map(|password| password.as_str()).find(|password| counts(password))
}

/// Whether a value is a password that somebody might use.
pub(super) fn is_password(value: &str) -> bool {
    let is_plain_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    value.len() >= 6 && !is_plain_number && !stands_in(value) && is_given(value)
}

/// Whether a value is written out: it is neither empty nor the name of another value. Any such value of a password that a service is
/// given is the password.
pub(super) fn is_given(value: &str) -> bool {
    !is_reference(value)
        && !value.starts_with(['<', '{'])
        && !value.contains("${")
        && value.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Whether a value looks like a password that was made, and not like a word or a name: letters and digits take turns in it.
pub(super) fn is_made_password(value: &str) -> bool {
    value.len() >= 8 && turns(value) >= 2 && entropy(value) >= 2.5 && is_password(value) && !value.contains(char::is_whitespace)
}

/// Whether a value looks like a key that was made, and not like a name, which may be long and end in a version.
pub(super) fn is_made_key(value: &str) -> bool {
    turns(value) >= 3 && is_random(value)
}

/// How often a letter and a digit stand side by side.
fn turns(value: &str) -> usize {
    let is_turn = |pair: &[u8]| {
        let (one, other) = (pair[0], pair[1]);
        (one.is_ascii_alphabetic() && other.is_ascii_digit()) || (one.is_ascii_digit() && other.is_ascii_alphabetic())
    };
    value.as_bytes().windows(2).filter(|pair| is_turn(pair)).count()
}

/// Whether a value is a random one. Names of classes and modules, which are long too, have no digit as a rule.
pub(super) fn is_random(value: &str) -> bool {
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    value.len() >= 16 && has_digit && entropy(value) >= 3.0 && is_password(value) && !value.contains(char::is_whitespace)
}

/// A value that names another one, or where it is to be found.
fn is_reference(value: &str) -> bool {
    value.starts_with(['$', '/', '%', '@', '~'])
        || value.contains("://")
        || ["file:", "arn:", "ENC["].iter().any(|begin| value.starts_with(begin))
}

fn stands_in(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    let same = value.bytes().all(|byte| Some(byte) == value.bytes().next());
    same || STAND_INS.iter().any(|word| value.contains(word))
        || WORDS.contains(&value.as_str())
        || ["true", "false", "none", "null"].contains(&value.as_str())
}

/// Shannon's entropy in bits per character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length);
    -shares.map(|share| share * share.log2()).sum::<f64>()
}

/// Enough of a token to find it again, and too little to use it.
fn begin(token: &str) -> String {
    let token: String = token.chars().take_while(|character| *character != '\n').take(8).collect();
    if token.starts_with("-----") { "-----BEGIN …".into() } else { format!("{}…", token.get(..6).unwrap_or_default()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        assert_eq!((PATTERNS.len(), ANY.len()), (KINDS.len(), KINDS.len()));
        assert!(IN_ADDRESS.is_some());
    }

    #[test]
    fn tokens_are_told_from_examples() {
        let random = "k3Jd92LmQpX0aZbYc71RtUvWe84HsGfN65TiOo";
        for (text, is_token) in [
            (format!("ghp_{}", &random[..36]), true),
            (format!("token: glpat-{}", &random[..20]), true),
            (format!("npm_{}", &random[..36]), true),
            ("AKIAIOSFODNN7EXAMPLE".to_owned(), false),
            ("AKIAQ3EGRJ7KDV5WPLZM".to_owned(), true),
            (format!("sk_live_{}", &random[..24]), true),
            (format!("sk_test_{}", &random[..24]), false),
            ("ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".to_owned(), false),
            (format!("-----BEGIN RSA PRIVATE KEY-----\n{random}{random}"), true),
            (format!("-----BEGIN PRIVATE KEY-----\\n{random}{random}"), true),
            (
                format!("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,0A\n\n{random}{random}"),
                true,
            ),
            ("-----BEGIN PRIVATE KEY-----\n...\n-----END".to_owned(), false),
            (format!("-----BEGIN PUBLIC KEY-----\n{random}{random}"), false),
            (format!("-----BEGIN CERTIFICATE-----\n{random}{random}"), false),
        ] {
            assert_eq!(!tokens(&text).is_empty(), is_token, "{text}");
        }
    }

    #[test]
    fn addresses_with_passwords_are_told_from_those_without() {
        for (text, is_one) in [
            ("DATABASE_URL=postgres://app:kX82mQp1@db/app", true),
            ("postgres://app:password@db/app", false),
            ("postgres://app:$DB_PASSWORD@db/app", false),
            ("postgres://app:${DB_PASSWORD}@db/app", false),
            ("https://example.org:8443/a@b", false),
            ("git@github.com:owner/name", false),
            ("redis://:v9Qm2xLp@cache:6379", true),
        ] {
            assert_eq!(password_in_address(text, is_password).is_some(), is_one, "{text}");
        }
    }

    #[test]
    fn what_is_made_is_told_from_names_and_words() {
        for (value, is_key) in [
            ("4804e3cd2c2c4d6d0544b1b5451111e4a7df29987b92f63b9317ee51ce59a994", true),
            ("550e8400-e29b-41d4-a716-446655440000", true),
            ("k3Jd92LmQpX0aZbYc71RtUvWe84HsGfN65Ti", true),
            ("my-release-postgres-15-credentials-v2", false),
            ("openai/clip-vit-large-patch14", false),
            ("com.example.auth.OAuth2TokenProviderImpl", false),
            ("4804e3cd2c2c4d6", false),
            ("ENC[AES256_GCM,data:k3Jd92LmQpX0aZbYc71R]", false),
        ] {
            assert_eq!(is_made_key(value), is_key, "{value}");
        }
        for (value, is_one) in [
            ("kX82mQp1", true),
            ("k3x-Q9w-77Lm", true),
            ("hunter22", false),
            ("postgres123", false),
            ("mypassword", false),
            ("password-2024-v3", false),
            ("two words 1a2b3c", false),
        ] {
            assert_eq!(is_made_password(value), is_one, "{value}");
        }
    }
}
