//! Servers that show by their first words that they serve: MySQL and MariaDB greet on TCP only when they are done with their
//! initialisation (the temporary server of their images has no network), and an AMQP broker answers a protocol header when it
//! takes sessions.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ask::Refusal;

/// The protocol header of AMQP 0-9-1, section 4.2.2 of its specification.
const AMQP: &[u8] = b"AMQP\x00\x00\x09\x01";
/// The first byte of a MySQL greeting: version 10 of the protocol. An error packet begins with 255.
const MYSQL_GREETING: u8 = 10;
/// The length of a MySQL packet's header.
const MYSQL_HEADER: usize = 4;

/// Reads the greeting of a MySQL or MariaDB server.
pub(super) async fn mysql(mut stream: TcpStream) -> Result<TcpStream, Refusal> {
    let mut packet = [0; MYSQL_HEADER + 1];
    stream.read_exact(&mut packet).await.map_err(Refusal::of_io)?;
    if packet[MYSQL_HEADER] == MYSQL_GREETING {
        return Ok(stream);
    }
    Err(Refusal::Unready("it greets with an error".into()))
}

/// Opens a conversation with an AMQP broker.
pub(super) async fn amqp(mut stream: TcpStream) -> Result<TcpStream, Refusal> {
    stream.write_all(AMQP).await.map_err(Refusal::of_io)?;
    let mut frame = [0; 7];
    stream.read_exact(&mut frame).await.map_err(Refusal::of_io)?;
    // A method frame on channel 0; a broker that wants another version answers with a header of its own.
    if frame[..3] == [1, 0, 0] {
        return Ok(stream);
    }
    Err(Refusal::Unready("it does not speak AMQP 0-9-1".into()))
}
