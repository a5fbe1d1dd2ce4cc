//! The files of Jaeger UI 2.14.1, embedded by build.rs.
//!
//! A path is either an embedded file or a route of the page itself (`/search`, `/trace/…`), which
//! gets index.html. The file system is read only for another build and for settings of the page.
//!
//! A content security policy allows the page only its own scripts and requests, so text in a span
//! stays text.

use std::io::Read as _;
use std::path::PathBuf;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;

use super::folder::Folder;
use super::index::{UiConfig, with_base, with_config, with_nonce, with_server};
use crate::config::Config;
use crate::error::StartError;
use crate::server::http::{not_found, text};

/// An embedded file.
struct Asset {
    /// Its path without the leading slash.
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The web pages, for one base path.
pub(crate) struct WebPages {
    index: Bytes,
    policy: HeaderValue,
    base_path: String,
    /// Another build.
    folder: Option<Folder>,
    /// The file of the page's settings, which is read again for each page.
    config: Option<PathBuf>,
}

impl std::fmt::Debug for WebPages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

impl WebPages {
    /// `base_path` must not end with a slash.
    pub(crate) fn new(base_path: &str) -> Self {
        let index = with_base(INDEX_HTML, base_path).into();
        let (policy, base_path) = (policy(SCRIPT_HASHES), base_path.to_owned());
        WebPages { index, policy, base_path, folder: None, config: None }
    }

    /// The pages with the build and the settings that are configured.
    ///
    /// # Errors
    /// Where the files cannot be used.
    pub(crate) fn load(base_path: &str, config: &Config) -> Result<Self, StartError> {
        let folder = config.static_files.as_ref().map(|path| {
            Folder::open(path).map_err(|why| StartError::file("query.static-files", path, why))
        });
        let pages = WebPages { folder: folder.transpose()?, ..WebPages::new(base_path) };
        if let Some(file) = &config.ui_config {
            UiConfig::read(file).map_err(|why| StartError::file("query.ui-config", file, why))?;
        }
        Ok(WebPages { config: config.ui_config.clone(), ..pages })
    }

    /// Whether answers may read files, which blocks.
    pub(crate) fn reads_files(&self) -> bool {
        self.folder.is_some() || self.config.is_some()
    }

    /// Answers a request for a path below the base path.
    pub(crate) fn serve(&self, path: &str, method: &Method, headers: &HeaderMap) -> Response {
        let name = path.trim_start_matches('/');
        if let Some(folder) = &self.folder {
            let file = folder.file(name).filter(|_| name != "index.html");
            return match file {
                Some(_) if !matches!(*method, Method::GET | Method::HEAD) => {
                    StatusCode::METHOD_NOT_ALLOWED.into_response()
                }
                Some(file) => file,
                None if name.starts_with("static/") => not_found(),
                None => self.own_index(),
            };
        }
        let file = ASSETS.iter().find(|asset| asset.path == name || is_icon(asset, name));
        match file {
            Some(_) if !matches!(*method, Method::GET | Method::HEAD) => {
                StatusCode::METHOD_NOT_ALLOWED.into_response()
            }
            Some(asset) => asset.serve(headers),
            None if name.starts_with("static/") => not_found(),
            None if self.config.is_some() => self.own_index(),
            None => self.index(),
        }
    }

    /// The page of another build, or with settings.
    fn own_index(&self) -> Response {
        let html = match &self.folder {
            Some(folder) => {
                folder.index().map(|html| with_server(&html)).map_err(|e| e.to_string())
            }
            None => Ok(INDEX_HTML.to_owned()),
        };
        let html = html.and_then(|html| match &self.config {
            Some(file) => UiConfig::read(file).map(|config| with_config(&html, &config)),
            None => Ok(html),
        });
        match html {
            Ok(html) => {
                let (html, nonce) = with_nonce(&with_base(&html, &self.base_path));
                index_html(html, policy(&format!("'nonce-{nonce}'")))
            }
            Err(why) => {
                let why = format!("the web page's files cannot be read: {why}\n");
                text(StatusCode::INTERNAL_SERVER_ERROR, why)
            }
        }
    }

    fn index(&self) -> Response {
        index_html(self.index.clone(), self.policy.clone())
    }
}

fn index_html(html: impl Into<Body>, policy: HeaderValue) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        // It names the other files by their hashes, so it must be fresh.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, html.into()).into_response()
}

/// What the page may do: load its own files, run its own scripts, and ask its own server. Its
/// components have inline styles, and its graphs are laid out by WebAssembly in workers that it
/// creates. Other pages may embed it: it has a mode for that.
fn policy(scripts: &str) -> HeaderValue {
    let policy = format!(
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {scripts}; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; \
         base-uri 'self'; form-action 'self'"
    );
    // Hashes are ASCII; without its policy the page would work too.
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'self'"))
}

/// Browsers ask for /favicon.ico; the embedded file has a hash in its name.
fn is_icon(asset: &Asset, name: &str) -> bool {
    name == "favicon.ico" && asset.path.ends_with(".ico")
}

impl Asset {
    fn serve(&self, request: &HeaderMap) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(header::ETAG, HeaderValue::from_static(self.etag));
        // A file's name changes with its content.
        let forever = "public, max-age=31536000, immutable";
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(forever));
        if request.get(header::IF_NONE_MATCH).is_some_and(|known| known == self.etag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if accepts_gzip(request) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            return (headers, Bytes::from_static(self.gzip)).into_response();
        }
        let mut plain = Vec::new();
        match GzDecoder::new(self.gzip).read_to_end(&mut plain) {
            Ok(_) => (headers, plain).into_response(),
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    }
}

/// Whether the client accepts gzip, as the files are embedded.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_taken_only_where_it_is_accepted() {
        let accept = |text| {
            HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))])
        };
        assert!(accepts_gzip(&accept("gzip, deflate, br")));
        assert!(accepts_gzip(&accept("br;q=1.0, GZIP;q=0.8")));
        assert!(!accepts_gzip(&accept("br, gzip;q=0")));
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
