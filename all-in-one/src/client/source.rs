//! The traces of a running Jaeger, to compare them with expectations.

use std::collections::HashSet;
use std::io;

use super::api::{self, Found};
use super::error::ClientError;
use super::http::Server;
use crate::config::Config;
use crate::model::TraceId;

/// A running Jaeger.
#[derive(Debug)]
pub struct Source(Server);

impl Source {
    /// How many traces of a service are read at most, the newest.
    pub const MOST_TRACES: usize = 1_000;

    /// The Jaeger with this URL, else the one at the configured address.
    ///
    /// # Errors
    /// Where the URL is invalid, or its host is unknown.
    pub fn new(config: &Config, url: Option<&str>) -> Result<Self, ClientError> {
        let no_answer = |url: &str, source| ClientError::NoAnswer { url: url.to_owned(), source };
        match url {
            Some(url) => Server::at(url).map(Source).map_err(|error| no_answer(url, error)),
            None => Server::of(config).map(Source),
        }
    }

    /// The address of its web pages.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The names of all services.
    ///
    /// # Errors
    /// Where no Jaeger answers.
    pub fn services(&self) -> Result<Vec<String>, ClientError> {
        api::services(&self.0).map_err(|source| self.no_answer(source))
    }

    /// The trace with this id, if there is one.
    ///
    /// # Errors
    /// Where no Jaeger answers.
    pub fn trace(&self, id: TraceId) -> Result<Vec<expect_trace::Trace>, ClientError> {
        self.read(api::trace(&self.0, id))
    }

    /// The newest traces of a service, else of all.
    ///
    /// # Errors
    /// Where no Jaeger answers.
    pub fn newest(&self, service: Option<&str>) -> Result<Vec<expect_trace::Trace>, ClientError> {
        let services = match service {
            Some(service) => vec![service.to_owned()],
            None => self.services()?,
        };
        let mut ids = HashSet::new();
        let mut traces: Vec<expect_trace::Trace> = Vec::new();
        for service in services {
            let found = self.read(api::newest(&self.0, &service, Self::MOST_TRACES))?;
            let is_new = |new: &expect_trace::Trace| ids.insert(new.id().map(ToString::to_string));
            traces.extend(found.into_iter().filter(is_new));
        }
        Ok(traces)
    }

    fn read(&self, found: io::Result<Found>) -> Result<Vec<expect_trace::Trace>, ClientError> {
        let json = found.map_err(|source| self.no_answer(source))?.into_json();
        let traces = expect_trace::jaeger::traces(&json);
        let traces = traces.map_err(|error| self.no_answer(io::Error::other(error)))?;
        let with_link = |trace: expect_trace::Trace| match trace.id() {
            Some(id) => {
                let link = format!("{}/trace/{id}", self.0.url);
                trace.with_link(link)
            }
            None => trace,
        };
        Ok(traces.into_iter().map(with_link).collect())
    }

    fn no_answer(&self, source: io::Error) -> ClientError {
        ClientError::NoAnswer { url: self.0.url.clone(), source }
    }
}
