//! Judging what became of clients that ask the app over and over while it is told to stop.

use std::time::Duration;

use super::answers::requests;
use super::meaning::{Meaning, ready_in_words};
use super::stop::{self, no_end};
use super::window::Window;
use crate::model::{Answer, Endpoint, Fact, FactId, LoadCount, Mark, Observation, Outcome, Phase};

/// Readiness under load may say to one question in so many that the app is not ready: probers look several times before they believe it.
const BEARABLE: usize = 20;
/// A client that is told to come later (RFC 6585, section 4) was too fast: that says nothing about the app.
const TOO_MANY_REQUESTS: Answer = Answer::Status(429);

/// Why a drain can't be judged.
const NOTHING_IN_FLIGHT: &str = "every request was answered at once, so that none was in flight when the signal came: \
     give --business a path that takes longer, or that waits for a dependency";

/// The clients of the last load of all.
fn last_load<'a>(window: &Window<'a>) -> Option<(FactId, &'a LoadCount)> {
    window.facts.iter().rev().find_map(load)
}

/// The clients that were asking when the app was told to stop, if there were any.
pub(super) fn load_at_stop(facts: &[Observation], told: Duration) -> Option<&LoadCount> {
    facts.iter().rev().filter(|one| one.at >= told).find_map(load).map(|(_, load)| load)
}

fn load(one: &Observation) -> Option<(FactId, &LoadCount)> {
    match &one.fact {
        Fact::Load { load } => Some((one.id, load)),
        _ => None,
    }
}

/// What the app did with the connections that clients kept open.
pub(super) fn kept_connections(load: &LoadCount) -> String {
    match (load.on_kept, load.closing) {
        (0, _) => "clients kept idle connections open".into(),
        (answers, 0) => {
            format!("after the signal it answered {answers} more requests on open connections, none with `Connection: close`")
        }
        (answers, closing) => {
            format!(
                "after the signal it answered {answers} more requests on open connections, {closing} with `Connection: close`"
            )
        }
    }
}

/// Clients were asking when the app was told to stop, and were answered before.
///
/// Not applicable where no clients could ask.
pub(super) fn asked(window: &Window<'_>) -> Outcome {
    match last_load(window) {
        Some((_, load)) if load.complete == 0 && load.torn.is_empty() => {
            Outcome::undecided_when(window.over, "no request of the clients was answered")
        }
        Some((id, _)) => Outcome::Held(vec![id]),
        None if window.stop_signal().is_none() => no_end(window),
        None => {
            let why = "the app is reached through a published port, whose proxy accepts connections on its own, so no load was \
                       generated";
            Outcome::NotApplicable(why.into())
        }
    }
}

/// No request was accepted and then not answered completely.
///
/// Not applicable where none had been waiting for a while when the signal came: how long an app takes for what is answered at once says
/// nothing about its drain.
pub(super) fn tore_nothing(window: &Window<'_>) -> Outcome {
    stop::judge(window, |stop| {
        let clients = asked(window);
        let (Outcome::Held(_), Some((id, load))) = (&clients, last_load(window)) else { return clients };
        let LoadCount { complete, refused, unclear, torn, .. } = load;
        let Some(first) = torn.first() else {
            return if load.in_flight > 0 { Outcome::Held(vec![id]) } else { Outcome::NotApplicable(NOTHING_IN_FLIGHT.into()) };
        };
        let perhaps = match unclear {
            0 => String::new(),
            some => format!(", {some} cut off, perhaps before the app had read them"),
        };
        Outcome::broken(
            format!("every request that `{}` accepted is answered completely", stop.app),
            format!(
                "{} cut off ({first}), {complete} complete, {refused} refused{perhaps}; {}",
                torn.len(),
                stop.describe(window)
            ),
            vec![id, stop.sent, stop.death],
        )
    })
}

/// While clients asked and nothing was disturbed, readiness did not say that the app is not ready, but for one question in twenty at most.
pub(super) fn was_borne(window: &Window<'_>) -> Outcome {
    let clients = asked(window);
    let (Outcome::Held(_), Some((id, load))) = (&clients, last_load(window)) else { return clients };
    let begin = window.facts.iter().rev().find(|one| matches!(one.fact, Fact::Mark { mark: Mark::UnderLoad }));
    let begin = begin.map(|one| one.at).unwrap_or_default();
    let is_end = |one: &&Observation| {
        let is_told = matches!(one.fact, Fact::Mark { mark: Mark::StopSignal { .. } });
        one.at >= begin && (is_told || matches!(one.fact, Fact::Fault { phase: Phase::Begins, .. }))
    };
    let end = window.facts.iter().find(is_end).map_or(Duration::MAX, |one| one.at);
    let answers = requests(window, Endpoint::Readiness).filter(|one| one.sent >= begin && one.at < end);
    let probes = answers.filter(|one| one.answer.is_an_answer()).map(|one| (one.answer.clone(), 1));
    // Without a business path that is what the clients ask.
    let asks_readiness = window.contract.business_request().is_none();
    let clients =
        load.undisturbed.iter().filter(|_| asks_readiness).map(|counted| (Answer::Status(counted.status), counted.count));
    let answers: Vec<(Answer, usize)> = probes.chain(clients).filter(|(answer, _)| *answer != TOO_MANY_REQUESTS).collect();
    let all: usize = answers.iter().map(|(_, count)| count).sum();
    let is_unready = |answer: &Answer| Meaning::of(answer, Endpoint::Readiness, window.contract) != Meaning::Ready;
    let unready = || answers.iter().filter(|(answer, _)| is_unready(answer));
    let count: usize = unready().map(|(_, count)| count).sum();
    let Some((first, _)) = unready().next().filter(|_| count * BEARABLE > all) else {
        return if all > 0 {
            Outcome::Held(vec![id])
        } else {
            Outcome::undecided_when(window.over, "what readiness says under load")
        };
    };
    let evidence = requests(window, Endpoint::Readiness).find(|one| one.sent >= begin && one.at < end && is_unready(one.answer));
    Outcome::broken(
        format!(
            "readiness answers {} while eight clients ask and nothing is disturbed",
            ready_in_words(Endpoint::Readiness, window.contract)
        ),
        format!("{count} of {all} answers were {first}"),
        [Some(id), evidence.map(|one| one.id)].into_iter().flatten().collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Claim;
    use crate::judge::testing::{Case, asked, container, held, is_broken, is_held, mark, readiness, told_to_stop};
    use crate::model::{ContainerChange, FaultKind, StatusCount};

    /// An app whose clients ask from the first millisecond on, that is told to stop after 3 s, and ends 3 s later.
    fn under(load: Option<LoadCount>, others: &[(u64, Fact)]) -> Case {
        let died = container(6000, "app", ContainerChange::Died { exit_code: 0, oom_killed: false });
        let told = [mark(1, Mark::UnderLoad), told_to_stop(3000), died];
        Case::of(told.into_iter().chain(load.map(|load| (5990, Fact::Load { load }))).chain(others.to_vec()))
    }

    fn count(complete: usize, torn: &[&str]) -> LoadCount {
        let torn = torn.iter().map(|&how| how.to_owned()).collect();
        LoadCount { complete, refused: 2, unclear: 1, torn, in_flight: 1, ..LoadCount::default() }
    }

    #[test]
    fn torn_answers_are_counted() {
        let load = |complete, torn: &[&str]| under(Some(count(complete, torn)), &[]);
        assert!(is_held(&load(3, &[]).judge(&Claim::NothingTorn)));
        assert_eq!(
            load(3, &["a 200 broke off"]).seen(&Claim::NothingTorn),
            "1 cut off (a 200 broke off), 3 complete, 2 refused, 1 cut off, perhaps before the app had read them; it stopped after 3.0 s with status 0"
        );
        assert!(is_broken(&load(0, &["a 200 broke off"]).judge(&Claim::NothingTorn)));
        let unanswered = Outcome::Undecided("no request of the clients was answered".into());
        assert_eq!(load(0, &[]).over().judge(&Claim::NothingTorn), unanswered);
        for claim in [Claim::NothingTorn, Claim::ClientsAsked, Claim::BearsLoad] {
            assert!(matches!(under(None, &[]).judge(&claim), Outcome::NotApplicable(_)), "nobody asked: {claim:?}");
        }
        assert_eq!(load(3, &[]).judge(&Claim::ClientsAsked), held([3]));
        let at_once = |torn: &[&str]| under(Some(LoadCount { in_flight: 0, ..count(3, torn) }), &[]).judge(&Claim::NothingTorn);
        assert!(matches!(at_once(&[]), Outcome::NotApplicable(_)), "nothing was there to be cut off");
        assert!(is_broken(&at_once(&["a 200 broke off"])));
    }

    #[test]
    fn readiness_has_to_bear_a_load() {
        let answered = |statuses: &[(u16, usize)]| {
            let undisturbed = statuses.iter().map(|&(status, count)| StatusCount { status, count }).collect();
            LoadCount { undisturbed, ..count(900, &[]) }
        };
        let mut case = under(Some(answered(&[(200, 520), (503, 224)])), &[]);
        assert!(matches!(case.clone().over().judge(&Claim::BearsLoad), Outcome::Undecided(_)), "they ask the business path");
        case.contract.business = None;
        assert_eq!(case.seen(&Claim::BearsLoad), "224 of 744 answers were 503");
        for (statuses, holds) in
            [(&[(200, 950), (503, 50)][..], true), (&[(200, 900), (503, 50)], false), (&[(200, 100), (429, 600)], true)]
        {
            let mut case = under(Some(answered(statuses)), &[]);
            case.contract.business = None;
            assert_eq!(is_held(&case.judge(&Claim::BearsLoad)), holds, "{statuses:?}");
        }
    }

    #[test]
    fn only_answers_from_before_the_disturbance_count() {
        let frozen = (2000, Fact::Fault { service: "db".into(), fault: FaultKind::Frozen, phase: Phase::Begins });
        let late = [readiness(500, 510, Answer::Status(200)), frozen, readiness(2100, 2110, Answer::Status(503))];
        assert!(is_held(&under(Some(count(9, &[])), &late).judge(&Claim::BearsLoad)));
        let early = [readiness(500, 510, Answer::Status(503)), asked(Endpoint::Business, 600, 610, Answer::Status(500))];
        assert_eq!(under(Some(count(9, &[])), &early).seen(&Claim::BearsLoad), "1 of 1 answers were 503");
    }

    #[test]
    fn what_kept_connections_were_used_for_is_told() {
        let told = |on_kept, closing| kept_connections(&LoadCount { on_kept, closing, ..LoadCount::default() });
        assert_eq!(told(0, 0), "clients kept idle connections open");
        assert!(told(7, 0).ends_with("answered 7 more requests on open connections, none with `Connection: close`"));
        assert!(told(7, 3).ends_with("3 with `Connection: close`"));
    }
}
