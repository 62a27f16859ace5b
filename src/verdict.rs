//! Verdicts: what a timeline proves. Pure functions, facts in and ruling out; nothing here waits, asks or writes.
//!
//! A judge may only say "broken" with a fact that proves it. Where a fact could not be measured, it says nothing: that the
//! question stays open at the limit is for the caller to report as "could not run".

mod app;
mod attempts;
mod build;
mod content;
mod dependency;
mod files;
mod health;
mod image;
mod log;
mod logging;
mod process;
mod scan;
mod stop;
mod user;
mod words;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::app::{Judged, Lasting, Wanted, answered, left_nothing_hanging, never_ready_before, stayed};
pub use self::attempts::{attempts, backed_off, paced};
pub use self::build::{installs_dependencies, reuses_dependencies};
pub use self::content::{
    code_is_not_writable, fits, has_no_caches, has_no_compilers, has_no_package_managers, has_no_setuid,
    keeps_secrets_out_of_files, keeps_secrets_out_of_history, keeps_secrets_out_of_settings, wastes_little,
};
pub use self::dependency::{Awaited, became_healthy, completed, started_to_accept};
pub use self::files::{log_files, written_outside};
pub use self::health::{health_turned, not_healthy_before_ready};
pub use self::image::{HealthTimes, exposes_its_ports, handles_stop_signal, is_exec_form, is_labelled, is_well_timed};
pub use self::log::{
    body_named, gave_up_cleanly, kept_secrets, named, names_of, no_trace_per_attempt, told_of_login, was_discreet,
};
pub use self::logging::{had_last_words, is_structured, wrote};
pub use self::process::{left_no_zombies, ran_without_root, stayed_the_same_process};
pub use self::scan::has_no_grave_weakness;
pub use self::stop::{Stop, answered_in_flight, ended_with, signal_reached, stopped_in_time, tore_nothing, was_not_killed};
pub use self::user::{Identity, is_not_root, is_numeric};
pub use self::words::{count_exits, seconds, since, used};
use crate::timeline::{ContainerChange, Fact, Observation};

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every expectation held.
    Passed,
    /// An expectation was broken, with evidence.
    Failed,
    /// The stack has nothing that this check is about.
    NotApplicable,
    /// It failed, and the contract accepts that for now.
    Waived,
    /// It could not be found out.
    CouldNotRun,
}

/// How an expectation was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What should have been.
    pub expected: String,
    /// What was, over the whole window that was watched.
    pub seen: String,
}

/// What happened to a service's container, in the order of arrival.
fn changes<'a>(observations: &'a [Observation], service: &str) -> impl Iterator<Item = (Duration, &'a ContainerChange)> {
    observations.iter().filter_map(move |observation| match &observation.fact {
        Fact::Container { service: name, change } if name == service => Some((observation.at, change)),
        _ => None,
    })
}

/// Whether one of our own observers has ended, so that silence proves nothing.
#[must_use]
pub fn is_blind(observations: &[Observation]) -> Option<&str> {
    observations.iter().find_map(|observation| match &observation.fact {
        Fact::Blind { what } => Some(what.as_str()),
        _ => None,
    })
}
