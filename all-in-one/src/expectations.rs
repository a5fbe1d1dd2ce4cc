//! Expectations in files, compared with the traces that there are.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

use expect_trace::{ExpectFile, Expectation, FileError, Trace};

/// The expectations of some files.
#[derive(Debug)]
pub struct Expectations(Vec<Expected>);

#[derive(Debug)]
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
    pub fn read(paths: &[PathBuf]) -> Result<Self, FileError> {
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
    pub fn assign(&self, traces: &[Trace]) -> Vec<Option<usize>> {
        let fits = |file: &Expected| -> Vec<usize> {
            let Some(expectation) = &file.expectation else { return Vec::new() };
            (0..traces.len()).filter(|at| expectation.check(&traces[*at]).is_ok()).collect()
        };
        let fits: Vec<_> = self.0.iter().map(fits).collect();
        assign(&fits, traces.len())
    }

    /// Compares each file with the trace that matches it, or else with the most similar one of those
    /// that match no file. With `update`, a file without a match is written from that trace.
    pub fn compare<'a>(&'a self, traces: &'a [Trace], update: bool) -> Vec<Compared<'a>> {
        let found = self.assign(traces);
        let is_left = |at: &usize| !found.contains(&Some(*at));
        let mut left: Vec<&Trace> =
            (0..traces.len()).filter(is_left).map(|at| &traces[at]).collect();
        let compare = |(file, found): (&'a Expected, &Option<usize>)| {
            let outcome = match found {
                Some(at) => Outcome::Matches(&traces[*at]),
                None => file.differs(&mut left, update),
            };
            Compared { path: &file.path, outcome }
        };
        self.0.iter().zip(&found).map(compare).collect()
    }

    /// Says for each file which trace matches, or how the most similar one differs. With
    /// `UPDATE_EXPECT=1` in the environment such a file is written. Returns whether all is as expected.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn report(&self, traces: &[Trace], out: &mut impl Write) -> io::Result<bool> {
        let mut all = true;
        for Compared { path, outcome } in self.compare(traces, ExpectFile::updates()) {
            let name = path.display();
            match outcome {
                Outcome::Matches(trace) => writeln!(out, "{name}: as expected{}", id(trace))?,
                Outcome::Written(trace) => {
                    writeln!(out, "{name}: written from the trace{}", id(trace))?;
                }
                Outcome::Missing => {
                    writeln!(out, "{name}: there is no trace for it")?;
                    all = false;
                }
                Outcome::Differs(_, error) => {
                    match error {
                        FileError::Differs(_, difference) if colours() => {
                            writeln!(out, "{name}: {}", difference.to_colored_string())?;
                        }
                        error => writeln!(out, "{error}")?,
                    }
                    all = false;
                }
            }
        }
        Ok(all)
    }
}

/// A file, and what it was compared with.
#[derive(Debug)]
pub struct Compared<'a> {
    /// The file's path.
    pub path: &'a Path,
    /// What came out.
    pub outcome: Outcome<'a>,
}

/// What the comparison of a file with the traces found.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// This trace is as expected.
    Matches(&'a Trace),
    /// The file was written from this trace.
    Written(&'a Trace),
    /// This trace is the most similar one, and it differs; or the file cannot be written.
    Differs(&'a Trace, FileError),
    /// There is no trace left.
    Missing,
}

impl Expected {
    /// Compares a file that no trace matches, or updates it; then that trace is not left for other
    /// files.
    fn differs<'a>(&self, left: &mut Vec<&'a Trace>, update: bool) -> Outcome<'a> {
        let distance = |trace: &Trace| match self.check(trace) {
            Err(FileError::Differs(_, difference)) => difference.count(),
            _ => 0,
        };
        let Some(nearest) = (0..left.len()).min_by_key(|at| distance(left[*at])) else {
            return Outcome::Missing;
        };
        let trace = left[nearest];
        let result = if update { expect_file(&self.path).update(trace) } else { self.check(trace) };
        match result {
            Ok(()) => {
                left.remove(nearest);
                Outcome::Written(trace)
            }
            Err(error) => Outcome::Differs(trace, error),
        }
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
}
