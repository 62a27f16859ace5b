//! Kafka: ready means that the broker tells the versions of its API, which is what every client asks first and needs no login
//! (kafka.apache.org/protocol, `ApiVersions`, key 18). All brokers answer version 0 of it, from 0.10 on.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ask::Refusal;

/// The key of `ApiVersions`.
const API_VERSIONS: i16 = 18;
/// What the answer to our only request is told by.
const CORRELATION: i32 = 0x5ea;
const CLIENT: &str = "seaworthy";
/// A longer answer is none of Kafka's: there are some hundred kinds of requests, of six bytes each.
const LONGEST: usize = 64 * 1024;
/// The error that a broker gives which knows only other versions of this request: it serves those.
const UNSUPPORTED_VERSION: i16 = 35;

/// Asks for the versions of the API.
pub(super) async fn versions(mut stream: TcpStream) -> Result<TcpStream, Refusal> {
    stream.write_all(&request()).await.map_err(Refusal::of_io)?;
    let length = usize::try_from(stream.read_i32().await.map_err(Refusal::of_io)?).unwrap_or(usize::MAX);
    if !(6..=LONGEST).contains(&length) {
        return Err(other_protocol());
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await.map_err(Refusal::of_io)?;
    judge(&answer).map(|()| stream)
}

/// Length, key, version, correlation id, client id: integers with the first byte first, the text with its length.
fn request() -> Vec<u8> {
    let mut body = vec![];
    body.extend(API_VERSIONS.to_be_bytes());
    body.extend(0_i16.to_be_bytes());
    body.extend(CORRELATION.to_be_bytes());
    body.extend(i16::try_from(CLIENT.len()).unwrap_or_default().to_be_bytes());
    body.extend(CLIENT.as_bytes());
    let length = i32::try_from(body.len()).unwrap_or_default();
    [&length.to_be_bytes()[..], &body].concat()
}

fn other_protocol() -> Refusal {
    Refusal::Unready("it does not speak Kafka's protocol".into())
}

/// An answer without its length: the correlation id, the error, and then the versions.
fn judge(answer: &[u8]) -> Result<(), Refusal> {
    let Some((correlation, rest)) = answer.split_first_chunk() else { return Err(other_protocol()) };
    let error = rest.first_chunk().filter(|_| i32::from_be_bytes(*correlation) == CORRELATION);
    match i16::from_be_bytes(*error.ok_or_else(other_protocol)?) {
        0 | UNSUPPORTED_VERSION => Ok(()),
        error => Err(Refusal::Unready(format!("ApiVersions is answered with error {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that the specification asks for.
    #[test]
    fn the_request_is_as_specified() {
        let expected = [&[0, 0, 0, 19, 0, 18, 0, 0, 0, 0, 0x05, 0xea, 0, 9][..], b"seaworthy"].concat();
        assert_eq!(request(), expected);
    }

    #[test]
    fn an_answer_is_read() {
        // Two kinds of requests: Produce 0 to 9, ApiVersions 0 to 3.
        let served = [0, 0, 0x05, 0xea, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 9, 0, 18, 0, 0, 0, 3];
        assert_eq!(judge(&served), Ok(()));
        assert_eq!(judge(&[0, 0, 0x05, 0xea, 0, 35, 0, 0, 0, 0]), Ok(()));
        assert!(matches!(judge(&[0, 0, 0x05, 0xea, 0, 58]), Err(Refusal::Unready(reason)) if reason.contains("error 58")));
        assert!(matches!(judge(b"HTTP/1.1 400"), Err(Refusal::Unready(_))));
    }
}
