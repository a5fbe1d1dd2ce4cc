//! The server of the examples: answers `GET /get` like httpbin.org and continues the caller's
//! trace, whether a Jaeger client or OpenTelemetry started it.
//!
//! ```text
//! cargo run -p httpbin
//! curl http://localhost:8000/get
//! ```
//!
//! A layer of the web framework ([`opentelemetry_instrumentation_tower`]) makes a span of kind
//! `server` for each request. Its parent is the span that the request names in `traceparent` or
//! `uber-trace-id`. Tests can start the server as a library: install [`Telemetry`] first if spans
//! are needed, then serve [`app`] on a listener:
//!
//! ```
//! use std::net::SocketAddr;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = tokio::runtime::Runtime::new()?;
//! let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
//! let url = format!("http://{}/get?page=3", listener.local_addr()?);
//! let app = httpbin::app().into_make_service_with_connect_info::<SocketAddr>();
//! runtime.spawn(async move { axum::serve(listener, app).await });
//!
//! let answer = httpbin::http_client()?.get(&url).send()?.text()?;
//! assert!(answer.contains(r#""page": "3""#), "{answer}");
//! # Ok(())
//! # }
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`answers`](app) | the pages |
//! | `propagation` | the headers that continue a trace |
//! | `telemetry` | how spans are made and where they are sent |

mod answers;
mod baggage;
mod jaeger;
mod propagation;
mod settings;
mod telemetry;
mod tls;

pub use answers::app;
pub use propagation::{Format, propagator};
pub use settings::{Otlp, Settings};
pub use telemetry::{Telemetry, http_client};
pub use tls::config as tls_config;
