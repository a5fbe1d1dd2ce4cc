//! A real browser, without a window: chromium, driven by chromedriver.

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

/// How long a page may take to show what is waited for; a busy machine draws graphs for seconds.
const PAGE_LIMIT: Duration = Duration::from_secs(60);

/// The window, in CSS pixels.
const WINDOW: &str = "--window-size=1180,900";

/// A browser with one page; both it and its driver end when it is dropped.
pub struct Browser {
    runtime: Runtime,
    client: Option<Client>,
    driver: Child,
}

impl Browser {
    /// Starts one. What it would fetch for itself is switched off: it only opens what it is told.
    ///
    /// # Errors
    ///
    /// When chromedriver or chromium are not there, or do not start.
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
    /// When it cannot be opened.
    pub fn open(&self, url: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.runtime.block_on(self.client()?.goto(url))?)
    }

    /// Waits until there is something that the CSS selector matches.
    ///
    /// # Errors
    ///
    /// When it does not come in a minute.
    pub fn wait_for(&self, selector: &str) -> Result<(), Box<dyn Error>> {
        let wait = self.client()?.wait().at_most(PAGE_LIMIT);
        let found = self.runtime.block_on(async { wait.for_element(Locator::Css(selector)).await });
        found.map(|_| ()).map_err(|error| format!("{selector}: {error}").into())
    }

    /// Clicks on the first thing that the XPath names, once it is there.
    ///
    /// # Errors
    ///
    /// When it does not come in a minute, or is covered.
    pub fn click(&self, xpath: &str) -> Result<(), Box<dyn Error>> {
        let client = self.client()?;
        self.runtime.block_on(async {
            let found = client.wait().at_most(PAGE_LIMIT).for_element(Locator::XPath(xpath)).await;
            Ok(found.map_err(|error| format!("{xpath}: {error}"))?.click().await?)
        })
    }

    /// The texts of what the CSS selector matches, as they stand on the page.
    ///
    /// # Errors
    ///
    /// When the browser is gone.
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

    /// What a script returns.
    ///
    /// # Errors
    ///
    /// When it throws.
    pub fn run(&self, script: &str) -> Result<Value, Box<dyn Error>> {
        Ok(self.runtime.block_on(self.client()?.execute(script, Vec::new()))?)
    }

    /// The page as it looks, as PNG, once it has stopped changing.
    ///
    /// # Errors
    ///
    /// When it never does, or the file cannot be written.
    pub fn picture(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let client = self.client()?;
        let mut before = Vec::new();
        for _ in 0..100 {
            let now = self.runtime.block_on(async {
                tokio::time::sleep(Duration::from_millis(400)).await; // animations take as long
                client.screenshot().await
            })?;
            if now == before {
                return Ok(std::fs::write(path, png256::smaller(&now)?)?);
            }
            before = now;
        }
        Err(format!("{}: the page does not come to rest", path.display()).into())
    }

    fn client(&self) -> Result<&Client, Box<dyn Error>> {
        self.client.as_ref().ok_or_else(|| "the browser is gone".into())
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

/// `ChromeDriver was started successfully on port 41234.`
fn port_of(stdout: impl std::io::Read) -> Option<u16> {
    let mut lines = BufReader::new(stdout).lines();
    lines.find_map(|line| {
        let line = line.ok()?;
        line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
    })
}
