//! The names of a dependency in what an app writes: matched as words, and not within paths, which speak of code.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::trace::pattern;
use super::window::Window;
use crate::subject::Kind;

/// What else a name is spelt like. A plural is the same word.
const SPELLINGS: [(&str, &[&str]); 9] = [
    ("postgres", &["postgresql", "pg", "psycopg", "asyncpg", "npgsql", "pgx"]),
    ("mysql", &["mariadb"]),
    ("redis", &["valkey"]),
    ("rabbit", &["rabbitmq", "amqp"]),
    ("mongo", &["mongodb", "pymongo", "mongoose"]),
    ("database", &["db"]),
    ("cache", &["caching"]),
    ("pool", &["pooling"]),
    ("connect", &["connection", "connecting", "connected", "reconnect", "reconnecting", "disconnected"]),
];
/// What files with code are called.
const CODE: [&str; 18] =
    ["py", "pyc", "js", "mjs", "cjs", "ts", "go", "rb", "rs", "java", "kt", "php", "ex", "cs", "c", "cc", "cpp", "so"];
/// What the names of errors end with: one with a module in front speaks of what failed.
const ERRORS: [&str; 3] = ["Error", "Exception", "Failure"];

/// Names by which a log may speak of a dependency: its service, what it is, and what the app calls it.
pub(super) fn names_of(window: &Window<'_>, service: &str) -> Vec<String> {
    let dependency = window.contract.dependency(service);
    let kinds: &[&str] = match dependency.map(|dependency| &dependency.kind) {
        Some(Kind::Postgres { .. }) => &["postgres", "database", "sql", "pool"],
        Some(Kind::Mysql { .. }) => &["mysql", "database", "sql", "pool"],
        Some(Kind::Redis { .. }) => &["redis", "cache"],
        Some(Kind::Rabbitmq { .. }) => &["rabbit"],
        Some(Kind::Mongodb { .. }) => &["mongo", "database", "pool"],
        Some(Kind::Kafka { .. }) => &["kafka", "broker"],
        Some(Kind::Nats { .. }) => &["nats"],
        Some(Kind::Memcached { .. }) => &["memcached", "memcache", "cache"],
        Some(Kind::Etcd { .. }) => &["etcd"],
        Some(Kind::Elasticsearch { .. }) => &["elasticsearch", "opensearch", "elastic"],
        Some(Kind::Minio { .. }) => &["minio", "s3"],
        _ => &["connect"],
    };
    let mut names = vec![service.to_lowercase()];
    let own = dependency.into_iter().flat_map(|dependency| dependency.names.iter().map(String::as_str));
    for name in kinds.iter().copied().chain(own) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// An address of IPv4 and its port, as they are written apart: `('172.18.0.2', 5432)` in Python, `at "db" (172.18.0.2), port 5432` in libpq.
static APART: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"\b(?:\d{1,3}\.){3}\d{1,3}["')\]]*[\s,;]+(?:["']?port["']?\W{0,3})?(\d{1,5})\b"#));

/// Whether a text has an address with this port: `connect ECONNREFUSED 172.18.0.2:5432`.
pub(super) fn has_address(text: &str, port: u16) -> bool {
    let port = port.to_string();
    let joined = format!(":{port}");
    let is_joined = text.match_indices(&joined).any(|(at, found)| {
        let before = text[..at].ends_with(|last: char| last.is_ascii_hexdigit() || last == ']');
        before && !text[at + found.len()..].starts_with(|next: char| next.is_ascii_digit())
    });
    is_joined || APART.captures_iter(text).any(|found| found[1] == port)
}

/// Whether a text has one of these names as a word, outside of paths.
pub(super) fn has_name(text: &str, names: &[String]) -> bool {
    let text = outside_paths(text);
    let (words, parts) = (words(&text), parts(&text));
    let has = |name: &str| {
        let name = self::words(name);
        [&words, &parts].into_iter().any(|all| all.windows(name.len().max(1)).any(|some| *some == name))
    };
    let spelt = |name: &str| SPELLINGS.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, spellings)| spellings);
    names.iter().any(|name| has(name) || spelt(name).iter().any(|spelling| has(spelling)))
}

/// The words of a text, in lower case; `_` and `-` separate them.
fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(singular).collect()
}

/// The same, where `DatabaseError`, `PostgreSQL` and `psycopg2` are two words each.
fn parts(text: &str) -> Vec<String> {
    let mut parted = String::with_capacity(text.len() * 2);
    let letters: Vec<char> = text.chars().collect();
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| letters[place]);
        let is_next_small = letters.get(place + 1).is_some_and(|next| next.is_lowercase());
        let begins = before.is_some_and(|before| {
            (before.is_lowercase() && letter.is_uppercase())
                || (before.is_uppercase() && letter.is_uppercase() && is_next_small)
                || (before.is_alphabetic() && letter.is_numeric())
                || (before.is_numeric() && letter.is_alphabetic())
        });
        if begins {
            parted.push(' ');
        }
        parted.push(*letter);
    }
    words(&parted)
}

/// A word without the `s` of a plural.
fn singular(word: &str) -> String {
    let word = word.to_lowercase();
    word.strip_suffix('s').filter(|stem| stem.len() > 2).map_or(word.clone(), str::to_owned)
}

/// A text without its paths, those of modules among them. Of a URL its host stays.
pub(super) fn outside_paths(text: &str) -> String {
    let is_end = |letter: char| letter.is_whitespace() || "\"'`()[]{}<>,;=|".contains(letter);
    let kept = text.split(is_end).map(without_path).filter(|chunk| !chunk.is_empty());
    kept.collect::<Vec<_>>().join(" ")
}

/// What of a run of letters is not a path.
fn without_path(chunk: &str) -> &str {
    if let Some((scheme, rest)) = chunk.split_once("://") {
        let end = chunk.len() - rest.len() + rest.find(['/', '?', '#']).unwrap_or(rest.len());
        // A page about an error is not what it is about.
        let is_page = scheme.starts_with("http") && chunk[..end].contains('.');
        return if is_page { "" } else { &chunk[..end] };
    }
    let bare = without_line(chunk.trim_end_matches(['.', ':', '!', '?']));
    let is_file = bare.rsplit_once('.').is_some_and(|(_, end)| CODE.contains(&end));
    let begins = ["/", "./", "../", "~/"].iter().any(|begin| bare.starts_with(begin));
    let is_path = is_file || begins || bare.matches('/').count() > 1 || is_module(bare);
    if is_path { "" } else { chunk }
}

/// `client.py` of `client.py:24:7`.
fn without_line(chunk: &str) -> &str {
    chunk.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == ':')
}

/// Whether this is the dotted name of a module, other than that of an error; `kinto.core.storage`.
fn is_module(chunk: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
            && part.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$')
    };
    let mut last = None;
    let mut count = 0;
    for part in chunk.split('.') {
        if !is_name(part) {
            return false;
        }
        (last, count) = (Some(part), count + 1);
    }
    count > 2 && last.is_some_and(|last| !ERRORS.iter().any(|error| last.ends_with(error)))
}

/// The lines of a text that stand in one line of a log, as JSON writes them.
pub(super) fn unfolded(line: &str) -> Cow<'_, str> {
    if line.contains("\\n") { Cow::Owned(line.replace("\\n", "\n").replace("\\t", "\t")) } else { Cow::Borrowed(line) }
}

/// Whether a line is a warning about a line of code: `/app/client.py:24: UserWarning: …`.
pub(super) fn is_about_code(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_place = words.next().is_some_and(|word| word.ends_with(':') && without_path(word).is_empty());
    is_place && words.next().is_some_and(|word| word.ends_with("Warning:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(text: &str, names: &[&str]) -> bool {
        has_name(text, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn an_address_is_told_by_its_port() {
        for text in [
            "connect ECONNREFUSED 172.18.0.2:5432",
            "dial tcp [fd00::2]:5432: connect: connection refused",
            "ConnectionRefusedError: [Errno 111] Connect call failed ('172.25.0.2', 5432)",
            r#"connection to server at "db" (172.18.0.2), port 5432 failed: Connection refused"#,
            r#"{"address":"172.18.0.2","port":5432}"#,
        ] {
            assert!(has_address(text, 5432), "{text}");
        }
        for text in ["port: 5432", "at line 3:54321", "10.0.0.1:543", "('172.18.0.2', 54321)", "172.18.0.9 asked for 5432 rows"] {
            assert!(!has_address(text, 5432), "{text}");
        }
    }

    #[test]
    fn names_are_words() {
        for text in [
            "db is gone",
            "can't reach my_db",
            "DB-1: down",
            r#"{"dbStatus":"down"}"#,
            r#"could not translate host name "db" to address"#,
            "lookup db: no such host",
            "dial tcp db:5432: refused",
            "postgresql://user@db:5432/app",
            "read/db",
            r#"{"msg":"no db\n"}"#,
        ] {
            assert!(has(text, &["db"]), "{text}");
        }
        for text in ["dbus is gone", "mongodb is gone", "adb", "debug", ""] {
            assert!(!has(text, &["db"]), "{text}");
        }
    }

    #[test]
    fn names_are_spelt_in_many_ways() {
        for (name, text) in [
            ("database", "DatabaseError"),
            ("database", "all databases are down"),
            ("database", "{\"db\":false}"),
            ("postgres", "PostgreSQL is down"),
            ("postgres", "(psycopg2.OperationalError) connection refused"),
            ("postgres", "org.postgresql.util.PSQLException: The connection attempt failed."),
            ("sql", "MySQL has gone away"),
            ("pool", "HikariPool-1 - Connection is not available"),
            ("pool", "QueuePool limit"),
            ("redis", "Redis is loading"),
            ("rabbit", "RabbitMQ closed the channel"),
            ("connect", "Connection refused"),
            ("storage", r#"{"storage":false,"permission":false,"cache":false}"#),
            ("permissions", r#"{"permission":false}"#),
            ("search-engine", "the search-engine is gone"),
            ("search-engine", "SEARCH_ENGINE is gone"),
        ] {
            assert!(has(text, &[name]), "{name}: {text}");
        }
        for (name, text) in [
            ("postgres", "the message is posted"),
            ("sql", "sqlite is fine"),
            ("pool", "a whirlpool"),
            ("cache", "cached"),
            ("search-engine", "the engine of search"),
        ] {
            assert!(!has(text, &[name]), "{name}: {text}");
        }
    }

    #[test]
    fn a_word_within_a_path_does_not_count() {
        for text in [
            "/opt/venv/lib/python3.11/site-packages/kinto/core/storage/postgresql/client.py:96",
            "kinto/core/storage/postgresql/client.py",
            "  File \"/app/db/pool.py\", line 3",
            "loaded db.py",
            "db.js:12:7 is loaded",
            "INFO mlflow.store.db.utils: ready",
            "GET /api/db/health 200",
            "see https://www.postgresql.org/docs/db",
            "(see ../db)",
        ] {
            assert!(!has(text, &["db", "postgres", "database", "pool", "storage"]), "{text}");
        }
    }

    #[test]
    fn a_warning_about_code_is_told_from_a_line_about_a_dependency() {
        for (line, expected) in [
            ("/opt/kinto/core/storage/postgresql/client.py:96: UserWarning: Reuse existing PostgreSQL connection.", true),
            ("client.py:96: DeprecationWarning: db", true),
            ("2026-01-01 UserWarning: db", false),
            ("WARNING: no db", false),
            ("/app/main.go:23: no db", false),
        ] {
            assert_eq!(is_about_code(line), expected, "{line}");
        }
    }
}
