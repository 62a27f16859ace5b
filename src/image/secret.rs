//! Secrets in an image: in its settings, in the lines that made it, and in the files of its layers.
//!
//! Found by name and content together: a value under a name that speaks of a secret, a token by its documented form, a private
//! key. What is found is never kept, only where it stands and how it begins.

use std::fmt;

use super::entry::{Entry, Kind};
use super::tokens::{PRIVATE_KEY, is_password, is_random, password_in_address, tokens};
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

/// Where a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// What it is.
    pub what: String,
    /// The path of its file, from the root, without a slash in front.
    pub path: String,
    /// Its line, from 1.
    pub line: Option<usize>,
}

impl fmt::Display for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}: {}", self.path, self.what),
            None => write!(formatter, "{}: {}", self.path, self.what),
        }
    }
}

/// A secret in a setting: an environment variable or a label.
#[must_use]
pub fn in_setting(name: &str, value: &str) -> Option<String> {
    if let Some((what, _, begin)) = tokens(value).into_iter().next() {
        return Some(format!("`{name}` is {what} ({begin})"));
    }
    if password_in_address(value).is_some() {
        return Some(format!("`{name}` is an address with a password"));
    }
    is_secret(name, value).then(|| format!("`{name}` has a value of {} characters", value.len()))
}

/// The secrets in an instruction by which an image was made: build arguments, and what a command is given.
#[must_use]
pub fn in_step(instruction: &str) -> Vec<String> {
    let mut found: Vec<String> = tokens(instruction).into_iter().map(|(what, _, begin)| format!("{what} ({begin})")).collect();
    if password_in_address(instruction).is_some() {
        found.push("an address with a password".into());
    }
    let words: Vec<&str> = instruction.split_whitespace().collect();
    for (place, word) in words.iter().enumerate() {
        let word = word.trim_start_matches("--").trim_matches(['"', '\'', ';']);
        let pair = match word.split_once('=') {
            Some(pair) => Some(pair),
            // `--password VALUE`
            None if words[place].starts_with("--") => words.get(place + 1).map(|value| (word, *value)),
            None => None,
        };
        if let Some((name, value)) = pair
            && is_secret(name, value)
            && tokens(value).is_empty()
        {
            found.push(format!(
                "`{}` with a value of {} characters",
                name.trim_start_matches(['"', '\'']),
                unquoted(value).len()
            ));
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
    let at = |what: String, line: Option<usize>| Secret { what, path: path.to_owned(), line };
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
    found
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
            let is_password = value_after(&line.replace(' ', ""), &["password=", "password:"]).is_some_and(is_password);
            is_password || password_in_address(line).is_some()
        },
        ".netrc" | "_netrc" => &|line| {
            let mut words = line.split_whitespace().skip_while(|word| *word != "password");
            words.nth(1).is_some_and(is_password)
        },
        ".pgpass" => &|line| !line.starts_with('#') && line.split(':').nth(4).is_some_and(is_password),
        ".git-credentials" => &|line| password_in_address(line).is_some(),
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
fn is_secret(name: &str, value: &str) -> bool {
    let name =
        name.rsplit(|character: char| !character.is_ascii_alphanumeric() && !"_-".contains(character)).next().unwrap_or_default();
    let lower = name.replace('-', "_").to_ascii_lowercase();
    let is_about = ABOUT.iter().any(|end| lower.ends_with(end)) || lower.contains("public");
    if !names_a_secret(&lower) || is_about {
        return false;
    }
    let value = unquoted(value);
    let upper = lower.to_ascii_uppercase();
    if PASSWORDS.iter().any(|word| upper.contains(word)) { is_password(value) } else { is_random(value) }
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
