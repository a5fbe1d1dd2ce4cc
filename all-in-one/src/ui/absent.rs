//! In place of the web pages: the answer that they are not built in.

use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;

use crate::config::Config;
use crate::error::StartError;
use crate::server::http::text;

const NO_PAGES: &str =
    "no web pages here: turn on the feature `ui` of jaeger-all-in-one; the API is below /api\n";

#[derive(Debug)]
pub(crate) struct WebPages;

impl WebPages {
    pub(crate) fn new(_base_path: &str) -> Self {
        WebPages
    }

    /// There are none to configure.
    pub(crate) fn load(_base_path: &str, _config: &Config) -> Result<Self, StartError> {
        Ok(WebPages)
    }

    pub(crate) fn reads_files(&self) -> bool {
        false
    }

    pub(crate) fn serve(&self, _path: &str, _method: &Method, _headers: &HeaderMap) -> Response {
        text(StatusCode::NOT_FOUND, NO_PAGES)
    }
}
