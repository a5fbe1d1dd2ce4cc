//! Jaeger's web pages, opened and clicked through as a user does.

use std::error::Error;
use std::path::Path;

use crate::Browser;

/// The pages of one Jaeger, in one browser.
pub struct Pages {
    browser: Browser,
    url: String,
}

impl Pages {
    /// Opens a browser for the Jaeger with this query URL.
    ///
    /// # Errors
    ///
    /// If the browser does not start.
    pub fn open(url: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self { browser: Browser::start()?, url: url.to_owned() })
    }

    /// The browser.
    #[must_use]
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Opens the search page with the traces of a service.
    ///
    /// # Errors
    ///
    /// If no trace is shown.
    pub fn search(&self, service: &str) -> Result<(), Box<dyn Error>> {
        self.browser.open(&format!("{}/search?service={service}", self.url))?;
        self.browser.wait_for(".ResultItemTitle--title")
    }

    /// Uploads a file on the search page.
    ///
    /// # Errors
    ///
    /// If no trace is shown.
    pub fn upload(&self, file: &Path) -> Result<(), Box<dyn Error>> {
        self.browser.open(&format!("{}/search", self.url))?;
        self.browser.click("//*[@role='tab'][contains(.,'Upload')]")?;
        self.browser.put("input[type=file]", file)?;
        self.browser.wait_for(".ResultItemTitle--title")
    }

    /// Opens the page of a trace. Returns the service and operation of each span, line by line.
    ///
    /// # Errors
    ///
    /// If the trace is not shown.
    pub fn trace(&self, id: &str) -> Result<Vec<String>, Box<dyn Error>> {
        self.browser.open(&format!("{}/trace/{id}", self.url))?;
        self.browser.wait_for(".span-name")?;
        self.browser.texts(".span-name")
    }

    /// Expands a span of the current trace.
    ///
    /// # Errors
    ///
    /// If the trace has no span of that name.
    pub fn span(&self, operation: &str) -> Result<(), Box<dyn Error>> {
        let named = format!("//a[contains(@class,'span-name')][.//small[.='{operation}']]");
        self.browser.click(&named)?;
        self.browser.wait_for(".detail-info-wrapper")
    }

    /// Expands the tags of the expanded span. Returns their text.
    ///
    /// # Errors
    ///
    /// If it has no tags.
    pub fn tags(&self) -> Result<String, Box<dyn Error>> {
        self.browser
            .click("//*[contains(@class,'AccordianKeyValues--header')][contains(.,'Tags')]")?;
        self.browser.wait_for(".KeyValueTable--row")?;
        Ok(self.browser.texts(".detail-info-wrapper")?.join("\n"))
    }

    /// Expands the first log of the expanded span.
    ///
    /// # Errors
    ///
    /// If it has no logs.
    pub fn log(&self) -> Result<(), Box<dyn Error>> {
        self.browser.click(
            "//*[contains(@class,'AccordianLogs')]//*[contains(@class,'AccordianKeyValues--header')]",
        )?;
        self.browser.wait_for(".AccordianLogs .KeyValueTable--row")
    }

    /// Opens the page *System Architecture*. Returns the names of the services that it shows.
    ///
    /// # Errors
    ///
    /// If it shows no edge.
    pub fn architecture(&self) -> Result<Vec<String>, Box<dyn Error>> {
        self.browser.open(&format!("{}/dependencies", self.url))?;
        self.browser.wait_for(".plexus-Digraph--SvgEdge")?;
        self.browser.texts(".DAG--nodeLabel")
    }

    /// Opens the Monitor page of a service; returns the text of its rows, one for each operation.
    ///
    /// # Errors
    ///
    /// If it shows no row.
    pub fn monitor(&self, service: &str) -> Result<Vec<String>, Box<dyn Error>> {
        self.browser.open(&format!("{}/monitor?service={service}", self.url))?;
        self.browser.wait_for(".ant-table-row")?;
        self.browser.texts(".ant-table-row")
    }

    /// Opens the comparison of two traces.
    ///
    /// # Errors
    ///
    /// If it is not shown.
    pub fn compare(&self, one: &str, other: &str) -> Result<(), Box<dyn Error>> {
        self.browser.open(&format!("{}/trace/{one}...{other}", self.url))?;
        self.browser.wait_for(".plexus-Digraph--SvgEdge")
    }

    /// Switches the current page between light and dark. A script clicks the page's switch, because
    /// a mouse over it would open its tooltip.
    ///
    /// # Errors
    ///
    /// If the page has no such switch.
    pub fn switch_theme(&self) -> Result<(), Box<dyn Error>> {
        let script = "document.querySelector('.ThemeToggleButton--icon').closest('button').click()";
        self.browser.run(script).map(|_| ())
    }

    /// Saves a screenshot as PNG.
    ///
    /// # Errors
    ///
    /// If the page keeps changing, or the file cannot be written.
    pub fn picture(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        self.browser.picture(path)
    }
}
