//! The control port: one line of text asks for one thing.
//!
//! | line | what happens | answer |
//! |---|---|---|
//! | `pass` | all is passed on | `done` once every port does it |
//! | `refuse` | nobody listens | `done` |
//! | `starting-up` | new connections are told 57P03, as by a PostgreSQL that is starting up | `done` |
//! | `lose` | nothing gets through, connections that are asked for included | `done` |
//! | `delay MS` | what the dependency says arrives so many milliseconds later | `done` |
//! | `reset` | every connection that is passed on is reset, once | `done` |
//! | `watch` | nothing | `attempt NANOSECONDS` (since the epoch) for each attempt so far, then for each that follows |

use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use crate::Tap;
use crate::door::knock;
use crate::fault::Fault;

/// Serves the control port for as long as the tap runs.
pub(crate) fn serve(tap: &Arc<Tap>, listener: &TcpListener) -> io::Result<Infallible> {
    loop {
        let (stream, _) = listener.accept()?;
        let tap = Arc::clone(tap);
        thread::Builder::new().spawn(move || {
            // Who has gone away needs no answer.
            let _ = answer(&tap, stream);
        })?;
    }
}

fn answer(tap: &Tap, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut line = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut line)?;
    match line.trim() {
        "watch" => return watch(tap, stream),
        "reset" => tap.relays.reset(),
        wanted => match wanted.parse::<Fault>() {
            Ok(fault) => bring_about(tap, fault),
            Err(()) => return writeln!(stream, "unknown: {wanted}"),
        },
    }
    writeln!(stream, "done")
}

fn bring_about(tap: &Tap, fault: Fault) {
    tap.attempts.kernel_counts(false);
    tap.switch.set(fault);
    for &port in &tap.ports {
        knock(port);
    }
    tap.switch.wait_until_in_force();
    tap.attempts.kernel_counts(fault == Fault::Refuse);
}

fn watch(tap: &Tap, mut stream: TcpStream) -> io::Result<()> {
    let mut known = 0;
    loop {
        for nanoseconds in tap.attempts.after(known) {
            known += 1;
            writeln!(stream, "attempt {nanoseconds}")?;
        }
    }
}
