//! The environment of a command that is run with a Jaeger of its own.

use std::env;
use std::net::SocketAddr;

use jaeger_all_in_one::{AllInOne, Port};
use tokio::process::Command;

/// What a command gets unless its environment has it already.
const DEFAULTS: &[(&str, &str)] = &[
    // Spans are sent soon: other processes may run on when the command has ended.
    ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    // Only traces are kept.
    ("OTEL_METRICS_EXPORTER", "none"),
    ("OTEL_LOGS_EXPORTER", "none"),
    // Most Jaeger clients sample one trace in a thousand until they have asked for a strategy.
    ("JAEGER_SAMPLER_TYPE", "const"),
    ("JAEGER_SAMPLER_PARAM", "1"),
];

const PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];
const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Leads the clients in a command to a Jaeger; `otlp` takes OTLP in each of its protocols.
pub(super) fn set(command: &mut Command, jaeger: &AllInOne, otlp: SocketAddr) {
    // The protocol stays what the command's environment or SDK says: this port takes all.
    let ours = jaeger.variables().into_iter();
    command.envs(ours.filter(|(name, _)| *name != "OTEL_EXPORTER_OTLP_PROTOCOL"));
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{otlp}"));
    command.env_remove("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    if let Some(sampling) = jaeger.address(Port::Sampling) {
        command.env("JAEGER_SAMPLER_MANAGER_HOST_PORT", sampling.to_string());
    }
    for (name, value) in DEFAULTS {
        if !is_set(name) {
            command.env(name, value);
        }
    }
    if PROXIES.iter().any(|name| is_set(name)) {
        for name in NO_PROXY {
            let others = env::var(name).unwrap_or_default();
            let comma = if others.is_empty() { "" } else { "," };
            command.env(name, format!("{others}{comma}127.0.0.1,localhost"));
        }
    }
}

/// The inherited variables that may be why a command sends no spans, as `NAME=value`.
pub(super) fn may_prevent_spans() -> impl Iterator<Item = String> {
    let value = |name: &'static str| Some((name, env::var(name).ok()?));
    let names = ["OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_TRACES_SAMPLER"];
    let set = names.into_iter().filter_map(value).filter(|(name, value)| match *name {
        "OTEL_SDK_DISABLED" => value.eq_ignore_ascii_case("true"),
        _ => !value.is_empty(),
    });
    set.map(|(name, value)| format!("{name}={}", value.escape_debug()))
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}
