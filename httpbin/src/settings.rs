//! What can be set from outside, by the variables that OpenTelemetry specifies.

use std::ffi::OsString;

use opentelemetry_otlp::Protocol;

use crate::propagation::Format;

/// How requests are traced.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where finished spans go.
    pub otlp: Otlp,
    /// `OTEL_SERVICE_NAME`, where it is set.
    pub service_name: Option<String>,
    /// `OTEL_PROPAGATORS`: the headers that continue a trace; all that are known by default.
    pub propagators: Vec<Format>,
    /// `OTEL_SDK_DISABLED`: whether nothing is to be traced.
    pub sdk_disabled: bool,
}

/// Where spans go, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// The whole URL, with the path that OTLP over HTTP has.
    pub endpoint: String,
    /// By gRPC, or by HTTP in protobuf or JSON.
    pub protocol: Protocol,
}

impl Settings {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// One line that names the variable and what is wrong with it.
    pub fn from_environment() -> Result<Self, String> {
        Self::from(|name| std::env::var_os(name))
    }

    /// Reads variables from a function that knows them; an empty one counts as unset.
    ///
    /// # Errors
    ///
    /// One line that names the variable and what is wrong with it.
    pub fn from(environment: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let variable = |name: &str| match environment(name).map(OsString::into_string).transpose() {
            Ok(value) => Ok(value.map(|it| it.trim().to_owned()).filter(|value| !value.is_empty())),
            Err(value) => Err(format!("{name}: {value:?} is not text in UTF-8")),
        };
        let propagators = match variable("OTEL_PROPAGATORS")? {
            Some(list) => {
                let (formats, unknown) = Format::parse_list(&list);
                for name in unknown {
                    eprintln!("httpbin: OTEL_PROPAGATORS: {name:?} is unknown and has no effect");
                }
                formats
            }
            None => Format::ALL.to_vec(),
        };
        // The exporter reads it, and takes neither `none` nor an empty value.
        for name in ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"] {
            match environment(name) {
                Some(value) if value == "gzip" => break,
                Some(value) => {
                    return Err(format!("{name}: {value:?} must be gzip; for none, unset it"));
                }
                None => (),
            }
        }
        let sdk_disabled = variable("OTEL_SDK_DISABLED")?;
        Ok(Self {
            otlp: Otlp::from(variable)?,
            service_name: variable("OTEL_SERVICE_NAME")?,
            propagators,
            sdk_disabled: sdk_disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }
}

impl Otlp {
    /// A variable for traces goes before the one for everything. Only the latter gets the path of
    /// OTLP appended (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
    fn from(variable: impl Fn(&str) -> Result<Option<String>, String>) -> Result<Self, String> {
        let protocol = match variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")? {
            Some(name) => protocol("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", &name)?,
            None => match variable("OTEL_EXPORTER_OTLP_PROTOCOL")? {
                Some(name) => protocol("OTEL_EXPORTER_OTLP_PROTOCOL", &name)?,
                None => Protocol::HttpBinary,
            },
        };
        let (port, path) = match protocol {
            Protocol::Grpc => (4317, ""),
            _ => (4318, "/v1/traces"),
        };
        let endpoint = match variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")? {
            Some(url) => http_url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url)?,
            None => match variable("OTEL_EXPORTER_OTLP_ENDPOINT")? {
                Some(url) => {
                    let url = http_url("OTEL_EXPORTER_OTLP_ENDPOINT", url)?;
                    format!("{}{path}", url.trim_end_matches('/'))
                }
                None => format!("http://localhost:{port}{path}"),
            },
        };
        Ok(Self { endpoint, protocol })
    }
}

fn http_url(name: &str, value: String) -> Result<String, String> {
    match reqwest::Url::parse(&value) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(value),
        Ok(_) => Err(format!("{name}: {value:?} is no URL that starts with http:// or https://")),
        Err(error) => Err(format!("{name}: {value:?} is not a URL: {error}")),
    }
}

fn protocol(name: &str, value: &str) -> Result<Protocol, String> {
    match value {
        "grpc" => Ok(Protocol::Grpc),
        "http/protobuf" => Ok(Protocol::HttpBinary),
        "http/json" => Ok(Protocol::HttpJson),
        _ => Err(format!("{name}: {value:?} is none of grpc, http/protobuf, http/json")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::from(|name| {
            let (_, value) = variables.iter().find(|(key, _)| *key == name)?;
            Some(OsString::from(value))
        })
    }

    #[test]
    fn defaults_are_the_specifications_but_for_the_old_header() {
        let settings = settings(&[("OTEL_PROPAGATORS", " ")]).unwrap();
        assert_eq!(settings.otlp.endpoint, "http://localhost:4318/v1/traces");
        assert_eq!(settings.propagators, Format::ALL);
    }

    #[test]
    fn only_the_general_endpoint_gets_a_path_and_only_for_http() {
        let endpoint = |variables: &[_]| settings(variables).unwrap().otlp.endpoint;
        let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:1/");
        assert_eq!(endpoint(&[all]), "http://all:1/v1/traces");
        assert_eq!(endpoint(&[all, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]), "http://all:1");
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:1/own");
        assert_eq!(endpoint(&[all, traces]), "http://traces:1/own");
    }

    #[test]
    fn a_value_that_cannot_be_used_is_named() {
        for (name, value, message) in [
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "there:4318",
                r#""there:4318" is no URL that starts with http:// or https://"#,
            ),
            (
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                "udp",
                r#""udp" is none of grpc, http/protobuf, http/json"#,
            ),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "", r#""" must be gzip; for none, unset it"#),
        ] {
            assert_eq!(settings(&[(name, value)]), Err(format!("{name}: {message}")));
        }
    }
}
