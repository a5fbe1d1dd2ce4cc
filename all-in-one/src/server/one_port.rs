//! HTTP and gRPC on one port, told apart by their first bytes: gRPC begins with the preface of
//! HTTP/2.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Version;
use axum::middleware::{self, Next};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tracing::debug;

use super::connections::Listener;
use super::request_line::Escaped;
use super::{grpc, http};

/// Serves until `stop`, then lets running requests end.
pub(crate) async fn serve(
    listener: Listener,
    web: Router,
    calls: Router,
    mut stop: watch::Receiver<bool>,
) {
    let calls = TowerToHyperService::new(calls.layer(middleware::from_fn(grpc::hold_connection)));
    let split = move |request: Request, next: Next| {
        let calls = calls.clone();
        async move {
            match request.version() {
                Version::HTTP_2 => calls.call(request).await.unwrap_or_else(|never| match never {}),
                _ => next.run(request).await,
            }
        }
    };
    let service = TowerToHyperService::new(web.layer(middleware::from_fn(split)));
    let server = server();
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (service, memory) = (service.clone(), accepted.memory());
        let with_memory = service_fn(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(Arc::clone(&memory));
            service.call(request)
        });
        let stream = TokioIo::new(Escaped::new(accepted));
        let connection = server.serve_connection(stream, with_memory).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "a connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(http::GRACE, connections.shutdown()).await.is_err() {
        debug!("requests were still running at the end");
    }
}

fn server() -> Builder<TokioExecutor> {
    let mut server = Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(http::HEAD_TIMEOUT)
        .max_buf_size(http::LARGEST_HEAD);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(grpc::STREAMS)
        .initial_stream_window_size(grpc::WINDOW)
        .initial_connection_window_size(grpc::WINDOW)
        .max_frame_size(grpc::FRAME)
        .max_header_list_size(grpc::LARGEST_HEAD)
        .keep_alive_interval(grpc::KEEPALIVE)
        .keep_alive_timeout(grpc::KEEPALIVE_TIMEOUT);
    server
}
