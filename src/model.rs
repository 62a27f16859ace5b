//! The vocabulary of a run: what can be observed, what can be concluded from it, and the record of both.
//!
//! Pure data. Probes, faults and looks append facts; judges read them; reports are written from the record.

mod apps;
mod cause;
mod cut;
mod defect;
mod fact;
mod inspection;
mod limit;
mod mark;
mod markup;
mod mask;
mod outcome;
mod plain;
mod proof;
mod record;
mod scenario;
mod shape;
mod timeline;
mod version_1;

pub use self::apps::{AppRecord, Apps};
pub use self::cause::Cause;
pub use self::cut::{beginning, cut_mark, excerpt, is_cut};
pub use self::defect::{Defect, is_within};
pub use self::fact::{
    Answer, ContainerChange, DependencyState, Endpoint, Fact, FaultKind, Flood, LoadCount, LogStream, Phase, Process, Sight,
    StatusCount, UnitState, Usage, is_init,
};
pub use self::inspection::{
    BuildStep, HealthTimes, Inspection, Item, LayerBytes, Listing, Replacement, RowState, SettingOutcome, Trait, Weakness,
};
pub use self::mark::{Mark, Return};
pub use self::markup::{visible_text, without_styles};
pub use self::outcome::{FactId, Finding, Halt, Outcome, Place, Severity, Verdict};
pub use self::plain::without_escapes;
pub use self::proof::{CheckResult, KnownDefect, Proof, ProofResult, ProvenCheck, conclude_proof};
pub use self::record::{
    CheckRecord, Conclusion, Counts, ExperimentRecord, FORMAT_VERSION, ReadError, Run, SourceFiles, Subject, Tool, end_of_turn,
    id_in, in_app, schema,
};
pub use self::scenario::{Keyword, ScenarioLine};
pub use self::shape::shape;
pub use self::timeline::{Observation, Timeline, last_log_lines};
