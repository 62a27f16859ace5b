//! The entries of a tar archive, one after the other, from a stream.
//!
//! The headers are read by the `tar` crate. The walk from one to the next is our own, because that crate keeps names and
//! extended headers of any length in memory, and here everything has a limit. Formats: ustar, GNU and pax (POSIX.1-2001).

use std::io::{self, ErrorKind, Read};

use tar::{EntryType, Header, PaxExtensions};

use super::ImageError;

const BLOCK: usize = 512;
const BLOCK_SIZE: u64 = BLOCK as u64;
/// The longest name, link or set of extended headers of one entry, in bytes. Linux has names of up to 4 KiB.
const LONGEST_EXTRA: u64 = 1 << 20;
const LONGEST_NAME: usize = 4096;
/// Where the checksum stands in a header; it is counted as eight spaces.
const CHECKSUM: std::ops::Range<usize> = 148..156;
/// Where a GNU sparse header, and each that follows it, says whether another one follows.
const IS_EXTENDED: usize = 482;
const FOLLOWING_IS_EXTENDED: usize = 504;
/// How many blocks the map of a sparse file may take.
const LONGEST_MAP: usize = 4096;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file with content.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// Another name of a file of the same layer.
    Hardlink,
    /// A device, a pipe or something else without content.
    Special,
}

/// One entry of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The path from the root, without a slash at either end; empty for the root itself.
    pub path: std::sync::Arc<str>,
    /// What it is.
    pub kind: Kind,
    /// The permission bits, with setuid, setgid and sticky.
    pub mode: u32,
    /// The number of its user.
    pub uid: u64,
    /// The number of its group.
    pub gid: u64,
    /// The size of its content in bytes.
    pub size: u64,
    /// Where a link leads, as it is written.
    pub link: Option<Box<str>>,
}

/// How much of everything an image may still have. Shared by all of its layers.
#[derive(Debug)]
pub(super) struct Budget {
    entries: u64,
    names: u64,
    bytes: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { entries: 1_000_000, names: 64 << 20, bytes: 64 << 30 }
    }
}

/// A tar archive that is read entry by entry.
pub(super) struct Archive<'a, R> {
    reader: R,
    /// What messages call it.
    part: String,
    budget: &'a mut Budget,
    /// What is left of the content of the entry that was returned last, and of the padding behind it.
    left: u64,
    padding: u64,
    last: String,
}

/// What the entries before another one say of it.
#[derive(Default)]
struct Extra {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    real_size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
}

impl<'a, R: Read> Archive<'a, R> {
    pub(super) fn new(reader: R, part: impl Into<String>, budget: &'a mut Budget) -> Self {
        Self { reader, part: part.into(), budget, left: 0, padding: 0, last: "its first entry".into() }
    }

    /// The next entry; nothing at the end.
    pub(super) fn next_entry(&mut self) -> Result<Option<Entry>, ImageError> {
        let mut extra = Extra::default();
        loop {
            let rest = std::mem::take(&mut self.left) + std::mem::take(&mut self.padding);
            self.skip(rest)?;
            let Some(header) = self.header()? else { return Ok(None) };
            self.count()?;
            let stored = header.entry_size().map_err(|_| self.damaged("the size of an entry is no number"))?;
            let kind = header.entry_type();
            match kind {
                EntryType::GNULongName => extra.path = Some(self.long_name(stored)?),
                EntryType::GNULongLink => extra.link = Some(self.long_name(stored)?),
                EntryType::XHeader => self.extended(stored, &mut extra)?,
                // What holds for all entries of an archive is a comment in practice.
                EntryType::XGlobalHeader => self.begin(stored)?,
                _ => return self.entry(&header, kind, stored, extra).map(Some),
            }
        }
    }

    /// The content of the entry that was returned last, as far as it was not read yet.
    pub(super) fn content(&mut self) -> Content<'_, 'a, R> {
        Content { archive: self }
    }

    /// The reader, wherever it stands.
    pub(super) fn into_inner(self) -> R {
        self.reader
    }

    fn entry(&mut self, header: &Header, kind: EntryType, stored: u64, extra: Extra) -> Result<Entry, ImageError> {
        let name = extra.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let path = self.path(&name)?;
        self.last = format!("/{path}");
        // Writers leave out what does not matter to them.
        let uid = extra.uid.or_else(|| header.uid().ok()).unwrap_or_default();
        let gid = extra.gid.or_else(|| header.gid().ok()).unwrap_or_default();
        let mode = header.mode().unwrap_or_default() & 0o7777;
        let (kind, has_content) = match kind {
            EntryType::Directory => (Kind::Folder, false),
            EntryType::Symlink => (Kind::Symlink, false),
            EntryType::Link => (Kind::Hardlink, false),
            EntryType::Block | EntryType::Char | EntryType::Fifo => (Kind::Special, false),
            // POSIX: an unknown kind is a file, too.
            _ => (Kind::File, true),
        };
        // A file's old name ends in a slash when it is a folder.
        let kind = if kind == Kind::File && name.ends_with(b"/") { Kind::Folder } else { kind };
        let link = matches!(kind, Kind::Symlink | Kind::Hardlink).then(|| {
            let link = extra.link.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned)).unwrap_or_default();
            String::from_utf8_lossy(&link).into_owned().into_boxed_str()
        });
        let mut real_size = extra.real_size;
        if header.entry_type() == EntryType::GNUSparse {
            real_size = real_size.or_else(|| header.as_gnu()?.real_size().ok());
            self.skip_map(header)?;
        }
        let stored = extra.size.unwrap_or(stored);
        // Only files have content, whatever size the others claim: Go's reader, and so Docker, takes it so too.
        self.begin(if has_content { stored } else { 0 })?;
        let size = if kind == Kind::File { real_size.unwrap_or(stored) } else { 0 };
        let names = path.len() as u64 + link.as_ref().map_or(0, |link| link.len() as u64);
        self.budget.names = self.budget.names.checked_sub(names).ok_or_else(|| self.too_much("names of more than 64 MiB"))?;
        Ok(Entry { path: path.into(), kind, mode, uid, gid, size, link })
    }

    /// One header; nothing at the end, marked by a block of zeros or by nothing at all.
    fn header(&mut self) -> Result<Option<Header>, ImageError> {
        let mut header = Header::new_old();
        let read = self.fill(header.as_mut_bytes())?;
        if read == 0 {
            return Ok(None);
        }
        if read < BLOCK {
            return Err(self.truncated());
        }
        let bytes = header.as_bytes();
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        if !has_checksum(&header) {
            return Err(self.damaged(&format!("what follows {} is not an entry", self.last)));
        }
        Ok(Some(header))
    }

    fn long_name(&mut self, size: u64) -> Result<Vec<u8>, ImageError> {
        let mut name = self.extra(size)?;
        while name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    fn extended(&mut self, size: u64, extra: &mut Extra) -> Result<(), ImageError> {
        let bytes = self.extra(size)?;
        for pair in PaxExtensions::new(&bytes) {
            let pair = pair.map_err(|_| self.damaged("an extended header can't be read"))?;
            let value = pair.value_bytes();
            let number = || std::str::from_utf8(value).ok()?.parse::<u64>().ok();
            match pair.key().unwrap_or_default() {
                "path" | "GNU.sparse.name" => extra.path = Some(value.to_vec()),
                "linkpath" => extra.link = Some(value.to_vec()),
                "size" => extra.size = Some(number().ok_or_else(|| self.damaged("the size of an entry is no number"))?),
                "GNU.sparse.realsize" | "GNU.sparse.size" => extra.real_size = number(),
                "uid" => extra.uid = number(),
                "gid" => extra.gid = number(),
                _ => {}
            }
        }
        Ok(())
    }

    /// The content of an entry that describes the next one.
    fn extra(&mut self, size: u64) -> Result<Vec<u8>, ImageError> {
        if size > LONGEST_EXTRA {
            return Err(self.too_much("a name or header of more than 1 MiB"));
        }
        self.begin(size)?;
        let mut bytes = vec![];
        let read = self.content().read_to_end(&mut bytes);
        read.map_err(ImageError::Read)?;
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(self.truncated()) }
    }

    fn skip_map(&mut self, header: &Header) -> Result<(), ImageError> {
        let mut goes_on = header.as_bytes()[IS_EXTENDED] != 0;
        for _ in 0..LONGEST_MAP {
            if !goes_on {
                return Ok(());
            }
            let mut block = [0; BLOCK];
            if self.fill(&mut block)? < BLOCK {
                return Err(self.truncated());
            }
            goes_on = block[FOLLOWING_IS_EXTENDED] != 0;
        }
        Err(self.too_much("a sparse file with a map of more than 2 MiB"))
    }

    /// A path without a slash at either end, without `.` and `..`.
    fn path(&self, name: &[u8]) -> Result<String, ImageError> {
        let name = String::from_utf8_lossy(name);
        if name.len() > LONGEST_NAME {
            return Err(self.too_much("a path of more than 4096 bytes"));
        }
        let mut parts = vec![];
        for part in name.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." || part.contains('\0') {
                return Err(self.damaged(&format!("the path {:?} leaves the image", name.escape_debug().to_string())));
            }
            parts.push(part);
        }
        Ok(parts.join("/"))
    }

    fn begin(&mut self, size: u64) -> Result<(), ImageError> {
        self.left = size;
        self.padding = (BLOCK_SIZE - size % BLOCK_SIZE) % BLOCK_SIZE;
        self.budget.bytes = self.budget.bytes.checked_sub(size).ok_or_else(|| self.too_much("more than 64 GiB"))?;
        Ok(())
    }

    fn count(&mut self) -> Result<(), ImageError> {
        self.budget.entries = self.budget.entries.checked_sub(1).ok_or_else(|| self.too_much("more than a million entries"))?;
        Ok(())
    }

    fn skip(&mut self, size: u64) -> Result<(), ImageError> {
        let skipped = io::copy(&mut (&mut self.reader).take(size), &mut io::sink()).map_err(ImageError::Read)?;
        if skipped == size { Ok(()) } else { Err(self.truncated()) }
    }

    /// Reads until the buffer is full or the reader ends; returns how many bytes were read.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ImageError> {
        fill(&mut self.reader, buffer).map_err(ImageError::Read)
    }

    fn truncated(&self) -> ImageError {
        ImageError::Truncated { part: self.part.clone(), inside: self.last.clone() }
    }

    fn damaged(&self, what: &str) -> ImageError {
        ImageError::Damaged { part: self.part.clone(), what: what.to_owned() }
    }

    fn too_much(&self, what: &str) -> ImageError {
        ImageError::TooMuch { part: self.part.clone(), what: what.to_owned() }
    }
}

/// The content of one entry.
pub(super) struct Content<'c, 'a, R> {
    archive: &'c mut Archive<'a, R>,
}

impl<R: Read> Read for Content<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = (&mut self.archive.reader).take(self.archive.left).read(buffer)?;
        self.archive.left -= read as u64;
        Ok(read)
    }
}

/// Whether the checksum of a header is right.
pub(super) fn has_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum = |from: &[u8]| from.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let spaces = u32::from(b' ') * 8;
    header.cksum().ok() == Some(sum(&bytes[..CHECKSUM.start]) + spaces + sum(&bytes[CHECKSUM.end..]))
}

/// Reads until the buffer is full or the reader ends; returns how many bytes were read.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match reader.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
