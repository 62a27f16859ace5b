//! Seaworthy proves, by running it, that a container image or compose stack is ready for production.

pub mod clock;
pub mod compose;
pub mod contract;
pub mod engine;
pub mod redact;
pub mod timeline;
