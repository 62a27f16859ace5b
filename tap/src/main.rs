//! The tap: it runs in the place of a dependency, under its name, passes every connection on to the real one, and notes each
//! attempt to connect. On request it refuses, resets, delays or loses what passes, or answers as a PostgreSQL that is starting up.
//!
//! It needs no privilege and no file beside itself, so it runs in an empty image.
//!
//! Usage: `seaworthy-tap CONTROL_PORT HOST PORT...`. What the control port understands stands in [`control`].

mod attempts;
mod control;
mod door;
mod fault;
mod postgres;
mod relay;

use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, io, thread};

use self::attempts::Attempts;
use self::fault::Switch;
use self::relay::Relays;

/// What all threads share.
#[derive(Debug)]
struct Tap {
    /// The name of the real dependency.
    host: String,
    /// The ports that are passed on.
    ports: Vec<u16>,
    /// What is done to connections now.
    switch: Switch,
    /// The connections that are passed on.
    relays: Relays,
    /// Every attempt to connect so far.
    attempts: Attempts,
}

fn main() -> ExitCode {
    match run(env::args().skip(1)) {
        Ok(never) => match never {},
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> io::Result<std::convert::Infallible> {
    let usage = || io::Error::other("usage: seaworthy-tap CONTROL_PORT HOST PORT...");
    let control: u16 = arguments.next().and_then(|port| port.parse().ok()).ok_or_else(usage)?;
    let host = arguments.next().ok_or_else(usage)?;
    let ports = arguments.map(|port| port.parse()).collect::<Result<Vec<u16>, _>>().map_err(|_| usage())?;
    if ports.is_empty() {
        return Err(usage());
    }
    let tap = Arc::new(Tap {
        host,
        switch: Switch::new(ports.len()),
        ports: ports.clone(),
        relays: Relays::default(),
        attempts: Attempts::default(),
    });
    for port in ports {
        let tap = Arc::clone(&tap);
        thread::Builder::new().spawn(move || {
            let Err(error) = door::keep(&tap, port);
            report(&error);
            // Half a tap would be taken for a dependency that hangs.
            std::process::abort();
        })?;
    }
    tap.switch.wait_until_in_force();
    control::serve(&tap, &listen(control)?)
}

/// Listens on every address, of both families where there are two.
fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(("::", port)).or_else(|_| TcpListener::bind(("0.0.0.0", port)))
}

#[expect(clippy::print_stderr, reason = "the container's log is where it can say so")]
fn report(error: &io::Error) {
    eprintln!("seaworthy-tap: {error}");
}
