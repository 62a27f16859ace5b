//! The steps: general sentences about a stack, from which every check is written.
//!
//! All steps stand in one table, so that they can be listed, and so that a test can prove that every line of every
//! feature matches exactly one of them.

mod given;
mod then;
mod when;

use std::time::Duration;

use cucumber::gherkin::StepType;
use cucumber::step::{Collection, Context};
use futures::future::LocalBoxFuture;
use regex::Regex;

use super::{Failure, ScenarioWorld};

/// A sentence that scenarios may use.
#[derive(Clone, Copy, Debug)]
pub struct StepDefinition {
    /// Given, When or Then.
    pub keyword: StepType,
    /// The regular expression that the sentence matches, from its first to its last character.
    pub pattern: &'static str,
    /// A sentence that matches.
    pub example: &'static str,
    run: cucumber::Step<ScenarioWorld>,
}

/// The words of a sentence that its pattern captured, in order.
type Words = Vec<String>;

macro_rules! steps {
    ($($keyword:ident $pattern:literal, $example:literal => $function:path;)*) => {
        &[$(StepDefinition {
            keyword: StepType::$keyword,
            pattern: $pattern,
            example: $example,
            run: |world, context| take(world, context, |world, words| Box::pin($function(world, words))),
        }),*]
    };
}

/// Every sentence that the built-in steps understand.
pub const STEPS: &[StepDefinition] = steps! {
    Given "the processes of the app are watched", "the processes of the app are watched" => given::processes_are_watched;
    Given "the health check of the app runs every second", "the health check of the app runs every second" => given::health_check_runs_often;
    Given "the health check of the app runs every second, with its own time-out", "the health check of the app runs every second, with its own time-out" => given::health_check_runs_often_as_declared;
    Given "the database has another password than the app", "the database has another password than the app" => given::database_has_another_password;
    Given r"(the database|the main dependency|\S+) is behind the tap", "db is behind the tap" => given::is_behind_the_tap;
    Given r"(the database|the main dependency|\S+) is behind the tap, where there can be one", "db is behind the tap, where there can be one" => given::is_behind_the_tap_if_possible;
    Given "nobody asks the app anything", "nobody asks the app anything" => given::nobody_asks;
    Given "the root file system of the app is read-only", "the root file system of the app is read-only" => given::root_is_read_only;
    Given "the root file system of the app can be written to", "the root file system of the app can be written to" => given::root_is_writable;
    Given "the app has no capabilities", "the app has no capabilities" => given::no_capabilities;
    Given "the app can gain no privileges", "the app can gain no privileges" => given::no_new_privileges;
    Given r"the app has (\d+) MiB of memory and half a processor", "the app has 512 MiB of memory and half a processor" => given::limits;
    Given r"the app runs as user (\d+:\d+)", "the app runs as user 12345:0" => given::user;
    Given "the stack is ready", "the stack is ready" => given::stack_is_ready;
    Given "the app is started", "the app is started" => given::app_is_started;
    Given "the app and its dependencies are started", "the app and its dependencies are started" => given::app_and_dependencies;
    Given r"every service but (the database|the main dependency|\S+) is started", "every service but db is started" => given::all_but_one;

    When "all services start on fresh data, the database last", "all services start on fresh data, the database last" => when::start::all_database_last;
    When "the database and the app start at the same moment", "the database and the app start at the same moment" => when::start::together;
    When r"(the database|the main dependency|\S+) starts (\d+) seconds after the app", "the database starts 6 seconds after the app" => when::start::late;
    When r"(the database|the main dependency|\S+) starts (\d+) seconds after the app first tries to reach it", "db starts 6 seconds after the app first tries to reach it" => when::wire::late;
    When r"the app is started while (the database|the main dependency|\S+) (refuses connections|is starting up), for (\d+) seconds", "the app is started while db refuses connections, for 4 seconds" => when::wire::started_while;
    When "the app is told to stop", "the app is told to stop" => when::stop::told;
    When r"the app is told to stop (\d+) milliseconds after its start", "the app is told to stop 300 milliseconds after its start" => when::stop::told_after;
    When "the app is told to stop while it waits", "the app is told to stop while it waits" => when::stop::told_while_waiting;
    When "the app is told to stop while clients ask all the time", "the app is told to stop while clients ask all the time" => when::stop::told_under_load;
    When "the app is interrupted", "the app is interrupted" => when::stop::interrupted;
    When "the app is stopped, and started again", "the app is stopped, and started again" => when::stop::stopped_and_started;
    When r"a request is held open by (the database|the main dependency|\S+)", "a request is held open by db" => when::stop::request_is_held;
    When r"the app is told to stop (once|twice), and then (the database|the main dependency|\S+) goes on", "the app is told to stop once, and then db goes on" => when::stop::told_while_held;
    When r"(the database|the main dependency|\S+) is (killed|frozen|cut off)", "db is killed" => when::disturb::is_disturbed;
    When r"(the database|the main dependency|\S+) is (killed|frozen|cut off) for (\d+) seconds", "db is frozen for 3 seconds" => when::disturb::is_disturbed_for;
    When r"(the database|the main dependency|\S+) is killed and started again (\d+) times", "db is killed and started again 5 times" => when::disturb::flaps;
    When r"(the database|the main dependency|\S+) comes back at another address", "db comes back at another address" => when::disturb::moves;
    When r"all connections to (the database|the main dependency|\S+) are reset", "all connections to db are reset" => when::wire::is_reset;
    When r"(the database|the main dependency|\S+) answers (\d+) seconds late", "db answers 2 seconds late" => when::wire::answers_late;
    When r"all packets to (the database|the main dependency|\S+) are lost", "all packets to db are lost" => when::wire::is_lost;
    When "the app is stopped in its tracks", "the app is stopped in its tracks" => when::stop::stopped_in_its_tracks;
    When "the app goes on", "the app goes on" => when::stop::goes_on;
    When "all connection slots of the database are taken", "all connection slots of the database are taken" => when::disturb::slots_are_taken;
    When "the connection slots are given back", "the connection slots are given back" => when::disturb::slots_are_given_back;

    Then "readiness answers no 2xx before the database accepts", "readiness answers no 2xx before the database accepts" => then::answers::not_ready_before_database;
    Then r"(readiness|liveness) answers (2xx|\d{3}) within (the startup limit|the recovery limit|the outage limit|the outage limit and one probe|\d+ seconds)", "readiness answers 2xx within the startup limit" => then::answers::within;
    Then r"(readiness|liveness) (answers 2xx|answers no 2xx|answers nothing but 503|never hangs) throughout (\d+) seconds", "readiness answers no 2xx throughout 3 seconds" => then::answers::throughout;
    Then r"the engine calls the app (healthy|unhealthy) within (\d+) seconds", "the engine calls the app healthy within 15 seconds" => then::answers::health_turns;
    Then "the engine did not call the app healthy before it was ready", "the engine did not call the app healthy before it was ready" => then::answers::not_healthy_too_early;
    Then r"the app makes at most (\d+) attempts to reach (the database|the main dependency|\S+) in the first second and (\d+) a second after", "the app makes at most 10 attempts to reach db in the first second and 5 a second after" => then::attempts::are_paced;
    Then r"the pauses between attempts to reach (the database|the main dependency|\S+) grow or are half a second long", "the pauses between attempts to reach db grow or are half a second long" => then::attempts::back_off;
    Then "the app is still the same process", "the app is still the same process" => then::process::same;
    Then "only an app that has not exited is judged", "only an app that has not exited is judged" => then::process::has_not_exited;
    Then "no process of the app runs as root", "no process of the app runs as root" => then::process::nothing_runs_as_root;
    Then "no process of the app is left as a zombie", "no process of the app is left as a zombie" => then::process::no_zombies;
    Then "the app exits within the stop grace period", "the app exits within the stop grace period" => then::stop::in_time;
    Then "nobody had to kill the app", "nobody had to kill the app" => then::stop::not_killed;
    Then "the exit status is one of the contract's", "the exit status is one of the contract's" => then::stop::status;
    Then "no shell swallowed the signal", "no shell swallowed the signal" => then::stop::reached;
    Then "the request is answered completely", "the request is answered completely" => then::stop::request_answered;
    Then "no accepted request is torn", "no accepted request is torn" => then::stop::nothing_torn;
    Then "nothing that is asked after the signal is left hanging", "nothing that is asked after the signal is left hanging" => then::stop::nothing_hangs;
    Then "a second later no session of the app is left", "a second later no session of the app is left" => then::sessions::none_left;
    Then r"the app has at most (\d+) sessions more than before", "the app has at most 2 sessions more than before" => then::sessions::not_many_more;
    Then r"the log of the app names (the database|the main dependency|\S+) within (\d+) seconds", "the log of the app names db within 10 seconds" => then::log::names_it;
    Then r"in (\d+) seconds the app logs no stack trace per attempt", "in 10 seconds the app logs no stack trace per attempt" => then::log::no_traces;
    Then r"the app, if it gives up without (the database|the main dependency|\S+) within (\d+) seconds, says so", "the app, if it gives up without db within 15 seconds, says so" => then::log::gives_up_cleanly;
    Then r"the log of the app tells of a failed login within (\d+) seconds", "the log of the app tells of a failed login within 10 seconds" => then::log::tells_of_login;
    Then "the app has written something", "the app has written something" => then::logging::wrote_something;
    Then "the app has written something since it was told to stop", "the app has written something since it was told to stop" => then::logging::has_last_words;
    Then r"the app writes no log file for (\d+) seconds", "the app writes no log file for 10 seconds" => then::logging::writes_no_files;
    Then "every line of the app is a JSON object with time, level and message", "every line of the app is a JSON object with time, level and message" => then::logging::every_line_is_structured;
    Then "the app shows no secret", "the app shows no secret" => then::log::keeps_secrets;
    Then "the body shows no secret, no connection string and no stack trace", "the body shows no secret, no connection string and no stack trace" => then::log::is_discreet;
    Then r"the body names (the database|the main dependency|\S+)", "the body names db" => then::log::body_names_it;
    Then "nothing can be written to the root file system of the app", "nothing can be written to the root file system of the app" => then::hardening::root_is_read_only;
    Then r"the app writes nothing outside temporary folders for (\d+) seconds", "the app writes nothing outside temporary folders for 20 seconds" => then::hardening::root_is_unchanged;
    Then "memory, processors and processes of the app are limited", "memory, processors and processes of the app are limited" => then::hardening::limits_are_declared;
    Then "no service reaches out of its container", "no service reaches out of its container" => then::hardening::nothing_is_privileged;
    Then "no dependency is published beyond this machine", "no dependency is published beyond this machine" => then::hardening::dependencies_are_private;
    Then "the app is started without a shell in between", "the app is started without a shell in between" => then::image::is_in_exec_form;
    Then "the image says what it is and where it came from", "the image says what it is and where it came from" => then::image::has_labels;
    Then "the environment, labels and command line of the image hold no secret", "the environment, labels and command line of the image hold no secret" => then::content::settings_keep_secrets;
    Then "the history of the image shows no secret", "the history of the image shows no secret" => then::content::history_keeps_secrets;
    Then "no layer of the image has a file with a secret", "no layer of the image has a file with a secret" => then::content::files_keep_secrets;
    Then "nothing in the image compiles or builds", "nothing in the image compiles or builds" => then::content::no_compilers;
    Then "nothing in the image installs packages", "nothing in the image installs packages" => then::content::no_package_managers;
    Then "no caches are left in the image", "no caches are left in the image" => then::content::no_caches;
    Then "later layers of the image overwrite and delete little", "later layers of the image overwrite and delete little" => then::content::little_waste;
    Then "the image is no larger than the contract allows", "the image is no larger than the contract allows" => then::content::size_fits;
    Then "no program beyond those of the base image changes the user of its caller", "no program beyond those of the base image changes the user of its caller" => then::content::no_setuid;
    Then "the user of the app can't change its code", "the user of the app can't change its code" => then::content::code_is_safe;
    Then "the image and those that it is made from have tags or digests", "the image and those that it is made from have tags or digests" => then::content::is_pinned_down;
    Then "the image is built in one stage and runs in another", "the image is built in one stage and runs in another" => then::content::has_stages;
    Then "the compose file holds no secret", "the compose file holds no secret" => then::content::no_literal_secrets;
    Then r"without a setting that it needs the app exits within (\d+) seconds and names it", "without a setting that it needs the app exits within 10 seconds and names it" => then::config::missing_settings_are_named;
    Then "the build gets nothing that it should not have", "the build gets nothing that it should not have" => then::content::context_is_clean;
    Then "a change of one source file does not install the dependencies again", "a change of one source file does not install the dependencies again" => then::content::dependencies_are_cached;
    Then "no known weakness of the image is high or critical", "no known weakness of the image is high or critical" => then::content::no_grave_weakness;
    Then "the app handles its stop signal", "the app handles its stop signal" => then::image::handles_stop_signal;
    Then "the image exposes the ports that the app listens on", "the image exposes the ports that the app listens on" => then::image::exposes_its_ports;
    Then "the app has a health check", "the app has a health check" => then::image::has_health_check;
    Then r"the health check of the app passes within (\d+) seconds", "the health check of the app passes within 60 seconds" => then::image::health_check_passes;
    Then "the times of the health check fit", "the times of the health check fit" => then::image::health_check_is_well_timed;
    Then "the user of the app is not root", "the user of the app is not root" => then::hardening::user_is_not_root;
    Then "the user of the app is a number", "the user of the app is a number" => then::hardening::user_is_a_number;
    Then "the app is started only when its dependencies are healthy", "the app is started only when its dependencies are healthy" => then::files::order_is_declared;
    Then "the data of the database is on a volume with a name", "the data of the database is on a volume with a name" => then::files::data_is_on_a_volume;
    Then "a row of the database is still there when its container is replaced", "a row of the database is still there when its container is replaced" => then::files::row_survives;
};

fn word(words: &Words, index: usize) -> Result<&str, Failure> {
    words.get(index).map(String::as_str).ok_or_else(|| Failure::not_measured("the step lacks a word"))
}

fn number(words: &Words, index: usize) -> Result<u64, Failure> {
    word(words, index)?.parse().map_err(|_| Failure::not_measured("the step's number is too large"))
}

fn seconds(words: &Words, index: usize) -> Result<Duration, Failure> {
    number(words, index).map(Duration::from_secs)
}

/// The built-in steps, together with those that were added with cucumber's attributes.
pub(super) fn collection() -> Collection<ScenarioWorld> {
    STEPS.iter().fold(<ScenarioWorld as cucumber::World>::collection(), |collection, step| {
        let (pattern, run) = (step.regex(), step.run);
        match step.keyword {
            StepType::Given => collection.given(None, pattern, run),
            StepType::When => collection.when(None, pattern, run),
            StepType::Then => collection.then(None, pattern, run),
        }
    })
}

impl StepDefinition {
    /// The pattern, anchored at both ends.
    ///
    /// # Panics
    ///
    /// Never: a test compiles every pattern of the table.
    #[must_use]
    pub fn regex(&self) -> Regex {
        match Regex::new(&format!("^{}$", self.pattern)) {
            Ok(regex) => regex,
            Err(error) => unreachable!("the pattern of a built-in step: {error}"),
        }
    }
}

/// Takes one step. A failure is kept in the world, where the suite finds it, and then told to cucumber in its own way: by a
/// panic, which its runner catches.
fn take(
    world: &mut ScenarioWorld,
    context: Context,
    run: for<'w> fn(&'w mut ScenarioWorld, Words) -> LocalBoxFuture<'w, Result<(), Failure>>,
) -> LocalBoxFuture<'_, ()> {
    Box::pin(async move {
        world.begin_step(&format!("{}{}", context.step.keyword, context.step.value));
        let words = context.matches.into_iter().skip(1).map(|(_, word)| word).collect();
        if let Err(failure) = run(world, words).await {
            let message = failure.to_string();
            world.failure = Some(failure);
            panic!("{message}");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Catalogue;

    fn matching(keyword: StepType, sentence: &str) -> Vec<&'static str> {
        STEPS.iter().filter(|step| step.keyword == keyword && step.regex().is_match(sentence)).map(|step| step.pattern).collect()
    }

    #[test]
    fn every_line_of_every_feature_matches_exactly_one_step() {
        for scenario in Catalogue::built_in().features().iter().flat_map(|feature| &feature.scenarios) {
            assert!(!scenario.steps.is_empty(), "{} has no steps", scenario.name);
            for step in &scenario.steps {
                let sentence = step.value.replace("<dependency>", "db");
                assert_eq!(matching(step.ty, &sentence).len(), 1, "{} {sentence}", step.keyword);
            }
        }
    }

    #[test]
    fn every_example_matches_its_own_step_alone() {
        for step in STEPS {
            assert_eq!(matching(step.keyword, step.example), [step.pattern]);
        }
    }
}
