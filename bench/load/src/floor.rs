//! What HTTP/2 and gRPC take by themselves: a server made of the library that the embedded Jaeger's
//! doors are made of, which takes each message and forgets it. No server on it can take less.

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

use crate::measure::{self, Rate};
use crate::send;
use crate::server::{OTLP_GRPC, Server};

/// The argument with which this program is that server.
pub(crate) const ARGUMENT: &str = "forget";
/// As many threads as the embedded Jaeger has for what comes in.
const THREADS: usize = 2;

/// Takes messages until it is killed. What it prints is its address.
pub(crate) fn serve() -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(async {
        let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into())?.with_nodelay(Some(true));
        println!("{}", incoming.local_addr()?);
        let server = tonic::transport::Server::builder();
        Ok(server.serve_with_incoming(Router::new().fallback(forget), incoming).await?)
    })
}

async fn forget(request: Request) -> Response {
    Grpc::new(BytesCodec).unary(Forget, request).await.map(Body::new)
}

struct Forget;

impl UnaryService<Bytes> for Forget {
    type Response = Bytes;
    type Future = Ready<Result<tonic::Response<Bytes>, Status>>;

    fn call(&mut self, _: tonic::Request<Bytes>) -> Self::Future {
        ready(Ok(tonic::Response::new(Bytes::new())))
    }
}

/// How fast so many spans are taken and forgotten.
pub(crate) fn measure(spans: usize) -> Result<Rate, Box<dyn Error>> {
    let messages = measure::otlp_requests(spans)?;
    measure::best(|| {
        let server = start()?;
        measure::taken(&server, spans, || send::grpc(server.address(OTLP_GRPC), &messages))
    })
}

fn start() -> Result<Server, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg(ARGUMENT).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().ok_or("it has no output")?;
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    let server = Server::of(child);
    read?;
    Ok(server.at(OTLP_GRPC, line.trim().parse()?))
}
