//! The file of sampling strategies, in Jaeger's JSON.
//!
//! As in Jaeger, keys may be written in capitals, unknown keys are ignored, and null is the same as
//! a key that is left out.
//!
//! Source: <https://www.jaegertracing.io/docs/1.35/sampling/#collector-sampling-configuration>

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

/// The largest file, in bytes.
pub(crate) const LARGEST_FILE: usize = 1 << 20;

/// The type of a strategy with a probability.
pub(super) const PROBABILISTIC: &str = "probabilistic";
/// The type of a strategy with a number of traces per second.
pub(super) const RATE_LIMITING: &str = "ratelimiting";

/// What a file says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Document {
    /// For every service that the file does not name.
    pub(super) default: Option<Entry>,
    pub(super) services: Vec<Entry>,
}

/// The strategy of a service or of an operation.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Entry {
    pub(super) service: String,
    pub(super) operation: String,
    /// `probabilistic` or `ratelimiting`.
    pub(super) kind: String,
    /// A probability, or traces per second.
    pub(super) param: f64,
    pub(super) operations: Vec<Entry>,
}

impl Document {
    /// Every trace of every service is sampled.
    pub(super) fn sample_all() -> Self {
        let entry = Entry { kind: PROBABILISTIC.to_owned(), param: 1.0, ..Entry::default() };
        Document { default: Some(entry), services: Vec::new() }
    }

    /// Parses the bytes of a file.
    ///
    /// # Errors
    /// What is wrong, with line and column.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(bytes);
        let document: Option<Document> = serde_json::from_str(&text).map_err(|error| {
            let place = format!(" at line {} column {}", error.line(), error.column());
            let what = error.to_string();
            let what = what.strip_suffix(&place).unwrap_or(&what);
            format!("line {}, column {}: {what}", error.line(), error.column())
        })?;
        Ok(document.unwrap_or_default())
    }
}

/// Reads a file of at most [`LARGEST_FILE`] bytes.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = LARGEST_FILE as u64 + 1;
    let read = fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes));
    match read {
        Ok(length) if length > LARGEST_FILE => {
            Err(format!("it has more than {} MiB", LARGEST_FILE >> 20))
        }
        Ok(_) => Ok(bytes),
        Err(error) if is_url(path, &error) => {
            Err("it is a URL: download it, and name the file".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Jaeger itself would download it.
fn is_url(path: &Path, error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound && path.to_string_lossy().contains("://")
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DocumentVisitor)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with default_strategy and service_strategies")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Document, M::Error> {
        let mut document = Document::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.to_ascii_lowercase().as_str() {
                "default_strategy" => document.default = map.next_value()?,
                "service_strategies" => document.services = value(&mut map)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(document)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with type and param")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Entry, M::Error> {
        let mut entry = Entry::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.to_ascii_lowercase().as_str() {
                "service" => entry.service = value(&mut map)?,
                "operation" => entry.operation = value(&mut map)?,
                "type" => entry.kind = value(&mut map)?,
                "param" => entry.param = value(&mut map)?,
                "operation_strategies" => entry.operations = value(&mut map)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(entry)
    }
}

/// A value; null is the default.
fn value<'de, T: Deserialize<'de> + Default, M: MapAccess<'de>>(
    map: &mut M,
) -> Result<T, M::Error> {
    Ok(map.next_value::<Option<T>>()?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_has_a_line_and_a_column() {
        let nested = r#"{"operation_strategies":["#.repeat(30_000);
        let nested = format!(r#"{{"default_strategy":{nested}"#);
        for (text, place, what) in [
            ("", "line 1, column 0", "EOF"),
            ("{\n  \"default_strategy\": [1]}", "line 2, column 22", "an object with type"),
            ("{\"service_strategies\":\n[{\"param\": \"1\"}]}", "line 2, column 14", "f64"),
            ("{\"service_strategies\": [null]}", "line 1, column 28", "an object with type"),
            ("{\"default_strategy\": {}} x", "line 1, column 26", "trailing"),
            ("[]", "line 1, column 0", "default_strategy"),
            (&"[".repeat(100_000), "line 1, column 0", "default_strategy"),
            (&nested, "line 1, column ", "recursion limit exceeded"),
        ] {
            let error = Document::parse(text.as_bytes()).expect_err("it is wrong");
            let text = &text[..text.len().min(60)];
            assert!(error.starts_with(place), "{text}: {error}");
            assert!(error.contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn null_is_nothing_and_bytes_that_are_no_text_are_replaced() {
        for text in ["null", "{}", r#"{"default_strategy": null, "service_strategies": null}"#] {
            assert_eq!(Document::parse(text.as_bytes()), Ok(Document::default()), "{text}");
        }
        let document = Document::parse(b"{\"service_strategies\":[{\"service\":\"a\xff\"}]}");
        assert_eq!(document.expect("a document").services[0].service, "a\u{fffd}");
    }
}
