//! Writes a store to a file.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::otlp;
use crate::model::Span;
use crate::server::body::MAX_BODY;
use crate::store::Store;

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Saved {
    /// The traces, without those that were evicted meanwhile.
    pub traces: u64,
    /// The spans.
    pub spans: u64,
    /// The spans that were left out: OTLP has no spans whose id, or whose trace's id, is zero, and
    /// one of more than 20 MiB could not be loaded.
    pub left_out: u64,
}

/// Writes all traces to a file as OTLP in JSON, the oldest first. A line has one trace; a trace of
/// more than some hundred spans takes several lines.
///
/// What is loaded from the file gives the same answers as the store. The file appears as a whole,
/// or not at all; an older one is replaced.
///
/// # Errors
/// Where the file cannot be written.
pub fn save(store: &Store, path: &Path) -> io::Result<Saved> {
    // A device or a pipe cannot be replaced.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return write(store, File::options().write(true).open(path)?);
    }
    // A link is followed: the file behind it is replaced.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = beside(&path);
    let saved = File::create(&beside).and_then(|file| {
        let saved = write(store, file.try_clone()?)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        Ok(saved)
    });
    if saved.is_err() {
        let _ = fs::remove_file(&beside);
    }
    saved
}

/// A path in the same folder that no other process uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn write(store: &Store, file: File) -> io::Result<Saved> {
    let mut out = BufWriter::new(file);
    let mut saved = Saved::default();
    for id in store.ids() {
        let Some(mut reading) = store.begin(id) else { continue };
        let before = saved.spans;
        while let Some(mut spans) = store.read_on(&mut reading).filter(|spans| !spans.is_empty()) {
            let all = spans.len() as u64;
            spans.retain(|span| !span.trace_id.is_zero() && span.span_id.0 != 0);
            saved.left_out += all - spans.len() as u64;
            line(&spans, &mut out, &mut saved)?;
        }
        saved.traces += u64::from(saved.spans > before);
    }
    out.flush()?;
    Ok(saved)
}

/// Writes spans to one line, or to several if it would be too long.
fn line(spans: &[Span], out: &mut impl Write, saved: &mut Saved) -> io::Result<()> {
    if spans.is_empty() {
        return Ok(());
    }
    let mut text = serde_json::to_vec(&otlp::request(spans))?;
    text.push(b'\n');
    if text.len() <= MAX_BODY {
        saved.spans += spans.len() as u64;
        return out.write_all(&text);
    }
    match spans {
        [_] => saved.left_out += 1,
        spans => {
            let (first, rest) = spans.split_at(spans.len() / 2);
            line(first, out, saved)?;
            line(rest, out, saved)?;
        }
    }
    Ok(())
}
