//! `jaeger.api_v2.QueryService`, as in Jaeger 1.35.

use std::mem::take;

use tonic::Status;

use super::super::api::Api;
use super::super::dependencies::calls;
use super::super::stream::AnswerWriter;
use super::super::trace::TraceWriter;
use super::questions::{OneTrace, TraceQuery, check, texts, times};
use super::{malformed, spans, write};
use crate::model::TraceId;
use crate::protobuf::Error;
use crate::protobuf::message::Message;
use crate::store::Search;

/// The methods of the service for metrics.
pub(super) const METRICS: [&str; 4] =
    ["GetLatencies", "GetCallRates", "GetErrorRates", "GetMinStepDuration"];
/// How many spans a message has at the most.
const CHUNK: usize = 10;
/// A message of this many bytes is sent, however few spans it has: clients refuse more than 4 MiB.
const LARGE: usize = 1 << 20;

#[derive(Clone, Copy, Debug)]
pub(super) enum Method {
    GetTrace,
    ArchiveTrace,
    FindTraces,
    GetServices,
    GetOperations,
    GetDependencies,
}

impl Method {
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "GetTrace" => Method::GetTrace,
            "ArchiveTrace" => Method::ArchiveTrace,
            "FindTraces" => Method::FindTraces,
            "GetServices" => Method::GetServices,
            "GetOperations" => Method::GetOperations,
            "GetDependencies" => Method::GetDependencies,
            _ => return None,
        })
    }

    pub(super) fn answer(
        self,
        api: &Api,
        question: &[u8],
        out: &mut AnswerWriter<'_>,
    ) -> Result<(), Status> {
        match self {
            Method::GetTrace => get_trace(api, question, out),
            Method::ArchiveTrace => archive_trace(question),
            Method::FindTraces => find_traces(api, question, out),
            Method::GetServices => {
                check(question).map_err(malformed)?;
                let mut answer = Message::default();
                for name in api.services() {
                    answer.bytes(1, name.as_bytes());
                }
                Ok(write(out, answer)?)
            }
            Method::GetOperations => get_operations(api, question, out),
            Method::GetDependencies => get_dependencies(api, question, out),
        }
    }
}

fn get_trace(api: &Api, question: &[u8], out: &mut AnswerWriter<'_>) -> Result<(), Status> {
    let id = trace_id(question)?;
    let found = api.has(id).then(|| TraceWriter::begin(api, id, true));
    let Some(trace) = found.flatten() else {
        return Err(Status::not_found("trace not found: trace not found"));
    };
    write_trace(trace, out)
}

/// There is no archive; Jaeger has none by default either.
fn archive_trace(question: &[u8]) -> Result<(), Status> {
    trace_id(question)?;
    Err(Status::internal("failed to archive trace: archive span storage was not configured"))
}

fn find_traces(api: &Api, question: &[u8], out: &mut AnswerWriter<'_>) -> Result<(), Status> {
    let query = TraceQuery::read(question).map_err(malformed)?;
    let query = query.ok_or_else(|| Status::invalid_argument("missing query"))?;
    // No span is without a service, and Jaeger compares it even if it is empty.
    if query.service.is_empty() {
        return Ok(());
    }
    let micros = |nanos: i128| i64::try_from(nanos.div_euclid(1_000)).unwrap_or(i64::MAX);
    let limit = |nanos: i64| Some(nanos).filter(|nanos| *nanos != 0);
    let search = Search {
        service: query.service,
        operation: query.operation,
        tags: query.tags.into_iter().collect(),
        earliest: query.earliest.map_or(i64::MIN, micros),
        latest: query.latest.map_or(i64::MAX, micros),
        shortest: limit(query.shortest),
        longest: limit(query.longest),
        limit: usize::try_from(query.depth).ok().filter(|depth| *depth > 0),
    };
    for id in api.find(|store| store.find_ids(&search)) {
        // A trace that was evicted since it was found is left out.
        if let Some(trace) = TraceWriter::begin(api, id, true) {
            write_trace(trace, out)?;
        }
    }
    Ok(())
}

fn write_trace(mut trace: TraceWriter<'_>, out: &mut AnswerWriter<'_>) -> Result<(), Status> {
    let (mut chunk, mut count) = (Message::default(), 0);
    trace.each(|views| {
        for view in views {
            chunk.message(1, &spans::span(view));
            count += 1;
            if count == CHUNK || chunk.len() >= LARGE {
                write(out, take(&mut chunk))?;
                count = 0;
            }
        }
        Ok(true)
    })?;
    if count > 0 {
        write(out, chunk)?;
    }
    Ok(())
}

fn get_operations(api: &Api, question: &[u8], out: &mut AnswerWriter<'_>) -> Result<(), Status> {
    let [service, kind] = texts(question).map_err(malformed)?;
    let mut found = api.operations(&service);
    found.retain(|operation| kind.is_empty() || *operation.kind == *kind);
    let mut answer = Message::default();
    let mut names: Vec<&str> = found.iter().map(|operation| &*operation.name).collect();
    // They are sorted by name, so the kinds of one name are adjacent.
    names.dedup();
    for name in names {
        answer.bytes(1, name.as_bytes());
    }
    for operation in &found {
        let mut message = Message::default();
        message.text(1, &operation.name);
        message.text(2, &operation.kind);
        answer.message(2, &message);
    }
    Ok(write(out, answer)?)
}

fn get_dependencies(api: &Api, question: &[u8], out: &mut AnswerWriter<'_>) -> Result<(), Status> {
    let [Some(start), Some(end)] = times(question).map_err(malformed)? else {
        return Err(Status::invalid_argument("StartTime and EndTime must be initialized."));
    };
    let micros = |nanos: i128| i64::try_from(nanos.div_euclid(1_000)).unwrap_or(i64::MAX);
    let mut answer = Message::default();
    for ((parent, child), calls) in calls(&api.store, micros(start), micros(end)) {
        let mut link = Message::default();
        link.text(1, &parent);
        link.text(2, &child);
        link.number(3, calls);
        answer.message(1, &link);
    }
    Ok(write(out, answer)?)
}

/// The id in a question, 16 bytes or 8.
fn trace_id(question: &[u8]) -> Result<TraceId, Status> {
    let OneTrace { id, .. } = OneTrace::read(question).map_err(malformed)?;
    let number = |bytes: &[u8]| bytes.iter().fold(0, |id, byte| id << 8 | u128::from(*byte));
    let id: TraceId = match id.len() {
        0 => TraceId::default(),
        8 | 16 => number(id).into(),
        _ => return Err(malformed(Error::IdLength("TraceID"))),
    };
    match id.is_zero() {
        true => Err(Status::invalid_argument("uninitialized TraceID is not allowed")),
        false => Ok(id),
    }
}
