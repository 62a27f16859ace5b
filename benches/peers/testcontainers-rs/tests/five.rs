//! The five checks with testcontainers and cucumber.

use std::time::{Duration, Instant};

use cucumber::{World, given, then, when};
use testcontainers::bollard::models::{HostConfig, RestartPolicy, RestartPolicyNameEnum};
use testcontainers::bollard::query_parameters::{KillContainerOptions, TopOptions};
use testcontainers::core::client::docker_client_instance;
use testcontainers::core::{ExecCommand, IntoContainerPort, Mount};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};

type Container = ContainerAsync<GenericImage>;

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../stacks/fastapi-postgres/db/schema.sql");

/// The containers of one scenario, on a network of their own; the database's name is its container's.
#[derive(Debug, World)]
#[world(init = Self::new)]
struct Stack {
    name: String,
    http: reqwest::Client,
    app: Option<Container>,
    database: Option<Container>,
    process: Option<String>,
}

impl Stack {
    fn new() -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().expect("a client");
        Self { name: format!("five-{}", uuid::Uuid::new_v4()), http, app: None, database: None, process: None }
    }

    fn app(&self) -> &Container {
        self.app.as_ref().expect("the app was started")
    }

    fn database(&self) -> &Container {
        self.database.as_ref().expect("the database was started")
    }

    async fn start_app(&mut self) {
        let (name, tag) = image();
        let app = GenericImage::new(name, tag)
            .with_exposed_port(8000.tcp())
            .with_network(&self.name)
            .with_mount(Mount::tmpfs_mount("/tmp"))
            .with_env_var("DB_HOST", format!("{}-db", self.name))
            .with_env_var("DB_NAME", "app_db")
            .with_env_var("DB_USER", "app_user")
            .with_env_var("DB_PASSWORD", "secret")
            .with_host_config_modifier(|host| {
                host.init = Some(true);
                host.readonly_rootfs = Some(true);
                host.cap_drop = Some(vec!["ALL".into()]);
                host.security_opt = Some(vec!["no-new-privileges:true".into()]);
                host.memory = Some(512 << 20);
                host.nano_cpus = Some(1_000_000_000);
                host.pids_limit = Some(100);
                restart_unless_stopped(host);
            });
        self.app = Some(app.start().await.expect("the app starts"));
        self.process = Some(self.process().await);
    }

    async fn start_database(&mut self) {
        let database: ContainerRequest<_> = GenericImage::new("postgres", "15-bookworm")
            .with_network(&self.name)
            .with_container_name(format!("{}-db", self.name))
            .with_env_var("POSTGRES_DB", "app_db")
            .with_env_var("POSTGRES_USER", "app_user")
            .with_env_var("POSTGRES_PASSWORD", "secret")
            .with_mount(Mount::bind_mount(SCHEMA, "/docker-entrypoint-initdb.d/schema.sql"))
            .with_host_config_modifier(restart_unless_stopped);
        self.database = Some(database.start().await.expect("the database starts"));
    }

    /// `None` when nobody answers.
    async fn status(&self, path: &str) -> Option<u16> {
        let port = self.app().get_host_port_ipv4(8000).await.ok()?;
        let host = self.app().get_host().await.ok()?;
        let answer = self.http.get(format!("http://{host}:{port}{path}")).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    async fn is_ready(&self) -> bool {
        self.status("/health").await == Some(200)
    }

    async fn database_accepts(&self) -> bool {
        let ask = ["pg_isready", "--quiet", "--host", "127.0.0.1", "--username", "app_user", "--dbname", "app_db"];
        let Ok(mut asked) = self.database().exec(ExecCommand::new(ask)).await else { return false };
        let Ok(_) = asked.stdout_to_vec().await else { return false };
        asked.exit_code().await.is_ok_and(|code| code == Some(0))
    }

    /// Changes when the app is started again.
    async fn process(&self) -> String {
        let docker = docker_client_instance().await.expect("an engine");
        let found = docker.inspect_container(self.app().id(), None).await.expect("the app's container");
        format!("{:?} {:?}", found.state.and_then(|state| state.started_at), found.restart_count)
    }

    async fn remove(&mut self) {
        for container in [self.app.take(), self.database.take()].into_iter().flatten() {
            container.rm().await.expect("the container is removed");
        }
    }
}

fn image() -> (String, String) {
    let image = std::env::var("APP_IMAGE").expect("APP_IMAGE names the image of the app");
    let (name, tag) = image.split_once(':').unwrap_or((&image, "latest"));
    (name.to_owned(), tag.to_owned())
}

fn restart_unless_stopped(host: &mut HostConfig) {
    host.restart_policy = Some(RestartPolicy { name: Some(RestartPolicyNameEnum::UNLESS_STOPPED), maximum_retry_count: None });
}

/// Asks until the answer is yes, or for so many seconds.
async fn within(seconds: u64, mut ask: impl AsyncFnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if ask().await {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[given("the app and its database are ready")]
async fn everything_is_ready(stack: &mut Stack) {
    stack.start_database().await;
    assert!(within(60, async || stack.database_accepts().await).await, "the database does not accept");
    stack.start_app().await;
    assert!(within(60, async || stack.is_ready().await).await, "not ready within 60 s");
}

#[given("the app runs without its database")]
async fn app_runs_alone(stack: &mut Stack) {
    stack.start_app().await;
    let is_alive = async || stack.status("/").await == Some(200);
    assert!(within(30, is_alive).await, "the app does not answer without its database");
}

#[when("the database starts")]
async fn database_starts(stack: &mut Stack) {
    stack.start_database().await;
}

#[when(expr = "the database starts {int} seconds later")]
async fn database_starts_later(stack: &mut Stack, seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stack.start_database().await;
}

#[when("the database is killed")]
async fn database_is_killed(stack: &mut Stack) {
    let docker = docker_client_instance().await.expect("an engine");
    docker.kill_container(stack.database().id(), None::<KillContainerOptions>).await.expect("it is killed");
}

#[when("the database is started again")]
async fn database_is_started_again(stack: &mut Stack) {
    stack.database().start().await.expect("the database starts");
    assert!(within(30, async || stack.database_accepts().await).await, "the database did not come back");
}

#[when(expr = "the app is stopped with a timeout of {int} seconds")]
async fn app_is_stopped(stack: &mut Stack, seconds: i32) {
    stack.app().stop_with_timeout(Some(seconds)).await.expect("the app is stopped");
}

#[then("no process of the app runs as root")]
async fn nothing_runs_as_root(stack: &mut Stack) {
    let docker = docker_client_instance().await.expect("an engine");
    let options = TopOptions { ps_args: "-eo uid,pid,args".into() };
    let processes = docker.top_processes(stack.app().id(), Some(options)).await.expect("it runs").processes;
    let processes = processes.unwrap_or_default();
    assert!(!processes.is_empty());
    let of_root: Vec<_> = processes.iter().filter(|process| process[0] == "0").collect();
    assert!(of_root.is_empty(), "{of_root:?}");
}

#[then(expr = "the app is unavailable within {int} seconds")]
async fn is_unavailable(stack: &mut Stack, seconds: u64) {
    let is_unavailable = async || stack.status("/health").await == Some(503);
    assert!(within(seconds, is_unavailable).await, "{:?}", stack.status("/health").await);
}

#[then("the app is not ready")]
async fn is_not_ready(stack: &mut Stack) {
    assert!(!stack.is_ready().await, "ready without its database");
}

#[then(expr = "the app is not ready for {int} seconds")]
async fn stays_unavailable(stack: &mut Stack, seconds: u64) {
    assert!(!within(seconds, async || stack.is_ready().await).await, "ready without its database");
}

#[then("the app is not ready before the database accepts")]
async fn is_not_ready_before(stack: &mut Stack) {
    let either = async || stack.is_ready().await || stack.database_accepts().await;
    assert!(within(60, either).await, "the database does not accept");
    assert!(stack.database_accepts().await, "ready before its database accepts");
}

#[then(expr = "the app is ready within {int} seconds")]
async fn is_ready_within(stack: &mut Stack, seconds: u64) {
    assert!(within(seconds, async || stack.is_ready().await).await, "{:?}", stack.status("/health").await);
}

#[then("the app is still the same process")]
async fn is_same_process(stack: &mut Stack) {
    assert_eq!(Some(stack.process().await), stack.process);
}

#[then("the app has exited by itself")]
async fn has_exited(stack: &mut Stack) {
    let code = stack.app().exit_code().await.expect("the app's container");
    // 137: SIGKILL, when the timeout was over
    assert!(matches!(code, Some(0 | 143)), "{code:?}");
}

#[tokio::main]
async fn main() {
    Stack::cucumber()
        .after(|_, _, _, _, stack| {
            Box::pin(async move {
                if let Some(stack) = stack {
                    stack.remove().await
                }
            })
        })
        .fail_on_skipped()
        .run_and_exit("features")
        .await;
}
