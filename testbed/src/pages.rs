//! Jaeger's web pages, as somebody walks through them.

use std::error::Error;
use std::path::Path;

use crate::Browser;

/// The pages of one Jaeger, in one browser.
pub struct Pages {
    browser: Browser,
    url: String,
}

impl Pages {
    /// Opens a browser for the Jaeger whose query API is at this URL.
    ///
    /// # Errors
    ///
    /// When there is no browser to be had.
    pub fn open(url: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self { browser: Browser::start()?, url: url.to_owned() })
    }

    /// The browser.
    #[must_use]
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// The search page, with the traces of a service.
    ///
    /// # Errors
    ///
    /// When no trace is shown.
    pub fn search(&self, service: &str) -> Result<(), Box<dyn Error>> {
        self.browser.open(&format!("{}/search?service={service}", self.url))?;
        self.browser.wait_for(".ResultItemTitle--title")
    }

    /// The page of a trace. Returns the services and operations of its spans, line by line.
    ///
    /// # Errors
    ///
    /// When it does not show.
    pub fn trace(&self, id: &str) -> Result<Vec<String>, Box<dyn Error>> {
        self.browser.open(&format!("{}/trace/{id}", self.url))?;
        self.browser.wait_for(".span-name")?;
        self.browser.texts(".span-name")
    }

    /// Opens a span of the trace that is shown.
    ///
    /// # Errors
    ///
    /// When the trace has no span of that name.
    pub fn span(&self, operation: &str) -> Result<(), Box<dyn Error>> {
        let named = format!("//a[contains(@class,'span-name')][.//small[.='{operation}']]");
        self.browser.click(&named)?;
        self.browser.wait_for(".detail-info-wrapper")
    }

    /// Opens the tags of the span that is open. Returns what is written there.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn tags(&self) -> Result<String, Box<dyn Error>> {
        self.browser
            .click("//*[contains(@class,'AccordianKeyValues--header')][contains(.,'Tags')]")?;
        self.browser.wait_for(".KeyValueTable--row")?;
        Ok(self.browser.texts(".detail-info-wrapper")?.join("\n"))
    }

    /// Opens the first log of the span that is open.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub fn log(&self) -> Result<(), Box<dyn Error>> {
        self.browser.click(
            "//*[contains(@class,'AccordianLogs')]//*[contains(@class,'AccordianKeyValues--header')]",
        )?;
        self.browser.wait_for(".AccordianLogs .KeyValueTable--row")
    }

    /// The page *System Architecture*. Returns the names of the services that it shows.
    ///
    /// # Errors
    ///
    /// When it shows no edge.
    pub fn architecture(&self) -> Result<Vec<String>, Box<dyn Error>> {
        self.browser.open(&format!("{}/dependencies", self.url))?;
        self.browser.wait_for(".plexus-Digraph--SvgEdge")?;
        self.browser.texts(".DAG--nodeLabel")
    }

    /// The comparison of two traces.
    ///
    /// # Errors
    ///
    /// When it does not show.
    pub fn compare(&self, one: &str, other: &str) -> Result<(), Box<dyn Error>> {
        self.browser.open(&format!("{}/trace/{one}...{other}", self.url))?;
        self.browser.wait_for(".plexus-Digraph--SvgEdge")
    }

    /// Makes the page that is shown dark, or light again, by its own switch; from a script, since a
    /// mouse over the switch would bring up what it is called.
    ///
    /// # Errors
    ///
    /// When the page has no such switch.
    pub fn switch_theme(&self) -> Result<(), Box<dyn Error>> {
        let script = "document.querySelector('.ThemeToggleButton--icon').closest('button').click()";
        self.browser.run(script).map(|_| ())
    }

    /// The page as it looks, as PNG.
    ///
    /// # Errors
    ///
    /// When it does not come to rest, or the file cannot be written.
    pub fn picture(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        self.browser.picture(path)
    }
}
