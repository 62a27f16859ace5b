//! Every stack that ships with the project gets exactly the verdicts that its `expected.toml` says, no more and no less. The
//! reference is looked at by `tests/cucumber.rs`, which runs the same features.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use harness::{Test, tests};
use seaworthy::gherkin::Grouping;
use seaworthy::model::{Run, Verdict, id_in};
use seaworthy::suite::{Exceptions, Request, Scan, Silent, check, judge_again};
use serde::Deserialize;

mod engine;
mod harness;

const TESTS: &[Test] = tests! {
    always: [every_stack_is_tested, every_check_fails_on_some_twin, the_twins_are_built_from_the_reference],
};

fn main() -> ExitCode {
    let twins: Vec<Test> = twins::TESTS.iter().map(|test| Test { waits: true, ..*test }).collect();
    harness::run(&[TESTS, stacks::TESTS, &twins])
}

/// How many checks of one stack run at once: two stacks run side by side on two cores.
const JOBS: usize = 3;
/// Tested elsewhere.
const REFERENCE: &str = "fastapi-postgres";
/// Set to let every twin make every check, not only those of the topics in which it is to fail.
const ALL_CHECKS: &str = "SEAWORTHY_ALL_CHECKS";
/// Set to give every check an instance of its own: the oracle for those that share one.
const ISOLATED: &str = "SEAWORTHY_ISOLATED";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// The folder whose `expected.toml` holds the verdicts that are not given here.
    like: Option<PathBuf>,
    /// Whether checks that take more than a minute are made too.
    #[serde(default)]
    slow: bool,
    /// The checks that are made, as a tag expression, when not all of the topics in which it is to fail.
    only: Option<String>,
    /// The checks that are made unless all are asked for, as a tag expression: those that other stacks do not show.
    quick: Option<String>,
    /// What the stack may share, by key.
    #[serde(default)]
    allow: Vec<String>,
    /// The verdict of every check, by name.
    #[serde(default)]
    verdicts: BTreeMap<String, Verdict>,
    /// Other verdicts that are as true, of checks for which the speed of the machine decides whether there is something to judge.
    #[serde(default)]
    or: BTreeMap<String, Verdict>,
    /// Of a stack with several apps: what is expected of each.
    #[serde(default)]
    apps: BTreeMap<String, OfApp>,
    /// How many causes its failures have: one of a twin, and none of another stack, where it is not given.
    causes: Option<usize>,
    /// Words that the reason of a check must contain.
    #[serde(default)]
    says: BTreeMap<String, String>,
}

/// What is expected of one of several apps.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfApp {
    /// The folder of a stack with one app whose verdicts it has, where they are not given here.
    like: Option<PathBuf>,
    /// The verdict of every check, by its name without the app.
    #[serde(default)]
    verdicts: BTreeMap<String, Verdict>,
}

fn stacks() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks")
}

/// The passwords of a stack: its own, or those of the reference that it is made from.
fn passwords(stack: &Path) -> Vec<String> {
    let own = stack.join(".env");
    let file = if own.exists() { own } else { stacks().join("fastapi-postgres/.env") };
    let text = fs::read_to_string(file).expect("settings");
    text.lines().filter_map(|line| line.split_once("_PASSWORD=")).map(|(_, value)| value.to_owned()).collect()
}

fn expected(stack: &Path) -> Expected {
    let file = stack.join("expected.toml");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut read: Expected = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    for (app, OfApp { like, verdicts }) in std::mem::take(&mut read.apps) {
        let all = like.map_or(verdicts.clone(), |like| like_there(&stack.join(like), verdicts));
        read.verdicts.extend(all.into_iter().map(|(name, verdict)| (format!("{app}/{name}"), verdict)));
    }
    if let Some(like) = &read.like {
        read.verdicts = like_there(&stack.join(like), read.verdicts);
    }
    read
}

/// The verdicts of another stack, but for these.
fn like_there(other: &Path, own: BTreeMap<String, Verdict>) -> BTreeMap<String, Verdict> {
    let mut verdicts = expected(other).verdicts;
    for name in own.keys() {
        // A check that does not apply there has no dependency.
        let known = verdicts.contains_key(name) || verdicts.remove(name.split('[').next().unwrap_or_default()).is_some();
        assert!(known, "{}: {name} is unknown, and others are to be like there", other.display());
    }
    verdicts.extend(own);
    verdicts
}

fn assert_verdicts(stack: &str) {
    let path = stacks().join(stack);
    let Expected { mut verdicts, says, slow, only, quick, allow, or, causes, .. } = expected(&path);
    let topics = topics(&path);
    // What a stack of its own leaves out, it always leaves out.
    let makes_all = topics.is_some() && std::env::var_os(ALL_CHECKS).is_some();
    let (topics, only) = (topics.filter(|_| !makes_all), only.filter(|_| !makes_all));
    let of_topics = |topics: &BTreeSet<String>| topics.iter().map(|topic| format!("@{topic}")).collect::<Vec<_>>().join(" or ");
    let quick = quick.filter(|_| std::env::var_os(ALL_CHECKS).is_none());
    let tags = only.clone().or_else(|| quick.clone()).or_else(|| topics.as_ref().map(of_topics));
    let allowed = allow.iter().map(|key| key.parse().expect("a key")).collect();
    let exceptions = Exceptions { allowed, ..Exceptions::default() };
    let passwords = passwords(&path);
    assert!(!passwords.is_empty(), "{stack} has a password to keep");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let grouping = if std::env::var_os(ISOLATED).is_some() { Grouping::Isolated } else { Grouping::Rules };
    let request = Request {
        target: path.into(),
        jobs: Some(JOBS),
        tags,
        slow,
        exceptions,
        grouping,
        scan: Scan::Off,
        ..Request::default()
    };
    let run = runtime
        .block_on(check(&request, Arc::new(Silent), std::future::pending()))
        .unwrap_or_else(|error| panic!("{stack}: {} {:#?}", error.describe(), error.output()));
    let reasons: BTreeMap<String, String> =
        run.checks.iter().map(|check| (check.name(), seaworthy::report::message(check, "; "))).collect();
    let found = run.verdicts();
    if let (Some(topics), None) = (&topics, &only) {
        verdicts.retain(|name, _| topics.contains(topic(name)));
    } else if topics.is_some() && only.is_some() {
        // What is expected to fail must be among the checks that are made.
        verdicts.retain(|name, verdict| found.contains_key(name) || *verdict == Verdict::Failed);
    }
    if quick.is_some() {
        assert!(!found.is_empty(), "{stack}: no check was made");
        verdicts.retain(|name, _| found.contains_key(name));
    }
    verdicts.extend(or.into_iter().filter(|(name, verdict)| found.get(name) == Some(verdict)));
    if found != verdicts {
        let differ: Vec<String> = (found.keys().chain(verdicts.keys()).collect::<BTreeSet<_>>().into_iter())
            .filter(|name| found.get(*name) != verdicts.get(*name))
            .map(|name| format!("{name}: {:?} and not {:?}; {:?}", found.get(name), verdicts.get(name), reasons.get(name)))
            .collect();
        fail(&format!("{stack}: {differ:#?}"));
    }
    let saved = seaworthy::report::to_json(&run);
    // What is judged again, from the saved run alone, is the same to the last byte.
    let read = Run::read(saved.as_bytes()).expect("what was saved can be read");
    let again = seaworthy::report::to_json(&judge_again(&read));
    if again != saved {
        let differs = saved.lines().zip(again.lines()).find(|(before, after)| before != after);
        fail(&format!("{stack}: judged again it differs: {differs:#?}"));
    }
    assert_causes(stack, &run, causes, topics.is_some());
    for password in passwords {
        assert!(!saved.contains(&password), "{stack}: the saved run shows a password");
    }
    for (name, words) in says {
        let reason = &reasons[&name];
        if !reason.contains(&words) {
            fail(&format!("{stack}: {name} does not say {words:?} but {reason:?}"));
        }
    }
}

/// Each defect is told once: what a twin does wrong is one cause, and a good stack has none, unless its expectations say another number.
fn assert_causes(stack: &str, run: &Run, count: Option<usize>, is_twin: bool) {
    let told: BTreeSet<&str> = run.causes.iter().map(|cause| cause.check.as_str()).collect();
    let count = count.unwrap_or_else(|| usize::from(is_twin));
    if run.causes.len() != count {
        fail(&format!("{stack}: there are {} causes, and not {count}: {told:?}", run.causes.len()));
    }
}

/// Fails, and says so past the panic hook, which the runs beside this one silence now and then.
fn fail(message: &str) -> ! {
    let _ = writeln!(std::io::stderr(), "{message}");
    panic!("{message}");
}

fn topic(name: &str) -> &str {
    id_in(name).split('.').next().unwrap_or_default()
}

/// The topics of the checks that a twin is to fail; nothing for a good stack.
fn topics(stack: &Path) -> Option<BTreeSet<String>> {
    let text = fs::read_to_string(stack.join("expected.toml")).expect("a text");
    let own: Expected = toml::from_str(&text).expect("expectations");
    own.like.is_some().then(|| own.verdicts.keys().map(|name| topic(name).to_owned()).collect())
}

/// The id of a check, without its app and its dependency.
fn id(name: &str) -> String {
    id_in(name).to_owned()
}

macro_rules! stacks {
    ($($kind:ident { $($test:ident: $stack:literal;)* })*) => {
        $(mod $kind {
            pub(super) const TESTS: &[crate::Test] = crate::tests! { when crate::engine::is_there: [$($test),*] };

            $(fn $test() {
                super::assert_verdicts($stack);
            })*
        })*

        const TESTED: &[&str] = &[$($($stack),*),*];
    };
}

// Tests start in this order. Whole stacks take longest, so they come first, and of the twins the slowest.
stacks! {
    stacks {
        as_published: "as-published";
        celery_redis: "celery-redis";
        flask_lab_hardened: "flask-lab/hardened";
        flask_lab_insecure: "flask-lab/insecure";
        flask_mariadb_rabbitmq: "flask-mariadb-rabbitmq";
        forms_api_key: "forms/api-key";
        forms_grpc: "forms/grpc";
        forms_grpc_tls: "forms/grpc-tls";
        forms_host: "forms/host";
        forms_https: "forms/https";
        nginx_static: "nginx-static";
        node_postgres_redis: "node-postgres-redis";
        web_worker: "web-worker";
    }
    twins {
        gives_up_after_a_minute: "defects/gives-up-after-a-minute";
        memory_hog: "defects/memory-hog";
        always_ready: "defects/always-ready";
        healthcheck_needs_curl: "defects/healthcheck-needs-curl";
        never_reconnects: "defects/never-reconnects";
        accepts_and_hangs: "defects/accepts-and-hangs";
        anonymous_503: "defects/anonymous-503";
        api_key_in_log: "defects/api-key-in-log";
        buffered_logs: "defects/buffered-logs";
        celery_hangs_on_a_frozen_broker: "defects/celery-hangs-on-a-frozen-broker";
        celery_loses_work: "defects/celery-loses-work";
        celery_shell_in_front: "defects/celery-shell-in-front";
        copy_before_install: "defects/copy-before-install";
        crashes_on_outage: "defects/crashes-on-outage";
        depends_on_short_form: "defects/depends-on-short-form";
        drops_in_flight: "defects/drops-in-flight";
        drops_late: "defects/drops-late";
        exits_1_on_sigterm: "defects/exits-1-on-sigterm";
        exits_without_database: "defects/exits-without-database";
        exits_zero_on_failure: "defects/exits-zero-on-failure";
        fails_on_dns: "defects/fails-on-dns";
        fatal_on_57p03: "defects/fatal-on-57p03";
        flapping: "defects/flapping";
        grpc_always_serving: "defects/grpc-always-serving";
        grpc_tls_always_serving: "defects/grpc-tls-always-serving";
        hardcoded_uid: "defects/hardcoded-uid";
        health_200_with_error: "defects/health-200-with-error";
        healthcheck_exit_0: "defects/healthcheck-exit-0";
        healthcheck_timing: "defects/healthcheck-timing";
        host_drops_in_flight: "defects/host-drops-in-flight";
        hot_loop: "defects/hot-loop";
        https_always_ready: "defects/https-always-ready";
        ignores_sigint: "defects/ignores-sigint";
        ignores_sigterm: "defects/ignores-sigterm";
        ignores_sigterm_early: "defects/ignores-sigterm-early";
        latest_tag: "defects/latest-tag";
        keeps_pip: "defects/keeps-pip";
        leaks_in_body: "defects/leaks-in-body";
        leaks_on_reconnect: "defects/leaks-on-reconnect";
        leaks_password: "defects/leaks-password";
        leaks_sessions: "defects/leaks-sessions";
        literal_secret: "defects/literal-secret";
        liveness_checks_database: "defects/liveness-checks-database";
        lock_outlives_kill: "defects/lock-outlives-kill";
        logs_to_file: "defects/logs-to-file";
        named_user: "defects/named-user";
        needs_capability: "defects/needs-capability";
        no_dockerignore: "defects/no-dockerignore";
        no_healthcheck: "defects/no-healthcheck";
        no_labels: "defects/no-labels";
        no_limits: "defects/no-limits";
        no_pool_check: "defects/no-pool-check";
        no_retry: "defects/no-retry";
        no_timeout: "defects/no-timeout";
        no_volume: "defects/no-volume";
        odd_stop_signal: "defects/odd-stop-signal";
        over_budget: "defects/over-budget";
        package_cache: "defects/package-cache";
        pins_address: "defects/pins-address";
        plain_logs: "defects/plain-logs";
        privileged: "defects/privileged";
        published_database: "defects/published-database";
        runs_as_root: "defects/runs-as-root";
        second_signal_kills: "defects/second-signal-kills";
        waits_for_clients: "defects/waits-for-clients";
        busy_readiness: "defects/busy-readiness";
        secret_in_arg: "defects/secret-in-arg";
        secret_in_deleted_layer: "defects/secret-in-deleted-layer";
        secret_in_env: "defects/secret-in-env";
        setuid_helper: "defects/setuid-helper";
        setuid_start: "defects/setuid-start";
        shell_form_cmd: "defects/shell-form-cmd";
        silent_default: "defects/silent-default";
        single_stage: "defects/single-stage";
        sleeps_at_start: "defects/sleeps-at-start";
        sleeps_through_sigterm: "defects/sleeps-through-sigterm";
        stack_trace_errors: "defects/stack-trace-errors";
        stale_pid_file: "defects/stale-pid-file";
        waits_for_database: "defects/waits-for-database";
        wasteful_layers: "defects/wasteful-layers";
        worker_exits_on_outage: "defects/worker-exits-on-outage";
        writable_code: "defects/writable-code";
        writes_to_root: "defects/writes-to-root";
        wrong_expose: "defects/wrong-expose";
        zombies: "defects/zombies";
    }
}

fn every_stack_is_tested() {
    let folders = |folder: PathBuf| fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let found: BTreeSet<String> = folders(stacks())
        .chain(["defects", "flask-lab", "forms"].into_iter().flat_map(|folder| folders(stacks().join(folder))))
        .filter(|folder| folder.join("compose.yaml").exists())
        .map(|folder| folder.strip_prefix(stacks()).expect("inside stacks").display().to_string())
        .collect();
    assert_eq!(found, TESTED.iter().chain([&REFERENCE]).map(|&stack| stack.to_owned()).collect());
}

fn every_check_fails_on_some_twin() {
    let must_fail = expected(&stacks().join("fastapi-postgres")).verdicts;
    let twins = TESTED.iter().filter(|stack| stack.starts_with("defects/"));
    let failed: BTreeSet<String> = twins
        .flat_map(|twin| expected(&stacks().join(twin)).verdicts)
        .filter(|(_, verdict)| *verdict == Verdict::Failed)
        .map(|(name, _)| id(&name))
        .collect();
    // What a scanner finds is different tomorrow; `tests/cli/` gives it a report.
    let ids = must_fail.keys().map(|name| id(name)).filter(|id| id != "image.scan");
    assert_eq!(failed, ids.collect());
}

fn the_twins_are_built_from_the_reference() {
    let read = |file: &str| fs::read_to_string(stacks().join(file)).expect("a Dockerfile");
    assert!(
        read("defects/Dockerfile").contains(&read("fastapi-postgres/Dockerfile")),
        "stacks/defects/Dockerfile no longer holds stacks/fastapi-postgres/Dockerfile: copy it over"
    );
}
