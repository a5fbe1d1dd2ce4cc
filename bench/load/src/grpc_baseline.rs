//! The cost of HTTP/2 and gRPC alone: a server on the same library as the embedded Jaeger that
//! receives each message and discards it. No server on this library can need less CPU time.

use std::error::Error;
use std::future::{Ready, ready};
use std::io::{BufRead, BufReader};
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use jaeger_all_in_one::BytesCodec;
use tokio::runtime::Builder;
use tonic::Status;
use tonic::server::{Grpc, UnaryService};
use tonic::transport::server::TcpIncoming;

use crate::rates::{self, Rate};
use crate::send;
use crate::server::{OTLP_GRPC, Server};

/// The argument with which this program runs as that server.
pub(crate) const ARGUMENT: &str = "discard";
/// The embedded Jaeger receives on this many threads too.
const THREADS: usize = 2;

/// Receives messages until it is killed. Prints its address first.
pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(async {
        let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into())?.with_nodelay(Some(true));
        println!("{}", incoming.local_addr()?);
        let server = tonic::transport::Server::builder();
        Ok(server.serve_with_incoming(Router::new().fallback(discard), incoming).await?)
    })
}

async fn discard(request: Request) -> Response {
    Grpc::new(BytesCodec).unary(Discard, request).await.map(Body::new)
}

struct Discard;

impl UnaryService<Bytes> for Discard {
    type Response = Bytes;
    type Future = Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, _: tonic::Request<Bytes>) -> Self::Future {
        ready(Ok(tonic::Response::new(Bytes::new())))
    }
}

/// Measures how fast it receives this many spans.
pub(crate) fn measure(spans: usize) -> Result<Rate, Box<dyn Error>> {
    let messages = rates::otlp_requests(spans)?;
    rates::median_of(|| {
        let server = start()?;
        rates::measure_once(&server, spans, || send::grpc(server.address(OTLP_GRPC), &messages))
    })
}

fn start() -> Result<Server, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg(ARGUMENT).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().ok_or("the server has no stdout")?;
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    let server = Server::from_child(child);
    read?;
    Ok(server.with_address(OTLP_GRPC, line.trim().parse()?))
}
