//! The tap on a real engine, in front of a real Redis: what passes it, what it does on request, and what it costs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use harness::{Test, tests};
use seaworthy::clock::Clock;
use seaworthy::compose::{Compose, ComposeFile, Copy, Patch, TapPlace, isolate, patched, tap_of};
use seaworthy::engine::{Engine, RunId};
use seaworthy::fault::{WireFault, disturb_wire, heal_wire, kill, start_tap};
use seaworthy::judge::attempts;
use seaworthy::model::{Fact, FaultKind, Timeline};
use seaworthy::probe::watch_attempts;
use seaworthy::redact::Redactor;
use seaworthy::target::Instance;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const TESTS: &[Test] = tests! {
    when engine::is_there: [
        the_tap_passes_on_and_disturbs,
    ],
};

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

mod engine;
mod harness;

const PORT: u16 = 6379;
/// No wait for something that comes is longer.
const LIMIT: Duration = Duration::from_secs(10);
/// How long something that is not to come is waited for.
const SILENCE: Duration = Duration::from_millis(500);
/// How many round trips are measured.
const ROUNDS: usize = 2000;
/// What the tap may add to one.
const COST: Duration = Duration::from_millis(1);

/// A Redis, a tap in its place, and the way to both.
struct Tapped {
    stack: Instance,
    tap: SocketAddr,
    real: SocketAddr,
}

impl Tapped {
    async fn start(engine: &Engine) -> Self {
        let file = ComposeFile::find("tests/fixtures/tapped/compose.yaml".as_ref()).expect("a file");
        let model = Compose.resolve(&file).await.expect("resolved");
        let image = engine.tap_image().await.expect("an image");
        let place = TapPlace { service: "cache".into(), image, ports: vec![PORT] };
        let copy = Copy {
            project: format!("seaworthy-{}-1", engine.run()),
            labels: engine.run().labels(engine.clock().started_at()),
            images: BTreeMap::new(),
            scratch: engine.run().scratch(),
            allowed: BTreeSet::new(),
            publish: None,
        };
        let copy = isolate(&patched(&model, &[Patch::Tap(place)]), &copy).expect("isolated");
        let mut stack =
            Instance::create(engine, copy, Timeline::new(engine.clock(), Redactor::default())).await.expect("created");
        let reach = stack.service(&tap_of("cache")).expect("a tap").reach.clone();
        stack.spawn(watch_attempts("cache".into(), reach, stack.timeline().clone()));
        start_tap(&stack, "cache").await.expect("started");
        stack.start("cache").await.expect("started");
        let socket = |service: &str| stack.service(service).expect("a service").reach.borrow().clone()?.socket(PORT);
        let (tap, real) = (socket(&tap_of("cache")).expect("an address"), socket("cache").expect("an address"));
        let begun = engine.clock().now();
        // Until the server listens the tap resets, which may come before we know that there is a connection.
        while async { ping(&mut TcpStream::connect(tap).await?).await }.await.is_err() {
            assert!(engine.clock().now() < begun + LIMIT, "the server does not answer");
        }
        Self { stack, tap, real }
    }

    async fn connect(&self) -> TcpStream {
        timeout(LIMIT, TcpStream::connect(self.tap)).await.expect("in time").expect("a connection")
    }

    async fn disturb(&self, how: WireFault) {
        disturb_wire(&self.stack, "cache", how).await.expect("disturbed");
    }

    async fn heal(&self, how: WireFault) {
        heal_wire(&self.stack, "cache", how).await.expect("healed");
    }

    fn attempts(&self) -> usize {
        self.stack.timeline().read(|observations| attempts(observations, "cache").count())
    }

    /// The tap's words may be on their way.
    async fn has_seen(&self, count: usize) -> bool {
        let timeline = self.stack.timeline();
        let seen = |observations: &[_]| Some(attempts(observations, "cache").count()).filter(|seen| *seen >= count);
        timeline.first(timeline.clock().now() + LIMIT, seen).await == Some(count)
    }
}

async fn ping(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"PING\r\n").await?;
    pong(stream).await
}

async fn pong(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await?;
    if &answer == b"+PONG\r\n" { Ok(()) } else { Err(std::io::Error::other("another answer")) }
}

fn the_tap_passes_on_and_disturbs() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let engine = Engine::connect(RunId::random(), Clock::start(), None).await.expect("an engine");
        let tests = tokio::spawn({
            let engine = engine.clone();
            async move {
                let tapped = Tapped::start(&engine).await;
                it_costs_little(&tapped).await;
                it_refuses_and_counts(&tapped).await;
                it_resets(&tapped).await;
                it_loses(&tapped).await;
                it_delays(&tapped).await;
                it_says_that_it_is_starting_up(&tapped).await;
                it_passes_on_that_nobody_is_there(&tapped).await;
                faults_stand_on_the_timeline(&tapped);
            }
        });
        let outcome = tests.await;
        engine.end_creations().await;
        engine.remove_run(engine.run()).await.expect("removed");
        outcome.expect("all hold");
    });
}

#[expect(clippy::print_stdout, reason = "the figure is what the test is for")]
async fn it_costs_little(tapped: &Tapped) {
    let clock = tapped.stack.timeline().clock();
    let mut streams = [TcpStream::connect(tapped.real).await.expect("a connection"), tapped.connect().await];
    let mut times = [vec![], vec![]];
    // Turn by turn, so that whatever else the machine does weighs on both.
    for _ in 0..ROUNDS {
        for (stream, times) in streams.iter_mut().zip(&mut times) {
            let sent = clock.now();
            ping(stream).await.expect("an answer");
            times.push(clock.now().saturating_sub(sent));
        }
    }
    let [real, through] = times.map(|mut times| {
        times.sort_unstable();
        times[ROUNDS / 2]
    });
    println!("a round trip of {ROUNDS}, median: {real:?} to the server, {through:?} through the tap");
    assert!(through.saturating_sub(real) < COST, "{real:?} to the server, {through:?} through the tap");
}

async fn it_refuses_and_counts(tapped: &Tapped) {
    let before = tapped.attempts();
    tapped.disturb(WireFault::Refuse).await;
    for _ in 0..3 {
        let refused = TcpStream::connect(tapped.tap).await.expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    assert!(tapped.has_seen(before + 3).await, "{} attempts of {}", tapped.attempts() - before, 3);
    tapped.heal(WireFault::Refuse).await;
    ping(&mut tapped.connect().await).await.expect("an answer");
    assert!(tapped.has_seen(before + 4).await, "one that is let in is an attempt too");
}

async fn it_resets(tapped: &Tapped) {
    let (mut idle, mut busy) = (tapped.connect().await, tapped.connect().await);
    for stream in [&mut idle, &mut busy] {
        ping(stream).await.expect("an answer");
    }
    tapped.disturb(WireFault::Reset).await;
    let reset = timeout(LIMIT, idle.read(&mut [0])).await.expect("in time").expect_err("reset without a word");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    ping(&mut busy).await.expect_err("reset");
    ping(&mut tapped.connect().await).await.expect("only those that there were are reset");
}

async fn it_loses(tapped: &Tapped) {
    let mut open = tapped.connect().await;
    ping(&mut open).await.expect("an answer");
    tapped.disturb(WireFault::Lose).await;
    open.write_all(b"PING\r\n").await.expect("nobody says no");
    assert!(timeout(SILENCE, open.read(&mut [0])).await.is_err(), "an answer came through");
    assert!(timeout(SILENCE, TcpStream::connect(tapped.tap)).await.is_err(), "a connection was made");
    tapped.heal(WireFault::Lose).await;
    timeout(LIMIT, pong(&mut open)).await.expect("in time").expect("what was under way arrives");
    ping(&mut tapped.connect().await).await.expect("an answer");
}

async fn it_delays(tapped: &Tapped) {
    let clock = tapped.stack.timeline().clock();
    let mut open = tapped.connect().await;
    let delay = WireFault::Delay(SILENCE);
    tapped.disturb(delay).await;
    let sent = clock.now();
    ping(&mut open).await.expect("an answer");
    assert!(clock.now() >= sent + SILENCE, "it came after {:?}", clock.now().saturating_sub(sent));
    tapped.heal(delay).await;
}

async fn it_says_that_it_is_starting_up(tapped: &Tapped) {
    tapped.disturb(WireFault::StartingUp).await;
    let mut client = tapped.connect().await;
    // A request for encryption, then the start of a session with protocol 3.0.
    client.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).await.expect("written");
    let mut answer = [0];
    client.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"N");
    client.write_all(b"\0\0\0\x10\0\x03\0\0user\0me\0").await.expect("written");
    let mut error = vec![];
    timeout(LIMIT, client.read_to_end(&mut error)).await.expect("in time").expect("an error and the end");
    assert!(String::from_utf8_lossy(&error).contains("C57P03\0Mthe database system is starting up"), "{error:?}");
    tapped.heal(WireFault::StartingUp).await;
}

async fn it_passes_on_that_nobody_is_there(tapped: &Tapped) {
    let mut open = tapped.connect().await;
    ping(&mut open).await.expect("an answer");
    kill(&tapped.stack, "cache").await.expect("killed");
    let ended = timeout(LIMIT, open.read(&mut [0])).await.expect("in time");
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    // The reset may come before we know that there is a connection.
    let later = async { TcpStream::connect(tapped.tap).await?.read(&mut [0]).await };
    let ended = timeout(LIMIT, later).await.expect("in time").expect_err("nobody to talk to");
    assert_eq!(ended.kind(), ErrorKind::ConnectionReset);
}

fn faults_stand_on_the_timeline(tapped: &Tapped) {
    let faults = tapped.stack.timeline().observations().into_iter().filter_map(|observation| match observation.fact {
        Fact::Fault { fault, .. } => Some(fault),
        _ => None,
    });
    let faults: Vec<FaultKind> = faults.collect();
    for fault in [FaultKind::Refusing, FaultKind::Reset, FaultKind::OutOfReach, FaultKind::Slow, FaultKind::StartingUp] {
        assert_eq!(faults.iter().filter(|one| **one == fault).count(), 2, "{fault:?} begins and ends");
    }
}
