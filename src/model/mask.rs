//! Masks secrets in facts, wherever a fact has words that are not ours.

use super::{Answer, DependencyState, Fact, Halt, Inspection, Place, UnitState};
use crate::redact::Redactor;

impl Fact {
    /// The fact with every known secret masked.
    pub(super) fn masked(mut self, redactor: &Redactor) -> Self {
        let mask = |text: &mut String| *text = redactor.redact(text);
        match &mut self {
            Self::Probe { answer, body, .. } => {
                if let Answer::Broken(how) | Answer::CannotAsk(how) | Answer::Unready(how) = answer {
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
            Self::Unit { state: UnitState::Open { said: text } | UnitState::Unclear { reason: text }, .. } => mask(text),
            Self::Processes { processes, .. } => processes.iter_mut().for_each(|process| mask(&mut process.command)),
            Self::Log { line, .. } => mask(line),
            Self::Load { load } => load.torn.iter_mut().for_each(mask),
            Self::Blind { what, .. } => mask(what),
            Self::Step { line, .. } => mask(&mut line.text),
            Self::Inspected { inspection } => inspection.mask(redactor),
            Self::Halted { halt, .. } => match halt {
                Halt::NotApplicable { reason } => mask(reason),
                Halt::CouldNotRun { reason, advice, .. } => [reason, advice].into_iter().for_each(mask),
            },
            Self::Foreign { error } => error.iter_mut().for_each(mask),
            Self::Unit { state: UnitState::PutIn | UnitState::Done, .. }
            | Self::Mark { .. }
            | Self::Container { .. }
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

impl Inspection {
    fn mask(&mut self, redactor: &Redactor) {
        let mask = |text: &mut String| *text = redactor.redact(text);
        let mask_place = |place: &mut Option<Place>| place.iter_mut().for_each(|place| mask(&mut place.file));
        match self {
            Self::Listing(listing) => {
                listing.within.iter_mut().for_each(mask);
                for item in &mut listing.items {
                    mask(&mut item.what);
                    mask_place(&mut item.place);
                }
            }
            Self::Changes { paths, .. } => paths.iter_mut().for_each(mask),
            Self::Limits { place, .. }
            | Self::HealthCheck { place, .. }
            | Self::Order { place, .. }
            | Self::DataFolder { place, .. } => mask_place(place),
            Self::Command { words, last_line } => words.iter_mut().chain(last_line).for_each(mask),
            Self::HealthRun { last } => last.iter_mut().for_each(|(_, output)| mask(output)),
            Self::Labels { labels } => labels.values_mut().for_each(mask),
            Self::ImageSize { layers, .. } | Self::Waste { wasted: layers, .. } => {
                for layer in layers {
                    mask(&mut layer.layer);
                }
            }
            Self::Rebuild { touched, steps } => {
                mask(touched);
                for step in steps {
                    mask(&mut step.instruction);
                }
            }
            Self::Weaknesses { by, .. } => mask(by),
            Self::HealthPath { path } => mask(path),
            Self::WithoutSetting { lines, .. } => lines.iter_mut().for_each(mask),
            Self::User { declared, .. } => mask(declared),
            Self::RootFileSystem { .. }
            | Self::Signals { .. }
            | Self::FirstProcess { .. }
            | Self::UndisturbedStart { .. }
            | Self::Ports { .. }
            | Self::HealthTimes(_)
            | Self::Row { .. } => {}
        }
    }
}
