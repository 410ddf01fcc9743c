//! A browser that looks at the page of a sandbox, over WebDriver.

#![allow(missing_docs)] // names say it: one window and what a person does with it
#![allow(clippy::unwrap_used, clippy::print_stderr, clippy::future_not_send)] // a helper of a test may panic like the test

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::wd::{TimeoutConfiguration, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use kwtsms_async::sandbox::Sandbox;
use reqwest::{Method, Url};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Set where the tests have to run; elsewhere they pass without a browser, and say so.
const REQUIRED: &str = "KWTSMS_PAGE_TESTS";
/// What a page is given to get there; it takes milliseconds on a machine that is not busy.
const PATIENCE: Duration = Duration::from_secs(20);

/// A window on the page of a sandbox.
#[derive(Clone, Debug)]
pub struct Window {
    pub client: Client,
    pub sandbox: Sandbox,
}

/// Opens the page of a sandbox, and closes it whatever `test` does; without a browser it only says so.
pub async fn open<F: Future<Output = ()> + Send + 'static>(sandbox: Sandbox, test: impl FnOnce(Window) -> F) {
    let Some((_driver, client, profile)) = start().await else {
        assert!(
            std::env::var_os(REQUIRED).is_none(),
            "chromium and chromedriver are needed: {REQUIRED} is set"
        );
        // Not by `eprintln!`, of which a test that passes shows nothing.
        let _ = writeln!(std::io::stderr(), "skipped: the page needs chromium and chromedriver on the PATH");
        return;
    };
    let window = Window { client: client.clone(), sandbox };
    window.client.goto(window.sandbox.inbox_url()).await.unwrap();
    let outcome = tokio::spawn(test(window)).await;
    client.close().await.unwrap();
    // It is large, and of no use to anyone.
    let _ = std::fs::remove_dir_all(profile);
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

/// A driver of its own for each test, on a port that it finds by itself.
async fn start() -> Option<(Child, Client, PathBuf)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()?;
    let mut lines = BufReader::new(driver.stdout.take()?).lines();
    let port = loop {
        let line = lines.next_line().await.ok()??;
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            break port.trim_end_matches('.').to_owned();
        }
    };
    // What it says later has to go somewhere.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let profile = std::env::temp_dir().join(format!("kwtsms-page-{}-{port}", std::process::id()));
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--window-size=1280,900",
        &format!("--user-data-dir={}", profile.display()),
    ];
    let capabilities = json!({"browserName": "chrome", "goog:chromeOptions": {"args": arguments}});
    let client = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities.as_object()?.clone())
        .connect(&format!("http://127.0.0.1:{port}"))
        .await;
    let client = match client {
        Ok(client) => client,
        Err(error) if error.to_string().contains("cannot find Chrome binary") => return None,
        Err(error) => panic!("the browser does not start: {error}"),
    };
    client.update_timeouts(TimeoutConfiguration::new(Some(PATIENCE), None, None)).await.unwrap();
    Some((driver, client, profile))
}

impl Window {
    /// Waits until an expression is true of the page; looked at after every change, and given back.
    pub async fn until(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            const look = () => {{
              const seen = ({expression});
              if (seen) {{ observer.disconnect(); done(seen); }}
            }};
            const observer = new MutationObserver(look);
            observer.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
            look();"
        );
        match self.client.execute_async(&script, vec![]).await {
            Ok(seen) => seen,
            Err(error) => {
                let page = self.eval("document.body.innerText").await;
                panic!("never true: {expression}\n{error}\nthe page: {page}");
            }
        }
    }

    /// The value of an expression.
    pub async fn eval(&self, expression: &str) -> Value {
        self.client.execute(&format!("return ({expression});"), vec![]).await.unwrap()
    }

    /// The text of the first element, as it stands in the document.
    pub async fn text(&self, selector: &str) -> String {
        let text = self.eval(&format!("document.querySelector({}).textContent", json!(selector))).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    pub async fn click(&self, selector: &str) {
        self.client.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
    }

    pub async fn choose(&self, selector: &str, value: &str) {
        self.client.find(Locator::Css(selector)).await.unwrap().select_by_value(value).await.unwrap();
    }

    /// Types into what has the focus.
    pub async fn keys(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Replaces what stands in a field, as a person would.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.keys("\u{E009}a").await; // Ctrl+A
        self.keys(text).await;
    }

    /// The id of what has the focus.
    pub async fn focused(&self) -> String {
        self.eval("document.activeElement.id").await.as_str().unwrap_or_default().to_owned()
    }

    /// Lets the page believe in a colour scheme and in less motion.
    pub async fn scheme(&self, scheme: &str) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features})).await.unwrap();
    }

    /// The width and height in which the page is laid out.
    pub async fn size(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await.unwrap();
    }

    /// Asks Chromium in its own protocol.
    pub async fn devtools(&self, method: &str, parameters: Value) -> Result<Value, CmdError> {
        self.client.issue_cmd(DevTools(json!({"cmd": method, "params": parameters}))).await
    }
}

/// A command of Chromium's own protocol, handed on by chromedriver.
#[derive(Debug)]
struct DevTools(Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as std::str::FromStr>::Err> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.0.to_string()))
    }
}
