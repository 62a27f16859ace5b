//! The wish of the user, or of the machine, that a run should end.

use tokio::signal::unix::{SignalKind, signal};

/// Completes at the first SIGINT (Ctrl-C), SIGTERM or SIGHUP (the terminal was closed). From its first poll on, those signals
/// no longer end the process by themselves.
pub async fn requested() {
    tokio::select! {
        () = one(SignalKind::interrupt()) => {}
        () = one(SignalKind::terminate()) => {}
        () = one(SignalKind::hangup()) => {}
    }
}

async fn one(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        // Without a handler the signal keeps its default action, which ends the process.
        Err(_) => std::future::pending().await,
    }
}
