//! Settings of Jaeger 1.35 that have no effect here.
//!
//! Where the program does without the setting what was asked for, or at least nothing worse, that is
//! a warning in the log. Where it would lose spans or settings, or expose something, it does not
//! start: exit code 2. A flag and its environment variable, the name in upper case with underscores,
//! are treated alike.
//!
//! The names are those that the original's `--help` and `env` list.

use std::cell::LazyCell;
use std::ffi::OsString;
use std::fmt;

use jaeger_all_in_one::HostPort;

/// The values of a setting with which the program may start without it. An empty one always is.
#[derive(Clone, Copy, Debug)]
enum Harmless {
    /// Every value.
    Any,
    /// No value.
    None,
    /// These values.
    Values(&'static [&'static str]),
    /// Numbers up to this one.
    UpTo(u64),
    /// A boolean; both values.
    Bool,
    /// An address of this machine.
    Local,
}

use Harmless::{Any, Bool, Local, None as Never, UpTo, Values};

/// Flags without effect here: why, and the values that are harmless.
const FLAGS: &[(&str, Harmless, &[&str])] = &[
    (
        "there are no queues and no workers: spans go straight to the store",
        Any,
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
        "the receive buffer is as large as the kernel grants",
        Any,
        &[
            "processor.jaeger-binary.server-socket-buffer-size",
            "processor.jaeger-compact.server-socket-buffer-size",
            "processor.zipkin-compact.server-socket-buffer-size",
        ],
    ),
    (
        "the limit is 65000 bytes a packet",
        UpTo(65_000),
        &[
            "processor.jaeger-binary.server-max-packet-size",
            "processor.jaeger-compact.server-max-packet-size",
            "processor.zipkin-compact.server-max-packet-size",
        ],
    ),
    (
        "the limit is 4 MiB a message",
        UpTo(4 << 20),
        &["collector.grpc-server.max-message-size", "collector.otlp.grpc.max-message-size"],
    ),
    (
        "connections have no maximum age",
        Any,
        &[
            "collector.grpc-server.max-connection-age",
            "collector.grpc-server.max-connection-age-grace",
            "collector.otlp.grpc.max-connection-age",
            "collector.otlp.grpc.max-connection-age-grace",
        ],
    ),
    ("spans are stored as they were sent", Never, &["collector.tags"]),
    ("every span is stored", Any, &["downsampling.hashsalt", "downsampling.ratio"]),
    ("metrics are served for Prometheus", Values(&["prometheus", "none"]), &["metrics-backend"]),
    ("metrics are served at /metrics", Values(&["/metrics"]), &["metrics-http-route"]),
    ("the store is in memory and needs no token", Bool, &["query.bearer-token-propagation"]),
    (SAME_PROCESS, Any, &["reporter.grpc.discovery.min-peers", "reporter.grpc.retry.max"]),
    (
        SAME_PROCESS,
        Any,
        &[
            "reporter.grpc.tls.ca",
            "reporter.grpc.tls.cert",
            "reporter.grpc.tls.key",
            "reporter.grpc.tls.server-name",
        ],
    ),
    (SAME_PROCESS, Bool, &["reporter.grpc.tls.enabled", "reporter.grpc.tls.skip-host-verify"]),
    (SAME_PROCESS, Values(&["grpc"]), &["reporter.type"]),
    (SAME_PROCESS, Local, &["reporter.grpc.host-port"]),
    (IN_MEMORY, Values(&["memory"]), &["span-storage.type"]),
];

const SAME_PROCESS: &str = "the agent's ports lead to the store of this process";
const IN_MEMORY: &str =
    "spans are kept in memory only; for a store on disk, compose/scale-out runs Jaeger itself";
/// How the flags of other stores begin. Jaeger has them once such a store is chosen.
const STORES: [&str; 7] =
    ["badger.", "cassandra", "es.", "es-archive.", "grpc-storage", "kafka.", "prometheus."];

/// Environment variables without a flag: the value that has no effect in Jaeger either, why other
/// values have none here, and which of them are harmless.
const VARIABLES: &[(&str, &str, &str, Harmless)] = &[
    ("SPAN_STORAGE_TYPE", "memory", IN_MEMORY, Never),
    ("DEPENDENCY_STORAGE_TYPE", "memory", IN_MEMORY, Never),
    ("SAMPLING_STORAGE_TYPE", "memory", IN_MEMORY, Any),
    ("SAMPLING_CONFIG_TYPE", "file", "adaptive sampling is not supported", Any),
    ("METRICS_STORAGE_TYPE", "", "the Monitor page counts the stored spans", Any),
];

/// A setting with which the program does not start.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(String);

impl Refused {
    pub(super) fn new(text: String) -> Self {
        Refused(text)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl Harmless {
    fn allows(self, value: &str) -> bool {
        value.is_empty()
            || match self {
                Any | Bool => true,
                Never => false,
                Values(values) => values.contains(&value),
                UpTo(most) => value.parse::<u64>().is_ok_and(|value| value <= most),
                Local => value.split(',').all(is_local),
            }
    }

    /// Whether a flag may go without a value, and is true then.
    fn is_bool(self) -> bool {
        matches!(self, Bool)
    }
}

fn is_local(address: &str) -> bool {
    let host = address.parse::<HostPort>().map(|address| address.host);
    host.is_ok_and(|host| match host.as_deref() {
        None | Some("localhost" | "[::1]") => true,
        Some(host) => host.starts_with("127."),
    })
}

/// What the log says of a setting.
///
/// # Errors
/// If the program must not start without the setting.
fn judge(name: &str, value: &str, why: &str, harmless: Harmless) -> Result<String, Refused> {
    if harmless.allows(value) {
        return Ok(format!("{name} has no effect here: {why}"));
    }
    let value: String = value.chars().take(100).collect();
    Err(Refused(format!("{name} cannot be \"{value}\" here: {why}")))
}

/// Takes the flags without effect out of the arguments, and returns what the log says of them. What
/// follows `--` belongs to another program.
///
/// # Errors
/// If the program must not start without one of them.
pub(super) fn take_out(
    arguments: Vec<OsString>,
    command: impl Fn() -> clap::Command,
) -> Result<(Vec<OsString>, Vec<String>), Refused> {
    let (mut others, mut warnings) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            others.push(argument);
            others.extend(arguments);
            break;
        }
        let text = argument.to_string_lossy();
        let Some(Found { flag, value, why, harmless }) = without_effect(&text, &command)? else {
            others.push(argument);
            continue;
        };
        let name = format!("--{flag}");
        let value = match value {
            Some(value) => value.to_owned(),
            None if harmless.is_bool() => "true".to_owned(),
            None => match arguments.next() {
                Some(value) => value.to_string_lossy().into_owned(),
                None => return Err(Refused(format!("{name} needs a value"))),
            },
        };
        warnings.push(judge(&name, &value, why, harmless)?);
    }
    Ok((others, warnings))
}

/// An argument that is a flag without effect.
struct Found<'a> {
    flag: &'a str,
    /// What stands behind its equals sign.
    value: Option<&'a str>,
    why: &'static str,
    harmless: Harmless,
}

/// The flag without effect that an argument is.
fn without_effect(
    argument: &str,
    command: impl Fn() -> clap::Command,
) -> Result<Option<Found<'_>>, Refused> {
    let Some(text) = argument.strip_prefix("--") else { return Ok(None) };
    let (flag, value) = match text.split_once('=') {
        Some((flag, value)) => (flag, Some(value)),
        None => (text, None),
    };
    if STORES.iter().any(|store| flag.starts_with(store)) {
        return Err(Refused(format!("--{flag} is a setting of another store: {IN_MEMORY}")));
    }
    let found = flags().find(|(known, ..)| *known == flag);
    let found = found.filter(|_| !supports(&command(), flag));
    Ok(found.map(|(_, why, harmless)| Found { flag, value, why, harmless }))
}

/// What the log says of a setting without effect in a file; `None` if Jaeger has no such setting.
pub(super) fn judge_setting(
    flag: &str,
    value: &str,
    place: &impl fmt::Display,
) -> Option<Result<String, Refused>> {
    let name = format!("{place}: {flag}");
    if STORES.iter().any(|store| flag.starts_with(store)) {
        return Some(Err(Refused(format!("{name} is a setting of another store: {IN_MEMORY}"))));
    }
    let (_, why, harmless) = flags().find(|(known, ..)| *known == flag)?;
    Some(judge(&name, value, why, harmless))
}

/// The names of the flags without effect.
pub(super) fn names() -> impl Iterator<Item = String> {
    flags().map(|(name, ..)| name.to_owned())
}

fn supports(command: &clap::Command, flag: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_long() == Some(flag))
}

/// What the log says of the environment variables without effect. An empty one counts as unset.
///
/// # Errors
/// If the program must not start without one of them.
pub(super) fn variables(command: impl Fn() -> clap::Command) -> Result<Vec<String>, Refused> {
    of_variables(command, |name| std::env::var_os(name))
}

fn of_variables(
    command: impl Fn() -> clap::Command,
    get: impl Fn(&str) -> Option<OsString>,
) -> Result<Vec<String>, Refused> {
    // Most starts need none.
    let command = LazyCell::new(command);
    let value = |name: &str, idle: &str| {
        let value = get(name)?.to_string_lossy().into_owned();
        Some(value).filter(|value| !value.is_empty() && value != idle)
    };
    // The storage type is also a retired flag.
    let twice = |name: &str| VARIABLES.iter().any(|(known, ..)| *known == name);
    let of_flags = flags().filter_map(|(flag, why, harmless)| {
        let name = variable(flag);
        let value = value(&name, "").filter(|_| !twice(&name))?;
        (!supports(&command, flag)).then(|| judge(&name, &value, why, harmless))
    });
    let others = VARIABLES.iter().filter_map(|&(name, idle, why, harmless)| {
        Some(judge(name, &value(name, idle)?, why, harmless))
    });
    of_flags.chain(others).collect()
}

/// All flags without effect, with why, and their harmless values.
fn flags() -> impl Iterator<Item = (&'static str, &'static str, Harmless)> {
    FLAGS
        .iter()
        .flat_map(|(why, harmless, flags)| flags.iter().map(move |flag| (*flag, *why, *harmless)))
}

fn variable(flag: &str) -> String {
    flag.to_uppercase().replace(['.', '-'], "_")
}

#[cfg(test)]
mod tests {
    use jaeger_all_in_one::Port;

    use super::super::arguments::command;
    use super::*;

    fn of(name: &str, value: &str) -> Result<Vec<String>, Refused> {
        of_variables(command, |known| (known == name).then(|| value.into()))
    }

    fn flag(text: &str) -> Result<Vec<String>, Refused> {
        take_out(text.split(' ').map(OsString::from).collect(), command).map(|(_, all)| all)
    }

    /// Settings as flags, with values that lose and expose nothing.
    const HARMLESS: &[(&str, &str)] = &[
        ("collector.queue-size", "5"),
        ("collector.num-workers", "100"),
        ("collector.grpc-server.max-message-size", "4194304"),
        ("collector.otlp.grpc.max-connection-age", "1h"),
        ("downsampling.ratio", "0.5"),
        ("metrics-backend", "prometheus"),
        ("metrics-http-route", "/metrics"),
        ("processor.jaeger-compact.server-max-packet-size", "65000"),
        ("processor.jaeger-binary.workers", "50"),
        ("query.bearer-token-propagation", "true"),
        ("reporter.grpc.host-port", "localhost:14250,127.0.0.1:1"),
        ("reporter.grpc.tls.enabled", "true"),
        ("reporter.type", "grpc"),
        ("span-storage.type", "memory"),
    ];

    /// Settings that the program must not start without.
    const HARMFUL: &[(&str, &str)] = &[
        ("collector.grpc-server.max-message-size", "4194305"),
        ("collector.tags", "a=b"),
        ("metrics-backend", "expvar"),
        ("processor.jaeger-compact.server-max-packet-size", "65507"),
        ("reporter.grpc.host-port", "collector.example:14250"),
        ("span-storage.type", "badger"),
    ];

    #[test]
    fn what_loses_and_exposes_nothing_is_a_warning() {
        for (name, value) in HARMLESS {
            let warning = flag(&format!("--{name}={value}")).expect(name);
            assert_eq!(warning.len(), 1, "{name}");
            assert!(
                warning[0].starts_with(&format!("--{name} has no effect here: ")),
                "{warning:?}"
            );
            let of_variable = of(&variable(name), value).expect(name);
            // Of this one the same value is not even named.
            let silent = *name == "span-storage.type";
            assert_eq!(of_variable.len(), usize::from(!silent), "{name}");
            assert_eq!(of(&variable(name), ""), Ok(Vec::new()), "{name}");
        }
    }

    #[test]
    fn what_would_lose_or_expose_something_is_refused() {
        for (name, value) in HARMFUL {
            let why = flag(&format!("--{name}={value}")).expect_err(name).to_string();
            assert!(why.starts_with(&format!("--{name} cannot be \"{value}\" here: ")), "{why}");
            let name = variable(name);
            let why = of(&name, value).expect_err(&name).to_string();
            assert!(why.starts_with(&format!("{name} cannot be \"{value}\" here: ")), "{why}");
        }
        for (name, value) in
            [("SPAN_STORAGE_TYPE", "elasticsearch"), ("DEPENDENCY_STORAGE_TYPE", "cassandra")]
        {
            assert!(of(name, value).is_err(), "{name}");
        }
        let why = flag("--badger.ephemeral=false").expect_err("another store").to_string();
        assert!(why.contains("another store") && why.contains("compose/scale-out"), "{why}");
    }

    #[test]
    fn a_value_may_follow_as_an_argument_of_its_own() {
        let (others, warnings) = take_out(
            ["x", "--collector.queue-size", "5", "--query.bearer-token-propagation", "--a=1", "--"]
                .into_iter()
                .chain(["--collector.queue-size", "5"])
                .map(OsString::from)
                .collect(),
            command,
        )
        .expect("they are harmless");
        assert_eq!(others, ["x", "--a=1", "--", "--collector.queue-size", "5"]);
        assert_eq!(warnings.len(), 2);
        let why = flag("--collector.queue-size").expect_err("the value is missing").to_string();
        assert_eq!(why, "--collector.queue-size needs a value");
    }

    #[test]
    fn what_changes_nothing_is_not_named() {
        for (name, value) in [
            ("SPAN_STORAGE_TYPE", "memory"),
            ("COLLECTOR_QUEUE_SIZE", ""),
            ("QUERY_BASE_PATH", "/jaeger"),
            ("MEMORY_MAX_TRACES", "5"),
            ("JAEGER_AGENT_HOST", "localhost"),
            ("COLLECTOR_SERVICE_HOST", "10.0.0.1"),
            ("BADGER_EPHEMERAL", "false"),
        ] {
            assert_eq!(of(name, value), Ok(Vec::new()), "{name}");
        }
        assert_eq!(of("METRICS_STORAGE_TYPE", "prometheus").expect("harmless").len(), 1);
    }

    /// What `all-in-one --help` of 1.35 lists, without those for TLS of the ports.
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
        reporter.grpc.tls.ca reporter.grpc.tls.cert reporter.grpc.tls.enabled reporter.grpc.tls.key
        reporter.grpc.tls.server-name reporter.grpc.tls.skip-host-verify
        reporter.type sampling.strategies-file sampling.strategies-reload-interval
        span-storage.type";

    /// The flags that each port with TLS has.
    const TLS: [&str; 7] =
        ["cert", "cipher-suites", "client-ca", "enabled", "key", "max-version", "min-version"];

    #[test]
    fn every_flag_of_jaeger_s_is_either_supported_or_explained() {
        let mut command = command();
        command.build();
        let servers = Port::ALL.into_iter().filter_map(Port::tls_flags);
        let tls = servers.flat_map(|server| TLS.map(|flag| format!("{server}.{flag}")));
        let tls: Vec<_> = tls.collect();
        assert_eq!(tls.len(), 56);
        for flag in JAEGER.split_whitespace().chain(tls.iter().map(String::as_str)) {
            let explained = flags().any(|(known, ..)| known == flag);
            assert!(supports(&command, flag) || explained, "{flag}");
        }
    }

    #[test]
    fn a_flag_stands_once_in_the_table() {
        let mut all: Vec<_> = flags().map(|(flag, ..)| flag).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
