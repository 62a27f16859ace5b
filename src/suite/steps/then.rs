//! What a scenario expects of a stack. Limits and times are counted from the last disturbance or its end.

pub(super) mod answers;
pub(super) mod attempts;
pub(super) mod config;
pub(super) mod content;
pub(super) mod files;
pub(super) mod hardening;
pub(super) mod image;
pub(super) mod log;
pub(super) mod logging;
pub(super) mod process;
pub(super) mod sessions;
pub(super) mod stop;
