//! What changed from one run to another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style};

use super::look::{Look, printable};
use super::{message, word};
use crate::judge::seconds;
use crate::model::Verdict;
use crate::model::{CheckRecord, Run, Severity};

/// Times that differ by less are the machine's doing.
const LEAST: Duration = Duration::from_secs(1);
/// So many tenths of the shorter time is the longer one at least.
const TENTHS: u32 = 15;

/// How two runs differ.
#[derive(Clone, Debug)]
pub struct Comparison<'a> {
    old: &'a Run,
    new: &'a Run,
    /// All checks of both, by name, in the order of the later run.
    pairs: Vec<Pair<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Pair<'a> {
    old: Option<&'a CheckRecord>,
    new: Option<&'a CheckRecord>,
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Worse,
    Better,
    /// Neither the one nor the other: waived now, say, or made for the first time and passed.
    Other,
    Slower,
    Faster,
    None,
}

/// Compares an earlier run with a later one.
#[must_use]
pub fn compare<'a>(old: &'a Run, new: &'a Run) -> Comparison<'a> {
    // Where one of them has several apps, checks of the same app are the same, whether their names need it or not.
    let tells_apps = [old, new].iter().any(|run| !run.apps.several().is_empty());
    let key = |run: &Run, check: &CheckRecord| (tells_apps.then(|| run.contract(check).app.clone()), check.name_within_app());
    let by_key = |run: &'a Run| run.checks.iter().map(|check| (key(run, check), check)).collect::<BTreeMap<_, _>>();
    let (before, now) = (by_key(old), by_key(new));
    let mut told = BTreeSet::new();
    let all = [new, old].into_iter().flat_map(|run| run.checks.iter().map(|check| key(run, check)));
    let keys = all.filter(|key| told.insert(key.clone()));
    let pairs = keys.map(|key| Pair { old: before.get(&key).copied(), new: now.get(&key).copied() }).collect();
    Comparison { old, new, pairs }
}

impl Comparison<'_> {
    /// Whether a check of severity `must` got worse; with `strict`, any check.
    #[must_use]
    pub fn got_worse(&self, strict: bool) -> bool {
        let counts = |pair: &Pair<'_>| strict || pair.new.is_some_and(|check| check.severity == Severity::Must);
        self.pairs.iter().any(|pair| pair.change() == Change::Worse && counts(pair))
    }

    /// The differences for people, a line each.
    #[must_use]
    pub fn describe(&self, look: Look) -> String {
        let mut text = String::new();
        let _ = self.write(&mut text, look);
        text
    }

    fn write(&self, text: &mut String, look: Look) -> fmt::Result {
        for (label, run) in [("old:", self.old), ("new:", self.new)] {
            let subject = &run.subject;
            writeln!(
                text,
                "{label} {}, started {}, {} checks ran in {}",
                printable(&subject.stack),
                subject.started_at,
                run.counts().ran(),
                seconds(subject.duration)
            )?;
        }
        for (change, heading, colour) in [
            (Change::Worse, "worse", Some(AnsiColor::Red)),
            (Change::Better, "better", Some(AnsiColor::Green)),
            (Change::Slower, "slower", Some(AnsiColor::Yellow)),
            (Change::Faster, "faster", None),
            (Change::Other, "changed otherwise", None),
        ] {
            let changed: Vec<&Pair<'_>> = self.pairs.iter().filter(|pair| pair.change() == change).collect();
            if changed.is_empty() {
                continue;
            }
            let style = colour.map_or(Style::new(), |colour| Style::new().bold().fg_color(Some(colour.into())));
            writeln!(text, "\n{}", look.paint(style, format!("{heading} ({})", changed.len())))?;
            for pair in changed {
                pair.write(text, change, look)?;
            }
        }
        let same = self.pairs.iter().filter(|pair| !matches!(pair.change(), Change::Worse | Change::Better | Change::Other));
        let mut verdicts: BTreeMap<&str, usize> = BTreeMap::new();
        for check in same.filter_map(|pair| pair.new) {
            *verdicts.entry(word(check.verdict)).or_default() += 1;
        }
        let told: Vec<String> = verdicts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        writeln!(text, "\nunchanged: {}", if told.is_empty() { "nothing".to_owned() } else { told.join(", ") })
    }
}

impl Pair<'_> {
    fn change(self) -> Change {
        let bad = |verdict: Verdict| matches!(verdict, Verdict::Failed | Verdict::Blocked | Verdict::CouldNotRun);
        let (before, now) = (self.old.map(|check| check.verdict), self.new.map(|check| check.verdict));
        match (before, now) {
            (before, now) if before == now => self.pace(),
            (before, Some(now)) if bad(now) && !before.is_some_and(bad) => Change::Worse,
            (Some(before), Some(Verdict::Passed)) if bad(before) => Change::Better,
            _ => Change::Other,
        }
    }

    fn pace(self) -> Change {
        let (Some(old), Some(new)) = (self.old, self.new) else { return Change::None };
        let differs = |shorter: Duration, longer: Duration| longer >= shorter + LEAST && longer * 10 >= shorter * TENTHS;
        if new.verdict != Verdict::Passed {
            Change::None
        } else if differs(old.duration, new.duration) {
            Change::Slower
        } else if differs(new.duration, old.duration) {
            Change::Faster
        } else {
            Change::None
        }
    }

    fn write(self, text: &mut String, change: Change, look: Look) -> fmt::Result {
        let Some(check) = self.new.or(self.old) else { return Ok(()) };
        let told = |check: Option<&CheckRecord>| match (check, change) {
            (None, _) => "not run".to_owned(),
            (Some(check), Change::Slower | Change::Faster) => seconds(check.duration),
            (Some(check), _) => word(check.verdict).to_owned(),
        };
        writeln!(text, "  {:<34} {} → {}", check.name(), told(self.old), told(self.new))?;
        let tells = matches!(change, Change::Worse | Change::Other);
        let reason = self.new.map(|check| message(check, "; ")).filter(|reason| tells && !reason.is_empty());
        reason.map_or(Ok(()), |reason| look.prose(text, "  ", &reason))
    }
}
