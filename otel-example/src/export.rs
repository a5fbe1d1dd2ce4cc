//! The Jaeger exporter, and the guard that shuts tracing down.

#![expect(deprecated, reason = "OTLP replaces this exporter: see otlp-example")]

use std::future::Future;
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::pin::Pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::export::trace::{ExportResult, SpanData, SpanExporter};
use opentelemetry_sdk::trace::Config;

use crate::settings::Agent;

/// How long the look-up of the agent's name may take. The exporter has no limit of its own.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(3);

/// How long another machine may take to say that nothing listens on the port.
const REFUSAL_LIMIT: Duration = Duration::from_millis(20);

/// An `emitBatch` message in compact Thrift without spans, which an agent reads and forgets.
const EMPTY_BATCH: &[u8] = b"\x82\x81\x00\x09emitBatch\x1c\x1c\x18\x01-\x00\x19\x0c\x00\x00";

const HINT: &str = "Check OTEL_EXPORTER_JAEGER_AGENT_HOST and OTEL_EXPORTER_JAEGER_AGENT_PORT; \
                    `make jaeger` starts a Jaeger; in a container, localhost is the container itself";

/// Sends spans to the agent in batches. The Jaeger exporter drops a whole batch for one span that
/// does not fit into a datagram; this one then sends each span alone.
#[derive(Debug)]
pub(crate) struct Exporter {
    jaeger: opentelemetry_jaeger::Exporter,
    sent_trace: Arc<OnceLock<TraceId>>,
}

impl Exporter {
    /// Builds the exporter, which looks the agent up, and takes the service's name from the resource.
    /// Returns `None` after a warning.
    pub(crate) fn new(resource: Resource, guard: &mut Guard) -> Option<Self> {
        // The asynchronous exporter gives tokio a blocking socket, which tokio no longer takes.
        let pipeline = opentelemetry_jaeger::new_agent_pipeline()
            .with_trace_config(Config::default().with_resource(resource));
        let agent = guard.agent.clone();
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let exporter = pipeline.build_sync_agent_exporter();
            let addresses = (agent.host, agent.port).to_socket_addrs();
            sender.send((exporter, addresses.ok().and_then(|mut addresses| addresses.next())))
        });
        let (jaeger, address) = match receiver.recv_timeout(LOOK_UP_LIMIT) {
            Ok((Ok(jaeger), address)) => (jaeger, address),
            Ok((Err(error), _)) => return guard.lost(&error.to_string()),
            Err(_) => return guard.lost("its name is still being looked up"),
        };
        guard.address = address; // the exporter uses the first one, too
        Some(Self { jaeger, sent_trace: Arc::clone(&guard.sent_trace) })
    }
}

impl SpanExporter for Exporter {
    fn export(
        &mut self,
        batch: Vec<SpanData>,
    ) -> Pin<Box<dyn Future<Output = ExportResult> + Send>> {
        // These futures send nothing until they are awaited.
        let alone: Vec<_> = batch
            .iter()
            .map(|span| (span.clone(), self.jaeger.export(vec![span.clone()])))
            .collect();
        let together = self.jaeger.export(batch);
        let sent_trace = Arc::clone(&self.sent_trace);
        Box::pin(async move {
            let all_sent = together.await.is_ok();
            for (span, sending) in alone {
                match if all_sent { Ok(()) } else { sending.await } {
                    Err(error) => warn(&format!("The span {} is lost: {error}", span.name)),
                    Ok(()) if span.parent_span_id == SpanId::INVALID => {
                        sent_trace.get_or_init(|| span.span_context.trace_id());
                    }
                    Ok(()) => (),
                }
            }
            Ok(())
        })
    }
}

/// Shuts tracing down when it is dropped, in a panic too, and says what became of the spans.
pub(crate) struct Guard {
    agent: Agent,
    address: Option<SocketAddr>,
    sent_trace: Arc<OnceLock<TraceId>>,
}

impl Guard {
    pub(crate) fn new(agent: &Agent) -> Self {
        Self { agent: agent.clone(), address: None, sent_trace: Arc::default() }
    }

    fn lost<T>(&self, why: &str) -> Option<T> {
        warn(&format!("Spans are lost: agent {}: {why}. {HINT}", self.agent));
        None
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        global::shutdown_tracer_provider(); // blocks until the batch processor has sent its spans
        let (Some(address), Some(trace_id)) = (self.address, self.sent_trace.get()) else { return };
        match probe(address) {
            Err(error) => self.lost(&error.to_string()),
            // Unlike println!, this does not panic when stdout is closed.
            Ok(()) => writeln!(io::stdout(), "main_process: {}{trace_id}", page(address)).ok(),
        };
    }
}

/// Sends a batch without spans, and fails if the machine there answers that nothing listens. UDP
/// itself says nothing, and neither do machines that drop what they do not want.
fn probe(agent: SocketAddr) -> io::Result<()> {
    let any_port: SocketAddr = match agent {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any_port)?;
    socket.connect(agent)?;
    socket.send(EMPTY_BATCH)?;
    socket.set_read_timeout(Some(REFUSAL_LIMIT))?;
    socket.set_nonblocking(agent.ip().is_loopback())?; // the answer is there already
    match socket.recv(&mut [0]) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(error),
        _ => Ok(()),
    }
}

/// Where Jaeger shows a trace. That is known only for a local Jaeger on its usual port.
fn page(agent: SocketAddr) -> &'static str {
    match agent.ip().is_loopback() && agent.port() == 6831 {
        true => "http://localhost:16686/trace/",
        false => "trace ",
    }
}

fn warn(message: &str) {
    let _ = writeln!(io::stderr(), "WARNING:opentelemetry:{message}");
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::Tracer;
    use testbed::{Jaeger, Program};

    use super::*;

    #[test]
    fn a_link_leads_to_a_local_jaeger_on_its_usual_port() {
        for (agent, shown) in [
            ("127.0.0.1:6831", "http://localhost:16686/trace/"),
            ("127.0.0.1:6832", "trace "),
            ("192.0.2.1:6831", "trace "),
        ] {
            assert_eq!(page(agent.parse().unwrap()), shown);
        }
    }

    const AGENT_PORT: &str = "OTEL_EXPORTER_JAEGER_AGENT_PORT";

    /// Not a test by itself: the next one runs it, with this variable, in a process of its own,
    /// since the provider is global.
    #[test]
    fn panicking_work() {
        let Ok(port) = std::env::var(AGENT_PORT) else { return };
        let agent = Agent { host: "127.0.0.1".to_owned(), port: port.parse().unwrap() };
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let _guard = crate::init_tracer("panic", &agent);
            let _span = global::tracer("test").start("root");
            panic!("the work went wrong");
        });
    }

    #[test]
    fn a_span_gets_out_when_the_work_panics() {
        let jaeger = Jaeger::start().unwrap();
        let work = Program::test("export::tests::panicking_work").unwrap();
        let finished = work.env(AGENT_PORT, &jaeger.agent_port().to_string()).run().unwrap();
        assert_eq!(finished.code, Some(101), "{finished:?}");
        jaeger.traces("panic", 1).unwrap();
    }
}
