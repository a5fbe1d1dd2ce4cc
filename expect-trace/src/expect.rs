//! Expectations in files, which a run with `UPDATE_EXPECT=1` writes.

use std::error::Error;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use crate::difference::Difference;
use crate::expectation::Expectation;
use crate::file;
use crate::parse::ParseError;
use crate::trace::Trace;
use crate::update::update;

/// An expectation in a file of the crate, by its path from the crate's folder.
///
/// ```no_run
/// use expect_trace::{expect_file, Trace};
///
/// # let trace = Trace::default();
/// expect_file!("tests/buy.trace").assert(&trace);
/// ```
#[macro_export]
macro_rules! expect_file {
    ($path:expr $(,)?) => {
        $crate::ExpectFile::new(env!("CARGO_MANIFEST_DIR"), $path)
    };
}

/// An expectation in a file; see [`expect_file!`].
#[derive(Clone, Debug)]
pub struct ExpectFile {
    folder: PathBuf,
    name: PathBuf,
}

/// Why a trace is not what a file expects.
#[derive(Debug)]
#[non_exhaustive]
pub enum FileError {
    /// The file cannot be read or written. Only regular files of at most 16 MiB are read.
    Io(PathBuf, io::Error),
    /// The file cannot be understood.
    Parse(PathBuf, ParseError),
    /// The trace differs.
    Differs(PathBuf, Box<Difference>),
}

impl ExpectFile {
    /// The file with this name in a folder. [`expect_file!`] takes the folder of the crate.
    ///
    /// ```
    /// let file = expect_trace::ExpectFile::new("/tmp/traces", "buy.trace");
    /// ```
    pub fn new(folder: impl Into<PathBuf>, name: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), name: name.into() }
    }

    /// Whether the environment asks for files to be written: `UPDATE_EXPECT` is neither empty nor 0.
    ///
    /// ```
    /// if expect_trace::ExpectFile::updates() {
    ///     println!("files that differ are written");
    /// }
    /// ```
    pub fn updates() -> bool {
        env::var_os("UPDATE_EXPECT").is_some_and(|value| !value.is_empty() && value != "0")
    }

    /// Compares a trace with the file. If it differs and the environment has `UPDATE_EXPECT=1`, the
    /// file is [updated](Self::update) instead.
    ///
    /// # Panics
    ///
    /// If the trace differs, or the file cannot be read.
    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion")]
    pub fn assert(&self, trace: &Trace) {
        let result = if Self::updates() { self.update(trace) } else { self.check(trace) };
        if let Err(error) = result {
            let color = io::stderr().is_terminal()
                && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            panic!("{}", error.message(color));
        }
    }

    /// Compares a trace with the file.
    ///
    /// # Errors
    ///
    /// If the trace differs, or the file cannot be read or understood.
    ///
    /// ```
    /// use expect_trace::{ExpectFile, FileError, Trace};
    ///
    /// let file = ExpectFile::new(env!("CARGO_MANIFEST_DIR"), "tests/buy.trace");
    /// let error = file.check(&Trace::default()).unwrap_err();
    /// assert!(matches!(error, FileError::Differs(..)));
    /// ```
    pub fn check(&self, trace: &Trace) -> Result<(), FileError> {
        self.read()?
            .check(trace)
            .map_err(|difference| FileError::Differs(self.name.clone(), Box::new(difference)))
    }

    /// Reads the file, to compare its expectation with several traces.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or understood.
    ///
    /// ```
    /// let missing = expect_trace::ExpectFile::new("/no/such/folder", "buy.trace");
    /// assert!(missing.read().is_err());
    /// ```
    pub fn read(&self) -> Result<Expectation, FileError> {
        let text =
            file::read(&self.path()).map_err(|error| FileError::Io(self.name.clone(), error))?;
        self.parse(&text)
    }

    /// Writes the file so that it expects the trace; nothing if it does already.
    ///
    /// In a file that is there, what matches stays as it is: patterns, counts, comments, and which attributes are
    /// named. What differs is taken from the trace. A new file has all spans and all attributes, except
    /// for [what changes from run to run](crate#what-an-update-writes).
    ///
    /// # Errors
    ///
    /// If the file cannot be read or written, or cannot be understood. Then it is as it was before.
    ///
    /// ```
    /// use expect_trace::{ExpectFile, Record, Span, Trace};
    ///
    /// let record = Record { id: "1".into(), parent: None, span: Span::new("shop", "buy") };
    /// let trace = Trace::from_records(vec![record]);
    /// let file = ExpectFile::new(std::env::temp_dir(), "expect-trace-example.trace");
    /// file.update(&trace)?;
    /// assert!(file.check(&trace).is_ok());
    /// # Ok::<(), expect_trace::FileError>(())
    /// ```
    pub fn update(&self, trace: &Trace) -> Result<(), FileError> {
        let path = self.path();
        let io = |error| FileError::Io(self.name.clone(), error);
        let old = match file::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            text => Some(text.map_err(io)?),
        };
        let text = old.as_deref().unwrap_or_default();
        let expected = self.parse(text)?;
        if old.is_some() && expected.check(trace).is_ok() {
            return Ok(());
        }
        let mut new = update(text, &expected, trace);
        let is_right = |text: &str| self.parse(text).is_ok_and(|it| it.check(trace).is_ok());
        if !is_right(&new) {
            new = update("", &Expectation::default(), trace);
        }
        fs::create_dir_all(path.parent().unwrap_or(Path::new(""))).map_err(io)?;
        file::write(&path, &new).map_err(io)
    }

    fn parse(&self, text: &str) -> Result<Expectation, FileError> {
        text.parse().map_err(|error| FileError::Parse(self.name.clone(), error))
    }

    fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}

impl FileError {
    fn message(&self, color: bool) -> String {
        match self {
            Self::Io(name, error) if error.kind() == io::ErrorKind::NotFound => {
                format!(
                    "{}: no such file; UPDATE_EXPECT=1 writes it from the trace",
                    name.display()
                )
            }
            Self::Io(name, error) => format!("{}: {error}", name.display()),
            Self::Parse(name, error) => format!("{}: {error}", name.display()),
            Self::Differs(name, difference) => {
                let text =
                    if color { difference.to_colored_string() } else { difference.to_string() };
                let name = name.display();
                format!(
                    "{name}: {text}\nIf the trace is right, run the test with UPDATE_EXPECT=1 to rewrite {name}."
                )
            }
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(false))
    }
}

impl Error for FileError {}
