//! What can be set from outside: by an argument, by the environment, else by default.
//!
//! The SDK reads most of the standard variables itself. Those that it does not know, and those
//! whose bad values it passes over in silence, are read here.

use std::ffi::OsString;

use clap::Parser;
use opentelemetry_otlp::Protocol;

use crate::propagation::Format;

/// The step after the tutorial: a trace of an HTTP request, by OpenTelemetry over OTLP.
#[derive(Parser)]
#[command(version, after_help = ENVIRONMENT)]
struct Arguments {
    #[arg(
        long,
        help = "The page to ask for [default: $HTTPBIN_URL, else https://httpbin.org/get]"
    )]
    url: Option<String>,
}

const ENVIRONMENT: &str = "\
Environment (empty counts as unset):
  HTTPBIN_URL                  The page to ask for; --url goes before it
  OTEL_EXPORTER_OTLP_ENDPOINT  Where OTLP is taken [default: http://localhost:4318, by gRPC :4317]
  OTEL_EXPORTER_OTLP_PROTOCOL  http/protobuf, http/json or grpc [default: http/protobuf]
  OTEL_SERVICE_NAME            The service's name [default: otlp-example]
  OTEL_RESOURCE_ATTRIBUTES     More about it, as key=value,key=value
  OTEL_PROPAGATORS             The headers to write [default: tracecontext,baggage]; jaeger, none
  OTEL_TRACES_SAMPLER          Which traces to keep [default: parentbased_always_on]
  OTEL_SDK_DISABLED            true makes no traces at all
The others of OpenTelemetry's SDK and OTLP exporter (headers, timeout, batches, …) hold as well:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/";

/// What the program was told.
#[derive(Debug, PartialEq)]
pub(crate) struct Settings {
    /// The page to ask for, http or https.
    pub(crate) url: String,
    /// Where finished spans go.
    pub(crate) otlp: Otlp,
    /// The service's name, where it is not the program's.
    pub(crate) service_name: Option<String>,
    /// The headers that carry the trace.
    pub(crate) propagators: Vec<Format>,
    /// Whether there is to be no tracing.
    pub(crate) sdk_disabled: bool,
}

/// Where spans go, and how.
#[derive(Debug, PartialEq)]
pub(crate) struct Otlp {
    /// The whole URL, with the path that OTLP over HTTP has.
    pub(crate) endpoint: String,
    pub(crate) protocol: Protocol,
}

impl Settings {
    /// Reads arguments and environment. A value that cannot be used ends the program here, before
    /// any work, with exit code 2 and one line that names it.
    pub(crate) fn read() -> Self {
        let arguments = Arguments::parse();
        Self::from(arguments, |name| std::env::var_os(name)).unwrap_or_else(|error| {
            eprintln!("{}: {error}", env!("CARGO_PKG_NAME"));
            std::process::exit(2);
        })
    }

    fn from(
        arguments: Arguments,
        environment: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, String> {
        let variable = |name| match environment(name).map(OsString::into_string).transpose() {
            Ok(value) => Ok(value.as_deref().and_then(filled)),
            Err(value) => Err(format!("{name}: {value:?} is not text in UTF-8")),
        };
        let url = match arguments.url.as_deref().and_then(filled) {
            Some(url) => http_url("--url", url)?,
            None => match variable("HTTPBIN_URL")? {
                Some(url) => http_url("HTTPBIN_URL", url)?,
                None => "https://httpbin.org/get".to_owned(),
            },
        };
        let propagators = variable("OTEL_PROPAGATORS")?;
        let sdk_disabled = variable("OTEL_SDK_DISABLED")?;
        Ok(Self {
            url,
            otlp: Otlp::from(variable)?,
            service_name: variable("OTEL_SERVICE_NAME")?,
            propagators: formats(propagators.as_deref().unwrap_or("tracecontext,baggage"))?,
            sdk_disabled: sdk_disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }
}

impl Otlp {
    /// A variable for traces goes before the one for everything. Only the latter gets the path of
    /// OTLP appended (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
    fn from(
        variable: impl Fn(&'static str) -> Result<Option<String>, String>,
    ) -> Result<Self, String> {
        let first = |names: [&'static str; 2]| -> Result<_, String> {
            for name in names {
                if let Some(value) = variable(name)? {
                    return Ok(Some((name, value)));
                }
            }
            Ok(None)
        };
        let protocol =
            first(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"])?;
        let protocol =
            protocol.map_or(Ok(Protocol::HttpBinary), |(name, it)| protocol_by(name, &it))?;
        let http = protocol != Protocol::Grpc;
        let endpoint =
            match first(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"])? {
                Some((name, url)) => {
                    let url = http_url(name, url)?;
                    match http && name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
                        true => format!("{}/v1/traces", url.trim_end_matches('/')),
                        false => url,
                    }
                }
                None if http => "http://localhost:4318/v1/traces".to_owned(),
                None => "http://localhost:4317".to_owned(),
            };
        Ok(Self { endpoint, protocol })
    }
}

/// The value without the blanks around it; an empty one counts as none.
fn filled(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn http_url(name: &str, value: String) -> Result<String, String> {
    match reqwest::Url::parse(&value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(value),
        Ok(_) => Err(format!("{name}: {value:?} is no URL that starts with http:// or https://")),
        Err(error) => Err(format!("{name}: {value:?} is not a URL: {error}")),
    }
}

fn protocol_by(name: &str, value: &str) -> Result<Protocol, String> {
    match value {
        "grpc" => Ok(Protocol::Grpc),
        "http/protobuf" => Ok(Protocol::HttpBinary),
        "http/json" => Ok(Protocol::HttpJson),
        _ => Err(format!("{name}: {value:?} is none of grpc, http/protobuf, http/json")),
    }
}

fn formats(list: &str) -> Result<Vec<Format>, String> {
    Format::parse_list(list)
        .map_err(|name| format!("OTEL_PROPAGATORS: {name:?} is none of {}", Format::NAMES))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings, String> {
        let arguments = [&["otlp-example"], arguments].concat();
        Settings::from(Arguments::parse_from(arguments), |name| {
            let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
            Some(OsString::from(value))
        })
    }

    fn endpoint(variables: &[(&str, &str)]) -> String {
        settings(&[], variables).unwrap().otlp.endpoint
    }

    #[test]
    fn defaults_are_the_specifications() {
        let settings = settings(&[], &[]).unwrap();
        assert_eq!(settings.url, "https://httpbin.org/get");
        assert_eq!(settings.otlp.endpoint, "http://localhost:4318/v1/traces");
        assert_eq!(settings.otlp.protocol, Protocol::HttpBinary);
        assert_eq!(settings.propagators, [Format::TraceContext, Format::Baggage]);
        assert_eq!((settings.service_name, settings.sdk_disabled), (None, false));
        assert_eq!(endpoint(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]), "http://localhost:4317");
    }

    #[test]
    fn an_argument_goes_before_the_environment() {
        let variables = [("HTTPBIN_URL", "http://environment/get")];
        assert_eq!(settings(&[], &variables).unwrap().url, "http://environment/get");
        let settings = settings(&["--url", "http://argument/get"], &variables).unwrap();
        assert_eq!(settings.url, "http://argument/get");
    }

    #[test]
    fn a_variable_for_traces_goes_first_and_stays_as_it_is() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/prefix/");
        assert_eq!(endpoint(&[all]), "http://all:4318/prefix/v1/traces");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/own");
        assert_eq!(endpoint(&[all, traces]), "http://traces:4318/own");
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert_eq!(
            endpoint(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317"), grpc]),
            "http://all:4317"
        );
    }

    #[test]
    fn empty_counts_as_unset() {
        let names = [
            "HTTPBIN_URL",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "OTEL_PROPAGATORS",
            "OTEL_SDK_DISABLED",
            "OTEL_SERVICE_NAME",
        ];
        let variables = names.map(|name| (name, " "));
        assert_eq!(settings(&["--url", ""], &variables), settings(&[], &[]));
    }

    #[test]
    fn only_true_disables() {
        for (value, disabled) in [("true", true), ("TRUE", true), ("1", false), ("yes", false)] {
            let settings = settings(&[], &[("OTEL_SDK_DISABLED", value)]).unwrap();
            assert_eq!(settings.sdk_disabled, disabled, "{value}");
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named() {
        for (name, value, message) in [
            ("HTTPBIN_URL", "nonsense", r#""nonsense" is not a URL: relative URL without a base"#),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "localhost:4318",
                r#""localhost:4318" is no URL that starts with http:// or https://"#,
            ),
            (
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                "http",
                r#""http" is none of grpc, http/protobuf, http/json"#,
            ),
            (
                "OTEL_PROPAGATORS",
                "jaeger,b3",
                r#""b3" is none of tracecontext, baggage, jaeger, none"#,
            ),
        ] {
            assert_eq!(settings(&[], &[(name, value)]), Err(format!("{name}: {message}")));
        }
    }
}
