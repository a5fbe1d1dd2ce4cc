//! Asks a Jaeger for its health and for a trace: this one or the real one, by its query API.

mod http;
mod status;
mod tree;

pub use status::status;
pub use tree::tree;
