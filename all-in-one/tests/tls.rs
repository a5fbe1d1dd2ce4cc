//! TLS on every port that Jaeger has flags for, with certificates made here.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jaeger_all_in_one::{AllInOne, Config, Port, Reason, StartError, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use support::Open;
use support::program::{Running, program};

const PATIENCE: Duration = Duration::from_secs(20);

/// A CA, a server's and a client's certificate, in a folder that is removed at the end.
struct Certificates {
    folder: PathBuf,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Certificates {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tls-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let ca = CertifiedIssuer::self_signed(params, key).expect("a CA");
        let certificates = Certificates { folder, ca };
        fs::write(certificates.file("ca.pem"), certificates.ca.pem()).expect("write");
        certificates.issue("server");
        certificates.issue("client");
        certificates
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a certificate with a new key. Each file appears as a whole.
    fn issue(&self, name: &str) {
        let key = KeyPair::generate().expect("a key");
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let params = CertificateParams::new(names).expect("parameters");
        let cert = params.signed_by(&key, &self.ca).expect("a certificate");
        self.write(&format!("{name}.key"), &key.serialize_pem());
        self.write(&format!("{name}.pem"), &cert.pem());
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file("new"), text).expect("write");
        fs::rename(self.file("new"), self.file(name)).expect("rename");
    }

    fn tls(&self) -> Tls {
        Tls::new(self.file("server.pem"), self.file("server.key"))
    }

    fn first(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.file(name)).expect("a certificate")
    }

    /// A client that trusts the CA, and shows the certificate with this name.
    fn client(&self, shown: Option<&Certificates>, protocol: &str) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.first("ca.pem")).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(of) => {
                let key = PrivateKeyDer::from_pem_file(of.file("client.key")).expect("a key");
                builder.with_client_auth_cert(vec![of.first("client.pem")], key).expect("both")
            }
        };
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        Client(Arc::new(config))
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

struct Client(Arc<ClientConfig>);

impl Client {
    fn connect(&self, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::from(address.ip());
        let connection = ClientConnection::new(Arc::clone(&self.0), name).expect("a client");
        let stream = TcpStream::connect(address).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        StreamOwned::new(connection, stream)
    }

    /// What a request gets, to the end of the connection.
    fn get(&self, address: SocketAddr, path: &str) -> std::io::Result<String> {
        let mut stream = self.connect(address);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        Ok(answer)
    }

    /// The status of a call without a message's bytes, by HTTP/2.
    fn call(&self, address: SocketAddr, method: &str) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.expect("connect");
            let connector = tokio_rustls::TlsConnector::from(Arc::clone(&self.0));
            let stream = connector.connect(ServerName::from(address.ip()), stream).await;
            let stream = stream.expect("a handshake");
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            let io = TokioIo::new(stream);
            let (mut calls, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("h2");
            tokio::spawn(connection);
            let request = hyper::Request::post(format!("https://{address}{method}"))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(Full::new(Bytes::from_static(&[0; 5])))
                .expect("a request");
            let answer = calls.send_request(request).await.expect("an answer");
            let (head, body) = answer.into_parts();
            let body = body.collect().await.expect("a body");
            let status = body.trailers().and_then(|trailers| trailers.get("grpc-status"));
            let status = status.or_else(|| head.headers.get("grpc-status"));
            Some(status?.to_str().ok()?.to_owned())
        })
    }
}

/// The ports with TLS, and how to see that one answers.
const HTTP: &[(Port, &str, &str)] = &[
    (Port::Collector, "/api/sampling?service=a", "200"),
    (Port::OtlpHttp, "/v1/traces", "405"),
    (Port::Zipkin, "/api/v2/spans", "405"),
    (Port::Query, "/api/services", "200"),
    (Port::Admin, "/", "200"),
];
const GRPC: &[(Port, &str)] = &[
    (Port::OtlpGrpc, "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
    (Port::CollectorGrpc, "/jaeger.api_v2.CollectorService/PostSpans"),
    (Port::QueryGrpc, "/jaeger.api_v2.QueryService/GetServices"),
];

fn ports() -> impl Iterator<Item = Port> {
    HTTP.iter().map(|(port, ..)| *port).chain(GRPC.iter().map(|(port, _)| *port))
}

fn everywhere(tls: &Tls) -> Config {
    ports().fold(Config::ephemeral(), |config, port| config.tls(port, tls.clone()))
}

#[test]
fn every_port_with_flags_for_it_speaks_tls_and_nothing_else() {
    let certificates = Certificates::new("ports");
    let jaeger = AllInOne::start_with(everywhere(&certificates.tls())).expect("start");
    for (port, path, status) in HTTP {
        let client = certificates.client(None, "http/1.1");
        let answer = client.get(jaeger.at(*port), path).expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{port}: {answer}");
        let plain = support::send_raw(jaeger.at(*port), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let plain = String::from_utf8_lossy(&plain);
        assert!(plain.starts_with("HTTP/1.0 400 ") && plain.contains("HTTPS"), "{port}: {plain}");
    }
    for (port, method) in GRPC {
        let status = certificates.client(None, "h2").call(jaeger.at(*port), method);
        let expected = if *port == Port::QueryGrpc { status.as_deref() } else { Some("0") };
        assert_eq!(status.as_deref(), expected, "{port}");
        assert!(status.is_some(), "{port}");
        // The preface of HTTP/2 without TLS gets no settings.
        let plain = support::send_raw(jaeger.at(*port), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert!(plain.is_empty() || plain.starts_with(b"HTTP/1.0 400 "), "{port}: {plain:?}");
    }
    for door in jaeger.doors().iter().filter(|door| ports().any(|port| port == door.port)) {
        assert_eq!(door.stats().refused(Reason::Tls), 1, "{door:?}");
    }
    assert_eq!(jaeger.scheme(Port::Sampling), "http");
    for url in [
        jaeger.query_url(),
        jaeger.otlp_http_endpoint(),
        jaeger.otlp_grpc_endpoint(),
        jaeger.zipkin_endpoint(),
        jaeger.collector_endpoint(),
    ] {
        assert!(url.as_ref().is_ok_and(|url| url.starts_with("https://127.0.0.1:")), "{url:?}");
    }
}

#[test]
fn with_a_client_ca_only_clients_of_that_ca_pass() {
    let (certificates, other) = (Certificates::new("clients"), Certificates::new("others"));
    let tls = certificates.tls().client_ca(certificates.file("ca.pem"));
    let jaeger = AllInOne::start_with(everywhere(&tls)).expect("start");
    let address = jaeger.at(Port::OtlpHttp);
    let get = |shown| certificates.client(shown, "http/1.1").get(address, "/v1/traces");
    assert!(get(Some(&certificates)).expect("an answer").starts_with("HTTP/1.1 405"));
    assert!(get(None).is_err());
    assert!(get(Some(&other)).is_err());
    let door = jaeger.door(Port::OtlpHttp).expect("open");
    support::until("two refusals", || door.stats().refused(Reason::Tls) == 2);
    let call = certificates.client(Some(&certificates), "h2");
    assert_eq!(call.call(jaeger.at(Port::OtlpGrpc), GRPC[0].1).as_deref(), Some("0"));
}

/// The program with TLS on a port, by these flags.
fn with_tls(certificates: &Certificates, prefix: &str, more: &[&str]) -> Command {
    let mut command = program();
    let file = |name: &str| certificates.file(name).display().to_string();
    command.arg(format!("--{prefix}.tls.enabled"));
    command.arg(format!("--{prefix}.tls.cert={}", file("server.pem")));
    command.arg(format!("--{prefix}.tls.key={}", file("server.key")));
    command.args(more.iter().map(|flag| format!("--{prefix}.tls.{flag}")));
    command.stderr(Stdio::piped());
    command
}

#[test]
fn the_banner_and_the_log_say_where_tls_is() {
    let certificates = Certificates::new("log");
    let ca = format!("client-ca={}", certificates.file("ca.pem").display());
    let mut command = with_tls(&certificates, "collector.otlp.http", &[&ca]);
    let running = Running::start(&mut command);
    let line = running.banner.lines().find(|line| line.contains("OTLP/HTTP")).expect("a line");
    let address = line.split_once("https://").expect("https").1.parse().expect("an address");
    support::send_raw(address, b"GET / HTTP/1.1\r\n\r\n");
    // A client that speaks TLS where there is none.
    assert!(certificates.client(None, "http/1.1").get(running.address(), "/").is_err());
    let refused = r#"jaeger_door_refused_total{door="query",reason="tls"}"#;
    assert_eq!(running.metric(refused), 1);
    let text = running.stop_and_read_log();
    for part in ["plain text, but this port has TLS", "speaks TLS, but this port has none"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    let running = Running::start(&mut command);
    let line = running.banner.lines().find(|line| line.contains("OTLP/HTTP")).expect("a line");
    let address = line.split_once("https://").expect("https").1.parse().expect("an address");
    assert!(certificates.client(None, "http/1.1").get(address, "/").is_err());
    let text = running.stop_and_read_log();
    let part = "shows no certificate, which --collector.otlp.http.tls.client-ca asks for";
    assert!(text.contains(part), "{text}");
}

#[test]
fn a_distrustful_client_and_a_probe_are_told_apart() {
    let (certificates, other) = (Certificates::new("distrust"), Certificates::new("root"));
    let config = Config::ephemeral().tls(Port::OtlpHttp, certificates.tls());
    let jaeger = AllInOne::start_with(config).expect("start");
    let address = jaeger.at(Port::OtlpHttp);
    drop(TcpStream::connect(address).expect("a probe only connects"));
    assert!(other.client(None, "http/1.1").get(address, "/").is_err());
    let door = jaeger.door(Port::OtlpHttp).expect("open");
    support::until("a refusal", || door.stats().refused(Reason::Tls) == 1);
    // The probe came before, so it was not counted.
    assert!(certificates.client(None, "http/1.1").get(address, "/").is_ok());
    assert_eq!(door.stats().refused(Reason::Tls), 1);
}

#[test]
fn a_new_certificate_is_shown_without_a_restart() {
    let certificates = Certificates::new("reload");
    let mut command = with_tls(&certificates, "query.http", &[]);
    let mut running = Running::start(&mut command);
    let mut log = BufReader::new(running.child.stderr.take().expect("stderr is piped")).lines();
    let mut next = || log.next().expect("a line").expect("text");
    let url = running.banner.split_once("https://").expect("https").1;
    let address = url.split_whitespace().next().expect("an address").parse().expect("an address");
    let client = certificates.client(None, "http/1.1");
    let shown = || {
        let mut stream = client.connect(address);
        write!(stream, "GET / HTTP/1.1\r\n\r\n").expect("a handshake");
        let shown = stream.conn.peer_certificates().and_then(<[_]>::first).expect("one").clone();
        shown.into_owned()
    };
    let old = shown();
    assert_eq!(old, certificates.first("server.pem"));
    certificates.write("server.pem", "nonsense");
    let line = next();
    assert!(line.contains("no certificate in it") && line.contains("stay as they were"), "{line}");
    assert_eq!(shown(), old);
    certificates.issue("server");
    let start = Instant::now();
    while shown() != certificates.first("server.pem") {
        assert!(start.elapsed() < PATIENCE, "the new certificate is not shown");
    }
}

#[test]
fn a_setting_that_cannot_be_used_is_one_line_and_code_2() {
    let certificates = Certificates::new("errors");
    certificates.write("empty.pem", "");
    certificates
        .write("broken.pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
    certificates.write(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let file = |name: &str| certificates.file(name).display().to_string();
    let (server, key) = (file("server.pem"), file("server.key"));
    let (good_cert, good_key) = (format!("cert={server}"), format!("key={key}"));
    let on = |more: &[&str]| {
        let flags = ["enabled", &good_cert, &good_key].into_iter().chain(more.iter().copied());
        flags.map(str::to_owned).collect::<Vec<_>>()
    };
    let cases: Vec<(Vec<String>, &str, &str)> = vec![
        (vec![good_cert.clone()], "cert", "is set, but --query.http.tls.enabled is not"),
        (vec!["min-version=1.2".to_owned()], "min-version", "is set, but"),
        (vec!["enabled=true".to_owned()], "cert", "--query.http.tls.enabled needs"),
        (vec!["enabled".to_owned(), good_cert.clone()], "key", "needs"),
        (vec!["enabled=maybe".to_owned()], "enabled", "maybe"),
        (on(&["cert=none.pem"]), "cert", "cannot be read"),
        (on(&[&format!("cert={}", file("empty.pem"))]), "cert", "no certificate in it"),
        (on(&[&format!("cert={}", file("broken.pem"))]), "cert", "no valid PEM"),
        (on(&[&format!("key={server}")]), "key", "no key in it"),
        (on(&[&format!("key={}", file("locked.key"))]), "key", "encrypted"),
        (on(&[&format!("key={}", file("client.key"))]), "key", "does not belong"),
        (on(&["client-ca=none.pem"]), "client-ca", "cannot be read"),
        (on(&[&format!("client-ca={key}")]), "client-ca", "no certificate in it"),
        (on(&["min-version=1.4"]), "min-version", "1.0, 1.1, 1.2, 1.3"),
        (on(&["max-version=1.1"]), "max-version", "not supported"),
        (on(&["min-version=1.3", "max-version=1.2"]), "max-version", "less than"),
        (on(&["cipher-suites=RC4"]), "cipher-suites", "no such cipher suite"),
        (
            on(&["cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA", "max-version=1.2"]),
            "cipher-suites",
            "none of them",
        ),
    ];
    for (flags, flag, part) in cases {
        let flags: Vec<_> = flags.iter().map(|flag| format!("--query.http.tls.{flag}")).collect();
        let run = program().args(&flags).output().expect("run");
        let text = String::from_utf8_lossy(&run.stderr);
        assert_eq!((run.status.code(), text.lines().count()), (Some(2), 1), "{flags:?}: {text}");
        assert!(text.contains(&format!("--query.http.tls.{flag}")), "{flags:?}: {text}");
        assert!(text.contains(part), "{flags:?}: {text}");
        assert!(run.stdout.is_empty(), "no port opens: {flags:?}");
    }
    let config = Config::ephemeral().tls(Port::Query, Tls::new("none.pem", &key));
    let error = AllInOne::start_with(config).expect_err("no certificate");
    assert!(matches!(error, StartError::Tls { .. }), "{error}");
}

#[test]
fn variables_ask_for_tls_as_flags_do() {
    let certificates = Certificates::new("variables");
    for prefix in [
        "COLLECTOR_HTTP",
        "COLLECTOR_GRPC",
        "COLLECTOR_OTLP_HTTP",
        "COLLECTOR_OTLP_GRPC",
        "COLLECTOR_ZIPKIN",
        "QUERY_HTTP",
        "QUERY_GRPC",
        "ADMIN_HTTP",
    ] {
        let mut command = program();
        command.env(format!("{prefix}_TLS_ENABLED"), "true");
        let run = command.output().expect("run");
        assert_eq!(run.status.code(), Some(2), "no plain text where TLS was asked for: {prefix}");
        let file = |name: &str| certificates.file(name);
        command.env(format!("{prefix}_TLS_CERT"), file("server.pem"));
        command.env(format!("{prefix}_TLS_KEY"), file("server.key"));
        command.env("COLLECTOR_ZIPKIN_HOST_PORT", ":0").stderr(Stdio::null());
        let banner = match prefix {
            "QUERY_HTTP" | "ADMIN_HTTP" => banner(&mut command),
            _ => Running::start(&mut command).banner.clone(),
        };
        assert_eq!(banner.matches("https://").count(), 1, "{prefix}: {banner}");
    }
}

/// The banner, of a program whose web pages may have TLS.
fn banner(command: &mut Command) -> String {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("start");
    let mut out = BufReader::new(child.stdout.take().expect("stdout"));
    let mut banner = String::new();
    while !banner.contains("ctrl-c") && out.read_line(&mut banner).expect("a line") > 0 {}
    child.kill().expect("kill");
    child.wait().expect("the end");
    banner
}

#[test]
fn versions_and_cipher_suites_are_limited_as_asked() {
    use rustls::{CipherSuite, ProtocolVersion};
    let certificates = Certificates::new("versions");
    let negotiated = |tls: Tls, versions: &[&'static rustls::SupportedProtocolVersion]| {
        let config = Config::ephemeral().tls(Port::Query, tls);
        let jaeger = AllInOne::start_with(config).expect("start");
        let mut roots = RootCertStore::empty();
        roots.add(certificates.first("ca.pem")).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let config = builder.with_protocol_versions(versions).expect("versions");
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let mut stream = Client(Arc::new(config)).connect(jaeger.at(Port::Query));
        stream.conn.complete_io(&mut stream.sock).ok()?;
        let suite = stream.conn.negotiated_cipher_suite()?.suite();
        Some((stream.conn.protocol_version()?, suite))
    };
    let both = [&rustls::version::TLS12, &rustls::version::TLS13];
    let version = |tls, versions: &[_]| negotiated(tls, versions).map(|(version, _)| version);
    assert_eq!(version(certificates.tls(), &both), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(version(certificates.tls(), &both[..1]), Some(ProtocolVersion::TLSv1_2));
    let mut highest = certificates.tls();
    highest.max_version = "1.2".to_owned();
    assert_eq!(version(highest, &both), Some(ProtocolVersion::TLSv1_2));
    let mut lowest = certificates.tls();
    lowest.min_version = "1.3".to_owned();
    assert_eq!(version(lowest, &both[..1]), None);
    let mut suites = certificates.tls();
    suites.cipher_suites = vec!["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned()];
    let suite = CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256;
    assert_eq!(negotiated(suites.clone(), &both[..1]), Some((ProtocolVersion::TLSv1_2, suite)));
    assert_eq!(version(suites, &both), Some(ProtocolVersion::TLSv1_3), "as in Go");
}

#[test]
fn what_is_no_handshake_is_refused_and_the_next_client_served() {
    let certificates = Certificates::new("hostile");
    let config = Config::ephemeral().tls(Port::OtlpHttp, certificates.tls());
    let jaeger = AllInOne::start_with(config).expect("start");
    let address = jaeger.at(Port::OtlpHttp);
    let long = [&[22, 3, 1, 0xff, 0xff][..], &[1; 70_000]].concat();
    let bad: [&[u8]; 6] = [
        b"\x00",
        b"GET / HTTP/1.1\r\n\r\n",
        &[22; 1_000],
        &[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
        &[22, 3, 3, 0, 0],
        &long,
    ];
    let door = jaeger.door(Port::OtlpHttp).expect("open");
    for (done, bytes) in bad.iter().enumerate() {
        let mut stream = TcpStream::connect(address).expect("connect");
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let _ = stream.read_to_end(&mut Vec::new());
        let refused = || door.stats().refused(Reason::Tls) as usize;
        support::until("a refusal", || refused() == done + 1);
    }
    let client = certificates.client(None, "http/1.1");
    assert!(client.get(address, "/v1/traces").expect("an answer").starts_with("HTTP/1.1 405"));
}

#[test]
fn a_certificate_of_the_first_version_is_served() {
    // As `openssl x509 -req` makes it without extensions; rustls reads only the third version.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls");
    let tls = Tls::new(folder.join("v1.pem"), folder.join("v1.key"));
    let config = Config::ephemeral().tls(Port::Query, tls);
    AllInOne::start_with(config).expect("start");
    let certificates = Certificates::new("first");
    let other = Tls::new(folder.join("v1.pem"), certificates.file("server.key"));
    let error = AllInOne::start_with(Config::ephemeral().tls(Port::Query, other));
    assert!(error.expect_err("another key").to_string().contains("does not belong"));
}
