//! Reading images from archives: real layouts, hostile ones, and any bytes at all.

use std::fmt::Write as _;
use std::io::{self, Cursor, Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use seaworthy::clock::Clock;
use seaworthy::image::{Contents, ImageError, Kind, read};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

/// For how many seconds archives are damaged at random.
const FUZZ: &str = "SEAWORTHY_FUZZ_SECONDS";
const CONFIG: &str =
    r#"{"config": {"Env": ["A=b"], "User": "app"}, "history": [{"created_by": "ADD . /"}, {"created_by": "RUN rm"}]}"#;

/// An archive from headers and contents; the headers may be anything.
fn tar(entries: &[(Header, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(vec![]);
    for (header, content) in entries {
        builder.append(header, *content).expect("fits in memory");
    }
    builder.into_inner().expect("fits in memory")
}

fn header(path: &str, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header.set_cksum();
    header
}

fn file<'a>(path: &str, content: &'a str) -> (Header, &'a [u8]) {
    (header(path, EntryType::Regular, content.len() as u64), content.as_bytes())
}

fn link(path: &str, kind: EntryType, target: &str) -> (Header, &'static [u8]) {
    let mut header = header(path, kind, 0);
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    (header, &[])
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).expect("fits in memory");
    encoder.finish().expect("fits in memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The layout of `docker save` before version 25: nothing in it is named by its digest.
fn old_layout(layers: &[&[u8]]) -> Vec<u8> {
    let names: Vec<String> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let manifest = serde_json::json!([{"Config": "config.json", "RepoTags": null, "Layers": names}]).to_string();
    let mut entries: Vec<(Header, &[u8])> =
        names.iter().zip(layers).map(|(name, layer)| (header(name, EntryType::Regular, layer.len() as u64), *layer)).collect();
    entries.push(file("config.json", CONFIG));
    entries.push(file("manifest.json", &manifest));
    tar(&entries)
}

/// A plain OCI layout with an image for each of these architectures.
fn oci_layout(architectures: &[&str], layers: &[&[u8]]) -> Vec<u8> {
    let mut blobs: Vec<Vec<u8>> = layers.iter().map(|layer| layer.to_vec()).collect();
    blobs.push(CONFIG.into());
    let of = |bytes: &[u8]| serde_json::json!({"digest": format!("sha256:{}", digest(bytes))});
    let manifest =
        serde_json::json!({"config": of(CONFIG.as_bytes()), "layers": layers.iter().map(|layer| of(layer)).collect::<Vec<_>>()});
    let manifest = manifest.to_string().into_bytes();
    let platforms: Vec<_> = architectures
        .iter()
        .map(|name| serde_json::json!({"digest": of(&manifest)["digest"], "platform": {"os": "linux", "architecture": name}}))
        .collect();
    let list = serde_json::json!({"manifests": platforms}).to_string().into_bytes();
    let index = serde_json::json!({"manifests": [of(&list)]}).to_string();
    blobs.extend([manifest, list]);
    let names: Vec<String> = blobs.iter().map(|blob| format!("blobs/sha256/{}", digest(blob))).collect();
    let mut entries: Vec<(Header, Vec<u8>)> = vec![];
    for (name, blob) in names.iter().zip(blobs) {
        let mut header = Header::new_ustar();
        header.set_path(name).expect("short enough");
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(blob.len() as u64);
        header.set_cksum();
        entries.push((header, blob));
    }
    entries.push((header("index.json", EntryType::Regular, index.len() as u64), index.into_bytes()));
    tar(&entries.iter().map(|(header, content)| (header.clone(), content.as_slice())).collect::<Vec<_>>())
}

fn below() -> Vec<u8> {
    let passwd = file("etc/passwd", "app:x:10001:10001::/:/bin/sh\n");
    let entries = [
        (header("etc/", EntryType::Directory, 0), &[][..]),
        passwd,
        file("srv/.env", "DB_PASSWORD=kX82-mQp1\n"),
        file("srv/old/one", "1"),
        file("srv/old/two", "22"),
        file("opt/large", "0123456789"),
        link("bin", EntryType::Symlink, "usr/bin"),
        file("usr/bin/tool", "#!"),
    ];
    tar(&entries)
}

fn above() -> Vec<u8> {
    tar(&[
        file("srv/.wh..env", ""),
        file("srv/old/.wh..wh..opq", ""),
        file("srv/old/three", "333"),
        file("opt/large", "01234"),
        (header("dev/null", EntryType::Char, 0), &[]),
    ])
}

fn contents(archive: &[u8]) -> Contents {
    read(archive, "amd64").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn layers_are_laid_on_each_other_in_every_layout() {
    let (below, above) = (below(), above());
    for (name, archive) in [
        ("old", old_layout(&[&below, &above])),
        ("gzip", old_layout(&[&gzip(&below), &gzip(&above)])),
        ("zstd", old_layout(&[&zstd(&below), &zstd(&above)])),
        ("oci", oci_layout(&["arm64", "amd64"], &[&gzip(&below), &above])),
    ] {
        let contents = contents(&archive);
        let paths: Vec<&str> = contents.files().map(|file| &*file.entry.path).collect();
        assert_eq!(paths, ["bin", "dev/null", "etc", "etc/passwd", "opt/large", "srv/old/three", "usr/bin/tool"], "{name}");
        assert_eq!(contents.kept("/etc/passwd"), Some(&b"app:x:10001:10001::/:/bin/sh\n"[..]), "{name}");
        assert_eq!(contents.resolve("/bin/tool").map(|file| (file.layer, file.entry.kind)), Some((0, Kind::File)), "{name}");
        let wasted = "DB_PASSWORD=kX82-mQp1\n".len() as u64 + 1 + 2 + 10;
        assert_eq!(contents.wasted(0).into_iter().collect::<Vec<_>>(), [(1, wasted)], "{name}");
        let secrets: Vec<_> = contents.secrets().map(|(layer, secret, is_gone)| (layer, &*secret.path, is_gone)).collect();
        assert_eq!(secrets, [(0, "srv/.env", true)], "{name}");
        assert_eq!(contents.config.user, "app", "{name}");
    }
}

#[test]
fn a_layer_that_is_stored_once_lies_twice() {
    let (below, above) = (below(), above());
    let manifest = r#"[{"Config": "config.json", "Layers": ["0/layer.tar", "1/layer.tar", "2/layer.tar"]}]"#;
    let archive = tar(&[
        (header("0/layer.tar", EntryType::Regular, below.len() as u64), &below),
        (header("1/layer.tar", EntryType::Regular, above.len() as u64), &above),
        link("2/layer.tar", EntryType::Symlink, "../0/layer.tar"),
        file("config.json", CONFIG),
        file("manifest.json", manifest),
    ]);
    assert!(contents(&archive).at("/srv/.env").is_some_and(|file| file.layer == 2));
}

/// What an archive is told to be.
fn error(archive: &[u8]) -> String {
    match read(archive, "amd64") {
        Ok(_) => panic!("was read"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_no_image_is_told_so() {
    let good = below();
    let truncated = &good[..good.len() - 1024 - 300];
    let wrong_digest = {
        let mut archive = oci_layout(&["amd64"], &[&good]);
        let place = archive.windows(8).position(|window| window == b"kX82-mQp").expect("there");
        archive[place] = b'X';
        archive
    };
    for (archive, says) in [
        (vec![], "it is no archive (tar, gzip or zstd)"),
        (b"this is no archive".to_vec(), "it is no archive (tar, gzip or zstd)"),
        (vec![b'x'; 2048], "it is no archive (tar, gzip or zstd)"),
        (tar(&[])[..1024].to_vec(), "manifest.json or index.json"),
        ([&tar(&[file("readme", "hello")])[..1024], &[b'x'; 1024]].concat(), "is not an entry"),
        (tar(&[file("readme", "hello")]), "it has no manifest.json or index.json"),
        (tar(&[file("manifest.json", "[]")]), "it holds 0 images"),
        (tar(&[file("manifest.json", "[{")]), "its manifest.json can't be read"),
        (tar(&[file("manifest.json", r#"[{"Config": "c", "Layers": []}]"#)]), "it has no c"),
        (oci_layout(&["arm64", "s390x"], &[]), "not made for linux/amd64, but for linux/arm64, linux/s390x"),
        (wrong_digest, "has the digest"),
        (old_layout(&[truncated]), "the layer 0/layer.tar of the image ends in the middle of"),
        (old_layout(&[&gzip(&good)[..60]]), "the layer 0/layer.tar of the image"),
        (old_layout(&[&zstd(&good)[..60]]), "the layer 0/layer.tar of the image"),
        (old_layout(&[b"no archive at all"]), "it is no archive (tar, gzip or zstd)"),
    ] {
        let found = error(&archive);
        assert!(found.contains(says), "{found:?} does not say {says:?}");
    }
}

#[test]
fn hostile_layers_end_in_an_error_and_leave_nothing_behind() {
    let long = |kind: EntryType, size: u64| {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_cksum();
        header
    };
    let map = vec![1; 3 << 20];
    let mut sparse = Header::new_gnu();
    sparse.as_old_mut().name[..4].copy_from_slice(b"hole");
    sparse.set_entry_type(EntryType::GNUSparse);
    sparse.set_size(0);
    sparse.as_mut_bytes()[482] = 1;
    sparse.set_cksum();
    for (entry, says) in [
        (file("../../etc/cron.d/evil", "x"), "leaves the image"),
        (file("srv/../../evil", "x"), "leaves the image"),
        ((header("giant", EntryType::Regular, u64::MAX >> 30), &[][..]), "ends in the middle of /giant"),
        ((header("larger", EntryType::Regular, (64 << 30) + 1), &[][..]), "more than 64 GiB"),
        ((long(EntryType::GNULongName, 8 << 30), &[][..]), "a name or header of more than 1 MiB"),
        ((long(EntryType::XHeader, 8 << 30), &[][..]), "a name or header of more than 1 MiB"),
        ((sparse, &map[..]), "a sparse file with a map of more than 2 MiB"),
    ] {
        let found = error(&old_layout(&[&tar(&[entry])]));
        assert!(found.contains(says), "{found:?} does not say {says:?}");
    }
    // Links to anywhere and devices are only lines: nothing follows them.
    let links = tar(&[
        link("passwd", EntryType::Symlink, "/etc/passwd"),
        link("circle", EntryType::Symlink, "circle"),
        link("out", EntryType::Link, "../../../etc/shadow"),
        (header("disk", EntryType::Block, 0), &[]),
    ]);
    let contents = contents(&old_layout(&[&links]));
    assert!(contents.resolve("/circle").is_none() && contents.resolve("/passwd").is_none());
    assert_eq!(contents.files().count(), 4);
}

/// A figure, shown with `--nocapture`.
fn tell(figure: &str) {
    let _ = writeln!(io::stderr(), "{figure}");
}

/// A stream of parts that are made when they are read.
struct Parts<I> {
    parts: I,
    part: Cursor<Vec<u8>>,
}

impl<I: Iterator<Item = Vec<u8>>> Read for Parts<I> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.part.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            match self.parts.next() {
                Some(part) => self.part = Cursor::new(part),
                None => return Ok(0),
            }
        }
    }
}

fn stream(layer_size: u64, layer: impl Iterator<Item = Vec<u8>>) -> impl Read {
    let end =
        tar(&[file("config.json", CONFIG), file("manifest.json", r#"[{"Config": "config.json", "Layers": ["0/layer.tar"]}]"#)]);
    let begin = header("0/layer.tar", EntryType::Regular, layer_size).as_bytes().to_vec();
    Parts { parts: std::iter::once(begin).chain(layer).chain(std::iter::once(end)), part: Cursor::new(vec![]) }
}

/// The most memory that this process has ever had, in MiB (proc(5), `VmHWM`).
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("told");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a most");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") >> 10
}

#[test]
fn a_large_image_is_read_in_little_memory_and_ten_million_entries_are_refused() {
    const FILES: u64 = 50_000;
    const SIZE: u64 = 20 << 10;
    let before = most_memory();
    let files = (0..FILES).map(|number| {
        let path = format!("srv/folder-{:03}/a-file-with-a-name-of-usual-length-{number}.bin", number % 500);
        [header(&path, EntryType::Regular, SIZE).as_bytes().to_vec(), vec![7; usize::try_from(SIZE).expect("small")]].concat()
    });
    let layer_size = FILES * (SIZE + 512);
    let clock = Clock::start();
    let contents = read(stream(layer_size, files), "amd64").unwrap_or_else(|error| panic!("{error}"));
    let (took, memory) = (clock.now(), most_memory());
    tell(&format!("{} MiB in {FILES} files: {took:.1?}, {memory} MiB of memory at most ({before} before)", layer_size >> 20));
    assert_eq!(contents.files().count() as u64, FILES);
    assert!(memory < 200, "{memory} MiB");

    let empty = (0..10_000_000).map(|number| header(&number.to_string(), EntryType::Regular, 0).as_bytes().to_vec());
    match read(stream(10_000_000 * 512, empty), "amd64") {
        Err(ImageError::TooMuch { what, .. }) => assert_eq!(what, "more than a million entries"),
        other => panic!("{:?}", other.map(|contents| contents.layers.len())),
    }
}

/// One change of an archive: where, as a share of its length, and what.
#[derive(Clone, Debug)]
enum Damage {
    Byte(f64, u8),
    Cut(f64),
    Repeat(f64, u16),
    Remove(f64, u16),
    /// A header's size field, with its checksum made right again.
    Size(f64, u64),
    Kind(f64, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let place = 0.0..1.0;
    prop_oneof![
        4 => (place.clone(), any::<u8>()).prop_map(|(at, byte)| Damage::Byte(at, byte)),
        1 => place.clone().prop_map(Damage::Cut),
        1 => (place.clone(), 1..2048_u16).prop_map(|(at, length)| Damage::Repeat(at, length)),
        1 => (place.clone(), 1..2048_u16).prop_map(|(at, length)| Damage::Remove(at, length)),
        3 => (place.clone(), prop_oneof![Just(u64::MAX >> 4), 0..4096_u64]).prop_map(|(at, size)| Damage::Size(at, size)),
        3 => (place, prop::sample::select(b"0123456789xgLKSDVX\0\xff".as_slice())).prop_map(|(at, kind)| Damage::Kind(at, kind)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place, not a measure"
        )]
        let place = |share: f64, length: usize| ((length as f64 * share) as usize).min(length.saturating_sub(1));
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match *self {
            Self::Byte(at, byte) => bytes[place(at, length)] = byte,
            Self::Cut(at) => bytes.truncate(place(at, length)),
            Self::Repeat(at, count) => {
                let from = place(at, length);
                let piece = bytes[from..(from + usize::from(count)).min(length)].to_vec();
                bytes.splice(from..from, piece);
            }
            Self::Remove(at, count) => {
                let from = place(at, length);
                bytes.drain(from..(from + usize::from(count)).min(length));
            }
            Self::Size(at, size) => with_header(bytes, place(at, length), |header| header.set_size(size)),
            Self::Kind(at, kind) => with_header(bytes, place(at, length), |header| header.set_entry_type(EntryType::new(kind))),
        }
    }
}

fn with_header(bytes: &mut [u8], place: usize, change: impl FnOnce(&mut Header)) {
    let Some(block) = bytes.get_mut(place / 512 * 512..).and_then(|rest| rest.get_mut(..512)) else { return };
    let mut header = Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    change(&mut header);
    header.set_cksum();
    block.copy_from_slice(header.as_bytes());
}

fn pax() -> Vec<u8> {
    let long = "a/".repeat(80) + "name";
    let mut builder = Builder::new(vec![]);
    let mut entry = Header::new_gnu();
    entry.set_size(3);
    builder.append_data(&mut entry, &long, &b"abc"[..]).expect("fits in memory");
    builder.append_pax_extensions([("path", long.as_bytes()), ("size", b"3"), ("uid", b"4000000")]).expect("fits in memory");
    builder.append(&header("short", EntryType::Regular, 3), &b"abc"[..]).expect("fits in memory");
    builder.into_inner().expect("fits in memory")
}

/// Any damage to an archive ends in an image or in an error: never in a panic, and never late.
#[test]
fn any_damage_ends_in_an_image_or_an_error() {
    const SLOWEST: Duration = Duration::from_secs(20);
    let layers = [below(), above(), pax()];
    let compressed = [
        layers.clone().to_vec(),
        layers.iter().map(|layer| gzip(layer)).collect(),
        layers.iter().map(|layer| zstd(layer)).collect(),
    ];
    let seconds = std::env::var(FUZZ).ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let (clock, limit) = (Clock::start(), Duration::from_secs(seconds));
    let inner = prop::collection::vec(damage(), 0..6);
    let strategy = (0..compressed.len(), 0..layers.len(), inner, prop::collection::vec(damage(), 0..3));
    let (mut cases, mut images) = (0_u64, 0_u64);
    while clock.now() < limit {
        let (done, read_whole) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let mut runner = TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&strategy, |(form, layer, inner, outer)| {
            let mut layers = compressed[form].clone();
            for damage in &inner {
                damage.apply(&mut layers[layer]);
            }
            let mut archive = old_layout(&layers.iter().map(Vec::as_slice).collect::<Vec<_>>());
            for damage in &outer {
                damage.apply(&mut archive);
            }
            let began = clock.now();
            let outcome = read(archive.as_slice(), "amd64");
            let took = clock.now().saturating_sub(began);
            prop_assert!(took < SLOWEST, "it took {took:?}");
            done.set(done.get() + 1);
            read_whole.set(read_whole.get() + u64::from(outcome.is_ok()));
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
        cases += done.get();
        images += read_whole.get();
    }
    tell(&format!("{cases} damaged archives in {:.0?}: {images} were read all the same", clock.now()));
    assert!(images > 0 && images < cases);
}
