//! Finds how the app can be asked whether it is ready, when nobody declared it: by the usual paths over HTTP; else by its protocol, by the
//! health service of gRPC, by its health check, by a port that is open; and at last by its process, which runs.
//!
//! What can say more comes first. An app that speaks HTTP and has none of the usual paths is told so, with the line to write: more checks
//! can be made with it.

use std::collections::BTreeSet;
use std::time::Duration;

use super::arrangement::Arrangement;
use super::baseline::not_ready;
use super::paths::{self, Heard};
use super::{RunContext, RunError, launch, variables};
use crate::compose::Patch;
use crate::engine::Reach;
use crate::judge::{count_exits, gone_after};
use crate::model::{ContainerChange, Fact, Halt, Observation, Timeline};
use crate::probe::{grpc_answers, serves};
use crate::subject::{Form, Found, GrpcForm, HttpForm, Kind, Protocol};
use crate::target::Instance;

/// The time from one round of questions to the next.
const PAUSE: Duration = Duration::from_millis(250);
/// How long somebody listens before what was not heard is taken not to be there: routes are added after a server has begun to listen.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long an app that names no port may take to listen at one, before it is taken to be a worker.
const WORKER: Duration = Duration::from_secs(8);
/// From one run of a health check to the next, and how long it may take to pass.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);
const HEALTH_LIMIT: Duration = Duration::from_secs(5);
/// How many ports are asked.
const MOST_PORTS: usize = 4;
/// How long a server may take to say that it serves.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// How the app can be asked.
#[derive(Debug)]
pub(super) struct Search {
    /// The form.
    pub(super) readiness: Found<Form>,
    /// The port at which it serves HTTP, where that was found too.
    pub(super) port: Option<Found<u16>>,
    /// What the user should declare, for more checks to be made.
    pub(super) note: Option<String>,
}

impl Search {
    fn of(form: Form, origin: impl Into<String>) -> Self {
        Self { readiness: Found::new(form, origin), port: None, note: None }
    }
}

/// Starts the app once, with all that it needs, and finds how it can be asked. The error is that of an app that exits.
pub(super) async fn find_readiness(context: &RunContext) -> Result<Search, RunError> {
    let timeline = Timeline::new(context.engine.clock(), context.redactor.clone());
    let app = &context.contract.app;
    let service = context.contract.app.clone();
    // Whether it passes has to be known soon.
    let often = Patch::HealthInterval { service, interval: HEALTH_INTERVAL, timeout: None, retries: None };
    let patches = if context.has_health_check(app) { vec![often] } else { vec![] };
    let instance = launch::create(context, &timeline, &Arrangement { patches, ..Arrangement::default() }).await;
    let mut instance = instance.map_err(|failure| not_ready(app, failure, &timeline))?;
    let found = match launch::start_app(context, &instance).await {
        Ok(started) => Ok(search(context, &instance, started).await),
        Err(failure) => Err(failure),
    };
    launch::stop_observing(context, &mut instance).await;
    instance.down().await?;
    let found = found.map_err(|failure| not_ready(app, failure, &timeline))?;
    found.ok_or_else(|| not_ready(app, exits(context, &timeline), &timeline))
}

/// Whether the app has ended for good.
fn has_ended(context: &RunContext, timeline: &Timeline) -> bool {
    let app = &context.contract.app;
    timeline.read(|facts| count_exits(facts, app, Duration::ZERO) >= gone_after(facts, app))
}

fn exits(context: &RunContext, timeline: &Timeline) -> Halt {
    let app = &context.contract.app;
    let names = timeline.read(|facts| variables::named(facts, app));
    let more = match names.as_slice() {
        _ if context.has_compose_file() => String::new(),
        [] => "; a variable that it needs is given by --env NAME=VALUE".into(),
        names => format!("; it speaks of {}: give a variable by --env {}=VALUE", names.join(", "), names[0]),
    };
    Halt::CouldNotRun {
        reason: format!("{} does not start even with nothing disturbed: `{app}` exits", context.model.file().path().display()),
        advice: format!("see its log for why `{app}` exits{more}"),
        service: None,
    }
}

/// What has been heard of an app so far.
#[derive(Debug, Default)]
struct Known {
    /// Since when somebody listens.
    heard: Option<Duration>,
    /// A path at which it says that it is not ready.
    unready: Option<(u16, HttpForm, u16)>,
    /// Where it speaks HTTP, and what it answered.
    http: Option<(u16, BTreeSet<u16>)>,
    /// Where somebody listens who does not speak HTTP.
    others: BTreeSet<u16>,
    /// Where somebody listens whom only the app itself can reach, and since when.
    within: Option<(u16, Duration)>,
}

/// Asks until it is known; nothing when the app ends.
async fn search(context: &RunContext, instance: &Instance, started: Duration) -> Option<Search> {
    let clock = instance.timeline().clock();
    let deadline = started + context.contract.startup_limit;
    let service = instance.service(&context.contract.app).ok()?;
    let mut known = Known::default();
    loop {
        let begun = clock.now();
        if has_ended(context, instance.timeline()) {
            return None;
        }
        let here = service.reach.borrow().clone();
        let listening = context.engine.listening(&service.container).await.ok().flatten();
        if let Some(here) = &here {
            if let Some(kind) = own_protocol(context)
                && let Some(found) = ask_by_protocol(here, kind).await
            {
                return Some(found);
            }
            for port in ports(context, listening.as_ref()) {
                if let Some(found) = known.hear(port, paths::ask_all(context, here, port).await, begun) {
                    return Some(found);
                }
            }
        }
        if known.heard.is_none() && listening.is_some_and(|listening| listening.is_empty()) {
            known.hear_within(context, &service.container, begun).await;
        }
        let is_over = begun >= deadline;
        // One that says that it is not ready, or fails whatever it is asked, may be starting.
        let is_starting = known.unready.is_some() || known.fails() || own_protocol(context).is_some();
        let heard = known.heard.or(known.within.map(|(_, since)| since));
        let is_patient = heard.is_some_and(|heard| begun >= heard + PATIENCE) && !is_starting;
        let is_worker = known.heard.is_none() && candidates(context).is_empty() && begun >= started + WORKER;
        if is_over || is_patient || is_worker {
            return Some(known.conclude(context, instance, here.as_ref()).await);
        }
        clock.reach(begun + PAUSE).await;
    }
}

impl Known {
    /// Takes note of what a port showed; it may be all that is needed.
    fn hear(&mut self, port: u16, heard: Heard, at: Duration) -> Option<Search> {
        match heard {
            Heard::Ready(form, status) => return Some(over_http(port, form, status)),
            Heard::Unready(form, status) => self.unready = Some((port, form, status)),
            Heard::Elsewhere(statuses) => self.http = Some((port, statuses)),
            Heard::NotHttp => {
                self.others.insert(port);
            }
            Heard::Nobody => return None,
        }
        self.heard.get_or_insert(at);
        None
    }

    /// Takes note of a port at which nobody but the app itself is served.
    async fn hear_within(&mut self, context: &RunContext, container: &str, at: Duration) {
        let within = context.engine.listening_within(container).await.ok().flatten().unwrap_or_default();
        let port = candidates(context).into_iter().find(|port| within.contains(port));
        self.within = port.map(|port| (port, self.within.map_or(at, |(_, since)| since)));
    }

    /// Whether every path is answered with an error of the server.
    fn fails(&self) -> bool {
        self.http.as_ref().is_some_and(|(_, statuses)| statuses.iter().all(|status| *status >= 500))
    }

    /// What is left when no path says that the app is ready.
    async fn conclude(self, context: &RunContext, instance: &Instance, here: Option<&Reach>) -> Search {
        // It has the path and never said that it is ready: the try-out will tell.
        if let Some((port, form, status)) = self.unready {
            return over_http(port, form, status);
        }
        if let Some(here) = here {
            if let Some(found) = ask_by_protocol(here, recognised(context)).await {
                return found;
            }
            for port in self.others.iter().copied() {
                if let Some(found) = ask_by_each_protocol(context, here, port).await {
                    return found;
                }
            }
        }
        let within = self.within.filter(|_| self.heard.is_none()).map(|(port, _)| {
            let app = &context.contract.app;
            format!(
                "`{app}` listens on port {port} of 127.0.0.1 only, which nothing outside its container can reach: let it listen on \
                 0.0.0.0"
            )
        });
        let note = self.http.as_ref().map(|(_, statuses)| advise(context, statuses)).or(within);
        let open = self.others.first().copied().or(self.http.as_ref().map(|(port, _)| *port));
        let search = if passes_its_health_check(context, instance).await {
            Search::of(Form::HealthCheck, "it has a health check, and answers at none of the usual paths")
        } else if let Some(port) = open {
            Search::of(Form::Tcp { port: Some(port) }, "it listens there, and answers at none of the usual paths")
        } else {
            Search::of(Form::Runs, "it listens at no port that is known")
        };
        let port = self.http.map(|(port, _)| Found::new(port, "it answers there"));
        Search { port, note, ..search }
    }
}

/// Whether the engine calls the app healthy, now or soon. A health check that does not pass tells nothing of readiness.
async fn passes_its_health_check(context: &RunContext, instance: &Instance) -> bool {
    let app = &context.contract.app;
    let is_healthy = |one: &Observation| matches!(&one.fact, Fact::Container { service, change: ContainerChange::Health { healthy: true } } if service == app);
    let timeline = instance.timeline();
    let limit = timeline.clock().now() + HEALTH_LIMIT;
    context.has_health_check(app) && timeline.first(limit, |facts| facts.iter().any(is_healthy).then_some(())).await.is_some()
}

fn over_http(port: u16, form: HttpForm, status: u16) -> Search {
    let port = Found::new(port, "it answers there");
    Search { port: Some(port), ..Search::of(Form::Http(form), format!("it answers {status} there")) }
}

/// The ports that the app may serve at: the one that is declared, or else those that the compose file and the image name.
fn candidates(context: &RunContext) -> Vec<u16> {
    if let Some(port) = &context.draft.port {
        return vec![port.value];
    }
    let app = &context.contract.app;
    let mut ports = context.model.declared_ports(app);
    for port in context.exposed_ports(app) {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

/// The ports to ask: the candidates that somebody listens at, where that can be seen; any port where there is no candidate.
fn ports(context: &RunContext, listening: Option<&BTreeSet<u16>>) -> Vec<u16> {
    let candidates = candidates(context);
    let mut ports: Vec<u16> = match listening {
        None => candidates,
        Some(listening) if candidates.is_empty() => listening.iter().copied().collect(),
        Some(listening) => candidates.into_iter().filter(|port| listening.contains(port)).collect(),
    };
    // A server of which the protocol is known is spared requests that it can't read.
    ports.truncate(if own_protocol(context).is_some() { 0 } else { MOST_PORTS });
    ports
}

/// The protocol that the app is known to speak by its image, at a port that it names.
fn own_protocol(context: &RunContext) -> Option<Kind> {
    let kind = recognised(context);
    let candidates = candidates(context);
    let is_its_port = kind.port().is_some_and(|port| candidates.is_empty() || candidates.contains(&port));
    kind.protocol().filter(|protocol| is_its_port && !speaks_http(*protocol)).map(|_| kind)
}

/// Whether the protocol is one over HTTP, so that a path may say more.
fn speaks_http(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Etcd | Protocol::Elasticsearch | Protocol::Minio)
}

/// What the app is as far as its image and its variables tell.
fn recognised(context: &RunContext) -> Kind {
    Kind::recognise(&context.model, &context.contract.app, context.image_ports())
}

async fn ask_by_protocol(here: &Reach, kind: Kind) -> Option<Search> {
    let form = Form::Protocol { name: kind.protocol()?.name().to_owned(), kind: kind.clone() };
    serves(&kind, here, ANSWER_LIMIT).await.then(|| Search::of(form, "its image, and it answers"))
}

/// Whether somebody who does not speak HTTP speaks a protocol that we know: the one that is usual at this port first.
async fn ask_by_each_protocol(context: &RunContext, here: &Reach, port: u16) -> Option<Search> {
    let socket = here.socket(port)?;
    if let Some(form) = grpc_answers(socket, ANSWER_LIMIT).await {
        return Some(Search::of(Form::Grpc(GrpcForm { port: Some(port), ..form }), "it answers there"));
    }
    let app = &context.contract.app;
    let mut protocols = Protocol::ALL;
    protocols.sort_by_key(|protocol| protocol.usual_port() != port);
    let asked = protocols.map(|protocol| async move {
        let kind = Kind::speaking(protocol, &context.model, app).at(port);
        // Where a server of that protocol would be asked no more than whether it takes connections, that it does is no sign of it.
        let is_it = kind.protocol() == Some(protocol) && serves(&kind, here, ANSWER_LIMIT).await;
        is_it.then(|| Search::of(Form::Protocol { name: protocol.name().to_owned(), kind }, "it answers there"))
    });
    futures::future::join_all(asked).await.into_iter().flatten().next()
}

/// What to declare for an app that speaks HTTP and has none of the usual paths.
fn advise(context: &RunContext, statuses: &BTreeSet<u16>) -> String {
    let app = &context.contract.app;
    let told: Vec<String> = statuses.iter().map(ToString::to_string).collect();
    let told = told.join(" or ");
    let line = |line: &str| format!("declare `readiness: {line}` under x-seaworthy, or give --readiness");
    let has = |status: u16| statuses.contains(&status);
    if has(401) || has(403) {
        let line = line("{path: /PATH, headers: {Authorization: \"${TOKEN}\"}}");
        return format!("`{app}` asks for a login at the usual readiness paths (it answers {told}): {line}");
    }
    if has(400) || has(421) {
        let line = line("{path: /PATH, host: NAME}");
        return format!(
            "`{app}` rejects the usual readiness paths, perhaps because of the Host header (it answers {told}): {line}"
        );
    }
    if statuses.iter().any(|status| (300..400).contains(status)) {
        let line = line("{path: /PATH, scheme: https}` or `readiness: /PATH");
        return format!("`{app}` redirects the usual readiness paths (it answers {told}): {line}");
    }
    if statuses.iter().all(|status| (200..300).contains(status)) {
        let line = line("/PATH");
        return format!("`{app}` answers {told} to any path, which says nothing: {line}");
    }
    format!("`{app}` has none of the usual readiness paths (it answers {told}): {}", line("/PATH"))
}
