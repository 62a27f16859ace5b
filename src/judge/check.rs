//! Judging a whole check: its claims one after the other, each in its own window, by the facts of its experiment.

use std::time::Duration;

use super::claim::{Anchor, Claim};
use super::defect::defect;
use super::window::{Event, Window};
use crate::model::{Fact, FactId, Finding, Halt, Observation, Outcome, Sight, Verdict};
use crate::subject::Contract;

/// What a line of a check means to its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// What must hold before anything can be asserted. When it does not, the check is blocked.
    Premise(Claim),
    /// What is asserted. When it is broken, the check has failed.
    Claim(Claim),
}

impl Part {
    fn claim(&self) -> &Claim {
        match self {
            Self::Premise(claim) | Self::Claim(claim) => claim,
        }
    }
}

/// Why a check could not run whose last claim nobody looked at.
const NO_END: &str = "it did not come to its end";

/// What a check comes to, before waivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruling {
    /// The verdict.
    pub verdict: Verdict,
    /// How a claim was broken, when one was.
    pub finding: Option<Finding>,
    /// Why it does not apply, or could not be run.
    pub reason: Option<String>,
}

impl Ruling {
    fn passed() -> Self {
        Self { verdict: Verdict::Passed, finding: None, reason: None }
    }

    /// A claim was broken.
    #[must_use]
    pub fn failed(finding: Finding) -> Self {
        Self { verdict: Verdict::Failed, finding: Some(finding), reason: None }
    }

    /// What has to hold before it can be judged does not.
    fn blocked(finding: Finding) -> Self {
        Self { verdict: Verdict::Blocked, finding: Some(finding), reason: None }
    }

    fn not_applicable(reason: String) -> Self {
        Self { verdict: Verdict::NotApplicable, finding: None, reason: Some(reason) }
    }

    fn could_not_run(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::CouldNotRun, finding: None, reason: Some(reason.into()) }
    }
}

/// The window of the step that began with this fact: limits count from the last mark of the anchor that was put down before it; without
/// an anchor from the last mark of any kind, or else from what an earlier claim has found.
#[must_use]
pub fn begin<'a>(
    facts: &'a [Observation],
    step: FactId,
    anchor: Anchor,
    carried: Option<(FactId, Duration, Event<'a>)>,
) -> (Duration, Event<'a>) {
    let marks = facts.iter().filter_map(|one| match &one.fact {
        Fact::Mark { mark } if one.id < step && anchor.is(mark) => Some((one.id, one.at, Event::Mark(mark))),
        _ => None,
    });
    let carried = carried.filter(|_| anchor == Anchor::Latest);
    let last: Option<(FactId, Duration, Event<'a>)> = marks.chain(carried).max_by_key(|(id, ..)| *id);
    last.map_or((Duration::ZERO, Event::Beginning), |(_, at, event)| (at, event))
}

/// Judges a check, by its name, whose scenario has these lines, those that assert something with their claims, by all facts of its
/// experiment. What belongs to other checks of the experiment is not looked at.
#[must_use]
pub fn judge(check: &str, lines: &[Option<Part>], facts: &[Observation], contract: &Contract) -> Ruling {
    let is_own = |of: &Option<String>| of.as_deref().is_none_or(|of| of == check);
    let all = by_number(facts).filter_map(|one| match &one.fact {
        Fact::Step { check, .. } => Some((one.id, check)),
        _ => None,
    });
    let all: Vec<(FactId, &Option<String>)> = all.collect();
    let own: Vec<(FactId, &Option<String>)> = all.iter().copied().filter(|(_, of)| is_own(of)).collect();
    // Where claims are told apart, an act that came instead of a claim shows that the check had ended before.
    let are_told_apart = own.iter().any(|(_, of)| of.is_some());
    let halt = by_number(facts).find_map(|one| match &one.fact {
        Fact::Halted { halt, check } if is_own(check) => Some((one.id, halt)),
        _ => None,
    });
    // What comes after the last line is done for other checks.
    let halt = halt.filter(|(id, _)| own.get(lines.len()).is_none_or(|(later, _)| id < later));
    let mut carried = None;
    for (line, (step, of)) in lines.iter().zip(&own) {
        let Some(part) = line else { continue };
        let claim = part.claim();
        if are_told_apart && of.is_none() {
            return Ruling::could_not_run(NO_END);
        }
        // It is the performing of this step, or of an earlier one, that could not go on.
        let next = own.iter().map(|(id, _)| *id).find(|other| other > step).unwrap_or(FactId(u32::MAX));
        if let Some((id, halt)) = halt
            && id < next
        {
            return halted(halt);
        }
        let (from, event) = begin(facts, *step, claim.anchor(), carried);
        // What a later step has done is not this claim's business, nor what was looked at for another check.
        let next = all.iter().map(|(id, _)| *id).find(|other| other > step);
        let next = next.and_then(|next| facts.iter().find(|one| one.id == next));
        let end = next.map_or(facts.len(), |next| facts.partition_point(|other| other.at <= next.at));
        let window = Window { facts: &facts[..end], contract, from, event, over: true };
        match claim.judge(&window) {
            Outcome::Held(evidence) => {
                if let (Some(event), Some(first)) = (claim.finds(), evidence.first()) {
                    let at = facts.iter().find(|one| one.id == *first).map(|one| one.at);
                    carried = at.map(|at| (*step, at, event));
                }
            }
            Outcome::Broken(finding) => {
                if let Some(what) = blind(facts, claim.sights()) {
                    return Ruling::could_not_run(format!("{what} could no longer be followed"));
                }
                let finding = Finding { defect: defect(claim, &window), ..finding };
                return match part {
                    Part::Premise(_) => Ruling::blocked(finding),
                    Part::Claim(_) => Ruling::failed(finding),
                };
            }
            Outcome::NotApplicable(reason) => return Ruling::not_applicable(reason),
            Outcome::Undecided(what) => return Ruling::could_not_run(not_measured(&what)),
            Outcome::Pending => return Ruling::could_not_run(not_measured("a claim was still open at its limit")),
        }
    }
    match (halt, foreign(facts)) {
        (Some((_, halt)), _) => halted(halt),
        (None, Some(Err(error))) => Ruling::failed(Finding::new("the scenario's own steps pass", error, vec![])),
        (None, foreign) if own.len() < lines.len() && foreign.is_none() => Ruling::could_not_run(NO_END),
        (None, _) => Ruling::passed(),
    }
}

fn not_measured(what: &str) -> String {
    match Halt::not_measured(what) {
        Halt::CouldNotRun { reason, advice, .. } => format!("{reason}. {advice}"),
        Halt::NotApplicable { reason } => reason,
    }
}

fn halted(halt: &Halt) -> Ruling {
    match halt {
        Halt::NotApplicable { reason } => Ruling::not_applicable(reason.clone()),
        Halt::CouldNotRun { reason, advice, .. } => Ruling::could_not_run(format!("{reason}. {advice}")),
    }
}

/// What could no longer be seen of that which a claim looks at, so that silence proves nothing.
fn blind<'a>(facts: &'a [Observation], sights: &[Sight]) -> Option<&'a str> {
    facts.iter().find_map(|one| match &one.fact {
        Fact::Blind { what, sight } if sights.contains(sight) => Some(what.as_str()),
        _ => None,
    })
}

/// How steps that are not ours ended, where there were any.
fn foreign(facts: &[Observation]) -> Option<Result<(), &str>> {
    facts.iter().find_map(|one| match &one.fact {
        Fact::Foreign { error } => Some(error.as_deref().map_or(Ok(()), Err)),
        _ => None,
    })
}

fn by_number(facts: &[Observation]) -> impl Iterator<Item = &Observation> {
    let mut facts: Vec<&Observation> = facts.iter().collect();
    facts.sort_by_key(|one| one.id);
    facts.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Told, contract, died, line, mark, readiness, timeline};
    use crate::judge::{Lasting, Limit, Wanted};
    use crate::model::{Answer, Endpoint, FaultKind, Mark, Return};
    use crate::model::{Inspection, Item, Listing, ScenarioLine, Trait};
    use crate::subject::Meant;

    const WITHIN: Limit = Limit::Fixed(Duration::from_secs(5));
    const READY: Claim =
        Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Success, within: WITHIN, of: Anchor::Latest };
    const UNAVAILABLE: Claim =
        Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Status(503), within: WITHIN, of: Anchor::Latest };
    const STAYS: Claim = Claim::Stays {
        endpoint: Endpoint::Readiness,
        lasting: Lasting::NoSuccess,
        time: Duration::from_secs(5),
        of: Anchor::Latest,
    };

    fn ruled(lines: &[Option<Claim>], told: &[Told]) -> Ruling {
        judge("outage.killed", &claims(lines), &timeline(told.to_vec()), &contract())
    }

    fn claims(lines: &[Option<Claim>]) -> Vec<Option<Part>> {
        lines.iter().map(|line| line.clone().map(Part::Claim)).collect()
    }

    fn step(ms: u64) -> Told {
        (ms, Fact::Step { line: ScenarioLine { text: "it holds".into(), ..ScenarioLine::default() }, check: None })
    }

    fn status(ms: u64, status: u16) -> Told {
        readiness(ms, ms + 10, Answer::Status(status))
    }

    fn started(ms: u64) -> Told {
        mark(ms, Mark::AppStarted { again: false })
    }

    fn killed(ms: u64) -> Told {
        mark(ms, Mark::Disturbed { service: "db".into(), fault: FaultKind::Killed })
    }

    fn accepts_again(ms: u64) -> Told {
        mark(ms, Mark::Accepts { service: "db".into(), after: Return::Outage })
    }

    fn halt(ms: u64, halt: Halt) -> Told {
        (ms, Fact::Halted { check: None, halt })
    }

    fn failed(ruling: Ruling) -> Finding {
        assert_eq!(ruling.verdict, Verdict::Failed, "{ruling:?}");
        ruling.finding.expect("how it failed")
    }

    #[test]
    fn what_belongs_to_another_check_of_the_experiment_is_not_looked_at() {
        let of = |check: &str| Some(check.to_owned());
        let step = |ms: u64, check: Option<String>| (ms, Fact::Step { line: ScenarioLine::default(), check });
        let halt = |ms: u64, check| (ms, Fact::Halted { halt: Halt::not_applicable("no"), check });
        let lines = [None, Some(READY)];
        let shared = [step(0, None), status(10, 200), step(20, of("shutdown.twice")), step(30, of("outage.killed"))];
        assert_eq!(ruled(&lines, &shared).verdict, Verdict::Passed);
        let with = |halt| [&shared[..3], &[halt], &shared[3..]].concat();
        assert_eq!(ruled(&lines, &with(halt(25, of("shutdown.twice")))).verdict, Verdict::Passed, "the halt of another");
        assert_eq!(ruled(&lines, &with(halt(25, None))).verdict, Verdict::NotApplicable, "of the whole experiment");
    }

    #[test]
    fn limits_count_from_the_anchor_of_a_claim() {
        let disturbed = Mark::Disturbed { service: "db".into(), fault: FaultKind::Killed };
        let back = Mark::Accepts { service: "db".into(), after: Return::Outage };
        let of = |of| Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Status(503), within: WITHIN, of };
        let told = [
            (0, Fact::Mark { mark: disturbed }),
            status(100, 503),
            (20_000, Fact::Mark { mark: back }),
            status(20_100, 200),
            step(20_200),
        ];
        assert_eq!(ruled(&[Some(of(Anchor::Outage))], &told).verdict, Verdict::Passed);
        assert_eq!(ruled(&[Some(of(Anchor::Return))], &told).verdict, Verdict::Failed);
        assert_eq!(ruled(&[Some(of(Anchor::Latest))], &told).verdict, Verdict::Failed, "the return came last");
    }

    #[test]
    fn a_check_passes_when_all_its_claims_hold() {
        let lines = [None, Some(READY), Some(Claim::SameProcess)];
        assert_eq!(ruled(&lines, &[step(0), started(10), step(20), status(30, 200), step(50)]), Ruling::passed());
    }

    #[test]
    fn limits_count_from_the_last_mark_before_the_step() {
        let lines = [None, Some(UNAVAILABLE)];
        let answered = |ms| ruled(&lines, &[step(0), started(5), killed(1000), step(1100), accepts_again(1500), status(ms, 503)]);
        assert_eq!(answered(5900), Ruling::passed());
        let finding = failed(answered(6100));
        assert_eq!(finding.expected, "readiness answers 503 within 5.0 s of `db` being killed");
        assert_eq!(finding.seen, "no answer at all", "what came too late is not told");
    }

    #[test]
    fn limits_count_from_what_an_earlier_claim_has_found() {
        let lines = [None, Some(UNAVAILABLE), Some(STAYS)];
        let ready_again = |ms| {
            ruled(&lines, &[step(0), killed(1000), step(1100), status(3000, 503), step(3020), status(3100, 503), status(ms, 200)])
        };
        assert_eq!(ready_again(8020), Ruling::passed(), "5 s after the first 503");
        let finding = failed(ready_again(8000));
        assert_eq!(finding.expected, "readiness answers no 2xx throughout 5.0 s from the first 503 on");
    }

    #[test]
    fn a_mark_after_what_an_earlier_claim_has_found_wins() {
        let lines = [None, Some(UNAVAILABLE), None, Some(READY)];
        let begin = [step(0), killed(1000), step(1100), status(2000, 503), step(2020), accepts_again(9000), step(9010)];
        let answered = |ms| ruled(&lines, &[&begin[..], &[status(ms, 200)]].concat());
        assert_eq!(answered(13_000), Ruling::passed());
        assert_eq!(failed(answered(15_000)).expected, "readiness answers 2xx within 5.0 s of `db` accepting again");
    }

    #[test]
    fn what_a_later_step_does_does_not_count() {
        let before = [step(0), started(10), step(20), step(30), died(40, 137)];
        assert_eq!(ruled(&[None, Some(Claim::SameProcess), None], &before), Ruling::passed());
        let finding = failed(ruled(&[None, None, Some(Claim::SameProcess)], &before));
        assert_eq!(finding.evidence, [FactId(4)]);
    }

    #[test]
    fn facts_count_by_their_time_whenever_they_arrive() {
        let late = [step(0), started(10), step(20), step(30), died(25, 137)];
        let finding = failed(ruled(&[None, Some(Claim::SameProcess), None], &late));
        assert_eq!(finding.evidence, [FactId(4)]);
        let lines = [None, Some(READY), Some(Claim::SameProcess)];
        let passes = [step(0), started(10), step(20), step(50), readiness(30, 40, Answer::Status(200))];
        assert_eq!(ruled(&lines, &passes), Ruling::passed());
    }

    #[test]
    fn the_first_claim_that_is_broken_is_told() {
        let lines = [Some(READY), Some(UNAVAILABLE)];
        assert_eq!(failed(ruled(&lines, &[step(0), step(10)])).expected, "readiness answers 2xx within 5.0 s of the beginning");
        assert_eq!(
            failed(ruled(&lines, &[step(0), status(1, 200), step(20)])).expected,
            "readiness answers 503 within 5.0 s of the first ready answer"
        );
    }

    #[test]
    fn a_halt_ends_the_check_where_it_happens() {
        let could_not = || Halt::CouldNotRun { reason: "it broke".into(), advice: "look".into(), service: None };
        let broke = Ruling::could_not_run("it broke. look");
        let lacks = Ruling::not_applicable("it has none".into());
        let lines = [None, Some(READY)];
        assert_eq!(ruled(&lines, &[step(0), halt(5, Halt::not_applicable("it has none"))]), lacks);
        assert_eq!(ruled(&lines, &[step(0), halt(5, could_not())]), broke);
        assert_eq!(ruled(&lines, &[step(0), status(1, 200), step(20), halt(25, could_not())]), broke, "while it was looked");
        let lines = [Some(READY), None];
        assert_eq!(ruled(&lines, &[step(0), status(1, 200), step(20), halt(25, could_not())]), broke);
        let finding = failed(ruled(&lines, &[step(0), step(20), halt(25, could_not())]));
        assert!(finding.expected.starts_with("readiness answers 2xx"), "it was broken before: {}", finding.expected);
    }

    #[test]
    fn what_is_done_for_other_checks_afterwards_is_not_its_business() {
        let lines = [None, Some(READY), Some(Claim::SameProcess)];
        let held = [step(0), started(10), step(20), status(30, 200), step(50)];
        let later = [step(60), died(70, 0), halt(80, Halt::not_applicable("it has none"))];
        assert_eq!(ruled(&lines, &[&held[..], &later].concat()), Ruling::passed());
        let before = [&held[..], &[halt(55, Halt::not_applicable("it has none"))], &later[..2]].concat();
        assert_eq!(ruled(&lines, &before).verdict, Verdict::NotApplicable, "before its end");
    }

    #[test]
    fn a_check_that_ended_early_is_not_judged_by_a_later_phase() {
        let lines = [None, Some(READY), Some(Claim::SameProcess)];
        let of = |ms, check: Option<&str>| (ms, Fact::Step { line: ScenarioLine::default(), check: check.map(str::to_owned) });
        // The answer arrived after the check had been given up, and an act of a later phase came in the place of its second claim.
        let told = [of(0, None), started(10), of(20, Some("outage.killed")), status(30, 200), of(40, None), died(50, 0)];
        assert_eq!(ruled(&lines, &told), Ruling::could_not_run(NO_END));
    }

    #[test]
    fn what_was_looked_at_for_another_check_does_not_count() {
        let of = |ms, check: &str| (ms, Fact::Step { line: ScenarioLine::default(), check: Some(check.to_owned()) });
        let found = |ms, items: &[&str]| {
            let items = items.iter().map(|&what| Item { what: what.to_owned(), place: None }).collect();
            (ms, Fact::Inspected { inspection: Inspection::Listing(Listing { kind: Trait::Cache, within: None, items }) })
        };
        let told = [of(0, "outage.killed"), found(10, &[]), of(20, "shutdown.twice"), found(30, &["a cache"])];
        assert_eq!(ruled(&[Some(Claim::Without(Trait::Cache))], &told), Ruling::passed());
    }

    #[test]
    fn limits_count_from_the_report_of_a_failed_login() {
        let lines = [None, Some(Claim::TellsOfLogin(Limit::Fixed(Duration::from_secs(20)))), Some(STAYS)];
        let ready = |ms| {
            ruled(
                &lines,
                &[
                    step(0),
                    started(10),
                    step(20),
                    line(8000, "password authentication failed"),
                    step(8010),
                    status(9000, 503),
                    status(ms, 200),
                ],
            )
        };
        assert_eq!(
            failed(ready(12_000)).expected,
            "readiness answers no 2xx throughout 5.0 s from the report of the failed login on"
        );
        assert_eq!(ready(13_100), Ruling::passed(), "a slow start is no reason to look at nothing but silence");
    }

    #[test]
    fn nothing_is_broken_that_could_not_be_seen() {
        let blind = (5, Fact::Blind { what: "the app's answers".into(), sight: Sight::Everything });
        let ruling = ruled(&[Some(READY)], &[step(0), blind.clone()]);
        assert_eq!(ruling, Ruling::could_not_run("the app's answers could no longer be followed"));
        assert_eq!(ruled(&[Some(READY)], &[step(0), status(1, 200), blind]), Ruling::passed());
    }

    #[test]
    fn a_check_has_to_come_to_its_end() {
        let lines = [None, Some(READY), None];
        let ruling = ruled(&lines, &[step(0), step(10), status(20, 200)]);
        assert_eq!(ruling, Ruling::could_not_run("it did not come to its end"));
        assert_eq!(ruled(&lines, &[]), Ruling::could_not_run("it did not come to its end"));
    }

    #[test]
    fn steps_of_another_runner_are_its_own_business() {
        let lines = [None, Some(READY), None];
        let foreign = |error: Option<&str>| (50, Fact::Foreign { error: error.map(str::to_owned) });
        let ran = |answer, error| ruled(&lines, &[step(0), step(10), status(20, answer), foreign(error)]);
        assert_eq!(ran(200, None), Ruling::passed());
        let finding = failed(ran(200, Some("no order was shipped")));
        assert_eq!((finding.expected.as_str(), finding.seen.as_str()), ("the scenario's own steps pass", "no order was shipped"));
        assert!(failed(ran(503, Some("no order was shipped"))).expected.starts_with("readiness answers 2xx"));
    }

    #[test]
    fn what_no_fact_decides_could_not_run() {
        let undecided = |what: &str| {
            let again = "run the check again; if it happens again, please report it";
            Ruling::could_not_run(format!("could not be measured: {what}. {again}"))
        };
        assert_eq!(ruled(&[Some(Claim::StopsInTime(Anchor::Stop))], &[step(0)]), undecided("the app got no stop signal"));
        let no_limit = Ruling::not_applicable("the contract has no image_size_limit".into());
        assert_eq!(ruled(&[Some(Claim::Fits)], &[step(0)]), no_limit);
        let alone = Contract { dependencies: vec![], ..contract() };
        let claim = Some(Claim::NotReadyBefore(Meant::Database));
        assert_eq!(
            judge("retry.late-database", &claims(&[claim]), &timeline([step(0)]), &alone),
            undecided("the stack does not have the database")
        );
    }
}
