//! The content of an image as one stream, and the image that it was made from.

use std::io::{self, Read};

use futures::StreamExt;
use testcontainers::bollard::query_parameters::ListImagesOptions;
use tokio::sync::mpsc;

use super::{Engine, EngineError};

/// How many pieces of the stream may wait to be read: some megabytes at most.
pub(super) const WAITING: usize = 16;

/// The image that another one was made from, as far as the engine has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// A name that it has on the engine.
    pub name: String,
    /// How many of the lowest layers are its own.
    pub layers: usize,
    /// The TCP ports that it exposes.
    pub exposed: Vec<u16>,
}

impl Engine {
    /// Exports an image, and lets a thread of its own read the archive while it arrives. Returns what that makes of it.
    pub async fn export<T: Send + 'static>(
        &self,
        image: &str,
        read: impl FnOnce(&mut dyn Read) -> T + Send + 'static,
    ) -> Result<T, EngineError> {
        let failed = || EngineError::call(format!("export the image {image}"));
        let (sender, receiver) = mpsc::channel(WAITING);
        let reading = tokio::task::spawn_blocking(move || read(&mut Pieces { receiver, piece: Vec::new(), read: 0 }));
        let mut stream = Box::pin(self.docker.export_image(image));
        let mut failure = None;
        while let Some(piece) = stream.next().await {
            match piece {
                // The reader has had enough: it has found a mistake.
                Ok(piece) if sender.send(Ok(piece.to_vec())).await.is_err() => break,
                Ok(_) => {}
                Err(error) => {
                    let _ = sender.send(Err(io::Error::other(error.to_string()))).await;
                    failure = Some(error);
                    break;
                }
            }
        }
        drop(sender);
        let read =
            reading.await.map_err(|error| EngineError::call(format!("read the image {image}"))(io::Error::other(error).into()));
        failure.map_or(read, |error| Err(failed()(error)))
    }

    /// The image that another one was made from: of those with a name on the engine the one with which it shares most of its
    /// lowest layers, and which has no others. Images of runs of ours do not count.
    pub async fn base_of(&self, image: &str) -> Result<Option<Base>, EngineError> {
        let failed = || EngineError::call(format!("find the image that {image} was made from"));
        let layers = self.layers_of(image).await?;
        let all = self.docker.list_images(None::<ListImagesOptions>).await.map_err(failed())?;
        let mut best: Option<(usize, String)> = None;
        for candidate in all.into_iter().filter(|candidate| !candidate.labels.contains_key(super::RUN)) {
            let Some(name) = candidate.repo_tags.into_iter().find(|name| !name.starts_with("<none>")) else { continue };
            // It may have been removed meanwhile.
            let Ok(own) = self.layers_of(&candidate.id).await else { continue };
            let is_below = own.len() < layers.len() && layers.starts_with(&own) && !own.is_empty();
            if is_below && best.as_ref().is_none_or(|(most, _)| own.len() > *most) {
                best = Some((own.len(), name));
            }
        }
        let Some((layers, name)) = best else { return Ok(None) };
        let exposed = self.image(&name).await?.map(|facts| facts.exposed).unwrap_or_default();
        Ok(Some(Base { name, layers, exposed }))
    }

    /// The digests of an image's layers, from the bottom up.
    async fn layers_of(&self, image: &str) -> Result<Vec<String>, EngineError> {
        let inspected = self.docker.inspect_image(image).await;
        let inspected = inspected.map_err(EngineError::call(format!("inspect the image {image}")))?;
        Ok(inspected.root_fs.and_then(|system| system.layers).unwrap_or_default())
    }
}

/// The pieces of a stream, read in a thread that may block.
struct Pieces {
    receiver: mpsc::Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    read: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.piece.len() {
            match self.receiver.blocking_recv() {
                Some(piece) => (self.piece, self.read) = (piece?, 0),
                None => return Ok(0),
            }
        }
        let read = (&self.piece[self.read..]).read(buffer)?;
        self.read += read;
        Ok(read)
    }
}
