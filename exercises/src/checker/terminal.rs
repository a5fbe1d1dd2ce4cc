//! The terminal: single keys, and its old settings at every end.

use std::io::{self, Read as _, Write as _};
use std::sync::mpsc::Sender;
use std::thread;

use super::run::Children;

/// What happens while an exercise is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A key was pressed.
    Key(char),
    /// The input has ended.
    End,
    /// A file may have changed.
    Changed(std::path::PathBuf),
}

/// End of transmission: ctrl-d.
const CTRL_D: u8 = 4;

/// Sends each key, on a thread of its own.
pub fn send_keys(events: Sender<Event>) {
    thread::spawn(move || {
        for byte in io::stdin().lock().bytes() {
            let event = match byte {
                Ok(CTRL_D) | Err(_) => break,
                // Without single keys, each key comes with the end of its line.
                Ok(b'\r' | b'\n') if cfg!(not(unix)) => continue,
                Ok(byte) => Event::Key(char::from(byte)),
            };
            if events.send(event).is_err() {
                return;
            }
        }
        let _ = events.send(Event::End);
    });
}

/// Prints. If the terminal has gone, there is no place left to say so.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(unix)]
pub use unix::SingleKeys;

#[cfg(unix)]
mod unix {
    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    };
    use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use signal_hook::iterator::Signals;

    use super::*;

    /// What a shell adds to the number of the signal that ended a program.
    const SIGNALLED: i32 = 128;

    /// The terminal gives each key at once and does not show it, until this is dropped. Ctrl-c and the
    /// output stay as they were.
    #[derive(Debug)]
    pub struct SingleKeys {
        old: Termios,
    }

    impl SingleKeys {
        /// Changes the terminal. A signal that ends the program changes it back, and stops the
        /// program's child.
        ///
        /// # Errors
        /// If stdin is not a terminal, or signals cannot be caught.
        pub fn start(children: Children) -> io::Result<Self> {
            let old = tcgetattr(io::stdin())?;
            let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCONT])?;
            let (at_end, after_stop) = (old.clone(), single_keys(&old));
            tcsetattr(io::stdin(), OptionalActions::Now, &after_stop)?;
            thread::spawn(move || {
                for signal in signals.forever() {
                    if signal == SIGCONT {
                        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &after_stop);
                        continue;
                    }
                    children.stop();
                    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &at_end);
                    print("\n");
                    std::process::exit(SIGNALLED + signal);
                }
            });
            Ok(SingleKeys { old })
        }
    }

    impl Drop for SingleKeys {
        fn drop(&mut self) {
            // A terminal that has gone has no settings.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.old);
        }
    }

    fn single_keys(old: &Termios) -> Termios {
        let mut new = old.clone();
        new.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        new.special_codes[SpecialCodeIndex::VMIN] = 1;
        new.special_codes[SpecialCodeIndex::VTIME] = 0;
        new
    }
}

/// Elsewhere each key is followed by Enter.
#[cfg(not(unix))]
#[derive(Debug)]
pub struct SingleKeys;

#[cfg(not(unix))]
impl SingleKeys {
    /// Leaves the terminal as it is.
    ///
    /// # Errors
    /// Never.
    pub fn start(_: Children) -> io::Result<Self> {
        Ok(SingleKeys)
    }
}
