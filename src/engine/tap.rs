//! The image of the tap: made on the engine from the executable that is built in, or the published one that the user names.

use std::env;

use futures::TryStreamExt;
use testcontainers::bollard::body_full;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::models::SystemInfo;
use testcontainers::bollard::query_parameters::{CreateImageOptions, CreateImageOptionsBuilder, UploadToContainerOptionsBuilder};

use super::files::archive_of;
use super::{Engine, EngineError};

/// The tap as a static executable for Linux on this machine's architecture; empty when it could not be built.
pub const TAP: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/seaworthy-tap"));
/// Names an image whose entry point is the tap, for engines on which the one that is built in does not run.
const IMAGE: &str = "SEAWORTHY_TAP_IMAGE";
/// The tap's place in its image.
const PATH: &str = "seaworthy-tap";

/// Why there can be no tap on an engine; nothing when there can.
pub(super) fn is_missing(engine: &SystemInfo) -> Option<String> {
    if env::var_os(IMAGE).is_some() { None } else { is_not_built_in(engine) }
}

/// Why the executable that is built in can't run on an engine; nothing when it can.
pub(super) fn is_not_built_in(engine: &SystemInfo) -> Option<String> {
    let engine = engine.architecture.as_deref().unwrap_or("unknown");
    if TAP.is_empty() {
        return Some(format!("this seaworthy was built without its proxy; {IMAGE} names an image that has it"));
    }
    let built = env::consts::ARCH;
    (engine != built)
        .then(|| format!("the proxy that is built in is for {built}, the engine is {engine}; {IMAGE} names an image"))
}

impl Engine {
    /// Why there can be no tap; nothing when there can.
    #[must_use]
    pub fn tap_is_missing(&self) -> Option<&str> {
        self.tap_is_missing.as_deref()
    }

    /// Why our own executable can't run in the containers of others; nothing when it can.
    #[must_use]
    pub fn program_is_missing(&self) -> Option<&str> {
        self.program_is_missing.as_deref()
    }

    /// Puts our own executable, as `seaworthy-tap`, into a folder of a container that was not started yet. With a read-only root the folder
    /// has to be in a volume.
    pub async fn put_program(&self, container: &str, folder: &str) -> Result<(), EngineError> {
        let options = UploadToContainerOptionsBuilder::new().path(folder).build();
        let put = self.docker.upload_to_container(container, Some(options), body_full(file_system().into())).await;
        put.map_err(EngineError::call(format!("write {folder} of the container {container}")))
    }

    /// Sees to the tap's image. Returns its name.
    pub async fn tap_image(&self) -> Result<String, EngineError> {
        if let Ok(image) = env::var(IMAGE) {
            if self.image(&image).await?.is_none() {
                let options = CreateImageOptionsBuilder::new().from_image(&image).build();
                let pulled = self.create(options, vec![]).await;
                pulled.map_err(EngineError::call(format!("pull the image {image}, which {IMAGE} names")))?;
            }
            return Ok(image);
        }
        let (repository, tag) = (format!("seaworthy-{}", self.run), "tap");
        let mut changes = vec![format!("ENTRYPOINT [\"/{PATH}\"]"), "USER 65534:65534".to_owned()];
        // A label's value may hold anything but a quotation mark.
        let labels = self.run.labels(self.clock.started_at());
        changes.extend(labels.into_iter().map(|(key, value)| format!("LABEL \"{key}\"=\"{value}\"")));
        let options = CreateImageOptionsBuilder::new().from_src("-").repo(&repository).tag(tag).changes(changes).build();
        let creating = self.creating().await;
        let created = self.create(options, file_system()).await;
        drop(creating);
        created.map_err(EngineError::call("make the image of the tap"))?;
        Ok(format!("{repository}:{tag}"))
    }

    async fn create(&self, options: CreateImageOptions, content: Vec<u8>) -> Result<(), Error> {
        self.docker.create_image(Some(options), Some(body_full(content.into())), None).try_for_each(|_| async { Ok(()) }).await
    }
}

/// The file system of the image: one executable.
fn file_system() -> Vec<u8> {
    archive_of(PATH, 0o755, TAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_for_another_machine_is_not_used() {
        let engine = |architecture: &str| SystemInfo { architecture: Some(architecture.into()), ..SystemInfo::default() };
        assert_eq!(is_missing(&engine(env::consts::ARCH)), None, "the tap is built in");
        assert_eq!(is_not_built_in(&engine(env::consts::ARCH)), None);
        assert!(is_missing(&engine("s390x")).is_some_and(|reason| reason.contains(IMAGE)));
    }

    #[test]
    fn the_image_holds_one_executable() {
        let content = file_system();
        let mut archive = tar::Archive::new(&content[..]);
        let entries: Vec<_> = archive.entries().expect("an archive").map(|entry| entry.expect("an entry")).collect();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].size(), TAP.len() as u64);
    }
}
