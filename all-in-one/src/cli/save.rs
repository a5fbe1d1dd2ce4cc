//! Where to save to: checked before anything could be lost.

use std::fs;
use std::path::{Path, PathBuf};

use jaeger_all_in_one::files::{Saved, check_save, save};
use jaeger_all_in_one::store::Store;
use tracing::{info, warn};

use super::flags::Usage;

/// How many files may already stand beside one.
const MOST_BESIDE: usize = 1_000;

/// The file of `--save` while the program serves. What it held before is never lost.
pub(super) struct Output {
    file: PathBuf,
    /// Whether it had traces at the start, which were loaded.
    had_traces: bool,
    /// Whether some of them are not in the store.
    is_partial: bool,
    /// Spans in the store and evicted from it when it was last saved.
    saved: Option<(usize, u64)>,
}

impl Output {
    /// # Errors
    /// Where the file cannot be written, or has content that is not loaded.
    pub(super) fn new(file: &Path, loaded: &[PathBuf]) -> Result<Self, Usage> {
        check(file)?;
        let had_traces = fs::metadata(file).is_ok_and(|found| found.is_file() && found.len() > 0);
        if had_traces && !loaded.iter().any(|other| is_same(other, file)) {
            let name = file.display();
            return Err(Usage::new(format!(
                "--save {name}: the file has content, which would be lost; keep it with --load {name}, or name another file"
            )));
        }
        Ok(Output { file: file.to_owned(), had_traces, is_partial: false, saved: None })
    }

    /// Notes that a part of a file could not be read, which is then not overwritten.
    pub(super) fn was_not_read_whole(&mut self, file: &Path) {
        self.is_partial |= is_same(file, &self.file);
    }

    /// Saves the store: beside the file, if that holds more than the store.
    pub(super) fn save(&mut self, store: &Store) -> Result<(), String> {
        let usage = store.usage();
        if self.had_traces && (self.is_partial || usage.evicted_traces > 0) {
            let beside = free_name(&self.file)?;
            warn!(
                "{} has traces that are not held any more, so it stays as it is: saving to {}",
                self.file.display(),
                beside.display()
            );
            self.file = beside;
            // The new file is this program's own.
            self.had_traces = false;
        }
        let name = self.file.display();
        let saved = save(store, &self.file);
        let saved = saved.map_err(|error| format!("cannot save to {name}: {error}"))?;
        self.saved = Some((usage.spans, usage.evicted_spans));
        info!("{name}: {} traces saved, {} spans", saved.traces, saved.spans);
        if let Some(line) = left_out(&self.file, &saved) {
            warn!("{line}");
        }
        Ok(())
    }

    /// Saves again if something arrived since.
    pub(super) fn save_rest(&mut self, store: &Store) -> Result<(), Box<dyn std::error::Error>> {
        let usage = store.usage();
        if self.saved != Some((usage.spans, usage.evicted_spans)) {
            self.save(store)?;
        }
        Ok(())
    }
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

/// The first of `F.1`, `F.2` and so on that is not there.
fn free_name(file: &Path) -> Result<PathBuf, String> {
    let numbered = |number| {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let mut names = (1..=MOST_BESIDE).map(numbered);
    let free = names.find(|name| fs::symlink_metadata(name).is_err());
    free.ok_or_else(|| format!("cannot save beside {}: too many files", file.display()))
}

/// Checks before the start that the file can be written: at the end it would be too late.
///
/// # Errors
/// Where it cannot.
pub(super) fn check(file: &Path) -> Result<(), Usage> {
    check_save(file).map_err(|error| {
        Usage::new(format!(
            "--save cannot be \"{}\": {error}",
            file.display().to_string().escape_debug()
        ))
    })
}

/// What to say where spans were left out.
pub(super) fn left_out(file: &Path, saved: &Saved) -> Option<String> {
    (saved.left_out > 0).then(|| {
        format!(
            "{}: {} spans were left out, since an id of theirs is zero or they have more than 20 MiB",
            file.display(),
            saved.left_out
        )
    })
}
