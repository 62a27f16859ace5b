//! Causes: which findings are one defect, by the facts that they share, and which check reports it. Pure, over the records of a whole run.

use crate::model::{Cause, CheckRecord, Defect, Finding, Severity, Verdict};

/// The check that puts an app under several restrictions at once, and those that put it under one of them.
const TOGETHER: &str = "hardening.all-at-once";
const ALONE: [&str; 4] =
    ["hardening.read-only", "hardening.no-capabilities", "hardening.no-new-privileges", "hardening.within-limits"];

/// The checks in which the name of a dependency does not resolve, the one in which its port refuses, and what is wrong with an app that waits
/// only in that.
const NAME: [&str; 3] = ["retry.late-database", "retry.unknown-name", "retry.gives-up-cleanly"];
const REFUSED: &str = "retry.refused";
const UNRESOLVED: &str = "The app exits when the name of a dependency does not resolve at its start";

/// Takes back what a check says that only ran into a defect which another one of the same app reports: it is blocked, and points to that
/// check. A check whose premise did not hold points to the check that says why, where there is one, and so does one that does not apply
/// for want of something that the app ought to have, or by a defect that is worse than why it does not, and one that passed although what it
/// passed on does not follow the dependency.
pub fn resolve(checks: &mut [CheckRecord]) {
    for index in 0..checks.len() {
        if let Some((reporter, finding)) = disproved(checks, index) {
            let check = &mut checks[index];
            (check.verdict, check.blocked_by, check.reason) = (Verdict::Blocked, Some(reporter), None);
            check.finding = Some(finding);
            continue;
        }
        let asked = || asks(&checks[index]).and_then(|(defect, ids)| reporter(checks, index, defect, ids));
        let reporter = asked().or_else(|| implied_by(checks, index)).map(CheckRecord::name);
        let check = &mut checks[index];
        if reporter.is_some() {
            (check.verdict, check.blocked_by, check.reason) = (Verdict::Blocked, reporter, None);
        } else if check.verdict == Verdict::NotApplicable {
            check.finding = None;
        }
    }
}

/// The checks, by id, that would say whether a defect which others of an app have run into is one of its own: those that are not among
/// them.
#[must_use]
pub fn missing_reporters(checks: &[CheckRecord], app: Option<&str>) -> Vec<&'static str> {
    let checks = || checks.iter().filter(|check| check.app.as_deref() == app);
    // One that does not apply would not apply a second time.
    let is_there = |id: &&str| checks().any(|other| other.id == **id);
    let applies = |check: &&CheckRecord| check.verdict != Verdict::NotApplicable;
    let asked = checks().filter(applies).filter_map(asks).map(|(_, ids)| ids);
    let mut missing: Vec<&str> = asked.filter(|ids| !ids.iter().any(is_there)).filter_map(|ids| ids.first().copied()).collect();
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// All causes of a run's failures, the most serious first, then in the order of the catalogue. Apps share none.
#[must_use]
pub fn causes(checks: &[CheckRecord]) -> Vec<Cause> {
    let mut groups: Vec<Vec<&CheckRecord>> = vec![];
    for check in checks.iter().filter(|check| check.verdict == Verdict::Failed) {
        let same = |group: &&mut Vec<&CheckRecord>| {
            let defects = defect_of(group[0]).zip(defect_of(check));
            group[0].app == check.app && defects.is_some_and(|(one, other)| one.is_same(other))
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(check),
            None => groups.push(vec![check]),
        }
    }
    let mut causes: Vec<Cause> = groups.iter().filter_map(|group| cause(group, checks)).collect();
    causes.sort_by_key(|cause| cause.severity == Severity::Should);
    causes
}

fn cause(group: &[&CheckRecord], checks: &[CheckRecord]) -> Option<Cause> {
    let defect = defect_of(group.iter().copied().find(|check| reports_its_own(check)).unwrap_or(group[0]));
    let known = defect.map(|defect| [defect.reported_by(), defect.partly_reported_by()].concat()).unwrap_or_default();
    let plainest = |check: &&&CheckRecord| {
        (known.iter().position(|id| *id == check.id).unwrap_or(known.len()), check.severity == Severity::Should)
    };
    let first = *group.iter().min_by_key(plainest)?;
    let Finding { seen, places, .. } = first.finding.as_ref()?;
    let names: Vec<String> = group.iter().filter(|check| check.name() != first.name()).map(|check| check.name()).collect();
    let is_in_group = |name: &String| group.iter().any(|check| check.name() == *name);
    let blocked = checks.iter().filter(|check| check.blocked_by.as_ref().is_some_and(is_in_group)).map(CheckRecord::name);
    let is_must = group.iter().any(|check| check.severity == Severity::Must);
    Some(Cause {
        app: first.app.clone(),
        // One that only ran into it knows less.
        headline: defect.filter(|defect| defect.reported_by().is_empty() || known.contains(&first.id.as_str())).map(|defect| {
            if is_of_the_name(defect, group, checks) { UNRESOLVED.to_owned() } else { defect.as_found_by(&first.id) }
        }),
        defect: defect.cloned(),
        severity: if is_must { Severity::Must } else { Severity::Should },
        check: first.name(),
        evidence: seen.clone(),
        fix: defect.and_then(|defect| defect.fix(&first.id)).unwrap_or_else(|| fix_of(defect, first, group)),
        places: places.clone(),
        also_failed: names,
        blocked: blocked.collect(),
    })
}

/// How the first check is fixed, and each other one whose fix belongs to that of the defect.
fn fix_of(defect: Option<&Defect>, first: &CheckRecord, group: &[&CheckRecord]) -> String {
    let belongs = defect.map_or(&[][..], Defect::also_fixed_by);
    let others = group.iter().filter(|check| belongs.contains(&check.id.as_str()) && check.name() != first.name());
    [first].into_iter().chain(others.copied()).map(|check| check.fix.as_str()).collect::<Vec<_>>().join(" ")
}

/// Whether an app exits at its start only where the name of a dependency does not resolve: it waits for one that refuses.
fn is_of_the_name(defect: &Defect, group: &[&CheckRecord], checks: &[CheckRecord]) -> bool {
    let waits = |check: &CheckRecord| check.id == REFUSED && check.app == group[0].app && check.verdict == Verdict::Passed;
    *defect == Defect::ExitsAtStart && group.iter().all(|check| NAME.contains(&check.id.as_str())) && checks.iter().any(waits)
}

fn defect_of(check: &CheckRecord) -> Option<&Defect> {
    check.finding.as_ref()?.defect.as_ref()
}

/// Whether the title of a check is the defect that it has found.
fn reports_its_own(check: &CheckRecord) -> bool {
    defect_of(check).is_some_and(|defect| defect.reported_by().contains(&check.id.as_str()))
}

/// Whether a check has failed, waived or not, by a defect of which this is true.
fn failed_by(check: &CheckRecord, is_meant: impl FnOnce(&Defect) -> bool) -> bool {
    matches!(check.verdict, Verdict::Failed | Verdict::Waived) && defect_of(check).is_some_and(is_meant)
}

/// The defect that a check has run into and is not about, and the checks, by id, that would say so. Nothing where it speaks for itself.
fn asks(check: &CheckRecord) -> Option<(&Defect, &'static [&'static str])> {
    let defect = defect_of(check)?;
    match check.verdict {
        Verdict::Blocked | Verdict::NotApplicable => Some((defect, defect.reported_by())),
        Verdict::Failed if !reports_its_own(check) => Some((defect, defect.hidden_by())),
        _ => None,
    }
}

/// The check that has failed under one restriction, where this one has under several with that among them: it could not but fail.
fn implied_by(checks: &[CheckRecord], index: usize) -> Option<&CheckRecord> {
    let check = checks.get(index).filter(|check| check.id == TOGETHER && check.verdict == Verdict::Failed)?;
    let fails = |id: &str, other: &CheckRecord| {
        other.id == id && other.app == check.app && matches!(other.verdict, Verdict::Failed | Verdict::Waived)
    };
    ALONE.iter().find_map(|id| checks.iter().find(|other| fails(id, other)))
}

/// The check that has failed by a defect which leaves nothing of the pass of this one, or is why it does not apply, and what it found.
fn disproved(checks: &[CheckRecord], index: usize) -> Option<(String, Finding)> {
    let check = checks.get(index)?;
    let is_meant = |defect: &Defect| match check.verdict {
        Verdict::Passed => defect.disproves(&check.id, check.dependency.as_deref()),
        Verdict::NotApplicable => defect.is_why_not_applicable(&check.id),
        _ => false,
    };
    let disproves = |other: &&CheckRecord| other.app == check.app && reports_its_own(other) && failed_by(other, is_meant);
    let reporter = checks.iter().find(disproves)?;
    let finding = reporter.finding.clone()?;
    Some((reporter.name(), Finding { evidence: vec![], ..finding }))
}

/// Which of the checks with these ids has failed by a defect, other than the one that asks.
fn reporter<'a>(checks: &'a [CheckRecord], index: usize, defect: &Defect, ids: &[&str]) -> Option<&'a CheckRecord> {
    let is_other = |(other, check): &(usize, &CheckRecord)| {
        *other != index && check.app == checks[index].app && failed_by(check, |other| other.explains(defect))
    };
    let others = || checks.iter().enumerate().filter(is_other).map(|(_, check)| check);
    ids.iter().find_map(|id| others().find(|check| check.id == *id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Run;

    fn stop(first: &str) -> Defect {
        Defect::IgnoresStopSignal { first_process: Some(first.into()) }
    }

    fn stop_waits(first: &str) -> Defect {
        Defect::StopWaits { service: "db".into(), first_process: Some(first.into()) }
    }

    fn check(id: &str, verdict: Verdict, defect: Option<Defect>) -> CheckRecord {
        let run = Run::read(include_bytes!("../../tests/fixtures/runs/version-1.json")).expect("a run");
        let finding = Finding { defect, ..Finding::new(format!("{id} holds"), format!("{id} does not"), vec![]) };
        let (id, dependency) =
            id.split_once('[').map_or((id, None), |(id, rest)| (id, Some(rest.trim_end_matches(']').to_owned())));
        CheckRecord { id: id.into(), dependency, verdict, finding: Some(finding), reason: None, ..run.checks[0].clone() }
    }

    fn told(checks: &[CheckRecord]) -> Vec<(String, Verdict, Option<&str>)> {
        checks.iter().map(|check| (check.name(), check.verdict, check.blocked_by.as_deref())).collect()
    }

    use Verdict::{Blocked, Failed, NotApplicable, Waived};

    #[test]
    fn what_does_not_apply_for_want_of_something_is_blocked_where_that_is_a_failure() {
        let runs = |of: Verdict| {
            let mut checks = [
                check("image.healthcheck", of, Some(Defect::NoHealthCheck)),
                check("image.healthcheck-runs", NotApplicable, Some(Defect::NoHealthCheck)),
            ];
            checks[1].reason = Some("the app has no health check".into());
            assert!(missing_reporters(&checks[1..], None).is_empty(), "what was not asked for is not made for it");
            resolve(&mut checks);
            checks[1].clone()
        };
        for of in [Failed, Waived] {
            let check = runs(of);
            assert_eq!((check.verdict, check.blocked_by.as_deref()), (Blocked, Some("image.healthcheck")));
            assert!(check.finding.is_some() && check.reason.is_none());
        }
        let check = runs(Verdict::Passed);
        assert_eq!((check.verdict, check.reason.as_deref()), (NotApplicable, Some("the app has no health check")));
        assert!(check.finding.is_none());
    }

    #[test]
    fn a_check_that_ran_into_a_defect_of_another_points_to_it() {
        let mut checks = [
            check("shutdown.database-gone", Failed, Some(stop("sh"))),
            check("shutdown.status", Blocked, Some(stop("sh"))),
            check("shutdown.reaches-app", Failed, Some(stop("sh"))),
            check("shutdown.in-time", Failed, Some(stop("sh"))),
            check("shutdown.during-startup", Failed, Some(stop("bash -c migrate"))),
        ];
        resolve(&mut checks);
        let names = ["shutdown.database-gone", "shutdown.status", "shutdown.reaches-app", "shutdown.in-time"].map(str::to_owned);
        let [gone, status, reaches, in_time] = names;
        assert_eq!(
            told(&checks),
            [
                (gone, Blocked, Some("shutdown.in-time")),
                (status, Blocked, Some("shutdown.in-time")),
                (reaches, Failed, None),
                (in_time, Failed, None),
                ("shutdown.during-startup".to_owned(), Failed, None),
            ],
            "another first process is another defect"
        );
    }

    #[test]
    fn an_app_that_does_not_bear_one_restriction_does_not_bear_all() {
        let judged = |alone: Verdict| {
            let mut checks = [check(TOGETHER, Failed, None), check("hardening.no-capabilities", alone, None)];
            resolve(&mut checks);
            (checks[0].verdict, checks[0].blocked_by.clone())
        };
        assert_eq!(judged(Failed), (Blocked, Some("hardening.no-capabilities".into())));
        assert_eq!(judged(Verdict::Passed), (Failed, None), "only together");
    }

    #[test]
    fn an_app_has_defects_of_its_own() {
        let of = |app: &str, check: CheckRecord| CheckRecord { app: Some(app.into()), ..check };
        let outage = Some(Defect::IgnoresOutage { service: "db".into() });
        let mut checks = [
            of("web", check("shutdown.in-time", Failed, Some(stop("sh")))),
            of("web", check("outage.killed[db]", Failed, outage.clone())),
            of("worker", check("shutdown.database-gone", Failed, Some(stop("sh")))),
            of("worker", check("outage.killed[db]", Failed, outage)),
        ];
        assert_eq!(missing_reporters(&checks, Some("web")), [""; 0]);
        assert_eq!(missing_reporters(&checks, Some("worker")), ["shutdown.in-time"]);
        resolve(&mut checks);
        assert!(checks.iter().all(|check| check.verdict == Failed), "what the web reports is no defect of the worker");
        let told: Vec<(Option<String>, String)> = causes(&checks).into_iter().map(|cause| (cause.app, cause.check)).collect();
        let cause = |app: &str, id: &str| (Some(app.to_owned()), format!("{app}/{id}"));
        let expected = [
            cause("web", "shutdown.in-time"),
            cause("web", "outage.killed[db]"),
            cause("worker", "shutdown.database-gone"),
            cause("worker", "outage.killed[db]"),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_nobody_reports_is_told_by_who_found_it() {
        let mut checks =
            [check("shutdown.database-gone", Failed, Some(stop("server"))), check("outage.recovers[db]", Blocked, None)];
        resolve(&mut checks);
        assert_eq!((checks[0].verdict, checks[0].blocked_by.as_deref()), (Failed, None));
        assert_eq!((checks[1].verdict, checks[1].blocked_by.as_deref()), (Blocked, None));
        assert_eq!(missing_reporters(&checks, None), ["shutdown.in-time"]);
        for verdict in [Verdict::Passed, NotApplicable] {
            let known = [&checks[..1], &[check("shutdown.in-time", verdict, None)]].concat();
            assert_eq!(missing_reporters(&known, None), [""; 0], "it was asked, and says no, or would not apply again");
        }
    }

    #[test]
    fn a_waiver_does_not_hide_what_it_is_about() {
        let mut checks =
            [check("shutdown.in-time", Waived, Some(stop("sh"))), check("shutdown.database-gone", Failed, Some(stop("sh")))];
        resolve(&mut checks);
        assert_eq!((checks[1].verdict, checks[1].blocked_by.as_deref()), (Blocked, Some("shutdown.in-time")));
    }

    #[test]
    fn what_is_written_where_the_app_needs_to_write_is_one_cause() {
        let needs = |path: &str| Some(Defect::NeedsToWrite { path: path.into() });
        let writes = Some(Defect::Writes { folders: vec!["/root/.app".into(), "/srv/ui/assets".into()] });
        let count = |path: &str| {
            let checks =
                [check("hardening.read-only", Failed, needs(path)), check("hardening.writes-nothing", Failed, writes.clone())];
            causes(&checks).len()
        };
        assert_eq!([count("/srv/ui"), count("/root/.app/state"), count("/srv/u")], [1, 1, 2]);
        let alone = causes(&[check("hardening.writes-nothing", Failed, writes)]);
        assert_eq!(alone[0].headline.as_deref(), Some("The app writes to the file system of its own container"));
    }

    #[test]
    fn a_stop_that_waits_for_a_silent_dependency_shares_the_cause_of_what_it_is_part_of() {
        let waits = || check("shutdown.database-frozen", Failed, Some(stop_waits("tini -- server")));
        let forever = Some(Defect::WaitsForever { service: "db".into() });
        let mut silent = [waits(), check("outage.frozen[db]", Failed, forever)];
        resolve(&mut silent);
        let causes_of_silent = causes(&silent);
        assert_eq!(causes_of_silent.len(), 1);
        assert_eq!(causes_of_silent[0].check, "outage.frozen[db]");
        assert_eq!(causes_of_silent[0].also_failed, ["shutdown.database-frozen"]);
        let mut deaf = [waits(), check("shutdown.in-time", Failed, Some(stop("tini -- server")))];
        resolve(&mut deaf);
        assert_eq!((deaf[0].verdict, deaf[0].blocked_by.as_deref()), (Blocked, Some("shutdown.in-time")));
        let mut gone = [
            check("shutdown.database-gone", Failed, Some(Defect::StopWaitsForTheDead { service: "db".into() })),
            silent[1].clone(),
        ];
        assert_eq!(missing_reporters(&gone[..1], None), ["outage.frozen"]);
        resolve(&mut gone);
        assert_eq!((gone[0].verdict, gone[0].blocked_by.as_deref()), (Blocked, Some("outage.frozen[db]")));
        // The request did meet the moment once, and not the other time; whoever does not respond is not waited for elsewhere.
        let hangs = check("shutdown.database-gone", Failed, Some(Defect::StopWaitsForTheDead { service: "db".into() }));
        assert_eq!(causes(&[hangs, waits()]).len(), 1);
        let alone = causes(&[waits()]);
        assert_eq!(
            (alone.len(), alone[0].headline.as_deref()),
            (1, Some("The app does not stop while `db` does not respond")),
            "no check is about it alone"
        );
    }

    #[test]
    fn a_pass_on_what_does_not_follow_the_dependency_is_none() {
        let resolved = |defect: Defect| {
            let mut checks = [check("outage.slow[db]", Verdict::Passed, None), check("outage.killed[db]", Failed, Some(defect))];
            checks[0].finding = None;
            resolve(&mut checks);
            (checks[0].verdict, checks[0].blocked_by.clone())
        };
        let ignores = |service: &str| Defect::IgnoresOutage { service: service.into() };
        assert_eq!(resolved(ignores("db")), (Blocked, Some("outage.killed[db]".into())));
        assert_eq!(resolved(ignores("cache")), (Verdict::Passed, None), "it follows this one");
        assert_eq!(resolved(Defect::OtherStatus { status: 500 }), (Verdict::Passed, None), "it follows, in its own words");
    }

    #[test]
    fn a_signal_that_an_app_misses_at_its_start_is_missed_always_by_one_that_ignores_it() {
        let resolved = |id: &str, defect: Defect| {
            let mut checks = [check(id, Verdict::NotApplicable, None), check("shutdown.in-time", Failed, Some(defect))];
            checks[0].finding = None;
            resolve(&mut checks);
            (checks[0].verdict, checks[0].blocked_by.clone())
        };
        let ignores = || Defect::IgnoresStopSignal { first_process: None };
        assert_eq!(resolved("shutdown.halfway-started", ignores()), (Blocked, Some("shutdown.in-time".into())));
        assert_eq!(resolved("shutdown.halfway-started", Defect::DropsRequests), (Verdict::NotApplicable, None));
        assert_eq!(resolved("shutdown.in-flight", ignores()), (Verdict::NotApplicable, None), "for want of something else");
    }

    #[test]
    fn a_rejected_login_that_readiness_ignores_is_told_by_who_says_that_it_ignores_everything() {
        let rejected = || check("retry.wrong-password", Failed, Some(Defect::IgnoresRejection { service: "db".into() }));
        let outage = |service: &str| Some(Defect::IgnoresOutage { service: service.into() });
        let resolved = |others: &[CheckRecord]| {
            let mut checks = [&[rejected()], others].concat();
            resolve(&mut checks);
            (checks[0].verdict, checks[0].blocked_by.clone())
        };
        let alone = check("readiness.not-without-database", Failed, outage("db"));
        let killed = check("outage.killed[db]", Failed, outage("db"));
        assert_eq!(resolved(&[alone.clone(), killed]), (Blocked, Some("outage.killed[db]".into())));
        assert_eq!(resolved(&[alone]), (Blocked, Some("readiness.not-without-database".into())));
        assert_eq!(resolved(&[check("outage.killed[cache]", Failed, outage("cache"))]), (Failed, None), "another dependency");
        assert_eq!(resolved(&[check("outage.killed[db]", Verdict::Passed, None)]), (Failed, None), "it looks otherwise");
        assert_eq!(missing_reporters(&[rejected()], None), ["outage.killed"]);
    }

    #[test]
    fn an_exit_with_the_wrong_status_is_the_exit_of_an_app_that_does_not_wait() {
        let exits = || check("retry.late-database", Failed, Some(Defect::ExitsAtStart));
        let status = || check("retry.gives-up-cleanly", Failed, Some(Defect::ExitsWithSuccess));
        for checks in [[exits(), status()], [status(), exits()]] {
            let mut checks = checks;
            for check in &mut checks {
                check.fix = format!("fix {}", check.id);
            }
            let causes = causes(&checks);
            assert_eq!(causes.len(), 1);
            assert!(causes[0].fix.contains("fix retry.gives-up-cleanly"), "{}", causes[0].fix);
        }
    }

    #[test]
    fn an_app_that_waits_for_what_refuses_exits_for_the_name_alone() {
        let headline = |refused: Verdict, others: &[&str]| {
            let mut checks = vec![check("retry.late-database", Failed, Some(Defect::ExitsAtStart))];
            checks.extend(others.iter().map(|id| check(id, Failed, Some(Defect::ExitsAtStart))));
            checks.push(check("retry.refused", refused, Some(Defect::ExitsAtStart)));
            causes(&checks)[0].headline.clone().expect("a headline")
        };
        assert_eq!(headline(Verdict::Passed, &["retry.unknown-name"]), UNRESOLVED);
        for (refused, others) in
            [(Failed, &["retry.unknown-name"][..]), (NotApplicable, &[]), (Verdict::Passed, &["retry.starting-up"])]
        {
            assert_eq!(
                headline(refused, others),
                "The app exits when a dependency is missing at its start",
                "{refused:?} {others:?}"
            );
        }
    }

    #[test]
    fn findings_that_share_a_defect_are_one_cause() {
        let outage = |service: &str| Some(Defect::IgnoresOutage { service: service.into() });
        let mut checks = [
            check("outage.frozen[db]", Failed, outage("db")),
            check("outage.killed[db]", Failed, outage("db")),
            check("outage.killed[cache]", Failed, outage("cache")),
            check("outage.recovers[db]", Blocked, outage("db")),
            check("image.labels", Failed, None),
            check("image.exposes", Failed, None),
        ];
        checks[4].severity = Severity::Should;
        resolve(&mut checks);
        let causes = causes(&checks);
        let told: Vec<(&str, Vec<&str>, Vec<&str>)> = causes
            .iter()
            .map(|cause| {
                let also_failed = cause.also_failed.iter().map(String::as_str).collect();
                (cause.check.as_str(), also_failed, cause.blocked.iter().map(String::as_str).collect())
            })
            .collect();
        assert_eq!(
            told,
            [
                ("outage.killed[db]", vec!["outage.frozen[db]"], vec!["outage.recovers[db]"]),
                ("outage.killed[cache]", vec![], vec![]),
                ("image.exposes", vec![], vec![]),
                ("image.labels", vec![], vec![]),
            ]
        );
        assert_eq!(causes[0].headline.as_deref(), Some("Readiness stays 2xx while `db` is down"));
        assert_eq!(causes[3].headline, None);
    }
}
