//! `jaeger.api_v3.QueryService`, as in Jaeger 2.x. Traces are OTLP.

use tonic::Status;

use super::super::adjust::Version;
use super::super::api::Api;
use super::super::stream::AnswerWriter;
use super::super::trace::TraceWriter;
use super::super::v3::find::find;
use super::super::v3::params::{MAX_DEPTH, Query};
use super::super::v3::traces::resource_spans;
use super::super::v3::{operations_of, shown_kind};
use super::questions::{OneTrace, TraceQuery, check, texts};
use super::{malformed, otlp, write};
use crate::model::TraceId;
use crate::protobuf::message::Message;

#[derive(Clone, Copy, Debug)]
pub(super) enum Method {
    GetTrace,
    FindTraces,
    GetServices,
    GetOperations,
}

impl Method {
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "GetTrace" => Method::GetTrace,
            "FindTraces" => Method::FindTraces,
            "GetServices" => Method::GetServices,
            "GetOperations" => Method::GetOperations,
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
            Method::GetTrace => {
                let OneTrace { id, raw } = OneTrace::read(question).map_err(malformed)?;
                let id: TraceId = String::from_utf8_lossy(id)
                    .parse()
                    .map_err(|why| Status::unknown(format!("malform trace ID: {why}")))?;
                // One that is not there is counted as an error, and answered below.
                api.has(id);
                write_trace(api, id, raw, out)
            }
            Method::FindTraces => {
                let query = query(question)?;
                for id in api.find(|store| find(store, &query)) {
                    write_trace(api, id, query.raw, out)?;
                }
                Ok(())
            }
            Method::GetServices => {
                check(question).map_err(malformed)?;
                let mut answer = Message::default();
                for name in api.services() {
                    answer.bytes(1, name.as_bytes());
                }
                Ok(write(out, answer)?)
            }
            Method::GetOperations => {
                let [service, kind] = texts(question).map_err(malformed)?;
                let mut answer = Message::default();
                for operation in operations_of(api, &service, &kind) {
                    let mut message = Message::default();
                    message.text(1, &operation.name);
                    message.text(2, shown_kind(&operation));
                    answer.message(1, &message);
                }
                Ok(write(out, answer)?)
            }
        }
    }
}

/// Writes a trace, unless it is not there: some of its spans are a message.
fn write_trace(
    api: &Api,
    id: TraceId,
    raw: bool,
    out: &mut AnswerWriter<'_>,
) -> Result<(), Status> {
    let Some(mut trace) = TraceWriter::begin_as(api, id, raw, Version::V3) else { return Ok(()) };
    trace.each(|views| {
        let mut message = Message::default();
        for spans in resource_spans(views, raw) {
            message.message(1, &otlp::resource_spans(&spans));
        }
        write(out, message)?;
        Ok(true)
    })?;
    Ok(())
}

fn query(question: &[u8]) -> Result<Query, Status> {
    let query = TraceQuery::read(question).map_err(malformed)?;
    let query = query.ok_or_else(|| Status::invalid_argument("missing query"))?;
    let (Some(earliest), Some(latest)) = (query.earliest, query.latest) else {
        return Err(Status::unknown("start time min and max are required parameters"));
    };
    if earliest > latest {
        return Err(Status::invalid_argument("start_time_min must be before start_time_max"));
    }
    let depth = usize::try_from(query.depth).ok().filter(|depth| *depth > 0);
    let depth =
        depth.ok_or_else(|| Status::invalid_argument("search depth must be greater than 0"))?;
    if depth > MAX_DEPTH {
        let why = "search depth must be greater than 0 and less than max traces";
        return Err(Status::unknown(why));
    }
    let limit = |nanos: i64| Some(nanos).filter(|nanos| *nanos != 0);
    Ok(Query {
        service: query.service,
        operation: query.operation,
        attributes: query.tags.into_iter().collect(),
        starts: (earliest, latest),
        shortest: limit(query.shortest),
        longest: limit(query.longest),
        depth,
        raw: query.raw,
    })
}
