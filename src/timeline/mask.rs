//! Masks secrets in facts, wherever a fact has words that are not ours.

use super::{Answer, DependencyState, Fact};
use crate::redact::Redactor;

impl Fact {
    /// The fact with every known secret masked.
    pub(super) fn masked(mut self, redactor: &Redactor) -> Self {
        let mask = |text: &mut String| *text = redactor.redact(text);
        match &mut self {
            Self::Probe { answer, body, .. } => {
                if let Answer::Broken(how) = answer {
                    mask(how);
                }
                body.iter_mut().for_each(mask);
            }
            Self::Dependency { state, .. } => match state {
                DependencyState::NotAccepting { reason }
                | DependencyState::Rejecting { reason }
                | DependencyState::Unclear { reason } => mask(reason),
                DependencyState::Accepting | DependencyState::Lost => {}
            },
            Self::Processes { processes, .. } => processes.iter_mut().for_each(|process| mask(&mut process.command)),
            Self::Log { line, .. } => mask(line),
            Self::Load { torn, .. } => torn.iter_mut().for_each(mask),
            Self::Blind { what } => mask(what),
            Self::Step { text } => mask(text),
            Self::Container { .. }
            | Self::Attempt { .. }
            | Self::Fault { .. }
            | Self::Signal { .. }
            | Self::Zombies { .. }
            | Self::Sessions { .. }
            | Self::Usage { .. }
            | Self::Thinned { .. } => {}
        }
        self
    }
}
