//! A stand-in for httpbin.org on the loopback. It gives each request the answer that the test
//! chose, and records the headers. Sizes and times are limited; dropping it stops the server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The maximum size of a request's head, in bytes.
const MAX_HEAD: u64 = 128 * 1024;

/// How long a test waits for a client.
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// The answer to every request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// httpbin.org's answer to `GET /get`: arguments, headers, origin and URL as indented JSON.
    Get,
    /// A status code with these bytes as the body.
    Body(u16, Vec<u8>),
    /// An endless redirect to the same page.
    RedirectLoop,
    /// No answer; the connection stays open.
    Silence,
    /// As [`Answer::Get`], but only after [`Httpbin::release`].
    Held,
}

/// The stand-in server.
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
    /// If no port is free.
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

    /// The headers of each request so far, in the order received; names are in lower case.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<(String, String)>> {
        self.shared.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the first request.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] after 10 s.
    pub fn wait_for_request(&self) -> io::Result<()> {
        wait_until(|| !self.requests().is_empty())
    }

    /// Waits until a client has read a complete answer and closed the connection.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::TimedOut`] after 10 s.
    pub fn wait_for_answer(&self) -> io::Result<()> {
        wait_until(|| self.shared.answered.load(Ordering::SeqCst) > 0)
    }

    /// Sends the answers that [`Answer::Held`] holds back.
    pub fn release(&self) {
        self.shared.released.store(true, Ordering::SeqCst);
    }

    /// The header's value, if there was exactly one request and it has the header.
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

/// Answers connections one after another. Those of [`Answer::Silence`] stay open until the end.
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
                let released = || shared.released.load(Ordering::SeqCst);
                let _ = wait_until(|| released() || shared.stopped.load(Ordering::SeqCst));
                respond(&mut stream, 200, "", get(&headers).as_bytes())
            }
            Answer::Silence => {
                silent.push(stream);
                continue;
            }
        };
        // Ignore clients that closed the connection early: the test checks them.
        if answered.and_then(|()| stream.read(&mut [0])).is_ok() {
            shared.answered.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Polls a condition until it holds, for at most [`WAIT_LIMIT`].
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

/// httpbin's answer: sorted keys, indented by two spaces.
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
