//! The moments of a scenario, for somebody who reads its failure in a terminal: what changed, relative to the beginning of the fault.

use super::lanes::{Drawing, Of};

/// A told timeline.
#[derive(Debug, PartialEq)]
pub(super) struct Told {
    /// What times are relative to, in words.
    pub(super) zero: String,
    /// What happened, so many milliseconds after that moment; before it when negative.
    pub(super) lines: Vec<(f64, String)>,
}

struct Moment {
    at: f64,
    text: String,
}

/// Tells a timeline; nothing when nothing happened.
pub(super) fn tell(drawing: &Drawing) -> Option<Told> {
    let mut moments = moments(drawing);
    // Stable: what happened at the same moment keeps the order of the lanes.
    moments.sort_by(|one, other| one.at.total_cmp(&other.at));
    let disturbed = drawing.shades.iter().chain(&drawing.marks).min_by(|one, other| one.from.total_cmp(&other.from));
    let (zero, name) = disturbed.map_or((0.0, "the start"), |item| (item.from, item.text.as_str()));
    let lines: Vec<(f64, String)> = moments.into_iter().map(|Moment { at, text }| (at - zero, text)).collect();
    (!lines.is_empty()).then(|| Told { zero: name.to_owned(), lines })
}

fn moments(drawing: &Drawing) -> Vec<Moment> {
    let mut moments = vec![];
    for shade in &drawing.shades {
        moments.push(Moment { at: shade.from, text: shade.text.clone() });
        if let Some(to) = shade.to.filter(|to| *to < drawing.end) {
            moments.push(Moment { at: to, text: format!("no longer: {}", shade.text) });
        }
    }
    moments.extend(drawing.marks.iter().map(|mark| Moment { at: mark.from, text: mark.text.clone() }));
    for lane in &drawing.lanes {
        let matters = match lane.of {
            Of::Answers | Of::Life | Of::Use | Of::Notes | Of::Steps | Of::Sessions => true,
            Of::Attempts | Of::Log => false,
        };
        if matters {
            moments.extend(lane.items.iter().map(|item| {
                let text = item.text.lines().next().unwrap_or_default();
                let text = match lane.of {
                    Of::Steps | Of::Notes => text.to_owned(),
                    _ => format!("{}: {text}", lane.about),
                };
                Moment { at: item.known, text }
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
        asked(ms, ms, Answer::Status(status))
    }

    fn asked(sent: u64, ms: u64, answer: Answer) -> Observation {
        let (endpoint, sent) = (Endpoint::Readiness, Duration::from_millis(sent));
        at(ms, Fact::Probe { endpoint, sent, answer, body: None })
    }

    #[test]
    fn times_count_from_the_fault() {
        let fault = Fact::Fault { service: "db".into(), fault: FaultKind::Killed, phase: Phase::Begins };
        let observations = [probe(0, 503), probe(1_000, 200), at(2_000, fault), probe(2_300, 503)];
        let Told { zero, lines } = tell(&draw(&observations).expect("not empty")).expect("something happened");
        assert_eq!(zero, "db is killed");
        let expected = [
            (-2_000.0, "readiness: 503, once"),
            (-1_000.0, "readiness: 200, once"),
            (0.0, "db is killed"),
            (300.0, "readiness: 503, once"),
        ];
        assert_eq!(lines, expected.map(|(at, text)| (at, text.to_owned())));
    }

    #[test]
    fn what_hangs_is_told_when_its_time_is_over() {
        let fault = Fact::Fault { service: "db".into(), fault: FaultKind::Frozen, phase: Phase::Begins };
        let observations = [at(1_000, fault), asked(900, 5_900, Answer::TimedOut), asked(6_000, 11_000, Answer::TimedOut)];
        let Told { lines, .. } = tell(&draw(&observations).expect("not empty")).expect("something happened");
        let times: Vec<f64> = lines.iter().map(|(at, _)| *at).collect();
        assert_eq!(times, [0.0, 4_900.0], "{lines:?}");
    }
}
