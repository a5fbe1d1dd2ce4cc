//! Expectations in files, compared with the traces that there are.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use jaeger_all_in_one::Trace;
use jaeger_all_in_one::expect_trace::{ExpectFile, FileError};

/// The traces that have a span of the service, if one is given.
pub(super) fn of_service(traces: Vec<Trace>, service: Option<&str>) -> Vec<Trace> {
    let has = |trace: &Trace, service| trace.spans().any(|span| span.service() == service);
    traces.into_iter().filter(|trace| service.is_none_or(|it| has(trace, it))).collect()
}

/// Finds a trace for each file, each trace for one file only. `None` where no trace matches.
fn matches<'t>(files: &[PathBuf], traces: &'t [Trace]) -> Vec<Option<&'t Trace>> {
    let mut taken = vec![false; traces.len()];
    let of_file = |path: &PathBuf| {
        let file = expect_file(path);
        let found = (0..traces.len()).find(|at| !taken[*at] && file.check(&traces[*at]).is_ok())?;
        taken[found] = true;
        Some(&traces[found])
    };
    files.iter().map(of_file).collect()
}

/// Whether each file has a trace.
pub(super) fn all_match(files: &[PathBuf], traces: &[Trace]) -> bool {
    matches(files, traces).iter().all(Option::is_some)
}

/// Says for each file which trace matches, or how the most similar one differs. With
/// `UPDATE_EXPECT=1` in the environment such a file is written. Returns whether all is as expected.
pub(super) fn report(
    files: &[PathBuf],
    traces: &[Trace],
    out: &mut impl Write,
) -> io::Result<bool> {
    let found = matches(files, traces);
    let is_taken = |trace: &Trace| {
        found.iter().flatten().any(|other| std::ptr::eq(*other, std::ptr::from_ref(trace)))
    };
    let mut left: Vec<&Trace> = traces.iter().filter(|trace| !is_taken(trace)).collect();
    let mut all = true;
    for (path, found) in files.iter().zip(&found) {
        let name = path.display();
        match found {
            Some(trace) => writeln!(out, "{name}: as expected{}", id(trace))?,
            None => all &= differs(path, &mut left, out)?,
        }
    }
    Ok(all)
}

/// Reports a file without a trace, or updates it; then that trace is not left for other files.
fn differs(path: &Path, left: &mut Vec<&Trace>, out: &mut impl Write) -> io::Result<bool> {
    let (name, file) = (path.display(), expect_file(path));
    let distance = |trace: &Trace| match file.check(trace) {
        Err(FileError::Differs(_, difference)) => difference.count(),
        _ => 0,
    };
    let Some(nearest) = (0..left.len()).min_by_key(|at| distance(left[*at])) else {
        writeln!(out, "{name}: there is no trace for it")?;
        return Ok(false);
    };
    let trace = left[nearest];
    let updates =
        std::env::var_os("UPDATE_EXPECT").is_some_and(|value| !value.is_empty() && value != "0");
    let result = if updates { file.update(trace) } else { file.check(trace) };
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

fn expect_file(path: &Path) -> ExpectFile {
    ExpectFile::new("", path)
}

fn id(trace: &Trace) -> String {
    trace.id().map(|id| format!(" ({id})")).unwrap_or_default()
}

fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
