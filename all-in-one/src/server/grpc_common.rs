//! What every gRPC port has beside its own services: health checks, and reflection, by which tools
//! such as grpcurl learn the services and their messages.
//!
//! Both are made when they are first asked for: most programs never ask.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tokio::sync::OnceCell;
use tonic::Status;
use tonic_health::ServingStatus;
use tonic_health::server::health_reporter;
use tonic_reflection::server::Builder;

/// The largest message of a question here, in bytes.
const LARGEST_MESSAGE: usize = 8 << 10;

/// The services of a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described {
    /// Those that are served, as reflection lists them.
    pub(crate) listed: &'static [&'static str],
    /// Those that only the health check knows.
    pub(crate) healthy: &'static [&'static str],
    /// A `FileDescriptorSet` that has all that are listed.
    pub(crate) descriptors: &'static [u8],
}

struct Lazy {
    services: Described,
    made: OnceCell<Router>,
}

/// Adds both services to a router.
pub(crate) fn add(router: Router, services: Described) -> Router {
    let lazy = Arc::new(Lazy { services, made: OnceCell::new() });
    let common = Router::new()
        .route("/grpc.health.v1.Health/{method}", any(serve))
        .route("/grpc.reflection.v1.ServerReflection/{method}", any(serve))
        .route("/grpc.reflection.v1alpha.ServerReflection/{method}", any(serve))
        .with_state(lazy);
    router.merge(common)
}

async fn serve(State(lazy): State<Arc<Lazy>>, request: Request) -> Response {
    match lazy.made.get_or_try_init(|| make(lazy.services)).await {
        Ok(router) => {
            let answer = TowerToHyperService::new(router.clone()).call(request).await;
            answer.unwrap_or_else(|never| match never {})
        }
        Err(status) => status.clone().into_http::<axum::body::Body>().into_response(),
    }
}

async fn make(services: Described) -> Result<Router, Status> {
    let (reporter, health) = health_reporter();
    for name in services.listed.iter().chain(services.healthy) {
        reporter.set_service_status(name, ServingStatus::Serving).await;
    }
    let builder = || {
        let builder = Builder::configure()
            .register_encoded_file_descriptor_set(services.descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health");
        services.listed.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    };
    let wrong = |error: tonic_reflection::server::Error| Status::internal(error.to_string());
    let v1 = builder().build_v1().map_err(wrong)?;
    let v1alpha = builder().build_v1alpha().map_err(wrong)?;
    Ok(Router::new()
        .route_service(
            "/grpc.health.v1.Health/{method}",
            health.max_decoding_message_size(LARGEST_MESSAGE),
        )
        .route_service(
            "/grpc.reflection.v1.ServerReflection/{method}",
            v1.max_decoding_message_size(LARGEST_MESSAGE),
        )
        .route_service(
            "/grpc.reflection.v1alpha.ServerReflection/{method}",
            v1alpha.max_decoding_message_size(LARGEST_MESSAGE),
        ))
}
