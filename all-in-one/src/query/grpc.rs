//! The gRPC query port, 16685 in Jaeger. That API is not here: whoever calls it learns so, and
//! where to ask instead, and does not wait for a port that is closed.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use tokio::net::TcpListener;
use tonic::Status;

use crate::config::{self, Config};
use crate::error::Error;
use crate::grpc;
use crate::receive::{self, Counters, Door, Intake, Opened, Reason};

/// Opens the port.
pub(crate) fn open(config: &Config, intake: &Intake) -> Result<Option<Opened>, Error> {
    let (listener, address) =
        receive::bind(config, &config.query_grpc, config::QUERY_GRPC, receive::tcp)?;
    let door = Door {
        name: "grpc-query",
        takes: "not here: gRPC query",
        udp: false,
        address,
        counters: Arc::default(),
    };
    let router = Router::new().fallback(refuse).with_state(Arc::clone(&door.counters));
    let stop = intake.stop.clone();
    let serve = move || {
        let listener = TcpListener::from_std(listener).map_err(Error::Runtime)?;
        Ok(Box::pin(grpc::serve(listener, router, stop)) as _)
    };
    Ok(Some(Opened { door, serve: Box::new(serve) }))
}

async fn refuse(State(counters): State<Arc<Counters>>) -> Response {
    counters.refused(Reason::Unsupported);
    counters.received();
    let why =
        "there is no gRPC query API here: use the HTTP one, /api on the port of the web pages";
    Status::unimplemented(why).into_http::<Body>()
}
