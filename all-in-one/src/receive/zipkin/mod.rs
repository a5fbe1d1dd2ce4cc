//! Zipkin's spans: its JSON of version 2, over HTTP.

pub(crate) mod http;
mod json;
mod translate;
