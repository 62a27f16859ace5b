//! A timeline as a drawing has it: lanes of spans and points. What is alike and adjacent is one span, so that a drawing is small
//! however often something was seen; nothing that differs is left out.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::words::{disturbed, kind_of, left_out, short};
use crate::model::{
    Answer, ContainerChange, DependencyState, Endpoint, Fact, FaultKind, LoadCount, Observation, Phase, UnitState, end_of_turn,
    excerpt,
};

/// Into how many pieces a lane of points is divided; the points of a piece are drawn as one.
const PIECES: u32 = 300;
/// How many texts of points that are drawn as one are told.
const TOLD: usize = 4;

/// What is drawn of one scenario. Times are milliseconds from its start.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Drawing {
    pub(super) end: f64,
    pub(super) lanes: Vec<Lane>,
    /// Faults, behind all lanes.
    pub(super) shades: Vec<Item>,
    /// Signals, across all lanes.
    pub(super) marks: Vec<Item>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Lane {
    pub(super) name: String,
    /// What a moment of it is about, in a sentence.
    #[serde(skip)]
    pub(super) about: String,
    #[serde(skip)]
    pub(super) of: Of,
    pub(super) items: Vec<Item>,
}

impl Lane {
    fn new(name: impl Into<String>, of: Of, items: Vec<Item>) -> Self {
        let name = name.into();
        Self { about: name.clone(), name, of, items }
    }
}

/// What a lane is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Steps,
    Answers,
    Life,
    Use,
    Sessions,
    Attempts,
    Log,
    Notes,
}

/// A span, or a point when it has no end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Item {
    pub(super) from: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<f64>,
    /// When it was first known: that of an answer at its end.
    #[serde(skip)]
    pub(super) known: f64,
    /// `ok`, `warn`, `bad` or `idle`.
    kind: &'static str,
    /// What stands in it where there is room.
    #[serde(skip_serializing_if = "String::is_empty")]
    label: String,
    /// What it says when it is pointed at.
    pub(super) text: String,
}

/// Draws a timeline; nothing when nothing was observed, as in a check that starts nothing.
pub(super) fn draw(observations: &[Observation]) -> Option<Drawing> {
    let start = observations.first()?.at;
    let end = observations.iter().map(|observation| observation.at).max()?;
    let scenario = Scenario { observations, start, end };
    let mut lanes = vec![scenario.steps()];
    lanes.extend([Endpoint::Readiness, Endpoint::Liveness, Endpoint::Business].map(|endpoint| scenario.answers(endpoint)));
    let services = scenario.services();
    lanes.push(scenario.units());
    lanes.extend(services.iter().map(|service| scenario.life(service)));
    lanes.extend(services.iter().map(|service| scenario.use_of(service)));
    lanes.extend(services.iter().map(|service| scenario.sessions(service)));
    lanes.extend(services.iter().map(|service| scenario.attempts(service)));
    lanes.extend(services.iter().map(|service| scenario.log(service)));
    lanes.push(scenario.notes());
    lanes.retain(|lane| !lane.items.is_empty());
    let drawing = Drawing { end: scenario.ms(end), lanes, shades: scenario.faults(), marks: scenario.signals() };
    let is_empty = drawing.lanes.iter().all(|lane| lane.of == Of::Steps) && drawing.shades.is_empty() && drawing.marks.is_empty();
    (!is_empty).then_some(drawing)
}

/// Draws an experiment, with what is done in it, and not what is looked at for one of its checks.
pub(super) fn draw_shared(observations: &[Observation]) -> Option<Drawing> {
    draw(&observations.iter().filter(|one| is_shared(one)).cloned().collect::<Vec<_>>())
}

/// Whether it is no step that is taken for one check alone.
fn is_shared(observation: &Observation) -> bool {
    !matches!(observation.fact, Fact::Step { check: Some(_), .. })
}

/// What is looked at for a check of an experiment, and when: to be drawn above the experiment's lanes, with which it shares its times.
pub(super) fn draw_turn(observations: &[Observation], check: &str) -> Option<Lane> {
    let start = observations.iter().find(|one| is_shared(one))?.at;
    let end = observations.iter().map(|observation| observation.at).max()?;
    let scenario = Scenario { observations, start, end };
    let steps = scenario.facts().filter_map(|(at, fact)| match fact {
        Fact::Step { line, check: Some(of) } if of == check => Some((at, line.to_string())),
        _ => None,
    });
    let steps: Vec<(Duration, String)> = steps.collect();
    let lane = scenario.lane_of_steps("this check", &steps, end_of_turn(observations, check).unwrap_or(end));
    (!lane.items.is_empty()).then_some(lane)
}

#[derive(Clone, Copy)]
struct Scenario<'a> {
    observations: &'a [Observation],
    start: Duration,
    end: Duration,
}

impl<'a> Scenario<'a> {
    fn facts(&self) -> impl Iterator<Item = (Duration, &'a Fact)> + use<'a> {
        self.observations.iter().map(|observation| (observation.at, &observation.fact))
    }

    /// Milliseconds from the start of the scenario, to the tenth.
    fn ms(&self, at: Duration) -> f64 {
        (at.saturating_sub(self.start).as_secs_f64() * 1e4).round() / 10.0
    }

    fn span(&self, from: Duration, to: Duration, kind: &'static str, label: impl Into<String>, text: impl Into<String>) -> Item {
        let known = self.ms(from);
        Item { from: known, to: Some(self.ms(to)), known, kind, label: label.into(), text: text.into() }
    }

    fn point(&self, at: Duration, kind: &'static str, text: impl Into<String>) -> Item {
        let known = self.ms(at);
        Item { from: known, to: None, known, kind, label: String::new(), text: text.into() }
    }

    /// Every service that something is known of, in the order of their first fact.
    fn services(&self) -> Vec<String> {
        let mut services: Vec<String> = vec![];
        for (_, fact) in self.facts() {
            let (Fact::Container { service, .. }
            | Fact::Dependency { service, .. }
            | Fact::Attempt { service }
            | Fact::Sessions { service, .. }
            | Fact::Log { service, .. }) = fact
            else {
                continue;
            };
            if !services.contains(service) {
                services.push(service.clone());
            }
        }
        services
    }

    fn steps(&self) -> Lane {
        let steps = self.facts().filter_map(|(at, fact)| match fact {
            Fact::Step { line, .. } => Some((at, line.to_string())),
            _ => None,
        });
        self.lane_of_steps("steps", &steps.collect::<Vec<_>>(), self.end)
    }

    fn lane_of_steps(&self, name: &str, steps: &[(Duration, String)], end: Duration) -> Lane {
        let ends = steps.iter().skip(1).map(|(at, _)| *at).chain([end]);
        let items = steps.iter().zip(ends).map(|((at, text), end)| self.span(*at, end, "idle", text, text)).collect();
        Lane::new(name, Of::Steps, items)
    }

    /// Stretches of like answers, from when the first was asked for to when the next different one was.
    fn answers(&self, endpoint: Endpoint) -> Lane {
        let answers = self.facts().filter_map(|(at, fact)| match fact {
            Fact::Probe { endpoint: asked, sent, answer, body } if *asked == endpoint => Some((*sent, at, answer, body)),
            _ => None,
        });
        // From the first question over the first answer to the last one.
        let mut stretches: Vec<([Duration; 3], &Answer, usize, &Option<String>)> = vec![];
        for (sent, at, answer, body) in answers {
            match stretches.last_mut() {
                Some(([.., end], last, count, _)) if *last == answer => (*end, *count) = (at, *count + 1),
                _ => stretches.push(([sent, at, at], answer, 1, body)),
            }
        }
        let items = stretches.into_iter().map(|([from, first, to], answer, count, body)| {
            let body = body.as_ref().map(|body| format!("\n{}", excerpt(body, 0))).unwrap_or_default();
            let (label, times) = (short(answer), if count == 1 { "once".to_owned() } else { format!("{count} times") });
            let span = self.span(from, to, kind_of(answer), label, format!("{answer}, {times}{body}"));
            Item { known: self.ms(first), ..span }
        });
        Lane::new(endpoint.to_string(), Of::Answers, items.collect())
    }

    /// What was said of units of work, in stretches.
    fn units(&self) -> Lane {
        let mut items: Vec<Item> = vec![];
        let mut last: Option<(u32, &UnitState)> = None;
        for (at, fact) in self.facts() {
            let Fact::Unit { unit, sent, state } = fact else { continue };
            if let (true, Some(item)) = (last == Some((*unit, state)), items.last_mut()) {
                item.to = Some(self.ms(at));
            } else {
                let (kind, label) = match state {
                    UnitState::PutIn => ("idle", "put in"),
                    UnitState::Open { .. } => ("warn", "not done"),
                    UnitState::Done => ("ok", "done"),
                    UnitState::Unclear { .. } => ("warn", "unclear"),
                };
                items.push(self.span(*sent, at, kind, label, format!("unit {unit}: {state}")));
            }
            last = Some((*unit, state));
        }
        Lane::new("work", Of::Answers, items)
    }

    /// Created, running, healthy, frozen, ended.
    fn life(&self, service: &str) -> Lane {
        let mut items: Vec<Item> = vec![];
        let mut open: Option<(Duration, &'static str, &'static str, String)> = None;
        let mut turn = |at: Duration, next: Option<(&'static str, &'static str, String)>| {
            if let Some((from, kind, label, text)) = open.take() {
                items.push(self.span(from, at, kind, label, text));
            }
            open = next.map(|(kind, label, text)| (at, kind, label, text));
        };
        for (at, fact) in self.facts() {
            match fact {
                Fact::Container { service: name, change } if name == service => match change {
                    ContainerChange::Created { .. } => {
                        turn(at, Some(("idle", "created", "is created, and not started yet".into())));
                    }
                    ContainerChange::Started { pid } => {
                        let runs =
                            pid.map_or("was started".to_owned(), |pid| format!("runs as process {pid} of the engine's machine"));
                        turn(at, Some(("ok", "running", runs)));
                    }
                    ContainerChange::Health { healthy: true } => {
                        turn(at, Some(("ok", "healthy", "its health check says healthy".into())));
                    }
                    ContainerChange::Health { healthy: false } => {
                        turn(at, Some(("warn", "unhealthy", "its health check says unhealthy".into())));
                    }
                    ContainerChange::Died { exit_code, oom_killed } => {
                        let why = if *oom_killed { ", out of memory" } else { "" };
                        turn(at, Some(("bad", "ended", format!("ended with status {exit_code}{why}"))));
                    }
                },
                Fact::Fault { service: name, fault: FaultKind::Frozen | FaultKind::Stopped, phase } if name == service => {
                    match phase {
                        Phase::Begins => turn(at, Some(("warn", "frozen", "none of its processes runs".into()))),
                        Phase::Ends => turn(at, Some(("ok", "running", "runs again".into()))),
                    }
                }
                _ => {}
            }
        }
        turn(self.end, None);
        Lane::new(service, Of::Life, items)
    }

    /// Whether a dependency could be used.
    fn use_of(&self, service: &str) -> Lane {
        let mut items: Vec<Item> = vec![];
        let mut last: Option<&DependencyState> = None;
        for (at, fact) in self.facts() {
            let Fact::Dependency { service: name, sent, state } = fact else { continue };
            if name != service {
                continue;
            }
            if let (true, Some(item)) = (last == Some(state), items.last_mut()) {
                item.to = Some(self.ms(at));
            } else {
                let (kind, label, text) = match state {
                    DependencyState::Accepting => ("ok", "serves", "serves requests".to_owned()),
                    DependencyState::NotAccepting { reason } => ("bad", "does not serve", reason.clone()),
                    DependencyState::Rejecting { reason } => ("bad", "rejects", reason.clone()),
                    DependencyState::Unclear { reason } => ("warn", "unclear", reason.clone()),
                    DependencyState::Lost => ("bad", "lost", "an open session ended".to_owned()),
                };
                items.push(self.span(*sent, at, kind, label, text));
            }
            last = Some(state);
        }
        Lane { about: service.to_owned(), ..Lane::new(format!("{service}: use"), Of::Use, items) }
    }

    fn sessions(&self, service: &str) -> Lane {
        let items = self.facts().filter_map(|(at, fact)| match fact {
            Fact::Sessions { service: name, count } if name == service => {
                Some(self.point(at, "ok", format!("{count} sessions of the app")))
            }
            _ => None,
        });
        Lane::new(format!("{service}: sessions"), Of::Sessions, items.collect())
    }

    fn attempts(&self, service: &str) -> Lane {
        let attempts = self.facts().filter_map(|(at, fact)| match fact {
            Fact::Attempt { service: name } if name == service => Some((at, "the app tries to connect")),
            _ => None,
        });
        Lane::new(format!("{service}: attempts"), Of::Attempts, self.gather(attempts, "attempts"))
    }

    fn log(&self, service: &str) -> Lane {
        let lines = self.facts().filter_map(|(at, fact)| match fact {
            Fact::Log { service: name, line, .. } if name == service => Some((at, line.as_str())),
            _ => None,
        });
        Lane::new(format!("{service}: log"), Of::Log, self.gather(lines, "lines"))
    }

    /// Points that lie so close that a drawing can't tell them apart become one that says how many they are.
    fn gather(&self, points: impl Iterator<Item = (Duration, &'a str)>, what: &str) -> Vec<Item> {
        let piece = (self.end.saturating_sub(self.start) / PIECES).max(Duration::from_millis(1));
        let mut pieces: BTreeMap<u128, (Duration, Vec<&str>)> = BTreeMap::new();
        for (at, text) in points {
            let number = at.saturating_sub(self.start).as_nanos() / piece.as_nanos();
            pieces.entry(number).or_insert_with(|| (at, vec![])).1.push(text);
        }
        let item = |(at, texts): (Duration, Vec<&str>)| match &texts[..] {
            [text] => self.point(at, "idle", *text),
            texts => {
                let more = texts.len().saturating_sub(TOLD);
                let more = if more > 0 { format!("\n… and {more} more") } else { String::new() };
                let told = texts[..texts.len().min(TOLD)].join("\n");
                self.point(at, "idle", format!("{} {what}\n{told}{more}", texts.len()))
            }
        };
        pieces.into_values().map(item).collect()
    }

    fn notes(&self) -> Lane {
        let items = self.facts().filter_map(|(at, fact)| match fact {
            Fact::Load { load: LoadCount { complete, refused, unclear, torn, .. } } => Some(self.point(
                at,
                if torn.is_empty() { "ok" } else { "bad" },
                format!("under load: {complete} answered, {refused} refused, {unclear} unclear, {} cut off", torn.len()),
            )),
            Fact::Zombies { service, pids } => Some(self.point(
                at,
                if pids.is_empty() { "ok" } else { "bad" },
                format!("{} zombie processes of {service}", pids.len()),
            )),
            Fact::Blind { what, .. } => Some(self.point(at, "bad", format!("{what} could no longer be followed"))),
            Fact::Thinned { of, count, bytes, unread, .. } => Some(self.point(at, "idle", left_out(of, *count, *bytes, *unread))),
            Fact::Usage { .. } => crate::judge::used(self.observations).map(|used| self.point(at, "ok", used)),
            _ => None,
        });
        Lane::new("notes", Of::Notes, items.collect())
    }

    /// Faults from begin to end, or to the end of the scenario.
    fn faults(&self) -> Vec<Item> {
        let mut open: Vec<(&str, FaultKind, Duration)> = vec![];
        let mut shades = vec![];
        for (at, fact) in self.facts() {
            let Fact::Fault { service, fault, phase } = fact else { continue };
            match phase {
                Phase::Begins => open.push((service, *fault, at)),
                Phase::Ends => {
                    if let Some(place) = open.iter().position(|(name, kind, _)| name == service && kind == fault) {
                        let (service, fault, from) = open.remove(place);
                        shades.push(self.span(from, at, "bad", "", format!("{service} {}", disturbed(fault))));
                    }
                }
            }
        }
        let still = open
            .into_iter()
            .map(|(service, fault, from)| self.span(from, self.end, "bad", "", format!("{service} {}", disturbed(fault))));
        shades.extend(still);
        shades
    }

    fn signals(&self) -> Vec<Item> {
        let signals = self.facts().filter_map(|(at, fact)| match fact {
            Fact::Signal { service, signal } => Some(self.point(at, "bad", format!("{signal} to {service}"))),
            _ => None,
        });
        signals.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FactId;
    use crate::model::ScenarioLine;

    fn at(ms: u64, fact: Fact) -> Observation {
        Observation { id: FactId::default(), at: Duration::from_millis(ms), fact }
    }

    fn probe(ms: u64, status: u16) -> Observation {
        at(
            ms,
            Fact::Probe {
                endpoint: Endpoint::Readiness,
                sent: Duration::from_millis(ms - 2),
                answer: Answer::Status(status),
                body: None,
            },
        )
    }

    #[test]
    fn like_answers_are_one_span_however_many() {
        let mut observations: Vec<Observation> = (1..=100_000).map(|index| probe(index * 10, 200)).collect();
        observations.push(probe(1_000_010, 503));
        let drawing = draw(&observations).expect("not empty");
        assert_eq!(drawing.lanes.len(), 1);
        let items = &drawing.lanes[0].items;
        let told: Vec<_> = items.iter().map(|item| (item.kind, item.text.as_str())).collect();
        assert_eq!(told, [("ok", "200, 100000 times"), ("warn", "503, once")]);
    }

    #[test]
    fn lines_that_lie_close_are_one_point_that_counts_them() {
        let log = |ms, line: &str| {
            at(ms, Fact::Log { service: "app".into(), stream: crate::model::LogStream::Stdout, line: line.into(), is_cut: false })
        };
        let observations = [log(0, "one"), log(1, "two"), log(60_000, "<script>")];
        let drawing = draw(&observations).expect("not empty");
        let texts: Vec<&str> = drawing.lanes[0].items.iter().map(|item| item.text.as_str()).collect();
        assert_eq!(texts, ["2 lines\none\ntwo", "<script>"]);
    }

    #[test]
    fn a_life_is_drawn_to_its_end_and_a_fault_that_is_not_healed_to_the_scenarios() {
        let container = |change| Fact::Container { service: "db".into(), change };
        let observations = [
            at(0, container(ContainerChange::Created { restarts: false })),
            at(40, container(ContainerChange::Started { pid: Some(7) })),
            at(100, Fact::Fault { service: "db".into(), fault: FaultKind::Killed, phase: Phase::Begins }),
            at(110, container(ContainerChange::Died { exit_code: 137, oom_killed: false })),
            at(500, Fact::Step { line: ScenarioLine { text: "Then nothing".into(), ..ScenarioLine::default() }, check: None }),
        ];
        let drawing = draw(&observations).expect("not empty");
        let life = drawing.lanes.iter().find(|lane| lane.name == "db").expect("a lane");
        let spans: Vec<_> = life.items.iter().map(|item| (item.from, item.to, item.label.as_str())).collect();
        assert_eq!(spans, [(0.0, Some(40.0), "created"), (40.0, Some(110.0), "running"), (110.0, Some(500.0), "ended")]);
        assert_eq!(drawing.shades[0].to, Some(500.0));
    }
}
