//! Creations under way. A container that the engine is still creating can't be found yet, so a run waits for them before it
//! removes what it made.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use super::Engine;

/// Held shared by every creation, and alone by the end of the run.
#[derive(Clone, Debug, Default)]
pub(super) struct Creations(Arc<RwLock<()>>);

/// Hold it for as long as something is being created.
#[derive(Debug)]
pub struct Creating {
    _shared: OwnedRwLockReadGuard<()>,
}

impl Engine {
    /// Says that something is about to be created. Waits for ever once the run has ended.
    pub async fn creating(&self) -> Creating {
        Creating { _shared: Arc::clone(&self.creations.0).read_owned().await }
    }

    /// Waits until no creation is under way, and lets none begin from then on.
    pub async fn end_creations(&self) {
        let alone = Arc::clone(&self.creations.0).write_owned().await;
        // Never given back: a run that is being removed creates nothing more.
        std::mem::forget(alone);
    }
}
