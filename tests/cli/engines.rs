//! Engines that are reached in other ways.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::{io, thread};

use crate::harness::{Test, tests};
use crate::{engine, run, seaworthy, shown};

pub(crate) const TESTS: &[Test] = tests! {
    always: [
        addresses_that_can_not_be_used_are_told,
    ],
    when engine::is_there: [
        an_engine_on_tcp_is_used_as_one_on_a_socket,
        containers_are_reached_through_published_ports_where_they_have_to_be,
    ],
};

/// Listens on TCP for the engine behind the usual Unix socket. Returns the address.
fn engine_on_tcp() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || forward(client));
        }
    });
    format!("tcp://{address}")
}

fn forward(client: TcpStream) -> io::Result<()> {
    let engine = UnixStream::connect("/var/run/docker.sock")?;
    let (mut from_client, mut to_engine) = (client.try_clone()?, engine.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_engine);
        let _ = to_engine.shutdown(std::net::Shutdown::Write);
    });
    let (mut from_engine, mut to_client) = (engine, client);
    io::copy(&mut from_engine, &mut to_client)?;
    to_client.shutdown(std::net::Shutdown::Both)
}

fn an_engine_on_tcp_is_used_as_one_on_a_socket() {
    let mut command =
        seaworthy(&["check", "stacks/fastapi-postgres", "--tags", "@readiness.not-before-database or @outage.recovers"]);
    command.env("DOCKER_HOST", engine_on_tcp());
    let (output, left) = run(command);
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());
}

/// As with an engine in a virtual machine, or a rootless one, whose networks don't end on this machine.
fn containers_are_reached_through_published_ports_where_they_have_to_be() {
    let tags = [
        "--access",
        "published",
        "--tags",
        "@readiness.not-before-database or @outage.killed or @outage.recovers-frozen or @shutdown.in-flight",
    ];
    let (output, left) = run(seaworthy(&[&["check", "stacks/fastapi-postgres"], &tags[..]].concat()));
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert_eq!(left, Vec::<String>::new());
}

fn addresses_that_can_not_be_used_are_told() {
    let mut command = seaworthy(&["check", "tests/fixtures/alone"]);
    let output = command.env("DOCKER_HOST", "ssh://me@there").output().expect("ended");
    assert_eq!(output.status.code(), Some(2));
    let shown = shown(&output);
    assert!(shown.contains("ssh://me@there"), "{shown}");
    assert!(shown.contains("help: "), "{shown}");
}
