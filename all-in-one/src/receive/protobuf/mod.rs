//! Jaeger's own protocol buffers, decoded straight into the model.
//!
//! A generated decoder would first build every message in memory, where an empty span or tag of two
//! bytes takes more than a hundred: four megabytes would become half a gigabyte. This decoder
//! counts the memory as it goes, and refuses a request that takes more than [`MAX_UNFOLDED`].

#[cfg(feature = "jaeger-grpc")]
pub(crate) mod grpc;
pub(crate) mod jaeger;

pub(crate) use crate::protobuf::{Error, MAX_UNFOLDED};
