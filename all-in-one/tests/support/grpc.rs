//! A gRPC client that sends plain bytes.

use std::net::SocketAddr;

use bytes::Bytes;
use jaeger_all_in_one::BytesCodec;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Request, Status};

/// Calls a method with a message, on a connection of its own.
pub fn call(address: SocketAddr, method: &str, message: &[u8]) -> Result<Bytes, Status> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut client = connect(address).await;
        unary(&mut client, method, message).await
    })
}

pub async fn connect(address: SocketAddr) -> Grpc<Channel> {
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
    Grpc::new(endpoint.connect().await.expect("connect"))
}

pub async fn unary(
    client: &mut Grpc<Channel>,
    method: &str,
    message: &[u8],
) -> Result<Bytes, Status> {
    client.ready().await.expect("ready");
    let message = Request::new(Bytes::copy_from_slice(message));
    let answer = client.unary(message, method.parse().expect("a method"), BytesCodec).await;
    answer.map(tonic::Response::into_inner)
}

/// Calls a method whose answer is a stream; returns its messages.
pub async fn stream(
    client: &mut Grpc<Channel>,
    method: &str,
    message: &[u8],
) -> Result<Vec<Bytes>, Status> {
    client.ready().await.expect("ready");
    let message = Request::new(Bytes::copy_from_slice(message));
    let method = method.parse().expect("a method");
    let mut answer = client.server_streaming(message, method, BytesCodec).await?.into_inner();
    let mut messages = Vec::new();
    while let Some(message) = answer.message().await? {
        messages.push(message);
    }
    Ok(messages)
}
