//! A folder with another build of Jaeger's web pages. Its files are read when they are asked for.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use axum::http::header;
use axum::response::{IntoResponse, Response};

/// The largest file that is served, in bytes.
const MAX_FILE: u64 = 32 << 20;

/// The folder, without links in its path.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder of a build, which has an index.html; the error says what is wrong with it.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let folder = Folder(fs::canonicalize(path).map_err(|error| error.to_string())?);
        match folder.index() {
            Ok(_) => Ok(folder),
            Err(error) => Err(format!("index.html cannot be read: {error}")),
        }
    }

    pub(super) fn index(&self) -> io::Result<String> {
        let text = read_bounded(&self.0.join("index.html"), MAX_FILE)?;
        String::from_utf8(text).map_err(io::Error::other)
    }

    /// The answer with a file, unless there is none below the folder.
    pub(super) fn file(&self, name: &str) -> Option<Response> {
        let is_plain = |part: &str| {
            !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '\0'])
        };
        if !name.split('/').all(is_plain) {
            return None;
        }
        // A link may lead elsewhere.
        let path = fs::canonicalize(self.0.join(name)).ok()?;
        if !path.starts_with(&self.0) {
            return None;
        }
        let content = read_bounded(&path, MAX_FILE).ok()?;
        let headers =
            [(header::CONTENT_TYPE, content_type(name)), (header::CACHE_CONTROL, "no-cache")];
        Some((headers, content).into_response())
    }
}

/// Reads a regular file of at most `most` bytes.
pub(super) fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut content)?;
    match content.len() as u64 > most {
        true => Err(io::Error::other(format!("it has more than {} MiB", most >> 20))),
        false => Ok(content),
    }
}

/// The media type of a file, by the end of its name.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}
