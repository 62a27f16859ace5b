//! Taking a folder of one container to another: the data of a database that has booted before. It lies in a file meanwhile, not in memory.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use futures::{Stream, TryStreamExt, stream};
use hyper::body::Bytes;
use testcontainers::bollard::body_try_stream;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};

use super::{Engine, EngineError};

/// How much of an archive is read at once.
const PIECE: usize = 256 << 10;

/// A folder with all that is in it, users and permissions included. Cheap to clone.
#[derive(Clone)]
pub struct Folder {
    /// The folder that it lies in.
    parent: String,
    /// A tar archive, in a file without a name: it is gone with the last who has it.
    archive: Arc<File>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "a folder of {}", self.parent)
    }
}

impl Folder {
    /// The archive, piece by piece.
    fn pieces(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::try_unfold((Arc::clone(&self.archive), 0), |(archive, at)| async move {
            let read = tokio::task::spawn_blocking(move || {
                let mut piece = vec![0; PIECE];
                let length = archive.read_at(&mut piece, at)?;
                piece.truncate(length);
                Ok::<_, io::Error>((archive, piece))
            });
            let (archive, piece) = read.await??;
            let next = at + piece.len() as u64;
            Ok((!piece.is_empty()).then(|| (piece.into(), (archive, next))))
        })
    }
}

/// A file in this folder that has no name any more.
fn without_name(folder: &std::path::Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let path = folder.join("folder.tar");
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    fs::remove_file(path)?;
    Ok(file)
}

/// Whether an archive can be read and holds the folder of this name, with nothing but folders and files in it. Podman's hold what is in the
/// folder as if it lay in `/`, and as if it were root's.
fn is_whole(archive: impl io::Read, name: &str) -> bool {
    let mut archive = tar::Archive::new(archive);
    let is_plain = |entry: io::Result<tar::Entry<'_, _>>| {
        entry.is_ok_and(|entry| {
            let kind = entry.header().entry_type();
            (kind.is_file() || kind.is_dir()) && entry.path().is_ok_and(|path| path.starts_with(name))
        })
    };
    archive.entries().is_ok_and(|mut entries| entries.all(is_plain))
}

impl Engine {
    /// Stops a container with its own stop signal, and kills it after so many seconds. Its restart policy does not start it again.
    pub async fn stop(&self, container: &str, seconds: i32) -> Result<(), EngineError> {
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let stopped = self.docker.stop_container(container, Some(options)).await;
        stopped.map_err(EngineError::call(format!("stop the container {container}")))
    }

    /// Reads a folder of a container; nothing when there is none, when it is larger than so many bytes, or when a part of it is elsewhere, which
    /// a link in it says.
    pub async fn folder(&self, container: &str, path: &str, most: usize) -> Result<Option<Folder>, EngineError> {
        let Some((parent, name)) = path.trim_end_matches('/').rsplit_once('/') else { return Ok(None) };
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let mut pieces = self.docker.download_from_container(container, Some(options));
        let failed = || EngineError::call(format!("read {path} of the container {container}"));
        let kept = |error: io::Error| failed()(error.into());
        let mut archive = without_name(&self.run().scratch()).map_err(kept)?;
        let mut length = 0;
        loop {
            match pieces.try_next().await {
                Ok(Some(piece)) if length + piece.len() <= most => {
                    length += piece.len();
                    archive.write_all(&piece).map_err(kept)?;
                }
                Ok(Some(_)) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
                Ok(None) => break,
                Err(error) => return Err(failed()(error)),
            }
        }
        archive.rewind().map_err(kept)?;
        let is_whole = is_whole(io::BufReader::new(&archive), name);
        Ok(is_whole.then(|| Folder { parent: format!("{parent}/"), archive: archive.into() }))
    }

    /// Puts a folder in its place in a container that was not started yet.
    pub async fn put(&self, container: &str, folder: &Folder) -> Result<(), EngineError> {
        let options = UploadToContainerOptionsBuilder::new().path(&folder.parent).build();
        let put = self.docker.upload_to_container(container, Some(options), body_try_stream(folder.pieces())).await;
        put.map_err(EngineError::call(format!("write {} of the container {container}", folder.parent)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_link_or_without_its_name_is_not_whole() {
        let archive = |link: bool| {
            let mut builder = tar::Builder::new(vec![]);
            let mut header = tar::Header::new_gnu();
            header.set_size(2);
            header.set_cksum();
            builder.append_data(&mut header, "data/PG_VERSION", &b"15"[..]).expect("written");
            if link {
                let mut header = tar::Header::new_gnu();
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                builder.append_link(&mut header, "data/pg_wal", "/wal").expect("written");
            }
            builder.into_inner().expect("an archive")
        };
        assert!(is_whole(&*archive(false), "data"));
        assert!(!is_whole(&*archive(true), "data"));
        assert!(!is_whole(&*archive(false), "pgdata"));
        assert!(!is_whole(&[1; 700][..], "data"));
    }
}
