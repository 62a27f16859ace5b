//! The tap: it runs in the place of a dependency, under its name, passes every connection on to the real one, and notes each
//! attempt to connect. On request it refuses, resets, delays or loses what passes, or answers as a PostgreSQL that is starting up.
//!
//! It needs no privilege and no file beside itself, so it runs in an empty image.
//!
//! Usage: `seaworthy-tap CONTROL_PORT HOST PORT...`. What the control port understands stands in [`control`].
//!
//! By other words it is a known defect, for `seaworthy check --prove`: `seaworthy-tap run COMMAND...` is a parent that passes no signal on,
//! `seaworthy-tap answer PORT` a proxy that answers 200 to everything, and `seaworthy-tap succeed` a health check that can't fail.

mod answer;
mod attempts;
mod control;
mod door;
mod fault;
mod parent;
mod postgres;
mod relay;

use std::convert::Infallible;
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
    let mut arguments = env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    let mut words = arguments.map(|word| word.to_string_lossy().into_owned());
    let ended = match first.to_str() {
        Some("run") => parent::run(env::args_os().skip(2)),
        Some("succeed") => Ok(ExitCode::SUCCESS),
        Some("answer") => answer_at(words.next().as_deref()).map(|never| match never {}),
        control => stand_in(control, words).map(|never| match never {}),
    };
    ended.unwrap_or_else(|error| {
        report(&error);
        ExitCode::FAILURE
    })
}

fn answer_at(port: Option<&str>) -> io::Result<Infallible> {
    let port = port.and_then(|port| port.parse().ok()).ok_or_else(|| io::Error::other("usage: seaworthy-tap answer PORT"))?;
    answer::serve(&listen(port)?)
}

/// Stands in the place of a dependency.
fn stand_in(control: Option<&str>, mut arguments: impl Iterator<Item = String>) -> io::Result<Infallible> {
    let usage = || io::Error::other("usage: seaworthy-tap CONTROL_PORT HOST PORT...");
    let control: u16 = control.and_then(|port| port.parse().ok()).ok_or_else(usage)?;
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
