//! Reads and writes files so that nothing hangs and nothing is lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The size of a file that is read, in bytes. An expectation of a million spans has less.
const MAX_BYTES: u64 = 16 << 20;

/// As many symbolic links in a row as Linux follows.
const MAX_LINKS: usize = 40;

/// Reads a text file.
///
/// Fails for anything but a regular file, because a pipe or device may never end, and beyond [`MAX_BYTES`].
pub(crate) fn read(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("larger than {} MiB", MAX_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("not a text in UTF-8"))
}

/// Replaces a file as a whole, or leaves it as it is: on a full disk the old text must survive.
///
/// The file keeps its permissions. A symbolic link stays, and what it leads to is replaced.
pub(crate) fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = follow_links(path)?;
    let permissions = fs::metadata(&path).ok().map(|metadata| metadata.permissions());
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    // Tests that run at once may write the same file.
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{}.{number}.tmp", process::id()));
    let temporary = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    let result = (|| {
        file.write_all(text.as_bytes())?;
        if let Some(permissions) = permissions {
            file.set_permissions(permissions)?;
        }
        // Some file systems report a full disk only now.
        file.sync_all()?;
        fs::rename(&temporary, &path)
    })();
    if result.is_err() {
        _ = fs::remove_file(&temporary);
    }
    result
}

fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}
