//! An HTTP server that answers 200 to whatever it is asked: a known defect, as a proxy is one that answers readiness by itself.

use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// How long a client may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

/// Answers for as long as the process runs.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<Infallible> {
    loop {
        // One that has gone away again is no reason to end.
        let Ok((client, _)) = listener.accept() else { continue };
        thread::Builder::new().spawn(move || {
            // What becomes of a connection is its own affair.
            let _ = answer(&client);
        })?;
    }
}

/// Reads a request up to the empty line that ends its head, and answers.
fn answer(mut client: &TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    let mut head = BufReader::new(client);
    let mut line = vec![];
    loop {
        line.clear();
        let length = head.read_until(b'\n', &mut line)?;
        if length == 0 {
            return Ok(());
        }
        if line == b"\r\n" || line == b"\n" {
            return client.write_all(ANSWER);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn every_request_is_answered_with_200() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let at = listener.local_addr().expect("an address");
        thread::spawn(move || serve(&listener));
        for path in ["/health", "/"] {
            let mut client = TcpStream::connect(at).expect("connected");
            write!(client, "GET {path} HTTP/1.1\r\nHost: app\r\n\r\n").expect("asked");
            let mut answer = String::new();
            client.read_to_string(&mut answer).expect("answered");
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
        }
    }
}
