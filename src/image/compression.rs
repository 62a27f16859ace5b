//! Telling what a part of an archive is by its first bytes, and unpacking it as a stream.

use std::io::{self, Cursor, Read};

use flate2::read::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::entry::fill;

/// How many bytes decide: the header of a tar archive.
const HEAD: usize = 512;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Where a tar header says that it is one.
const USTAR: std::ops::Range<usize> = 257..262;
/// How far back a zstd stream may refer, which is kept in memory. What writes layers uses 8 MiB at most.
const LARGEST_WINDOW: u64 = 64 << 20;

/// The beginning of a part, and the rest of it.
pub(super) type Rewound<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// What a part of an archive is.
pub(super) enum Part<R: Read> {
    /// Perhaps a configuration, an index or a manifest.
    Json(Rewound<R>),
    /// A tar archive.
    Tar(Rewound<R>),
    /// A compressed one, most probably.
    Gzip(Box<MultiGzDecoder<Rewound<R>>>),
    /// The same.
    Zstd(Box<StreamingDecoder<Rewound<R>, ruzstd::decoding::FrameDecoder>>),
    /// Something else.
    Unknown,
}

/// Tells what a part is.
pub(super) fn recognise<R: Read>(mut reader: R) -> io::Result<Part<R>> {
    let mut head = vec![0; HEAD];
    let read = fill(&mut reader, &mut head)?;
    head.truncate(read);
    let is_tar =
        head.get(USTAR) == Some(b"ustar") || (read == HEAD && head.iter().all(|byte| *byte == 0)) || has_old_header(&head);
    let starts_with = |magic: &[u8]| head.starts_with(magic);
    let (is_gzip, is_zstd) = (starts_with(GZIP), starts_with(ZSTD));
    let is_json = head.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| matches!(byte, b'{' | b'['));
    let rewound = Cursor::new(head).chain(reader);
    Ok(if is_tar {
        Part::Tar(rewound)
    } else if is_gzip {
        Part::Gzip(Box::new(MultiGzDecoder::new(rewound)))
    } else if is_zstd {
        let decoder = StreamingDecoder::new_with_max_window_size(rewound, LARGEST_WINDOW);
        Part::Zstd(Box::new(decoder.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?))
    } else if is_json {
        Part::Json(rewound)
    } else {
        Part::Unknown
    })
}

/// Archives from before POSIX have no mark, but a checksum.
fn has_old_header(head: &[u8]) -> bool {
    let Ok(head) = <[u8; HEAD]>::try_from(head) else { return false };
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(&head);
    super::entry::has_checksum(&header)
}
