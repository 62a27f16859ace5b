//! Seaworthy proves, by running it, that a container image or compose stack is ready for production.

pub mod causes;
pub mod cli;
pub mod clock;
pub mod compose;
pub mod engine;
pub mod exit;
pub mod experiment;
pub mod fault;
pub mod gherkin;
pub mod image;
pub mod interrupt;
pub mod judge;
pub mod model;
pub mod probe;
pub mod redact;
pub mod report;
pub mod subject;
pub mod suite;
pub mod target;
