//! The settings, from the environment variables that OpenTelemetry specifies.

use std::ffi::OsString;

use opentelemetry_otlp::Protocol;

use crate::propagation::Format;

/// How requests are traced.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where spans are sent.
    pub otlp: Otlp,
    /// `OTEL_SERVICE_NAME`, if set.
    pub service_name: Option<String>,
    /// `OTEL_PROPAGATORS`: the headers that continue a trace; by default all formats.
    pub propagators: Vec<Format>,
    /// `OTEL_SDK_DISABLED`: whether tracing is off.
    pub sdk_disabled: bool,
}

/// Where and how spans are sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// The complete URL; for OTLP over HTTP it includes the path.
    pub endpoint: String,
    /// gRPC, or HTTP with protobuf or JSON.
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

    /// Looks variables up with a function. An empty variable counts as unset.
    ///
    /// # Errors
    ///
    /// One line that names the variable and what is wrong with it.
    pub fn from(environment: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let variable = |name: &str| match environment(name).map(OsString::into_string).transpose() {
            Ok(value) => Ok(value.map(|it| it.trim().to_owned()).filter(|value| !value.is_empty())),
            Err(value) => Err(format!("{name}: {value:?} is not valid UTF-8")),
        };
        let propagators = match variable("OTEL_PROPAGATORS")? {
            Some(list) => {
                let (formats, unknown) = Format::parse_list(&list);
                for name in unknown {
                    eprintln!("httpbin: OTEL_PROPAGATORS: {name:?} is unknown and ignored");
                }
                formats
            }
            None => Format::ALL.to_vec(),
        };
        // The exporter reads these itself, and rejects `none` and an empty value.
        for name in ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"] {
            match environment(name) {
                Some(value) if value == "gzip" => break,
                Some(value) => {
                    return Err(format!(
                        "{name}: {value:?} must be gzip; unset it for no compression"
                    ));
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
    /// A variable for traces overrides the general one. The OTLP path is appended only to the
    /// general endpoint (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
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
        Ok(_) => Err(format!("{name}: {value:?} must be an http:// or https:// URL")),
        Err(error) => Err(format!("{name}: {value:?} is not a URL: {error}")),
    }
}

fn protocol(name: &str, value: &str) -> Result<Protocol, String> {
    match value {
        "grpc" => Ok(Protocol::Grpc),
        "http/protobuf" => Ok(Protocol::HttpBinary),
        _ => Err(format!("{name}: {value:?} must be grpc or http/protobuf")),
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
    fn defaults_are_the_specifications_plus_the_jaeger_headers() {
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
    fn an_invalid_value_is_named() {
        for (name, value, message) in [
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "host:4318",
                r#""host:4318" must be an http:// or https:// URL"#,
            ),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "udp", r#""udp" must be grpc or http/protobuf"#),
            (
                "OTEL_EXPORTER_OTLP_COMPRESSION",
                "",
                r#""" must be gzip; unset it for no compression"#,
            ),
        ] {
            assert_eq!(settings(&[(name, value)]), Err(format!("{name}: {message}")));
        }
    }
}
