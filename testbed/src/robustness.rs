//! Tests that a program does its work, ends in time and reports the error, whatever fails around
//! it. Tests that all three examples share are here; each `tests/robustness.rs` calls them and adds
//! its own.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests may panic")]
#![expect(clippy::missing_panics_doc, reason = "tests may panic")]

use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

use expect_trace::{SpanRef, Status, Trace};

#[cfg(target_os = "linux")]
use crate::BlackHole;
use crate::{Answer, Finished, Httpbin, Jaeger, Program, Running};

/// How long a program may run, whatever fails.
pub const END_LIMIT: Duration = Duration::from_secs(5);

/// The properties in which the programs differ.
#[derive(Clone, Copy)]
pub struct Example {
    /// The path of the program.
    pub program: &'static str,
    /// Its service name in Jaeger.
    pub service: &'static str,
    /// The number of spans of one run.
    pub spans: usize,
    /// The number of traces of one run: it prints a link to each.
    pub links: usize,
    /// The tag that holds the HTTP status code.
    pub status_tag: &'static str,
    /// The environment variable that sets where it sends spans, and its value.
    pub endpoint_variable: fn(&Endpoints) -> (&'static str, String),
}

/// Where a Jaeger receives spans.
#[derive(Clone, Debug)]
pub struct Endpoints {
    /// The UDP port of its agent.
    pub agent_port: u16,
    /// The URL for OTLP over HTTP.
    pub otlp_url: String,
}

impl Endpoints {
    /// The endpoints of a running Jaeger.
    #[must_use]
    pub fn of(jaeger: &Jaeger) -> Self {
        Self { agent_port: jaeger.agent_port(), otlp_url: jaeger.otlp_url().to_owned() }
    }

    /// The endpoints of a Jaeger started by [`Jaeger::start_on`] with this port.
    #[must_use]
    pub fn on(port: u16) -> Self {
        Self { agent_port: port, otlp_url: format!("http://127.0.0.1:{port}") }
    }
}

/// When a signal is sent.
#[derive(Clone, Copy, Debug)]
pub enum Phase {
    /// As soon as the program handles signals, in the first tenth of a second.
    #[cfg(target_os = "linux")]
    BeforeTheRequest,
    /// While the server does not answer.
    DuringTheRequest,
    /// After the answer was read, in the second tenth of a second.
    AfterTheRequest,
}

impl Example {
    /// The program, set to send its spans to these endpoints and to request this page.
    #[must_use]
    pub fn sending_to(&self, endpoints: &Endpoints, url: &str) -> Program {
        let (variable, value) = (self.endpoint_variable)(endpoints);
        Program::new(self.program).env("HTTPBIN_URL", url).env(variable, &value)
    }

    fn run_with_answer(&self, answer: Answer) -> (Finished, Vec<Trace>) {
        let httpbin = Httpbin::start(answer).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let finished = self.sending_to(&Endpoints::of(&jaeger), &httpbin.url()).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(finished.stdout.lines().count(), self.links, "{finished:?}");
        let traces = jaeger.read_all(self.service, self.spans).unwrap();
        (finished, traces)
    }

    /// All of 100 runs, ten at a time, deliver their spans.
    pub fn every_span_is_exported_before_exit(&self) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let endpoints = Endpoints::of(&jaeger);
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let finished = self.sending_to(&endpoints, &httpbin.url()).run().unwrap();
                        assert_eq!(finished.code, Some(0), "{finished:?}");
                    }
                });
            }
        });
        let traces = jaeger.read_all(self.service, 100 * self.spans).unwrap();
        assert_eq!(count(&traces), 100 * self.spans);
    }

    /// SIGINT and SIGTERM end the program with the exit code that a shell expects, after all
    /// started spans are sent.
    pub fn a_signal_still_exports_the_spans(&self, phase: Phase) {
        for (signal, code) in
            [(Running::interrupt as fn(&Running) -> _, 130), (Running::terminate, 143)]
        {
            let (finished, traces) = self.run_until_signal(phase, signal);
            assert_eq!(finished.code, Some(code), "{finished:?}");
            assert!(finished.elapsed < END_LIMIT, "{finished:?}");
            let traces = text(&traces);
            assert!(traces.contains(": main_process"), "{traces}");
            assert!(traces.contains("Starting application"), "{traces}");
            assert!(!traces.contains("Finished application"), "{traces}");
        }
    }

    /// Runs it and sends the signal in this phase. Two phases last only a tenth of a second: on a
    /// busy machine the signal can come too late, and the run is repeated.
    fn run_until_signal(
        &self,
        phase: Phase,
        signal: fn(&Running) -> std::io::Result<()>,
    ) -> (Finished, Vec<Trace>) {
        for _ in 0..20 {
            let answer = match phase {
                Phase::DuringTheRequest => Answer::Silence,
                _ => Answer::Get,
            };
            let httpbin = Httpbin::start(answer).unwrap();
            let jaeger = Jaeger::start().unwrap();
            let running = self.sending_to(&Endpoints::of(&jaeger), &httpbin.url()).start().unwrap();
            let (spans, links) = match phase {
                #[cfg(target_os = "linux")]
                Phase::BeforeTheRequest => {
                    running.wait_for_handlers().unwrap();
                    (1, 1)
                }
                Phase::DuringTheRequest => {
                    httpbin.wait_for_request().unwrap();
                    (self.spans, self.links)
                }
                Phase::AfterTheRequest => {
                    httpbin.wait_for_answer().unwrap();
                    (self.spans, self.links)
                }
            };
            let ended_by_itself = signal(&running).is_err();
            let finished = running.finish().unwrap();
            let missed = ended_by_itself || finished.code == Some(0);
            #[cfg(target_os = "linux")]
            let missed = missed
                || (matches!(phase, Phase::BeforeTheRequest) && !httpbin.requests().is_empty());
            if !missed {
                assert_eq!(finished.stdout.lines().count(), links, "{finished:?}");
                return (finished, jaeger.read_all(self.service, spans).unwrap());
            }
        }
        panic!("the signal always came too late for this phase: {phase:?}");
    }

    /// The request times out, and the trace shows it.
    pub fn a_silent_server_times_out(&self) {
        let (_, traces) = self.run_with_answer(Answer::Silence);
        assert_eq!(request(&traces).status, Status::Error);
        assert!(text(&traces).contains("operation timed out"), "{traces:#?}");
    }

    /// Nothing listens at the page's address: the trace shows it, and the work goes on.
    pub fn a_refused_connection_is_recorded(&self) {
        let jaeger = Jaeger::start().unwrap();
        let url = format!("http://127.0.0.1:{}/get", closed_port());
        let finished = self.sending_to(&Endpoints::of(&jaeger), &url).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let traces = jaeger.read_all(self.service, self.spans).unwrap();
        assert_eq!(request(&traces).status, Status::Error);
        assert!(text(&traces).contains("Connection refused"), "{traces:#?}");
        assert!(text(&traces).contains("Finished application"), "{traces:#?}");
    }

    /// A response with status 500 is not a failed request.
    pub fn an_http_error_status_is_not_a_failure(&self) {
        let (_, traces) = self.run_with_answer(Answer::Body(500, b"sorry".to_vec()));
        assert_eq!(request(&traces).int(self.status_tag), Some(500));
        assert_eq!(request(&traces).status, Status::Unset);
        assert!(text(&traces).contains("sorry..."), "{traces:#?}");
    }

    /// Answers that are empty, huge, not text or an endless redirect; and a text whose hundredth
    /// character has several bytes.
    pub fn odd_responses_are_traced(&self) {
        let two_bytes_each = format!("x{}", "ä".repeat(300));
        for (answer, status, result) in [
            (Answer::Body(200, vec![0xff; 300]), Status::Unset, Some("\u{fffd}".repeat(100))),
            (Answer::Body(200, vec![b'x'; 10_000_000]), Status::Unset, Some("x".repeat(100))),
            (
                Answer::Body(200, two_bytes_each.into_bytes()),
                Status::Unset,
                Some("x".to_owned() + &"ä".repeat(99)),
            ),
            (Answer::Body(204, vec![]), Status::Unset, Some(String::new())),
            (Answer::RedirectLoop, Status::Error, None),
        ] {
            let (_, traces) = self.run_with_answer(answer);
            assert_eq!(request(&traces).status, status);
            if let Some(result) = result {
                assert!(text(&traces).contains(&format!("\"{result}...\"")), "{traces:#?}");
            }
        }
    }

    /// Exporters use HTTP clients and sockets too. None of that becomes a span, not even with all
    /// logging on and a batch every millisecond.
    pub fn only_the_work_is_traced(&self) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let program = self.sending_to(&Endpoints::of(&jaeger), &httpbin.url());
        let program = program.env("RUST_LOG", "trace").env("OTEL_BSP_SCHEDULE_DELAY", "1");
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let traces = jaeger.read_all(self.service, self.spans).unwrap();
        assert_eq!(count(&traces), self.spans, "{}", text(&traces));
        assert_eq!(jaeger.get("/api/services").unwrap()["data"].as_array().unwrap().len(), 1);
    }

    /// Jaeger starts while the program is working: no span is lost, and there is no warning.
    pub fn a_late_jaeger_gets_every_span(&self) {
        let start = || {
            let httpbin = Httpbin::start(Answer::Held).unwrap();
            let port = closed_port();
            let running = self.sending_to(&Endpoints::on(port), &httpbin.url()).start().unwrap();
            httpbin.wait_for_request().unwrap();
            Some((httpbin, running, Jaeger::start_on(port).ok()?))
        };
        // Another process can take the port before Jaeger does.
        let (httpbin, running, jaeger) = (0..10).find_map(|_| start()).unwrap();
        httpbin.release();
        let finished = running.finish().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(!finished.stderr.contains("WARNING"), "{finished:?}");
        assert_eq!(finished.stdout.lines().count(), self.links, "{finished:?}");
        jaeger.read_all(self.service, self.spans).unwrap();
    }

    /// A closed stdout and stderr lose no span.
    pub fn unread_output_loses_no_span(&self) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let program = self.sending_to(&Endpoints::of(&jaeger), &httpbin.url());
        let finished = program.unread().unwrap().run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        jaeger.read_all(self.service, self.spans).unwrap();
    }

    /// An invalid value ends the program with one line that names it and exit code 2, before any
    /// work.
    pub fn an_invalid_setting_ends_the_program_before_any_work(&self, values: &[(&str, &str)]) {
        let pages = [("HTTPBIN_URL", "nonsense"), ("HTTPBIN_URL", "ftp://127.0.0.1/get")];
        for (name, value) in values.iter().chain(&pages) {
            let finished = Program::new(self.program).env(name, value).run().unwrap();
            assert_eq!(finished.code, Some(2), "{finished:?}");
            assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
            assert!(finished.stderr.contains(name), "{finished:?}");
            assert!(finished.stderr.contains(&format!("'{value}'")), "{finished:?}");
            assert_eq!(finished.stdout, "");
        }
    }

    /// `--url` overrides `HTTPBIN_URL`.
    pub fn an_argument_overrides_its_variable(&self) {
        let [page, other] = [(); 2].map(|()| Httpbin::start(Answer::Get).unwrap());
        let jaeger = Jaeger::start().unwrap();
        let program = self.sending_to(&Endpoints::of(&jaeger), &other.url());
        let finished = program.arg("--url").arg(&page.url()).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!((page.requests().len(), other.requests().len()), (1, 0));
    }

    /// Only the server receives the user name and password in the page's URL.
    pub fn a_password_is_never_shown(&self) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        for url in [httpbin.url(), format!("http://127.0.0.1:{}/get", closed_port())] {
            let url = url.replace("http://", "http://ada:s3cret@");
            let finished = self.sending_to(&Endpoints::of(&jaeger), &url).run().unwrap();
            assert_eq!(finished.code, Some(0), "{finished:?}");
            assert!(!format!("{finished:?}").contains("s3cret"), "{finished:?}");
        }
        assert!(httpbin.header("authorization").is_some());
        let traces = text(&jaeger.read_all(self.service, 2 * self.spans).unwrap());
        assert!(traces.contains("/get"), "{traces}");
        assert!(!traces.contains("s3cret") && !traces.contains("ada@"), "{traces}");

        for refused in ["http://ada:s3cret@127.0.0.1:x/get", "ftp://ada:s3cret@127.0.0.1/get"] {
            let program = Program::new(self.program).env("HTTPBIN_URL", refused);
            let finished = program.run().unwrap();
            assert_eq!(finished.code, Some(2), "{finished:?}");
            assert!(!finished.stderr.contains("s3cret"), "{finished:?}");
            assert!(finished.stderr.contains("@127.0.0.1"), "{finished:?}");
            let program = Program::new(self.program).env("HTTPBIN_URL", refused);
            let help = program.arg("--help").run().unwrap();
            assert!(!help.stdout.contains("s3cret"), "{help:?}");
        }
    }

    /// `--help` lists every setting.
    pub fn help_names(&self, settings: &[&str]) {
        let finished = Program::new(self.program).arg("--help").run().unwrap();
        assert_eq!(finished.code, Some(0));
        for setting in settings.iter().chain(&["--url", "HTTPBIN_URL"]) {
            assert!(finished.stdout.contains(setting), "{setting} in {}", finished.stdout);
        }
    }

    /// No agent listens, or its host name is unknown: the warning names the variables to check,
    /// there is no link to the missing trace, and the work is done.
    pub fn an_unreachable_agent_is_a_warning(&self, host_variable: &str, port_variable: &str) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let port = closed_port();
        for (host, cause) in [
            ("localhost", "Connection refused"),
            ("no.such.host.invalid", "failed to lookup address information"),
        ] {
            let finished = self
                .sending_to(&Endpoints::on(port), &httpbin.url())
                .env(host_variable, host)
                .run()
                .unwrap();
            assert_eq!(finished.code, Some(0), "{finished:?}");
            assert!(finished.elapsed < END_LIMIT, "{finished:?}");
            for part in [&format!("agent {host}:{port}: "), cause, host_variable, port_variable] {
                assert!(finished.stderr.contains(part), "{part} in {finished:?}");
            }
            assert_eq!(finished.stderr.matches("WARNING").count(), 1, "{finished:?}");
            assert_eq!(finished.stdout, "", "a link to a trace that was not sent");
        }
        assert_eq!(httpbin.requests().len(), 2, "the work was done");
    }

    /// Sends the spans to a [`BlackHole`]: the work is done, and the program ends in time. Returns
    /// the result, because a program can report the loss over TCP but not over UDP.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn a_black_hole_does_not_delay_exit(&self, variables: &[(&str, &str)]) -> Finished {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let hole = BlackHole::open().unwrap();
        let program = self.sending_to(&hole.endpoints(), &httpbin.url());
        let program = variables.iter().fold(program, |it, (name, value)| it.env(name, value));
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.elapsed < END_LIMIT, "{finished:?}");
        assert_eq!(httpbin.requests().len(), 1, "the work was done");
        finished
    }

    /// The agent may have an IPv6 address.
    pub fn an_ipv6_agent_is_reached(&self, host_variable: &str) {
        let Ok(agent) = UdpSocket::bind("[::1]:0") else {
            return eprintln!("skipped: this machine has no IPv6");
        };
        let port = agent.local_addr().unwrap().port();
        let finished = self
            .sending_to(&Endpoints::on(port), "http://127.0.0.1:1/get")
            .env(host_variable, "::1")
            .run()
            .unwrap();
        assert!(!finished.stderr.contains("WARNING"), "{finished:?}");
        agent.set_nonblocking(true).unwrap();
        assert!(agent.recv(&mut [0; 65_000]).is_ok(), "no datagram arrived");
    }

    /// Runs it with a URL of this length, which becomes a tag of some spans. Agents read at most
    /// 65,000 bytes of a datagram: for each of the `lost` spans there is a warning, the other spans
    /// arrive, and no link leads to a missing trace.
    pub fn run_with_url_length(&self, length: usize, lost: &[&str], links: usize) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let url = format!("{}?", httpbin.url());
        let url = format!("{url}{}", "x".repeat(length - url.len()));
        let finished = self.sending_to(&Endpoints::of(&jaeger), &url).run().unwrap();
        let stderr = finished.stderr.replace(&url, "URL");
        assert_eq!(finished.code, Some(0), "{stderr}");
        for span in lost {
            let warning = format!("The span {span} is lost: ");
            let reported = |line: &&str| line.contains(&warning) && line.contains("65000");
            assert_eq!(stderr.lines().filter(reported).count(), 1, "{warning} in {stderr}");
        }
        assert_eq!(stderr.matches("WARNING").count(), lost.len(), "{stderr}");
        assert_eq!(finished.stdout.lines().count(), links, "{}", finished.stdout);
        let traces = jaeger.read_all(self.service, self.spans - lost.len()).unwrap();
        assert_eq!(count(&traces), self.spans - lost.len());
        assert_eq!(text(&traces).contains(&url), lost.is_empty());
    }
}

/// A port on which nothing listens, neither UDP nor TCP.
#[must_use]
pub fn closed_port() -> u16 {
    loop {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn count(traces: &[Trace]) -> usize {
    traces.iter().map(|trace| trace.spans().len()).sum()
}

fn text(traces: &[Trace]) -> String {
    traces.iter().map(ToString::to_string).collect()
}

/// The span of the request.
fn request(traces: &[Trace]) -> SpanRef<'_> {
    traces.iter().find_map(|trace| trace.span("make_request")).unwrap()
}
