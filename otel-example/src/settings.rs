//! What can be set from outside: by an argument, by the environment, else by default.

use std::ffi::OsString;
use std::fmt;

use clap::Parser;

use crate::propagation::Format;

/// The tutorial's second program: a trace of an HTTP request, by OpenTelemetry with the Jaeger exporter.
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
  HTTPBIN_URL                      The page to ask for; --url goes before it
  OTEL_EXPORTER_JAEGER_AGENT_HOST  Where the Jaeger agent listens [default: localhost]
  OTEL_EXPORTER_JAEGER_AGENT_PORT  Its UDP port for compact Thrift [default: 6831]
  OTEL_PROPAGATORS                 The headers to write [default: tracecontext,baggage]; jaeger, none";

/// What the program was told.
#[derive(Debug, PartialEq)]
pub(crate) struct Settings {
    /// The page to ask for, http or https.
    pub(crate) url: String,
    /// Where finished spans go.
    pub(crate) agent: Agent,
    /// The headers that carry the trace.
    pub(crate) propagators: Vec<Format>,
}

/// The Jaeger agent's address, not yet looked up.
#[derive(Clone, Debug, PartialEq)]
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
        let host =
            variable("OTEL_EXPORTER_JAEGER_AGENT_HOST")?.unwrap_or_else(|| "localhost".to_owned());
        let port = match variable("OTEL_EXPORTER_JAEGER_AGENT_PORT")? {
            Some(value) => port("OTEL_EXPORTER_JAEGER_AGENT_PORT", &value)?,
            None => 6831,
        };
        let propagators = variable("OTEL_PROPAGATORS")?;
        let propagators = formats(propagators.as_deref().unwrap_or("tracecontext,baggage"))?;
        Ok(Self { url, agent: Agent { host, port }, propagators })
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

fn port(name: &str, value: &str) -> Result<u16, String> {
    match value.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{name}: {value:?} is not a port (1 to 65535)")),
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
        let arguments = [&["otel-example"], arguments].concat();
        Settings::from(Arguments::parse_from(arguments), |name| {
            let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
            Some(OsString::from(value))
        })
    }

    #[test]
    fn defaults_are_the_tutorials() {
        let settings = settings(&[], &[]).unwrap();
        assert_eq!(settings.url, "https://httpbin.org/get");
        assert_eq!(settings.agent, Agent { host: "localhost".to_owned(), port: 6831 });
        assert_eq!(settings.propagators, [Format::TraceContext, Format::Baggage]);
    }

    #[test]
    fn an_argument_goes_before_the_environment() {
        let variables = [("HTTPBIN_URL", "http://environment/get")];
        assert_eq!(settings(&[], &variables).unwrap().url, "http://environment/get");
        let arguments = ["--url", "http://argument/get"];
        let settings = settings(&arguments, &variables).unwrap();
        assert_eq!(settings.url, "http://argument/get");
    }

    #[test]
    fn empty_counts_as_unset() {
        let variables = [
            ("HTTPBIN_URL", ""),
            ("OTEL_EXPORTER_JAEGER_AGENT_HOST", " "),
            ("OTEL_EXPORTER_JAEGER_AGENT_PORT", ""),
            ("OTEL_PROPAGATORS", ""),
        ];
        assert_eq!(settings(&["--url", ""], &variables), settings(&[], &[]));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named() {
        for (name, value, message) in [
            ("OTEL_EXPORTER_JAEGER_AGENT_PORT", "abc", r#""abc" is not a port (1 to 65535)"#),
            ("OTEL_EXPORTER_JAEGER_AGENT_PORT", "70000", r#""70000" is not a port (1 to 65535)"#),
            ("OTEL_EXPORTER_JAEGER_AGENT_PORT", "0", r#""0" is not a port (1 to 65535)"#),
            ("OTEL_PROPAGATORS", "b3", r#""b3" is none of tracecontext, baggage, jaeger, none"#),
            ("HTTPBIN_URL", "nonsense", r#""nonsense" is not a URL: relative URL without a base"#),
            ("HTTPBIN_URL", "http://", r#""http://" is not a URL: empty host"#),
            (
                "HTTPBIN_URL",
                "localhost:8000/get",
                r#""localhost:8000/get" is no URL that starts with http:// or https://"#,
            ),
        ] {
            assert_eq!(settings(&[], &[(name, value)]), Err(format!("{name}: {message}")));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_text_is_named() {
        use std::os::unix::ffi::OsStringExt;
        let error = Settings::from(Arguments::parse_from(["otel-example"]), |_| {
            Some(OsString::from_vec(vec![b'h', 0xff]))
        });
        assert_eq!(error, Err(r#"HTTPBIN_URL: "h\xFF" is not text in UTF-8"#.to_owned()));
    }
}
