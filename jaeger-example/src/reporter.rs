//! Finished spans to the agent: one thread that takes them from the tracer's channel, packs them
//! into datagrams, and says what became of them.
//!
//! rustracing_jaeger's own `JaegerCompactReporter` would do for a program on the agent's machine.
//! This one adds what its user would have to find out: it looks a host name up, keeps datagrams as
//! small as an agent reads, and learns from its connected socket that nothing listens. The packets
//! are the same, made of the crate's own Thrift types.

use std::error::Error;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustracing_jaeger::span::{FinishedSpan, SpanReceiver};
use rustracing_jaeger::thrift::agent::EmitBatchNotification;
use rustracing_jaeger::thrift::jaeger::{Batch, Process, Span, Tag};
use thrift_codec::CompactEncode;
use thrift_codec::message::Message;

use crate::settings::Agent;

/// What a Jaeger agent reads of a datagram, in bytes; the rest it loses. macOS does not send more
/// than 9,216.
const MAX_DATAGRAM: usize = if cfg!(target_os = "macos") { 9_216 } else { 65_000 };

/// How many spans wait for each other before they are packed.
const MAX_BATCH: usize = 512;

/// How long `close` waits. Sending takes no time; a name server that is silent would.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// How long a machine elsewhere may take to answer that nothing listens there. One's own answers
/// before `send` returns.
const REFUSAL_LIMIT: Duration = Duration::from_millis(20);

/// The thread that reports, seen from outside.
pub(crate) struct Reporter {
    done: Receiver<()>,
}

impl Reporter {
    /// Starts to report what comes out of `finished_spans`, until the tracer and all spans are gone.
    pub(crate) fn start(service_name: &str, agent: &Agent, finished_spans: SpanReceiver) -> Self {
        info("Initializing Jaeger Tracer with UDP reporter");
        let agent = agent.clone();
        let process = process(service_name);
        let (thread_lives, done) = channel();
        let thread = move || {
            let _thread_lives = thread_lives;
            report(&agent, &process, &finished_spans);
        };
        if let Err(error) = thread::Builder::new().name("reporter".to_owned()).spawn(thread) {
            warn(&format!("The reporter's thread did not start: {error}; no span is sent"));
        }
        Self { done }
    }

    /// Returns when every span was sent. The tracer has to be dropped before.
    pub(crate) fn close(self) {
        drop(self);
    }
}

impl Drop for Reporter {
    /// Waits, so that spans get out when the work panics too.
    fn drop(&mut self) {
        if self.done.recv_timeout(CLOSE_LIMIT) == Err(RecvTimeoutError::Timeout) {
            warn(&format!(
                "Spans are lost: after {CLOSE_LIMIT:?} the agent's name is still being looked up \
                 ({SETTINGS}), or a span has not ended"
            ));
        }
    }
}

/// Sends spans while there are any, then says where to look at their traces.
fn report(agent: &Agent, process: &Process, finished_spans: &SpanReceiver) {
    let mut connection = match Connection::open(agent) {
        Ok(connection) => Some(connection),
        Err(error) => {
            warn(&format!("Cannot reach the agent {agent} ({SETTINGS}): {error}; no span is sent"));
            None
        }
    };
    while let Ok(first) = finished_spans.recv() {
        let rest = finished_spans.try_iter().take(MAX_BATCH - 1);
        let finished: Vec<_> = std::iter::once(first).chain(rest).collect();
        for span in &finished {
            info(&format!("Reporting span {}", summary(span, process)));
        }
        if let Some(connection) = &mut connection {
            connection.send(process, &finished);
        }
    }
    if let Some(connection) = connection {
        let outcome = connection.close();
        match outcome.lost {
            0 => (),
            _ if outcome.refused => warn(&nothing_listens(agent)),
            lost => warn(&format!(
                "Nothing listened on UDP {agent} ({SETTINGS}) for a while: {lost} spans are lost"
            )),
        }
        for link in outcome.links {
            let _ = writeln!(io::stdout(), "{link}"); // who does not read it, does not need it
        }
    }
}

fn nothing_listens(agent: &Agent) -> String {
    format!(
        "Nothing listens on UDP {agent} ({SETTINGS}): spans are lost. `make jaeger` starts one; in \
         a container, localhost is the container itself"
    )
}

const SETTINGS: &str = "JAEGER_AGENT_HOST, JAEGER_AGENT_PORT";

/// A socket that only talks to the agent, and so is told when the agent is not there: after the
/// datagram that nobody took, when the next one is sent.
struct Connection {
    socket: UdpSocket,
    last: Datagram,
    outcome: Outcome,
}

/// What a datagram held that may have arrived.
#[derive(Default)]
struct Datagram {
    spans: usize,
    links: Vec<String>,
}

/// What became of the spans that were sent.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    /// Where to look at those of which nobody said that they are lost.
    links: Vec<String>,
    /// How many went to where nothing listened.
    lost: usize,
    /// Whether nothing listened at the end.
    refused: bool,
}

impl Connection {
    /// Looks the agent up; where a name has addresses of both kinds, an agent is sure to listen
    /// on the IPv4 one.
    fn open(agent: &Agent) -> io::Result<Self> {
        let name = (agent.host.as_str(), agent.port);
        let mut addresses: Vec<SocketAddr> = name.to_socket_addrs()?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        let any: SocketAddr = match addresses.first() {
            Some(SocketAddr::V6(_)) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            _ => (Ipv4Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any)?;
        socket.connect(addresses.as_slice())?;
        Ok(Self { socket, last: Datagram::default(), outcome: Outcome::default() })
    }

    /// Sends the spans in one datagram if they fit, else in two halves.
    fn send(&mut self, process: &Process, spans: &[FinishedSpan]) {
        let converted = spans.iter().map(with_sampler_tags).collect();
        let batch = Batch { process: process.clone(), spans: converted };
        let datagram = match encode(batch) {
            Ok(datagram) => datagram,
            Err(error) => return warn(&format!("{} spans are lost: {error}", spans.len())),
        };
        if datagram.len() <= MAX_DATAGRAM {
            self.send_datagram(&datagram, spans);
        } else if let [span] = spans {
            warn(&format!(
                "The span {} is lost: it takes {} bytes, and the agent reads {MAX_DATAGRAM}. \
                 Log less in a span, or send it to a collector over HTTP",
                span.operation_name(),
                datagram.len(),
            ));
        } else {
            let (first_half, second_half) = spans.split_at(spans.len() / 2);
            self.send(process, first_half);
            self.send(process, second_half);
        }
    }

    fn send_datagram(&mut self, datagram: &[u8], spans: &[FinishedSpan]) {
        let mut sent = self.socket.send(datagram);
        if is_refusal(&sent) {
            self.outcome.lost += std::mem::take(&mut self.last).spans; // the one before got lost;
            sent = self.socket.send(datagram); // this one was not even sent
        }
        self.outcome.links.append(&mut self.last.links);
        match sent {
            Ok(_) => {
                let roots = spans.iter().filter(|span| span.references().is_empty());
                self.last = Datagram { spans: spans.len(), links: roots.map(link).collect() };
            }
            Err(error) => warn(&format!("{} spans are lost: {error}", spans.len())),
        }
    }

    /// Waits until it is sure enough of the last datagram, too.
    fn close(mut self) -> Outcome {
        let loopback = self.socket.peer_addr().is_ok_and(|agent| agent.ip().is_loopback());
        let ready = match loopback {
            true => self.socket.set_nonblocking(true),
            false => self.socket.set_read_timeout(Some(REFUSAL_LIMIT)),
        };
        self.outcome.refused = ready.is_ok() && is_refusal(&self.socket.recv(&mut [0]));
        match self.outcome.refused {
            true => self.outcome.lost += self.last.spans,
            false => self.outcome.links.append(&mut self.last.links),
        }
        self.outcome
    }
}

fn is_refusal(result: &io::Result<usize>) -> bool {
    matches!(result, Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

/// The batch as the agent reads it: `emitBatch` of agent.thrift in compact Thrift.
fn encode(batch: Batch) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut datagram = Vec::new();
    Message::from(EmitBatchNotification { batch }).compact_encode(&mut datagram)?;
    Ok(datagram)
}

/// The service, and the tags that a Jaeger client puts on it.
fn process(service_name: &str) -> Process {
    let tag = |key: &str, value| Tag::String { key: key.to_owned(), value };
    let mut tags = vec![tag("jaeger.version", "rustracing_jaeger-0.10.0".to_owned())];
    if let Some(name) = hostname::get().ok().and_then(|name| name.into_string().ok()) {
        tags.push(tag("hostname", name));
    }
    // A machine without a network has its loopback.
    let ip = local_ip_address::local_ip().unwrap_or(Ipv4Addr::LOCALHOST.into());
    tags.push(tag("ip", ip.to_string()));
    Process { service_name: service_name.to_owned(), tags }
}

/// The span with what jaeger-client writes first on each root span: which sampler kept it.
fn with_sampler_tags(span: &FinishedSpan) -> Span {
    let mut span = Span::from(span);
    if span.references.is_empty() {
        let kind = Tag::String { key: "sampler.type".to_owned(), value: "const".to_owned() };
        let param = Tag::Bool { key: "sampler.param".to_owned(), value: true };
        span.tags.splice(0..0, [kind, param]);
    }
    span
}

/// `trace:span:parent:flags service.operation`, as jaeger-client writes it.
fn summary(span: &FinishedSpan, process: &Process) -> String {
    let state = span.context().state();
    let parent = span.references().first().map_or(0, |parent| parent.span().span_id());
    format!(
        "{}:{:x}:{parent:x}:{:x} {}.{}",
        state.trace_id(),
        state.span_id(),
        state.flags(),
        process.service_name,
        span.operation_name(),
    )
}

/// Where Jaeger shows the trace that this span begins.
fn link(span: &FinishedSpan) -> String {
    let trace_id = span.context().state().trace_id();
    format!("{}: http://localhost:16686/trace/{trace_id}", span.operation_name())
}

/// Writes a line as jaeger-client logs it.
pub(crate) fn info(message: &str) {
    say("INFO", message);
}

fn warn(message: &str) {
    say("WARNING", message);
}

/// Unlike `eprintln!`, does not panic when nobody reads it any more; which a test's output knows to
/// hold back.
fn say(level: &str, message: &str) {
    let line = format!("{level}:jaeger_tracing:{message}");
    match cfg!(test) {
        true => eprintln!("{line}"),
        false => drop(writeln!(io::stderr(), "{line}")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use rustracing::sampler::AllSampler;
    use rustracing_jaeger::Tracer;
    use testbed::Jaeger;

    use super::*;

    fn agent(port: u16) -> Agent {
        Agent { host: "127.0.0.1".to_owned(), port }
    }

    /// A span that has ended.
    fn finished(name: &'static str) -> FinishedSpan {
        let (tracer, finished_spans) = Tracer::new(AllSampler);
        drop(tracer.span(name).start());
        finished_spans.recv().unwrap()
    }

    fn received(agent: &UdpSocket) -> Vec<u8> {
        let mut datagram = vec![0; 65_000];
        agent.set_nonblocking(true).unwrap();
        let length = agent.recv(&mut datagram).unwrap();
        datagram.truncate(length);
        datagram
    }

    fn holds(datagram: &[u8], name: &str) -> bool {
        datagram.windows(name.len()).any(|bytes| bytes == name.as_bytes())
    }

    #[test]
    fn an_agent_that_restarts_between_two_spans_gets_both() {
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut connection = Connection::open(&agent(address.port())).unwrap();
        let process = process("test");
        let [first, second] = ["first", "second"].map(finished);
        connection.send(&process, std::slice::from_ref(&first));
        assert!(holds(&received(&listener), "first"));

        drop(listener);
        let listener = UdpSocket::bind(address).unwrap();
        connection.send(&process, std::slice::from_ref(&second));
        assert!(holds(&received(&listener), "second"));
        let links = vec![link(&first), link(&second)];
        assert_eq!(connection.close(), Outcome { links, lost: 0, refused: false });
    }

    #[test]
    fn an_agent_that_comes_back_gets_what_comes_after() {
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut connection = Connection::open(&agent(address.port())).unwrap();
        drop(listener);
        let process = process("test");
        connection.send(&process, &["first", "second"].map(finished));

        let listener = UdpSocket::bind(address).unwrap();
        let third = finished("third");
        connection.send(&process, std::slice::from_ref(&third));
        assert!(holds(&received(&listener), "third"));
        let links = vec![link(&third)];
        assert_eq!(connection.close(), Outcome { links, lost: 2, refused: false });
    }

    #[test]
    fn an_agent_that_goes_away_is_noticed() {
        let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut connection = Connection::open(&agent(address.port())).unwrap();
        let process = process("test");
        let first = finished("first");
        connection.send(&process, std::slice::from_ref(&first));
        drop(listener);
        connection.send(&process, &[finished("second")]);
        connection.send(&process, &[finished("third")]);
        let links = vec![link(&first)];
        assert_eq!(connection.close(), Outcome { links, lost: 2, refused: true });
    }

    #[test]
    fn the_tutorial_shows_the_warning() {
        let agent = Agent { host: "localhost".to_owned(), port: 6831 };
        let shown = format!("\nWARNING:jaeger_tracing:{}\n", nothing_listens(&agent));
        assert!(include_str!("../../README.md").contains(&shown), "{shown}");
    }

    #[test]
    fn ten_thousand_spans_at_once_arrive() {
        let jaeger = Jaeger::start().unwrap();
        let (tracer, finished_spans) = Tracer::new(AllSampler);
        let reporter = Reporter::start("at-once", &agent(jaeger.agent_port()), finished_spans);
        let root = tracer.span("root").start();
        for _ in 1..10_000 {
            drop(tracer.span("child").child_of(&root).start());
        }
        drop((root, tracer));
        reporter.close();
        jaeger.traces("at-once", 10_000).unwrap();
    }

    /// A second close, and a flush after it, there is not: the first takes the handle.
    #[test]
    fn a_span_after_the_close_does_no_harm() {
        let jaeger = Jaeger::start().unwrap();
        let (tracer, finished_spans) = Tracer::new(AllSampler);
        let reporter = Reporter::start("late", &agent(jaeger.agent_port()), finished_spans);
        drop(tracer.span("in time").start());
        reporter.close(); // it waits for the tracer, and not for ever
        drop(tracer.span("late").start());
        jaeger.traces("late", 2).unwrap();

        let (tracer, finished_spans) = Tracer::new(AllSampler);
        drop(finished_spans);
        drop(tracer.span("nobody reports it").start());
    }

    #[test]
    fn a_span_gets_out_when_the_work_panics() {
        let jaeger = Jaeger::start().unwrap();
        let agent = agent(jaeger.agent_port());
        let work = std::panic::catch_unwind(|| {
            let (tracer, finished_spans) = Tracer::new(AllSampler);
            let (_reporter, tracer) = (Reporter::start("panic", &agent, finished_spans), tracer);
            let _span = tracer.span("root").start();
            panic!("the work went wrong");
        });
        assert!(work.is_err());
        jaeger.traces("panic", 1).unwrap();
    }
}
