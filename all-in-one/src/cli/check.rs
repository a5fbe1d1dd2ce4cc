//! `jaeger-all-in-one check`: compares the traces of a running Jaeger with expectations.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use jaeger_all_in_one::expectations::Expectations;
use jaeger_all_in_one::{Config, Source, Trace, TraceId};

use super::arguments::trace_id;
use super::expect;
use super::flags::duration;
use super::print;

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
    /// Where a file cannot be read, or no Jaeger answers.
    pub(super) fn check(&self, config: &Config) -> Result<bool, Box<dyn Error>> {
        let expectations = Expectations::read(&self.files)?;
        let source = Source::new(config, self.url.as_deref())?;
        let begin = Instant::now();
        loop {
            let traces = self.traces(&source)?;
            let matched = expectations.assign(&traces).iter().all(Option::is_some);
            if matched || begin.elapsed() >= self.timeout {
                let mut report = Vec::new();
                let good = expectations.report(&traces, &mut report)?;
                if !good {
                    self.explain(&source, &traces, &mut report)?;
                }
                print::to_stderr(&report);
                return Ok(good);
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

    /// Says what the arguments left out, if that may be why no trace matches.
    fn explain(
        &self,
        source: &Source,
        traces: &[Trace],
        out: &mut impl Write,
    ) -> Result<(), Box<dyn Error>> {
        match (self.trace, &self.service) {
            (Some(id), None) if traces.is_empty() => {
                writeln!(out, "there is no trace {id} on {}", source.url())?;
            }
            (None, Some(service)) if traces.is_empty() => {
                let others = expect::other_services(service, &source.services()?);
                writeln!(out, "there are no spans of the service \"{service}\": {others}")?;
            }
            (Some(id), Some(service)) if traces.is_empty() => {
                writeln!(out, "there is no trace {id} with a span of the service \"{service}\"")?;
            }
            _ if traces.len() >= Source::MOST_TRACES => writeln!(
                out,
                "only the newest {} traces of each service were compared: choose one with --trace",
                Source::MOST_TRACES
            )?,
            _ => {}
        }
        Ok(())
    }
}
