//! Waiting until what was started serves. What does not is a broken stack, with advice.

use std::time::Duration;

use super::patience::idle_from;
use crate::experiment::RunContext;
use crate::judge::{Anchor, Awaited, Claim, Event, Limit, Wanted, Window, seconds, started_to_accept};
use crate::model::{Answer, ContainerChange, Endpoint, Fact, FactId, Finding, Halt, Mark, Observation, Outcome, Timeline};
use crate::subject::{Form, GrpcForm};
use crate::target::Instance;

/// For so long it is tried in a form that the app can't answer, before the form is taken to be wrong.
const WRONG_FORM: Duration = Duration::from_secs(3);
/// How many times its limit the start of an app may take that works all the time.
const BUSY: u32 = 3;

/// Waits until a dependency of the app accepts. Returns the offset of acceptance.
pub(in crate::experiment) async fn wait_until_accepting(
    context: &RunContext,
    instance: &Instance,
    service: &str,
    since: Duration,
) -> Result<Duration, Halt> {
    let help = || {
        format!(
            "make sure that `{service}` starts with what the compose file gives it: docker compose up {service}; one that starts slowly \
             needs a higher `startup_limit`"
        )
    };
    wait_for_service(context, instance, service, since, help, started_to_accept).await
}

pub(super) async fn wait_for_service(
    context: &RunContext,
    instance: &Instance,
    service: &str,
    since: Duration,
    help: impl Fn() -> String,
    judge: impl Fn(Awaited<'_>, &[Observation], bool) -> Outcome,
) -> Result<Duration, Halt> {
    let awaited = Awaited { service, since, limit: context.contract.startup_limit };
    let deadline = instance.timeline().clock().now() + awaited.limit;
    let outcome = instance.timeline().wait(deadline, |facts, over| judge(awaited, facts, over)).await;
    decided(instance, outcome, || format!("how far `{service}` is"), |finding| broken_stack(context, service, finding, help()))
}

pub(super) async fn wait_until_ready(context: &RunContext, instance: &Instance, started: Duration) -> Result<Duration, Halt> {
    let limit = started + context.start_limit();
    let outcome = tokio::select! {
        outcome = ready_since(context, instance, started) => outcome,
        Some(why) = instance.timeline().first(limit, |facts| can_not_be_asked(facts, started)) => {
            return Err(asked_wrongly(context, &why));
        }
    };
    let broken = |finding: &Finding| broken_stack(context, &context.contract.app, finding, advise(context, instance.timeline()));
    decided(instance, outcome, || "whether the app is ready".to_owned(), broken)
}

/// Why readiness can't be asked in this form, when it has been tried for a while and nothing else came of it.
fn can_not_be_asked(facts: &[Observation], started: Duration) -> Option<String> {
    let mut since: Option<(Duration, &str)> = None;
    for one in facts.iter().filter(|one| one.at >= started) {
        match &one.fact {
            Fact::Probe { endpoint: Endpoint::Readiness, answer: Answer::CannotAsk(why), .. } => {
                let (first, _) = since.get_or_insert((one.at, why));
                if one.at >= *first + WRONG_FORM {
                    return Some(why.clone());
                }
            }
            Fact::Probe { endpoint: Endpoint::Readiness, .. } => since = None,
            _ => {}
        }
    }
    None
}

fn asked_wrongly(context: &RunContext, why: &str) -> Halt {
    let (app, readiness) = (&context.contract.app, &context.contract.readiness);
    let origin = context.draft.readiness.as_ref().map(|found| found.origin.as_str()).unwrap_or_default();
    let advice = match readiness {
        Form::Grpc(GrpcForm { tls: Some(_), .. }) => {
            "remove `tls` if the port does not use TLS, or declare how the certificate is verified: `tls: {ca: FILE}`, with the \
             name in it as `host: NAME`, or `tls: {insecure: true}`"
        }
        Form::Grpc(_) => {
            "declare the port of the gRPC server (`readiness: {grpc: SERVICE, port: PORT}`), `tls: {ca: FILE}` or `tls: {insecure: true}` \
             where that speaks TLS, or another form"
        }
        Form::Exec { .. } => {
            "name a program that is in the image, with its arguments as a list; or declare another form of readiness"
        }
        Form::Http(http) if http.is_https => {
            "declare `scheme: http` if the port does not use TLS, or how the certificate is verified: `tls: {ca: FILE}` or \
             `tls: {insecure: true}`"
        }
        _ => "declare the scheme that the port speaks, `readiness: {path: PATH, scheme: https}`, or the right port",
    };
    Halt::CouldNotRun {
        reason: format!("{origin}: readiness of `{app}` can't be probed by {readiness}: {why}"),
        advice: advice.into(),
        service: None,
    }
}

/// Waits until the app is ready, at most as long as its start may take. One that has started alone, and still works when that is over, is kept by a
/// busy machine: it is given more, as long as it works.
pub(in crate::experiment) async fn ready_since(context: &RunContext, instance: &Instance, started: Duration) -> Outcome {
    let limit = context.start_limit();
    let outcome = ready_within(context, instance, started, limit).await;
    if context.undisturbed_start.is_zero() || !matches!(outcome, Outcome::Broken(_)) {
        return outcome;
    }
    let (end, most) = (started + limit, limit * BUSY);
    tokio::select! {
        later = ready_within(context, instance, started, most) => later,
        _ = idle_from(context, instance, end, started + most) => outcome,
    }
}

async fn ready_within(context: &RunContext, instance: &Instance, started: Duration, limit: Duration) -> Outcome {
    let contract = &context.contract;
    let within = Limit::Fixed(limit);
    let claim = Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Success, within, of: Anchor::Latest };
    let its_start = Mark::AppStarted { again: false };
    let judge = |facts: &[Observation], over| {
        claim.judge(&Window { facts, contract, from: started, event: Event::Mark(&its_start), over })
    };
    instance.timeline().wait(started + limit, judge).await
}

/// The moment of the fact that an outcome is held by.
fn decided(
    instance: &Instance,
    outcome: Outcome,
    what: impl Fn() -> String,
    broken: impl Fn(&Finding) -> Halt,
) -> Result<Duration, Halt> {
    match outcome {
        Outcome::Held(evidence) => {
            let at = |id: FactId| instance.timeline().read(|facts| Some(facts.iter().find(|one| one.id == id)?.at));
            evidence.first().and_then(|id| at(*id)).ok_or_else(|| Halt::not_measured(what()))
        }
        Outcome::Broken(finding) => Err(broken(&finding)),
        _ => Err(Halt::not_measured(what())),
    }
}

fn broken_stack(context: &RunContext, service: &str, finding: &Finding, advice: String) -> Halt {
    let file = context.model.file();
    let (file, Finding { expected, seen, .. }) = (file.path().display(), finding);
    let alone = context.undisturbed_start;
    let (what, advice) = if alone.is_zero() {
        (format!("{file} does not start even with nothing disturbed"), advice)
    } else {
        let (app, took) = (&context.contract.app, seconds(alone));
        let what = format!("{file} did not start in this copy, although it had started alone (`{app}` was ready after {took})");
        (what, format!("{advice}; raise `startup_limit`, or run fewer experiments at once (--jobs), if it only needs more time"))
    };
    Halt::CouldNotRun { reason: format!("{what}. Expected: {expected}; seen: {seen}"), advice, service: Some(service.to_owned()) }
}

/// What to do about an app that does not become ready, after how it ended or what it answered last.
fn advise(context: &RunContext, timeline: &Timeline) -> String {
    let contract = &context.contract;
    let app = &contract.app;
    let exited =
        |fact: &Fact| matches!(fact, Fact::Container { service, change: ContainerChange::Died { .. } } if service == app);
    let observations = timeline.observations();
    if observations.iter().any(|observation| exited(&observation.fact)) {
        return format!("see its log for why `{app}` exits");
    }
    let last = observations.iter().rev().find_map(|observation| match &observation.fact {
        Fact::Probe { endpoint: Endpoint::Readiness, answer, .. } => Some(answer),
        _ => None,
    });
    let readiness = &contract.readiness;
    match last {
        None if readiness.needs_a_port() => format!("make sure that `{app}` is on a network: its container has no address"),
        None => format!("see its log for why {readiness} says nothing, or declare another form of readiness"),
        Some(Answer::Refused) => format!(
            "nobody listens on port {}: declare the right one (`port:` under x-seaworthy, or --port), and let the app listen \
             on 0.0.0.0, not on 127.0.0.1; an app that starts slowly needs a higher `startup_limit`",
            contract.port_of(readiness).unwrap_or_default()
        ),
        Some(Answer::Status(404)) => {
            format!("the app has no {readiness}: declare the readiness path (`readiness:` under x-seaworthy, or --readiness)")
        }
        Some(Answer::TimedOut) => format!(
            "{readiness} hangs: no answer was complete within {}; find out what the app waits for there, or why the body does not \
             end",
            seconds(contract.probe_timeout)
        ),
        Some(Answer::Broken(_)) if matches!(readiness, Form::Http(_)) => {
            "declare the scheme that the port speaks (`readiness: {path: PATH, scheme: https}`, with `tls` where the certificate is \
             your own), or the right port"
                .into()
        }
        Some(_) => {
            let ready = readiness.http().map_or_else(|| "say ready".to_owned(), |http| format!("answer {}", http.ready));
            format!("see its log for why {readiness} does not {ready}; an app that starts slowly needs a higher `startup_limit`")
        }
    }
}
