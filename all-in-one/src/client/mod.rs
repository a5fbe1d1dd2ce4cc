//! Asks a Jaeger, this one or the real one, whether it answers, and for traces.

mod api;
mod error;
mod http;
mod list;
mod source;
mod status;
mod tree;

pub use error::ClientError;
pub use list::newest;
pub use source::Source;
pub use status::status;
pub use tree::{Style, tree};
