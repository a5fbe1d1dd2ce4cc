//! Numbers, durations, times and JSON as Go reads and writes them: Jaeger's answers contain them,
//! and an answer here is byte for byte the one that Jaeger would give.

pub(crate) mod durations;
pub(crate) mod json;
pub(crate) mod numbers;
pub(crate) mod times;

pub use durations::parse_duration;
pub use numbers::parse_bool;
