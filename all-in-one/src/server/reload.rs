//! Files of settings that are read again when they change.

use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

/// Settings that stand in files.
pub(crate) trait Source: Send + 'static {
    /// What stands in the files.
    type Content: PartialEq + Send + 'static;

    /// The files, for the log.
    fn files(&self) -> String;

    /// What is read, for the log.
    fn what(&self) -> &str;

    /// Reads the files.
    ///
    /// # Errors
    /// If one cannot be read.
    fn read(&self) -> Result<Self::Content, String>;

    /// Uses what was read.
    ///
    /// # Errors
    /// If it is invalid: then what was used before stays.
    fn apply(&self, content: &Self::Content) -> Result<(), String>;
}

/// Files that are compared with what was read last, at an interval.
#[derive(Debug)]
pub(crate) struct Reload<S: Source> {
    source: S,
    interval: Duration,
    last: S::Content,
    /// The last error, so that each is logged once.
    failed: Option<String>,
}

impl<S: Source> Reload<S> {
    /// Watches files that had the content `last` at the start.
    pub(crate) fn new(source: S, interval: Duration, last: S::Content) -> Self {
        Reload { source, interval, last, failed: None }
    }

    /// Reads the files again and again until `stop`. While they are invalid, what they said before
    /// stays.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.interval) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let read = tokio::task::spawn_blocking(move || {
                self.read();
                self
            });
            let Ok(read) = read.await else { return };
            self = read;
        }
    }

    fn read(&mut self) {
        let (files, what) = (self.source.files(), self.source.what());
        let changed = match self.source.read() {
            Ok(content) if content == self.last => Ok(false),
            Ok(content) => self.source.apply(&content).map(|()| {
                self.last = content;
                true
            }),
            Err(error) => Err(error),
        };
        match changed {
            Ok(changed) => {
                if changed {
                    info!("{files}: {what} were read again");
                }
                self.failed = None;
            }
            Err(error) if self.failed.as_ref() == Some(&error) => {}
            Err(error) => {
                warn!("{files}: {error}; {what} stay as they were");
                self.failed = Some(error);
            }
        }
    }
}
