//! Passing a connection on to the real dependency and back.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use crate::Tap;
use crate::fault::Fault;

/// How much is passed on at once.
const CHUNK: usize = 64 * 1024;

/// A connection of the app and the one to the dependency that belongs to it.
#[derive(Debug)]
struct Relay {
    client: TcpStream,
    server: TcpStream,
    /// Whether it is being reset.
    is_doomed: AtomicBool,
}

/// All connections that are passed on.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    all: Mutex<Vec<Weak<Relay>>>,
    ended: Condvar,
}

/// Passes a connection on until one side ends it. Returns when both directions are over.
pub(crate) fn pass_on(tap: &Tap, client: TcpStream) -> io::Result<()> {
    let port = client.local_addr()?.port();
    let server = match TcpStream::connect((tap.host.as_str(), port)) {
        Ok(server) => server,
        Err(error) => {
            // Nobody is there: that is what the app is to see.
            SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
            return Err(error);
        }
    };
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let relay = Arc::new(Relay { client, server, is_doomed: AtomicBool::new(false) });
    tap.relays.add(&relay);
    thread::scope(|scope| {
        scope.spawn(|| copy(tap, &relay, (&relay.client, &relay.server), false));
        copy(tap, &relay, (&relay.server, &relay.client), true);
    });
    drop(relay);
    tap.relays.tell();
    Ok(())
}

/// Copies one direction until it ends, and passes the end on.
#[expect(clippy::disallowed_methods, reason = "a delay is what is asked for")]
fn copy(tap: &Tap, relay: &Relay, (mut from, mut to): (&TcpStream, &TcpStream), is_answer: bool) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        match tap.switch.now().0 {
            Fault::Lose => tap.switch.wait_while_lost(),
            Fault::Delay(delay) if is_answer => thread::sleep(delay),
            _ => {}
        }
        if relay.is_doomed.load(Ordering::SeqCst) || to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    if !relay.is_doomed.load(Ordering::SeqCst) {
        // The other direction may go on; a reset one ends in another way.
        let _ = to.shutdown(Shutdown::Write);
    }
}

impl Relays {
    fn add(&self, relay: &Arc<Relay>) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(relay));
    }

    /// One of them may be over.
    fn tell(&self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|relay| relay.strong_count() > 0);
        self.ended.notify_all();
    }

    /// Resets every connection that there is now, and returns when they are gone.
    pub(crate) fn reset(&self) {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let doomed = all.clone();
        for relay in doomed.iter().filter_map(Weak::upgrade) {
            relay.is_doomed.store(true, Ordering::SeqCst);
            // With no time to linger, closing sends a reset. Until then nothing is said: this ends our own reading only.
            let _ = SockRef::from(&relay.client).set_linger(Some(Duration::ZERO));
            let _ = relay.client.shutdown(Shutdown::Read);
            let _ = relay.server.shutdown(Shutdown::Both);
        }
        let is_left = |_: &mut Vec<_>| doomed.iter().any(|relay| relay.strong_count() > 0);
        drop(self.ended.wait_while(all, is_left).unwrap_or_else(PoisonError::into_inner));
    }
}
