//! Judging what the app answers.

use std::time::Duration;

use super::claim::{Lasting, Wanted};
use super::failure;
use super::logging::message_of;
use super::meaning::{Meaning, ready_in_words};
use super::trace::Code;
use super::window::{Window, changes};
use super::words::{answers, count_exits, deaths, exits, last_exit, seconds, since};
use crate::model::{Answer, ContainerChange, DependencyState, Endpoint, Fact, FactId, Observation, Outcome, Phase, beginning};
use crate::subject::Contract;

/// How long a request may be left without an answer before the app ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// So long before the end of an app that had run begin the lines that are about it. A busy machine tells seconds late that a process has ended.
const LAST_LINES: Duration = Duration::from_secs(10);

/// How long the engine may take to say that a container has ended.
const WORD: Duration = Duration::from_secs(1);

/// A request to an endpoint and what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) id: FactId,
    pub(super) sent: Duration,
    /// When the answer was complete.
    pub(super) at: Duration,
    pub(super) answer: &'a Answer,
    /// What that means.
    pub(super) meaning: Meaning,
}

impl Request<'_> {
    pub(super) fn is_ready(&self) -> bool {
        self.meaning == Meaning::Ready
    }
}

/// The requests to an endpoint, by the time of their answers.
pub(super) fn requests<'a>(window: &Window<'a>, endpoint: Endpoint) -> impl DoubleEndedIterator<Item = Request<'a>> {
    let Window { facts, contract, .. } = *window;
    facts.iter().filter_map(move |one| match &one.fact {
        Fact::Probe { endpoint: asked, sent, answer, .. } if *asked == endpoint => {
            let meaning = Meaning::of(answer, endpoint, contract);
            Some(Request { id: one.id, sent: *sent, at: one.at, answer, meaning })
        }
        _ => None,
    })
}

/// How many of the latest answers of readiness, since a moment, say one after the other that the app is ready.
#[must_use]
pub fn ready_in_a_row(facts: &[Observation], contract: &Contract, since: Duration) -> usize {
    let answers = facts.iter().rev().take_while(|one| one.at >= since).filter_map(|one| match &one.fact {
        Fact::Probe { endpoint: Endpoint::Readiness, answer, .. } => Some(answer),
        _ => None,
    });
    answers.take_while(|answer| Meaning::of(answer, Endpoint::Readiness, contract) == Meaning::Ready).count()
}

/// Broken, with the app's exits, which say why it did not answer, and all that the endpoint answered in the window until a moment.
fn never_came(window: &Window<'_>, endpoint: Endpoint, until: Duration, expected: String) -> Outcome {
    let answered = answers(window.facts, endpoint, (window.from, until));
    let was_asked = requests(window, endpoint).any(|one| one.sent >= window.from && one.at <= until);
    let seen = match exited(window) {
        Some(exits) if was_asked => format!("{exits}; {endpoint}: {answered}"),
        Some(exits) => exits,
        None => answered,
    };
    Outcome::broken(expected, seen, last_of_each_kind(window, endpoint, until))
}

/// The exits of the app since its start, with what it says of the last one where no further start is waited for.
fn exited(window: &Window<'_>) -> Option<String> {
    let (app, started) = (window.app(), window.started());
    // An app that has never been ready ends its start, whatever came back just before.
    let was_ready =
        requests(window, Endpoint::Readiness).any(|one| one.sent >= started && one.at <= window.from && one.is_ready());
    let is_first = count_exits(window.facts, app, started) == 1 && !started.is_zero() && started < window.from;
    let origin = if is_first && !was_ready { Duration::MAX } else { window.from };
    let exits = exits(window.facts, app, started, origin)?;
    if window.is_gone(app) {
        let death = deaths(window.facts, app, started).last()?;
        let says = reason(window, (started.max(death.at.saturating_sub(LAST_LINES)), Duration::MAX)).unwrap_or_default();
        return Some(format!("{exits}{says}, and nothing starts it again"));
    }
    if window.fails_to_start() {
        let (count, status) = last_exit(window.facts, app, started, window.from)?;
        return Some(format!(
            "`{app}` exits at every start{} ({count} times, last with {status})",
            reason(window, (started, Duration::MAX)).unwrap_or_default()
        ));
    }
    Some(exits)
}

/// What the app has written from a moment to another about why it ended, after a colon: the last line in which something is said to have failed, and which
/// is no code of a stack trace; of one with fields its message.
pub(super) fn reason(window: &Window<'_>, (since, until): (Duration, Duration)) -> Option<String> {
    let mut code = Code::default();
    let lines = window.facts.iter().filter(|one| one.at >= since && one.at < until).filter_map(|one| match &one.fact {
        Fact::Log { service, line, .. } if service == window.app() => Some(line.as_str()),
        _ => None,
    });
    let said: Vec<&str> = lines.filter(|line| !code.is_code(line)).map(str::trim).collect();
    let most = said.into_iter().filter_map(|line| Some((failure::rank(line)?, line)));
    // The last one of those that say most.
    let (_, line) = most.rev().min_by_key(|(rank, _)| *rank)?;
    let said = message_of(line);
    Some(format!(": `{}`", beginning(said.as_deref().unwrap_or(line))))
}

/// What an endpoint answered in the window until a moment, as evidence: the last answer of each kind.
fn last_of_each_kind(window: &Window<'_>, endpoint: Endpoint, until: Duration) -> Vec<FactId> {
    let mut last: Vec<(&Answer, FactId)> = vec![];
    for request in requests(window, endpoint).filter(|request| request.sent >= window.from && request.at <= until) {
        last.retain(|(answer, _)| *answer != request.answer);
        last.push((request.answer, request.id));
    }
    last.into_iter().map(|(_, id)| id).collect()
}

/// An endpoint says this at least once within a limit. Held by the first such answer.
///
/// There is one request at a time. Where one that was sent before the window began hangs into it, nothing could be asked until its end: the
/// limit counts from there.
pub(super) fn answered(window: &Window<'_>, endpoint: Endpoint, wanted: Wanted, limit: Duration) -> Outcome {
    let is_in_the_way =
        |request: &Request<'_>| request.sent < window.from && request.at > window.from && *request.answer == Answer::TimedOut;
    let asked_again = requests(window, endpoint).find(is_in_the_way).map_or(window.from, |request| request.at);
    let until = asked_again + limit;
    let first =
        requests(window, endpoint).find(|request| request.sent >= window.from && request.at <= until && wanted.is(request));
    if let Some(request) = first {
        return Outcome::Held(vec![request.id]);
    }
    // To live, an app needs nobody.
    let fails = || window.fails_to_start() || (endpoint == Endpoint::Liveness && window.never_lives());
    let is_gone = window.is_gone(window.app()) || (wanted == Wanted::Success && fails());
    let is_past = requests(window, endpoint).any(|request| request.at > until);
    if !window.over && !is_gone && !is_past {
        return Outcome::Pending;
    }
    let expected = format!("{endpoint} answers {} {}", wanted.of(endpoint, window.contract), window.within(limit));
    never_came(window, endpoint, until, expected)
}

/// Somebody listens within a limit: a request is accepted, whatever becomes of it. Held by the first, if the app had not exited before: that what is
/// started after it listens, perhaps because what was missing is there by then, says nothing of the app.
pub(super) fn listened(window: &Window<'_>, limit: Duration) -> Outcome {
    let endpoint = Endpoint::Readiness;
    let until = window.from + limit;
    let asked = || requests(window, endpoint).filter(|request| request.sent >= window.from);
    // One that hangs has been accepted before its timeout.
    let is_accepted =
        |request: &Request<'_>| (request.answer.is_an_answer() || *request.answer == Answer::TimedOut) && request.sent <= until;
    let exit = deaths(window.facts, window.app(), window.from).map(|death| death.at).next();
    if let Some(request) = asked().find(is_accepted).filter(|request| exit.is_none_or(|exit| request.sent < exit)) {
        return Outcome::Held(vec![request.id]);
    }
    if !window.over && exit.is_none() && !asked().any(|request| request.at > until) {
        return Outcome::Pending;
    }
    let expected = format!("`{}` listens {}", window.app(), window.within(limit));
    never_came(window, endpoint, until, expected)
}

/// An endpoint says this in the whole window, in which it is asked at least once.
///
/// What was sent before the window's end is waited for. There is one request at a time, so the end of a later one shows that all before
/// it have ended. Whether it hangs is seen late: there a request that was under way when the window began counts too.
pub(super) fn stayed(window: &Window<'_>, endpoint: Endpoint, lasting: Lasting, time: Duration) -> Outcome {
    if lasting == Lasting::NoSuccessWhereTold && !window.contract.readiness.tells_of_the_start() {
        return Outcome::Held(vec![]);
    }
    let end = window.from + time;
    let counts = |request: &Request<'_>| {
        let begins_within = request.sent >= window.from || (lasting == Lasting::Bounded && request.at > window.from);
        begins_within && request.sent < end
    };
    let asked: Vec<Request<'_>> = requests(window, endpoint).filter(counts).collect();
    if let Some(breaking) = asked.iter().find(|request| lasting.breaks(request)) {
        // A connection that is refused or breaks off may be that of an app which is just ending: the engine says so a moment later.
        let is_cut = matches!(breaking.answer, Answer::Refused | Answer::Reset | Answer::Broken(_));
        let has_ended = || deaths(window.facts, window.app(), window.from).next().is_some();
        let goes_on = || requests(window, endpoint).any(|request| request.at > breaking.at + WORD);
        if is_cut && !window.over && !has_ended() && !goes_on() {
            return Outcome::Pending;
        }
        let expected =
            format!("{endpoint} {} throughout {} from {} on", lasting.of(endpoint, window.contract), seconds(time), window.event);
        let answered = answers(window.facts, endpoint, (window.from, end.max(breaking.at)));
        let seen = exited(window).map_or_else(|| answered.clone(), |exits| format!("{answered}; {exits}"));
        return Outcome::broken(expected, seen, vec![breaking.id]);
    }
    let was_asked = !asked.is_empty() || lasting.needs_no_answer();
    let is_past = requests(window, endpoint).any(|request| request.at >= end);
    if (window.over || is_past) && was_asked {
        return Outcome::Held(asked.first().into_iter().chain(asked.last()).map(|request| request.id).collect());
    }
    Outcome::undecided_when(window.over, "the app gave no answer to judge by")
}

/// After the app was told to stop, nothing that it was asked is left hanging: it answers, or turns the request away.
///
/// Hanging means no answer for longer than this after the signal, until the probe's timeout or the end of the app.
pub(super) fn left_nothing_hanging(window: &Window<'_>) -> Outcome {
    let Some(stop) = window.stop() else { return super::stop::no_end(window) };
    let told = stop.told;
    let waited = |request: &Request<'_>| request.at.saturating_sub(request.sent.max(told));
    let hung = requests(window, Endpoint::Readiness).find(|request| {
        matches!(request.answer, Answer::TimedOut | Answer::Broken(_) | Answer::CannotAsk(_)) && waited(request) > PATIENCE
    });
    let Some(request) = hung else { return Outcome::Held(vec![stop.sent]) };
    Outcome::broken(
        "every request after the signal is answered or refused",
        format!(
            "a request that was sent at {} was accepted and left hanging for {} after the signal: {}",
            since(told, request.sent),
            seconds(waited(&request)),
            request.answer,
        ),
        vec![stop.sent, request.id],
    )
}

/// No ready answer comes before the dependency accepts.
///
/// Broken only by proof: the answer was complete before an attempt began that the dependency turned down, or before its
/// container was started at all. That the dependency is seen to accept a little late proves nothing.
pub(super) fn never_ready_before(window: &Window<'_>, dependency: &str) -> Outcome {
    let turned_down = window.facts.iter().filter_map(|one| match &one.fact {
        Fact::Dependency { service, sent, state: DependencyState::NotAccepting { reason } } if service == dependency => {
            Some((one.id, *sent, one.at, reason.as_str()))
        }
        _ => None,
    });
    let started = changes(window.facts, dependency)
        .filter(|(_, change)| matches!(change, ContainerChange::Started { .. }))
        .map(|(one, _)| (one.id, one.at, one.at, "its container was not started yet"));
    let accepted = window.facts.iter().find(
        |one| matches!(&one.fact, Fact::Dependency { service, state: DependencyState::Accepting, .. } if service == dependency),
    );
    let ready = requests(window, Endpoint::Readiness).find(|request| request.sent >= window.from && request.is_ready());
    let proof = ready.and_then(|ready| {
        // After the first acceptance a refusal is another story.
        let before = |at: Duration| accepted.is_none_or(|accepted| at < accepted.at);
        turned_down.chain(started).filter(|(_, sent, at, _)| *sent > ready.at && before(*at)).max_by_key(|(_, sent, _, _)| *sent)
    });
    if let (Some(ready), Some((id, sent, _, reason))) = (ready, proof) {
        let seen = format!(
            "the first ready answer came at {}, but at {} `{dependency}` still did not accept: {reason}",
            since(window.from, ready.at),
            since(window.from, sent),
        );
        let ready_words = ready_in_words(Endpoint::Readiness, window.contract);
        return Outcome::broken(
            format!("readiness answers no {ready_words} before `{dependency}` accepts"),
            seen,
            vec![ready.id, id],
        );
    }
    match accepted {
        Some(accepted) => Outcome::Held(vec![accepted.id]),
        None => Outcome::undecided_when(window.over, format!("whether `{dependency}` accepts")),
    }
}

/// No ready answer comes while the dependency is missing whose return is the last one on the timeline.
pub(super) fn never_ready_without(window: &Window<'_>) -> Outcome {
    let Some((back, service)) = window.returned() else {
        return Outcome::undecided_when(window.over, "when the dependency was there");
    };
    // That it is there is known when it has answered us; the app may have been a little faster. Until these it was not there.
    let missing = window.facts.iter().filter(|one| one.at <= back.at).filter_map(|one| match &one.fact {
        Fact::Dependency { service: of, sent, state: DependencyState::NotAccepting { .. } } if of == service => Some(*sent),
        Fact::Container { service: of, change: ContainerChange::Started { .. } } if of == service => Some(one.at),
        Fact::Fault { service: of, phase: Phase::Ends, .. } if of == service => Some(one.at),
        _ => None,
    });
    let missing = missing.max().unwrap_or(back.at);
    let early = requests(window, Endpoint::Readiness)
        .find(|request| request.sent >= window.started() && request.at < missing && request.is_ready());
    match early {
        None => Outcome::Held(vec![back.id]),
        Some(request) => Outcome::broken(
            format!("the app is not ready before `{service}` is there"),
            format!("it answered {} at {}, before `{service}` was there", request.answer, since(back.at, request.at)),
            vec![request.id, back.id],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Anchor;
    use crate::judge::testing::{
        Case, Told, asked, container, contract, database, died, held, is_broken, is_held, line, mark, readiness, refused,
        timeline, told_to_stop,
    };
    use crate::judge::{Claim, Limit};
    use crate::model::{FaultKind, Inspection, Mark};
    use crate::subject::Meant;

    const LIMIT: Limit = Limit::Fixed(Duration::from_secs(5));
    const READY: Claim =
        Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Success, within: LIMIT, of: Anchor::Latest };
    const UNAVAILABLE: Claim =
        Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Unready, within: LIMIT, of: Anchor::Latest };
    const NOT_BEFORE: Claim = Claim::NotReadyBefore(Meant::Database);

    fn stays(lasting: Lasting) -> Claim {
        Claim::Stays { endpoint: Endpoint::Readiness, lasting, time: Duration::from_secs(5), of: Anchor::Latest }
    }

    #[test]
    fn a_ready_answer_before_a_refusal_is_proof() {
        let case = Case::of([readiness(90, 100, Answer::Status(200)), database(110, 112, refused())]);
        let finding = case.finding(&NOT_BEFORE);
        assert_eq!(finding.seen, "the first ready answer came at +0.1 s, but at +0.1 s `db` still did not accept: refused");
        assert_eq!(finding.evidence, [FactId(0), FactId(1)]);
    }

    #[test]
    fn a_ready_answer_before_the_dependency_is_started_is_proof() {
        for pid in [Some(1), None] {
            let case = Case::of([
                readiness(90, 100, Answer::Status(200)),
                container(150, "db", ContainerChange::Started { pid }),
                database(160, 200, DependencyState::Accepting),
            ]);
            assert!(case.seen(&NOT_BEFORE).ends_with("its container was not started yet"), "{pid:?}");
        }
    }

    #[test]
    fn an_attempt_that_was_under_way_when_the_app_got_ready_is_no_proof() {
        let case = Case::of([
            database(95, 112, refused()),
            readiness(90, 100, Answer::Status(200)),
            database(150, 160, DependencyState::Accepting),
        ]);
        assert_eq!(case.judge(&NOT_BEFORE), held([2]));
    }

    #[test]
    fn a_refusal_after_the_first_acceptance_is_no_proof() {
        let case = Case::of([
            database(10, 20, DependencyState::Accepting),
            readiness(90, 100, Answer::Status(200)),
            database(150, 160, refused()),
        ]);
        assert_eq!(case.judge(&NOT_BEFORE), held([0]));
    }

    #[test]
    fn an_unclear_attempt_is_no_proof() {
        let unclear = DependencyState::Unclear { reason: "no answer in time".into() };
        let case = Case::of([readiness(90, 100, Answer::Status(200)), database(110, 5110, unclear)]);
        assert_eq!(case.judge(&NOT_BEFORE), Outcome::Pending);
        assert_eq!(case.over().judge(&NOT_BEFORE), Outcome::Undecided("whether `db` accepts".into()));
    }

    #[test]
    fn the_end_of_an_app_that_was_never_ready_counts_from_its_start() {
        let told = [mark(1_000, Mark::AppStarted { again: false }), died(6_200, 3)];
        let seen = |others: &[Told]| Case::of(told.clone().into_iter().chain(others.to_vec())).from(6_000).finding(&READY).seen;
        assert_eq!(seen(&[]), "`app` exited with status 3, 5.2 s after its start, and nothing starts it again");
        let ready = readiness(2_000, 2_010, Answer::Status(200));
        assert!(seen(&[ready]).starts_with("`app` exited with status 3 at +0.2 s, and"));
    }

    #[test]
    fn why_an_app_ended_is_what_it_said_and_no_code_of_its_stack() {
        let log = [
            line(20, "[ERROR] error: the database system is starting up"),
            line(21, "    at parseErrorMessage (/app/node_modules/pg-protocol/dist/parser.js:306:11)"),
            line(22, "    at Parser.handlePacket (/app/node_modules/pg-protocol/dist/parser.js:143:27)"),
        ];
        let seen = Case::of(log.into_iter().chain([died(100, 1)])).finding(&READY).seen;
        let told = ": `[ERROR] error: the database system is starting up`, and nothing starts it again";
        assert!(seen.ends_with(told), "{seen}");
    }

    #[test]
    fn a_wait_for_readiness_ends_when_the_app_is_gone() {
        let gone = [readiness(50, 60, Answer::Refused), died(100, 3)];
        let finding = Case::of(gone.clone()).finding(&READY);
        assert_eq!(finding.expected, "readiness answers 2xx within 5.0 s of its start");
        assert_eq!(
            finding.seen,
            "`app` exited with status 3 at +0.1 s, and nothing starts it again; readiness: connection refused (once, +0.1 s)"
        );
        let restarted = [container(0, "app", ContainerChange::Created { restarts: true })].into_iter().chain(gone);
        assert_eq!(Case::of(restarted.clone()).judge(&READY), Outcome::Pending, "the engine starts it again");
        let many_more = Case::of(restarted.chain((0..9).map(|n| died(200 + n, 3))));
        assert_eq!(many_more.judge(&READY), Outcome::Pending, "however often");
        assert!(
            many_more.clone().over().seen(&READY).starts_with("`app` exited 10 times, last with status 3 at +0.2 s; readiness: ")
        );
        let mut alone = many_more;
        alone.contract.dependencies.clear();
        assert!(is_broken(&alone.judge(&READY)), "there is nothing that it could wait for");
    }

    #[test]
    fn a_wait_for_an_app_that_exits_at_every_start_ends_where_it_has_all_that_it_needs() {
        let took = |ms| (0, Fact::Inspected { inspection: Inspection::UndisturbedStart { took: Duration::from_millis(ms) } });
        let always =
            [container(0, "app", ContainerChange::Created { restarts: true }), database(1, 5, DependencyState::Accepting)];
        let exits = [died(800, 1), died(1500, 1), died(2400, 1)];
        let judged = |ms, others: &[Told]| {
            let mut case = Case::of([&[took(ms)], &always[..], &exits, others].concat());
            case.contract.dependencies.retain(|one| one.service == "db");
            case.judge(&READY)
        };
        let Outcome::Broken(finding) = judged(100, &[]) else { panic!("not broken") };
        assert!(
            finding.seen.starts_with("`app` exits at every start (3 times, last with status 1 at +2.4 s)"),
            "{}",
            finding.seen
        );
        let said =
            [line(2100, "opening /var/log/x"), line(2200, "setgid(): Operation not permitted"), line(2300, "a fatal error")];
        let Outcome::Broken(finding) = judged(100, &said) else { panic!("not broken") };
        let quoted = "`app` exits at every start: `setgid(): Operation not permitted` (3 times, ";
        assert!(finding.seen.starts_with(quoted), "{}", finding.seen);
        assert_eq!(judged(100, &[database(600, 610, refused())]), Outcome::Pending, "its database was away");
        let fault = Fact::Fault { service: "db".into(), fault: FaultKind::Refusing, phase: Phase::Begins };
        assert_eq!(judged(100, &[(2000, fault)]), Outcome::Pending, "or turned it down");
        let of = Anchor::Latest;
        let alive = Claim::Answers { endpoint: Endpoint::Liveness, wanted: Wanted::Success, within: Limit::Startup, of };
        let missing = [database(600, 610, refused()), took(100), always[0].clone()];
        assert!(is_broken(&Case::of([&missing[..], &exits].concat()).judge(&alive)), "to live it needs no database");
        assert_eq!(judged(200, &[]), Outcome::Pending, "something else may be on its way");
    }

    #[test]
    fn an_app_that_was_gone_before_is_gone() {
        let seen = Case::of([died(100, 1)]).from(6000).seen(&READY);
        assert_eq!(seen, "`app` exited with status 1, 0.1 s after its start, and nothing starts it again");
        let again = Case::of([died(100, 1), mark(200, Mark::AppStarted { again: true })]).from(6000);
        assert_eq!(again.judge(&READY), Outcome::Pending, "that was before its second start");
    }

    #[test]
    fn an_answer_to_an_older_request_or_after_the_limit_does_not_count() {
        let case = Case::of([readiness(100, 900, Answer::Status(503))]);
        assert_eq!(case.judge(&UNAVAILABLE), held([0]));
        assert_eq!(case.from(500).judge(&UNAVAILABLE), Outcome::Pending);
        let late = Case::of([readiness(4900, 5001, Answer::Status(503))]);
        assert!(is_broken(&late.judge(&UNAVAILABLE)), "what comes later can't be in time");
        assert_eq!(late.over().seen(&UNAVAILABLE), "no answer at all");
    }

    #[test]
    fn what_an_undisturbed_start_takes_is_added_to_a_limit() {
        let claim = Claim::Answers {
            endpoint: Endpoint::Readiness,
            wanted: Wanted::Success,
            within: Limit::BeyondStart(Duration::from_secs(3)),
            of: Anchor::Latest,
        };
        let took = |ms| (0, Fact::Inspected { inspection: Inspection::UndisturbedStart { took: Duration::from_millis(ms) } });
        let judged = |others: &[Told]| {
            let late = [mark(0, Mark::AppStarted { again: false }), readiness(9_900, 9_950, Answer::Status(200))];
            Case::of([&late[..], others].concat()).from(5_000).over().judge(&claim)
        };
        assert!(is_broken(&judged(&[])), "3 s are over");
        assert!(is_held(&judged(&[took(1_000)])), "and twice the start");
        assert!(is_broken(&judged(&[took(1_000), mark(900, Mark::FirstSign)])), "most of which it had behind it");
        assert!(is_held(&judged(&[took(2_000), mark(900, Mark::FirstSign)])));
        let silent = [took(1_000), mark(900, Mark::FirstSign), readiness(1_000, 1_001, Answer::Refused)];
        assert!(is_held(&judged(&silent)), "it has not listened so far");
        assert!(is_broken(&judged(&[&silent[..], &[readiness(1_100, 1_101, Answer::Status(503))]].concat())));
    }

    #[test]
    fn a_first_sign_that_comes_late_takes_nothing_from_the_time_to_listen() {
        let claim = Claim::Listens { within: Limit::BeyondStart(Duration::from_secs(6)), of: Anchor::FirstSign };
        let took = (0, Fact::Inspected { inspection: Inspection::UndisturbedStart { took: Duration::from_secs(12) } });
        let judged = |sign: u64, until: u64, others: &[Told]| {
            let facts = [took.clone(), mark(0, Mark::AppStarted { again: false }), mark(sign, Mark::FirstSign)];
            let refused = (1..until / 100).map(|n| readiness(n * 100, n * 100, Answer::Refused));
            Case::of(facts.into_iter().chain(others.iter().cloned()).chain(refused)).from(sign).judge(&claim)
        };
        assert_eq!(judged(9_000, 39_000, &[]), Outcome::Pending, "6 s, and twice its whole start");
        assert!(is_broken(&judged(9_000, 40_000, &[])));
        let there = mark(17_000, Mark::WithinReach { service: "db".into() });
        assert!(is_broken(&judged(9_000, 22_000, &[there])), "6 s, and twice the 3 s that it still needed");
    }

    #[test]
    fn a_start_that_takes_long_alone_may_take_longer_where_several_run() {
        let claim =
            Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Success, within: Limit::Startup, of: Anchor::Latest };
        let took = |s| (0, Fact::Inspected { inspection: Inspection::UndisturbedStart { took: Duration::from_secs(s) } });
        let ready = |ms: u64, others: &[Told]| {
            Case::of([&[readiness(ms, ms + 50, Answer::Status(200))], others].concat()).over().judge(&claim)
        };
        assert!(is_held(&ready(59_000, &[])));
        assert!(is_broken(&ready(61_000, &[])), "the contract's limit");
        assert!(is_broken(&ready(61_000, &[took(20)])), "which is enough for a start of 20 s");
        assert!(is_held(&ready(149_000, &[took(50)])));
        let Outcome::Broken(finding) = ready(151_000, &[took(50)]) else { panic!("not broken") };
        assert_eq!(finding.expected, "readiness answers 2xx within 150.0 s (three times its undisturbed start) of its start");
    }

    #[test]
    fn an_app_that_is_ready_without_its_dependency_has_not_waited_for_it() {
        let there = mark(5_000, Mark::WithinReach { service: "db".into() });
        let judged = |ms| Case::of([readiness(ms, ms + 10, Answer::Status(200)), there.clone()]).judge(&Claim::NotReadyWithout);
        assert!(is_broken(&judged(900)));
        assert_eq!(judged(5_100), held([1]));
        assert_eq!(Case::of([readiness(900, 910, Answer::Status(200))]).judge(&Claim::NotReadyWithout), Outcome::Pending);
        let faster = [database(800, 810, refused()), readiness(930, 940, Answer::Status(200)), there.clone()];
        assert!(is_held(&Case::of(faster).judge(&Claim::NotReadyWithout)), "it was there between our questions");
        let early = [readiness(700, 710, Answer::Status(200)), database(800, 810, refused()), there.clone()];
        assert!(is_broken(&Case::of(early).judge(&Claim::NotReadyWithout)));
    }

    #[test]
    fn a_request_that_hangs_into_the_window_puts_the_limit_off() {
        let hung = readiness(900, 5900, Answer::TimedOut);
        let after = |ms| Case::of([hung.clone(), readiness(5910, ms, Answer::Status(503))]).from(1000);
        assert_eq!(after(6000).judge(&UNAVAILABLE), held([1]), "the next request says it");
        assert_eq!(after(10_800).judge(&UNAVAILABLE), held([1]));
        assert!(is_broken(&after(10_950).judge(&UNAVAILABLE)), "5 s after the end of the one that hung");
        let quick = readiness(900, 5900, Answer::Status(200));
        let case = Case::of([quick, readiness(5910, 6100, Answer::Status(503))]).from(1000);
        assert!(is_broken(&case.judge(&UNAVAILABLE)), "one that was answered is no excuse");
    }

    #[test]
    fn the_contract_says_which_statuses_mean_unready() {
        let case = |unready: &[u16]| {
            let mut case = Case::of([readiness(100, 200, Answer::Status(500)), readiness(5100, 5200, Answer::Status(500))]);
            case.contract.unready = unready.to_vec();
            case
        };
        assert_eq!(case(&[500, 503]).judge(&UNAVAILABLE), held([0]));
        assert_eq!(case(&[503]).finding(&UNAVAILABLE).expected, "readiness answers 503 within 5.0 s of its start");
        assert!(is_held(&case(&[500, 503]).judge(&stays(Lasting::OnlyUnready))));
        assert_eq!(
            case(&[501, 503]).finding(&stays(Lasting::OnlyUnready)).expected,
            "readiness answers nothing but 501 or 503 throughout 5.0 s from its start on"
        );
    }

    #[test]
    fn an_app_listens_when_it_accepts_a_request_whatever_becomes_of_it() {
        let listens = Claim::Listens { within: LIMIT, of: Anchor::Latest };
        let judged = |told: &[crate::judge::testing::Told]| Case::of(told.to_vec()).judge(&listens);
        for status in [200, 404, 500, 503] {
            assert_eq!(judged(&[readiness(100, 200, Answer::Status(status))]), held([0]), "{status}");
        }
        assert_eq!(judged(&[readiness(900, 5_900, Answer::TimedOut)]), held([0]), "it hangs");
        for silence in [Answer::Refused, Answer::Reset, Answer::Broken("closed".into())] {
            assert_eq!(judged(&[readiness(100, 200, silence.clone())]), Outcome::Pending, "{silence}");
            assert!(is_broken(&judged(&[readiness(100, 200, silence.clone()), readiness(5000, 5100, silence)])));
        }
        assert!(is_broken(&judged(&[died(100, 1)])), "it is gone");
        let answer = |sent| readiness(sent, sent + 50, Answer::Status(200));
        assert!(is_broken(&judged(&[died(100, 1), answer(900)])), "that is its next start");
        assert_eq!(judged(&[answer(50), died(200, 1)]), held([0]));
    }

    #[test]
    fn an_answer_of_another_endpoint_does_not_count() {
        let case = Case::of([asked(Endpoint::Liveness, 1, 2, Answer::Status(200))]);
        assert_eq!(case.judge(&READY), Outcome::Pending);
    }

    #[test]
    fn the_whole_window_is_told() {
        let answers = (0..3).map(|n| readiness(n * 50, n * 50 + 10, Answer::Status(200)));
        let case = Case::of(answers.chain([readiness(150, 5000, Answer::TimedOut)])).over();
        let finding = case.finding(&UNAVAILABLE);
        assert_eq!(finding.seen, "200 (3 times, +0.0 s to +0.1 s), then no answer in time (once, +5.0 s)");
        assert_eq!(finding.evidence, [FactId(2), FactId(3)], "the last of each kind");
    }

    #[test]
    fn staying_unready_needs_at_least_one_answer() {
        let unready = stays(Lasting::NoSuccess);
        assert_eq!(Case::of([]).judge(&unready), Outcome::Pending);
        assert!(matches!(Case::of([]).over().judge(&unready), Outcome::Undecided(_)));
        assert_eq!(Case::of([readiness(1, 2, Answer::Status(503))]).over().judge(&unready), held([0, 0]));
        assert!(is_broken(&Case::of([readiness(1, 2, Answer::Status(200))]).judge(&unready)));
    }

    #[test]
    fn a_refused_connection_waits_for_word_of_an_end() {
        let refused = readiness(100, 110, Answer::Refused);
        let judged = |others: &[Told]| Case::of([&[refused.clone()][..], others].concat()).judge(&stays(Lasting::Success));
        assert_eq!(judged(&[]), Outcome::Pending);
        assert!(is_broken(&judged(&[died(150, 1)])));
        assert!(is_broken(&judged(&[readiness(1_100, 1_200, Answer::Status(200))])), "it goes on");
        assert!(is_broken(&Case::of([readiness(100, 110, Answer::Status(500))]).judge(&stays(Lasting::Success))));
    }

    #[test]
    fn what_lasts_is_judged_over_the_whole_window() {
        for (lasting, good, bad) in [
            (Lasting::Success, Answer::Status(204), Answer::Refused),
            (Lasting::NoSuccess, Answer::TimedOut, Answer::Status(200)),
            (Lasting::OnlyUnready, Answer::Status(503), Answer::Status(500)),
            (Lasting::OnlyUnready, Answer::Refused, Answer::Status(200)),
            (Lasting::OnlyUnready, Answer::Reset, Answer::TimedOut),
            (Lasting::Bounded, Answer::Status(500), Answer::TimedOut),
        ] {
            let say = |answer| Case::of([readiness(1, 2, answer)]).over().judge(&stays(lasting));
            assert!(is_held(&say(good)), "{lasting:?}");
            assert!(is_broken(&say(bad)), "{lasting:?}");
        }
        let only = stays(Lasting::OnlyUnready);
        let after = Case::of([readiness(6000, 6001, Answer::Status(500))]).over();
        assert_eq!(after.judge(&only), held([]), "after the window");
    }

    #[test]
    fn what_hangs_is_seen_late() {
        let bounded = stays(Lasting::Bounded);
        let hung = Case::of([readiness(4900, 9900, Answer::TimedOut)]).from(5000);
        assert_eq!(hung.seen(&bounded), "no answer in time (once, +4.9 s)", "under way when the window began");
        let quick = readiness(5100, 5200, Answer::Status(503));
        assert_eq!(Case::of([quick.clone()]).from(5000).judge(&bounded), Outcome::Pending);
        let late = Case::of([quick, readiness(9990, 10001, Answer::Status(503))]).from(5000);
        assert_eq!(late.judge(&bounded), held([0, 1]), "whatever was sent before has ended");
    }

    #[test]
    fn what_came_after_the_window_is_not_told() {
        let answers = [(1, 503), (100, 200), (6000, 204)].map(|(sent, status)| readiness(sent, sent, Answer::Status(status)));
        let finding = Case::of(answers).finding(&stays(Lasting::NoSuccess));
        assert_eq!(finding.expected, "readiness answers no 2xx throughout 5.0 s from its start on");
        assert_eq!(finding.seen, "503 (once, +0.0 s), then 200 (once, +0.1 s)");
        assert_eq!(finding.evidence, [FactId(1)]);
    }

    #[test]
    fn one_answer_of_another_kind_ends_the_row() {
        let status = |ms: u64, status| readiness(ms, ms + 10, Answer::Status(status));
        let row = |told: &[Told], since| ready_in_a_row(&timeline(told.to_vec()), &contract(), Duration::from_millis(since));
        assert_eq!(row(&[status(100, 200), status(200, 200)], 100), 2);
        assert_eq!(row(&[status(100, 200), status(200, 200)], 150), 1, "before the moment");
        assert_eq!(row(&[status(100, 200), status(200, 503), status(300, 200)], 100), 1);
        assert_eq!(row(&[status(100, 200), status(200, 503)], 100), 0);
    }

    #[test]
    fn hanging_after_the_signal_is_found() {
        let stop = || [told_to_stop(100), died(20_000, 0)];
        let judge = |request| Case::of(stop().into_iter().chain([request])).judge(&Claim::NothingHangs);
        let stopped = || Answer::Broken("the container stopped".into());
        for (request, is_good, why) in [
            (readiness(50, 90, Answer::TimedOut), true, "over before the signal"),
            (readiness(50, 5050, Answer::TimedOut), false, "under way at the signal"),
            (readiness(150, 160, Answer::Refused), true, "turned away"),
            (readiness(150, 400, stopped()), true, "cut off soon"),
            (readiness(150, 2400, stopped()), false, "cut off late"),
            (readiness(150, 5150, Answer::TimedOut), false, "after the signal"),
        ] {
            let outcome = judge(request);
            assert!(if is_good { is_held(&outcome) } else { is_broken(&outcome) }, "{why}: {outcome:?}");
        }
        let no_end = Case::of([told_to_stop(100)]).over().judge(&Claim::NothingHangs);
        assert_eq!(no_end, Outcome::Undecided("the engine did not report the end of the app".into()));
    }
}
