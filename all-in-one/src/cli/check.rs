//! `jaeger-all-in-one check`: compares the traces of a running Jaeger with expectations.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use jaeger_all_in_one::{Config, Source, Trace, TraceId};

use super::arguments::trace_id;
use super::expect;
use super::flags::duration;

/// How often to ask while no trace is as expected.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The arguments of `check`.
#[derive(Debug, Args)]
// The subcommand has a group of this name.
#[group(skip)]
pub(super) struct Check {
    /// File with the expected trace; UPDATE_EXPECT=1 in the environment writes it instead
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// The Jaeger to ask, such as http://jaeger:16686; else the one at the configured address
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    /// Compare only traces with a span of this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,

    /// Compare only the trace with this id
    #[arg(long, value_name = "ID", value_parser = trace_id)]
    trace: Option<TraceId>,

    /// How long to wait for a trace that is as expected
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    timeout: Duration,
}

impl Check {
    /// Compares; returns whether each file has a trace.
    ///
    /// # Errors
    /// Where no Jaeger answers, or the result cannot be printed.
    pub(super) fn check(&self, config: &Config) -> Result<bool, Box<dyn Error>> {
        let source = Source::new(config, self.url.as_deref())?;
        let begin = Instant::now();
        loop {
            let traces = self.traces(&source)?;
            let matched = expect::all_match(&self.files, &traces);
            if matched || begin.elapsed() >= self.timeout {
                return Ok(expect::report(&self.files, &traces, &mut io::stderr())?);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn traces(&self, source: &Source) -> Result<Vec<Trace>, Box<dyn Error>> {
        let traces = match self.trace {
            Some(id) => source.trace(id)?,
            None => source.newest(self.service.as_deref())?,
        };
        Ok(expect::of_service(traces, self.service.as_deref()))
    }
}
