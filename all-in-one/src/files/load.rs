//! Fills a store from a file.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use tracing::warn;

use super::pieces::Pieces;
use super::reader::Reader;
use crate::store::Store;

/// How many faults of a file are logged one by one.
const LOGGED: u64 = 10;

/// How many spans a file had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Loaded {
    /// The spans that were put into the store.
    pub spans: u64,
    /// The spans that could not be read. Each is logged, up to ten.
    pub refused: u64,
    /// The lines that could not be read at all. Each is logged, up to ten.
    pub bad_lines: u64,
}

/// Why nothing can be loaded from a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be opened or read.
    Io(PathBuf, io::Error),
    /// Nothing in the file can be read. The number is that of the line, and the text says why.
    Content(PathBuf, usize, String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Io(path, error) => write!(f, "{}: {error}", printable(path)),
            LoadError::Content(path, line, why) => write!(f, "{}:{line}: {why}", printable(path)),
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            LoadError::Io(_, error) => Some(error),
            LoadError::Content(..) => None,
        }
    }
}

/// A path for a terminal, which would obey the control characters in a name.
fn printable(path: &Path) -> String {
    let replace = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    path.to_string_lossy().chars().map(replace).collect()
}

/// Fills a store from a file. A span or a line that cannot be read is logged and counted, and the
/// rest of the file is loaded.
///
/// # Errors
/// Where the file cannot be read, or nothing in it.
pub fn load(store: &Store, path: &Path) -> Result<Loaded, LoadError> {
    let io_error = |error| LoadError::Io(path.to_owned(), error);
    can_end(path).map_err(io_error)?;
    let mut pieces = Pieces::new(BufReader::new(File::open(path).map_err(io_error)?));
    let mut loaded = Loaded::default();
    let mut first = None;
    let mut logged = 0;
    while let Some(piece) = pieces.next().map_err(io_error)? {
        let mut fault = |why: &str| {
            first.get_or_insert_with(|| (piece.line, why.to_owned()));
            logged += 1;
            if logged <= LOGGED {
                warn!("{}:{}: {why}", path.display(), piece.line);
            }
        };
        let mut reader = Reader::new(store, &mut fault);
        let read = piece.text.map_err(str::to_owned).and_then(|text| reader.read(&text));
        let (spans, refused, dropped) = (reader.spans, reader.refused, reader.dropped);
        loaded.spans += spans - dropped;
        loaded.refused += refused;
        if dropped > 0 {
            fault(&format!("{dropped} spans whose trace already uses half of --memory.max-bytes"));
            loaded.refused += dropped;
        }
        if let Err(why) = read {
            fault(&why);
            loaded.bad_lines += 1;
        }
    }
    if logged > LOGGED {
        warn!("{}: {} more faults like these", path.display(), logged - LOGGED);
    }
    match first {
        Some((line, why)) if loaded.spans == 0 => {
            Err(LoadError::Content(path.to_owned(), line, why))
        }
        _ => Ok(loaded),
    }
}

/// Refuses what may never end: a device, or a named pipe. The shell's pipes, such as those of
/// `<(command)`, are below `/dev`.
fn can_end(path: &Path) -> io::Result<()> {
    let found = fs::metadata(path)?;
    if found.is_file() || found.is_dir() || is_pipe(&found) && path.starts_with("/dev") {
        return Ok(());
    }
    Err(io::Error::other("it is not a regular file, and may never end: copy it to one"))
}

#[cfg(unix)]
fn is_pipe(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    found.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_pipe(_: &fs::Metadata) -> bool {
    false
}
