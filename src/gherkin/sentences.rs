//! The sentences: what scenarios are made of, and what each means.
//!
//! All of them stand in one table, so that they can be listed, and so that a test can prove that every line of every feature matches
//! exactly one of them.

use std::sync::LazyLock;
use std::time::Duration;

use cucumber::gherkin::{Step as GherkinStep, StepType};
use regex::Regex;

use crate::experiment::{Act, Disturbance, Line, Since, Step};
use crate::fault::WireFault;
use crate::judge::{Anchor, Claim, Lasting, Limit, Wanted};
use crate::model::{Endpoint, Keyword, ScenarioLine, Trait};
use crate::subject::Meant;

/// A sentence that scenarios may use.
#[derive(Clone, Copy, Debug)]
pub struct Sentence {
    /// Given, When or Then.
    pub keyword: Keyword,
    /// The regular expression that the sentence matches, from its first to its last character.
    pub pattern: &'static str,
    /// A sentence that matches.
    pub example: &'static str,
    /// What it means; nothing when a word of it can't be read, such as a number that is too large.
    read: fn(&Words) -> Option<Step>,
}

macro_rules! sentences {
    ($($keyword:ident $pattern:literal, $example:literal => $read:expr;)*) => {
        &[$(Sentence { keyword: Keyword::$keyword, pattern: $pattern, example: $example, read: $read }),*]
    };
}

/// Every sentence that there is.
pub const SENTENCES: &[Sentence] = sentences! {
    Given "the processes of the app are watched", "the processes of the app are watched" => |_| Some(Step::Act(Act::WatchProcesses));
    Given "the health check of the app runs every second", "the health check of the app runs every second" => |_| Some(Step::Act(Act::HealthCheckOften { own_timeout: false }));
    Given "the health check of the app runs every second, with its own timeout", "the health check of the app runs every second, with its own timeout" => |_| Some(Step::Act(Act::HealthCheckOften { own_timeout: true }));
    Given "the database has another password than the app", "the database has another password than the app" => |_| Some(Step::Act(Act::OtherPassword));
    Given r"(the database|the main dependency|\S+) is behind (?:a proxy|the tap)", "db is behind a proxy" => |words| Some(Step::Act(Act::Tap { dependency: words.service(0)?, if_possible: false }));
    Given r"(the database|the main dependency|\S+) is behind (?:a proxy|the tap), where there can be one", "db is behind a proxy, where there can be one" => |words| Some(Step::Act(Act::Tap { dependency: words.service(0)?, if_possible: true }));
    Given "the app gets no requests", "the app gets no requests" => |_| Some(Step::Act(Act::Quiet));
    Given "the root file system of the app is read-only", "the root file system of the app is read-only" => |_| Some(Step::Act(Act::RootFileSystem { read_only: true }));
    Given "the root file system of the app can be written to", "the root file system of the app can be written to" => |_| Some(Step::Act(Act::RootFileSystem { read_only: false }));
    Given "the app has no capabilities", "the app has no capabilities" => |_| Some(Step::Act(Act::NoCapabilities));
    Given "the app can gain no privileges", "the app can gain no privileges" => |_| Some(Step::Act(Act::NoNewPrivileges));
    Given r"the app has (\d+) MiB of memory and half a processor", "the app has 512 MiB of memory and half a processor" => |words| Some(Step::Act(Act::Limits { memory: words.number(0)? }));
    Given r"the app runs as user (\d+:\d+)", "the app runs as user 12345:0" => |words| Some(Step::Act(Act::User(words.word(0)?.to_owned())));
    Given "a parent process starts the app and passes no signal on", "a parent process starts the app and passes no signal on" => |_| Some(Step::Act(Act::SwallowSignals));
    Given "the health check of the app always passes", "the health check of the app always passes" => |_| Some(Step::Act(Act::AlwaysHealthy));
    Given "a proxy answers readiness with 200, whatever the app says", "a proxy answers readiness with 200, whatever the app says" => |_| Some(Step::Act(Act::AlwaysReady));
    Given r"the name of (the database|the main dependency|\S+) never resolves for the app", "the name of db never resolves for the app" => |words| Some(Step::Act(Act::Hide(words.service(0)?)));
    Given "the stack is ready", "the stack is ready" => |_| Some(Step::Act(Act::BringUp));
    Given "the app is started", "the app is started" => |_| Some(Step::Act(Act::StartApp));
    Given "the app and its dependencies are started", "the app and its dependencies are started" => |_| Some(Step::Act(Act::StartAppAndDependencies));
    Given r"every service but (the database|the main dependency|\S+) is started", "every service but db is started" => |words| Some(Step::Act(Act::StartWithout(words.service(0)?)));
    When "all services start on fresh data, the database last", "all services start on fresh data, the database last" => |_| Some(Step::Act(Act::ColdStart));
    When "the database and the app start at the same moment", "the database and the app start at the same moment" => |_| Some(Step::Act(Act::StartTogether));
    When r"(the database|the main dependency|\S+) starts (\d+) seconds after the app(?: should be ready)?", "the database starts 6 seconds after the app should be ready" => |words| Some(Step::Act(Act::StartLate { dependency: words.service(0)?, after: words.seconds(1)?, since: Since::ShouldBeReady }));
    When r"(the database|the main dependency|\S+) starts (\d+) seconds after the app first tries to reach it", "db starts 6 seconds after the app first tries to reach it" => |words| Some(Step::Act(Act::StartLate { dependency: words.service(0)?, after: words.seconds(1)?, since: Since::FirstAttempt }));
    When r"the app is started while (the database|the main dependency|\S+) (refuses connections|is starting up), for (\d+) seconds", "the app is started while db refuses connections, for 4 seconds" => |words| Some(Step::Act(Act::StartWhile { dependency: words.service(0)?, fault: words.refusal(1), time: Some(words.seconds(2)?) }));
    When r"the app is started while (the database|the main dependency|\S+) (refuses connections|is starting up)", "the app is started while db refuses connections" => |words| Some(Step::Act(Act::StartWhile { dependency: words.service(0)?, fault: words.refusal(1), time: None }));
    When "the app gets its stop signal", "the app gets its stop signal" => |_| Some(Step::Act(Act::Stop));
    When r"the app gets its stop signal (\d+) milliseconds after its start", "the app gets its stop signal 300 milliseconds after its start" => |words| Some(Step::Act(Act::StopAfter(Duration::from_millis(words.number(0)?))));
    When "the app gets its stop signal halfway through its start", "the app gets its stop signal halfway through its start" => |_| Some(Step::Act(Act::StopHalfway));
    When "the app gets its stop signal while it waits", "the app gets its stop signal while it waits" => |_| Some(Step::Act(Act::StopWhileWaiting));
    When "the app gets its stop signal under load", "the app gets its stop signal under load" => |_| Some(Step::Act(Act::StopUnderLoad));
    When "a patient client asks the app", "a patient client asks the app" => |_| Some(Step::Act(Act::AskPatiently));
    When "the app gets SIGINT", "the app gets SIGINT" => |_| Some(Step::Act(Act::Interrupt));
    When "the app is killed", "the app is killed" => |_| Some(Step::Act(Act::Kill));
    When "the app is started again", "the app is started again" => |_| Some(Step::Act(Act::StartAgain));
    When "the app is ready again", "the app is ready again" => |_| Some(Step::Act(Act::ReadyAgain));
    When "a unit of work is done with nothing disturbed", "a unit of work is done with nothing disturbed" => |_| Some(Step::Act(Act::FinishUnit));
    When "a unit of work is under way", "a unit of work is under way" => |_| Some(Step::Act(Act::BeginUnit));
    When "the unit of work is looked for", "the unit of work is looked for" => |_| Some(Step::Act(Act::LookForUnit));
    When r"a request is held open by (the database|the main dependency|\S+)", "a request is held open by db" => |words| Some(Step::Act(Act::HoldRequest(words.service(0)?)));
    When r"the app gets its stop signal (once|twice), and then (the database|the main dependency|\S+) goes on", "the app gets its stop signal once, and then db goes on" => |words| Some(Step::Act(Act::StopWhileHeld { twice: words.is(0, "twice"), dependency: words.service(1)? }));
    When r"(the database|the main dependency|\S+) is (killed|frozen|cut off)", "db is killed" => |words| Some(Step::Act(Act::Disturb { dependency: words.service(0)?, how: words.disturbance(1)? }));
    When r"(the database|the main dependency|\S+) is (killed|frozen|cut off) for (\d+) seconds", "db is frozen for 3 seconds" => |words| Some(Step::Act(Act::DisturbFor { dependency: words.service(0)?, how: words.disturbance(1)?, time: words.seconds(2)?, beyond: None }));
    When r"(the database|the main dependency|\S+) is (killed|frozen|cut off) for the outage limit and (\d+) seconds", "db is killed for the outage limit and 5 seconds" => |words| Some(Step::Act(Act::DisturbFor { dependency: words.service(0)?, how: words.disturbance(1)?, time: words.seconds(2)?, beyond: Some(Limit::Outage) }));
    When r"(the database|the main dependency|\S+) is (killed|frozen|cut off) for the outage limit, one probe and (\d+) seconds", "db is frozen for the outage limit, one probe and 9 seconds" => |words| Some(Step::Act(Act::DisturbFor { dependency: words.service(0)?, how: words.disturbance(1)?, time: words.seconds(2)?, beyond: Some(Limit::OutageAndProbe) }));
    When r"(the database|the main dependency|\S+) is killed and started again (\d+) times", "db is killed and started again 5 times" => |words| Some(Step::Act(Act::Flap { dependency: words.service(0)?, times: words.number(1)? }));
    When r"(the database|the main dependency|\S+) comes back at another address", "db comes back at another address" => |words| Some(Step::Act(Act::Move(words.service(0)?)));
    When r"all connections to (the database|the main dependency|\S+) are reset", "all connections to db are reset" => |words| Some(Step::Act(Act::Wire { dependency: words.service(0)?, fault: WireFault::Reset }));
    When r"(the database|the main dependency|\S+) answers (\d+) seconds late", "db answers 2 seconds late" => |words| Some(Step::Act(Act::Wire { dependency: words.service(0)?, fault: WireFault::Delay(words.seconds(1)?) }));
    When r"all packets to (the database|the main dependency|\S+) are lost", "all packets to db are lost" => |words| Some(Step::Act(Act::Wire { dependency: words.service(0)?, fault: WireFault::Lose }));
    When "the app is suspended by SIGSTOP", "the app is suspended by SIGSTOP" => |_| Some(Step::Act(Act::Suspend));
    When "the app is resumed by SIGCONT", "the app is resumed by SIGCONT" => |_| Some(Step::Act(Act::Resume));
    When "all connection slots of the database are taken", "all connection slots of the database are taken" => |_| Some(Step::Act(Act::TakeSlots));
    When "the connection slots are free again", "the connection slots are free again" => |_| Some(Step::Act(Act::FreeSlots));
    Then "the app is never ready before the database accepts", "the app is never ready before the database accepts" => |_| Some(Step::Claim(Claim::NotReadyBefore(Meant::Database)));
    Then r"the app is (ready|alive) within (the startup limit|the recovery limit|the outage limit|the outage limit and one probe|\d+ seconds|\d+ seconds more than its start takes)( of its start| of its first sign of life| of being ready| of the outage| of its return| of its second start| of its third start)?", "the app is ready within the recovery limit of its return" => |words| Some(Step::Claim(Claim::Answers { endpoint: words.said(0), wanted: Wanted::Success, within: words.limit(1)?, of: words.anchor(2) }));
    Then r"the app says that it is not ready within (the startup limit|the recovery limit|the outage limit|the outage limit and one probe|\d+ seconds)( of its start| of its first sign of life| of being ready| of the outage| of its return| of its second start)?", "the app says that it is not ready within the outage limit of the outage" => |words| Some(Step::Claim(Claim::Answers { endpoint: Endpoint::Readiness, wanted: Wanted::Unready, within: words.limit(0)?, of: words.anchor(1) }));
    Then r"the app is (ready|alive) throughout (\d+) seconds( of its start| of its first sign of life| of being ready| of the outage| of its return| of its second start)?", "the app is ready throughout 10 seconds of being ready" => |words| Some(Step::Claim(Claim::Stays { endpoint: words.said(0), lasting: Lasting::Success, time: words.seconds(1)?, of: words.anchor(2) }));
    Then r"the app is not ready throughout (\d+) seconds( of its start| of its first sign of life| of being ready| of the outage| of its return| of its second start)?", "the app is not ready throughout 3 seconds" => |words| Some(Step::Claim(Claim::Stays { endpoint: Endpoint::Readiness, lasting: Lasting::NoSuccess, time: words.seconds(0)?, of: words.anchor(1) }));
    Then r"the app, where readiness tells of dependencies, is not ready throughout (\d+) seconds( of its start| of its first sign of life| of being ready| of the outage| of its return| of its second start)?", "the app, where readiness tells of dependencies, is not ready throughout 3 seconds" => |words| Some(Step::Claim(Claim::Stays { endpoint: Endpoint::Readiness, lasting: Lasting::NoSuccessWhereTold, time: words.seconds(0)?, of: words.anchor(1) }));
    Then r"the app says nothing but that it is not ready throughout (\d+) seconds( of its start| of its first sign of life| of being ready| of the outage| of its return| of its second start)?", "the app says nothing but that it is not ready throughout 6 seconds of its first sign of life" => |words| Some(Step::Claim(Claim::Stays { endpoint: Endpoint::Readiness, lasting: Lasting::OnlyUnready, time: words.seconds(0)?, of: words.anchor(1) }));
    Then "readiness answers no 2xx before the database accepts", "readiness answers no 2xx before the database accepts" => |_| Some(Step::Claim(Claim::NotReadyBefore(Meant::Database)));
    Then r"(readiness|liveness) answers (2xx|\d{3}) within (the startup limit|the recovery limit|the outage limit|the outage limit and one probe|\d+ seconds|\d+ seconds more than its start takes)( of its start| of its first sign of life| of being ready| of the outage| of its return| of its second start)?", "readiness answers 2xx within the recovery limit of its return" => |words| Some(Step::Claim(Claim::Answers { endpoint: words.endpoint(0), wanted: words.wanted(1)?, within: words.limit(2)?, of: words.anchor(3) }));
    Then r"(readiness|liveness) fails within (the startup limit|the recovery limit|the outage limit|the outage limit and one probe|\d+ seconds|\d+ seconds more than its start takes)( of its start| of its first sign of life| of being ready| of the outage| of its return| of its second start)?", "readiness fails within the outage limit of the outage" => |words| Some(Step::Claim(Claim::Answers { endpoint: words.endpoint(0), wanted: Wanted::Failure, within: words.limit(1)?, of: words.anchor(2) }));
    Then r"(readiness|liveness) (answers 2xx|answers no 2xx|answers nothing but 503|never hangs) throughout (\d+) seconds( of its start| of its first sign of life| of being ready| of the outage| of its return| of its second start)?", "readiness answers no 2xx throughout 3 seconds" => |words| Some(Step::Claim(Claim::Stays { endpoint: words.endpoint(0), lasting: words.lasting(1)?, time: words.seconds(2)?, of: words.anchor(3) }));
    Then r"the app listens within (the startup limit|\d+ seconds|\d+ seconds more than its start takes)( of its start| of its first sign of life| of being ready| of its second start)?", "the app listens within 6 seconds of its first sign of life" => |words| Some(Step::Claim(Claim::Listens { within: words.limit(0)?, of: words.anchor(1) }));
    Then r"readiness shows the outage( from its beginning| until its return)?", "readiness shows the outage" => |words| Some(Step::Claim(Claim::OutageFelt(words.anchor(0))));
    Then r"the outage reaches the app( from its beginning| until its return)?", "the outage reaches the app" => |words| Some(Step::Claim(Claim::OutageReached(words.anchor(0))));
    Then r"the app, where readiness does not tell of it, uses (the database|the main dependency|\S+) again", "the app, where readiness does not tell of it, uses db again" => |words| Some(Step::Claim(Claim::UsedAgain(words.service(0)?)));
    Then r"the app missed (the database|the main dependency|\S+) while it was not there", "the app missed db while it was not there" => |words| Some(Step::Claim(Claim::Missed(words.service(0)?)));
    Then r"the engine calls the app (healthy|unhealthy) within (\d+) seconds( of being ready| of the outage)?", "the engine calls the app healthy within 15 seconds" => |words| Some(Step::Claim(Claim::HealthTurns { healthy: words.is(0, "healthy"), within: words.seconds(1)?, of: words.anchor(2) }));
    Then "the engine did not call the app healthy before it was ready", "the engine did not call the app healthy before it was ready" => |_| Some(Step::Claim(Claim::NotHealthyTooEarly));
    Then r"the app makes at most (\d+) attempts to reach (the database|the main dependency|\S+) in the first second and (\d+) a second after", "the app makes at most 10 attempts to reach db in the first second and 5 a second after" => |words| Some(Step::Claim(Claim::Paced { dependency: words.service(1)?, first_second: words.count(0)?, later: words.count(2)? }));
    Then r"the pauses between attempts to reach (the database|the main dependency|\S+) grow or are half a second long", "the pauses between attempts to reach db grow or are half a second long" => |words| Some(Step::Claim(Claim::BacksOff(words.service(0)?)));
    Then "the app was not ready before its dependency was there", "the app was not ready before its dependency was there" => |_| Some(Step::Claim(Claim::NotReadyWithout));
    Then "the app is still the same process", "the app is still the same process" => |_| Some(Step::Claim(Claim::SameProcess));
    Then "only an app that has not exited is judged", "only an app that has not exited is judged" => |_| Some(Step::Claim(Claim::HasNotExited));
    Then "no process of the app runs as root", "no process of the app runs as root" => |_| Some(Step::Claim(Claim::NoRootProcess));
    Then "no process of the app is left as a zombie", "no process of the app is left as a zombie" => |_| Some(Step::Claim(Claim::NoZombies));
    Then r"the app exits within the stop grace period( of the last signal)?", "the app exits within the stop grace period" => |words| Some(Step::Claim(Claim::StopsInTime(if words.is(0, " of the last signal") { Anchor::Latest } else { Anchor::Stop })));
    Then "the app was not killed", "the app was not killed" => |_| Some(Step::Claim(Claim::NotKilled));
    Then "the exit status is one of the contract's", "the exit status is one of the contract's" => |_| Some(Step::Claim(Claim::CleanStatus));
    Then "the signal reaches the app", "the signal reaches the app" => |_| Some(Step::Claim(Claim::SignalReached));
    Then r"the request (of the first stop )?is answered completely", "the request is answered completely" => |words| Some(Step::Claim(Claim::HeldRequestAnswered(if words.is(0, "of the first stop ") { Anchor::Stop } else { Anchor::Latest })));
    Then "clients were asking the app", "clients were asking the app" => |_| Some(Step::Claim(Claim::ClientsAsked));
    Then "readiness said under load that the app is ready", "readiness said under load that the app is ready" => |_| Some(Step::Claim(Claim::BearsLoad));
    Then "the unit of work is finished or back in its queue", "the unit of work is finished or back in its queue" => |_| Some(Step::Claim(Claim::UnitKept));
    Then "no accepted request is cut off", "no accepted request is cut off" => |_| Some(Step::Claim(Claim::NothingTorn));
    Then "nothing that is asked after the signal is left hanging", "nothing that is asked after the signal is left hanging" => |_| Some(Step::Claim(Claim::NothingHangs));
    Then "a second later no session of the app is left", "a second later no session of the app is left" => |_| Some(Step::Claim(Claim::NoSessionLeft));
    Then r"the app has at most (\d+) sessions more than before", "the app has at most 2 sessions more than before" => |words| Some(Step::Claim(Claim::FewMoreSessions(words.count(0)?)));
    Then r"the log of the app names (the database|the main dependency|\S+) within (\d+) seconds( of its first sign of life)?", "the log of the app names db within 10 seconds" => |words| Some(Step::Claim(Claim::LogNames { dependency: words.service(0)?, within: words.seconds(1)?, of: words.anchor(2) }));
    Then r"in (\d+) seconds( of its first sign of life)? the app logs no stack trace per attempt", "in 10 seconds the app logs no stack trace per attempt" => |words| Some(Step::Claim(Claim::NoTraces { time: words.seconds(0)?, of: words.anchor(1) }));
    Then r"the app, if it gives up without (the database|the main dependency|\S+) within (\d+) seconds( of its first sign of life)?, says so", "the app, if it gives up without db within 15 seconds, says so" => |words| Some(Step::Claim(Claim::GivesUpCleanly { dependency: words.service(0)?, within: words.seconds(1)?, of: words.anchor(2) }));
    Then r"the log of the app reports a failed login within (\d+ seconds|\d+ seconds more than its start takes)", "the log of the app reports a failed login within 10 seconds" => |words| Some(Step::Claim(Claim::TellsOfLogin(words.limit(0)?)));
    Then "the app has written something", "the app has written something" => |_| Some(Step::Claim(Claim::Wrote));
    Then "the app has written something since its stop signal", "the app has written something since its stop signal" => |_| Some(Step::Claim(Claim::LastWords));
    Then r"the app writes no log file for (\d+) seconds", "the app writes no log file for 10 seconds" => |words| Some(Step::Claim(Claim::NoLogFiles(words.seconds(0)?)));
    Then "every line of the app is a JSON object with time, level and message", "every line of the app is a JSON object with time, level and message" => |_| Some(Step::Claim(Claim::Structured));
    Then "the app shows no secret( until it is stopped)?", "the app shows no secret" => |words| Some(Step::Claim(Claim::KeepsSecrets(if words.is(0, " until it is stopped") { Anchor::Stop } else { Anchor::Latest })));
    Then "the body shows no secret, no connection string and no stack trace", "the body shows no secret, no connection string and no stack trace" => |_| Some(Step::Claim(Claim::Discreet));
    Then r"the body names (the database|the main dependency|\S+)", "the body names db" => |words| Some(Step::Claim(Claim::BodyNames(words.service(0)?)));
    Then "nothing can be written to the root file system of the app", "nothing can be written to the root file system of the app" => |_| Some(Step::Claim(Claim::RootIsReadOnly));
    Then r"the app writes nothing outside temporary folders for (\d+) seconds", "the app writes nothing outside temporary folders for 20 seconds" => |words| Some(Step::Claim(Claim::WritesNothing(words.seconds(0)?)));
    Then "memory, processors and processes of the app are limited", "memory, processors and processes of the app are limited" => |_| Some(Step::Claim(Claim::LimitsDeclared));
    Then "no service has access to the host", "no service has access to the host" => |_| Some(Step::Claim(Claim::Without(Trait::Privilege)));
    Then "no dependency is published beyond this machine", "no dependency is published beyond this machine" => |_| Some(Step::Claim(Claim::Without(Trait::PublishedPort)));
    Then "the app is started without a shell in between", "the app is started without a shell in between" => |_| Some(Step::Claim(Claim::ExecForm));
    Then "the image says what it is and where it came from", "the image says what it is and where it came from" => |_| Some(Step::Claim(Claim::Labelled));
    Then "the environment, labels and command line of the image hold no secret", "the environment, labels and command line of the image hold no secret" => |_| Some(Step::Claim(Claim::Without(Trait::SecretInSettings)));
    Then "the history of the image shows no secret", "the history of the image shows no secret" => |_| Some(Step::Claim(Claim::Without(Trait::SecretInHistory)));
    Then "no layer of the image has a file with a secret", "no layer of the image has a file with a secret" => |_| Some(Step::Claim(Claim::Without(Trait::SecretFile)));
    Then "nothing in the image compiles or builds", "nothing in the image compiles or builds" => |_| Some(Step::Claim(Claim::Without(Trait::Compiler)));
    Then "nothing in the image installs packages", "nothing in the image installs packages" => |_| Some(Step::Claim(Claim::Without(Trait::PackageManager)));
    Then "no caches are left in the image", "no caches are left in the image" => |_| Some(Step::Claim(Claim::Without(Trait::Cache)));
    Then "later layers of the image overwrite and delete little", "later layers of the image overwrite and delete little" => |_| Some(Step::Claim(Claim::LittleWaste));
    Then "the image is no larger than the contract allows", "the image is no larger than the contract allows" => |_| Some(Step::Claim(Claim::Fits));
    Then "no program beyond those of the base image changes the user of its caller", "no program beyond those of the base image changes the user of its caller" => |_| Some(Step::Claim(Claim::Without(Trait::Setuid)));
    Then "the user of the app can't change its code", "the user of the app can't change its code" => |_| Some(Step::Claim(Claim::Without(Trait::WritableCode)));
    Then "the image and those that it is made from have tags or digests", "the image and those that it is made from have tags or digests" => |_| Some(Step::Claim(Claim::Without(Trait::LooseImage)));
    Then "the image is built in one stage and runs in another", "the image is built in one stage and runs in another" => |_| Some(Step::Claim(Claim::Without(Trait::SingleStage)));
    Then "the compose file holds no secret", "the compose file holds no secret" => |_| Some(Step::Claim(Claim::Without(Trait::LiteralSecret)));
    Then r"without a setting that it needs the app exits within (\d+) seconds and names it", "without a setting that it needs the app exits within 10 seconds and names it" => |words| Some(Step::Claim(Claim::NamesMissingSettings(words.seconds(0)?)));
    Then "the build gets nothing that it should not have", "the build gets nothing that it should not have" => |_| Some(Step::Claim(Claim::Without(Trait::Unwanted)));
    Then "a change of one source file does not install the dependencies again", "a change of one source file does not install the dependencies again" => |_| Some(Step::Claim(Claim::ReusesDependencies));
    Then "no known (?:vulnerability|weakness) of the image is high or critical", "no known vulnerability of the image is high or critical" => |_| Some(Step::Claim(Claim::NoGraveWeakness));
    Then "the app handles its stop signal", "the app handles its stop signal" => |_| Some(Step::Claim(Claim::HandlesStopSignal));
    Then "the image exposes the ports that the app listens on", "the image exposes the ports that the app listens on" => |_| Some(Step::Claim(Claim::ExposesItsPorts));
    Then "the app has a health check", "the app has a health check" => |_| Some(Step::Claim(Claim::HasHealthCheck));
    Then r"the health check of the app passes within (\d+) seconds", "the health check of the app passes within 60 seconds" => |words| Some(Step::Claim(Claim::HealthCheckPasses(words.seconds(0)?)));
    Then "the timing of the health check fits the app", "the timing of the health check fits the app" => |_| Some(Step::Claim(Claim::WellTimed));
    Then "the user of the app is not root", "the user of the app is not root" => |_| Some(Step::Claim(Claim::UserIsNotRoot));
    Then "the user of the app is a number", "the user of the app is a number" => |_| Some(Step::Claim(Claim::UserIsNumeric));
    Then "the app is started only when its dependencies are healthy", "the app is started only when its dependencies are healthy" => |_| Some(Step::Claim(Claim::OrderDeclared));
    Then "the data of the database is on a named volume", "the data of the database is on a named volume" => |_| Some(Step::Claim(Claim::DataOnVolume(Meant::Database)));
    Then "a row of the database is still there when its container is replaced", "a row of the database is still there when its container is replaced" => |_| Some(Step::Claim(Claim::RowSurvives(Meant::Database)));
};

/// The words of a sentence that its pattern captured, in order.
#[derive(Debug)]
struct Words(Vec<String>);

impl Words {
    fn word(&self, index: usize) -> Option<&str> {
        self.0.get(index).map(String::as_str)
    }

    fn is(&self, index: usize, word: &str) -> bool {
        self.word(index) == Some(word)
    }

    fn number(&self, index: usize) -> Option<u64> {
        self.word(index)?.parse().ok()
    }

    fn count(&self, index: usize) -> Option<usize> {
        self.number(index)?.try_into().ok()
    }

    fn seconds(&self, index: usize) -> Option<Duration> {
        self.number(index).map(Duration::from_secs)
    }

    fn service(&self, index: usize) -> Option<Meant> {
        self.word(index).map(Meant::read)
    }

    fn endpoint(&self, index: usize) -> Endpoint {
        if self.is(index, "liveness") { Endpoint::Liveness } else { Endpoint::Readiness }
    }

    /// The endpoint that says so.
    fn said(&self, index: usize) -> Endpoint {
        if self.is(index, "alive") { Endpoint::Liveness } else { Endpoint::Readiness }
    }

    fn wanted(&self, index: usize) -> Option<Wanted> {
        match self.word(index)? {
            "2xx" => Some(Wanted::Success),
            "503" => Some(Wanted::Unready),
            status => status.parse().ok().map(Wanted::Status),
        }
    }

    fn lasting(&self, index: usize) -> Option<Lasting> {
        Some(match self.word(index)? {
            "answers 2xx" => Lasting::Success,
            "answers no 2xx" => Lasting::NoSuccess,
            "answers nothing but 503" => Lasting::OnlyUnready,
            _ => Lasting::Bounded,
        })
    }

    fn limit(&self, index: usize) -> Option<Limit> {
        Some(match self.word(index)? {
            "the startup limit" => Limit::Startup,
            "the recovery limit" => Limit::Recovery,
            "the outage limit" => Limit::Outage,
            "the outage limit and one probe" => Limit::OutageAndProbe,
            other => {
                let (number, unit) = other.split_once(' ')?;
                let time = Duration::from_secs(number.parse().ok()?);
                if unit == "seconds" { Limit::Fixed(time) } else { Limit::BeyondStart(time) }
            }
        })
    }

    fn anchor(&self, index: usize) -> Anchor {
        match self.word(index) {
            Some(" of its start") => Anchor::Start,
            Some(" of its first sign of life") => Anchor::FirstSign,
            Some(" of being ready") => Anchor::Ready,
            Some(" of its second start") => Anchor::SecondStart,
            Some(" of its third start") => Anchor::ThirdStart,
            Some(" of the outage" | " from its beginning") => Anchor::Outage,
            Some(" of its return" | " until its return") => Anchor::Return,
            _ => Anchor::Latest,
        }
    }

    fn disturbance(&self, index: usize) -> Option<Disturbance> {
        Some(match self.word(index)? {
            "killed" => Disturbance::Killed,
            "frozen" => Disturbance::Frozen,
            _ => Disturbance::CutOff,
        })
    }

    fn refusal(&self, index: usize) -> WireFault {
        if self.is(index, "is starting up") { WireFault::StartingUp } else { WireFault::Refuse }
    }
}

impl Sentence {
    /// The pattern, anchored at both ends.
    ///
    /// # Panics
    ///
    /// Never: a test compiles every pattern of the table.
    #[must_use]
    pub fn regex(&self) -> Regex {
        match Regex::new(&format!("^{}$", self.pattern)) {
            Ok(regex) => regex,
            Err(error) => unreachable!("the pattern of a built-in sentence: {error}"),
        }
    }

    fn step(&self, regex: &Regex, text: &str) -> Option<Step> {
        let captured = regex.captures(text)?;
        let words = captured.iter().skip(1).flatten().map(|word| word.as_str().to_owned()).collect();
        (self.read)(&Words(words))
    }
}

static COMPILED: LazyLock<Vec<(Regex, &'static Sentence)>> =
    LazyLock::new(|| SENTENCES.iter().map(|sentence| (sentence.regex(), sentence)).collect());

/// Whether a line with this keyword may be the sentence: what is asserted after Then is a premise after Given.
fn may_be(keyword: Keyword, sentence: &Sentence) -> bool {
    sentence.keyword == keyword || (keyword, sentence.keyword) == (Keyword::Given, Keyword::Then)
}

/// The sentences that a line matches.
pub(super) fn matching(keyword: Keyword, text: &str) -> impl Iterator<Item = &'static Sentence> {
    COMPILED.iter().filter(move |(regex, sentence)| may_be(keyword, sentence) && regex.is_match(text)).map(|(_, found)| *found)
}

/// What a sentence means; nothing when it is none of ours.
#[must_use]
pub fn read(keyword: Keyword, text: &str) -> Option<Step> {
    let step = COMPILED
        .iter()
        .filter(|(_, sentence)| may_be(keyword, sentence))
        .find_map(|(regex, sentence)| sentence.step(regex, text))?;
    Some(match step {
        Step::Claim(claim) if keyword == Keyword::Given => Step::Premise(claim),
        other => other,
    })
}

/// A step as it stands in a feature file.
#[must_use]
pub fn line(step: &GherkinStep) -> Line {
    let keyword = keyword(step.ty);
    let line = ScenarioLine { keyword, word: step.keyword.trim().to_owned(), text: step.value.clone() };
    Line { step: read(keyword, &line.text), line }
}

/// The lines of a scenario, or of a background.
#[must_use]
pub fn lines(steps: &[GherkinStep]) -> Vec<Line> {
    steps.iter().map(line).collect()
}

/// The keyword that a line stands for; that of the one before when it says `And`.
#[must_use]
pub(super) fn keyword(step: StepType) -> Keyword {
    match step {
        StepType::Given => Keyword::Given,
        StepType::When => Keyword::When,
        StepType::Then => Keyword::Then,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gherkin::Catalogue;

    fn patterns(keyword: Keyword, sentence: &str) -> Vec<&'static str> {
        matching(keyword, sentence).map(|found| found.pattern).collect()
    }

    #[test]
    fn every_line_of_every_feature_matches_exactly_one_sentence_and_can_be_read() {
        for place in Catalogue::built_in().scenarios() {
            assert!(!place.scenario.steps.is_empty(), "{} has no steps", place.scenario.name);
            for step in place.background().chain(&place.scenario.steps) {
                let sentence = step.value.replace("<dependency>", "db");
                assert_eq!(patterns(keyword(step.ty), &sentence).len(), 1, "{} {sentence}", step.keyword);
                assert!(read(keyword(step.ty), &sentence).is_some(), "{} {sentence}", step.keyword);
            }
        }
    }

    #[test]
    fn every_example_matches_its_own_sentence_alone_and_can_be_read() {
        for sentence in SENTENCES {
            assert_eq!(patterns(sentence.keyword, sentence.example), [sentence.pattern]);
            let is_claim = matches!(read(sentence.keyword, sentence.example), Some(Step::Claim(_)));
            assert_eq!(is_claim, sentence.keyword == Keyword::Then, "{}", sentence.example);
        }
    }
}
