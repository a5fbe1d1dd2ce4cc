//! The admin port, 14269 in Jaeger: health check and metrics.
//!
//! Every path is the health check, as in Jaeger, except `/metrics`. What is below `/debug/` there is
//! about Go, and not found here. The agent's port for sampling
//! strategies is here too.

#[cfg(feature = "jaeger")]
pub(crate) mod agent_http;
mod health;
mod metrics;
mod prometheus;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};

use crate::server::http::not_found;
use health::Health;
pub(crate) use metrics::Measured;

/// What the answers are made from.
#[derive(Debug)]
pub(crate) struct Admin {
    measured: Measured,
    health: Health,
}

impl Admin {
    /// For an all-in-one that starts now.
    pub(crate) fn new(measured: Measured) -> Self {
        Admin { measured, health: Health::since_now() }
    }
}

/// The service behind the admin port.
pub(crate) fn router(admin: Admin) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(admin))
}

async fn handle(State(admin): State<Arc<Admin>>, uri: Uri) -> Response {
    match uri.path() {
        "/metrics" => {
            let body = metrics::metrics(&admin.measured);
            ([(header::CONTENT_TYPE, prometheus::CONTENT_TYPE)], body).into_response()
        }
        path if path.starts_with("/debug/") => not_found(),
        _ => ([(header::CONTENT_TYPE, "application/json")], admin.health.json()).into_response(),
    }
}
