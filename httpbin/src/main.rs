//! `httpbin`: serves until it is told to stop. `httpbin status` asks whether it does.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use httpbin::{Settings, Telemetry, app};
use tokio::net::TcpListener;

/// Answers /get, /status/{code} and /delay/{seconds} as httpbin.org does, and traces what it is asked.
#[derive(Parser)]
#[command(version, after_help = ENVIRONMENT)]
struct Arguments {
    /// Where to listen
    #[arg(long, global = true, env = "HTTPBIN_LISTEN", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Ask whether one answers there; for scripts and health checks
    Status,
}

const ENVIRONMENT: &str = "\
Environment (empty counts as unset):
  OTEL_EXPORTER_OTLP_ENDPOINT  Where spans go [default: http://localhost:4318, by gRPC :4317]
  OTEL_EXPORTER_OTLP_PROTOCOL  http/protobuf, http/json or grpc [default: http/protobuf]
  OTEL_SERVICE_NAME            The service's name [default: httpbin]
  OTEL_PROPAGATORS             The headers to read [default: tracecontext,baggage,jaeger]; none
  OTEL_SDK_DISABLED            true makes no traces at all
The Rust SDK reads more variables of the specification, and not all: README.md lists both.";

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

fn exit_code(ended: Result<(), String>) -> ExitCode {
    match ended {
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
    println!("httpbin: http://{address}/get (traces go to {})", settings.otlp.endpoint);

    let app = app().into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, app).with_graceful_shutdown(stop()).await;
    if let Err(error) = telemetry.shutdown() {
        eprintln!(
            "httpbin: nobody takes OTLP at {} (OTEL_EXPORTER_OTLP_ENDPOINT): spans are lost ({error})",
            settings.otlp.endpoint
        );
    }
    served.map_err(|error| error.to_string())
}

/// Waits for ctrl-c or SIGTERM.
async fn stop() {
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
    ask(address).map_err(|error| format!("none answers at http://{address}: {error}"))
}

fn ask(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, STATUS_LIMIT)?;
    stream.set_read_timeout(Some(STATUS_LIMIT))?;
    stream.write_all(format!("GET /status/204 HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())?;
    let mut status_line = [0; 12];
    stream.read_exact(&mut status_line)?;
    match &status_line {
        b"HTTP/1.0 204" | b"HTTP/1.1 204" => Ok(()),
        _ => Err(io::Error::other("something that is no httpbin answers there")),
    }
}
