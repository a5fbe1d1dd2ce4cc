//! One port for OTLP in each of its protocols.
//!
//! Programs choose the protocol in their code or by their SDK's default, and the variable
//! `OTEL_EXPORTER_OTLP_ENDPOINT` has room for one address. So connections are told apart by their
//! first bytes: gRPC begins with the preface of HTTP/2.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use jaeger_all_in_one::{AllInOne, Port};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// How HTTP/2 begins. Of the methods of HTTP/1, `POST` shares the first letter.
const PREFACE: &[u8] = b"PRI";
/// How often to look for the rest, where only a part of it has arrived.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// An open port, served on the runtime that opened it.
pub(super) struct OnePort {
    address: SocketAddr,
}

impl OnePort {
    /// Opens it before the OTLP ports of a Jaeger.
    pub(super) async fn open(jaeger: &AllInOne) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let ports = (jaeger.address(Port::OtlpGrpc), jaeger.address(Port::OtlpHttp));
        let (Some(grpc), Some(http)) = ports else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((client, _)) => drop(tokio::spawn(pass_on(client, grpc, http))),
                    // Such as too many open files: some may be closed soon.
                    Err(_) => tokio::time::sleep(POLL_INTERVAL).await,
                }
            }
        });
        Ok(OnePort { address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn pass_on(mut client: TcpStream, grpc: SocketAddr, http: SocketAddr) -> io::Result<()> {
    let address = if is_http2(&client).await? { grpc } else { http };
    let mut server = TcpStream::connect(address).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

async fn is_http2(client: &TcpStream) -> io::Result<bool> {
    let mut first = [0; PREFACE.len()];
    loop {
        match client.peek(&mut first).await? {
            0 => return Ok(false),
            some if some < first.len() && PREFACE.starts_with(&first[..some]) => {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            some => return Ok(PREFACE.starts_with(&first[..some])),
        }
    }
}
