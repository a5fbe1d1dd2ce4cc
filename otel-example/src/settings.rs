//! Command-line arguments and environment variables.

use std::ffi::OsString;
use std::io::{self, Write};
use std::{env, fmt};

use clap::Parser;
use clap::error::ErrorKind;
use reqwest::Url;

const URL: &str = "https://httpbin.org/get";

const NOTE: &str = "\
An argument overrides its variable; an empty HTTPBIN_URL counts as unset.
The exporter reads two more variables itself, and refuses empty ones:
  OTEL_EXPORTER_JAEGER_AGENT_HOST  The host of the Jaeger agent [default: 127.0.0.1]
  OTEL_EXPORTER_JAEGER_AGENT_PORT  Its UDP port for compact Thrift [default: 6831]";

/// The tutorial's second program: traces an HTTP request with OpenTelemetry's Jaeger exporter.
#[derive(Parser)]
#[command(version, after_help = NOTE)]
pub(crate) struct Settings {
    /// The page to request
    #[arg(long, value_name = "HTTPBIN_URL", env = "HTTPBIN_URL", hide_env_values = true)]
    #[arg(default_value = URL, value_parser = http_url)]
    pub(crate) url: Url,

    #[arg(skip)]
    pub(crate) agent: Agent,
}

/// Where the exporter finds the Jaeger agent: its variables win over what the code says, so there
/// is no argument for them. They are checked here, and used for the messages.
#[derive(Clone, Default)]
pub(crate) struct Agent {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Settings {
    /// Reads the settings. A bad value ends the program with exit code 2 and one line that names it.
    pub(crate) fn read() -> Self {
        let settings = Self::try_parse().unwrap_or_else(|error| match error.kind() {
            ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => refuse(&error.to_string()),
            _ => error.exit(),
        });
        let agent = Agent::read().unwrap_or_else(|message| refuse(&message));
        Self { agent, ..settings }
    }
}

impl Agent {
    fn read() -> Result<Self, String> {
        let variable = |name: &str, default: &str| match env::var_os(name)
            .map(OsString::into_string)
            .transpose()
        {
            Err(_) => Err(format!("error: {name} is not UTF-8")),
            Ok(None) => Ok(default.to_owned()),
            Ok(Some(value)) if value.trim().is_empty() => {
                Err(format!("error: {name} must not be empty; unset it for the default"))
            }
            Ok(Some(value)) => Ok(value.trim().to_owned()),
        };
        let host = variable("OTEL_EXPORTER_JAEGER_AGENT_HOST", "127.0.0.1")?;
        let port = variable("OTEL_EXPORTER_JAEGER_AGENT_PORT", "6831")?;
        match port.parse() {
            Ok(number) if number > 0 => Ok(Self { host, port: number }),
            _ => Err(format!(
                "error: invalid value '{port}' for OTEL_EXPORTER_JAEGER_AGENT_PORT: \
                 must be a port, 1 to 65535"
            )),
        }
    }
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
    use super::*;

    #[test]
    fn empty_counts_as_unset() {
        assert_eq!(http_url(" ").unwrap().as_str(), URL);
    }
}
