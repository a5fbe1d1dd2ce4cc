//! Command-line arguments and environment variables.

use std::env;
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
        let settings = Self::try_parse().map_err(|error| match error.kind() {
            ErrorKind::ValueValidation => error.to_string(),
            _ => error.exit(),
        });
        let settings = settings.and_then(|it| Ok(Self { otlp: Otlp::read()?, ..it }));
        settings.unwrap_or_else(|message| {
            eprintln!("{}", message.lines().next().unwrap_or_default());
            std::process::exit(2);
        })
    }
}

impl Otlp {
    fn read() -> Result<Self, String> {
        let (name, protocol) = exporter_variable("PROTOCOL").unwrap_or_default();
        let is_grpc = match protocol.as_str() {
            "grpc" => true,
            "http/protobuf" | "" => false,
            _ => return Err(bad(&name, &protocol, "must be http/protobuf or grpc")),
        };
        let (default, path) = match is_grpc {
            true => ("http://localhost:4317", ""),
            false => ("http://localhost:4318", "/v1/traces"),
        };
        let endpoint = match exporter_variable("ENDPOINT") {
            None => format!("{default}{path}"),
            Some((name, url)) => {
                http_url(&url).map_err(|why| bad(&name, &url, &why))?;
                match name.contains("TRACES") {
                    true => url, // by the specification this one is complete
                    false => format!("{}{path}", url.trim_end_matches('/')),
                }
            }
        };
        let timeout = match exporter_variable("TIMEOUT") {
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
fn exporter_variable(suffix: &str) -> Option<(String, String)> {
    ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"].into_iter().find_map(|prefix| {
        let name = format!("{prefix}{suffix}");
        let value = env::var(&name).ok()?.trim().to_owned();
        (!value.is_empty()).then_some((name, value))
    })
}

fn bad(name: &str, value: &str, why: &str) -> String {
    format!("error: invalid value '{value}' for {name}: {why}")
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
