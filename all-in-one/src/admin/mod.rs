//! What is neither spans nor traces: how clients are to sample.

pub(crate) mod sampling;
