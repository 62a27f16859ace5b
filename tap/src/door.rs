//! One port: who knocks is let in, turned down, or left waiting.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::fault::Fault;
use crate::{Tap, listen, postgres, relay};

/// How many connections may wait to be accepted.
const QUEUE: i32 = 1024;
/// How long a connection of our own may take until the queue is taken to be full.
const FULL: Duration = Duration::from_millis(100);
/// How often the kernel's counter is read.
const COUNTING: Duration = Duration::from_millis(5);

/// Keeps a port for as long as the tap runs.
pub(crate) fn keep(tap: &Arc<Tap>, port: u16) -> io::Result<Infallible> {
    loop {
        let (fault, turn) = tap.switch.now();
        if fault == Fault::Refuse {
            refuse(tap, port, turn);
        } else {
            let listener = listen(port)?;
            SockRef::from(&listener).listen(QUEUE)?;
            stay_open(tap, &listener)?;
        }
    }
}

/// Wakes a door that waits for connections, so that it sees what is wanted now.
pub(crate) fn knock(port: u16) {
    // One that does not listen is awake.
    drop(TcpStream::connect((Ipv4Addr::LOCALHOST, port)));
}

/// Accepts until the port is to refuse.
fn stay_open(tap: &Arc<Tap>, listener: &TcpListener) -> io::Result<()> {
    let mut acted = None;
    loop {
        let (fault, turn) = tap.switch.now();
        match fault {
            Fault::Refuse => return Ok(()),
            Fault::Lose => lose(tap, listener, turn)?,
            _ => {
                if acted.replace(turn) != Some(turn) {
                    tap.switch.acts(turn);
                }
                let Ok((client, peer)) = listener.accept() else { continue };
                if !is_own(peer) {
                    tap.attempts.add(1);
                    let tap = Arc::clone(tap);
                    thread::Builder::new().spawn(move || let_in(&tap, client))?;
                }
            }
        }
    }
}

fn let_in(tap: &Arc<Tap>, client: TcpStream) {
    // What becomes of a connection is its own affair.
    let _ = match tap.switch.now().0 {
        Fault::StartingUp => postgres::starting_up(client),
        _ => relay::pass_on(tap, client),
    };
}

/// Nobody listens; the kernel turns everybody down. Its counter is the whole network's, so one door reads it for all.
#[expect(clippy::disallowed_methods, reason = "nobody is told when the kernel's counter changes")]
fn refuse(tap: &Tap, port: u16, turn: usize) {
    tap.switch.acts(turn);
    if tap.ports.first() != Some(&port) {
        return tap.switch.wait_for_change(turn);
    }
    while tap.switch.now().1 == turn {
        thread::sleep(COUNTING);
        tap.attempts.count();
    }
}

/// Lets nobody in and turns nobody down: with a full queue the kernel drops what asks for a connection without a word.
fn lose(tap: &Tap, listener: &TcpListener, turn: usize) -> io::Result<()> {
    SockRef::from(listener).listen(0)?;
    let own = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.local_addr()?.port()));
    let mut waiting = vec![];
    while let Ok(one) = TcpStream::connect_timeout(&own, FULL) {
        waiting.push(one);
    }
    tap.switch.acts(turn);
    tap.switch.wait_for_change(turn);
    SockRef::from(listener).listen(QUEUE)?;
    Ok(())
}

/// Whether a connection comes from the tap itself.
fn is_own(peer: SocketAddr) -> bool {
    peer.ip().to_canonical().is_loopback()
}
