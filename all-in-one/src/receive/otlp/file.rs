//! Requests in JSON that come from a file.

use super::{json_request, proto};
use crate::model::Batch;
use crate::receive::faults::Faults;

/// Decodes a request in JSON and passes its spans to `take`. Returns how many spans were refused,
/// because an id is zero or has the wrong length.
///
/// # Errors
/// Where the text is not such a request, a part of it cannot be read, or it takes too much memory.
pub(crate) fn read(text: &[u8], take: &mut dyn FnMut(Batch<'_>)) -> Result<u64, String> {
    let mut faults = Faults::default();
    let request = json_request::to_protobuf(text, &mut faults)?;
    if let Some(why) = faults.first() {
        return Err(why.to_owned());
    }
    Ok(proto::decode(&request, usize::MAX, &mut |batch| take(batch))?)
}
