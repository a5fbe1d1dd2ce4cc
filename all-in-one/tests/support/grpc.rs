//! A gRPC client that sends bytes as they are.

use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
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
    let answer = client.unary(message, method.parse().expect("a method"), Plain).await;
    answer.map(tonic::Response::into_inner)
}

struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Plain;
    type Decoder = Plain;

    fn encoder(&mut self) -> Plain {
        Plain
    }

    fn decoder(&mut self) -> Plain {
        Plain
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(message);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}
