//! TLS of a port: reads its certificate and key, and makes connections of what it accepts.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    AlertDescription, CipherSuite, Error, InconsistentKeys, RootCertStore, ServerConfig,
    SupportedProtocolVersion, version,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};
use tracing::warn;

use super::counters::{Counters, Reason};
use super::reload::{Reload, Source};
use super::write_through::write_through;
use crate::config::{Config, Tls};
use crate::error::StartError;
use crate::port::Port;

/// How long a client may take for its handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest file of certificates or of a key, in bytes.
pub(crate) const LARGEST_FILE: u64 = 1 << 20;
/// What TLS adds to the size of a connection, in KiB: the keys, and buffers for one record each way.
pub(crate) const CONNECTION_KIB: u32 = 40;
/// How many bytes of answers wait for a client, beyond what the socket takes.
const WRITE_BUFFER: usize = 16 << 10;
/// How often the files are read again.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);
/// The first byte of a TLS connection: a record with a handshake message.
pub(crate) const HANDSHAKE: u8 = 22;

/// TLS of a port, with the certificate of now.
#[derive(Clone, Debug)]
pub(crate) struct Acceptor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The port's flags begin with this, then comes `.cert` and the like.
    prefix: String,
    config: RwLock<Arc<ServerConfig>>,
}

/// The files of a port.
#[derive(Debug)]
pub(crate) struct Files {
    tls: Tls,
    protocol: &'static [u8],
    acceptor: Acceptor,
}

/// What stands in the files.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pems {
    cert: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

/// A setting that cannot be used: the end of its flag, its value, and why.
type Wrong = (&'static str, String, String);

impl Acceptor {
    /// The TLS of a port, if the settings ask for it, and how its files are read again.
    ///
    /// # Errors
    /// If a setting is invalid, or a file cannot be used.
    pub(crate) fn load(
        config: &Config,
        port: Port,
    ) -> Result<Option<(Self, Reload<Files>)>, StartError> {
        let Some(tls) = config.tls_of(port) else { return Ok(None) };
        let prefix = port.tls_flags().unwrap_or_default().to_owned();
        let is_grpc = matches!(port, Port::OtlpGrpc | Port::CollectorGrpc | Port::QueryGrpc);
        let protocol: &[u8] = if is_grpc { b"h2" } else { b"http/1.1" };
        let error = |(setting, value, reason): Wrong| StartError::Tls {
            flag: format!("{prefix}.{setting}"),
            value,
            reason,
        };
        let pems = Pems::read(tls).map_err(error)?;
        let config = server_config(tls, &pems, protocol).map_err(error)?;
        for warning in warnings(tls) {
            warn!("--{prefix}.{warning}");
        }
        let shared = Shared { prefix, config: RwLock::new(Arc::new(config)) };
        let acceptor = Acceptor(Arc::new(shared));
        let files = Files { tls: tls.clone(), protocol, acceptor: acceptor.clone() };
        Ok(Some((acceptor, Reload::new(files, RELOAD_INTERVAL, pems))))
    }

    /// Begins a connection. Its handshake is a part of its first read or write.
    pub(crate) fn session<S>(&self, stream: S, counters: &Arc<Counters>) -> Session<S> {
        let deadline = Some(Box::pin(sleep_until(Instant::now() + HANDSHAKE_TIMEOUT)));
        let (acceptor, counters) = (self.clone(), Arc::clone(counters));
        Session { state: State::New(stream), deadline, acceptor, counters }
    }
}

impl Source for Files {
    type Content = Pems;

    fn files(&self) -> String {
        self.tls.cert.display().to_string()
    }

    fn what(&self) -> &str {
        "the certificates"
    }

    fn read(&self) -> Result<Pems, String> {
        Pems::read(&self.tls).map_err(|wrong| self.text(wrong))
    }

    fn apply(&self, pems: &Pems) -> Result<(), String> {
        let config = server_config(&self.tls, pems, self.protocol);
        let config = config.map_err(|wrong| self.text(wrong))?;
        *self.acceptor.0.config.write() = Arc::new(config);
        Ok(())
    }
}

impl Files {
    fn text(&self, (setting, value, reason): Wrong) -> String {
        format!("--{}.{setting} cannot be \"{value}\": {reason}", self.acceptor.0.prefix)
    }
}

impl Pems {
    fn read(tls: &Tls) -> Result<Self, Wrong> {
        let read = |setting, file: &Path| {
            read(file).map_err(|reason| (setting, file.display().to_string(), reason))
        };
        Ok(Pems {
            cert: read("cert", &tls.cert)?,
            key: read("key", &tls.key)?,
            client_ca: tls.client_ca.as_deref().map(|file| read("client-ca", file)).transpose()?,
        })
    }
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    use std::io::Read as _;
    let cannot = |error: io::Error| format!("it cannot be read: {error}");
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(cannot)?;
    opened.take(LARGEST_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    match bytes.len() as u64 > LARGEST_FILE {
        true => Err(format!("it is larger than {} MiB", LARGEST_FILE >> 20)),
        false => Ok(bytes),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("there is no certificate in it: it must be PEM, with a line -----BEGIN CERTIFICATE-----".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("it is no valid PEM: {error}")),
    }
}

fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    use rustls::pki_types::pem::Error;
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        Error::NoItemsFound if pem.windows(9).any(|text| text == b"ENCRYPTED") => {
            "the key in it is encrypted: it must have no passphrase".to_owned()
        }
        Error::NoItemsFound => {
            "there is no key in it: it must be PEM, with a line -----BEGIN PRIVATE KEY-----"
                .to_owned()
        }
        error => format!("it is no valid PEM: {error}"),
    })
}

/// The certificate with its key, once it is known that they belong together.
fn certified_key(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|error| format!("the key in it cannot be used: {error}"))?;
    let other = || "the key in it does not belong to the certificate".to_owned();
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(_)) => Err(other()),
        // Such as a certificate of X.509's first version, which `openssl x509 -req` makes. Its public
        // key stands in it as in any other.
        Err(_) => {
            let public = certified.key.public_key().ok_or_else(other)?;
            let cert = certified.cert.first().map(|cert| cert.as_ref()).unwrap_or_default();
            let belongs = cert.windows(public.len()).any(|part| part == public.as_ref());
            if belongs { Ok(certified) } else { Err(other()) }
        }
    }
}

fn server_config(tls: &Tls, pems: &Pems, protocol: &[u8]) -> Result<ServerConfig, Wrong> {
    let of_file = |setting, file: &Path| {
        let value = file.display().to_string();
        move |reason| (setting, value.clone(), reason)
    };
    let suites = Suites::choose(&tls.cipher_suites)?;
    let versions = versions(tls, &suites)?;
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|suite| suites.has(suite.suite()));
    let provider = Arc::new(provider);
    let chain = certificates(&pems.cert).map_err(of_file("cert", &tls.cert))?;
    let key = private_key(&pems.key).map_err(of_file("key", &tls.key))?;
    let certified = certified_key(chain, key, &provider).map_err(of_file("key", &tls.key))?;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| ("cipher-suites", tls.cipher_suites.join(","), error.to_string()))?;
    let builder = match (&pems.client_ca, &tls.client_ca) {
        (Some(pem), Some(file)) => {
            let wrong = of_file("client-ca", file);
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem).map_err(&wrong)? {
                let unusable = |error| format!("a certificate in it cannot be used: {error}");
                roots.add(certificate).map_err(unusable).map_err(&wrong)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            let verifier = verifier.build().map_err(|error| wrong(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
        _ => builder.with_no_client_auth(),
    };
    let resolver: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(certified));
    let mut config = builder.with_cert_resolver(resolver);
    config.alpn_protocols = vec![protocol.to_vec()];
    // Each ticket is memory until it is used.
    config.send_tls13_tickets = 1;
    Ok(config)
}

/// Jaeger's names of the versions.
const VERSIONS: [&str; 4] = ["1.0", "1.1", "1.2", "1.3"];
/// The place of the first one that is supported.
const FIRST: usize = 2;

/// The versions between the lowest and the highest.
fn versions(tls: &Tls, suites: &Suites) -> Result<Vec<&'static SupportedProtocolVersion>, Wrong> {
    let place =
        |setting, value: &str, default| match VERSIONS.iter().position(|name| *name == value) {
            Some(place) => Ok(place),
            None if value.is_empty() => Ok(default),
            None => {
                let reason = format!("the versions of TLS are {}", VERSIONS.join(", "));
                Err((setting, value.to_owned(), reason))
            }
        };
    let lowest = place("min-version", &tls.min_version, FIRST)?;
    let highest = place("max-version", &tls.max_version, VERSIONS.len() - 1)?;
    let wrong = |reason: &str| Err(("max-version", tls.max_version.clone(), reason.to_owned()));
    if highest < FIRST {
        return wrong(
            "TLS 1.0 and 1.1 are not supported, since they are not secure; the lowest version is 1.2",
        );
    }
    if lowest > highest {
        return wrong("it is less than the lowest version, which min-version sets");
    }
    let mut versions = Vec::new();
    if lowest <= 2 && highest >= 2 && suites.any_of_1_2() {
        versions.push(&version::TLS12);
    }
    if highest >= 3 {
        versions.push(&version::TLS13);
    }
    if versions.is_empty() {
        let reason = "TLS 1.2 has none of them that is supported, and max-version is 1.2";
        return Err(("cipher-suites", tls.cipher_suites.join(","), reason.to_owned()));
    }
    Ok(versions)
}

/// The cipher suites of Go's `crypto/tls` that 1.35 accepts, by their names. The second value is
/// what is supported here.
const SUITES: &[(&str, Option<CipherSuite>)] = &[
    ("TLS_AES_128_GCM_SHA256", Some(CipherSuite::TLS13_AES_128_GCM_SHA256)),
    ("TLS_AES_256_GCM_SHA384", Some(CipherSuite::TLS13_AES_256_GCM_SHA384)),
    ("TLS_CHACHA20_POLY1305_SHA256", Some(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256)),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", None),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", None),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ),
    ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", None),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        Some(CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ),
    ("TLS_RSA_WITH_AES_128_CBC_SHA", None),
    ("TLS_RSA_WITH_AES_128_GCM_SHA256", None),
    ("TLS_RSA_WITH_AES_256_CBC_SHA", None),
    ("TLS_RSA_WITH_AES_256_GCM_SHA384", None),
];

/// The cipher suites that a port offers; `None` is all. As in Go, those of TLS 1.3 are always offered.
struct Suites(Option<Vec<CipherSuite>>);

impl Suites {
    fn choose(names: &[String]) -> Result<Self, Wrong> {
        if names.is_empty() {
            return Ok(Suites(None));
        }
        let suite = |name: &String| {
            let known = SUITES.iter().find(|(known, _)| known == name).map(|(_, suite)| *suite);
            known.ok_or_else(|| {
                let known = SUITES.iter().filter(|(_, suite)| suite.is_some());
                let known: Vec<_> = known.map(|(name, _)| *name).collect();
                let reason =
                    format!("there is no such cipher suite; supported are {}", known.join(", "));
                ("cipher-suites", name.clone(), reason)
            })
        };
        let suites = names.iter().map(suite).collect::<Result<Vec<_>, _>>()?;
        Ok(Suites(Some(suites.into_iter().flatten().collect())))
    }

    fn has(&self, suite: CipherSuite) -> bool {
        is_of_1_3(suite) || self.0.as_ref().is_none_or(|suites| suites.contains(&suite))
    }

    fn any_of_1_2(&self) -> bool {
        self.0.as_ref().is_none_or(|suites| suites.iter().any(|suite| !is_of_1_3(*suite)))
    }
}

fn is_of_1_3(suite: CipherSuite) -> bool {
    // All of them begin with the byte 0x13.
    u16::from(suite) >> 8 == 0x13
}

/// What the log says of settings that are not obeyed to the letter.
fn warnings(tls: &Tls) -> impl Iterator<Item = String> {
    let old = VERSIONS[..FIRST]
        .contains(&&*tls.min_version)
        .then(|| format!("min-version={}: the lowest version of TLS here is 1.2", tls.min_version));
    let missing =
        |name: &&String| SUITES.iter().any(|(known, suite)| known == name && suite.is_none());
    let missing: Vec<_> = tls.cipher_suites.iter().filter(missing).map(String::as_str).collect();
    let missing = (!missing.is_empty()).then(|| {
        format!("cipher-suites: not offered, since TLS here has no suites without forward secrecy or with CBC: {}", missing.join(", "))
    });
    old.into_iter().chain(missing)
}

/// A connection with TLS.
pub(crate) struct Session<S> {
    state: State<S>,
    /// When the handshake must be over; `None` once it is.
    deadline: Option<Pin<Box<Sleep>>>,
    acceptor: Acceptor,
    counters: Arc<Counters>,
}

enum State<S> {
    /// No byte has been read.
    New(S),
    Handshake(Accept<Begun<S>>),
    Open(TlsStream<Begun<S>>),
    /// Answers plain text.
    Refusing(Pin<Box<dyn Future<Output = io::Error> + Send>>),
    /// The client went away before its first byte.
    Gone,
    Failed,
}

/// What Go's server answers to HTTP without TLS.
const PLAIN_TEXT: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
/// How many bytes of plain text are read before the answer.
const PLAIN_HEAD: usize = 4 << 10;

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Session<S> {
    /// Drives the handshake to its end; `None` if the client went away before its first byte.
    fn poll_open(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Option<&mut TlsStream<Begun<S>>>>> {
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            let why = format!("a TLS handshake took longer than {HANDSHAKE_TIMEOUT:?}");
            self.counters.refuse(Reason::Slow, why);
            (self.deadline, self.state) = (None, State::Failed);
        }
        loop {
            match &mut self.state {
                State::New(stream) => {
                    let mut first = [0];
                    let mut buffer = ReadBuf::new(&mut first);
                    let read = ready!(Pin::new(stream).poll_read(context, &mut buffer));
                    let first = buffer.filled().first().copied();
                    let State::New(stream) = std::mem::replace(&mut self.state, State::Failed)
                    else {
                        continue;
                    };
                    read?;
                    self.state = match first {
                        None => State::Gone,
                        Some(HANDSHAKE) => {
                            let config = Arc::clone(&self.acceptor.0.config.read());
                            let stream = Begun { first, stream };
                            let limit = |session: &mut rustls::ServerConnection| {
                                session.set_buffer_limit(Some(WRITE_BUFFER));
                            };
                            let accept = TlsAcceptor::from(config).accept_with(stream, limit);
                            State::Handshake(accept)
                        }
                        Some(first) => {
                            let why = "a client sent plain text, but this port has TLS: its address begins with https";
                            self.counters.refuse(Reason::Tls, why);
                            State::Refusing(Box::pin(refuse(stream, first)))
                        }
                    };
                }
                State::Handshake(accept) => match ready!(Pin::new(accept).poll(context)) {
                    Ok(stream) => {
                        self.deadline = None;
                        self.state = State::Open(stream);
                    }
                    Err(error) => {
                        self.state = State::Failed;
                        self.counters.refuse(Reason::Tls, self.why(&error));
                        return Poll::Ready(Err(error));
                    }
                },
                State::Refusing(refusing) => {
                    let error = ready!(refusing.as_mut().poll(context));
                    self.state = State::Failed;
                    return Poll::Ready(Err(error));
                }
                State::Open(_) => break,
                State::Gone => return Poll::Ready(Ok(None)),
                State::Failed => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            }
        }
        match &mut self.state {
            State::Open(stream) => Poll::Ready(Ok(Some(stream))),
            _ => Poll::Pending,
        }
    }

    /// Why a handshake failed, for the log.
    fn why(&self, error: &io::Error) -> String {
        let prefix = &self.acceptor.0.prefix;
        let tls = error.get_ref().and_then(|error| error.downcast_ref::<Error>());
        let reason = match tls {
            Some(Error::AlertReceived(
                alert @ (AlertDescription::UnknownCA
                | AlertDescription::BadCertificate
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired),
            )) => format!(
                "the client does not trust the certificate of --{prefix}.cert: it answers {alert:?}"
            ),
            Some(Error::NoCertificatesPresented) => {
                format!("the client shows no certificate, which --{prefix}.client-ca asks for")
            }
            Some(Error::InvalidCertificate(error)) => {
                format!("the client's certificate is not valid for --{prefix}.client-ca: {error}")
            }
            Some(error) => error.to_string(),
            None => error.to_string(),
        };
        format!("a TLS handshake failed: {reason}")
    }
}

/// Answers a client that sends plain text.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, first: u8) -> io::Error {
    // Methods of HTTP have capital letters. Unread bytes would make the system drop the answer.
    if first.is_ascii_uppercase() {
        let _ = stream.read(&mut [0; PLAIN_HEAD]).await;
        let _ = stream.write_all(PLAIN_TEXT).await;
        let _ = stream.shutdown().await;
    }
    io::Error::new(io::ErrorKind::InvalidData, "plain text at a port with TLS")
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> AsyncRead for Session<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match ready!(self.poll_open(context))? {
            Some(stream) => Pin::new(stream).poll_read(context, buffer),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> AsyncWrite for Session<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_open(context))? {
            Some(stream) => Pin::new(stream).poll_write(context, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match ready!(self.poll_open(context))? {
            Some(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Open(stream) => Pin::new(stream).poll_flush(context),
            // Nothing has been written.
            _ => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Open(stream) => Pin::new(stream).poll_shutdown(context),
            State::New(stream) => Pin::new(stream).poll_shutdown(context),
            _ => Poll::Ready(Ok(())),
        }
    }
}

/// A stream whose first byte has been read already.
struct Begun<S> {
    first: Option<u8>,
    stream: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() > 0
            && let Some(first) = self.first.take()
        {
            buffer.put_slice(&[first]);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

write_through!(Begun);

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn acceptor() -> Acceptor {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        let cert = params.self_signed(&key).expect("a certificate").pem().into_bytes();
        let pems = Pems { cert, key: key.serialize_pem().into_bytes(), client_ca: None };
        let config =
            server_config(&Tls::new("cert", "key"), &pems, b"h2").expect("a configuration");
        let shared = Shared { prefix: "a.tls".to_owned(), config: RwLock::new(Arc::new(config)) };
        Acceptor(Arc::new(shared))
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_does_not_end_is_given_up() {
        for bytes in [&b""[..], &[HANDSHAKE], &[HANDSHAKE, 3, 1, 0, 100, 1]] {
            let counters = Counters::of("a");
            let (ours, mut theirs) = tokio::io::duplex(1 << 10);
            let mut session = acceptor().session(ours, &counters);
            theirs.write_all(bytes).await.expect("send");
            let begin = Instant::now();
            session.read_u8().await.expect_err("no handshake");
            assert_eq!(begin.elapsed(), HANDSHAKE_TIMEOUT, "{bytes:?}");
            assert_eq!(counters.snapshot().refused(Reason::Slow), 1, "{bytes:?}");
            session.read_u8().await.expect_err("it stays closed");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_dribbles_has_no_more_time() {
        let counters = Counters::of("a");
        let (ours, mut theirs) = tokio::io::duplex(1 << 10);
        let mut session = acceptor().session(ours, &counters);
        let dribble = async {
            // A hello of 512 bytes, a byte each second.
            let head = [HANDSHAKE, 3, 1, 2, 0, 1, 0, 1, 252];
            for byte in head.into_iter().chain(std::iter::repeat(0)) {
                if theirs.write_all(&[byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let begin = Instant::now();
        tokio::select! {
            () = dribble => panic!("the connection is open"),
            read = session.read_u8() => drop(read.expect_err("no handshake")),
        }
        assert_eq!(begin.elapsed(), HANDSHAKE_TIMEOUT);
    }
}
