//! Whatever is broken around a program: it does its work, ends in time, and says what was wrong.
//! What holds for all three examples is here, once; what each has for itself is in its
//! `tests/life.rs`.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test says so by failing")]
#![expect(clippy::missing_panics_doc, reason = "a test says so by failing")]

use std::net::{TcpListener, UdpSocket};
use std::thread;
use std::time::Duration;

use serde_json::Value;

#[cfg(target_os = "linux")]
use crate::BlackHole;
use crate::{Answer, Finished, Httpbin, Jaeger, Program, Running};

/// How long a program may take to end, in whatever state things are.
pub const END_LIMIT: Duration = Duration::from_secs(5);

/// What differs between the programs.
#[derive(Clone, Copy)]
pub struct Example {
    /// The path of the built program.
    pub program: &'static str,
    /// The service it is in Jaeger.
    pub service: &'static str,
    /// How many spans a run leaves.
    pub spans: usize,
    /// How many of them begin a trace, and so how many links it prints.
    pub links: usize,
    /// The tag for the status of the HTTP response.
    pub status_tag: &'static str,
    /// The variable that leads its spans to a Jaeger.
    pub target: fn(&Doors) -> (&'static str, String),
}

/// Where a Jaeger takes spans of either kind.
#[derive(Clone, Debug)]
pub struct Doors {
    /// The UDP port of its agent.
    pub agent_port: u16,
    /// The URL of its OTLP over HTTP.
    pub otlp_url: String,
}

impl Doors {
    /// Those of a Jaeger that runs.
    #[must_use]
    pub fn of(jaeger: &Jaeger) -> Self {
        Self { agent_port: jaeger.agent_port(), otlp_url: jaeger.otlp_url().to_owned() }
    }

    /// Those of one that runs on this port: [`Jaeger::start_on`].
    #[must_use]
    pub fn on(port: u16) -> Self {
        Self { agent_port: port, otlp_url: format!("http://127.0.0.1:{port}") }
    }
}

/// When a signal comes.
#[derive(Clone, Copy, Debug)]
pub enum Phase {
    /// As soon as the program takes signals in hand: in the first tenth of a second.
    #[cfg(target_os = "linux")]
    BeforeTheRequest,
    /// While the server says nothing.
    DuringTheRequest,
    /// When the answer was read: in the second tenth of a second.
    AfterTheRequest,
}

impl Example {
    /// The program, set up to send there and to ask for this page.
    #[must_use]
    pub fn sending_to(&self, doors: &Doors, url: &str) -> Program {
        let (variable, target) = (self.target)(doors);
        Program::new(self.program).env("HTTPBIN_URL", url).env(variable, &target)
    }

    fn run_against(&self, answer: Answer) -> (Finished, Value) {
        let httpbin = Httpbin::start(answer).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let finished = self.sending_to(&Doors::of(&jaeger), &httpbin.url()).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!(finished.stdout.lines().count(), self.links, "{finished:?}");
        let traces = jaeger.traces(self.service, self.spans).unwrap();
        (finished, traces)
    }

    /// 100 of 100 runs, ten at a time.
    pub fn every_span_is_out_when_it_has_ended(&self) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let doors = Doors::of(&jaeger);
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let finished = self.sending_to(&doors, &httpbin.url()).run().unwrap();
                        assert_eq!(finished.code, Some(0), "{finished:?}");
                    }
                });
            }
        });
        let traces = jaeger.traces(self.service, 100 * self.spans).unwrap();
        assert_eq!(spans(&traces).count(), 100 * self.spans);
    }

    /// SIGINT and SIGTERM, by the exit code that a shell expects, with all spans that were begun.
    pub fn a_signal_ends_the_work_and_not_the_tracing(&self, phase: Phase) {
        for (signal, code) in
            [(Running::interrupt as fn(&Running) -> _, 130), (Running::terminate, 143)]
        {
            let (finished, traces) = self.stopped(phase, signal);
            assert_eq!(finished.code, Some(code), "{finished:?}");
            assert!(finished.elapsed < END_LIMIT, "{finished:?}");
            let operations: Vec<_> = spans(&traces).map(|span| &span["operationName"]).collect();
            assert!(operations.iter().any(|it| *it == "main_process"), "{operations:?}");
            let traces = traces.to_string();
            assert!(traces.contains("Starting application"), "{traces}");
            assert!(!traces.contains("Finished application"), "{traces}");
        }
    }

    /// A run that got the signal in this phase. The tenth of a second that two phases last can be
    /// over by then on a machine with much to do: such a run does not count.
    fn stopped(
        &self,
        phase: Phase,
        signal: fn(&Running) -> std::io::Result<()>,
    ) -> (Finished, Value) {
        for _ in 0..20 {
            let answer = match phase {
                Phase::DuringTheRequest => Answer::Silence,
                _ => Answer::Get,
            };
            let httpbin = Httpbin::start(answer).unwrap();
            let jaeger = Jaeger::start().unwrap();
            let running = self.sending_to(&Doors::of(&jaeger), &httpbin.url()).start().unwrap();
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
                return (finished, jaeger.traces(self.service, spans).unwrap());
            }
        }
        panic!("no run was still in this phase when it got its signal: {phase:?}");
    }

    /// The time limit of a request ends it, and is told in the trace.
    pub fn a_silent_server_is_given_up(&self) {
        let (_, traces) = self.run_against(Answer::Silence);
        assert_eq!(tag(&traces, "make_request", "error").as_deref(), Some("true"));
        assert!(traces.to_string().contains("operation timed out"), "{traces}");
    }

    /// Nobody at the page's address: told in the trace, and the work goes on.
    pub fn a_refusing_server_is_passed_over(&self) {
        let jaeger = Jaeger::start().unwrap();
        let url = format!("http://127.0.0.1:{}/get", closed_port());
        let finished = self.sending_to(&Doors::of(&jaeger), &url).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let traces = jaeger.traces(self.service, self.spans).unwrap();
        assert_eq!(tag(&traces, "make_request", "error").as_deref(), Some("true"));
        assert!(traces.to_string().contains("Connection refused"), "{traces}");
        assert!(traces.to_string().contains("Finished application"), "{traces}");
    }

    /// 500 is no failure of the request.
    pub fn an_answer_with_an_error_status_is_an_answer(&self) {
        let (_, traces) = self.run_against(Answer::Body(500, b"sorry".to_vec()));
        assert_eq!(tag(&traces, "make_request", self.status_tag).as_deref(), Some("500"));
        assert_eq!(tag(&traces, "make_request", "error"), None);
        assert!(traces.to_string().contains("sorry..."), "{traces}");
    }

    /// What is no page: nothing, too much, no text; and a text of which the first 100 characters
    /// end within what are several bytes.
    pub fn odd_answers_end_in_a_trace_too(&self) {
        let two_bytes_each = format!("x{}", "ä".repeat(300));
        for (answer, error, result) in [
            (Answer::Body(200, vec![0xff; 300]), None, Some("\u{fffd}".repeat(100))),
            (Answer::Body(200, vec![b'x'; 10_000_000]), None, Some("x".repeat(100))),
            (
                Answer::Body(200, two_bytes_each.into_bytes()),
                None,
                Some("x".to_owned() + &"ä".repeat(99)),
            ),
            (Answer::Body(204, vec![]), None, Some(String::new())),
            (Answer::RedirectLoop, Some("true"), None),
        ] {
            let (_, traces) = self.run_against(answer);
            assert_eq!(tag(&traces, "make_request", "error").as_deref(), error);
            if let Some(result) = result {
                assert!(traces.to_string().contains(&format!("\"{result}...\"")), "{traces}");
            }
        }
    }

    /// What sends the spans works with HTTP clients and sockets, too: none of that becomes a span,
    /// however much is logged, and however often batches go out while the program works.
    pub fn nothing_is_traced_but_the_work(&self) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let program = self.sending_to(&Doors::of(&jaeger), &httpbin.url());
        let program = program.env("RUST_LOG", "trace").env("OTEL_BSP_SCHEDULE_DELAY", "1");
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        let traces = jaeger.traces(self.service, self.spans).unwrap();
        assert_eq!(spans(&traces).count(), self.spans, "{traces:#}");
        assert_eq!(jaeger.get("/api/services").unwrap()["data"].as_array().unwrap().len(), 1);
    }

    /// Jaeger starts when the program is at work already: nothing is lost, and nothing is said.
    pub fn a_late_jaeger_gets_every_span(&self) {
        let httpbin = Httpbin::start(Answer::Held).unwrap();
        let port = closed_port();
        let running = self.sending_to(&Doors::on(port), &httpbin.url()).start().unwrap();
        httpbin.wait_for_request().unwrap();
        let jaeger = Jaeger::start_on(port).unwrap();
        httpbin.release();
        let finished = running.finish().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(!finished.stderr.contains("WARNING"), "{finished:?}");
        assert_eq!(finished.stdout.lines().count(), self.links, "{finished:?}");
        jaeger.traces(self.service, self.spans).unwrap();
    }

    /// Nobody reads what it prints: no reason to lose a span.
    pub fn unread_it_traces_all_the_same(&self) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let program = self.sending_to(&Doors::of(&jaeger), &httpbin.url());
        let finished = program.unread().unwrap().run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        jaeger.traces(self.service, self.spans).unwrap();
    }

    /// A value that cannot be used is named in one line, with exit code 2, before any work.
    pub fn a_value_that_cannot_be_used_ends_it_before_any_work(&self, values: &[(&str, &str)]) {
        for (name, value) in values.iter().chain(&[("HTTPBIN_URL", "nonsense")]) {
            let finished = Program::new(self.program).env(name, value).run().unwrap();
            assert_eq!(finished.code, Some(2), "{finished:?}");
            assert_eq!(finished.stderr.lines().count(), 1, "{finished:?}");
            assert!(finished.stderr.contains(name), "{finished:?}");
            assert!(finished.stderr.contains(&format!("'{value}'")), "{finished:?}");
            assert_eq!(finished.stdout, "");
        }
    }

    /// The page of `--url` is requested, and not that of the variable.
    pub fn an_argument_overrides_its_variable(&self) {
        let [page, other] = [(); 2].map(|()| Httpbin::start(Answer::Get).unwrap());
        let jaeger = Jaeger::start().unwrap();
        let program = self.sending_to(&Doors::of(&jaeger), &other.url());
        let finished = program.arg("--url").arg(&page.url()).run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert_eq!((page.requests().len(), other.requests().len()), (1, 0));
    }

    /// A user name and password in the page's URL go to the server, and nowhere else.
    pub fn a_password_is_shown_nowhere(&self) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        for url in [httpbin.url(), format!("http://127.0.0.1:{}/get", closed_port())] {
            let url = url.replace("http://", "http://ada:s3cret@");
            let finished = self.sending_to(&Doors::of(&jaeger), &url).run().unwrap();
            assert_eq!(finished.code, Some(0), "{finished:?}");
            assert!(!format!("{finished:?}").contains("s3cret"), "{finished:?}");
        }
        assert!(httpbin.header("authorization").is_some());
        let traces = jaeger.traces(self.service, 2 * self.spans).unwrap().to_string();
        assert!(traces.contains("/get"), "{traces}");
        assert!(!traces.contains("s3cret"), "{traces}");
    }

    /// What can be set is what `--help` tells.
    pub fn help_names(&self, settings: &[&str]) {
        let finished = Program::new(self.program).arg("--help").run().unwrap();
        assert_eq!(finished.code, Some(0));
        for setting in settings.iter().chain(&["--url", "HTTPBIN_URL"]) {
            assert!(finished.stdout.contains(setting), "{setting} in {}", finished.stdout);
        }
    }

    /// An agent that is not there, or whose name nobody knows: the warning says which variables
    /// name it, there is no link to a trace that nobody has, and the work is done all the same.
    pub fn an_agent_that_is_not_there_is_a_warning(
        &self,
        host_variable: &str,
        port_variable: &str,
    ) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let port = closed_port();
        for (host, cause) in [
            ("localhost", "Connection refused"),
            ("no.such.host.invalid", "failed to lookup address information"),
        ] {
            let finished = self
                .sending_to(&Doors::on(port), &httpbin.url())
                .env(host_variable, host)
                .run()
                .unwrap();
            assert_eq!(finished.code, Some(0), "{finished:?}");
            assert!(finished.elapsed < END_LIMIT, "{finished:?}");
            for told in [&format!("agent {host}:{port}: "), cause, host_variable, port_variable] {
                assert!(finished.stderr.contains(told), "{told} in {finished:?}");
            }
            assert_eq!(finished.stderr.matches("WARNING").count(), 1, "{finished:?}");
            assert_eq!(finished.stdout, "", "a link to a trace that nobody has");
        }
        assert_eq!(httpbin.requests().len(), 2, "the work was done all the same");
    }

    /// A route that swallows what is sent holds nobody up: the work is done, and the program ends in
    /// time. Returns what it left, since by TCP it can know that nobody took the spans, and by UDP
    /// it cannot.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn a_route_that_swallows_everything(&self, variables: &[(&str, &str)]) -> Finished {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let hole = BlackHole::open().unwrap();
        let program = self.sending_to(&hole.doors(), &httpbin.url());
        let program = variables.iter().fold(program, |it, (name, value)| it.env(name, value));
        let finished = program.run().unwrap();
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(finished.elapsed < END_LIMIT, "{finished:?}");
        assert_eq!(httpbin.requests().len(), 1, "the work was done all the same");
        finished
    }

    /// The agent may have an IPv6 address.
    pub fn an_agent_is_found_on_ipv6_too(&self, host_variable: &str) {
        let Ok(agent) = UdpSocket::bind("[::1]:0") else {
            return eprintln!("skipped: no IPv6 here");
        };
        let port = agent.local_addr().unwrap().port();
        let finished = self
            .sending_to(&Doors::on(port), "http://127.0.0.1:1/get")
            .env(host_variable, "::1")
            .run()
            .unwrap();
        assert!(!finished.stderr.contains("WARNING"), "{finished:?}");
        agent.set_nonblocking(true).unwrap();
        assert!(agent.recv(&mut [0; 65_000]).is_ok(), "a datagram has come");
    }

    /// Runs it with a page whose URL has that many characters, which stand in the tags of these
    /// spans. No agent reads a datagram of 65,001 bytes: where they cannot arrive, each is named in
    /// a warning, the other spans arrive, and no link leads to a trace that is not there.
    pub fn a_url_of(&self, length: usize, lost: &[&str], links: usize) {
        let httpbin = Httpbin::start(Answer::Get).unwrap();
        let jaeger = Jaeger::start().unwrap();
        let url = format!("{}?", httpbin.url());
        let url = format!("{url}{}", "x".repeat(length - url.len()));
        let finished = self.sending_to(&Doors::of(&jaeger), &url).run().unwrap();
        let stderr = finished.stderr.replace(&url, "URL");
        assert_eq!(finished.code, Some(0), "{stderr}");
        for span in lost {
            let warning = format!("The span {span} is lost: ");
            let told = |line: &&str| line.contains(&warning) && line.contains("65000");
            assert_eq!(stderr.lines().filter(told).count(), 1, "{warning} in {stderr}");
        }
        assert_eq!(stderr.matches("WARNING").count(), lost.len(), "{stderr}");
        assert_eq!(finished.stdout.lines().count(), links, "{}", finished.stdout);
        let traces = jaeger.traces(self.service, self.spans - lost.len()).unwrap();
        assert_eq!(spans(&traces).count(), self.spans - lost.len());
        assert_eq!(traces.to_string().contains(&url), lost.is_empty());
    }
}

/// A port on which nothing listens, neither by UDP nor by TCP.
#[must_use]
pub fn closed_port() -> u16 {
    loop {
        let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn spans(traces: &Value) -> impl Iterator<Item = &Value> {
    traces["data"].as_array().unwrap().iter().flat_map(|trace| trace["spans"].as_array().unwrap())
}

/// The tag of the only span of that name, if it has one.
fn tag(traces: &Value, span: &str, key: &str) -> Option<String> {
    let span = spans(traces).find(|it| it["operationName"] == span).unwrap();
    let tags = span["tags"].as_array().unwrap();
    Some(tags.iter().find(|tag| tag["key"] == key)?["value"].to_string())
}
