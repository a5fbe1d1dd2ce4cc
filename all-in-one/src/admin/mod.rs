//! The admin port, 14269 in Jaeger: health check and metrics.
//!
//! Every path is the health check, as in Jaeger, except `/metrics`. The agent's port for sampling
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

use crate::server::counters::Counters;
use crate::server::door::Door;
use crate::store::Store;
use health::Health;

/// What the answers are made from.
#[derive(Debug)]
pub(crate) struct Admin {
    doors: Vec<Door>,
    ports: [Arc<Counters>; 2],
    store: Arc<Store>,
    health: Health,
}

impl Admin {
    /// For an all-in-one that starts now.
    pub(crate) fn new(doors: Vec<Door>, ports: [Arc<Counters>; 2], store: Arc<Store>) -> Self {
        Admin { doors, ports, store, health: Health::since_now() }
    }
}

/// The service behind the admin port.
pub(crate) fn router(admin: Admin) -> Router {
    Router::new().fallback(handle).with_state(Arc::new(admin))
}

async fn handle(State(admin): State<Arc<Admin>>, uri: Uri) -> Response {
    match uri.path() {
        "/metrics" => {
            let body = metrics::metrics(&admin.doors, &admin.ports, &admin.store);
            ([(header::CONTENT_TYPE, prometheus::CONTENT_TYPE)], body).into_response()
        }
        _ => ([(header::CONTENT_TYPE, "application/json")], admin.health.json()).into_response(),
    }
}
