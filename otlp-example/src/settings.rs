//! Command-line arguments and environment variables.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use reqwest::Url;

const URL: &str = "https://httpbin.org/get";

const NOTE: &str = "\
An argument overrides its variable; an empty variable counts as unset, but where it says otherwise.
More variables, as OpenTelemetry's Rust SDK reads them:
  OTEL_EXPORTER_OTLP_ENDPOINT     Where spans go [default: http://localhost:4318, gRPC :4317]
  OTEL_EXPORTER_OTLP_PROTOCOL     http/protobuf or grpc [default: http/protobuf]
  OTEL_EXPORTER_OTLP_COMPRESSION  gzip; the exporter refuses `none` and an empty value
  OTEL_EXPORTER_OTLP_{HEADERS,TIMEOUT}, and each of the five as OTEL_EXPORTER_OTLP_TRACES_…
  OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES (percent-encoding is not decoded)
  OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG, OTEL_PROPAGATORS (tracecontext, baggage, jaeger)
  OTEL_BSP_{SCHEDULE_DELAY,MAX_QUEUE_SIZE,MAX_EXPORT_BATCH_SIZE}
  OTEL_SPAN_{ATTRIBUTE,EVENT,LINK}_COUNT_LIMIT
Without effect on the Rust SDK, though the specification has them:
  OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER, OTEL_LOG_LEVEL, OTEL_CONFIG_FILE, OTEL_ENTITIES
  OTEL_EXPORTER_OTLP_{CERTIFICATE,CLIENT_CERTIFICATE,CLIENT_KEY,INSECURE}, OTEL_BSP_EXPORT_TIMEOUT
  OTEL_{EVENT,LINK}_ATTRIBUTE_COUNT_LIMIT, OTEL_ATTRIBUTE_COUNT_LIMIT
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT, OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT";

/// The third program: traces an HTTP request with OpenTelemetry, over OTLP.
#[derive(Parser)]
#[command(version, after_help = NOTE)]
pub(crate) struct Settings {
    /// The page to request
    #[arg(long, value_name = "HTTPBIN_URL", env = "HTTPBIN_URL", hide_env_values = true)]
    #[arg(default_value = URL, value_parser = http_url)]
    pub(crate) url: Url,

    #[arg(skip)]
    pub(crate) otlp: Otlp,
}

/// What the SDK does not read from the environment, or accepts without a check.
#[derive(Default)]
pub(crate) struct Otlp {
    /// The whole URL, with the path of OTLP over HTTP.
    pub(crate) endpoint: String,
    pub(crate) is_grpc: bool,
    pub(crate) timeout: Duration,
}

impl Settings {
    /// Reads the settings. A bad value ends the program with exit code 2 and one line that names it.
    pub(crate) fn read() -> Self {
        let settings = Self::try_parse().unwrap_or_else(|error| match error.kind() {
            ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => refuse(&error.to_string()),
            _ => error.exit(),
        });
        let otlp = Otlp::read().unwrap_or_else(|message| refuse(&message));
        Self { otlp, ..settings }
    }
}

impl Otlp {
    fn read() -> Result<Self, String> {
        let (name, protocol) = exporter_variable("PROTOCOL")?.unwrap_or_default();
        let is_grpc = match protocol.as_str() {
            "grpc" => true,
            "http/protobuf" | "" => false,
            _ => return Err(bad(&name, &protocol, "must be http/protobuf or grpc")),
        };
        let (default, path) = match is_grpc {
            true => ("http://localhost:4317", ""),
            false => ("http://localhost:4318", "/v1/traces"),
        };
        let endpoint = match exporter_variable("ENDPOINT")? {
            None => format!("{default}{path}"),
            Some((name, value)) => {
                let url = http_url(&value).map_err(|why| bad(&name, &value, &why))?;
                match name.contains("TRACES") {
                    true => url.into(), // by the specification this one is complete
                    false => format!("{}{path}", url.as_str().trim_end_matches('/')),
                }
            }
        };
        let timeout = match exporter_variable("TIMEOUT")? {
            None => Duration::from_secs(10),
            Some((name, value)) => match value.parse() {
                Ok(milliseconds) => Duration::from_millis(milliseconds),
                Err(_) => return Err(bad(&name, &value, "must be a number of milliseconds")),
            },
        };
        for name in ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"] {
            match env::var(name).as_deref() {
                Ok("gzip") => break,
                Ok(value) => return Err(bad(name, value, "must be gzip; for none, unset it")),
                Err(_) => (),
            }
        }
        Ok(Self { endpoint, is_grpc, timeout })
    }
}

/// The variable for traces, else the one for all signals, with its name. An empty one is unset.
fn exporter_variable(suffix: &str) -> Result<Option<(String, String)>, String> {
    for prefix in ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"] {
        let name = format!("{prefix}{suffix}");
        match env::var_os(&name).map(OsString::into_string).transpose() {
            Err(_) => return Err(format!("error: {name} is not UTF-8")),
            Ok(Some(value)) if !value.trim().is_empty() => {
                return Ok(Some((name, value.trim().to_owned())));
            }
            Ok(_) => (),
        }
    }
    Ok(None)
}

fn bad(name: &str, value: &str, why: &str) -> String {
    format!("error: invalid value '{value}' for {name}: {why}")
}

/// Ends the program with the first line of a message, without the user name and password of a URL.
fn refuse(message: &str) -> ! {
    let line = message.lines().next().unwrap_or_default();
    let line = match line.split_once("value '").zip(line.rsplit_once('@')) {
        Some(((before, _), (_, after))) => format!("{before}value '…@{after}"),
        None => line.to_owned(),
    };
    let _ = writeln!(io::stderr(), "{line}");
    std::process::exit(2);
}

/// The URL as it may be shown: the user name and password in it are for the server alone.
pub(crate) fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.into()
}

fn http_url(value: &str) -> Result<Url, String> {
    let value = if value.trim().is_empty() { URL } else { value.trim() };
    let url = Url::parse(value).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err("must start with http:// or https://".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use testbed::Program;

    use super::*;

    #[test]
    fn empty_counts_as_unset() {
        assert_eq!(http_url(" ").unwrap().as_str(), URL);
    }

    /// What `Otlp::read` makes of the environment, in a process that has only these variables.
    #[test]
    fn print_what_is_read() {
        let otlp = Otlp::read().unwrap();
        println!("{} {} {:?}", otlp.endpoint, otlp.is_grpc, otlp.timeout);
    }

    fn read(variables: &[(&str, &str)]) -> String {
        let test = Program::test("settings::tests::print_what_is_read").unwrap().arg("--nocapture");
        let finished =
            variables.iter().fold(test, |test, (name, value)| test.env(name, value)).run();
        let stdout = finished.unwrap().stdout;
        stdout.lines().find(|line| line.starts_with("http")).unwrap_or(&stdout).to_owned()
    }

    #[test]
    fn the_defaults_are_the_specifications() {
        assert_eq!(read(&[]), "http://localhost:4318/v1/traces false 10s");
        let grpc = [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
        assert_eq!(read(&grpc), "http://localhost:4317 true 10s");
    }

    #[test]
    fn a_variable_for_traces_goes_first_and_stays_as_it_is() {
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/prefix/");
        assert_eq!(read(&[all]), "http://all:4318/prefix/v1/traces false 10s");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/own");
        let timeout = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "5");
        assert_eq!(read(&[all, traces, timeout]), "http://traces:4318/own false 5ms");
        let empty = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "");
        assert_eq!(read(&[all, empty]), "http://all:4318/prefix/v1/traces false 10s");
    }
}
