//! Writes a store to a file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::otlp;
use crate::model::Span;
use crate::server::body::MAX_BODY;
use crate::store::Store;

/// As many symbolic links in a row as Linux follows.
const MAX_LINKS: usize = 40;

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
    let path = target(path)?;
    let beside = beside(&path);
    let saved = File::create(&beside).and_then(|file| {
        if let Ok(old) = fs::metadata(&path) {
            file.set_permissions(old.permissions())?;
        }
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

/// Tries whether [`save`] could write a file, and leaves everything as it is.
///
/// # Errors
/// Where it could not, with what is wrong.
pub fn check_save(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::Error::other("it is a folder")),
        // A named pipe without a reader blocks. The shell's own, below /dev, have one.
        Ok(found) if !is_file_or_device(&found) && !path.starts_with("/dev") => {
            Err(io::Error::other("it is a pipe or a socket: name a file"))
        }
        Ok(found) if !found.is_file() => File::options().write(true).open(path).map(drop),
        _ => {
            let path = target(path)?;
            let beside = beside(&path);
            let folder = |error: io::Error| {
                io::Error::new(error.kind(), format!("no file can be made in its folder: {error}"))
            };
            File::create(&beside).map_err(folder)?;
            fs::remove_file(beside)
        }
    }
}

#[cfg(unix)]
fn is_file_or_device(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    found.is_file() || found.file_type().is_char_device()
}

#[cfg(not(unix))]
fn is_file_or_device(found: &fs::Metadata) -> bool {
    found.is_file()
}

/// The file to replace: a link is followed, also one to a file that is not there yet.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("")).join(link),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// A path in the same folder that nobody else uses. The file's own name may be as long as a name
/// can be, so it is not a part of this one.
fn beside(path: &Path) -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    path.with_file_name(format!(".jaeger-save.{}.{number}.tmp", std::process::id()))
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
