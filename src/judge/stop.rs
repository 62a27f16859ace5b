//! Judging how an app stops.

use std::time::Duration;

use super::answers::{Request, requests};
use super::image::signal_number;
use super::load::{kept_connections, load_at_stop};
use super::log::lines;
use super::logging::had_last_words;
use super::meaning::Meaning;
use super::process::{first_process, is_behind_an_init, is_shell};
use super::window::{Stop, Window};
use super::words::{meaning, seconds, since};
use crate::model::{Endpoint, Fact, FactId, Inspection, Outcome, excerpt};

/// A request for which the app is still busy so long after the signal may be what keeps it.
const WAITED: Duration = Duration::from_secs(1);
/// The status of what SIGKILL has ended.
const KILLED: i64 = 137;
/// How much later than the grace period an end may be told that came before SIGKILL.
const LATE: Duration = Duration::from_millis(250);

impl Stop<'_> {
    fn took(&self) -> Duration {
        self.died.saturating_sub(self.told)
    }

    pub(super) fn is_in_time(&self) -> bool {
        self.took() <= if self.status == KILLED { self.grace } else { self.grace + LATE }
    }

    fn evidence(&self) -> Vec<FactId> {
        vec![self.sent, self.death]
    }

    /// How it ended, in the words of a runbook.
    pub(super) fn describe(&self, window: &Window<'_>) -> String {
        let Self { signal, status, .. } = self;
        let took = seconds(self.took());
        if self.oom_killed {
            return format!("the kernel killed it after {took}: out of memory");
        }
        if !self.is_in_time() {
            let first = first_process(window.facts, self.app, self.told);
            let reason = match &first {
                Some(process) if is_shell(process) => {
                    format!("; its first process is a shell, `{}`, which does not pass the signal on", process.command)
                }
                // An init handles no signal that it passes on.
                Some(process)
                    if handles(window, signal) == Some(false) && !is_behind_an_init(window.facts, self.app, self.told) =>
                {
                    format!("; its first process, `{}`, has no handler for {signal}", process.command)
                }
                Some(process) => format!("; its first process is `{}`", process.command),
                None => String::new(),
            };
            let meanwhile = meanwhile(window, self.told);
            // It may have ended by itself just before SIGKILL.
            let end = if *status == KILLED { "stopped by SIGKILL" } else { "it ended" };
            let limit = seconds(self.grace);
            return format!("{signal} did not end it within {limit}: {end} after {took} (status {status}){meanwhile}{reason}");
        }
        match status {
            0 => format!("it stopped after {took} with status 0"),
            143 => format!("it ended after {took} with status 143 (the default action of SIGTERM)"),
            other => format!("it ended after {took} with status {other}{}", meaning(*other)),
        }
    }
}

/// What clients did while the app was to stop, where that may have kept it.
fn meanwhile(window: &Window<'_>, told: Duration) -> String {
    if let Some(load) = load_at_stop(window.facts, told) {
        return format!("; {}", kept_connections(load));
    }
    // A command in the container and the engine's health check are nobody's requests.
    if window.contract.client_request().is_none() {
        return String::new();
    }
    let waiting = window.facts.iter().rev().find_map(|one| match &one.fact {
        Fact::Probe { sent, .. } if *sent < told && one.at > told + WAITED => Some(told.saturating_sub(*sent)),
        _ => None,
    });
    waiting.map(|before| format!("; a request that was sent {} before was in flight", seconds(before))).unwrap_or_default()
}

/// The outcome where the end of the app is not known.
pub(super) fn no_end(window: &Window<'_>) -> Outcome {
    let what = if window.stop_signal().is_none() {
        "the app got no stop signal"
    } else {
        "the engine did not report the end of the app"
    };
    Outcome::undecided_when(window.over, what)
}

pub(super) fn judge(window: &Window<'_>, judge: impl FnOnce(Stop<'_>) -> Outcome) -> Outcome {
    window.stop().map_or_else(|| no_end(window), judge)
}

/// After the signal the app's first process ended within the grace period.
///
/// Not applicable to one that never got ready and ended by itself meanwhile: its first process has no handler for the signal, and the status
/// is not that of a stop.
pub(super) fn in_time(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        let was_ready = requests(window, Endpoint::Readiness)
            .any(|request| request.sent >= window.started() && request.at <= stop.told && request.is_ready());
        let is_clean = window.contract.stop_status.contains(&stop.status);
        let is_own = handles(window, stop.signal) == Some(false) && !is_clean && !was_ready && !stop.oom_killed;
        if stop.is_in_time() && is_own {
            let why = "it ended by itself, with status";
            return Outcome::NotApplicable(format!("{why} {}: its first process does not handle {}", stop.status, stop.signal));
        }
        if stop.is_in_time() {
            return Outcome::Held(stop.evidence());
        }
        let expected = format!("`{}` exits within {} of {}", stop.app, seconds(stop.grace), stop.signal);
        let seen = stop.describe(window);
        // That a process runs is no word of how far its start has come.
        let had_started = was_ready && !window.contract.readiness.only_runs();
        match went_on(window, &stop).filter(|_| !had_started) {
            Some((how, id)) => Outcome::broken(expected, format!("{seen}; {how}"), [stop.evidence(), vec![id]].concat()),
            None => Outcome::broken(expected, seen, stop.evidence()),
        }
    })
}

/// How an app that was told to stop while it started went on starting, and the fact that shows it.
fn went_on(window: &Window<'_>, stop: &Stop<'_>) -> Option<(String, FactId)> {
    let after = |at: Duration| at > stop.told && at < stop.died;
    let ready = requests(window, Endpoint::Readiness).find(|one| one.sent >= stop.told && after(one.at) && one.is_ready());
    if let Some(ready) = ready.filter(|_| !window.contract.readiness.only_runs()) {
        let at = since(stop.told, ready.at);
        return Some((format!("it went on starting, and was ready at {at}, counted from {}", stop.signal), ready.id));
    }
    let mut lines = lines(window.facts, stop.app, stop.told).filter(|line| after(line.at));
    let first = lines.next()?;
    let (at, count) = (since(stop.told, first.at), lines.count() + 1);
    let logged = if count == 1 { "a line".to_owned() } else { format!("{count} lines") };
    Some((
        format!("it went on and logged {logged}, the first at {at}, counted from {}: {}", stop.signal, excerpt(first.text, 0)),
        first.id,
    ))
}

/// The status of a death does not say that somebody killed the process.
pub(super) fn was_not_killed(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        if !stop.oom_killed && !matches!(stop.status, KILLED | 139 | 134) {
            return Outcome::Held(stop.evidence());
        }
        Outcome::broken(format!("`{}` ends by itself", stop.app), stop.describe(window), stop.evidence())
    })
}

/// The exit status is one of those that count as a clean stop.
pub(super) fn ended_with_clean_status(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        let allowed = &window.contract.stop_status;
        if allowed.contains(&stop.status) && stop.is_in_time() {
            return Outcome::Held(stop.evidence());
        }
        let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        let expected = format!("`{}` ends with status {}", stop.app, allowed.join(" or "));
        Outcome::broken(expected, stop.describe(window), stop.evidence())
    })
}

/// Whether the first process of the app handles a signal, by the look just before the app was told to stop.
pub(super) fn handles(window: &Window<'_>, signal: &str) -> Option<bool> {
    let number = signal_number(signal)?;
    let (_, handled) = window.inspected(|inspection| match inspection {
        Inspection::FirstProcess { handled } => Some(*handled),
        _ => None,
    })?;
    Some(handled & (1 << (number - 1)) != 0)
}

/// The signal reached the app: it was not swallowed by a shell in front of it, or by a first process that has no handler for it, for which
/// the kernel drops it (`pid_namespaces(7)`).
///
/// Where the handlers are out of sight, an app that was not ended by it, and is not behind an init that passes signals on, has to show
/// that it noticed: by a line of its log, or by turning requests away.
pub(super) fn signal_reached(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        let shell = first_process(window.facts, stop.app, stop.told).filter(is_shell);
        let is_handled = handles(window, stop.signal);
        let seen = stop.describe(window);
        let seen = match (&shell, is_handled) {
            _ if stop.is_in_time() => return Outcome::Held(stop.evidence()),
            (Some(_), _) | (None, Some(false)) => seen,
            (None, Some(true)) => return Outcome::Held(stop.evidence()),
            (None, None) if is_behind_an_init(window.facts, stop.app, stop.told) => return Outcome::Held(stop.evidence()),
            (None, None) => match noticed(window, &stop) {
                Some(noticed) => return Outcome::Held(vec![stop.sent, noticed]),
                None => {
                    return Outcome::NotApplicable(format!(
                        "whether {} reaches `{}` can't be seen from here: the signal handlers of its process are not readable, and no log \
                         line or answer shows that it noticed the signal",
                        stop.signal, stop.app
                    ));
                }
            },
        };
        Outcome::broken(format!("{} reaches the app", stop.signal), seen, stop.evidence())
    })
}

/// What shows that an app noticed the signal: a line about stopping, or a request that it turned away before the grace period was over.
fn noticed(window: &Window<'_>, stop: &Stop<'_>) -> Option<FactId> {
    if let Outcome::Held(words) = had_last_words(window) {
        return words.first().copied();
    }
    let until = stop.died.min(stop.told + stop.grace);
    let turned_away = |request: &Request<'_>| matches!(request.meaning, Meaning::Unready | Meaning::Nothing);
    let mut after = requests(window, Endpoint::Readiness).filter(|one| one.sent >= stop.told && one.at < until);
    let was_ready = requests(window, Endpoint::Readiness).rfind(|one| one.at <= stop.told).is_some_and(|one| one.is_ready());
    after.find(turned_away).filter(|_| was_ready).map(|one| one.id)
}

/// The request that was under way when the app was told to stop is answered completely.
///
/// Not applicable when it was answered before the signal: then it was not under way.
pub(super) fn answered_in_flight(window: &Window<'_>) -> Outcome {
    judge(window, |stop| {
        let Some(request) = requests(window, Endpoint::Business).next_back() else {
            return Outcome::undecided_when(window.over, "what became of the request that was in flight");
        };
        if request.at <= stop.told {
            return Outcome::NotApplicable("the business path answers without its dependency: no request could be held".into());
        }
        if request.answer.is_an_answer() {
            return Outcome::Held(vec![request.id]);
        }
        Outcome::broken(
            format!("the request that was in flight at {} is answered completely", stop.signal),
            format!(
                "{} at {}, for a request sent at {} (counted from {}); {}",
                request.answer,
                since(stop.told, request.at),
                since(stop.told, request.sent),
                stop.signal,
                stop.describe(window)
            ),
            vec![request.id, stop.sent, stop.death],
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Case, Told, asked, container, held, ids, is_broken, is_held, line, readiness, told_to_stop};
    use crate::judge::{Anchor, Claim};
    use crate::model::Answer;
    use crate::model::{ContainerChange, Process};
    use crate::subject::Form;

    const SWALLOWED: &str = "/bin/sh -c server; true";

    fn died(ms: u64, exit_code: i64, oom_killed: bool) -> Told {
        container(ms, "app", ContainerChange::Died { exit_code, oom_killed })
    }

    /// An app that is told to stop after 20 ms, and what else happens.
    fn stopped(died: Told, others: &[Told]) -> Case {
        Case::of([told_to_stop(20), died].into_iter().chain(others.to_vec()))
    }

    /// One that stops in time, with status 0.
    fn good(others: &[Told]) -> Case {
        stopped(died(3000, 0, false), others)
    }

    /// One that has to be killed.
    fn killed(others: &[Told]) -> Case {
        stopped(died(10_520, 137, false), others)
    }

    fn with_first_process(pid: Option<i64>, command: &str) -> [Told; 2] {
        let process = Process { pid: 7, uid: 1000, command: command.into() };
        [
            container(0, "app", ContainerChange::Started { pid }),
            (10, Fact::Processes { service: "app".into(), processes: vec![process] }),
        ]
    }

    #[test]
    fn an_end_that_no_kill_could_prevent_is_in_time() {
        let judged = |ms, status| stopped(died(ms, status, false), &[]).judge(&Claim::StopsInTime(Anchor::Stop));
        assert_eq!(judged(10_050, 0), held([0, 1]), "SIGKILL comes later than it is told");
        assert!(is_broken(&judged(10_300, 0)));
        assert!(is_broken(&judged(10_050, 137)));
    }

    #[test]
    fn a_swallowed_signal_is_explained() {
        let shell = with_first_process(Some(7), SWALLOWED);
        let finding = killed(&shell).finding(&Claim::StopsInTime(Anchor::Stop));
        assert_eq!(finding.expected, "`app` exits within 10.0 s of SIGTERM");
        assert_eq!(
            finding.seen,
            "SIGTERM did not end it within 10.0 s: stopped by SIGKILL after 10.5 s (status 137); its first process is a shell, \
             `/bin/sh -c server; true`, which does not pass the signal on"
        );
        assert_eq!(finding.evidence, ids([0, 1]));
        assert!(is_broken(&killed(&shell).judge(&Claim::SignalReached)));
        assert_eq!(good(&shell).judge(&Claim::StopsInTime(Anchor::Stop)), held([0, 1]));
        assert_eq!(good(&shell).judge(&Claim::SignalReached), held([0, 1]));
    }

    #[test]
    fn a_first_process_without_a_handler_never_hears_of_the_signal() {
        let look = |handled| (15, Fact::Inspected { inspection: Inspection::FirstProcess { handled } });
        let first = with_first_process(Some(7), "server");
        let ignored = killed(&[&first[..], &[look(0)]].concat());
        let seen = ignored.seen(&Claim::SignalReached);
        assert!(seen.ends_with("its first process, `server`, has no handler for SIGTERM"), "{seen}");
        let slow = killed(&[&first[..], &[look(1 << 14)]].concat());
        assert!(is_held(&slow.judge(&Claim::SignalReached)), "it has one, and takes too long");
        let in_time = Claim::StopsInTime(Anchor::Stop);
        let crashed = stopped(died(500, 1, false), &[look(0)]);
        assert!(matches!(crashed.judge(&in_time), Outcome::NotApplicable(_)), "it would have ended anyway");
        assert!(is_held(&stopped(died(500, 1, false), &[look(1 << 14)]).judge(&in_time)));
        assert!(is_held(&stopped(died(500, 0, false), &[look(0)]).judge(&in_time)), "a handler that came late");
        let served = [look(0), readiness(1, 5, Answer::Status(200))];
        assert!(is_held(&stopped(died(500, 140, false), &served).judge(&in_time)), "it did run");
    }

    #[test]
    fn an_app_that_went_on_starting_is_told_by_what_it_did() {
        let in_time = Claim::StopsInTime(Anchor::Latest);
        let seen = |others: &[Told]| killed(others).finding(&in_time);
        let ready = seen(&[line(700, "loading"), readiness(9_000, 9_820, Answer::Status(200))]);
        assert!(ready.seen.ends_with("; it went on starting, and was ready at +9.8 s, counted from SIGTERM"), "{}", ready.seen);
        assert_eq!(ready.evidence, ids([0, 1, 3]));
        let wrote = seen(&[line(10, "hello"), line(700, "loading"), line(900, "loaded"), line(10_600, "late")]);
        assert!(
            wrote.seen.ends_with("; it went on and logged 2 lines, the first at +0.7 s, counted from SIGTERM: loading"),
            "{}",
            wrote.seen
        );
        assert_eq!(wrote.evidence, ids([0, 1, 3]));
        let served = seen(&[readiness(1, 5, Answer::Status(200)), line(700, "GET /")]);
        assert!(served.seen.ends_with("(status 137)"), "it was ready before: {}", served.seen);
        let mut runs = killed(&[readiness(1, 5, Answer::Ready), readiness(30, 35, Answer::Ready), line(700, "stopping")]);
        runs.contract.readiness = Form::Runs;
        let seen = runs.finding(&in_time).seen;
        assert!(seen.ends_with("it went on and logged a line, the first at +0.7 s, counted from SIGTERM: stopping"), "{seen}");
    }

    #[test]
    fn a_first_process_that_nobody_saw_is_not_told() {
        let unseen = killed(&with_first_process(None, SWALLOWED));
        assert_eq!(
            unseen.seen(&Claim::StopsInTime(Anchor::Stop)),
            "SIGTERM did not end it within 10.0 s: stopped by SIGKILL after 10.5 s (status 137)"
        );
        assert!(matches!(unseen.judge(&Claim::SignalReached), Outcome::NotApplicable(_)), "without proof of anything");
    }

    #[test]
    fn silence_does_not_show_that_a_signal_arrived() {
        let first = with_first_process(Some(7), "server");
        let before = readiness(1, 5, Answer::Status(200));
        let reached =
            |others: &[Told]| killed(&[&first[..], std::slice::from_ref(&before), others].concat()).judge(&Claim::SignalReached);
        let Outcome::NotApplicable(reason) = reached(&[readiness(900, 950, Answer::Status(200))]) else { panic!("it is judged") };
        assert!(reason.starts_with("whether SIGTERM reaches `app` can't be seen from here"), "{reason}");
        assert_eq!(reached(&[line(900, "Shutting down")]), held([0, 5]));
        assert_eq!(reached(&[readiness(900, 950, Answer::Refused)]), held([0, 5]));
        assert_eq!(reached(&[readiness(900, 950, Answer::Status(503))]), held([0, 5]));
        let late = readiness(10_500, 10_530, Answer::Refused);
        assert!(matches!(reached(&[late]), Outcome::NotApplicable(_)), "SIGKILL did that");
        let never = killed(&[&first[..], &[readiness(900, 950, Answer::Refused)]].concat());
        assert!(matches!(never.judge(&Claim::SignalReached), Outcome::NotApplicable(_)), "it did not answer before either");
        let init = with_first_process(Some(7), "/sbin/docker-init -- server");
        assert_eq!(killed(&init).judge(&Claim::SignalReached), held([0, 1]), "that passes it on");
        let shell = Process { pid: 8, uid: 1000, command: "sh -c server; true".into() };
        let look = (12, Fact::Processes { service: "app".into(), processes: vec![shell] });
        let behind = killed(&[&init[..], &[look]].concat()).judge(&Claim::SignalReached);
        assert!(matches!(behind, Outcome::NotApplicable(_)), "a shell behind it does not");
    }

    #[test]
    fn statuses_are_told_apart() {
        let with = |status, allowed: &[i64]| {
            let mut case = stopped(died(3000, status, false), &[]);
            case.contract.stop_status = allowed.to_vec();
            case
        };
        assert_eq!(with(0, &[0, 143]).judge(&Claim::CleanStatus), held([0, 1]));
        assert_eq!(with(1, &[0]).seen(&Claim::CleanStatus), "it ended after 3.0 s with status 1");
        assert!(is_held(&with(143, &[0, 143]).judge(&Claim::CleanStatus)));
        assert!(with(143, &[0]).seen(&Claim::CleanStatus).contains("the default action"));
        assert!(is_broken(&killed(&[]).judge(&Claim::CleanStatus)));
        let late = stopped(died(10_520, 0, false), &[]);
        assert!(is_broken(&late.judge(&Claim::CleanStatus)), "a clean status that comes too late");
    }

    #[test]
    fn an_end_by_somebody_else_is_told() {
        for status in [137, 139, 134] {
            assert!(is_broken(&stopped(died(3000, status, false), &[]).judge(&Claim::NotKilled)), "{status}");
        }
        for status in [0, 1, 143, 130] {
            assert!(is_held(&stopped(died(3000, status, false), &[]).judge(&Claim::NotKilled)), "{status}");
        }
        let seen = stopped(died(3000, 0, true), &[]).seen(&Claim::NotKilled);
        assert_eq!(seen, "the kernel killed it after 3.0 s: out of memory");
    }

    #[test]
    fn a_request_in_flight_has_to_be_answered() {
        let claim = Claim::HeldRequestAnswered(Anchor::Latest);
        let answered = |ms, answer| good(&[asked(Endpoint::Business, 0, ms, answer)]);
        let before = answered(10, Answer::Status(200)).judge(&claim);
        assert!(matches!(before, Outcome::NotApplicable(_)), "before the signal");
        assert_eq!(answered(900, Answer::Status(503)).judge(&claim), held([2]));
        let finding = answered(900, Answer::Reset).finding(&claim);
        assert_eq!(
            finding.seen,
            "connection reset at +0.9 s, for a request sent at -0.0 s (counted from SIGTERM); it stopped after 3.0 s with status 0"
        );
        assert_eq!(finding.evidence, ids([2, 0, 1]));
        assert!(matches!(good(&[]).over().judge(&claim), Outcome::Undecided(_)));
    }

    #[test]
    fn without_a_signal_or_an_end_there_is_nothing_to_judge() {
        let not_told = Outcome::Undecided("the app got no stop signal".into());
        let no_end = Outcome::Undecided("the engine did not report the end of the app".into());
        for claim in
            [Claim::StopsInTime(Anchor::Stop), Claim::NotKilled, Claim::CleanStatus, Claim::SignalReached, Claim::NothingTorn]
        {
            assert_eq!(Case::of([died(10, 0, false)]).over().judge(&claim), not_told, "{claim:?}");
            let before = Case::of([died(10, 0, false), told_to_stop(20)]);
            assert_eq!(before.judge(&claim), Outcome::Pending, "{claim:?}");
            assert_eq!(before.over().judge(&claim), no_end, "{claim:?}: it ended before");
        }
    }
}
