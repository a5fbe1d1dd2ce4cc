//! Requests in JSON that come from a file.

use super::{json_request, proto};
use crate::model::Batch;
use crate::receive::faults::Faults;

/// Decodes a request in JSON and passes its spans to `take`. Returns how many spans were refused,
/// because an id is zero or has the wrong length, and why a part of a resource was left out.
///
/// # Errors
/// Where the text is not such a request, a span cannot be read, or it takes too much memory.
pub(crate) fn read(
    text: &[u8],
    take: &mut dyn FnMut(Batch<'_>),
) -> Result<(u64, Option<String>), String> {
    let mut faults = Faults::default();
    let request = json_request::to_protobuf(text, &mut faults)?;
    let why = faults.first().map(str::to_owned);
    if let (Some(why), 1..) = (&why, faults.spans) {
        return Err(why.clone());
    }
    Ok((proto::decode(&request, usize::MAX, &mut |batch| take(batch))?, why))
}
