//! The gRPC query port, 16685 in Jaeger. That API is not served: callers get an error at once that
//! names the HTTP API, instead of waiting for a closed port.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use tonic::Status;

use crate::config::Config;
use crate::error::BindError;
use crate::port::Port;
use crate::server::context::Context;
use crate::server::counters::{Counters, Reason};
use crate::server::door::{self, Opened};

/// Opens the port.
pub(crate) fn open(config: &Config, context: &Context) -> Result<Option<Opened>, BindError> {
    door::grpc(Port::QueryGrpc, config, context, |counters| {
        Router::new().fallback(refuse).with_state(Arc::clone(counters))
    })
}

async fn refuse(State(counters): State<Arc<Counters>>) -> Response {
    let why =
        "there is no gRPC query API here: use the HTTP one, /api on the port of the web pages";
    counters.refuse(Reason::Unsupported, why);
    counters.received();
    Status::unimplemented(why).into_http::<Body>()
}
