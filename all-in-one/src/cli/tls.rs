//! The flags for TLS: the same seven for each port that Jaeger has them for.

use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};
use jaeger_all_in_one::go_format::parse_bool;
use jaeger_all_in_one::{Config, Port, Tls};

use super::flags::{Usage, list};

/// The flags of one port.
#[derive(Debug)]
struct Server {
    port: Port,
    flags: [Flag; 7],
}

/// A flag and its variable.
#[derive(Debug)]
struct Flag {
    name: &'static str,
    variable: &'static str,
}

macro_rules! server {
    ($port:ident, $name:literal, $variable:literal) => {
        Server {
            port: Port::$port,
            flags: server!(
                $name, $variable,
                ".tls.enabled" "_TLS_ENABLED", ".tls.cert" "_TLS_CERT", ".tls.key" "_TLS_KEY",
                ".tls.client-ca" "_TLS_CLIENT_CA", ".tls.min-version" "_TLS_MIN_VERSION",
                ".tls.max-version" "_TLS_MAX_VERSION", ".tls.cipher-suites" "_TLS_CIPHER_SUITES"
            ),
        }
    };
    ($name:literal, $variable:literal, $($flag:literal $end:literal),+) => {
        [$(Flag { name: concat!($name, $flag), variable: concat!($variable, $end) }),+]
    };
}

const SERVERS: &[Server] = &[
    server!(Collector, "collector.http", "COLLECTOR_HTTP"),
    server!(CollectorGrpc, "collector.grpc", "COLLECTOR_GRPC"),
    server!(OtlpGrpc, "collector.otlp.grpc", "COLLECTOR_OTLP_GRPC"),
    server!(OtlpHttp, "collector.otlp.http", "COLLECTOR_OTLP_HTTP"),
    server!(Zipkin, "collector.zipkin", "COLLECTOR_ZIPKIN"),
    server!(Query, "query.http", "QUERY_HTTP"),
    server!(QueryGrpc, "query.grpc", "QUERY_GRPC"),
    server!(Admin, "admin.http", "ADMIN_HTTP"),
];

/// What the flags do, in their order; each is followed by the port.
const HELP: [&str; 7] = [
    "Serve by TLS, with .cert and .key",
    "File of the certificate, in PEM; it is read again when it changes",
    "File of its private key, in PEM",
    "File of the CA, in PEM, from which clients must show a certificate",
    "Lowest version of TLS: 1.2 or 1.3",
    "Highest version of TLS: 1.2 or 1.3",
    "Cipher suites for TLS 1.2, by Go's names, with commas between",
];
const VALUES: [&str; 7] = ["BOOL", "FILE", "FILE", "FILE", "VERSION", "VERSION", "NAMES"];

/// The values of the flags.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsFlags(Vec<Given>);

/// What was given for one port.
#[derive(Clone, Debug)]
struct Given {
    server: &'static Server,
    enabled: bool,
    /// In the order of the flags, without the first; empty ones are not there.
    values: [Option<String>; 6],
}

impl TlsFlags {
    /// Adds TLS to the settings.
    ///
    /// # Errors
    /// Where a port has a certificate, but TLS is off, or the other way round.
    pub(super) fn add(self, config: Config) -> Result<Config, Usage> {
        self.0.into_iter().try_fold(config, |config, given| given.add(config))
    }
}

impl Given {
    fn add(self, config: Config) -> Result<Config, Usage> {
        let Given { server, enabled, values } = self;
        let [on, ..] = &server.flags;
        if !enabled {
            let set = server.flags.iter().skip(1).zip(&values).find(|(_, value)| value.is_some());
            return match set {
                None => Ok(config),
                Some((flag, _)) => Err(Usage::new(format!(
                    "--{} is set, but --{} is not: set it too ({}=true), or neither",
                    flag.name, on.name, on.variable
                ))),
            };
        }
        let [cert, key, client_ca, min_version, max_version, cipher_suites] = values;
        let needed = |value: Option<String>, flag: usize| {
            value.ok_or_else(|| {
                let (flag, on) = (&server.flags[flag].name, on.name);
                Usage::new(format!("--{on} needs --{flag}, a file in PEM"))
            })
        };
        let mut tls = Tls::new(needed(cert, 1)?, needed(key, 2)?);
        tls.client_ca = client_ca.map(Into::into);
        tls.min_version = min_version.unwrap_or_default();
        tls.max_version = max_version.unwrap_or_default();
        tls.cipher_suites = list(&cipher_suites.unwrap_or_default()).map(str::to_owned).collect();
        Ok(config.tls(server.port, tls))
    }
}

impl Args for TlsFlags {
    fn augment_args(command: clap::Command) -> clap::Command {
        let flags = SERVERS.iter().flat_map(|server| {
            server.flags.iter().enumerate().map(|(place, flag)| argument(server, place, flag))
        });
        flags.fold(command, clap::Command::arg)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

fn argument(server: &Server, place: usize, flag: &'static Flag) -> Arg {
    let number = server.port.number();
    let argument = Arg::new(flag.name)
        .long(flag.name)
        .env(flag.variable)
        .value_name(VALUES[place])
        .help(format!("{}: {number}", HELP[place]))
        .help_heading("TLS")
        .action(ArgAction::Set);
    if place > 0 {
        return argument.hide_short_help(true);
    }
    argument
        .default_missing_value("true")
        .num_args(0..=1)
        .require_equals(true)
        .value_parser(parse_bool)
}

impl FromArgMatches for TlsFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = SERVERS.iter().map(|server| {
            let [on, others @ ..] = &server.flags;
            let enabled = matches.get_one::<bool>(on.name).copied().unwrap_or_default();
            let values = others.each_ref().map(|flag| {
                let value = matches.get_one::<String>(flag.name).cloned();
                value.filter(|value| !value.is_empty())
            });
            Given { server, enabled, values }
        });
        Ok(TlsFlags(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
