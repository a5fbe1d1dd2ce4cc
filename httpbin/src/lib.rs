//! The server side of the examples: answers `GET /get` as httpbin.org does, and continues the
//! caller's trace, whichever generation of client began it.
//!
//! ```text
//! cargo run -p httpbin
//! curl http://localhost:8000/get
//! ```
//!
//! Each request is a span of kind `server`, made by a layer of the web framework
//! ([`opentelemetry_instrumentation_tower`]); it becomes a child of the span that the request
//! names in `traceparent` or in `uber-trace-id`. It is a library too, for tests that want a
//! server of their own: [`Telemetry`] first, where spans are wanted, then [`app`] behind a listener
//! of the test's:
//!
//! ```
//! use std::net::SocketAddr;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = tokio::runtime::Runtime::new()?;
//! let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
//! let url = format!("http://{}/get?shelf=3", listener.local_addr()?);
//! let app = httpbin::app().into_make_service_with_connect_info::<SocketAddr>();
//! runtime.spawn(async move { axum::serve(listener, app).await });
//!
//! let answer = httpbin::http_client()?.get(&url).send()?.text()?;
//! assert!(answer.contains(r#""shelf": "3""#), "{answer}");
//! # Ok(())
//! # }
//! ```
//!
//! | question | where |
//! |---|---|
//! | what is answered | [`answers`](app) |
//! | which headers continue a trace | `propagation` |
//! | what makes the spans, and where they go | `telemetry` |

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
