//! What can be set from outside: by an argument, by the environment, else by default.

use std::ffi::OsString;
use std::fmt;

use clap::Parser;

/// The tutorial's first program: a trace of an HTTP request, by the Jaeger client.
#[derive(Parser)]
#[command(version, after_help = ENVIRONMENT)]
struct Arguments {
    #[arg(
        long,
        help = "The page to ask for [default: $HTTPBIN_URL, else https://httpbin.org/get]"
    )]
    url: Option<String>,

    /// Make make_request a child of main_process: one trace, where the original leaves two
    #[arg(long)]
    one_trace: bool,
}

const ENVIRONMENT: &str = "\
Environment (empty counts as unset):
  HTTPBIN_URL        The page to ask for; --url goes before it
  JAEGER_AGENT_HOST  Where the Jaeger agent listens [default: localhost]
  JAEGER_AGENT_PORT  Its UDP port for compact Thrift [default: 6831]";

/// What the program was told.
#[derive(Debug, PartialEq)]
pub(crate) struct Settings {
    /// The page to ask for, http or https.
    pub(crate) url: String,
    /// Whether `make_request` becomes a child of `main_process`.
    pub(crate) one_trace: bool,
    /// Where finished spans go.
    pub(crate) agent: Agent,
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
        let host = variable("JAEGER_AGENT_HOST")?.unwrap_or_else(|| "localhost".to_owned());
        let port = match variable("JAEGER_AGENT_PORT")? {
            Some(value) => port("JAEGER_AGENT_PORT", &value)?,
            None => 6831,
        };
        Ok(Self { url, one_trace: arguments.one_trace, agent: Agent { host, port } })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings, String> {
        let arguments = [&["jaeger-example"], arguments].concat();
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
        assert!(!settings.one_trace);
    }

    #[test]
    fn an_argument_goes_before_the_environment() {
        let variables = [("HTTPBIN_URL", "http://environment/get")];
        assert_eq!(settings(&[], &variables).unwrap().url, "http://environment/get");
        let arguments = ["--url", "http://argument/get", "--one-trace"];
        let settings = settings(&arguments, &variables).unwrap();
        assert_eq!(settings.url, "http://argument/get");
        assert!(settings.one_trace);
    }

    #[test]
    fn empty_counts_as_unset() {
        let variables =
            [("HTTPBIN_URL", ""), ("JAEGER_AGENT_HOST", " "), ("JAEGER_AGENT_PORT", "")];
        assert_eq!(settings(&["--url", ""], &variables), settings(&[], &[]));
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named() {
        for (name, value, message) in [
            ("JAEGER_AGENT_PORT", "abc", r#""abc" is not a port (1 to 65535)"#),
            ("JAEGER_AGENT_PORT", "70000", r#""70000" is not a port (1 to 65535)"#),
            ("JAEGER_AGENT_PORT", "0", r#""0" is not a port (1 to 65535)"#),
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
        let error = Settings::from(Arguments::parse_from(["jaeger-example"]), |_| {
            Some(OsString::from_vec(vec![b'h', 0xff]))
        });
        assert_eq!(error, Err(r#"HTTPBIN_URL: "h\xFF" is not text in UTF-8"#.to_owned()));
    }
}
