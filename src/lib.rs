//! Seaworthy proves, by running it, that a container image or compose stack is ready for production.

pub mod causes;
pub mod cli;
pub mod clock;
pub mod compose;
pub mod contract;
pub mod engine;
pub mod exit;
pub mod fault;
pub mod image;
pub mod interrupt;
pub mod probe;
pub mod record;
pub mod redact;
pub mod report;
pub mod stack;
pub mod suite;
pub mod timeline;
pub mod verdict;
