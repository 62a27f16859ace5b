//! Runs the tests of a binary like the built-in harness does, except that a test which lacks something here says that it is
//! *ignored*, and why. The built-in one knows only at build time what it ignores.
//!
//! A binary with this harness has `harness = false` in `Cargo.toml`. There the compiler drops every `#[test]` without a word, so
//! `tests/layers.rs` looks for them; a function in no list is never used, of which the compiler warns.

use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Trial};

/// What the built-in harness ends with when a test has failed.
const FAILED: u8 = 101;

/// One test.
#[derive(Clone, Copy)]
pub(crate) struct Test {
    /// Its path, with the name of the binary in front.
    pub(crate) path: &'static str,
    /// Looks for what it needs.
    pub(crate) needs: fn() -> Result<(), Lack>,
    /// Makes it; panics when it fails.
    pub(crate) run: fn(),
    /// Whether it waits more than it works.
    pub(crate) waits: bool,
}

/// What a test needs and is not there.
pub(crate) struct Lack {
    /// What is missing, in words.
    pub(crate) what: &'static str,
    /// Whether it must be there where `CI` is set: without it the test then fails.
    pub(crate) must_be_in_ci: bool,
}

/// The tests of a module: `always` those that need nothing, `when NEED` those that need something.
macro_rules! tests {
    (@one $test:ident, $needs:expr) => {
        $crate::harness::Test { path: concat!(module_path!(), "::", stringify!($test)), needs: $needs, run: $test, waits: false }
    };
    ($(always: [$($free:ident),* $(,)?] $(,)?)? $(when $needs:path: [$($test:ident),* $(,)?] $(,)?)*) => {
        &[
            $($($crate::harness::tests!(@one $free, || Ok(())),)*)?
            $($($crate::harness::tests!(@one $test, $needs),)*)*
        ]
    };
}
pub(crate) use tests;

/// Runs those of the tests that the command line selects, in the order in which they are listed; those that mostly wait come last, with half as
/// many again at once.
pub(crate) fn run(modules: &[&[Test]]) -> ExitCode {
    let (waiting, working): (Vec<Test>, Vec<Test>) = modules.concat().into_iter().partition(|test| test.waits);
    let passed = [pass(working, 2), waiting.is_empty() || pass(waiting, 3)];
    if passed.contains(&false) { ExitCode::from(FAILED) } else { ExitCode::SUCCESS }
}

/// Runs tests, so many halves of the usual number at once. Returns whether none has failed.
fn pass(tests: Vec<Test>, halves: usize) -> bool {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or_else(|| {
        let threads = std::env::var("RUST_TEST_THREADS").ok()?;
        let threads: usize = threads.parse().unwrap_or_else(|_| panic!("RUST_TEST_THREADS is `{threads}`, and must be a number"));
        Some(threads * halves / 2)
    });
    let trials: Vec<Trial> = tests.into_iter().map(|test| trial(test, arguments.list)).collect();
    !libtest_mimic::run(&arguments, trials).has_failed()
}

fn trial(test: Test, is_listed: bool) -> Trial {
    let name = test.path.split_once("::").map_or(test.path, |(_, name)| name);
    let trial = Trial::ignorable_test(name, move || match (test.needs)() {
        Err(lack) if lack.fails() => Err(format!("CI is set, and {}", lack.what).into()),
        Err(lack) => Ok(Completion::ignored_with(lack.what)),
        Ok(()) => {
            (test.run)();
            Ok(Completion::Completed)
        }
    });
    // Another runner, such as nextest, decides by the list what it runs.
    trial.with_ignored_flag(is_listed && (test.needs)().is_err_and(|lack| !lack.fails()))
}

impl Lack {
    fn fails(&self) -> bool {
        self.must_be_in_ci && std::env::var_os("CI").is_some()
    }
}
