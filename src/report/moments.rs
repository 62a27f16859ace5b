//! The moments of a scenario that matter to somebody who reads its failure in a terminal: how things stood when the fault began,
//! and what changed from then on.

use std::collections::BTreeMap;

use super::lanes::{Drawing, Of};

/// How many moments after the fault are told from its beginning on, and how many before the end of the scenario.
const FIRST: usize = 7;
const LAST: usize = 4;

/// One line of a told timeline.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    /// Something happened, so many milliseconds after the moment that times are relative to; before it when negative.
    Moment(f64, String),
    /// So many lines are left out.
    LeftOut(usize),
}

/// A told timeline.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    /// What times are relative to, in words.
    pub(super) zero: String,
    pub(super) lines: Vec<Line>,
}

#[derive(Clone)]
struct Moment {
    at: f64,
    /// What it is about: a lane's later moments replace its earlier ones.
    about: usize,
    text: String,
}

/// Tells a timeline: all of it, or what matters; nothing when nothing happened.
pub(super) fn tell(drawing: &Drawing, all: bool) -> Option<Told> {
    let mut moments = moments(drawing, all);
    // Stable: what happened at the same moment keeps the order of the lanes.
    moments.sort_by(|one, other| one.at.total_cmp(&other.at));
    let disturbed = drawing.shades.iter().chain(&drawing.marks).min_by(|one, other| one.from.total_cmp(&other.from));
    let (zero, name) = disturbed.map_or((0.0, "the start"), |item| (item.from, item.text.as_str()));
    let (before, after): (Vec<Moment>, Vec<Moment>) = moments.into_iter().partition(|moment| moment.at < zero);
    let before = if all { before } else { states(before) };
    let left_out = if all { 0 } else { after.len().saturating_sub(FIRST + LAST) };
    let line = |moment: &Moment| Line::Moment(moment.at - zero, moment.text.clone());
    let mut lines: Vec<Line> = before.iter().map(line).collect();
    if left_out > 1 {
        lines.extend(after[..FIRST].iter().map(line));
        lines.push(Line::LeftOut(left_out));
        lines.extend(after[FIRST + left_out..].iter().map(line));
    } else {
        lines.extend(after.iter().map(line));
    }
    (!lines.is_empty()).then(|| Told { zero: name.to_owned(), lines })
}

/// The last moment of each lane, in the order of time.
fn states(moments: Vec<Moment>) -> Vec<Moment> {
    let last: BTreeMap<usize, Moment> = moments.into_iter().map(|moment| (moment.about, moment)).collect();
    let mut last: Vec<Moment> = last.into_values().collect();
    last.sort_by(|one, other| one.at.total_cmp(&other.at));
    last
}

fn moments(drawing: &Drawing, all: bool) -> Vec<Moment> {
    let lanes = drawing.lanes.len();
    let mut moments = vec![];
    for shade in &drawing.shades {
        moments.push(Moment { at: shade.from, about: lanes, text: shade.text.clone() });
        if let Some(to) = shade.to.filter(|to| *to < drawing.end) {
            moments.push(Moment { at: to, about: lanes, text: format!("no longer: {}", shade.text) });
        }
    }
    moments.extend(drawing.marks.iter().map(|mark| Moment { at: mark.from, about: lanes + 1, text: mark.text.clone() }));
    for (about, lane) in drawing.lanes.iter().enumerate() {
        let matters = match lane.of {
            Of::Answers | Of::Life | Of::Use | Of::Notes => true,
            Of::Steps | Of::Sessions => all,
            Of::Attempts | Of::Log => false,
        };
        if matters {
            moments.extend(lane.items.iter().map(|item| {
                let text = item.text.lines().next().unwrap_or_default();
                let text = match lane.of {
                    Of::Steps | Of::Notes => text.to_owned(),
                    _ => format!("{}: {text}", lane.about),
                };
                Moment { at: item.from, about, text }
            }));
        }
    }
    moments
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Answer, Endpoint, Fact, FactId, FaultKind, Observation, Phase};
    use crate::report::lanes::draw;

    fn at(ms: u64, fact: Fact) -> Observation {
        Observation { id: FactId::default(), at: Duration::from_millis(ms), fact }
    }

    fn probe(ms: u64, status: u16) -> Observation {
        let (endpoint, sent) = (Endpoint::Readiness, Duration::from_millis(ms));
        at(ms, Fact::Probe { endpoint, sent, answer: Answer::Status(status), body: None })
    }

    fn told(observations: &[Observation], all: bool) -> Told {
        tell(&draw(observations).expect("not empty"), all).expect("something happened")
    }

    #[test]
    fn times_count_from_the_fault_and_only_the_state_before_it_is_told() {
        let fault = Fact::Fault { service: "db".into(), fault: FaultKind::Killed, phase: Phase::Begins };
        let observations = [probe(0, 503), probe(1_000, 200), at(2_000, fault), probe(2_300, 503)];
        let Told { zero, lines } = told(&observations, false);
        assert_eq!(zero, "db is killed");
        let line = |at: f64, text: &str| Line::Moment(at, text.into());
        let expected = [line(-1_000.0, "readiness: 200, once"), line(0.0, "db is killed"), line(300.0, "readiness: 503, once")];
        assert_eq!(lines, expected);
        assert_eq!(told(&observations, true).lines.len(), 4, "everything is told when all is wanted");
    }

    #[test]
    fn of_many_moments_the_first_and_the_last_are_told() {
        let observations: Vec<Observation> =
            (0..40).map(|index| probe(index * 100, if index % 2 == 0 { 200 } else { 503 })).collect();
        let Told { zero, lines } = told(&observations, false);
        assert_eq!(zero, "the start");
        assert_eq!(lines.len(), FIRST + 1 + LAST);
        assert_eq!(lines[FIRST], Line::LeftOut(40 - FIRST - LAST));
        assert_eq!(told(&observations, true).lines.len(), 40);
    }
}
