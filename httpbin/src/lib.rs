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
//! server of their own: [`Telemetry`] first, then [`app`] behind a listener of the test's.
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
