//! What a scenario does to a stack.

pub(super) mod disturb;
pub(super) mod start;
pub(super) mod stop;
pub(super) mod wire;
