//! A headless Chromium, driven through `chromedriver` by the protocol of W3C; the logs are an extension of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::actions::{Actions, InputSource, MouseActions, PointerAction};
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

/// Ends with its driver, also when a test fails.
pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: Child,
    port: u16,
}

/// A command of the developer tools.
#[derive(Debug)]
struct Tool {
    command: &'static str,
    parameters: Value,
}

/// How long a driver may take to end its browser.
const END_LIMIT: Duration = Duration::from_secs(20);

/// Which log of the browser.
#[derive(Debug)]
enum Log {
    Console,
    Network,
}

impl Browser {
    pub(crate) async fn open(width: u32, height: u32) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver is there: `make test` installs it (chromium-driver)");
        let output = BufReader::new(driver.stdout.take().expect("piped"));
        let port = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok())
            .expect("a port");
        let capabilities = json!({
            "goog:chromeOptions": {
                // As root there is no sandbox; the only page is ours.
                "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", format!("--window-size={width},{height}")],
            },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object") };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        let client = builder.capabilities(capabilities).connect(&format!("http://127.0.0.1:{port}")).await;
        Self { client: client.expect("a browser"), driver, port }
    }

    pub(crate) async fn goto(&self, page: &Path) {
        self.client.goto(&format!("file://{}", page.display())).await.expect("opened");
    }

    /// The value of a JavaScript expression in the page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.client
            .execute(&format!("return {expression};"), vec![])
            .await
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits, from frame to frame, until a JavaScript expression is true; at most as long as the driver lets a script run, 30 s.
    pub(crate) async fn until(&self, expression: &str) {
        let script = format!(
            "const done = arguments[0]; const look = () => ({expression}) ? done(true) : requestAnimationFrame(look); look()"
        );
        self.client.execute_async(&script, vec![]).await.unwrap_or_else(|error| panic!("never: {expression}: {error}"));
    }

    pub(crate) async fn number(&self, expression: &str) -> f64 {
        self.value(expression).await.as_f64().unwrap_or_else(|| panic!("{expression} is no number"))
    }

    pub(crate) async fn text(&self, expression: &str) -> String {
        self.value(expression).await.as_str().unwrap_or_else(|| panic!("{expression} is no text")).to_owned()
    }

    /// Moves the mouse to a place in the window; with several places, presses at the first and releases at the last.
    pub(crate) async fn mouse(&self, places: &[(f64, f64)]) -> Result<(), CmdError> {
        let to = |(x, y): (f64, f64)| PointerAction::MoveTo { duration: None, x, y };
        let mut actions = MouseActions::new("mouse".into()).then(to(places[0]));
        if places.len() > 1 {
            let button = fantoccini::actions::MOUSE_BUTTON_LEFT;
            actions = actions.then(PointerAction::Down { button });
            for place in &places[1..] {
                actions = actions.then(to(*place));
            }
            actions = actions.then(PointerAction::Up { button });
        }
        self.client.perform_actions(Actions::from(actions)).await
    }

    /// What stands in the console.
    pub(crate) async fn console(&self) -> Vec<Value> {
        self.log(Log::Console).await
    }

    /// The addresses that were asked for.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let events = self.log(Log::Network).await;
        let messages = events.iter().filter_map(|event| serde_json::from_str::<Value>(event["message"].as_str()?).ok());
        messages
            .filter(|message| message["message"]["method"] == "Network.requestWillBeSent")
            .filter_map(|message| Some(message["message"]["params"]["request"]["url"].as_str()?.to_owned()))
            .collect()
    }

    /// Lets the browser count how long its pages keep a processor busy, whatever else the machine does.
    pub(crate) async fn count_work(&self) {
        self.tool("Performance.setTimeDomain", json!({ "timeDomain": "threadTicks" })).await;
        self.tool("Performance.enable", json!({ "timeDomain": "threadTicks" })).await;
    }

    /// How many milliseconds of a processor the page has used so far.
    pub(crate) async fn work(&self) -> f64 {
        let metrics = self.tool("Performance.getMetrics", json!({})).await;
        let metrics = metrics["metrics"].as_array().expect("a list").clone();
        let spent = metrics.iter().find(|metric| metric["name"] == "TaskDuration").and_then(|metric| metric["value"].as_f64());
        spent.expect("how long its tasks took") * 1e3
    }

    /// A command of the developer tools (the protocol of Chromium's `DevTools`).
    async fn tool(&self, command: &'static str, parameters: Value) -> Value {
        let answer = self.client.issue_cmd(Tool { command, parameters }).await;
        answer.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    async fn log(&self, log: Log) -> Vec<Value> {
        let answer = self.client.issue_cmd(log).await.expect("a log");
        answer.as_array().expect("a list").clone()
    }
}

impl Drop for Browser {
    /// Asks the driver to end, which ends its browser too; one that is killed leaves the browser behind.
    fn drop(&mut self) {
        let asked = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).and_then(|mut driver| {
            driver.set_read_timeout(Some(END_LIMIT))?;
            driver.write_all(b"GET /shutdown HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
            driver.read_to_end(&mut vec![])
        });
        if asked.is_err() {
            let _ = self.driver.kill();
        }
        let _ = self.driver.wait();
    }
}

impl WebDriverCompatibleCommand for Log {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let kind = match self {
            Self::Console => "browser",
            Self::Network => "performance",
        };
        (http::Method::POST, Some(json!({ "type": kind }).to_string()))
    }
}

impl WebDriverCompatibleCommand for Tool {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.command, "params": self.parameters }).to_string()))
    }
}
