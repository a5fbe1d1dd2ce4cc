//! Asks a Jaeger, this one or the real one, whether it answers, and for a trace.

mod http;
mod status;
mod tree;

pub use status::status;
pub use tree::tree;
