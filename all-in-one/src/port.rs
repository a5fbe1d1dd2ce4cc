//! The ports of an all-in-one.

use std::fmt;

/// A port of an all-in-one, by what it accepts or serves.
///
/// ```
/// use jaeger_all_in_one::Port;
///
/// assert_eq!(Port::OtlpHttp.number(), 4318);
/// assert_eq!(Port::OtlpHttp.flag(), "collector.otlp.http.host-port");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Port {
    /// Spans in compact Thrift, over UDP.
    AgentCompact,
    /// Spans in binary Thrift, over UDP.
    AgentBinary,
    /// Spans in zipkin.thrift over UDP, the format of clients of 2016.
    AgentZipkin,
    /// Spans in binary Thrift, over HTTP.
    Collector,
    /// Spans in Jaeger's protocol buffers, over gRPC.
    CollectorGrpc,
    /// Sampling strategies for clients of the agent, over HTTP.
    Sampling,
    /// Spans in OTLP over gRPC.
    OtlpGrpc,
    /// Spans in OTLP over HTTP.
    OtlpHttp,
    /// Spans in Zipkin's formats, over HTTP.
    Zipkin,
    /// The query API over gRPC.
    QueryGrpc,
    /// The web pages and the query API.
    Query,
    /// The health check, and `/metrics` for Prometheus.
    Admin,
}

/// What is known about a port.
struct Facts {
    number: u16,
    flag: &'static str,
    name: &'static str,
    serves: &'static str,
}

impl Port {
    /// Every port, in the order in which the program lists them.
    pub const ALL: [Port; 12] = [
        Port::AgentCompact,
        Port::AgentBinary,
        Port::AgentZipkin,
        Port::Collector,
        Port::CollectorGrpc,
        Port::Sampling,
        Port::OtlpGrpc,
        Port::OtlpHttp,
        Port::Zipkin,
        Port::QueryGrpc,
        Port::Query,
        Port::Admin,
    ];

    /// Its number in Jaeger, which the program uses by default.
    pub const fn number(self) -> u16 {
        self.facts().number
    }

    /// The flag of Jaeger's that sets its address, without dashes before it.
    pub const fn flag(self) -> &'static str {
        self.facts().flag
    }

    /// How Jaeger's flags for its TLS begin, without dashes before it; `None` if it has none.
    ///
    /// ```
    /// assert_eq!(jaeger_all_in_one::Port::Query.tls_flags(), Some("query.http.tls"));
    /// ```
    pub const fn tls_flags(self) -> Option<&'static str> {
        match self {
            Port::Collector => Some("collector.http.tls"),
            Port::CollectorGrpc => Some("collector.grpc.tls"),
            Port::OtlpGrpc => Some("collector.otlp.grpc.tls"),
            Port::OtlpHttp => Some("collector.otlp.http.tls"),
            Port::Zipkin => Some("collector.zipkin.tls"),
            Port::QueryGrpc => Some("query.grpc.tls"),
            Port::Query => Some("query.http.tls"),
            Port::Admin => Some("admin.http.tls"),
            Port::AgentCompact | Port::AgentBinary | Port::AgentZipkin | Port::Sampling => None,
        }
    }

    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// What it accepts or serves, in a few words.
    pub const fn serves(self) -> &'static str {
        self.facts().serves
    }

    /// Whether it is a port of UDP. The others are of TCP.
    pub const fn is_udp(self) -> bool {
        matches!(self, Port::AgentCompact | Port::AgentBinary | Port::AgentZipkin)
    }

    /// The feature of this crate that the port needs, if it is off.
    pub(crate) const fn missing_feature(self) -> Option<&'static str> {
        let (on, feature) = match self {
            Port::AgentCompact
            | Port::AgentBinary
            | Port::AgentZipkin
            | Port::Collector
            | Port::Sampling => (cfg!(feature = "jaeger"), "jaeger"),
            Port::CollectorGrpc => (cfg!(feature = "jaeger-grpc"), "jaeger-grpc"),
            Port::OtlpGrpc => (cfg!(feature = "otlp-grpc"), "otlp-grpc"),
            Port::QueryGrpc => (cfg!(feature = "query-grpc"), "query-grpc"),
            Port::OtlpHttp => (cfg!(feature = "otlp-http"), "otlp-http"),
            Port::Zipkin => (cfg!(feature = "zipkin"), "zipkin"),
            Port::Query | Port::Admin => (true, ""),
        };
        if on { None } else { Some(feature) }
    }

    const fn facts(self) -> Facts {
        let (number, flag, name, serves) = match self {
            Port::AgentCompact => (
                6831,
                "processor.jaeger-compact.server-host-port",
                "udp-compact",
                "spans, Thrift compact",
            ),
            Port::AgentBinary => (
                6832,
                "processor.jaeger-binary.server-host-port",
                "udp-binary",
                "spans, Thrift binary",
            ),
            Port::AgentZipkin => (
                5775,
                "processor.zipkin-compact.server-host-port",
                "udp-zipkin",
                "spans, Zipkin Thrift",
            ),
            Port::Collector => {
                (14268, "collector.http-server.host-port", "http-thrift", "spans, Thrift over HTTP")
            }
            Port::CollectorGrpc => {
                (14250, "collector.grpc-server.host-port", "grpc-jaeger", "spans, Jaeger's gRPC")
            }
            Port::Sampling => {
                (5778, "http-server.host-port", "http-sampling", "sampling strategies")
            }
            Port::OtlpGrpc => {
                (4317, "collector.otlp.grpc.host-port", "otlp-grpc", "spans, OTLP/gRPC")
            }
            Port::OtlpHttp => {
                (4318, "collector.otlp.http.host-port", "otlp-http", "spans, OTLP/HTTP")
            }
            Port::Zipkin => {
                (9411, "collector.zipkin.host-port", "zipkin", "spans, Zipkin over HTTP")
            }
            Port::QueryGrpc => {
                (16685, "query.grpc-server.host-port", "grpc-query", "query API over gRPC")
            }
            Port::Query => (16686, "query.http-server.host-port", "query", "web pages, query API"),
            Port::Admin => (14269, "admin.http.host-port", "admin", "health, metrics"),
        };
        Facts { number, flag, name, serves }
    }
}

impl fmt::Display for Port {
    /// What it accepts or serves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.serves())
    }
}
