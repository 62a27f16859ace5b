//! MongoDB: ready means that it answers `isMaster` as a primary, as a router, or as a secondary of a set that has a primary. Asked as
//! drivers begin: with the one request that every version knows (`OP_QUERY`, in the wire protocol at
//! mongodb.com/docs/manual/reference/mongodb-wire-protocol and the handshake of github.com/mongodb/specifications). It needs no login.
//! A member that waits for its set to be initiated counts as ready too: whoever initiates it must get in.

use std::collections::BTreeMap;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ask::Refusal;

const OP_REPLY: i32 = 1;
const OP_QUERY: i32 = 2004;
/// The length of a message's header: length, id, the id that it answers, operation.
const HEADER: usize = 16;
/// What an answer has between its header and its document: flags, cursor, from, count.
const BEFORE_DOCUMENT: usize = 20;
/// The answer is some hundred bytes long; in a large set it names every member.
const LONGEST: usize = 64 * 1024;

/// Asks what the server is.
pub(super) async fn hello(mut stream: TcpStream) -> Result<TcpStream, Refusal> {
    stream.write_all(&request()).await.map_err(Refusal::of_io)?;
    let length = usize::try_from(stream.read_i32_le().await.map_err(Refusal::of_io)?).unwrap_or(usize::MAX);
    if !(HEADER + BEFORE_DOCUMENT..=LONGEST).contains(&length) {
        return Err(other_protocol());
    }
    let mut answer = vec![0; length - 4];
    stream.read_exact(&mut answer).await.map_err(Refusal::of_io)?;
    judge(&answer).map(|()| stream)
}

/// `{isMaster: 1, helloOk: true}` to the commands of the database `admin`.
fn request() -> Vec<u8> {
    let mut document = vec![];
    document.extend(b"\x10isMaster\0");
    document.extend(1_i32.to_le_bytes());
    document.extend(b"\x08helloOk\0\x01");
    document.push(0);
    let mut body = vec![];
    body.extend(0_i32.to_le_bytes());
    body.extend(b"admin.$cmd\0");
    // Skip none, return one.
    body.extend(0_i32.to_le_bytes());
    body.extend((-1_i32).to_le_bytes());
    body.extend(length_of(document.len() + 4).to_le_bytes());
    body.extend(document);
    let mut message = vec![];
    for word in [length_of(HEADER + body.len()), 1, 0, OP_QUERY] {
        message.extend(word.to_le_bytes());
    }
    message.extend(body);
    message
}

fn length_of(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

fn other_protocol() -> Refusal {
    Refusal::Unready("it does not speak MongoDB's protocol".into())
}

/// An answer without its length.
fn judge(answer: &[u8]) -> Result<(), Refusal> {
    let operation = answer.get(8..12).and_then(|word| word.try_into().ok()).map(i32::from_le_bytes);
    let document = answer.get(HEADER - 4 + BEFORE_DOCUMENT..).filter(|_| operation == Some(OP_REPLY));
    let fields = document.and_then(fields).ok_or_else(other_protocol)?;
    let is = |name: &str| matches!(fields.get(name), Some(Field::Bool(true)));
    let text = |name: &str| if let Some(Field::Text(text)) = fields.get(name) { Some(text.as_str()) } else { None };
    if !matches!(fields.get("ok"), Some(Field::Number(ok)) if *ok >= 1.0) {
        return Err(Refusal::Unready(text("errmsg").unwrap_or("isMaster is answered with an error").to_owned()));
    }
    let is_router = text("msg") == Some("isdbgrid");
    let waits_for_a_set = is("isreplicaset") && text("setName").is_none();
    if is("ismaster") || is("isWritablePrimary") || is_router || waits_for_a_set || (is("secondary") && text("primary").is_some())
    {
        return Ok(());
    }
    let reason = if is("secondary") { "no primary is elected" } else { "it is neither primary nor secondary" };
    Err(Refusal::Unready(text("info").unwrap_or(reason).to_owned()))
}

#[derive(Debug)]
enum Field {
    Bool(bool),
    Number(f64),
    Text(String),
    Other,
}

/// The outermost fields of a document in BSON (bsonspec.org); nothing where it is none.
fn fields(document: &[u8]) -> Option<BTreeMap<String, Field>> {
    let mut rest = document.get(4..)?;
    let mut found = BTreeMap::new();
    loop {
        let (kind, after) = rest.split_first()?;
        if *kind == 0 {
            return Some(found);
        }
        let (name, after) = text_until_zero(after)?;
        let (field, length) = field(*kind, after)?;
        rest = after.get(length..)?;
        found.insert(name, field);
    }
}

fn text_until_zero(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 1..]))
}

/// A value, and how many bytes it takes.
fn field(kind: u8, bytes: &[u8]) -> Option<(Field, usize)> {
    let length = || usize::try_from(i32::from_le_bytes(bytes.get(..4)?.try_into().ok()?)).ok();
    Some(match kind {
        0x01 => (Field::Number(f64::from_le_bytes(bytes.get(..8)?.try_into().ok()?)), 8),
        0x02 => {
            let length = length()?;
            let text = bytes.get(4..4 + length.checked_sub(1)?)?;
            (Field::Text(String::from_utf8_lossy(text).into_owned()), 4 + length)
        }
        // A document or a list, which count their length in.
        0x03 | 0x04 => (Field::Other, length()?),
        0x05 => (Field::Other, 5 + length()?),
        0x06 | 0x0a | 0x7f | 0xff => (Field::Other, 0),
        0x07 => (Field::Other, 12),
        0x08 => (Field::Bool(*bytes.first()? == 1), 1),
        0x09 | 0x11 | 0x12 => (Field::Other, 8),
        0x10 => (Field::Number(i32::from_le_bytes(bytes.get(..4)?.try_into().ok()?).into()), 4),
        0x13 => (Field::Other, 16),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_specified() {
        let expected = [
            &[68, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xd4, 0x07, 0, 0][..],
            &[0, 0, 0, 0],
            b"admin.$cmd\0",
            &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
            &[29, 0, 0, 0, 0x10],
            b"isMaster\0",
            &[1, 0, 0, 0, 0x08],
            b"helloOk\0",
            &[1, 0],
        ]
        .concat();
        assert_eq!(request(), expected);
    }

    /// An answer without its length, with these fields.
    fn answer(fields: &[&[u8]]) -> Vec<u8> {
        let fields = fields.concat();
        let document = [&length_of(fields.len() + 5).to_le_bytes()[..], &fields, &[0]].concat();
        [&[7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..], &[8, 0, 0, 0], &[0; 8], &[0; 4], &[1, 0, 0, 0], &document].concat()
    }

    const OK: &[u8] = b"\x01ok\0\0\0\0\0\0\0\xf0\x3f";

    #[test]
    fn an_answer_is_read() {
        let set = b"\x02setName\0\x04\0\0\0rs0\0";
        let primary = b"\x02primary\0\x05\0\0\0db:1\0";
        let topology = b"\x03topologyVersion\0\x05\0\0\0\0\x09localTime\0\0\0\0\0\0\0\0\0";
        for (fields, reason) in [
            (&[&b"\x08ismaster\0\x01"[..], topology, OK][..], None),
            (&[b"\x08ismaster\0\x00\x08secondary\0\x01", set, primary, OK], None),
            (&[b"\x08ismaster\0\x01\x02msg\0\x09\0\0\0isdbgrid\0", OK], None),
            (&[b"\x08ismaster\0\x00\x08secondary\0\x00\x08isreplicaset\0\x01", OK], None),
            (&[b"\x08ismaster\0\x00\x08secondary\0\x01", set, OK], Some("no primary is elected")),
            (&[b"\x08ismaster\0\x00\x08secondary\0\x00", set, OK], Some("neither primary nor secondary")),
            (&[b"\x01ok\0\0\0\0\0\0\0\0\0\x02errmsg\0\x05\0\0\0down\0"], Some("down")),
        ] {
            match (judge(&answer(fields)), reason) {
                (Ok(()), None) => {}
                (Err(Refusal::Unready(said)), Some(reason)) => assert!(said.contains(reason), "{said}"),
                (told, reason) => panic!("{told:?}, and not {reason:?}"),
            }
        }
        for bytes in [&b""[..], b"HTTP/1.1 400 Bad Request\r\n", &answer(&[b"\x20what\0"]), &answer(&[OK])[..40]] {
            assert_eq!(judge(bytes), Err(other_protocol()), "{bytes:?}");
        }
    }
}
