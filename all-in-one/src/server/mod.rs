//! What every port needs, whatever it serves: sockets, HTTP, gRPC, bodies, time limits, memory
//! budgets and counters. This room knows nothing of spans.
//!
//! | file | what it is |
//! |---|---|
//! | `door` | opens a port as the settings say, for HTTP or gRPC |
//! | `http`, `grpc` | the two servers, and what holds for each of their answers |
//! | `one_port` | both servers on one port |
//! | `grpc_stream` | calls whose answer is a stream |
//! | `grpc_common` | health checks and reflection of gRPC |
//! | `cors` | which web pages of other origins may send |
//! | `body` | reads and decompresses request bodies, within a budget |
//! | `packed` | decompresses in codings that tonic does not know |
//! | `connections` | accepts connections, within a budget |
//! | `idle_timeout`, `request_line` | wrappers around a connection |
//! | `socket`, `tls` | a connection's bytes, with TLS or without |
//! | `reload` | reads files of settings again when they change |
//! | `form` | the parameters of a query string |
//! | `counters` | what came through a door, and why something was refused |

pub(crate) mod body;
pub(crate) mod budget;
#[cfg(feature = "_grpc")]
pub(crate) mod bytes_codec;
pub(crate) mod connections;
pub(crate) mod context;
pub(crate) mod cors;
pub(crate) mod counters;
pub(crate) mod door;
pub(crate) mod form;
#[cfg(all(feature = "doors", any(test, fuzzing)))]
pub(crate) mod fuzz;
#[cfg(feature = "_grpc")]
pub(crate) mod grpc;
#[cfg(feature = "query-grpc")]
pub(crate) mod grpc_common;
#[cfg(feature = "query-grpc")]
pub(crate) mod grpc_stream;
pub(crate) mod histogram;
pub(crate) mod http;
pub(crate) mod idle_timeout;
#[cfg(feature = "query-grpc")]
pub(crate) mod one_port;
#[cfg(feature = "_grpc")]
mod packed;
pub(crate) mod reload;
pub(crate) mod request_line;
pub(crate) mod socket;
pub(crate) mod threads;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod write_through;
