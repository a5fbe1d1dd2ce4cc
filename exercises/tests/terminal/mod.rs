//! A program in a terminal of 80 columns, which a test reads and types in.

#![allow(dead_code, reason = "each program that includes this file uses a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// How long to wait at most. Programs are compiled meanwhile.
pub const LONG: Duration = Duration::from_secs(120);
/// The size of the terminal.
pub const COLUMNS: u16 = 80;
pub const ROWS: u16 = 40;

/// A program in a terminal.
pub struct Terminal {
    child: Child,
    master: File,
    /// The other end, which keeps the settings.
    slave: File,
    bytes: Arc<Mutex<Vec<u8>>>,
    seen: usize,
}

impl Terminal {
    pub fn start(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = Path::new(std::ffi::OsStr::from_bytes(name.as_bytes())).to_owned();
        let slave = OpenOptions::new().read(true).write(true).open(path).unwrap();
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).unwrap();
        let stdio = || Stdio::from(slave.try_clone().unwrap());
        let child = command.stdin(stdio()).stdout(stdio()).stderr(stdio()).spawn().unwrap();
        let master = File::from(master);
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, shared) = (master.try_clone().unwrap(), Arc::clone(&bytes));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                shared.lock().unwrap().extend_from_slice(&buffer[..count]);
            }
        });
        Terminal { child, master, slave, bytes, seen: 0 }
    }

    /// All that was printed, as it was printed.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    /// All that was printed, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes()).replace("\r\n", "\n")
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until the text appears after what was waited for before.
    pub fn wait_for(&mut self, text: &str) {
        let begin = Instant::now();
        loop {
            let screen = self.text();
            if let Some(at) = screen[self.seen..].find(text) {
                self.seen += at + text.len();
                return;
            }
            let new = &screen[self.seen..];
            assert!(begin.elapsed() < LONG, "no {text:?} in:\n{new}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the terminal gives whole lines and shows what is typed.
    pub fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.slave).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO)
    }

    pub fn code(&mut self) -> i32 {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap_or_else(|| panic!("{status}"));
            }
            assert!(begin.elapsed() < LONG, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
