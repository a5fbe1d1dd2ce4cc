//! The program as a child process: its addresses, its memory, its log, its end.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};

/// The program on ports that the system chooses, without any of our environment variables.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jaeger-all-in-one"));
    command.env_clear();
    for door in [
        "PROCESSOR_JAEGER_COMPACT_SERVER",
        "PROCESSOR_JAEGER_BINARY_SERVER",
        "PROCESSOR_ZIPKIN_COMPACT_SERVER",
        "HTTP_SERVER",
        "COLLECTOR_HTTP_SERVER",
        "COLLECTOR_GRPC_SERVER",
        "COLLECTOR_OTLP_GRPC",
        "COLLECTOR_OTLP_HTTP",
        "QUERY_HTTP_SERVER",
        "QUERY_GRPC_SERVER",
        "ADMIN_HTTP",
    ] {
        command.env(format!("{door}_HOST_PORT"), ":0");
    }
    command
}

/// A running program, stopped when it is dropped.
pub struct Running {
    pub child: Child,
    /// What it printed at the start.
    pub banner: String,
    pub url: String,
}

impl Running {
    /// Starts it and reads its banner.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("start");
        let mut out = BufReader::new(child.stdout.take().expect("stdout"));
        let mut banner = String::new();
        while !banner.contains("ctrl-c") && out.read_line(&mut banner).expect("a line") > 0 {}
        let url = banner.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.expect("the banner names the address").to_owned();
        Running { child, banner, url }
    }

    /// The address of the web pages and the query API.
    pub fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").parse().expect("an address")
    }

    /// The address in the banner's line with this description.
    pub fn door(&self, takes: &str) -> SocketAddr {
        let line = self.banner.lines().find(|line| line.contains(takes));
        let line = line.unwrap_or_else(|| panic!("the banner does not list {takes}"));
        let address = line.split_whitespace().last().expect("an address");
        let address = address.trim_start_matches("http://").trim_end_matches("/udp");
        address.parse().expect("an address")
    }

    /// The value of a metric's line, without its name and labels.
    pub fn metric(&self, line: &str) -> u64 {
        let text = super::get(self.door("health, metrics"), "/metrics").text();
        let mut lines = text.lines().filter_map(|l| l.rsplit_once(' '));
        let found = lines.find(|(name, _)| *name == line);
        found.unwrap_or_else(|| panic!("{line} is not in:\n{text}")).1.parse().expect("a number")
    }

    /// Its peak memory, in bytes, as Linux counts it.
    pub fn peak(&self) -> u64 {
        self.memory("VmHWM:")
    }

    /// Its current memory, in bytes, as Linux counts it.
    pub fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("the program's status");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok()).expect("a size") * 1024
    }

    /// Stops it by a signal; returns its exit code.
    pub fn stop(&mut self, signal: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        Command::new("kill").args([signal, &id]).status().expect("kill");
        self.child.wait().expect("the end").code()
    }

    /// Stops it; returns its log, if its standard error is piped.
    pub fn stop_and_read_log(mut self) -> String {
        let mut log: ChildStderr = self.child.stderr.take().expect("stderr is piped");
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            log.read_to_string(&mut text).expect("the log");
            text
        });
        self.stop("-TERM");
        reader.join().expect("the log")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
