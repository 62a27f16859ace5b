//! The proof of `check --prove` as a small table: each known defect, what was changed in a copy, and which checks notice it.

use std::fmt::{self, Write};

use anstyle::{AnsiColor, Style};

use super::look::{Detail, Look, printable, wrap};
use super::summary::{bold, fitted};
use crate::judge::seconds;
use crate::model::{CheckResult, Conclusion, Proof, ProofResult, ProvenCheck, Run, conclude_proof, in_app};

/// Where the title of a row begins.
const TITLE: usize = 14;
/// How far the lines below are indented, and what goes on below them.
const INDENT: usize = 2;
const DEEPER: usize = 6;

/// What a proof comes to, and a row for each known defect.
#[must_use]
pub(super) fn describe_proof(run: &Run, look: Look) -> String {
    let mut text = String::new();
    let _ = Table { run, look }.write(&mut text);
    text
}

struct Table<'a> {
    run: &'a Run,
    look: Look,
}

impl Table<'_> {
    fn write(&self, text: &mut String) -> fmt::Result {
        let Self { run, look } = self;
        let count = |result| run.proof.iter().filter(|proof| proof.result == result).count();
        let missed = count(ProofResult::NotNoticed);
        let (headline, colour) = match conclude_proof(&run.proof) {
            Conclusion::Passed => ("Proved: the checks notice what they should".to_owned(), AnsiColor::Green),
            Conclusion::Failed if missed == 1 => ("Not proved: no check notices one of the known defects".into(), AnsiColor::Red),
            Conclusion::Failed => (format!("Not proved: no check notices {missed} of the known defects"), AnsiColor::Red),
            Conclusion::CouldNotRun => ("Not proved: a known defect could not be judged".into(), AnsiColor::Magenta),
            Conclusion::NothingRan => ("Not proved: no known defect can be tried on this stack".into(), AnsiColor::Magenta),
        };
        let headline = format!("{headline}: {}", printable(&run.subject.stack));
        writeln!(text, "{}", look.paint(bold(colour), fitted(&headline, look.prose_width())))?;
        let results = [ProofResult::Noticed, ProofResult::NotNoticed, ProofResult::NotProvable, ProofResult::NotJudged];
        let counts = results.map(|result| (count(result), result.word())).into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        let (all, apps, took) = (run.proof.len(), run.apps.in_words(), seconds(run.subject.duration));
        let counts = format!("{all} known defects in copies of {apps}, in {took}: {}", counts.join(", "));
        writeln!(text, "{}", wrap(&counts, 0, 0, look.prose_width()).join("\n"))?;
        run.proof.iter().try_for_each(|proof| self.row(text, proof))?;
        if look.detail == Detail::Normal {
            text.push_str("noticed: it passes on the stack as it is, and fails in a copy with the defect\n");
            text.push_str("all evidence, with and without the defect: --json FILE\n");
        }
        Ok(())
    }

    fn row(&self, text: &mut String, proof: &Proof) -> fmt::Result {
        let Self { look, .. } = self;
        let colour = match proof.result {
            ProofResult::Noticed => AnsiColor::Green,
            ProofResult::NotNoticed => AnsiColor::Red,
            ProofResult::NotProvable => AnsiColor::BrightBlack,
            ProofResult::NotJudged => AnsiColor::Magenta,
        };
        let word = proof.result.word();
        let is_open = matches!(proof.result, ProofResult::NotNoticed | ProofResult::NotJudged);
        let word = if is_open { word.to_uppercase() } else { word.to_owned() };
        let word = look.paint(bold(colour), format!("{word:<TITLE$}"));
        let title = fitted(&printable(&in_app(proof.app.as_deref(), &proof.title)), look.prose_width().saturating_sub(TITLE));
        writeln!(text, "{word}{}", look.paint(Style::new().bold(), title))?;
        if let Some(reason) = &proof.reason {
            return self.line(text, "not put in:", reason);
        }
        self.line(text, "changed:", &proof.change)?;
        proof.checks.iter().try_for_each(|check| self.check(text, check))
    }

    fn check(&self, text: &mut String, check: &ProvenCheck) -> fmt::Result {
        let seen = check.seen.as_deref().unwrap_or_default();
        let told = match check.result {
            CheckResult::Noticed => {
                let finding = check.with_defect.as_ref().and_then(|check| check.finding.as_ref());
                let expected = finding.map(|finding| format!("; expected: {}", finding.expected)).unwrap_or_default();
                format!("now fails: {seen}{expected}")
            }
            CheckResult::StaysGreen => "stays green: it passes with the defect too".to_owned(),
            CheckResult::FailsAlready => format!("fails already without it: {seen}"),
            CheckResult::NotApplicable => format!("not applicable: {seen}"),
            CheckResult::DoesNotStart => "no proof: the stack does not start with the defect".to_owned(),
            CheckResult::NotJudged => format!("could not be judged: {seen}"),
        };
        self.line(text, &check.check, &told)
    }

    /// What is told of a row; in one line, unless all is to be told.
    fn line(&self, text: &mut String, label: &str, told: &str) -> fmt::Result {
        let (told, width) = (printable(told), self.look.prose_width());
        let begins = INDENT + label.chars().count() + 1;
        let told = if self.look.detail < Detail::Verbose {
            fitted(&told, width.saturating_sub(begins))
        } else {
            wrap(&told, begins, DEEPER, width).join("\n")
        };
        writeln!(text, "{:INDENT$}{} {told}", "", self.look.label(label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KnownDefect;

    fn proven(check: &str, result: CheckResult, seen: Option<&str>) -> ProvenCheck {
        ProvenCheck { check: check.into(), result, seen: seen.map(str::to_owned), with_defect: None }
    }

    fn proof(defect: KnownDefect, title: &str, result: ProofResult, checks: Vec<ProvenCheck>) -> Proof {
        let change = "what is changed in the copy, told at such a length that it does not fit into a line".to_owned();
        Proof { app: None, defect, title: title.into(), change, result, reason: None, checks }
    }

    fn told(proof: Vec<Proof>, detail: Detail) -> String {
        let run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        describe_proof(&Run { proof, ..run }, Look { width: Some(80), detail, ..Look::default() })
    }

    #[test]
    fn a_row_says_which_checks_notice_and_which_stay_green() {
        let evidence = "SIGTERM did not end it within 10.0 s: stopped by SIGKILL after 10.5 s; its first process is `x`";
        let proof = vec![
            proof(
                KnownDefect::SwallowedSignals,
                "The first process swallows signals",
                ProofResult::Noticed,
                vec![
                    proven("shutdown.in-time", CheckResult::Noticed, Some(evidence)),
                    proven("shutdown.reaches-app", CheckResult::StaysGreen, None),
                ],
            ),
            proof(
                KnownDefect::RootUser,
                "The app runs as root",
                ProofResult::NotProvable,
                vec![proven("nonroot.processes", CheckResult::FailsAlready, Some("`sh` runs as uid 0"))],
            ),
            Proof {
                reason: Some("the app has no dependency".into()),
                ..proof(KnownDefect::UnresolvableName, "The name never resolves", ProofResult::NotProvable, vec![])
            },
        ];
        let short = told(proof.clone(), Detail::Normal);
        assert!(short.lines().all(|line| line.chars().count() <= 80), "{short}");
        let rows: Vec<&str> = short.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "noticed       The first process swallows signals",
                "  changed: what is changed in the copy, told at such a length that it does not…",
                "  shutdown.in-time now fails: SIGTERM did not end it within 10.0 s: stopped by…",
                "  shutdown.reaches-app stays green: it passes with the defect too",
                "not provable  The app runs as root",
                "  changed: what is changed in the copy, told at such a length that it does not…",
                "  nonroot.processes fails already without it: `sh` runs as uid 0",
                "not provable  The name never resolves",
                "  not put in: the app has no dependency",
                "noticed: it passes on the stack as it is, and fails in a copy with the defect",
                "all evidence, with and without the defect: --json FILE",
            ]
        );
        let long = told(proof, Detail::Verbose);
        assert!(long.lines().all(|line| line.chars().count() <= 80) && long.contains("its first process is"), "{long}");
    }

    #[test]
    fn the_headline_says_what_the_exit_code_says() {
        let headline = |results: &[ProofResult]| {
            let proof = results.iter().map(|result| proof(KnownDefect::RootUser, "root", *result, vec![])).collect();
            told(proof, Detail::Quiet).lines().next().unwrap_or_default().to_owned()
        };
        assert!(headline(&[ProofResult::Noticed, ProofResult::NotProvable]).starts_with("Proved: "));
        assert!(headline(&[ProofResult::Noticed, ProofResult::NotNoticed]).starts_with("Not proved: no check notices one of "));
        assert!(headline(&[ProofResult::NotJudged]).starts_with("Not proved: a known defect could not be judged"));
        assert!(headline(&[ProofResult::NotProvable]).starts_with("Not proved: no known defect can be tried"));
    }
}
