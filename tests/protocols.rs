//! Real servers are asked in their own protocols: what a start, a freeze and a death of each look like, and that no protocol takes the
//! server of another one for its own.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use harness::{Test, tests};
use seaworthy::clock::Clock;
use seaworthy::compose::{Compose, ComposeFile, Copy, Model, isolate};
use seaworthy::engine::{Engine, RunId};
use seaworthy::fault::{freeze, kill, revive, thaw};
use seaworthy::model::{DependencyState, Fact, Observation, Timeline};
use seaworthy::probe::{Reply, ask, watch_dependency};
use seaworthy::redact::Redactor;
use seaworthy::subject::{ImagePorts, Kind, Protocol};
use seaworthy::target::Instance;

mod engine;
mod harness;

const TESTS: &[Test] = tests! {
    when engine::is_there: [
        servers_are_told_by_their_own_protocols,
    ],
};

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

/// The servers, and what each speaks.
const SERVERS: [(&str, Protocol); 7] = [
    ("redis", Protocol::Redis),
    ("mysql", Protocol::Mysql),
    ("amqp", Protocol::Amqp),
    ("memcached", Protocol::Memcached),
    ("nats", Protocol::Nats),
    ("locked", Protocol::Nats),
    ("etcd", Protocol::Etcd),
];
/// No wait for something that comes is longer.
const LIMIT: Duration = Duration::from_mins(1);
/// How long an answer is waited for that is not to come.
const SILENCE: Duration = Duration::from_millis(700);

/// What is known of the images without asking for it: nothing.
struct NoImages;

impl ImagePorts for NoImages {
    fn exposed(&self, _service: &str) -> Vec<u16> {
        vec![]
    }
    fn stop_signal(&self, _service: &str) -> Option<String> {
        None
    }
    fn health_check(&self, _service: &str) -> Option<Vec<String>> {
        None
    }
}

fn servers_are_told_by_their_own_protocols() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let engine = Engine::connect(RunId::random(), Clock::start(), None).await.expect("an engine");
        let tests = tokio::spawn({
            let engine = engine.clone();
            async move {
                let stack = start(&engine).await;
                nobody_is_taken_for_another(&stack).await;
                futures::future::join_all(SERVERS.map(|(service, protocol)| is_told(&stack, service, protocol))).await;
            }
        });
        let ended = tests.await;
        engine.remove_run(engine.run()).await.expect("removed");
        ended.expect("the tests pass");
    });
}

async fn start(engine: &Engine) -> Instance {
    let file = ComposeFile::find("tests/fixtures/servers/compose.yaml".as_ref()).expect("a file");
    let model = Compose.resolve(&file).await.expect("resolved");
    let copy = Copy {
        project: format!("seaworthy-{}-1", engine.run()),
        labels: engine.run().labels(engine.clock().started_at()),
        scratch: engine.run().scratch(),
        ..Copy::preview([].into())
    };
    let copy = isolate(&model, &copy).expect("isolated");
    let mut stack = Instance::create(engine, copy, Timeline::new(engine.clock(), Redactor::default())).await.expect("created");
    for (service, protocol) in SERVERS {
        let kind = kind(&model, service);
        assert_eq!(kind.protocol(), Some(protocol), "{service} is recognised");
        let reach = stack.service(service).expect("a service").reach.clone();
        stack.spawn(watch_dependency(service.into(), kind, reach, stack.timeline().clone()));
        stack.start(service).await.expect("started");
    }
    for (service, _) in SERVERS {
        has_come(&stack, service, Duration::ZERO, |state| *state == DependencyState::Accepting).await;
    }
    stack
}

fn kind(model: &Model, service: &str) -> Kind {
    Kind::recognise(model, service, &NoImages)
}

fn address(stack: &Instance, service: &str, protocol: Protocol) -> SocketAddr {
    let reach = stack.service(service).expect("a service").reach.borrow().clone().expect("it runs");
    reach.socket(protocol.usual_port()).expect("an address")
}

/// Waits for a state that the probe has seen from some time on. Returns when.
async fn has_come(stack: &Instance, service: &str, since: Duration, is_it: fn(&DependencyState) -> bool) -> Duration {
    let timeline = stack.timeline();
    let of_service = |one: &Observation| match &one.fact {
        Fact::Dependency { service: of, state, .. } if of == service && one.at >= since && is_it(state) => Some(one.at),
        _ => None,
    };
    let first = |observations: &[Observation]| observations.iter().find_map(of_service);
    let found = timeline.first(timeline.clock().now() + LIMIT, first).await;
    found.unwrap_or_else(|| panic!("{service} does not come to it within {LIMIT:?} after {since:?}"))
}

/// Every protocol at every server.
async fn nobody_is_taken_for_another(stack: &Instance) {
    let pairs = SERVERS.into_iter().flat_map(|server| Protocol::ALL.map(|protocol| (server, protocol)));
    let asked = pairs.map(|((service, speaks), protocol)| async move {
        let reply = ask(protocol, address(stack, service, speaks), None, SILENCE).await;
        assert_eq!(reply == Reply::Ready, protocol == speaks, "{service} asked in {protocol} says {reply:?}");
    });
    futures::future::join_all(asked).await;
}

/// A server that is frozen does not answer, and one that is killed is lost, and back when it serves again.
async fn is_told(stack: &Instance, service: &str, protocol: Protocol) {
    let address = || address(stack, service, protocol);
    freeze(stack, service).await.expect("frozen");
    assert_eq!(ask(protocol, address(), None, SILENCE).await, Reply::Hung, "{service}");
    thaw(stack, service).await.expect("thawed");
    assert_eq!(ask(protocol, address(), None, LIMIT).await, Reply::Ready, "{service}");

    // A session ends before the engine says that its process did.
    let (before, since) = (address(), stack.timeline().clock().now());
    kill(stack, service).await.expect("killed");
    let reply = ask(protocol, before, None, SILENCE).await;
    assert!(matches!(reply, Reply::NoAnswer { .. } | Reply::Hung), "{service} says {reply:?}");
    let lost = has_come(stack, service, since, |state| *state == DependencyState::Lost).await;
    let revived = revive(stack, service).await.expect("started");
    let back = has_come(stack, service, revived, |state| *state == DependencyState::Accepting).await;
    assert!(lost < back, "{service}");
}
