//! Sends finished spans to the Jaeger agent, on a thread of its own.
//!
//! `JaegerCompactReporter` encodes and sends them. This file adds what that type leaves to its
//! user: the look-up of the agent's name, the limit of a datagram, and whether anything listens.

use std::io::{self, ErrorKind, Write};
use std::iter;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use rustracing_jaeger::reporter::JaegerCompactReporter;
use rustracing_jaeger::span::{FinishedSpan, SpanReceiver};
use rustracing_jaeger::thrift::agent::EmitBatchNotification;
use rustracing_jaeger::thrift::jaeger::{Batch, Process};
use thrift_codec::CompactEncode;
use thrift_codec::message::Message;

use crate::settings::Agent;

/// The largest datagram that an agent reads, in bytes: it drops a larger one silently. macOS does not
/// send more than 9,216.
const MAX_DATAGRAM: usize = if cfg!(target_os = "macos") { 9_216 } else { 65_000 };

/// Room in the datagram for the process tags, which the reporter adds.
const PROCESS_TAGS: usize = 500;

/// How many spans share a datagram, if they fit.
const MAX_SPANS: usize = 512;

/// How long the program waits for its last spans. Only a silent name server takes that long.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);

/// How long another machine may take to say that nothing listens on the port.
const REFUSAL_LIMIT: Duration = Duration::from_millis(20);

/// An `emitBatch` message in compact Thrift without spans, which an agent reads and forgets.
const EMPTY_BATCH: &[u8] = b"\x82\x81\x00\x09emitBatch\x1c\x1c\x18\x01-\x00\x19\x0c\x00\x00";

const HINT: &str = "Check JAEGER_AGENT_HOST and JAEGER_AGENT_PORT; `make jaeger` starts a Jaeger; \
                    in a container, localhost is the container itself";

/// The reporting thread. It ends once the tracer and all spans are dropped; dropping this waits
/// for that, in a panic too.
pub(crate) struct Reporter {
    done: Receiver<()>,
}

impl Reporter {
    pub(crate) fn start(service_name: &str, agent: &Agent, finished_spans: SpanReceiver) -> Self {
        info("Initializing Jaeger Tracer with UDP reporter");
        let (service_name, agent) = (service_name.to_owned(), agent.clone());
        let (running, done) = channel();
        thread::spawn(move || {
            if let Err(error) = report(&service_name, &agent, &finished_spans) {
                warn(&format!("Spans are lost: agent {agent}: {error}. {HINT}"));
            }
            drop(running);
        });
        Self { done }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        if self.done.recv_timeout(CLOSE_LIMIT) == Err(RecvTimeoutError::Timeout) {
            warn(&format!("Spans are lost: they were not sent within {CLOSE_LIMIT:?}. {HINT}"));
        }
    }
}

/// Reports spans until the tracer and all spans are dropped, then prints where their traces are.
fn report(service_name: &str, agent: &Agent, finished_spans: &SpanReceiver) -> io::Result<()> {
    let connection = connect(service_name, agent);
    let (mut roots, mut listens) = (Vec::new(), Ok(()));
    while let Ok(first) = finished_spans.recv() {
        let more = finished_spans.try_iter().take(MAX_SPANS - 1);
        let spans: Vec<_> = iter::once(first).chain(more).collect();
        for span in &spans {
            info(&format!("Reporting span {}", describe(span, service_name)));
        }
        if let Ok((reporter, address)) = &connection {
            let sent = send(reporter, &spans);
            match probe(*address) {
                Ok(()) => roots.extend(sent),
                refused => listens = refused,
            }
        }
    }
    let (_, address) = connection?;
    for (operation_name, trace_id) in roots {
        // Unlike println!, this does not panic when stdout is closed.
        let _ = writeln!(io::stdout(), "{operation_name}: {}{trace_id}", page(address));
    }
    listens
}

/// Where Jaeger shows a trace. That is known only for a local Jaeger on its usual port.
fn page(agent: SocketAddr) -> &'static str {
    match agent.ip().is_loopback() && agent.port() == 6831 {
        true => "http://localhost:16686/trace/",
        false => "trace ",
    }
}

/// Looks the agent up. A name can have addresses of both kinds; agents listen on the IPv4 one.
fn connect(service_name: &str, agent: &Agent) -> io::Result<(JaegerCompactReporter, SocketAddr)> {
    let addresses = (agent.host.as_str(), agent.port).to_socket_addrs()?;
    let address = addresses.min_by_key(SocketAddr::is_ipv6).ok_or(ErrorKind::NotFound)?;
    let mut reporter = JaegerCompactReporter::new(service_name).map_err(first_line)?;
    reporter.set_reporter_addr(any_port(address)).map_err(first_line)?; // else 127.0.0.1
    reporter.set_agent_addr(address);
    Ok((reporter, address))
}

/// Sends the spans in one datagram if it is large enough, else each alone. Returns the operation
/// names and trace ids of the roots among those that were sent.
fn send(reporter: &JaegerCompactReporter, spans: &[FinishedSpan]) -> Vec<(String, String)> {
    let in_a_datagram = if encoded_size(spans) <= MAX_DATAGRAM { spans.len() } else { 1 };
    let mut roots = Vec::new();
    for spans in spans.chunks(in_a_datagram) {
        let (size, name) = (encoded_size(spans), spans[0].operation_name());
        if size > MAX_DATAGRAM {
            warn(&format!(
                "The span {name} is lost: {size} bytes, and an agent reads {MAX_DATAGRAM}"
            ));
        } else if let Err(error) = reporter.report(spans) {
            warn(&format!("{} spans are lost: {}", spans.len(), first_line(error)));
        } else {
            let sent = spans.iter().filter(|span| span.references().is_empty());
            roots.extend(sent.map(|root| {
                (root.operation_name().to_owned(), root.context().state().trace_id().to_string())
            }));
        }
    }
    roots
}

/// The size in bytes of the datagram that the reporter makes of these spans, rounded up.
fn encoded_size(spans: &[FinishedSpan]) -> usize {
    let process = Process { service_name: String::new(), tags: vec![] };
    let batch = Batch { process, spans: spans.iter().map(Into::into).collect() };
    let mut bytes = Vec::new();
    match Message::from(EmitBatchNotification { batch }).compact_encode(&mut bytes) {
        Ok(()) => bytes.len() + PROCESS_TAGS,
        Err(_) => usize::MAX,
    }
}

/// Sends a batch without spans, and fails if the machine there answers that nothing listens. UDP
/// itself says nothing, and neither do machines that drop what they do not want.
fn probe(agent: SocketAddr) -> io::Result<()> {
    let socket = UdpSocket::bind(any_port(agent))?;
    socket.connect(agent)?;
    socket.send(EMPTY_BATCH)?;
    socket.set_read_timeout(Some(REFUSAL_LIMIT))?;
    socket.set_nonblocking(agent.ip().is_loopback())?; // the answer is there already
    match socket.recv(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(error),
        _ => Ok(()),
    }
}

fn any_port(agent: SocketAddr) -> SocketAddr {
    match agent {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

/// `trace:span:parent:flags service.operation`, as jaeger-client logs a span.
fn describe(span: &FinishedSpan, service_name: &str) -> String {
    let state = span.context().state();
    let parent = span.references().first().map_or(0, |parent| parent.span().span_id());
    let (trace_id, span_id, flags) = (state.trace_id(), state.span_id(), state.flags());
    let operation_name = span.operation_name();
    format!("{trace_id}:{span_id:x}:{parent:x}:{flags:x} {service_name}.{operation_name}")
}

/// The message of an error whose other lines are places in source code.
fn first_line(error: rustracing_jaeger::Error) -> io::Error {
    io::Error::other(error.to_string().lines().next().unwrap_or_default().to_owned())
}

/// Logs as jaeger-client does.
pub(crate) fn info(message: &str) {
    let _ = writeln!(io::stderr(), "INFO:jaeger_tracing:{message}");
}

fn warn(message: &str) {
    let _ = writeln!(io::stderr(), "WARNING:jaeger_tracing:{message}");
}

#[cfg(test)]
mod tests {
    use rustracing::sampler::AllSampler;
    use rustracing::tag::Tag;
    use rustracing_jaeger::Tracer;
    use testbed::{Jaeger, Program};

    use super::*;

    const AGENT_PORT: &str = "JAEGER_AGENT_PORT";

    /// What `init_tracer` makes, for the agent that the test has set.
    fn tracer(service_name: &str, port: u16) -> (Reporter, Tracer) {
        let (tracer, finished_spans) = Tracer::new(AllSampler);
        let agent = Agent { host: "127.0.0.1".to_owned(), port };
        (Reporter::start(service_name, &agent, finished_spans), tracer)
    }

    /// Not a test by itself: the next one runs it, with this variable, in a process of its own,
    /// since it prints a line for each span.
    #[test]
    fn panicking_work() {
        let Ok(port) = std::env::var(AGENT_PORT) else { return };
        let (_reporter, tracer) = tracer("panic", port.parse().unwrap());
        let root = tracer.span("root").start();
        for _ in 1..10_000 {
            drop(tracer.span("child").child_of(&root).start());
        }
        panic!("the work went wrong");
    }

    #[test]
    fn ten_thousand_spans_get_out_when_the_work_panics() {
        let jaeger = Jaeger::start().unwrap();
        let work = Program::test("reporter::tests::panicking_work").unwrap();
        let finished = work.env(AGENT_PORT, &jaeger.agent_port().to_string()).run().unwrap();
        assert_eq!(finished.code, Some(101));
        jaeger.traces("panic", 10_000).unwrap();
    }

    /// A tracer that is kept holds the end up for `CLOSE_LIMIT`, and no longer.
    #[test]
    fn a_span_after_the_end_does_no_harm() {
        let jaeger = Jaeger::start().unwrap();
        let (reporter, tracer) = tracer("late", jaeger.agent_port());
        drop(reporter);
        drop(tracer.span("late").start());
        jaeger.traces("late", 1).unwrap();

        let (tracer, finished_spans) = Tracer::new(AllSampler);
        drop(finished_spans);
        drop(tracer.span("nobody reports it").start());
    }

    #[test]
    fn one_large_span_does_not_cost_the_others() {
        let jaeger = Jaeger::start().unwrap();
        let (reporter, tracer) = tracer("large", jaeger.agent_port());
        let root = tracer.span("root").start();
        for bytes in [1, 64_000, 65_200, 1] {
            let tag = Tag::new("text", "x".repeat(bytes));
            drop(tracer.span("child").tag(tag).child_of(&root).start());
        }
        drop((root, tracer));
        drop(reporter);
        let traces = jaeger.traces("large", 4).unwrap().to_string();
        assert_eq!(traces.matches("\"operationName\":").count(), 4, "the largest alone is lost");
    }

    /// A datagram holds what the reporter adds, too: no size lies between "fits" and "is lost".
    #[test]
    fn the_size_is_not_underestimated() {
        let agent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (tracer, finished_spans) = Tracer::new(AllSampler);
        drop(tracer.span("a span").start());
        let spans = [finished_spans.recv().unwrap()];
        let mut reporter = JaegerCompactReporter::new("a service").unwrap();
        reporter.set_agent_addr(agent.local_addr().unwrap());
        reporter.report(&spans).unwrap();
        let sent = agent.recv(&mut [0; 65_000]).unwrap();
        assert!((sent..=sent + PROCESS_TAGS).contains(&encoded_size(&spans)), "{sent} bytes");
    }

    #[test]
    fn a_link_leads_to_a_local_jaeger_on_its_usual_port() {
        for (agent, shown) in [
            ("127.0.0.1:6831", "http://localhost:16686/trace/"),
            ("[::1]:6831", "http://localhost:16686/trace/"),
            ("127.0.0.1:6832", "trace "),
            ("192.0.2.1:6831", "trace "),
        ] {
            assert_eq!(page(agent.parse().unwrap()), shown);
        }
    }

    #[test]
    fn the_tutorial_shows_the_warning() {
        let refused = io::Error::from_raw_os_error(111);
        let shown = format!(
            "\nWARNING:jaeger_tracing:Spans are lost: agent localhost:6831: {refused}. {HINT}\n"
        );
        assert!(include_str!("../../README.md").contains(&shown), "{shown}");
    }
}
