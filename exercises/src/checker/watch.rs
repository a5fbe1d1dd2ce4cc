//! Notices that a program was saved.

use std::path::Path;
use std::sync::mpsc::Sender;
use std::time::Duration;

use notify::{Config, EventKind, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};

use super::terminal::Event;

/// How often to look at the files where the system does not report changes.
const POLL_INTERVAL: Duration = Duration::from_millis(300);

/// Sends each path below the folder that changes, until it is dropped.
///
/// # Errors
/// If the folder can be watched in no way.
pub fn watch(folder: &Path, events: &Sender<Event>) -> Result<Box<dyn Watcher>, String> {
    let handler = || {
        let events = events.clone();
        move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths {
                // The receiver has gone at the end.
                let _ = events.send(Event::Changed(path));
            }
        }
    };
    let reported = RecommendedWatcher::new(handler(), Config::default()).and_then(|mut watcher| {
        watcher.watch(folder, RecursiveMode::Recursive)?;
        Ok(Box::new(watcher) as Box<dyn Watcher>)
    });
    reported
        .or_else(|_| {
            // Such as too many watched files, or a network file system.
            let config =
                Config::default().with_poll_interval(POLL_INTERVAL).with_compare_contents(true);
            let mut watcher = PollWatcher::new(handler(), config)?;
            watcher.watch(folder, RecursiveMode::Recursive)?;
            Ok(Box::new(watcher) as Box<dyn Watcher>)
        })
        .map_err(|error: notify::Error| {
            format!("cannot watch {} for changes: {error}", folder.display())
        })
}
