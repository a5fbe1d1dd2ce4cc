//! A stand-in for httpbin.org on the loopback: it gives each request the answer that the test
//! asked for, and keeps the headers that came. Bounded, and gone when it is dropped.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The bytes of a request's head that are read at most.
const MAX_HEAD: u64 = 128 * 1024;

/// How long a test waits for a client.
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// What every request is answered with.
#[derive(Clone, Debug)]
pub enum Answer {
    /// What httpbin.org says to `GET /get`: arguments, headers, origin, URL, as indented JSON.
    Get,
    /// A status code with these bytes as the body.
    Body(u16, Vec<u8>),
    /// A redirection to the same page, for ever.
    RedirectLoop,
    /// Nothing, with the connection kept open.
    Silence,
    /// What [`Answer::Get`] is, but not before [`Httpbin::release`].
    Held,
}

/// The stand-in.
pub struct Httpbin {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    released: AtomicBool,
    answered: AtomicUsize,
    requests: Mutex<Vec<Vec<(String, String)>>>,
}

impl Httpbin {
    /// Starts on a port that the system chooses.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub fn start(answer: Answer) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || serve(&listener, &answer, &shared)
        });
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// The page's URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/get", self.address)
    }

    /// The headers of each request so far: names in lower case, in the order they came in.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<(String, String)>> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns once a request has come.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when none comes within 10 s.
    pub fn wait_for_request(&self) -> io::Result<()> {
        wait_until(|| !self.requests().is_empty())
    }

    /// Returns once a client has read a whole answer and hung up.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] when none does within 10 s.
    pub fn wait_for_answer(&self) -> io::Result<()> {
        wait_until(|| self.shared.answered.load(Ordering::SeqCst) > 0)
    }

    /// Lets [`Answer::Held`] go.
    pub fn release(&self) {
        self.shared.released.store(true, Ordering::SeqCst);
    }

    /// The value of the header in the only request that came.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        let [request] = self.requests().try_into().ok()?;
        request.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl Drop for Httpbin {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address); // wakes `accept`
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Answers one connection after the other; the silent ones stay open until the end.
fn serve(listener: &TcpListener, answer: &Answer, shared: &Shared) {
    let mut silent = Vec::new();
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(mut stream) = stream else { continue };
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let Ok(headers) = read_head(&stream) else { continue };
        shared.requests.lock().unwrap_or_else(PoisonError::into_inner).push(headers.clone());
        let answered = match answer {
            Answer::Get => respond(&mut stream, 200, "", get(&headers).as_bytes()),
            Answer::Body(status, body) => respond(&mut stream, *status, "", body),
            Answer::RedirectLoop => respond(&mut stream, 302, "Location: /get\r\n", b""),
            Answer::Held => {
                let go = || shared.released.load(Ordering::SeqCst);
                let _ = wait_until(|| go() || shared.stopped.load(Ordering::SeqCst));
                respond(&mut stream, 200, "", get(&headers).as_bytes())
            }
            Answer::Silence => {
                silent.push(stream);
                continue;
            }
        };
        // A client that went away early is the test's business.
        if answered.and_then(|()| stream.read(&mut [0])).is_ok() {
            shared.answered.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Looks often, and not for ever.
pub(crate) fn wait_until(reached: impl Fn() -> bool) -> io::Result<()> {
    let start = Instant::now();
    while !reached() {
        if start.elapsed() > WAIT_LIMIT {
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn read_head(stream: &TcpStream) -> io::Result<Vec<(String, String)>> {
    let mut headers = Vec::new();
    for line in BufReader::new(stream.take(MAX_HEAD)).lines().skip(1) {
        match line?.split_once(':') {
            Some((name, value)) => headers.push((name.to_lowercase(), value.trim().to_owned())),
            None => return Ok(headers),
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

fn respond(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} \r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}

/// httpbin's answer: keys sorted, two blanks of indentation.
fn get(headers: &[(String, String)]) -> String {
    let host = headers.iter().find(|(name, _)| name == "host").map_or("", |(_, value)| value);
    let headers: serde_json::Map<_, _> =
        headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let answer = serde_json::json!({
        "args": {},
        "headers": headers,
        "origin": "127.0.0.1",
        "url": format!("http://{host}/get"),
    });
    format!("{answer:#}\n")
}
