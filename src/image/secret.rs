//! Secrets in an image: in its settings, in the lines that made it, and in the files of its layers.
//!
//! Found by name and content together: a value under a name that speaks of a secret, a token by its documented form, a private
//! key. What is found is never kept, only where it stands and how it begins.

use std::fmt;

use super::entry::{Entry, Kind};
use super::tokens::{PRIVATE_KEY, is_given, is_made_key, is_made_password, is_password, is_random, password_in_address, tokens};
use crate::redact::names_a_secret;

/// Files that are larger are read no further.
pub const LARGEST_FILE: u64 = 1 << 20;
/// How much of a file decides whether it is a text.
const BEGINNING: usize = 8 << 10;
/// Folders of installed packages: what looks like a secret there is a test's or an example.
const PACKAGED: [&str; 9] =
    ["usr/share/", "usr/lib/", "usr/include/", "lib/", "lib64/", "usr/src/linux", "var/lib/dpkg/", "var/cache/", "proc/"];
const PACKAGES: [&str; 9] = [
    "/site-packages/",
    "/dist-packages/",
    "/node_modules/",
    "/gems/",
    "/go/pkg/mod/",
    "/.cargo/registry/",
    "/lib/python",
    "/.m2/",
    "/.nuget/",
];
/// The key that Debian's package `ssl-cert` makes for tests.
const SNAKE_OIL: &str = "etc/ssl/private/ssl-cert-snakeoil.key";
/// Names of files with settings that show what is to be set.
const SHOWN: [&str; 5] = ["example", "sample", "template", "dist", "defaults"];
/// The ends of names that speak of a secret and hold none.
const ABOUT: [&str; 21] = [
    "_file",
    "_path",
    "_dir",
    "_url",
    "_uri",
    "_ttl",
    "_length",
    "_name",
    "_expiry",
    "_expires",
    "_expires_in",
    "_timeout",
    "_header",
    "_type",
    "_policy",
    "_algorithm",
    "_issuer",
    "_audience",
    "_enabled",
    "_host",
    "_user",
];
/// Parts of names under which a value need not be random to be a secret.
const PASSWORDS: [&str; 3] = ["PASSWORD", "PASSWD", "PASSPHRASE"];
/// The ends of names whose value is a password, however short it is.
const PASSWORD_ENDS: [&str; 5] = ["PASSWORD", "PASSWD", "PASSPHRASE", "_PASS", "_PWD"];
/// The ends of names whose value is the key by which an app signs or encrypts, or lets its administrator in, whatever it is.
const KEY_ENDS: [&str; 6] = ["MASTER_KEY", "SECRET_KEY", "SECRET_KEY_BASE", "ENCRYPTION_KEY", "SIGNING_KEY", "PRIVATE_KEY"];
/// The ends of names whose value lets a client in: a word there may stand for one, and what looks made is one, however short.
const CLIENT_ENDS: [&str; 4] = ["API_KEY", "APIKEY", "TOKEN", "SECRET"];
/// The ends of the names of files that hold a key.
const KEY_FILES: [&str; 6] = [".pem", ".key", ".der", ".p8", ".p12", ".json"];
/// Parts of names that switch something on or off, `MYSQL_ALLOW_EMPTY_PASSWORD`.
const SWITCHES: [&str; 12] = [
    "ALLOW", "RANDOM", "REQUIRE", "REQUIRED", "REQUIRES", "DISABLE", "DISABLED", "ENABLE", "ENABLED", "FORCE", "SKIP", "GENERATE",
];
/// What is no password, but the answer to a question.
const ANSWERS: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "none", "null", "enabled", "disabled"];
/// The ends of the names of files with settings.
const CONFIGS: [&str; 9] = ["ini", "conf", "cfg", "cnf", "config", "properties", "yaml", "yml", "toml"];
/// Folders whose files show how something is set, or try it.
const SHOWING: [&str; 19] = [
    "doc",
    "docs",
    "example",
    "examples",
    "sample",
    "samples",
    "template",
    "templates",
    "test",
    "tests",
    "testing",
    "testdata",
    "fixtures",
    "spec",
    "demo",
    "locale",
    "locales",
    "i18n",
    "translations",
];
/// Words of a name under which a random value is a secret, in a file of settings.
const SECRET_WORDS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "secret",
    "secrets",
    "token",
    "tokens",
    "hmac",
    "apikey",
    "credential",
    "credentials",
];
/// Words that say of a key that it is one of those that are kept.
const KEY_WORDS: [&str; 12] =
    ["api", "access", "private", "encryption", "signing", "signature", "master", "session", "cookie", "auth", "jwt", "crypt"];
/// Words of names that speak of a secret and hold something that may be known, in a file of settings.
const KNOWN_WORDS: [&str; 8] = ["public", "pub", "id", "fingerprint", "hash", "checksum", "cache", "version"];

/// Where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What it is.
    pub what: String,
    /// The path of its file, from the root, without a slash in front.
    pub path: String,
    /// Its line, from 1.
    pub line: Option<usize>,
    /// Whether it is a value in a file of settings that could hold anything. In a base image that is the base's own business: it is the
    /// same for everybody, and most often no secret.
    pub is_setting: bool,
}

/// A secret that is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The name of the setting or flag; nothing where it stands in a command line without one.
    pub name: Option<String>,
    /// What it is, with the name and without the value.
    pub what: String,
    /// The value, to tell whether another one is the same. It is never shown.
    pub value: String,
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}: {}", self.path, self.what),
            None => write!(formatter, "{}: {}", self.path, self.what),
        }
    }
}

/// Which passwords count.
#[derive(Clone, Copy)]
enum Counts {
    /// Those that look as if somebody used them: in an image a short or usual word is a default or an example.
    Likely,
    /// All that are written out: what a compose file gives to a service is its password, whatever it is.
    All,
}

impl Counts {
    fn counts(self, password: &str) -> bool {
        match self {
            Self::Likely => is_password(password),
            Self::All => is_given(password),
        }
    }
}

/// A secret in a setting of an image: an environment variable or a label.
#[must_use]
pub fn in_setting(name: &str, value: &str) -> Option<String> {
    setting(name, value, Counts::Likely).map(|written| written.what)
}

/// The secrets in an instruction by which an image was made: build arguments, and what a command is given.
#[must_use]
pub fn in_step(instruction: &str) -> Vec<String> {
    line(instruction, Counts::Likely).into_iter().map(|written| written.what).collect()
}

/// A secret in a setting that a service is given.
#[must_use]
pub fn written_in_setting(name: &str, value: &str) -> Option<Written> {
    setting(name, value, Counts::All)
}

/// The secrets in a command line that a service is given.
#[must_use]
pub fn written_in_line(command: &str) -> Vec<Written> {
    line(command, Counts::All)
}

fn setting(name: &str, value: &str, which: Counts) -> Option<Written> {
    let written = |what: String, value: &str| Some(Written { name: Some(name.to_owned()), what, value: value.to_owned() });
    if let Some((what, _, begin)) = tokens(value).into_iter().next() {
        return written(format!("`{name}` is {what} ({begin})"), value);
    }
    if let Some(password) = password_in_address(value, |password| which.counts(password)) {
        return written(format!("`{name}` is a URL with a password"), password);
    }
    if is_secret(name, value, which) {
        return written(format!("`{name}` has a value of {} characters", value.len()), unquoted(value));
    }
    None
}

fn line(instruction: &str, which: Counts) -> Vec<Written> {
    let nameless = |what: String, value: &str| Written { name: None, what, value: value.to_owned() };
    let tokens_in = tokens(instruction).into_iter();
    let mut found: Vec<Written> = tokens_in.map(|(what, _, begin)| nameless(format!("{what} ({begin})"), &begin)).collect();
    if let Some(password) = password_in_address(instruction, |password| which.counts(password)) {
        found.push(nameless("a URL with a password".into(), password));
    }
    let words: Vec<&str> = instruction.split_whitespace().collect();
    for (place, word) in words.iter().enumerate() {
        let word = word.trim_start_matches("--").trim_matches(['"', '\'', ';']);
        let pair = match word.split_once('=') {
            Some(pair) => Some(pair),
            // `--password VALUE`
            None if words[place].starts_with("--") => {
                words.get(place + 1).filter(|value| !value.starts_with("--")).map(|value| (word, *value))
            }
            None => None,
        };
        if let Some((name, value)) = pair
            && is_secret(name, value, which)
            && tokens(value).is_empty()
        {
            let (name, value) = (name.trim_start_matches(['"', '\'']), unquoted(value));
            let what = format!("`{name}` with a value of {} characters", value.len());
            found.push(Written { name: Some(name.to_owned()), what, value: value.to_owned() });
        }
    }
    found
}

/// Whether a file is worth reading.
pub(super) fn may_hide_in(entry: &Entry) -> bool {
    let path = &*entry.path;
    let is_packaged =
        PACKAGED.iter().any(|folder| path.starts_with(folder)) || PACKAGES.iter().any(|folder| path.contains(folder));
    entry.kind == Kind::File && entry.size > 0 && entry.size <= LARGEST_FILE && !is_packaged && path != SNAKE_OIL
}

/// The secrets in a file. Its content may be cut off.
#[must_use]
pub fn in_file(path: &str, content: &[u8]) -> Vec<Secret> {
    let at = |what: String, line: Option<usize>| Secret { what, path: path.to_owned(), line, is_setting: false };
    if path.ends_with(".git/HEAD") {
        return vec![at("a Git repository, with its whole history".into(), None)];
    }
    if content[..content.len().min(BEGINNING)].contains(&0) {
        return vec![];
    }
    let text = String::from_utf8_lossy(content);
    let line_of = |place: usize| Some(text[..place].matches('\n').count() + 1);
    let mut found: Vec<Secret> = vec![];
    for (what, place, begin) in tokens(&text) {
        let what = if what == PRIVATE_KEY { what.to_owned() } else { format!("{what} ({begin})") };
        found.push(at(what, line_of(place)));
    }
    found.extend(by_name(path, &text).into_iter().map(|(what, place)| at(what, line_of(place))));
    found.dedup_by(|one, other| one.line == other.line);
    for (what, place) in in_config(path, &text) {
        let line = line_of(place);
        if found.iter().all(|other| other.line != line) {
            found.push(Secret { is_setting: true, ..at(what, line) });
        }
    }
    found
}

/// The secrets among the settings of a file, `NAME = VALUE` or `NAME: VALUE` on a line: values that were made, under names that speak of
/// a secret.
fn in_config(path: &str, text: &str) -> Vec<(String, usize)> {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_config = name.rsplit_once('.').is_some_and(|(_, end)| CONFIGS.contains(&end.to_ascii_lowercase().as_str()));
    let is_shown = SHOWN.iter().any(|word| name.contains(word)) || folders.split('/').any(|folder| SHOWING.contains(&folder));
    if !is_config || is_shown {
        return vec![];
    }
    let secret = |(place, line)| {
        let (name, value) = assignment(line)?;
        let what = if password_in_address(value, is_made_password).is_some() {
            format!("`{name}` is a URL with a password")
        } else if is_made_secret(name, value) {
            format!("`{name}` has a value of {} characters", value.len())
        } else {
            return None;
        };
        Some((what, place))
    };
    lines(text).filter_map(secret).collect()
}

/// The name and the value of a line of a file of settings; nothing for comments and whatever else.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let line = line.strip_prefix("- ").unwrap_or(line);
    let (name, value) = line.split_once(['=', ':'])?;
    let name = name.trim().trim_matches(['"', '\'']);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    let value = value.trim();
    let value = match value.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        Some(quote) => value[1..].split(quote).next().unwrap_or_default(),
        // What follows may be a comment.
        None => value.split([' ', '\t', ',']).next().unwrap_or_default(),
    };
    Some((name, value))
}

/// Whether a value in a file of settings is a secret by its name, and one that was made.
fn is_made_secret(name: &str, value: &str) -> bool {
    let snake = snake_case(name.rsplit('.').next().unwrap_or_default());
    let words: Vec<&str> = snake.split('_').collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let is_key = words.last() == Some(&"key") && has(&KEY_WORDS);
    if ABOUT.iter().any(|end| snake.ends_with(end)) || has(&KNOWN_WORDS) || !(has(&SECRET_WORDS) || is_key) {
        return false;
    }
    if PASSWORD_ENDS.iter().any(|end| snake.to_ascii_uppercase().ends_with(end)) {
        is_made_password(value)
    } else {
        is_made_key(value)
    }
}

/// A name in small letters with `_` between its words: `clientSecret`, `client-secret`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut was_small = false;
    for character in name.chars() {
        if was_small && character.is_ascii_uppercase() {
            snake.push('_');
        }
        was_small = character.is_ascii_lowercase() || character.is_ascii_digit();
        snake.push(if character == '-' { '_' } else { character.to_ascii_lowercase() });
    }
    snake
}

/// The secrets in a file whose name says that it may hold some.
fn by_name(path: &str, text: &str) -> Vec<(String, usize)> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.split('.').skip(1).any(|part| part == "env") {
        let is_shown = SHOWN.iter().any(|word| name.contains(word));
        return if is_shown { vec![] } else { settings(text) };
    }
    let rule: &dyn Fn(&str) -> bool = match name {
        ".npmrc" => &|line| value_after(line, &["_authToken=", "_auth=", "_password="]).is_some_and(is_password),
        ".pypirc" | "pip.conf" => &|line| {
            let is_set = value_after(&line.replace(' ', ""), &["password=", "password:"]).is_some_and(is_password);
            is_set || password_in_address(line, is_password).is_some()
        },
        ".netrc" | "_netrc" => &|line| {
            let mut words = line.split_whitespace().skip_while(|word| *word != "password");
            words.nth(1).is_some_and(is_password)
        },
        ".pgpass" => &|line| !line.starts_with('#') && line.split(':').nth(4).is_some_and(is_password),
        ".git-credentials" => &|line| password_in_address(line, is_password).is_some(),
        "config.json" if path.ends_with(".docker/config.json") => &|line| json_value(line, "auth").is_some_and(is_password),
        "credentials" if path.ends_with(".aws/credentials") => {
            &|line| value_after(&line.replace(' ', ""), &["aws_secret_access_key="]).is_some_and(is_random)
        }
        "config" if path.ends_with(".kube/config") => {
            &|line| value_after(&line.replace(' ', ""), &["client-key-data:", "token:", "password:"]).is_some_and(is_password)
        }
        ".htpasswd" => &|line| line.split_once(':').is_some_and(|(_, hash)| hash.starts_with('$') && hash.len() > 20),
        _ => return vec![],
    };
    lines(text)
        .filter(|(_, line)| rule(line))
        .map(|(place, _)| (format!("credentials, as {name} holds them"), place))
        .take(1)
        .collect()
}

/// The secrets in a file of settings, `NAME=VALUE` on each line.
fn settings(text: &str) -> Vec<(String, usize)> {
    let mut found = vec![];
    for (place, line) in lines(text) {
        let line = line.trim().trim_start_matches("export ");
        if line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.split_once('=')
            && let Some(what) = in_setting(name.trim(), unquoted(value))
        {
            found.push((what, place));
        }
    }
    found
}

/// The lines of a text, each with the place where it begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut place = 0;
    text.split_inclusive('\n').map(move |line| {
        let at = place;
        place += line.len();
        (at, line.trim_end())
    })
}

fn value_after<'a>(line: &'a str, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| line.split_once(key)).map(|(_, value)| unquoted(value))
}

fn json_value<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!("\"{key}\""))?;
    Some(rest.trim_start_matches([':', ' ']).trim_matches(['"', ',', '}', ' ']))
}

/// Whether a name and its value together are a secret.
fn is_secret(name: &str, value: &str, which: Counts) -> bool {
    let name =
        name.rsplit(|character: char| !character.is_ascii_alphanumeric() && !"_-".contains(character)).next().unwrap_or_default();
    let lower = name.replace('-', "_").to_ascii_lowercase();
    let is_about = ABOUT.iter().any(|end| lower.ends_with(end)) || lower.contains("public");
    if !names_a_secret(&lower) || is_about {
        return false;
    }
    let value = unquoted(value);
    let upper = lower.to_ascii_uppercase();
    let ends = |all: &[&str]| all.iter().any(|end| upper.ends_with(end));
    let is_file = || value.starts_with('.') || KEY_FILES.iter().any(|end| value.ends_with(end));
    if matches!(which, Counts::All) && (ends(&PASSWORD_ENDS) || (ends(&KEY_ENDS) && !is_file())) {
        let is_switch = upper.split('_').any(|word| SWITCHES.contains(&word));
        return !is_switch && !ANSWERS.contains(&value.to_ascii_lowercase().as_str()) && is_given(value);
    }
    if PASSWORDS.iter().any(|word| upper.contains(word)) {
        return is_password(value);
    }
    is_random(value) || (matches!(which, Counts::All) && ends(&CLIENT_ENDS) && is_made_password(value))
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['"', '\'', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "k3Jd92LmQpX0aZbYc71RtUvWe84HsGfN65Ti";

    #[test]
    fn settings_are_told_from_what_only_looks_like_a_secret() {
        for (name, value, is_one) in [
            ("DB_PASSWORD", "s3cr3t-Qx91", true),
            ("DB_PASSWORD", "", false),
            ("DB_PASSWORD", "changeme", false),
            ("DB_PASSWORD", "$DB_PASSWORD", false),
            ("DB_PASSWORD_FILE", "/run/secrets/db", false),
            ("DB_PASSWORD", "/run/secrets/db", false),
            ("PASSWORD_MIN_LENGTH", "12", false),
            ("API_TOKEN", RANDOM, true),
            ("API_TOKEN", "short", false),
            ("RAILS_MASTER_KEY", RANDOM, true),
            ("RAILS_MASTER_KEY", "development", false),
            ("TOKEN_TTL", "3600000000000000", false),
            ("ANYTHING", &format!("ghp_{RANDOM}"), true),
            ("GPG_KEY", "A035C8C19219BA821ECEA86B64E628F8D684696D", false),
            ("PYTHON_VERSION", "3.11.2", false),
            ("PYTHON_SHA256", "f13b1ad3e8d9d8e8b0b4fbb0b4b8ad1fdb2ac11e3d4eb3b1e0ee5f0f1d6a7b1c", false),
            ("JWT_PUBLIC_KEY_SECRET", RANDOM, false),
            ("DATABASE_URL", "postgres://app:kX82mQp1@db/app", true),
            ("DATABASE_URL", "postgres://app@db/app", false),
            ("NGINX_VERSION", "1.22.1", false),
        ] {
            assert_eq!(in_setting(name, value).is_some(), is_one, "{name}={value}");
        }
    }

    #[test]
    fn every_password_that_a_service_is_given_counts() {
        for (name, value, password) in [
            ("POSTGRES_PASSWORD", "kinto", Some("kinto")),
            ("POSTGRES_PASSWORD", "postgres", Some("postgres")),
            ("POSTGRES_PASSWORD", "changeme", Some("changeme")),
            ("POSTGRES_PASSWORD", "1234", Some("1234")),
            ("RABBITMQ_DEFAULT_PASS", "guest", Some("guest")),
            ("STORAGE_URL", "postgresql://kinto:kinto@db/kinto", Some("kinto")),
            ("BROKER_URL", "amqp://guest:guest@broker", Some("guest")),
            ("POSTGRES_PASSWORD", "", None),
            ("POSTGRES_PASSWORD", "$DB_PASSWORD", None),
            ("POSTGRES_PASSWORD", "${DB_PASSWORD:?}", None),
            ("POSTGRES_PASSWORD", "<the password>", None),
            ("POSTGRES_PASSWORD_FILE", "/run/secrets/db", None),
            ("STORAGE_URL", "postgresql://kinto:$DB_PASSWORD@db/kinto", None),
            ("STORAGE_URL", "postgresql://kinto@db/kinto", None),
            ("MARIADB_RANDOM_ROOT_PASSWORD", "yes", None),
            ("MYSQL_ALLOW_EMPTY_PASSWORD", "1", None),
            ("PROMPT_FOR_PASSWORD", "false", None),
            ("PASSWORD_MIN_LENGTH", "12", None),
            ("PASSWORD_AUTH", "ldap", None),
            ("API_TOKEN", "short", None),
            ("API_KEY", "8sdhf7sdhfjj3", Some("8sdhf7sdhfjj3")),
            ("OAUTH_CLIENT_SECRET", "a1b2c3d4", Some("a1b2c3d4")),
            ("API_KEY", "DEMO_KEY", None),
            ("TLS_SECRET", "web-tls-cert", None),
            ("PARSE_SERVER_MASTER_KEY", "change-me-please", Some("change-me-please")),
            ("SECRET_KEY_BASE", "dev", Some("dev")),
            ("DJANGO_SECRET_KEY", "insecure", Some("insecure")),
            ("N8N_ENCRYPTION_KEY", "abc", Some("abc")),
            ("JWT_SIGNING_KEY", "abc", Some("abc")),
            ("SAML_PRIVATE_KEY", "abc", Some("abc")),
            ("PARSE_SERVER_MASTER_KEY_IPS", "0.0.0.0/0,::/0", None),
            ("SIGNING_KEY_FILE", "keys/signing", None),
            ("SIGNING_KEY_PATH", "keys/signing", None),
            ("SIGNING_KEY_ID", "2024-01", None),
            ("SIGNING_KEY", "/run/secrets/key", None),
            ("SIGNING_KEY", "./key", None),
            ("SIGNING_KEY", "keys/signing.pem", None),
            ("SIGNING_KEY", "${KEY:?}", None),
            ("PUBLIC_SIGNING_KEY", "abc", None),
            ("GENERATE_SIGNING_KEY", "1", None),
            ("PARTITION_KEY", "order", None),
        ] {
            let written = written_in_setting(name, value);
            assert_eq!(written.as_ref().map(|written| written.value.as_str()), password, "{name}={value}");
            assert!(written.is_none_or(|written| written.name.as_deref() == Some(name) && !written.what.contains("guest")));
        }
        for (command, password) in [
            ("server --store postgresql://ab:cd@db/ab", Some("cd")),
            ("server --password abc", Some("abc")),
            ("server --password --verbose", None),
            ("server --password $$PASSWORD", None),
        ] {
            let found = written_in_line(command);
            assert_eq!(found.first().map(|written| written.value.as_str()), password, "{command}");
        }
    }

    #[test]
    fn build_arguments_are_read_from_the_history() {
        for (line, count) in [
            (format!("RUN |1 NPM_TOKEN={RANDOM} /bin/sh -c npm ci # buildkit"), 1),
            ("RUN |1 VERSION=1.2.3 /bin/sh -c npm ci # buildkit".to_owned(), 0),
            ("RUN /bin/sh -c curl --user app --password Qx91mmVt https://example.org".to_owned(), 1),
            ("RUN /bin/sh -c psql \"postgres://app:kX82mQp1@db/app\"".to_owned(), 1),
            ("RUN /bin/sh -c export PASSWORD=$(cat /run/secrets/db) && make".to_owned(), 0),
            ("RUN /bin/sh -c --mount=type=secret,id=token npm ci".to_owned(), 0),
            ("ARG NPM_TOKEN".to_owned(), 0),
            (format!("ARG NPM_TOKEN={RANDOM}"), 1),
        ] {
            assert_eq!(in_step(&line).len(), count, "{line}: {:?}", in_step(&line));
        }
    }

    #[test]
    fn files_are_judged_by_name_and_content() {
        let key = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{RANDOM}{RANDOM}\n");
        for (path, content, count) in [
            ("srv/.env", "DEBUG=1\nDB_PASSWORD=Qx91mmVt\n".to_owned(), 1),
            ("srv/.env", "DEBUG=1\nDB_PASSWORD=\n".to_owned(), 0),
            ("srv/.env.example", "DB_PASSWORD=Qx91mmVt\n".to_owned(), 0),
            ("root/.npmrc", format!("//npm.example/:_authToken={RANDOM}\n"), 1),
            ("root/.npmrc", "//npm.example/:_authToken=${NPM_TOKEN}\n".to_owned(), 0),
            ("root/.npmrc", "registry=https://npm.example\n".to_owned(), 0),
            ("root/.pypirc", "[pypi]\nusername = __token__\npassword = Qx91mmVtPl\n".to_owned(), 1),
            ("root/.netrc", "machine example.org login me password Qx91mmVt\n".to_owned(), 1),
            ("home/app/.pgpass", "db:5432:app:app:Qx91mmVt\n".to_owned(), 1),
            ("root/.docker/config.json", "{\"auths\": {\"r\": {\n\"auth\": \"bWU6UXg5MW1tVnQ=\"}}}\n".to_owned(), 1),
            ("root/.docker/config.json", "{\"auths\": {}}\n".to_owned(), 0),
            ("root/.aws/credentials", format!("[default]\naws_secret_access_key = {RANDOM}\n"), 1),
            ("root/.ssh/id_ed25519", key.clone(), 1),
            ("root/.ssh/id_ed25519.pub", format!("ssh-ed25519 {RANDOM}{RANDOM} me@here\n"), 0),
            ("srv/.git/HEAD", "ref: refs/heads/main\n".to_owned(), 1),
            ("etc/ssl/certs/ca.pem", format!("-----BEGIN CERTIFICATE-----\n{RANDOM}{RANDOM}\n"), 0),
            ("srv/app", format!("\0\0{key}"), 0),
        ] {
            assert_eq!(in_file(path, content.as_bytes()).len(), count, "{path}: {content}");
        }
        assert_eq!(in_file("srv/.env", b"DEBUG=1\nDB_PASSWORD=Qx91mmVt\n")[0].line, Some(2));
    }

    #[test]
    fn values_that_were_made_are_found_in_files_of_settings() {
        const HEX: &str = "4804e3cd2c2c4d6d0544b1b5451111e4a7df29987b92f63b9317ee51ce59a994";
        for (path, line, is_one) in [
            ("etc/kinto/kinto.ini", format!("kinto.userid_hmac_secret = {HEX}"), true),
            ("etc/kinto/kinto.ini", format!("# kinto.userid_hmac_secret = {HEX}"), false),
            ("etc/kinto/kinto.ini", "kinto.userid_hmac_secret = <your secret here>".into(), false),
            ("etc/kinto/kinto.ini", "kinto.userid_hmac_secret = ${HMAC_SECRET}".into(), false),
            ("etc/kinto/kinto.ini", "kinto.userid_hmac_secret = changeme-0a1b2c3d4e5f6a7b".into(), false),
            ("etc/kinto/kinto.tpl", format!("kinto.userid_hmac_secret = {HEX}"), false),
            ("srv/config.example.yaml", format!("secret: {HEX}"), false),
            ("srv/docs/config.yaml", format!("secret: {HEX}"), false),
            ("srv/tests/config.yaml", format!("secret: {HEX}"), false),
            ("srv/config.yaml", format!("  clientSecret: \"{HEX}\" # from the console"), true),
            ("srv/config.yaml", format!("- api-key: {RANDOM}"), true),
            ("srv/config.yaml", "password: kX82mQp1".into(), true),
            ("srv/config.yaml", "password: hunter22".into(), false),
            ("srv/config.yaml", "existingSecret: my-release-postgres-15-credentials-v2".into(), false),
            ("srv/config.yaml", "secret: my-release-postgres-15-credentials-v2".into(), false),
            ("srv/config.yaml", "tokenizer: openai/clip-vit-large-patch14".into(), false),
            ("srv/config.yaml", format!("gpg_key: {HEX}"), false),
            ("srv/config.yaml", format!("public_key: {HEX}"), false),
            ("srv/config.yaml", format!("secret_id: {HEX}"), false),
            ("srv/config.yaml", format!("sha256: {HEX}"), false),
            ("srv/config.yaml", "token: !vault |".into(), false),
            ("srv/config.yaml", "password: ENC[AES256_GCM,data:k3Jd92LmQpX0aZbYc71R]".into(), false),
            ("srv/app.toml", format!("session_key = \"{RANDOM}\""), true),
            ("srv/alembic.ini", "sqlalchemy.url = postgresql://app:kX82mQp1@db/app".into(), true),
            ("srv/alembic.ini", "sqlalchemy.url = driver://user:pass@localhost/dbname".into(), false),
            ("srv/alembic.ini", "sqlalchemy.url = postgresql://postgres:mypassword@localhost/app".into(), false),
            ("srv/messages.txt", format!("secret: {HEX}"), false),
        ] {
            let found = in_file(path, format!("[app]\n{line}\n").as_bytes());
            let lines: Vec<_> = found.iter().map(|secret| (secret.line, secret.is_setting)).collect();
            assert_eq!(lines, if is_one { vec![(Some(2), true)] } else { vec![] }, "{path}: {line}");
        }
        let token = in_file("srv/config.yaml", format!("token: ghp_{RANDOM}\n").as_bytes());
        assert_eq!(token.iter().map(|secret| secret.is_setting).collect::<Vec<_>>(), [false], "told once, and as what it is");
    }

    #[test]
    fn packages_are_not_searched() {
        let entry = |path: &str| Entry { path: path.into(), kind: Kind::File, mode: 0, uid: 0, gid: 0, size: 1, link: None };
        for (path, may) in [
            ("srv/key.pem", true),
            ("srv/node_modules/tls/test/key.pem", false),
            ("usr/local/lib/python3.11/test/keycert.pem", false),
            ("opt/venv/lib/python3.11/site-packages/tornado/test/test.key", false),
            ("usr/share/doc/example/key.pem", false),
            ("usr/local/etc/key.pem", true),
        ] {
            assert_eq!(may_hide_in(&entry(path)), may, "{path}");
        }
    }
}
