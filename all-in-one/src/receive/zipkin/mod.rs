//! Zipkin's spans over HTTP: JSON of versions 1 and 2, protobuf, and Thrift.
//!
//! Each format becomes Zipkin's old model, which is translated in one place.

#[cfg(feature = "zipkin")]
pub(crate) mod http;
mod json;
#[cfg(feature = "zipkin")]
mod proto;

use std::collections::HashSet;

use super::faults::Faults;
use super::zipkin_core::{self, BinaryAnnotation, CoreSpan};
use crate::model::Batch;

/// The value of `internal.span.format` for spans from Zipkin.
const FORMAT: &str = "zipkin";

/// Decodes a list of spans in JSON and passes them to `take`.
///
/// # Errors
/// Where the text is not such a list, or a span is invalid; then none was passed on.
#[cfg(feature = "files")]
pub(crate) fn read(text: &[u8], take: &mut dyn FnMut(Batch<'_>)) -> Result<(), String> {
    let (mut faults, mut all) = (Faults::default(), Vec::new());
    json::decode(text, json::Version::V2, &mut faults, &mut |mut spans| all.append(&mut spans))?;
    match faults.first() {
        Some(why) => Err(why.to_owned()),
        None => {
            take(translated(all));
            Ok(())
        }
    }
}

/// The spans in Jaeger's model.
fn translated(spans: Vec<CoreSpan<'_>>) -> Batch<'_> {
    zipkin_core::spans(spans, FORMAT)
}

/// Keeps the last of the tags with the same key.
fn last_of_each(tags: &mut Vec<BinaryAnnotation<'_>>) {
    let mut seen = HashSet::new();
    let mut keep: Vec<_> = tags.iter().rev().map(|tag| seen.insert(&*tag.key)).collect();
    drop(seen);
    tags.retain(|_| keep.pop().unwrap_or(true));
}
