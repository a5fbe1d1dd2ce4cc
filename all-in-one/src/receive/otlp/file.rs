//! Requests in JSON that come from a file.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::{json, proto};
use crate::model::Batch;

/// Decodes a request in JSON and passes its spans to `take`. Returns how many spans were refused,
/// because an id is zero or has the wrong length.
///
/// # Errors
/// Where the text is not such a request, nests too deep or takes too much memory.
pub(crate) fn read(text: &[u8], take: &mut dyn FnMut(Batch<'_>)) -> Result<u64, String> {
    let request = ExportTraceServiceRequest { resource_spans: json::decode(text)? };
    let request = request.encode_to_vec();
    Ok(proto::decode(&request, usize::MAX, &mut |batch| take(batch))?)
}
