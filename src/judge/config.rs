//! Judging what the compose file says, what stays of the data, and what the app makes of its settings.

use std::time::Duration;

use super::trace::part;
use super::window::Window;
use super::words::seconds;
use crate::model::{FactId, Finding, Inspection, Outcome, Replacement, RowState, SettingOutcome};

/// The compose file limits what one instance may take.
pub(super) fn limits_are_declared(window: &Window<'_>) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Limits { memory, cpus, pids, place } => Some(([*memory, *cpus, *pids], place.clone())),
        _ => None,
    });
    let Some((id, (limited, place))) = found else { return Outcome::undecided_when(window.over, "the limits of the app") };
    let missing: Vec<&str> =
        ["memory", "cpus", "pids"].into_iter().zip(limited).filter(|(_, is_limited)| !is_limited).map(|(name, _)| name).collect();
    let seen = match &missing[..] {
        [] => return Outcome::Held(vec![id]),
        [one] => format!("{one} is not limited"),
        several => format!("{} are not limited", several.join(", ")),
    };
    let expected = format!("`deploy.resources.limits` of `{}` has memory, cpus and pids", window.app());
    super::with_places(Outcome::broken(expected, seen, vec![id]), place)
}

/// The app is started only when each dependency is healthy, and each says whether it is.
pub(super) fn order_is_declared(window: &Window<'_>) -> Outcome {
    let app = window.app();
    let mut evidence: Vec<FactId> = vec![];
    for (id, inspection) in window.inspections() {
        let Inspection::Order { service, named, waits, has_health_check, place } = inspection else { continue };
        let seen = match (named, waits, has_health_check) {
            (false, ..) => format!("`depends_on` of `{app}` does not name `{service}`"),
            (true, false, _) => format!("`{app}` waits only until `{service}` is started, not until it serves"),
            (true, true, false) => format!("`{service}` has no health check to wait for"),
            (true, true, true) => {
                evidence.push(id);
                continue;
            }
        };
        let expected = format!("`{app}` has `depends_on: {service}: condition: service_healthy`, and `{service}` a health check");
        return super::with_places(Outcome::broken(expected, seen, vec![id]), place.clone());
    }
    if evidence.is_empty() { Outcome::undecided_when(window.over, "the order of the services") } else { Outcome::Held(evidence) }
}

/// The data directory of the database is on a volume with a name, or bound from outside.
pub(super) fn data_is_on_a_volume(window: &Window<'_>, database: &str) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::DataFolder { service, folder, lasting, place } if service == database => {
            Some((folder, *lasting, place.clone()))
        }
        _ => None,
    });
    match found {
        None => Outcome::undecided_when(window.over, format!("where `{database}` keeps its data")),
        Some((id, (_, true, _))) => Outcome::Held(vec![id]),
        Some((id, (folder, false, place))) => super::with_places(
            Outcome::broken(
                format!("{folder} of `{database}` is on a named volume or a bind mount"),
                "`volumes` mounts nothing there: after `docker compose down` and `up` the data is gone",
                vec![id],
            ),
            place,
        ),
    }
}

/// A row that was written is there when the container of the database is replaced.
pub(super) fn row_survives(window: &Window<'_>, database: &str) -> Outcome {
    let found = window.inspected(|inspection| match inspection {
        Inspection::Row { service, by, state } if service == database => Some((*by, *state)),
        _ => None,
    });
    let (id, by, became) = match found {
        Some((id, (by, RowState::Empty))) => (id, by, "is empty"),
        Some((id, (by, RowState::Gone))) => (id, by, "is gone"),
        Some((id, (Replacement::DownAndUp, RowState::Kept))) => return Outcome::Held(vec![id]),
        _ => return Outcome::undecided_when(window.over, "what became of the row"),
    };
    let expected = format!("a row that was written is there when the container of `{database}` is replaced");
    let before = match by {
        Replacement::Recreate => String::new(),
        Replacement::DownAndUp => format!("{} keeps it, and ", Replacement::Recreate),
    };
    Outcome::broken(expected, format!("{before}after {by} the table {became}"), vec![id])
}

/// Without each of its settings in turn the app runs all the same, or exits in time, with another status than 0, and names what is
/// missing.
pub(super) fn missing_settings_are_named(window: &Window<'_>, limit: Duration) -> Outcome {
    let (mut evidence, mut tried, mut seen) = (vec![], vec![], vec![]);
    for (id, inspection) in window.inspections() {
        let Inspection::WithoutSetting { name, outcome, lines } = inspection else { continue };
        tried.push(id);
        if let Some(wrong) = wrong_without(name, outcome, lines, limit) {
            seen.push(wrong);
            evidence.push(id);
        }
    }
    if tried.is_empty() {
        return Outcome::undecided_when(window.over, "what the app does without a setting");
    }
    if seen.is_empty() {
        return Outcome::Held(tried);
    }
    let expected = format!(
        "without a setting that it needs `{}` exits within {} with a status other than 0, and names it",
        window.app(),
        seconds(limit)
    );
    Outcome::Broken(Finding::new(expected, seen.join("; "), evidence))
}

/// What is wrong with what an app does without a setting.
fn wrong_without(name: &str, outcome: &SettingOutcome, lines: &[String], limit: Duration) -> Option<String> {
    let names_it = lines.iter().any(|line| names_setting(line, name));
    // The end of an object or of a stack trace says nothing.
    let is_message = |line: &&String| line.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).count() > 2;
    let last = lines.iter().rev().find(|line| is_message(line) && part(line).is_none()).or(lines.last());
    let last = last.map_or_else(|| "it wrote nothing".to_owned(), |line| format!("its last line is `{}`", line.trim()));
    match outcome {
        SettingOutcome::Ended { status: 0, .. } => Some(format!("without {name} it exits with status 0; {last}")),
        SettingOutcome::Ended { status, .. } if !names_it => {
            Some(format!("without {name} it exits with status {status} and does not name it; {last}"))
        }
        // One that takes its time to start may take as long to find out.
        SettingOutcome::Ended { after, app_start, .. } if *after > limit.max(*app_start * 2) => {
            Some(format!("without {name} it exits only after {}; {last}", seconds(*after)))
        }
        SettingOutcome::Ended { .. } | SettingOutcome::Serves => None,
        SettingOutcome::Undecided { after } => {
            Some(format!("without {name} it neither became ready nor exited within {}; {last}", seconds(*after)))
        }
    }
}

/// Whether a line names a setting as an app may spell it: `KINTO_STORAGE_URL`, without what stands before the last two words or more
/// (`storage_url`), in another case (`storageUrl`), with other separators (`storage.url`, "storage URL"), or as a flag (`--storage-url`).
/// A single word (`url`) names a setting only as a flag.
#[must_use]
pub fn names_setting(line: &str, name: &str) -> bool {
    let (line, name) = (plain(line), plain(name));
    let name = name.trim();
    if name.is_empty() {
        return false;
    }
    let spellings = name.match_indices(' ').map(|(place, _)| &name[place + 1..]);
    spellings.chain([name]).any(|spelling| {
        let is_one_word = spelling != name && !spelling.contains(' ');
        line.match_indices(spelling).any(|(place, _)| {
            let (before, after) = (&line[..place], &line[place + spelling.len()..]);
            let is_whole = |next: Option<char>| next.is_none_or(|next| !next.is_alphanumeric());
            is_whole(before.chars().next_back()) && is_whole(after.chars().next()) && (!is_one_word || before.ends_with(FLAG))
        })
    })
}

/// What stands for the `--` before a flag in a plain text.
const FLAG: char = '-';

/// A text in small letters, with one space for whatever separates the words of a name.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let (mut last, mut was_small) = (' ', false);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(flag) = rest.strip_prefix("--").filter(|_| !last.is_alphanumeric()) {
            plain.push(FLAG);
            (last, was_small, rest) = (FLAG, false, flag);
            continue;
        }
        if was_small && next.is_uppercase() {
            plain.push(' ');
        }
        was_small = next.is_lowercase();
        last = if matches!(next, '_' | '-' | '.') { ' ' } else { next };
        if last != ' ' || !plain.ends_with(' ') {
            plain.extend(last.to_lowercase());
        }
        rest = &rest[next.len_utf8()..];
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, held, is_held};
    use crate::model::Place;
    use crate::subject::Meant;

    fn place(line: usize) -> Place {
        Place { file: "compose.yaml".into(), line }
    }

    #[test]
    fn every_limit_is_asked_for() {
        let judge = |memory, cpus, pids| Case::shown([Inspection::Limits { memory, cpus, pids, place: Some(place(3)) }]);
        assert_eq!(judge(true, true, true).judge(&Claim::LimitsDeclared), held([0]));
        let finding = judge(true, true, false).finding(&Claim::LimitsDeclared);
        assert_eq!((finding.seen.as_str(), finding.places), ("pids is not limited", vec![place(3)]));
        assert_eq!(judge(false, false, true).seen(&Claim::LimitsDeclared), "memory, cpus are not limited");
    }

    #[test]
    fn the_order_is_declared_for_each_dependency() {
        let order = |service: &str, named, waits, has_health_check| Inspection::Order {
            service: service.into(),
            named,
            waits,
            has_health_check,
            place: Some(place(7)),
        };
        let good = order("cache", true, true, true);
        for (second, seen) in [
            (order("db", false, false, true), "`depends_on` of `app` does not name `db`"),
            (order("db", true, false, true), "`app` waits only until `db` is started, not until it serves"),
            (order("db", true, true, false), "`db` has no health check to wait for"),
        ] {
            let finding = Case::shown([good.clone(), second]).finding(&Claim::OrderDeclared);
            assert_eq!((finding.seen.as_str(), finding.evidence), (seen, vec![FactId(1)]));
            assert_eq!(finding.places, [place(7)]);
        }
        assert_eq!(Case::shown([good, order("db", true, true, true)]).judge(&Claim::OrderDeclared), held([0, 1]));
    }

    #[test]
    fn data_has_to_be_on_a_volume() {
        let claim = Claim::DataOnVolume(Meant::Database);
        let folder = |service: &str, lasting| Inspection::DataFolder {
            service: service.into(),
            folder: "/data".into(),
            lasting,
            place: Some(place(9)),
        };
        assert_eq!(Case::shown([folder("db", true)]).judge(&claim), held([0]));
        let finding = Case::shown([folder("db", false)]).finding(&claim);
        assert_eq!(finding.expected, "/data of `db` is on a named volume or a bind mount");
        assert_eq!(finding.places, [place(9)]);
        let other = Case::shown([folder("cache", false)]).over().judge(&claim);
        assert_eq!(other, Outcome::Undecided("where `db` keeps its data".into()));
    }

    #[test]
    fn a_row_has_to_be_kept() {
        let claim = Claim::RowSurvives(Meant::Database);
        let row = |by, state| Inspection::Row { service: "db".into(), by, state };
        let kept = || row(Replacement::Recreate, RowState::Kept);
        assert_eq!(Case::shown([kept(), row(Replacement::DownAndUp, RowState::Kept)]).judge(&claim), held([1]));
        assert!(matches!(Case::shown([kept()]).over().judge(&claim), Outcome::Undecided(_)), "half of it");
        assert_eq!(
            Case::shown([kept(), row(Replacement::DownAndUp, RowState::Gone)]).seen(&claim),
            "`docker compose up --force-recreate` keeps it, and after `docker compose down` and `up` the table is gone"
        );
        assert_eq!(
            Case::shown([row(Replacement::Recreate, RowState::Empty)]).seen(&claim),
            "after `docker compose up --force-recreate` the table is empty"
        );
    }

    const NAMED: Claim = Claim::NamesMissingSettings(Duration::from_secs(10));

    fn without(name: &str, outcome: SettingOutcome, lines: &[&str]) -> Inspection {
        Inspection::WithoutSetting { name: name.into(), outcome, lines: lines.iter().map(|&line| line.to_owned()).collect() }
    }

    fn ended(status: i64, after: u64, app_start: u64) -> SettingOutcome {
        SettingOutcome::Ended { status, after: Duration::from_secs(after), app_start: Duration::from_secs(app_start) }
    }

    #[test]
    fn a_missing_setting_has_to_be_named() {
        let undecided = SettingOutcome::Undecided { after: Duration::from_secs(12) };
        for (outcome, lines, wrong) in [
            (SettingOutcome::Serves, &[][..], None),
            (ended(1, 1, 1), &["db_url is not set"], None),
            (ended(1, 1, 1), &["no DB url"], None),
            (ended(0, 1, 1), &["DB_URL is not set"], Some("exits with status 0; its last line is `DB_URL is not set`")),
            (ended(1, 1, 1), &["oh", "\tno"], Some("exits with status 1 and does not name it; its last line is `no`")),
            (ended(1, 1, 1), &[], Some("exits with status 1 and does not name it; it wrote nothing")),
            (undecided, &["waiting"], Some("neither became ready nor exited within 12.0 s; its last line is `waiting`")),
        ] {
            let case = Case::shown([without("DB_URL", outcome, lines)]);
            match wrong {
                None => assert_eq!(case.judge(&NAMED), held([0]), "{outcome:?} {lines:?}"),
                Some(wrong) => assert_eq!(case.seen(&NAMED), format!("without DB_URL it {wrong}")),
            }
        }
    }

    #[test]
    fn a_setting_is_named_in_every_spelling_of_an_app() {
        for (name, line, is_named) in [
            ("KINTO_STORAGE_URL", "KeyError: 'KINTO_STORAGE_URL'", true),
            ("KINTO_STORAGE_URL", "kinto.storage_url is empty", true),
            ("KINTO_STORAGE_URL", "no storage URL given", true),
            ("KINTO_STORAGE_URL", "Config.storageUrl is required", true),
            ("KINTO_STORAGE_URL", "error: the following arguments are required: --storage-url", true),
            ("KINTO_STORAGE_URL", "storage.url: field required", true),
            ("KINTO_STORAGE_URL", "Could not parse SQLAlchemy URL from given URL string", false),
            ("KINTO_STORAGE_URL", "kinto.storage_urls is empty", false),
            ("KINTO_STORAGE_URL", "could not open the storage (url ...)", false),
            ("APP_HOST", "usage: app --host HOST", true),
            ("APP_HOST", "could not translate host name", false),
            ("DB_PASSWORD", "password authentication failed", false),
            ("DB_PASS", "DB_PASSWORD is set", false),
            ("DEBUG", "debug is not set", true),
            ("_", "a line of several words", false),
            ("SETTINGS__DB__URL", "db__url\u{a0}is missing", true),
            ("ARA_DATABASE_HOST", "connection to server on socket failed: is the server running on that host", false),
        ] {
            assert_eq!(names_setting(line, name), is_named, "{name}: {line}");
        }
    }

    #[test]
    fn an_exit_has_to_come_in_time() {
        let after_30_s = |app_start| Case::shown([without("DB_URL", ended(1, 30, app_start), &["DB_URL is not set"])]);
        let seen = after_30_s(1).seen(&NAMED);
        assert_eq!(seen, "without DB_URL it exits only after 30.0 s; its last line is `DB_URL is not set`");
        assert!(is_held(&after_30_s(20).judge(&NAMED)), "one that takes long to start may take as long to find out");
    }

    #[test]
    fn every_setting_that_is_not_named_is_told() {
        let case = Case::shown([
            without("A", ended(0, 1, 1), &[]),
            without("B", SettingOutcome::Serves, &[]),
            without("C", ended(2, 1, 1), &[]),
        ]);
        let finding = case.finding(&NAMED);
        assert!(finding.seen.contains("without A it") && finding.seen.contains("without C it"), "{}", finding.seen);
        assert!(!finding.seen.contains("without B it"), "{}", finding.seen);
        assert_eq!(finding.evidence, [FactId(0), FactId(2)]);
        let none = Case::of([]).over().judge(&NAMED);
        assert_eq!(none, Outcome::Undecided("what the app does without a setting".into()));
    }
}
