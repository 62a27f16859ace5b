//! Loading an image that a thread of its own writes.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use futures::{TryStreamExt, stream};
use testcontainers::bollard::body_try_stream;
use testcontainers::bollard::query_parameters::ImportImageOptionsBuilder;
use tokio::sync::mpsc;

use super::export::WAITING;
use super::{Engine, EngineError};

/// How much is sent at once.
const PIECE: usize = 256 << 10;
/// The engine answers when it has all of it, so this is for the largest image on the slowest disk.
const LIMIT: Duration = Duration::from_mins(30);

impl Engine {
    /// Loads the image that a thread of its own writes as an archive. Returns what writing came to; nothing is loaded unless
    /// that is a success.
    pub async fn load<E: Send + 'static>(
        &self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), E> + Send + 'static,
    ) -> Result<Result<(), E>, EngineError> {
        let failed = || EngineError::call("load an image");
        let creating = self.creating().await;
        let (sender, receiver) = mpsc::channel(WAITING);
        let writing = tokio::task::spawn_blocking(move || {
            let written = write(&mut BufWriter::with_capacity(PIECE, Pieces(sender.clone())));
            let was_heard = !sender.is_closed();
            if written.is_err() {
                // The engine must not take what there is for the whole; when it is gone already, it won't.
                let _ = sender.blocking_send(Err(io::Error::other("the archive is not whole")));
            }
            (written, was_heard)
        });
        let pieces = stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|piece| (piece, receiver)));
        let body = body_try_stream(pieces.map_ok(Into::into));
        let options = ImportImageOptionsBuilder::new().quiet(true).build();
        let docker = self.docker.clone().with_timeout(LIMIT);
        let loaded = docker.import_image(options, body, None).try_for_each(async |_| Ok(())).await;
        drop(creating);
        let (written, was_heard) = writing.await.map_err(|error| failed()(io::Error::other(error).into()))?;
        match (loaded, written) {
            // What went wrong while writing is the cause of all that the engine has to say, unless it turned away first.
            (_, Err(error)) if was_heard => Ok(Err(error)),
            (loaded, _) => loaded.map(Ok).map_err(failed()),
        }
    }
}

/// A stream's pieces, written in a thread that may block.
struct Pieces(mpsc::Sender<io::Result<Vec<u8>>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(bytes.to_vec()));
        sent.map(|()| bytes.len()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
