//! Requests in JSON that come from a file.

use super::{json, proto};
use crate::model::Batch;

/// Decodes a request in JSON and passes its spans to `take`. Returns how many spans were refused,
/// because an id is zero or has the wrong length.
///
/// # Errors
/// Where the text is not such a request, nests too deep or takes too much memory.
pub(crate) fn read(text: &[u8], take: &mut dyn FnMut(Batch<'_>)) -> Result<u64, String> {
    let request = json::to_protobuf(text)?;
    Ok(proto::decode(&request, usize::MAX, &mut |batch| take(batch))?)
}
