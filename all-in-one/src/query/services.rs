//! `/api/services`, and the two endpoints for operations.

use super::answer::{Answer, OperationJson};
use super::api::{Api, ok};
use super::errors::ApiError;
use super::params;
use super::stream::AnswerWriter;
use crate::server::form::{Form, unescape};

/// All services that have spans.
pub(super) fn services(api: &Api, form: &Form, out: &mut AnswerWriter<'_>) -> Result<(), ApiError> {
    let names = api.services();
    ok(form, out, &Answer::counted(names.iter().map(|name| &**name).collect()))
}

/// The operations of a service, of one kind if the request names it.
pub(super) fn operations(
    api: &Api,
    form: &Form,
    out: &mut AnswerWriter<'_>,
) -> Result<(), ApiError> {
    let service = form.get("service");
    if service.is_empty() {
        return Err(params::service_required());
    }
    let kind = form.get("spanKind");
    let operations = api.operations(service);
    let json = operations
        .iter()
        .filter(|operation| kind.is_empty() || *operation.kind == *kind)
        .map(|operation| OperationJson { name: &operation.name, kind: &operation.kind })
        .collect();
    ok(form, out, &Answer::counted(json))
}

/// The names of a service's operations, as the web pages ask for them.
pub(super) fn operation_names(
    api: &Api,
    service: &str,
    form: &Form,
    out: &mut AnswerWriter<'_>,
) -> Result<(), ApiError> {
    let service = unescape(service, true).unwrap_or_default();
    let operations = api.operations(&service);
    let mut names: Vec<&str> = operations.iter().map(|operation| &*operation.name).collect();
    // They are sorted by name, so the kinds of one name are adjacent.
    names.dedup();
    ok(form, out, &Answer::counted(names))
}
