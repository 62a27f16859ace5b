//! Podman in the place of Docker, where it is installed: the five checks that every app should pass first, on the reference.
//!
//! Its service is started on a socket and a storage of its own, which end with the test. The images come from Docker, where the other
//! tests have them.

#![expect(clippy::disallowed_methods, reason = "this test starts the executable, and asks the real clients")]

mod engine;
mod harness;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Lack, Test, tests};
use tempfile::TempDir;

const TESTS: &[Test] = tests! {
    when podman_is_there: [
        the_first_five_checks_pass_on_podman,
    ],
};

fn main() -> ExitCode {
    harness::run(&[TESTS])
}

const FIVE: &str =
    "@readiness.not-before-database or @retry.late-database or @shutdown.in-time or @nonroot.processes or @outage.killed";
const APP: &str = "seaworthy-test/podman-app:1";
const DATABASE: &str = "postgres:15-bookworm";
/// How long its service may take to answer.
const START_LIMIT: Duration = Duration::from_secs(30);

fn podman_is_there() -> Result<(), Lack> {
    engine::is_there()?;
    let lack = |what| Lack { what, must_be_in_ci: false };
    let answers = Command::new("podman").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !answers.is_ok_and(|status| status.success()) {
        return Err(lack("Podman is not installed"));
    }
    // Without root its networks end in a namespace of their own, and its storage needs ranges of users.
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if is_root { Ok(()) } else { Err(lack("this test of Podman needs root")) }
}

/// Podman's service, with all that it keeps in one folder.
struct Podman {
    folder: TempDir,
    service: Child,
}

impl Podman {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("containers.conf"), settings(folder.path())).expect("written");
        let mut command = podman(folder.path());
        let address = address(folder.path());
        let service = command.args(["system", "service", "--time", "0", &address]).stdout(Stdio::null()).stderr(Stdio::null());
        let service = service.spawn().expect("started");
        let started = Self { folder, service };
        let deadline = Instant::now() + START_LIMIT;
        while !started.docker(&["version"]).status.success() {
            assert!(Instant::now() < deadline, "Podman's service does not answer");
            thread::sleep(Duration::from_millis(100));
        }
        started
    }

    /// Gives it images that Docker has.
    fn load(&self, images: &[&str]) {
        let archive = self.folder.path().join("images.tar");
        let archive = archive.display().to_string();
        docker(&[&["save", "--output", &archive], images].concat());
        succeeded(&podman(self.folder.path()).args(["load", "--quiet", "--input", &archive]).output().expect("ended"));
    }

    /// Docker's client, on Podman's socket.
    fn docker(&self, arguments: &[&str]) -> Output {
        Command::new("docker").args(arguments).env("DOCKER_HOST", address(self.folder.path())).output().expect("ended")
    }

    /// All containers, networks and volumes that carry the label of a run.
    fn labelled(&self) -> Vec<String> {
        let lists: [&[&str]; 3] = [&["ps", "--all", "--quiet"], &["network", "ls", "--quiet"], &["volume", "ls", "--quiet"]];
        let listed = |list: &&[&str]| succeeded(&self.docker(&[list, &["--filter", "label=dev.seaworthy.run"][..]].concat()));
        lists.iter().flat_map(|list| listed(list).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        let _ = self.service.kill();
        let _ = self.service.wait();
        // A container has mounts in the folder, which is removed next, and rules in the machine's network.
        let _ = podman(self.folder.path()).args(["rm", "--all", "--force", "--time", "0"]).output();
    }
}

/// What it needs to keep to its folder, and to run beside Docker, on machines without systemd, and where nobody may raise limits. runc is
/// there with Docker, and knows both kinds of control groups.
fn settings(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "[containers]\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n\
         [network]\nnetwork_config_dir = \"{folder}/networks\"\n\
         [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\nruntime = \"runc\"\ntmp_dir = \"{folder}/tmp\"\n"
    )
}

fn podman(folder: &Path) -> Command {
    let mut command = Command::new("podman");
    command.arg("--root").arg(folder.join("storage")).arg("--runroot").arg(folder.join("run"));
    command.env("CONTAINERS_CONF", folder.join("containers.conf")).stdin(Stdio::null());
    command
}

fn address(folder: &Path) -> String {
    format!("unix://{}", folder.join("socket").display())
}

fn docker(arguments: &[&str]) -> String {
    succeeded(&Command::new("docker").args(arguments).output().expect("ended"))
}

/// What a command that succeeded wrote.
fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The reference, with images in the place of builds. Returns its compose file.
fn reference(folder: &Path) -> String {
    let stack = Path::new(env!("CARGO_MANIFEST_DIR")).join("stacks/fastapi-postgres");
    let text = fs::read_to_string(stack.join("compose.yaml")).expect("a stack");
    let schema = format!("- {}:", stack.join("db/schema.sql").display());
    let written = text.replace("build: .\n", &format!("image: {APP}\n")).replace("- ./db/schema.sql:", &schema);
    assert!(written.contains(APP) && written.contains(&schema), "{written}");
    let file = folder.join("compose.yaml");
    fs::write(&file, written).expect("written");
    fs::copy(stack.join(".env"), folder.join(".env")).expect("copied");
    file.display().to_string()
}

fn the_first_five_checks_pass_on_podman() {
    docker(&["build", "--quiet", "--tag", APP, "stacks/fastapi-postgres"]);
    let podman = Podman::start();
    podman.load(&[APP, DATABASE]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut check = Command::new(env!("CARGO_BIN_EXE_seaworthy"));
    check.args(["check", &reference(folder.path()), "--tags", FIVE]).env("DOCKER_HOST", address(podman.folder.path()));
    let output = check.stdin(Stdio::null()).output().expect("ended");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), podman.labelled()), (Some(0), vec![]), "{told}");
    assert!(told.contains(": 5 passed"), "{told}");
}
