//! `httpbin` serves until a signal stops it. `httpbin status` checks whether it is running.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use httpbin::{Settings, Telemetry, app};
use tokio::net::TcpListener;

/// Answers /get, /status/{code} and /delay/{seconds} like httpbin.org, and traces each request.
#[derive(Parser)]
#[command(version, after_help = ENVIRONMENT)]
struct Arguments {
    /// The address to listen on
    #[arg(long, global = true, env = "HTTPBIN_LISTEN", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Check whether httpbin answers at this address; for scripts and health checks
    Status,
}

const ENVIRONMENT: &str = "\
Environment (empty counts as unset):
  OTEL_EXPORTER_OTLP_ENDPOINT  Where to send spans [default: http://localhost:4318; gRPC: :4317]
  OTEL_EXPORTER_OTLP_PROTOCOL  http/protobuf or grpc [default: http/protobuf]
  OTEL_SERVICE_NAME            The service name [default: httpbin]
  OTEL_PROPAGATORS             The headers to read, or none [default: tracecontext,baggage,jaeger]
  OTEL_SDK_DISABLED            true turns tracing off
The Rust SDK reads some other variables of the specification, but not all: README.md lists both.";

/// How long `status` waits for an answer.
const STATUS_LIMIT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(Command::Status) = arguments.command {
        return exit_code(status(arguments.listen));
    }
    match Settings::from_environment() {
        Ok(settings) => exit_code(run(arguments.listen, &settings)),
        Err(error) => {
            eprintln!("httpbin: {error}");
            ExitCode::from(2)
        }
    }
}

fn exit_code(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("httpbin: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(listen: SocketAddr, settings: &Settings) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(serve(listen, settings))
}

async fn serve(listen: SocketAddr, settings: &Settings) -> Result<(), String> {
    let telemetry = Telemetry::install(settings)?;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("--listen: cannot listen on {listen}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("httpbin: http://{address}/get (sends traces to {})", settings.otlp.endpoint);

    let app = app().into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, app).with_graceful_shutdown(stop_signal()).await;
    if let Err(error) = telemetry.shutdown() {
        eprintln!(
            "httpbin: spans are lost: cannot send them to {} (OTEL_EXPORTER_OTLP_ENDPOINT): {error}",
            settings.otlp.endpoint
        );
    }
    served.map_err(|error| error.to_string())
}

/// Waits for ctrl-c or SIGTERM.
async fn stop_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => (),
                _ = terminate.recv() => (),
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

fn status(listen: SocketAddr) -> Result<(), String> {
    let ip = match listen.ip() {
        ip if !ip.is_unspecified() => ip,
        ip if ip.is_ipv6() => Ipv6Addr::LOCALHOST.into(),
        _ => Ipv4Addr::LOCALHOST.into(),
    };
    let address = SocketAddr::new(ip, listen.port());
    probe(address).map_err(|error| format!("no httpbin answers at http://{address}: {error}"))
}

fn probe(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, STATUS_LIMIT)?;
    stream.set_read_timeout(Some(STATUS_LIMIT))?;
    stream.write_all(format!("GET /status/204 HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut status_line = [0; 12];
    stream.read_exact(&mut status_line)?;
    match &status_line {
        b"HTTP/1.0 204" | b"HTTP/1.1 204" => Ok(()),
        _ => Err(io::Error::other("the server there is not httpbin")),
    }
}
