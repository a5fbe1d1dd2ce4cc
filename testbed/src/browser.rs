//! A real browser without a window: chromium, driven by chromedriver.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::png256;

/// How long an element may take to appear; a busy machine draws graphs for seconds.
const PAGE_LIMIT: Duration = Duration::from_secs(60);

/// The window, in CSS pixels.
const WINDOW: &str = "--window-size=1180,900";

/// A browser with one page. Dropping it ends the browser and its driver.
pub struct Browser {
    runtime: Runtime,
    client: Option<Client>,
    driver: Child,
}

impl Browser {
    /// Starts a browser without background requests: it opens only the pages it is given.
    ///
    /// # Errors
    ///
    /// If chromedriver or chromium is missing or does not start.
    pub fn start() -> Result<Self, Box<dyn Error>> {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("chromedriver: {error}"))?;
        let port = driver.stdout.take().and_then(port_of);
        let runtime = Runtime::new()?;
        let mut browser = Self { runtime, client: None, driver };
        let port = port.ok_or("chromedriver did not say where it listens")?;
        let capabilities = json!({"goog:chromeOptions": {"args": [
            "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--force-color-profile=srgb", WINDOW,
        ]}});
        let Value::Object(capabilities) = capabilities else { return Err("no options".into()) };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let driver = format!("http://127.0.0.1:{port}");
        browser.client = Some(browser.runtime.block_on(builder.connect(&driver))?);
        Ok(browser)
    }

    /// Opens a page.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn open(&self, url: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.runtime.block_on(self.client()?.goto(url))?)
    }

    /// Waits for an element that matches the CSS selector.
    ///
    /// # Errors
    ///
    /// If none appears within a minute.
    pub fn wait_for(&self, selector: &str) -> Result<(), Box<dyn Error>> {
        let wait = self.client()?.wait().at_most(PAGE_LIMIT);
        let found = self.runtime.block_on(async { wait.for_element(Locator::Css(selector)).await });
        found.map(|_| ()).map_err(|error| format!("{selector}: {error}").into())
    }

    /// Waits for the first element that matches the XPath, and clicks on it.
    ///
    /// # Errors
    ///
    /// If none appears within a minute, or another element covers it.
    pub fn click(&self, xpath: &str) -> Result<(), Box<dyn Error>> {
        let client = self.client()?;
        self.runtime.block_on(async {
            let found = client.wait().at_most(PAGE_LIMIT).for_element(Locator::XPath(xpath)).await;
            Ok(found.map_err(|error| format!("{xpath}: {error}"))?.click().await?)
        })
    }

    /// The visible texts of all elements that match the CSS selector.
    ///
    /// # Errors
    ///
    /// If the browser has ended.
    pub fn texts(&self, selector: &str) -> Result<Vec<String>, Box<dyn Error>> {
        let client = self.client()?;
        self.runtime.block_on(async {
            let mut texts = Vec::new();
            for element in client.find_all(Locator::Css(selector)).await? {
                texts.push(element.text().await?);
            }
            Ok(texts)
        })
    }

    /// Puts a file into a file input, once that is there.
    ///
    /// # Errors
    ///
    /// If the page has no such input.
    pub fn put(&self, selector: &str, file: &Path) -> Result<(), Box<dyn Error>> {
        let client = self.client()?;
        self.runtime.block_on(async {
            let wait = client.wait().at_most(PAGE_LIMIT);
            let input = wait.for_element(Locator::Css(selector)).await?;
            Ok(input.send_keys(&file.to_string_lossy()).await?)
        })
    }

    /// Runs a script and returns its result.
    ///
    /// # Errors
    ///
    /// If it throws.
    pub fn run(&self, script: &str) -> Result<Value, Box<dyn Error>> {
        Ok(self.runtime.block_on(self.client()?.execute(script, Vec::new()))?)
    }

    /// Saves a screenshot as PNG once the page has stopped changing.
    ///
    /// # Errors
    ///
    /// If the page never stops changing, or the file cannot be written.
    pub fn picture(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let client = self.client()?;
        let mut before = Vec::new();
        for _ in 0..100 {
            let now = self.runtime.block_on(async {
                tokio::time::sleep(Duration::from_millis(400)).await; // animations end by then
                client.screenshot().await
            })?;
            if now == before {
                return Ok(std::fs::write(path, png256::reduce_colors(&now)?)?);
            }
            before = now;
        }
        Err(format!("{}: the page keeps changing", path.display()).into())
    }

    fn client(&self) -> Result<&Client, Box<dyn Error>> {
        self.client.as_ref().ok_or_else(|| "the browser has ended".into())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            let _ = self.runtime.block_on(client.close());
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Reads the port from `ChromeDriver was started successfully on port 41234.`
fn port_of(stdout: impl std::io::Read) -> Option<u16> {
    let mut lines = BufReader::new(stdout).lines();
    lines.find_map(|line| {
        let line = line.ok()?;
        line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
    })
}
