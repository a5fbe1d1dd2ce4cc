//! Expectations in files, compared with the traces that there are.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use jaeger_all_in_one::expect_trace::{ExpectFile, Expectation, FileError};
use jaeger_all_in_one::{Trace, nearest};

/// How many names a line lists.
const MOST_NAMES: usize = 10;

/// The traces that have a span of the service, if one is given.
pub(super) fn of_service(traces: Vec<Trace>, service: Option<&str>) -> Vec<Trace> {
    let has = |trace: &Trace, service| trace.spans().any(|span| span.service() == service);
    traces.into_iter().filter(|trace| service.is_none_or(|it| has(trace, it))).collect()
}

/// Says which services there are instead of one that has no spans, and which was meant.
pub(super) fn other_services(wanted: &str, services: &[String]) -> String {
    if services.is_empty() {
        return "there are none of other services either".to_owned();
    }
    let quoted = |name: &str| format!("\"{}\"", name.escape_debug());
    let names: Vec<_> = services.iter().take(MOST_NAMES).map(|name| quoted(name)).collect();
    let more = if services.len() > MOST_NAMES { ", …" } else { "" };
    let meant = nearest(wanted, services);
    let meant = meant.map(|name| format!("; did you mean {}?", quoted(name)));
    format!("the services are {}{more}{}", names.join(", "), meant.unwrap_or_default())
}

/// The expectations of some files.
pub(super) struct Expectations(Vec<Expected>);

struct Expected {
    path: PathBuf,
    /// `None` if the file is not there yet: the report writes it.
    expectation: Option<Expectation>,
}

impl Expectations {
    /// Reads the files. One that is not there is fine if the environment has `UPDATE_EXPECT=1`.
    ///
    /// # Errors
    /// If a file cannot be read or understood.
    pub(super) fn read(paths: &[PathBuf]) -> Result<Self, FileError> {
        let read = |path: &PathBuf| {
            let expectation = match expect_file(path).read() {
                Ok(expectation) => Some(expectation),
                Err(FileError::Io(_, error))
                    if error.kind() == ErrorKind::NotFound && ExpectFile::updates() =>
                {
                    None
                }
                Err(error) => return Err(error),
            };
            Ok(Expected { path: path.clone(), expectation })
        };
        paths.iter().map(read).collect::<Result<_, _>>().map(Expectations)
    }

    /// Finds a trace for each file, each trace for one file only, for as many files as possible.
    /// Returns its number, or `None` where no trace is left that matches.
    pub(super) fn assign(&self, traces: &[Trace]) -> Vec<Option<usize>> {
        let fits = |file: &Expected| -> Vec<usize> {
            let Some(expectation) = &file.expectation else { return Vec::new() };
            (0..traces.len()).filter(|at| expectation.check(&traces[*at]).is_ok()).collect()
        };
        let fits: Vec<_> = self.0.iter().map(fits).collect();
        assign(&fits, traces.len())
    }

    /// Says for each file which trace matches, or how the most similar one differs. With
    /// `UPDATE_EXPECT=1` in the environment such a file is written. Returns whether all is as expected.
    pub(super) fn report(&self, traces: &[Trace], out: &mut impl Write) -> io::Result<bool> {
        let found = self.assign(traces);
        let is_left = |at: &usize| !found.contains(&Some(*at));
        let mut left: Vec<&Trace> =
            (0..traces.len()).filter(is_left).map(|at| &traces[at]).collect();
        let mut all = true;
        for (file, found) in self.0.iter().zip(&found) {
            match found {
                Some(at) => {
                    writeln!(out, "{}: as expected{}", file.path.display(), id(&traces[*at]))?;
                }
                None => all &= file.differs(&mut left, out)?,
            }
        }
        Ok(all)
    }
}

impl Expected {
    /// Reports a file without a trace, or updates it; then that trace is not left for other files.
    fn differs(&self, left: &mut Vec<&Trace>, out: &mut impl Write) -> io::Result<bool> {
        let name = self.path.display();
        let distance = |trace: &Trace| match self.check(trace) {
            Err(FileError::Differs(_, difference)) => difference.count(),
            _ => 0,
        };
        let Some(nearest) = (0..left.len()).min_by_key(|at| distance(left[*at])) else {
            writeln!(out, "{name}: there is no trace for it")?;
            return Ok(false);
        };
        let trace = left[nearest];
        let result = if ExpectFile::updates() {
            expect_file(&self.path).update(trace)
        } else {
            self.check(trace)
        };
        match result {
            Ok(()) => {
                left.remove(nearest);
                writeln!(out, "{name}: written from the trace{}", id(trace))?;
                return Ok(true);
            }
            Err(FileError::Differs(_, difference)) if colours() => {
                writeln!(out, "{name}: {}", difference.to_colored_string())?;
            }
            Err(error) => writeln!(out, "{error}")?,
        }
        Ok(false)
    }

    fn check(&self, trace: &Trace) -> Result<(), FileError> {
        let Some(expectation) = &self.expectation else { return Ok(()) };
        let differs = |difference| FileError::Differs(self.path.clone(), Box::new(difference));
        expectation.check(trace).map_err(differs)
    }
}

/// Gives each file one of the traces that fit it, and as many files as possible a trace of their own.
/// Where all traces of a file are given away, their owners look for others (augmenting paths).
fn assign(fits: &[Vec<usize>], traces: usize) -> Vec<Option<usize>> {
    let mut owners: Vec<Option<usize>> = vec![None; traces];
    let mut given: Vec<Option<usize>> = vec![None; fits.len()];
    for file in 0..fits.len() {
        let mut wanted_by: Vec<Option<usize>> = vec![None; traces];
        let mut asking = VecDeque::from([file]);
        let mut free = None;
        while let (None, Some(asks)) = (free, asking.pop_front()) {
            for trace in &fits[asks] {
                if wanted_by[*trace].is_some() {
                    continue;
                }
                wanted_by[*trace] = Some(asks);
                match owners[*trace] {
                    Some(owner) => asking.push_back(owner),
                    None => {
                        free = Some(*trace);
                        break;
                    }
                }
            }
        }
        while let Some((trace, owner)) = free.and_then(|at| Some((at, wanted_by[at]?))) {
            owners[trace] = Some(owner);
            free = given[owner].replace(trace);
        }
    }
    given
}

fn expect_file(path: &Path) -> ExpectFile {
    ExpectFile::new("", path)
}

fn id(trace: &Trace) -> String {
    trace.id().map(|id| format!(" ({id})")).unwrap_or_default()
}

fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_share_the_traces_in_every_order() {
        for (fits, want) in [
            (vec![vec![0, 1], vec![0]], vec![Some(1), Some(0)]),
            (vec![vec![0], vec![0, 1]], vec![Some(0), Some(1)]),
            (vec![vec![0, 1], vec![0, 2], vec![0]], vec![Some(1), Some(2), Some(0)]),
            (vec![vec![0], vec![0], vec![]], vec![Some(0), None, None]),
        ] {
            assert_eq!(assign(&fits, 3), want, "{fits:?}");
        }
    }

    #[test]
    fn another_service_is_proposed() {
        let services = ["shop".to_owned(), "bank".to_owned()];
        let line = other_services("shpo", &services);
        assert_eq!(line, "the services are \"shop\", \"bank\"; did you mean \"shop\"?");
        assert!(!other_services("x", &services).contains("did you mean"));
    }
}
