//! Defects: which one the facts of a window show when a claim is broken. Only by facts that other findings can share; a claim whose facts
//! show nothing of the kind has a defect of its own.

use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

use super::answers::{Request, requests};
use super::claim::{Lasting, Wanted};
use super::load::load_at_stop;
use super::log::lines;
use super::meaning::Meaning;
use super::process::{first_process, is_shell};
use super::stop::handles;
use super::trace::pattern;
use super::window::{Stop, Window};
use super::words::deaths;
use super::{Anchor, Claim, Limit, attempts, files, image, listing};
use crate::model::{Answer, Defect, DependencyState, Endpoint, Fact, FaultKind, Inspection, Phase, Trait, is_init, is_within};
use crate::subject::Meant;

/// So soon after a signal nothing has been finished: on a busy machine the end of a process is known more than a second later.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The status of what a signal has ended is its number beyond this one.
const SIGNALLED: u32 = 128;
/// The number of SIGKILL.
const KILL: u32 = 9;

/// What programs say of a path that they can't write to: the words of errno(3) in C, Python, Node, Go and Java, and a path.
static NOT_WRITABLE: LazyLock<Regex> = LazyLock::new(|| {
    let words = "Read-only file system|Permission denied|EROFS|EACCES|read-only file system|permission denied";
    // What creates something writes, whatever errno it is told by.
    let creates = "(?i:(?:unable|failed|could not|cannot|can't) (?:to )?(?:create|make|mkdir|write)|(?:creating|writing) failed)";
    let things = r"[^/\n]{0,40}?(?i:file|directory|folder|dir|socket|database)[^/\n]{0,20}?";
    pattern(&format!(
        r#"(?:{words})\b[^/\n]{{0,80}}?['"`]?(/[^\s'"`,:;)’]+)|(/[^\s'"`,:;)’]+)['"`’]?(?:: (?:{words})| failed \(\d+: (?:{words})\)| is not writable)|{creates} (?:{things})?['"`(]?(/[^\s'"`,:;)’]+)"#
    ))
});

/// The defect that a broken claim shows by the facts of its window.
pub(super) fn defect(claim: &Claim, window: &Window<'_>) -> Option<Defect> {
    match claim {
        Claim::StopsInTime(_) | Claim::NotKilled | Claim::CleanStatus | Claim::SignalReached
            if window.stop().is_some_and(|stop| !stop.is_in_time()) =>
        {
            window.stop().filter(|stop| !stop.oom_killed).map(|stop| unheeded(window, &stop))
        }
        Claim::CleanStatus => ended_at_once(window),
        Claim::LastWords => ended_at_once(window).or_else(|| log_is_empty(window).then_some(Defect::WritesNoLog)),
        // One that is not ended in time although it handles the signal gave its work more time than it has.
        Claim::UnitKept => match window.stop() {
            Some(stop) if !stop.is_in_time() => Some(unheeded(window, &stop)).filter(|_| !is_handled(window, &stop)),
            _ => ended_at_once(window),
        },
        Claim::NothingTorn | Claim::HeldRequestAnswered(_) | Claim::NothingHangs => {
            ended_at_once(window).or(Some(Defect::DropsRequests))
        }
        Claim::ExecForm => {
            let (_, words) = window.inspected(|inspection| match inspection {
                Inspection::Command { words, .. } => Some(words),
                _ => None,
            })?;
            // As the process shows itself while it is the first one.
            Some(Defect::IgnoresStopSignal { first_process: Some(words.join(" ")) })
        }
        Claim::Answers { endpoint: Endpoint::Liveness, .. } | Claim::Stays { endpoint: Endpoint::Liveness, .. } => {
            at_start(window).or_else(|| {
                // The process lives: it is the endpoint that asks for more.
                let is_alive = deaths(window.facts, window.app(), window.started()).next().is_none();
                disturbed(window).filter(|_| is_alive).map(|_| Defect::LivenessFollows)
            })
        }
        Claim::Answers { wanted: Wanted::Success, within: Limit::BeyondStart(time), .. } => {
            let noticed_late = attempts::noticed_late(window, *time);
            let noticed_late = noticed_late.map(|(service, _)| Defect::LateAfter { service: service.to_owned() });
            noticed_late.or_else(|| at_start(window)).or_else(|| late(window))
        }
        Claim::Answers { wanted: Wanted::Success, within: Limit::Recovery | Limit::Fixed(_), .. } => {
            at_start(window).or_else(|| not_again(window))
        }
        Claim::Answers { wanted: Wanted::Success, of: Anchor::SecondStart | Anchor::ThirdStart, .. } => {
            at_start(window).or(Some(Defect::DoesNotStartAgain))
        }
        // A log that is in a file and nowhere else is one defect, whoever looks.
        Claim::LogNames { .. } | Claim::TellsOfLogin(_) | Claim::Wrote | Claim::NoLogFiles(_) if log_is_empty(window) => {
            Some(Defect::WritesNoLog)
        }
        Claim::Answers { wanted: Wanted::Success, .. } | Claim::SameProcess | Claim::Listens { .. } => at_start(window),
        Claim::NotReadyWithout => disturbed(window).map(|(service, _)| Defect::IgnoresOutage { service: service.to_owned() }),
        Claim::NotReadyBefore(service) => named(window, service).map(|service| Defect::IgnoresOutage { service }),
        Claim::Answers { endpoint: Endpoint::Readiness, .. }
        | Claim::Stays {
            endpoint: Endpoint::Readiness,
            lasting: Lasting::Bounded | Lasting::NoSuccess | Lasting::NoSuccessWhereTold | Lasting::OnlyUnready,
            ..
        }
        | Claim::OutageFelt(_)
        | Claim::OutageReached(_)
        | Claim::Missed(_) => {
            in_outage(window, matches!(claim, Claim::Stays { lasting: Lasting::NoSuccess | Lasting::NoSuccessWhereTold, .. }))
        }
        Claim::HealthTurns { healthy: false, within, .. } => {
            // A health check that asks another path than readiness stays green for a reason of its own.
            let asks_readiness = asks_readiness(window);
            let is_shared = |defect: &Defect| match defect {
                Defect::IgnoresOutage { .. } => asks_readiness,
                other => matches!(other, Defect::ExitsInOutage { .. }),
            };
            // What comes after the limit is waited for, and has not broken the claim.
            let end = window.facts.partition_point(|one| one.at <= window.from + *within);
            let window = Window { facts: &window.facts[..end], ..*window };
            in_outage(&window, false).filter(is_shared).or(Some(Defect::HealthStaysGreen))
        }
        Claim::NotHealthyTooEarly => Some(Defect::HealthStaysGreen),
        Claim::HealthTurns { healthy: true, .. } | Claim::HealthCheckPasses(_) => Some(Defect::HealthCheckFails),
        Claim::Paced { dependency, .. } | Claim::BacksOff(dependency) => {
            named(window, dependency).map(|service| Defect::RetriesWithoutPause { service })
        }
        Claim::WritesNothing(_) | Claim::NoLogFiles(_) => {
            let (_, written) = files::written(window)?;
            Some(Defect::Writes { folders: outermost_folders(&written) })
        }
        Claim::LogNames { dependency, .. } => named(window, dependency).map(|service| Defect::LogOmits { service }),
        Claim::KeepsSecrets(_) => Some(Defect::ShowsSecret),
        Claim::NoTraces { .. } => Some(Defect::TracePerAttempt),
        Claim::GivesUpCleanly { dependency, .. } => {
            let exits = deaths(window.facts, window.app(), window.from);
            if exits.map(|death| death.exit_code).next()? == 0 {
                return Some(Defect::ExitsWithSuccess);
            }
            named(window, dependency).map(|service| Defect::LogOmits { service })
        }
        _ => of_image(claim, window),
    }
}

/// The same for what the image and the compose file declare and hold.
fn of_image(claim: &Claim, window: &Window<'_>) -> Option<Defect> {
    match claim {
        Claim::HasHealthCheck => Some(Defect::NoHealthCheck),
        Claim::NoRootProcess | Claim::UserIsNotRoot => Some(Defect::RunsAsRoot),
        Claim::Labelled => Some(Defect::LacksMetadata),
        Claim::ExposesItsPorts => image::hides_a_port(window).then_some(Defect::LacksMetadata),
        Claim::DataOnVolume(service) | Claim::RowSurvives(service) => {
            named(window, service).map(|service| Defect::NoVolume { service })
        }
        Claim::HandlesStopSignal => Some(left_to_the_kernel(window)),
        Claim::Without(Trait::Setuid) => listed(window, Trait::Setuid).map(|programs| Defect::NeedsSetuid { programs }),
        Claim::Without(Trait::SecretFile) => {
            listed(window, Trait::SecretFile).map(|secrets| Defect::HoldsSecrets { secrets: without_folders(&secrets) })
        }
        Claim::Without(Trait::Unwanted) => {
            listed(window, Trait::Unwanted).map(|things| Defect::GetsFiles { things: without_folders(&things) })
        }
        Claim::Without(Trait::Compiler) => Some(Defect::HoldsCompilers),
        // A step that builds has a line of the Dockerfile; what else is found are the tools themselves.
        Claim::Without(Trait::SingleStage) => {
            let (_, listing) = listing::found(window, Trait::SingleStage)?;
            listing.items.iter().any(|item| item.place.is_none()).then_some(Defect::HoldsCompilers)
        }
        _ => None,
    }
}

/// What becomes of a stop signal that nobody handles: as the first process the app is not ended by it at all (`pid_namespaces(7)`), and nor
/// is any for a signal whose default action is another one; behind an init it is ended at once, and by SIGKILL always (`signal(7)`).
fn left_to_the_kernel(window: &Window<'_>) -> Defect {
    const NOT_ENDING: [&str; 8] = ["CHLD", "CONT", "URG", "WINCH", "STOP", "TSTP", "TTIN", "TTOU"];
    let first = first_process(window.facts, window.app(), Duration::MAX);
    let number = image::signal_number(&window.contract.stop_signal);
    let is_ending = NOT_ENDING.iter().all(|name| image::signal_number(name) != number);
    let is_passed_on = first.as_ref().is_some_and(|first| is_init(first.program()));
    match number {
        Some(number) if is_ending && (is_passed_on || number == KILL) => {
            Defect::EndsAtSignal { status: i64::from(SIGNALLED + number) }
        }
        _ => Defect::IgnoresStopSignal { first_process: first.map(|process| process.command) },
    }
}

/// What was found of a kind, where that was looked for; nothing where there is none.
fn listed(window: &Window<'_>, wanted: Trait) -> Option<Vec<String>> {
    let (_, listing) = listing::found(window, wanted)?;
    Some(listing.items.iter().map(|item| item.what.clone()).collect()).filter(|found: &Vec<String>| !found.is_empty())
}

/// What stands in files, `/srv/app.ini:3: a key (layer 4, COPY)`, with the name of the file alone and without what follows in brackets: it is
/// in the same file wherever that was copied to.
fn without_folders(found: &[String]) -> Vec<String> {
    let bare = |what: &String| {
        let what = what.rsplit_once(" (").map_or(&**what, |(what, _)| what);
        let (path, rest) = what.split_once(':').unwrap_or((what, ""));
        let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or(path);
        if rest.is_empty() { name.to_owned() } else { format!("{name}:{rest}") }
    };
    found.iter().map(bare).collect()
}

/// The folders of these files, without those that lie in another one of them.
pub(super) fn outermost_folders(files: &[String]) -> Vec<String> {
    let mut folders: Vec<&str> = files.iter().filter_map(|file| Some(file.rsplit_once('/')?.0)).collect();
    folders.sort_unstable();
    let mut outermost: Vec<String> = vec![];
    for folder in folders {
        // Sorted, a folder comes before what lies in it.
        if !outermost.iter().any(|outer| is_within(folder, outer)) {
            outermost.push(folder.to_owned());
        }
    }
    outermost
}

fn named(window: &Window<'_>, meant: &Meant) -> Option<String> {
    meant.service(window.contract).map(str::to_owned)
}

/// Whether the app handles the signal, as far as is known. An init, which passes signals on, is not asked what it handles itself.
fn is_handled(window: &Window<'_>, stop: &Stop<'_>) -> bool {
    !first_process(window.facts, stop.app, stop.told).as_ref().is_some_and(is_shell)
        && handles(window, stop.signal) != Some(false)
}

/// The app did not end in time. Where it handles the signal, and a request waited for a dependency that is disturbed, it is the wait that
/// kept it.
fn unheeded(window: &Window<'_>, stop: &Stop<'_>) -> Defect {
    let first = first_process(window.facts, stop.app, stop.told);
    let is_handled = is_handled(window, stop);
    let waited = requests(window, Endpoint::Readiness)
        .any(|request| request.sent < stop.told && request.at > stop.told && matches!(request.answer, Answer::TimedOut));
    let is_silent = window.facts.iter().rev().find_map(|one| match &one.fact {
        Fact::Fault { fault, phase: Phase::Begins, .. } => {
            Some(matches!(fault, FaultKind::Frozen | FaultKind::CutOff | FaultKind::OutOfReach))
        }
        _ => None,
    });
    let is_silent = is_silent.unwrap_or_default();
    if is_handled && load_at_stop(window.facts, stop.told).is_some() {
        return Defect::StopWaitsForClients { first_process: first.map(|process| process.command) };
    }
    match disturbed(window) {
        Some((service, _)) if is_handled && waited && is_silent => Defect::WaitsForever { service: service.to_owned() },
        Some((service, _)) if is_handled && waited => Defect::StopWaitsForTheDead { service: service.to_owned() },
        // One that is gone answers nothing either.
        Some((service, _)) if is_handled => {
            Defect::StopWaits { service: service.to_owned(), first_process: first.map(|process| process.command) }
        }
        _ => Defect::IgnoresStopSignal { first_process: first.map(|process| process.command) },
    }
}

/// The app, which had been ready, ended by itself while a dependency was disturbed.
fn ended_in_outage(window: &Window<'_>) -> Option<Defect> {
    let first = window.facts.iter().find_map(|one| match &one.fact {
        Fact::Fault { service, phase: Phase::Begins, .. } if window.contract.dependency(service).is_some() => {
            Some((service, one.at))
        }
        _ => None,
    });
    let (service, begin) = first?;
    // One that is killed is lost from the signal on: its end is known only when all of it is gone.
    let signal = window.facts.iter().rev().find_map(|one| match &one.fact {
        Fact::Signal { service: of, .. } if of == service && one.at <= begin => Some(one.at),
        _ => None,
    });
    let since = signal.unwrap_or(begin);
    let told = window.stop_signal().map_or(Duration::MAX, |(sent, _)| sent.at);
    let death = deaths(window.facts, window.app(), since.max(window.started())).find(|death| death.at < told)?;
    let was_ready =
        requests(window, Endpoint::Readiness).any(|one| one.sent >= window.started() && one.at < death.at && one.is_ready());
    was_ready.then(|| Defect::ExitsInOutage { service: service.clone() })
}

/// The app, which had been ready, was not again after a dependency was lost and came back.
fn not_again(window: &Window<'_>) -> Option<Defect> {
    let (service, since) = disturbed(window)?;
    let mut ready = requests(window, Endpoint::Readiness).filter(Request::is_ready);
    ready.any(|one| one.at < since).then(|| Defect::DoesNotRecover { service: service.to_owned() })
}

/// Whether nothing of the app's log was seen in the whole experiment.
fn log_is_empty(window: &Window<'_>) -> bool {
    lines(window.facts, window.app(), Duration::ZERO).next().is_none()
}

/// The signal ended the app at once, as it ends one that does not handle it, and with a status that no clean stop has.
fn ended_at_once(window: &Window<'_>) -> Option<Defect> {
    let stop = window.stop()?;
    let is_clean = window.contract.stop_status.contains(&stop.status);
    let is_at_once = stop.died.saturating_sub(stop.told) <= AT_ONCE;
    (is_at_once && !is_clean && !stop.oom_killed).then_some(Defect::EndsAtSignal { status: stop.status })
}

/// Which dependency was disturbed last, and since when.
fn disturbed<'a>(window: &Window<'a>) -> Option<(&'a str, Duration)> {
    window.facts.iter().rev().find_map(|one| match &one.fact {
        Fact::Fault { service, phase: Phase::Begins, .. } if window.contract.dependency(service).is_some() => {
            Some((service.as_str(), one.at))
        }
        _ => None,
    })
}

/// The app ended by itself before it was ready: for a path that it can't write to, or for a dependency that was not there. Or it waits for
/// one that is still missing, and does not listen meanwhile.
fn at_start(window: &Window<'_>) -> Option<Defect> {
    let (app, started) = (window.app(), window.started());
    let told = window.stop_signal().map_or(Duration::MAX, |(sent, _)| sent.at);
    let Some(death) = deaths(window.facts, app, started).find(|death| death.at < told) else {
        let end = window.facts.last().map_or(Duration::ZERO, |one| one.at);
        // The tap may turn the app down where the dependency itself accepts.
        let is_turned_down = window.facts.iter().any(|one| match &one.fact {
            Fact::Fault { service, fault: FaultKind::Refusing | FaultKind::StartingUp, phase: Phase::Begins } => {
                window.contract.dependency(service).is_some()
            }
            _ => false,
        });
        let is_missing = is_turned_down
            || window.contract.dependencies.iter().any(|dependency| !accepted_at(window, &dependency.service, end));
        return (is_missing && window.never_listened(Duration::MAX)).then_some(Defect::DoesNotListen);
    };
    let was_ready = requests(window, Endpoint::Readiness).any(|one| one.sent >= started && one.at < death.at && one.is_ready());
    let any = |is_meant: &dyn Fn(&str) -> bool| window.contract.dependencies.iter().any(|one| is_meant(&one.service));
    // One that only listens is ready for a moment without what it misses.
    if any(&|one| missed_at(window, one, started) && missed_at(window, one, death.at)) {
        return Some(Defect::ExitsAtStart);
    }
    if was_ready {
        return ended_in_outage(window);
    }
    // What it logs in a life that lasts has not ended it.
    let ended = deaths(window.facts, app, started).last().map_or(death.at, |last| last.at);
    let path = window.facts.iter().filter(|one| one.at >= started && one.at <= ended).find_map(|one| match &one.fact {
        Fact::Log { service, line, .. } if service == app => not_writable(line),
        _ => None,
    });
    if let Some(path) = path {
        return Some(Defect::NeedsToWrite { path });
    }
    if let Some(programs) = listed(window, Trait::Setuid) {
        return Some(Defect::NeedsSetuid { programs });
    }
    any(&|one| !accepted_at(window, one, started)).then_some(Defect::ExitsAtStart)
}

/// The app was not ready soon after a dependency, the last that came, was there. One that begins to listen only then has that defect.
fn late(window: &Window<'_>) -> Option<Defect> {
    let (_, service) = window.returned()?;
    Some(if window.never_listened(Duration::MAX) {
        Defect::DoesNotListen
    } else {
        Defect::LateAfter { service: service.to_owned() }
    })
}

/// The path that a line of a log says can't be written to.
fn not_writable(line: &str) -> Option<String> {
    let found = NOT_WRITABLE.captures(line)?;
    let path = found.iter().skip(1).flatten().next()?.as_str();
    // The end of a sentence, or of `cp -r from/. to/.`.
    Some(path.trim_end_matches(['.', '/']).to_owned()).filter(|path| !path.is_empty())
}

/// Whether a dependency was known to accept, and nothing was in its way, at a moment.
fn accepted_at(window: &Window<'_>, service: &str, at: Duration) -> bool {
    let (accepts, is_in_the_way) = state_at(window, service, at);
    accepts == Some(true) && !is_in_the_way
}

/// Whether a dependency was known not to accept, or something was in its way, at a moment.
fn missed_at(window: &Window<'_>, service: &str, at: Duration) -> bool {
    let (accepts, is_in_the_way) = state_at(window, service, at);
    accepts == Some(false) || is_in_the_way
}

/// Whether a dependency accepted at a moment, as far as that was known, and whether something was in its way.
fn state_at(window: &Window<'_>, service: &str, at: Duration) -> (Option<bool>, bool) {
    let last = |found: &dyn Fn(&Fact) -> Option<bool>| {
        window.facts.iter().rev().filter(|one| one.at <= at).find_map(|one| found(&one.fact))
    };
    let accepts = last(&|fact| match fact {
        Fact::Dependency { service: of, state, .. } if of == service => Some(*state == DependencyState::Accepting),
        _ => None,
    });
    let is_in_the_way = last(&|fact| match fact {
        Fact::Fault { service: of, fault: FaultKind::Refusing | FaultKind::StartingUp | FaultKind::Absent, phase }
            if of == service =>
        {
            Some(*phase == Phase::Begins)
        }
        _ => None,
    });
    (accepts, is_in_the_way.unwrap_or_default())
}

/// A dependency is disturbed: readiness does not care, waits until the prober gives up, or says so with another status.
///
/// Where nothing is disturbed and readiness is not to say 2xx all the same, the database rejects the app's login from the start.
fn in_outage(window: &Window<'_>, may_be_rejected: bool) -> Option<Defect> {
    if let Some(exits) = ended_in_outage(window) {
        return Some(exits);
    }
    let Some((service, since)) = disturbed(window) else {
        let database = window.contract.database().filter(|_| may_be_rejected)?;
        let is_ignored = is_always_ready(&answers_since(window, window.started()));
        return is_ignored.then(|| Defect::IgnoresRejection { service: database.service.clone() });
    };
    let service = service.to_owned();
    let answers = answers_since(window, since);
    if is_always_ready(&answers) {
        return Some(Defect::IgnoresOutage { service });
    }
    if answers.iter().any(|one| one.meaning == Meaning::Hung) {
        return Some(if serves_nobody(window) { Defect::DoesNotListen } else { Defect::WaitsForever { service } });
    }
    answers.iter().find_map(|one| match one.answer {
        Answer::Status(status) if one.meaning == Meaning::Otherwise => Some(Defect::OtherStatus { status: *status }),
        _ => None,
    })
}

/// Whether connections are held open that nobody serves yet: liveness, which waits for nothing, is asked too, and no path has ever answered.
fn serves_nobody(window: &Window<'_>) -> bool {
    let asked = |endpoint: Endpoint| requests(window, endpoint).filter(|one| one.sent >= window.started());
    let answers = |one: &Request<'_>| matches!(one.answer, Answer::Status(_));
    let is_answered = asked(Endpoint::Readiness).chain(asked(Endpoint::Liveness)).any(|one| answers(&one));
    asked(Endpoint::Liveness).next().is_some() && !is_answered
}

/// Whether the health check asks for readiness, as far as is known.
fn asks_readiness(window: &Window<'_>) -> bool {
    let asked = window.inspected(|inspection| match inspection {
        Inspection::HealthPath { path } => Some(path.as_str()),
        _ => None,
    });
    let readiness = window.contract.readiness.http();
    asked.zip(readiness).is_none_or(|((_, path), readiness)| path.trim_end_matches('/') == readiness.path.trim_end_matches('/'))
}

/// What readiness answers from a moment on. Nobody listens yet while the app starts.
fn answers_since<'a>(window: &Window<'a>, since: Duration) -> Vec<Request<'a>> {
    let answers = requests(window, Endpoint::Readiness).filter(|one| one.at >= since);
    answers.skip_while(|one| one.meaning == Meaning::Nothing).collect()
}

fn is_always_ready(answers: &[Request<'_>]) -> bool {
    !answers.is_empty() && answers.iter().all(Request::is_ready)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{Case, Told, container, database, died, line, mark, readiness, refused, told_to_stop};
    use crate::judge::{Anchor, Limit};
    use crate::model::{ContainerChange, Inspection, Item, Listing, Mark, Place, Process, Return};
    use crate::subject::Form;

    const IN_TIME: Claim = Claim::StopsInTime(Anchor::Stop);
    const READY: Claim =
        Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Success, within: Limit::Startup, of: Anchor::Latest };
    const UNREADY: Claim =
        Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Unready, within: Limit::Outage, of: Anchor::Latest };

    fn shown(claim: &Claim, told: &[Told]) -> Option<Defect> {
        Case::of(told.to_vec()).look(|window| defect(claim, window))
    }

    fn fault(ms: u64, service: &str, fault: FaultKind) -> Told {
        (ms, Fact::Fault { service: service.into(), fault, phase: Phase::Begins })
    }

    fn first_process(command: &str, handled: u64) -> [Told; 3] {
        let process = Process { pid: 7, uid: 1000, command: command.into() };
        [
            container(0, "app", ContainerChange::Started { pid: Some(7) }),
            (10, Fact::Processes { service: "app".into(), processes: vec![process] }),
            (11, Fact::Inspected { inspection: Inspection::FirstProcess { handled } }),
        ]
    }

    #[test]
    fn a_health_check_of_another_path_stays_green_for_a_reason_of_its_own() {
        let turns = Claim::HealthTurns { healthy: false, within: Duration::from_mins(1), of: Anchor::Latest };
        let told = |asked: &[&str]| {
            let paths =
                asked.iter().map(|path| (0, Fact::Inspected { inspection: Inspection::HealthPath { path: (*path).into() } }));
            let outage = [fault(100, "db", FaultKind::Killed), readiness(200, 210, Answer::Status(200))];
            let mut case = Case::of(paths.chain(outage)).from(100);
            case.contract.readiness = Form::path("/ready");
            case.look(|window| defect(&turns, window))
        };
        let ignored = Some(Defect::IgnoresOutage { service: "db".into() });
        assert_eq!(told(&[]), ignored, "nothing is known of it");
        assert_eq!(told(&["/ready"]), ignored);
        assert_eq!(told(&["/ready/"]), ignored);
        assert_eq!(told(&["/health"]), Some(Defect::HealthStaysGreen));
    }

    #[test]
    fn a_worker_that_handles_the_signal_and_takes_too_long_has_a_defect_of_its_own() {
        let lost = |status, ms, handled| {
            let told = [&first_process("worker", handled)[..], &[told_to_stop(20), died(ms, status)]].concat();
            shown(&Claim::UnitKept, &told)
        };
        assert_eq!(lost(137, 10_520, 1 << 14), None, "it waits for its work");
        let ignores = Defect::IgnoresStopSignal { first_process: Some("worker".into()) };
        assert_eq!(lost(137, 10_520, 0), Some(ignores));
        assert_eq!(lost(2, 520, 0), Some(Defect::EndsAtSignal { status: 2 }));
        assert_eq!(lost(0, 520, 1 << 14), None, "a clean end that leaves its work behind");
    }

    #[test]
    fn an_app_that_no_signal_ends_is_known_by_its_first_process() {
        let killed = |others: &[Told]| shown(&IN_TIME, &[&[told_to_stop(20), died(10_520, 137)], others].concat());
        let ignores = |command: Option<&str>| Some(Defect::IgnoresStopSignal { first_process: command.map(str::to_owned) });
        assert_eq!(killed(&[]), ignores(None));
        assert_eq!(killed(&first_process("sh -c server", 1 << 14)), ignores(Some("sh -c server")));
        let waits = [fault(5, "db", FaultKind::Frozen), readiness(15, 5_015, Answer::TimedOut)];
        assert_eq!(killed(&[&first_process("server", 0)[..], &waits].concat()), ignores(Some("server")), "no handler");
        assert_eq!(
            killed(&[&first_process("server", 1 << 14)[..], &waits].concat()),
            Some(Defect::WaitsForever { service: "db".into() }),
            "it handles the signal, and a request keeps it"
        );
        assert_eq!(
            killed(&[&first_process("tini -g -- server", 0)[..2], &waits].concat()),
            Some(Defect::WaitsForever { service: "db".into() }),
            "an init passes it on"
        );
        let dead = [fault(5, "db", FaultKind::Killed), readiness(4, 5_004, Answer::TimedOut)];
        assert_eq!(
            killed(&[&first_process("server", 1 << 14)[..], &dead].concat()),
            Some(Defect::StopWaitsForTheDead { service: "db".into() }),
            "its address was taken away while the app asked"
        );
        assert_eq!(
            killed(&[&first_process("tini -- server", 0)[..2], &waits[..1]].concat()),
            Some(Defect::StopWaits { service: "db".into(), first_process: Some("tini -- server".into()) }),
            "no request shows what it waits for"
        );
        assert_eq!(shown(&IN_TIME, &[told_to_stop(20), died(500, 1)]), None, "it did end");
    }

    #[test]
    fn an_exit_at_the_start_has_its_reason_in_the_facts() {
        let missing = [database(5, 6, refused()), died(100, 1)];
        assert_eq!(shown(&READY, &missing), Some(Defect::ExitsAtStart));
        let not_writable = [line(50, "OSError: [Errno 30] Read-only file system: '/opt/ara'"), died(100, 1)];
        assert_eq!(shown(&READY, &not_writable), Some(Defect::NeedsToWrite { path: "/opt/ara".into() }));
        let served = [readiness(10, 20, Answer::Status(200)), died(100, 1)];
        assert_eq!(shown(&Claim::SameProcess, &served), None, "it was ready before");
        let without = [fault(0, "db", FaultKind::StartingUp), readiness(10, 20, Answer::Status(200)), died(100, 1)];
        assert_eq!(shown(&Claim::SameProcess, &without), Some(Defect::ExitsAtStart), "for a moment, without what it needs");
        let lost = [&served[..1], &[fault(50, "db", FaultKind::Killed), died(100, 1)]].concat();
        let exits = Some(Defect::ExitsInOutage { service: "db".into() });
        assert_eq!([shown(&Claim::SameProcess, &lost), shown(&UNREADY, &lost)], [exits.clone(), exits], "what it lost ended it");
        let signal = (50, Fact::Signal { service: "db".into(), signal: "SIGKILL".into() });
        let at_once = [&served[..1], &[signal, died(100, 1), fault(110, "db", FaultKind::Killed)]].concat();
        let exits = Some(Defect::ExitsInOutage { service: "db".into() });
        assert_eq!(shown(&Claim::SameProcess, &at_once), exits, "it was faster than the end of what was killed");
        let stopped = [told_to_stop(50), died(100, 0)];
        assert_eq!(shown(&Claim::SameProcess, &stopped), None, "it was told to");
    }

    #[test]
    fn an_app_that_waits_without_listening_is_known_by_what_is_missing() {
        let asked = |answer: Answer| [database(5, 6, refused()), readiness(10, 20, answer.clone()), readiness(900, 950, answer)];
        assert_eq!(shown(&READY, &asked(Answer::Refused)), Some(Defect::DoesNotListen));
        assert_eq!(shown(&READY, &asked(Answer::Status(503))), None, "it listens");
        let cache =
            Fact::Dependency { service: "cache".into(), sent: Duration::from_millis(960), state: DependencyState::Accepting };
        let there = [&asked(Answer::Refused)[..], &[database(960, 970, DependencyState::Accepting), (970, cache)]].concat();
        assert_eq!(shown(&READY, &there), None, "nothing is missing any more");
        let refusing = Fact::Fault { service: "db".into(), fault: FaultKind::Refusing, phase: Phase::Begins };
        let turned_down = [&there[..], &[(0, refusing)]].concat();
        assert_eq!(shown(&READY, &turned_down), Some(Defect::DoesNotListen), "by the tap in its place");
        assert_eq!(shown(&READY, &asked(Answer::Refused)[..1]), None, "nobody was asked");
        let soon = Claim::Answers {
            endpoint: Endpoint::Readiness,
            wanted: Wanted::Success,
            within: Limit::BeyondStart(Duration::from_secs(2)),
            of: Anchor::Return,
        };
        let came = |answer| {
            let accepts = mark(960, Mark::Accepts { service: "db".into(), after: Return::FirstStart });
            shown(&soon, &[&asked(answer)[..], &[database(955, 960, DependencyState::Accepting), accepts]].concat())
        };
        assert_eq!(came(Answer::Refused), Some(Defect::DoesNotListen), "it begins to listen only then");
        assert_eq!(came(Answer::Status(503)), Some(Defect::LateAfter { service: "db".into() }));
    }

    #[test]
    fn what_the_log_lacks_is_one_defect_whoever_misses_it() {
        let omits = Some(Defect::LogOmits { service: "db".into() });
        let traces = Claim::NoTraces { time: Duration::from_secs(8), of: Anchor::FirstSign };
        assert_eq!(shown(&traces, &[]), Some(Defect::TracePerAttempt));
        let gives_up = Claim::GivesUpCleanly {
            dependency: crate::subject::Meant::Database,
            within: Duration::from_secs(10),
            of: Anchor::Latest,
        };
        assert_eq!(shown(&gives_up, &[died(100, 3)]), omits);
        assert_eq!(shown(&gives_up, &[died(100, 0)]), Some(Defect::ExitsWithSuccess), "its status is wrong");
        let names =
            Claim::LogNames { dependency: crate::subject::Meant::Database, within: Duration::from_secs(10), of: Anchor::Latest };
        assert_eq!(shown(&names, &[line(5, "starting")]), omits);
        assert_eq!(shown(&names, &[]), Some(Defect::WritesNoLog), "it says nothing at all");
    }

    #[test]
    fn an_image_without_labels_and_with_a_hidden_port_has_one_defect() {
        let ports = |exposed: &[u16]| {
            let set = |ports: &[u16]| ports.iter().copied().collect();
            let ports =
                Inspection::Ports { exposed: set(exposed), inherited: set(&[]), listening: set(&[8000]), within: set(&[]) };
            shown(&Claim::ExposesItsPorts, &[(0, Fact::Inspected { inspection: ports })])
        };
        assert_eq!(shown(&Claim::Labelled, &[]), Some(Defect::LacksMetadata));
        assert_eq!([ports(&[]), ports(&[9000])], [Some(Defect::LacksMetadata), Some(Defect::LacksMetadata)]);
        assert_eq!(ports(&[8000, 9000]), None, "it says too much");
    }

    #[test]
    fn a_stop_signal_without_a_handler_is_known_by_what_the_kernel_makes_of_it() {
        let left = |signal: &str, first: &str| {
            let mut case = Case::of(first_process(first, 0));
            case.contract.stop_signal = signal.into();
            case.look(|window| defect(&Claim::HandlesStopSignal, window))
        };
        let ignores = |first: &str| Some(Defect::IgnoresStopSignal { first_process: Some(first.into()) });
        assert_eq!(left("SIGUSR2", "tini -- server"), Some(Defect::EndsAtSignal { status: 140 }));
        assert_eq!(left("SIGUSR2", "server"), ignores("server"), "the kernel keeps it from the first process");
        assert_eq!(left("SIGWINCH", "tini -- server"), ignores("tini -- server"), "it ends nobody");
        assert_eq!(left("KILL", "server"), Some(Defect::EndsAtSignal { status: 137 }));
        assert_eq!(left("SIGNONE", "tini -- server"), ignores("tini -- server"));
    }

    fn listing(kind: Trait, found: &[(&str, bool)]) -> Told {
        let place = || Place { file: "Dockerfile".into(), line: 3 };
        let items = found.iter().map(|(what, has_line)| Item { what: (*what).into(), place: has_line.then(place) }).collect();
        (0, Fact::Inspected { inspection: Inspection::Listing(Listing { kind, within: None, items }) })
    }

    #[test]
    fn compilers_are_one_defect_whether_they_are_found_or_missed_in_another_stage() {
        let staged = |found: &[(&str, bool)]| shown(&Claim::Without(Trait::SingleStage), &[listing(Trait::SingleStage, found)]);
        assert_eq!(staged(&[("runs `make`", true), ("/usr/bin/make", false)]), Some(Defect::HoldsCompilers));
        assert_eq!(staged(&[("runs `make`", true)]), None, "what it built with is gone");
        assert_eq!(
            shown(&Claim::Without(Trait::Compiler), &[listing(Trait::Compiler, &[("/usr/bin/make", false)])]),
            Some(Defect::HoldsCompilers)
        );
    }

    #[test]
    fn an_app_that_does_not_start_without_its_setuid_programs_has_their_defect() {
        let needs = Some(Defect::NeedsSetuid { programs: vec!["/usr/local/bin/as-root".into()] });
        let adds = |programs: &[(&str, bool)]| listing(Trait::Setuid, programs);
        let program = adds(&[("/usr/local/bin/as-root", false)]);
        assert_eq!(shown(&Claim::Without(Trait::Setuid), std::slice::from_ref(&program)), needs);
        let ended = |with: Told| shown(&READY, &[died(100, 1), with]);
        assert_eq!([ended(program), ended(adds(&[]))], [needs, Some(Defect::ExitsAtStart)]);
    }

    #[test]
    fn a_secret_is_the_same_one_in_the_build_and_in_the_image() {
        let of = |kind: Trait, found: &[&str]| {
            let found: Vec<(&str, bool)> = found.iter().map(|what| (*what, false)).collect();
            shown(&Claim::Without(kind), &[listing(kind, &found)]).expect("a defect")
        };
        let secret = "`api_key` has a value of 33 characters";
        let image = of(Trait::SecretFile, &[&format!("/srv/app.ini:28: {secret} (layer 5, COPY app.ini /srv/)")]);
        let built = |found: &[&str]| of(Trait::Unwanted, found);
        let same = format!("conf/app.ini:28: {secret}");
        assert!(image.is_same(&built(&[&same])));
        assert!(!image.is_same(&built(&[&same, ".git/"])), "the build gets more than that");
        assert!(!image.is_same(&built(&[&format!("conf/other.ini:28: {secret}")])));
    }

    #[test]
    fn a_log_in_a_file_alone_is_a_log_that_is_not_written() {
        let files = |others: &[Told]| {
            let changes = Inspection::Changes { paths: vec!["/srv/app.log".into()], mounts: vec![] };
            shown(&Claim::NoLogFiles(AT_ONCE), &[others, &[(50, Fact::Inspected { inspection: changes })]].concat())
        };
        assert_eq!(files(&[]), Some(Defect::WritesNoLog));
        assert_eq!(files(&[line(10, "started")]), Some(Defect::Writes { folders: vec!["/srv".into()] }));
    }

    #[test]
    fn files_are_told_by_their_outermost_folders() {
        let files = ["/a/b/c/x", "/a/b/y", "/a/bc/z", "/root"].map(str::to_owned);
        assert_eq!(outermost_folders(&files), [""; 1], "the root holds all");
        assert_eq!(outermost_folders(&files[..3]), ["/a/b", "/a/bc"]);
    }

    #[test]
    fn a_signal_that_nothing_handles_is_known_by_the_end_that_it_makes() {
        let ended = |status: i64, ms: u64| [told_to_stop(20), died(ms, status)];
        for claim in [Claim::CleanStatus, Claim::LastWords, Claim::NothingTorn] {
            assert_eq!(shown(&claim, &ended(2, 300)), Some(Defect::EndsAtSignal { status: 2 }), "{claim:?}");
        }
        assert_eq!(shown(&Claim::CleanStatus, &ended(1, 3_000)), None, "it took its time");
        assert_eq!(shown(&Claim::NothingTorn, &ended(0, 300)), Some(Defect::DropsRequests), "it said that all is well");
    }

    #[test]
    fn paths_that_cannot_be_written_to_are_found_in_the_words_of_many_languages() {
        for (line, path) in [
            ("PermissionError: [Errno 13] Permission denied: '/app/state.json'", Some("/app/state.json")),
            ("cp: cannot create directory '/usr/share/data/.': Permission denied", Some("/usr/share/data")),
            ("mkdir: cannot create directory ‘/data/media’: Permission denied", Some("/data/media")),
            ("Error: EROFS: read-only file system, open '/srv/cache/x'", Some("/srv/cache/x")),
            ("open /var/lib/x/lock: permission denied", Some("/var/lib/x/lock")),
            (
                "(13)Permission denied: AH00091: apache2: could not open error log file /var/log/apache2/error.log.",
                Some("/var/log/apache2/error.log"),
            ),
            ("directory '/var/cache/bind' is not writable", Some("/var/cache/bind")),
            ("[emerg] 1#1: mkdir() \"/var/cache/x\" failed (30: Read-only file system)", Some("/var/cache/x")),
            ("[emerg] 1#1: chown(\"/var/cache/x\", 33) failed (1: Operation not permitted)", None),
            ("Unable to create socket directory (/var/run/pdns/) and it does not exist yet", Some("/var/run/pdns")),
            ("failed to create file \"/data/app.db\"", Some("/data/app.db")),
            ("failed to create file `/config/server.toml`: Read-only file system (os error 30)", Some("/config/server.toml")),
            ("could not create a session for /users/1: no route", None),
            ("java.io.FileNotFoundException: /data/log (Permission denied)", None),
            ("permission denied for table users", None),
            ("GET /admin 403", None),
        ] {
            assert_eq!(not_writable(line).as_deref(), path, "{line}");
        }
    }

    #[test]
    fn a_login_that_is_rejected_can_be_ignored_too() {
        let not_ready = Claim::Stays {
            endpoint: Endpoint::Readiness,
            lasting: Lasting::NoSuccess,
            time: Duration::from_secs(5),
            of: Anchor::Latest,
        };
        let answers = |statuses: &[u16]| -> Vec<Told> {
            let answers = statuses.iter().zip(1..);
            answers.map(|(status, n)| readiness(n * 100, n * 100 + 50, Answer::Status(*status))).collect()
        };
        let ignores = Some(Defect::IgnoresRejection { service: "db".into() });
        let early = [&[readiness(10, 20, Answer::Refused)], &answers(&[200, 200])[..]].concat();
        assert_eq!([shown(&not_ready, &answers(&[200, 200])), shown(&not_ready, &early)], [ignores.clone(), ignores]);
        assert_eq!(shown(&not_ready, &answers(&[503, 200])), None, "it does look, now and then");
        assert_eq!(shown(&READY, &answers(&[200])), None, "another claim");
    }

    #[test]
    fn what_readiness_says_in_an_outage_tells_defects_apart() {
        let told = |answers: &[Answer]| {
            let answers = answers.iter().zip(0..).map(|(answer, n)| readiness(1_100 + n * 100, 1_150 + n * 100, answer.clone()));
            let begin = [readiness(100, 200, Answer::Status(200)), fault(1_000, "db", FaultKind::Killed)];
            let end = [mark(9_000, Mark::Ready)];
            shown(&UNREADY, &begin.into_iter().chain(answers).chain(end).collect::<Vec<_>>())
        };
        let (ok, busy) = (Answer::Status(200), Answer::Status(503));
        assert_eq!(told(&[ok.clone(), ok.clone()]), Some(Defect::IgnoresOutage { service: "db".into() }));
        assert_eq!(told(&[ok.clone(), Answer::Status(500)]), Some(Defect::OtherStatus { status: 500 }));
        assert_eq!(told(&[Answer::Status(500), Answer::TimedOut]), Some(Defect::WaitsForever { service: "db".into() }));
        let never = [fault(1_000, "db", FaultKind::Refusing), readiness(1_100, 6_100, Answer::TimedOut)];
        let and_liveness = |answer: Answer| {
            let sent = Duration::from_millis(1_200);
            let probe = Fact::Probe { endpoint: Endpoint::Liveness, sent, answer, body: None };
            shown(&UNREADY, &[&never[..], &[(6_200, probe)]].concat())
        };
        let waits = Some(Defect::WaitsForever { service: "db".into() });
        assert_eq!(shown(&UNREADY, &never), waits, "what else is asked may be answered");
        assert_eq!(and_liveness(Answer::TimedOut), Some(Defect::DoesNotListen), "nobody has ever answered");
        assert_eq!(and_liveness(Answer::Status(200)), waits, "it serves, and readiness waits");
        assert_eq!(told(&[ok, busy]), None, "it says so, if late");
        assert_eq!(told(&[]), None, "nobody was asked");
        assert_eq!(
            told(&[Answer::Refused, Answer::Status(200)]),
            Some(Defect::IgnoresOutage { service: "db".into() }),
            "nobody listened before"
        );
        assert_eq!(told(&[Answer::Status(200), Answer::Refused]), None, "it ended");
    }
}
