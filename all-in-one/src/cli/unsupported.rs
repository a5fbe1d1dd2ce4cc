//! Settings of Jaeger 1.35 that have no effect here. Such a flag is an error, such an environment
//! variable a warning in the log.
//!
//! The names are those that the original's `--help` and `env` list. A flag's variable is its
//! name in upper case with underscores.

use std::ffi::OsString;
use std::fmt;

/// Flags without effect here, and why.
const FLAGS: &[(&str, &[&str])] = &[
    (
        "settings come from flags and the environment; write the file's settings there",
        &["config-file"],
    ),
    (
        "there are no queues and no workers: spans go straight to the store",
        &[
            "collector.num-workers",
            "collector.queue-size",
            "collector.queue-size-memory",
            "processor.jaeger-binary.server-queue-size",
            "processor.jaeger-binary.workers",
            "processor.jaeger-compact.server-queue-size",
            "processor.jaeger-compact.workers",
            "processor.zipkin-compact.server-queue-size",
            "processor.zipkin-compact.workers",
        ],
    ),
    (
        "the limit is 65000 bytes a packet, and the receive buffer is as large as the kernel grants",
        &[
            "processor.jaeger-binary.server-max-packet-size",
            "processor.jaeger-binary.server-socket-buffer-size",
            "processor.jaeger-compact.server-max-packet-size",
            "processor.jaeger-compact.server-socket-buffer-size",
            "processor.zipkin-compact.server-max-packet-size",
            "processor.zipkin-compact.server-socket-buffer-size",
        ],
    ),
    (
        "the limit is 4 MiB a message, and connections have no maximum age",
        &[
            "collector.grpc-server.max-connection-age",
            "collector.grpc-server.max-connection-age-grace",
            "collector.grpc-server.max-message-size",
            "collector.otlp.grpc.max-connection-age",
            "collector.otlp.grpc.max-connection-age-grace",
            "collector.otlp.grpc.max-message-size",
        ],
    ),
    (
        "every span is stored, as it was sent",
        &["collector.tags", "downsampling.hashsalt", "downsampling.ratio"],
    ),
    (
        "web pages of other origins cannot send spans here",
        &["collector.zipkin.allowed-headers", "collector.zipkin.allowed-origins"],
    ),
    ("metrics are served for Prometheus, at /metrics", &["metrics-backend", "metrics-http-route"]),
    ("the store is in memory and needs no token", &["query.bearer-token-propagation"]),
    (
        "the embedded web pages cannot be changed",
        &["query.additional-headers", "query.static-files", "query.ui-config"],
    ),
    (
        "the agent's ports lead to the store of this process",
        &[
            "reporter.grpc.discovery.min-peers",
            "reporter.grpc.host-port",
            "reporter.grpc.retry.max",
            "reporter.type",
        ],
    ),
    (IN_MEMORY, &["span-storage.type"]),
];

const IN_MEMORY: &str = "spans are kept in memory";
const NO_TLS: &str = "TLS is not supported; put a proxy in front";

/// What precedes and follows `.tls.` in the names of flags.
const TLS: &[(&[&str], &[&str])] = &[
    (
        &[
            "admin.http",
            "collector.grpc",
            "collector.http",
            "collector.otlp.grpc",
            "collector.otlp.http",
            "collector.zipkin",
            "query.grpc",
            "query.http",
        ],
        &["cert", "cipher-suites", "client-ca", "enabled", "key", "max-version", "min-version"],
    ),
    (&["reporter.grpc"], &["ca", "cert", "enabled", "key", "server-name", "skip-host-verify"]),
];

/// Environment variables without a flag: the value that has no effect in Jaeger either, and why
/// other values have none here.
const VARIABLES: &[(&str, &str, &str)] = &[
    ("SPAN_STORAGE_TYPE", "memory", IN_MEMORY),
    ("DEPENDENCY_STORAGE_TYPE", "memory", IN_MEMORY),
    ("SAMPLING_STORAGE_TYPE", "memory", IN_MEMORY),
    ("SAMPLING_CONFIG_TYPE", "file", "adaptive sampling is not supported"),
    ("METRICS_STORAGE_TYPE", "", "the Monitor page has no metrics to show"),
];

/// A variable that is set, that Jaeger 1.35 supports, and that has no effect here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct IgnoredVariable {
    /// Its name.
    name: String,
    /// Why it has no effect.
    why: &'static str,
}

impl fmt::Display for IgnoredVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has no effect here: {}", self.name, self.why)
    }
}

/// The environment variables that Jaeger 1.35 supports and that have no effect here. An empty one
/// counts as unset.
pub(super) fn ignored_variables(command: &clap::Command) -> Vec<IgnoredVariable> {
    ignored(command, |name| std::env::var_os(name))
}

fn ignored(
    command: &clap::Command,
    get: impl Fn(&str) -> Option<OsString>,
) -> Vec<IgnoredVariable> {
    let supported = |flag: &str| command.get_arguments().any(|arg| arg.get_long() == Some(flag));
    let is_set =
        |name: &str, idle: &str| get(name).is_some_and(|value| !value.is_empty() && value != idle);
    // The storage type is also a retired flag.
    let twice = |name: &str| VARIABLES.iter().any(|(known, ..)| *known == name);
    let flags = flags()
        .filter(|(flag, _)| !supported(flag))
        .map(|(flag, why)| (variable(&flag), why))
        .filter(|(name, _)| !twice(name) && is_set(name, ""))
        .map(|(name, why)| IgnoredVariable { name, why });
    let others = VARIABLES
        .iter()
        .filter(|(name, idle, _)| is_set(name, idle))
        .map(|(name, _, why)| IgnoredVariable { name: (*name).to_owned(), why });
    flags.chain(others).collect()
}

/// Why a flag of Jaeger 1.35 has no effect here; `None` for any other flag.
pub(super) fn why(flag: &str) -> Option<&'static str> {
    flags().find(|(known, _)| known == flag).map(|(_, why)| why)
}

fn flags() -> impl Iterator<Item = (String, &'static str)> {
    let plain = FLAGS
        .iter()
        .flat_map(|(why, flags)| flags.iter().map(move |flag| ((*flag).to_owned(), *why)));
    let tls = TLS.iter().flat_map(|(servers, settings)| {
        servers.iter().flat_map(move |server| {
            settings.iter().map(move |setting| (format!("{server}.tls.{setting}"), NO_TLS))
        })
    });
    plain.chain(tls)
}

fn variable(flag: &str) -> String {
    flag.to_uppercase().replace(['.', '-'], "_")
}

#[cfg(test)]
mod tests {
    use super::super::arguments::command;
    use super::*;

    fn names(set: &[(&str, &str)]) -> Vec<String> {
        let get = |name: &str| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        ignored(&command(), get).into_iter().map(|ignored| ignored.name).collect()
    }

    #[test]
    fn what_jaeger_would_heed_is_named_once() {
        for name in [
            "COLLECTOR_QUEUE_SIZE",
            "COLLECTOR_GRPC_TLS_ENABLED",
            "CONFIG_FILE",
            "REPORTER_GRPC_TLS_SKIP_HOST_VERIFY",
            "METRICS_STORAGE_TYPE",
        ] {
            assert_eq!(names(&[(name, "1")]), [name]);
        }
        assert_eq!(names(&[("SPAN_STORAGE_TYPE", "elasticsearch")]), ["SPAN_STORAGE_TYPE"]);
    }

    #[test]
    fn what_changes_nothing_is_not_named() {
        for set in [
            ("SPAN_STORAGE_TYPE", "memory"),
            ("COLLECTOR_QUEUE_SIZE", ""),
            ("QUERY_BASE_PATH", "/jaeger"),
            ("MEMORY_MAX_TRACES", "5"),
            ("JAEGER_AGENT_HOST", "localhost"),
            ("COLLECTOR_SERVICE_HOST", "10.0.0.1"),
        ] {
            assert_eq!(names(&[set]), <[&str; 0]>::default(), "{set:?}");
        }
    }

    /// What `all-in-one --help` of 1.35 lists, without those for TLS.
    const JAEGER: &str = "
        admin.http.host-port
        collector.grpc-server.host-port collector.grpc-server.max-connection-age
        collector.grpc-server.max-connection-age-grace collector.grpc-server.max-message-size
        collector.http-server.host-port collector.num-workers collector.otlp.enabled
        collector.otlp.grpc.host-port collector.otlp.grpc.max-connection-age collector.otlp.grpc.max-connection-age-grace
        collector.otlp.grpc.max-message-size collector.otlp.http.host-port
        collector.queue-size collector.queue-size-memory collector.tags
        collector.zipkin.allowed-headers collector.zipkin.allowed-origins
        collector.zipkin.host-port config-file downsampling.hashsalt downsampling.ratio help http-server.host-port log-level
        memory.max-traces metrics-backend metrics-http-route
        processor.jaeger-binary.server-host-port processor.jaeger-binary.server-max-packet-size
        processor.jaeger-binary.server-queue-size
        processor.jaeger-binary.server-socket-buffer-size processor.jaeger-binary.workers
        processor.jaeger-compact.server-host-port processor.jaeger-compact.server-max-packet-size
        processor.jaeger-compact.server-queue-size
        processor.jaeger-compact.server-socket-buffer-size processor.jaeger-compact.workers
        processor.zipkin-compact.server-host-port processor.zipkin-compact.server-max-packet-size
        processor.zipkin-compact.server-queue-size
        processor.zipkin-compact.server-socket-buffer-size processor.zipkin-compact.workers
        query.additional-headers query.base-path query.bearer-token-propagation
        query.grpc-server.host-port query.http-server.host-port query.max-clock-skew-adjustment
        query.static-files query.ui-config
        reporter.grpc.discovery.min-peers reporter.grpc.host-port reporter.grpc.retry.max
        reporter.type sampling.strategies-file sampling.strategies-reload-interval
        span-storage.type";

    #[test]
    fn every_flag_of_jaeger_s_is_either_supported_or_explained() {
        let mut command = command();
        command.build();
        for flag in JAEGER.split_whitespace() {
            let supported = command.get_arguments().any(|arg| arg.get_long() == Some(flag));
            assert_ne!(supported, why(flag).is_some(), "{flag}");
        }
    }

    #[test]
    fn a_flag_stands_once_in_the_table() {
        let mut all: Vec<_> = flags().map(|(flag, _)| flag).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(why("collector.otlp.http.tls.cert").is_some());
        assert!(why("no-such-flag").is_none());
    }
}
