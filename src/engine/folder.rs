//! Taking a folder of one container to another: the data of a database that has booted before.

use futures::TryStreamExt;
use testcontainers::bollard::body_full;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};

use super::{Engine, EngineError};

/// A folder with all that is in it, users and permissions included. Cheap to clone.
#[derive(Clone)]
pub struct Folder {
    /// The folder that it lies in.
    parent: String,
    /// A tar archive.
    archive: hyper::body::Bytes,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes from {}", self.archive.len(), self.parent)
    }
}

/// Whether an archive can be read and holds the folder of this name, with nothing but folders and files in it. Podman's hold what is in the
/// folder as if it lay in `/`, and as if it were root's.
fn is_whole(archive: &[u8], name: &str) -> bool {
    let mut archive = tar::Archive::new(archive);
    let is_plain = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
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
        let mut archive = vec![];
        loop {
            match pieces.try_next().await {
                Ok(Some(piece)) if archive.len() + piece.len() <= most => archive.extend_from_slice(&piece),
                Ok(Some(_)) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
                Ok(None) => break,
                Err(error) => return Err(EngineError::call(format!("read {path} of the container {container}"))(error)),
            }
        }
        Ok(is_whole(&archive, name).then(|| Folder { parent: format!("{parent}/"), archive: archive.into() }))
    }

    /// Puts a folder in its place in a container that was not started yet.
    pub async fn put(&self, container: &str, folder: &Folder) -> Result<(), EngineError> {
        let options = UploadToContainerOptionsBuilder::new().path(&folder.parent).build();
        let put = self.docker.upload_to_container(container, Some(options), body_full(folder.archive.clone())).await;
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
        assert!(is_whole(&archive(false), "data"));
        assert!(!is_whole(&archive(true), "data"));
        assert!(!is_whole(&archive(false), "pgdata"));
        assert!(!is_whole(&[1; 700], "data"));
    }
}
