//! An address that never answers and never refuses, like a host behind a firewall that drops
//! packets.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::robustness::Endpoints;

/// A connection that takes longer counts as dropped; on the loopback it takes microseconds.
const CONNECT_LIMIT: Duration = Duration::from_millis(200);

/// More connections than a listener with backlog 0 holds on any system.
const MAX_BACKLOG: usize = 64;

/// One loopback port, for TCP and UDP. Linux drops connection requests while a listener's backlog
/// is full, and nobody reads the datagrams.
pub struct BlackHole {
    address: SocketAddr,
    _listener: Socket,
    _backlog: Vec<TcpStream>,
    _udp: UdpSocket,
}

impl BlackHole {
    /// Opens a port that the system chooses.
    ///
    /// # Errors
    ///
    /// If no port is free, or if connections to it still succeed.
    pub fn open() -> io::Result<Self> {
        let (udp, listener) = one_port()?;
        let address = udp.local_addr()?;
        listener.listen(0)?;
        let mut backlog = Vec::new();
        while backlog.len() < MAX_BACKLOG {
            match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
                Ok(stream) => backlog.push(stream),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Self { address, _listener: listener, _backlog: backlog, _udp: udp });
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("the listener's backlog does not fill"))
    }

    /// The endpoints for a program whose spans should be dropped.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints::on(self.address.port())
    }
}

/// Binds both sockets to one port. The port that the system chooses for UDP can be in use for TCP:
/// then another one is tried.
fn one_port() -> io::Result<(UdpSocket, Socket)> {
    loop {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        match listener.bind(&udp.local_addr()?.into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => (),
            bound => return bound.map(|()| (udp, listener)),
        }
    }
}
