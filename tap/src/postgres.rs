//! A PostgreSQL that is starting up, as far as a client sees it (PostgreSQL documentation, "Frontend/Backend Protocol").

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests for encryption by TLS and by GSSAPI, which come before the start of a session.
const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];
/// A longer first message is not one of a client.
const LONGEST: usize = 10_000;

/// Turns a client down as a server does that is not there yet.
pub(crate) fn starting_up(mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    // Each kind of encryption is asked for once at most.
    for _ in 0..=ENCRYPTION.len() {
        if !ENCRYPTION.contains(&first_message(&mut client)?) {
            return client.write_all(&error());
        }
        client.write_all(b"N")?;
    }
    Ok(())
}

/// Reads a message that has no type yet; returns the number that it begins with.
fn first_message(client: &mut impl Read) -> io::Result<u32> {
    let mut word = [0; 4];
    client.read_exact(&mut word)?;
    let length = usize::try_from(u32::from_be_bytes(word)).unwrap_or(usize::MAX);
    if !(8..=LONGEST).contains(&length) {
        return Err(io::Error::other("not a client of PostgreSQL"));
    }
    client.read_exact(&mut word)?;
    client.read_exact(&mut vec![0; length - 8])?;
    Ok(u32::from_be_bytes(word))
}

/// An `ErrorResponse` with severity, code and message.
fn error() -> Vec<u8> {
    let fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
    let length = u32::try_from(fields.len() + 4).unwrap_or_default();
    [b"E", &length.to_be_bytes()[..], fields].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_message_is_read_whole() {
        let mut message = &[0, 0, 0, 10, 0, 3, 0, 0, b'u', 0, b'x'][..];
        assert_eq!(first_message(&mut message).expect("a message"), 196_608);
        assert_eq!(message, b"x");
        assert!(first_message(&mut &[0, 0, 0, 1][..]).is_err(), "shorter than its own head");
        assert!(first_message(&mut &b"GET / HTTP/1.1"[..]).is_err(), "not a client of PostgreSQL");
    }

    #[test]
    fn the_length_of_an_error_counts_itself() {
        let error = error();
        assert_eq!(error.len() - 1, usize::from(error[4]));
    }
}
