//! Zipkin's spans: its JSON of version 2, over HTTP.

#[cfg(feature = "zipkin")]
pub(crate) mod http;
mod json;
mod translate;

use crate::model::Batch;

/// Decodes a list of spans in JSON and passes them to `take`.
///
/// # Errors
/// Where the text is not such a list, or a span is invalid.
pub(crate) fn read(text: &[u8], take: &mut dyn FnMut(Batch<'_>)) -> Result<(), String> {
    let spans = json::decode(text)?;
    take(translate::spans(&spans));
    Ok(())
}
