//! The gRPC server behind a door: connections, and what holds for every call.

use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tracing::{debug, warn};

/// How long a call may take, the arrival of its message included.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// How many calls of one connection are worked on at a time; the others wait.
const CALLS: usize = 8;
/// How many calls one connection may have open.
const STREAMS: u32 = 100;
/// The largest head of a call, in bytes.
const LARGEST_HEAD: u32 = 64 << 10;
/// A connection that says nothing for this long is asked whether it is still there…
const KEEPALIVE: Duration = Duration::from_secs(60);
/// …and has this long to answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long calls may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Serves until `stop` says so, then lets running calls end.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let mut stopped = stop.clone();
    let stop = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let grace = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
        tokio::time::sleep(GRACE).await;
    };
    let server = Server::builder()
        .timeout(CALL_TIMEOUT)
        .concurrency_limit_per_connection(CALLS)
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(LARGEST_HEAD)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT));
    let serve = server.serve_with_incoming_shutdown(router, TcpIncoming::from(listener), stop);
    tokio::select! {
        served = serve => if let Err(error) = served {
            warn!(%error, "gRPC is no longer served");
        },
        () = grace => debug!("calls were still running at the end"),
    }
}
