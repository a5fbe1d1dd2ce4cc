//! Command-line arguments, and the environment variables that stand in for them.

use std::fmt;
use std::io::{self, Write};

use clap::error::ErrorKind;
use clap::{Args, Parser};
use reqwest::Url;

const URL: &str = "https://httpbin.org/get";
const AGENT_HOST: &str = "localhost";
const AGENT_PORT: &str = "6831";

const NOTE: &str = "An argument overrides its variable. An empty variable counts as unset.";

/// The tutorial's first program: traces an HTTP request with the Jaeger client.
#[derive(Parser)]
#[command(version, after_help = NOTE)]
pub(crate) struct Settings {
    /// The page to request
    #[arg(long, value_name = "HTTPBIN_URL", env = "HTTPBIN_URL", hide_env_values = true)]
    #[arg(default_value = URL, value_parser = http_url)]
    pub(crate) url: Url,

    /// Make make_request a child of main_process: one trace instead of two
    #[arg(long)]
    pub(crate) one_trace: bool,

    #[command(flatten)]
    pub(crate) agent: Agent,
}

/// Where the Jaeger agent listens.
#[derive(Args, Clone)]
pub(crate) struct Agent {
    /// The host of the Jaeger agent
    #[arg(long = "agent-host", value_name = "JAEGER_AGENT_HOST", env = "JAEGER_AGENT_HOST")]
    #[arg(hide_env_values = true, default_value = AGENT_HOST, value_parser = host)]
    pub(crate) host: String,

    /// Its UDP port for compact Thrift
    #[arg(long = "agent-port", value_name = "JAEGER_AGENT_PORT", env = "JAEGER_AGENT_PORT")]
    #[arg(hide_env_values = true, default_value = AGENT_PORT, value_parser = port)]
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
        Self::try_parse().unwrap_or_else(|error| match error.kind() {
            ErrorKind::ValueValidation | ErrorKind::InvalidUtf8 => refuse(&error.to_string()),
            _ => error.exit(),
        })
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
    let url = Url::parse(or(value, URL)).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        _ => Err("must start with http:// or https://".to_owned()),
    }
}

fn host(value: &str) -> Result<String, String> {
    Ok(or(value, AGENT_HOST).to_owned())
}

fn port(value: &str) -> Result<u16, String> {
    match or(value, AGENT_PORT).parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err("must be a port, 1 to 65535".to_owned()),
    }
}

fn or<'a>(value: &'a str, default: &'a str) -> &'a str {
    let value = value.trim();
    if value.is_empty() { default } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_counts_as_unset() {
        assert_eq!(http_url(" ").unwrap().as_str(), URL);
        assert_eq!(host("").unwrap(), AGENT_HOST);
        assert_eq!(port("").unwrap().to_string(), AGENT_PORT);
    }
}
