//! Decompression without a port, for the fuzzer.

use super::{body, grpc};

/// Decompresses bytes in every coding of the doors, within their limits.
pub(crate) fn packed(bytes: &[u8]) {
    body::fuzz(bytes);
    grpc::fuzz(bytes);
}
