//! The reaper: a process of its own that removes what a run created when the run's process dies without doing so.
//!
//! It waits for the end of a pipe whose other end only the run's process and the `docker compose` processes that it started
//! hold. So the end comes when nobody is left who could still create anything, however they ended, also by SIGKILL.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use rustix::io::{FdFlags, fcntl_setfd};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

use super::{Engine, EngineError, RunId};
use crate::clock::Clock;
use crate::interrupt;

/// What the run's process writes when it has removed everything itself.
const DONE: &[u8] = b"done";
/// How long the engine may be away before the reaper gives up; the next run sweeps.
const PAUSE: Duration = Duration::from_secs(1);
const ATTEMPTS: usize = 300;

/// The run's end of the pipe. When it is dropped without [`Reaper::dismiss`], the reaper begins.
#[derive(Debug)]
pub struct Reaper {
    process: Child,
    pipe: ChildStdin,
}

impl Reaper {
    /// Starts `program reap RUN` in a process group of its own, where no signal to ours reaches it.
    #[expect(clippy::disallowed_methods, reason = "one of the two modules that start processes")]
    pub fn start(program: &Path, run: &RunId) -> std::io::Result<Self> {
        let mut process = Command::new(program)
            .args(["reap", &run.to_string()])
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = process.stdin.take().ok_or_else(|| std::io::Error::other("the reaper has no pipe"))?;
        // Processes that we start from now on hold this end too.
        fcntl_setfd(&pipe, FdFlags::empty())?;
        Ok(Self { process, pipe })
    }

    /// Tells the reaper that there is nothing to do, and waits until it is gone.
    pub async fn dismiss(mut self) {
        // A reaper that is gone already needs no word.
        let _ = self.pipe.write_all(DONE).await;
        drop(self.pipe);
        let _ = self.process.wait().await;
    }
}

/// The reaper's life: waits for the end of the pipe, then removes the run, unless it was dismissed. Signals that end other
/// processes don't end this one.
pub async fn reap(run: RunId, pipe: impl AsyncRead + Unpin) -> Result<(), EngineError> {
    let was_dismissed = tokio::select! {
        was_dismissed = read_to_end(pipe) => was_dismissed,
        () = ignore_signals() => false,
    };
    if was_dismissed {
        return Ok(());
    }
    let remove = || async {
        let engine = Engine::connect(run.clone(), Clock::start(), None).await?;
        engine.remove_run(&run).await
    };
    let pause = ConstantBuilder::default().with_delay(PAUSE).with_max_times(ATTEMPTS);
    tokio::select! {
        removed = remove.retry(pause) => removed,
        () = ignore_signals() => Ok(()),
    }
}

/// Never returns; signals that are asked for no longer end the process.
async fn ignore_signals() {
    loop {
        interrupt::requested().await;
    }
}

async fn read_to_end(mut pipe: impl AsyncRead + Unpin) -> bool {
    let mut word = vec![];
    // A pipe that can't be read any more has no other end.
    let _ = pipe.read_to_end(&mut word).await;
    word == DONE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_whole_word_dismisses() {
        assert!(read_to_end(&b"done"[..]).await);
        assert!(!read_to_end(&b""[..]).await);
        assert!(!read_to_end(&b"do"[..]).await);
    }
}
