//! Looking into the file system of a container from outside: no program inside is needed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};

use futures::TryStreamExt;
use testcontainers::bollard::body_full;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};

use super::{Engine, EngineError};

/// The name of the file by which writing is tried.
const CONTROL: &str = "seaworthy-control";

impl Engine {
    /// The content of a file of a container, whether that runs or not; nothing when there is none.
    pub async fn read_file(&self, container: &str, path: &str) -> Result<Option<Vec<u8>>, EngineError> {
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        let archive: Result<Vec<_>, Error> = self.docker.download_from_container(container, Some(options)).try_collect().await;
        let archive = match archive {
            Ok(chunks) => chunks.concat(),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(None),
            Err(error) => return Err(EngineError::call(format!("read {path} of the container {container}"))(error)),
        };
        let mut archive = tar::Archive::new(&archive[..]);
        let mut content = vec![];
        let file = archive.entries().ok().and_then(|mut entries| entries.next()?.ok());
        let is_read = file.is_some_and(|mut file| file.header().entry_type().is_file() && file.read_to_end(&mut content).is_ok());
        Ok(is_read.then_some(content))
    }

    /// Whether a file can be created in the root file system of a running container. Tried by creating one, which is removed
    /// again: through the kernel where the container's processes are in sight, else through the engine.
    pub async fn can_write_to_root(&self, container: &str) -> Result<bool, EngineError> {
        let first = self.inspect(container).await?.pid;
        let path = format!("/proc/{first}/root/{CONTROL}");
        if self.is_in_sight(first, container) {
            match File::create(&path) {
                Ok(_) => {
                    // Its copy of the stack is thrown away, too.
                    let _ = fs::remove_file(&path);
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => return Ok(false),
                Err(_) => {}
            }
        }
        let archive = archive_of(CONTROL, 0o600, &[]);
        let options = UploadToContainerOptionsBuilder::new().path("/").build();
        match self.docker.upload_to_container(container, Some(options), body_full(archive.into())).await {
            Ok(()) => Ok(true),
            Err(Error::DockerResponseServerError { message, .. }) if message.contains("read-only") => Ok(false),
            Err(error) => Err(EngineError::call(format!("write to the container {container}"))(error)),
        }
    }

    /// What a container has added, changed or deleted in its image's file system so far, as paths.
    pub async fn changes(&self, container: &str) -> Result<Vec<String>, EngineError> {
        let changes = self.docker.container_changes(container).await;
        let changes = changes.map_err(EngineError::call(format!("list what the container {container} has changed")))?;
        let mut paths: Vec<String> = changes.unwrap_or_default().into_iter().map(|change| change.path).collect();
        if self.is_podman {
            without_its_users(&mut paths);
        }
        Ok(paths)
    }

    /// The folders of a container at which something is mounted, volumes of its image among them: the engine makes them where they are not
    /// there.
    pub async fn mount_points(&self, container: &str) -> Result<Vec<String>, EngineError> {
        let mounts = self.inspect_all(container).await?.mounts.unwrap_or_default();
        Ok(mounts.into_iter().filter_map(|mount| mount.destination).collect())
    }
}

/// Podman gives a user that the image does not know a name and a group, by writing them into the container.
fn without_its_users(paths: &mut Vec<String>) {
    paths.retain(|path| !["/etc/passwd", "/etc/group"].contains(&path.as_str()));
    if !paths.iter().any(|path| path.starts_with("/etc/")) {
        paths.retain(|path| path != "/etc");
    }
}

/// An archive of one file.
pub(super) fn archive_of(path: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    let mut archive = tar::Builder::new(vec![]);
    // Writing to memory does not fail, and the paths are short.
    archive.append_data(&mut header, path, content).and_then(|()| archive.into_inner()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_podman_writes_is_not_the_apps() {
        for (changed, left) in [
            (&["/etc", "/etc/passwd", "/etc/group"][..], &[][..]),
            (&["/etc", "/etc/passwd", "/etc/app"], &["/etc", "/etc/app"]),
            (&["/run", "/run/app"], &["/run", "/run/app"]),
        ] {
            let mut paths: Vec<String> = changed.iter().map(|path| (*path).to_owned()).collect();
            without_its_users(&mut paths);
            assert_eq!(paths, left);
        }
    }
}
