//! An address that swallows what is sent to it, as a firewall does that drops packets: nobody
//! refuses, and nobody answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::life::Doors;

/// How long a connection takes at the most that gets anywhere; on the loopback it takes microseconds.
const ACCEPTED_WITHIN: Duration = Duration::from_millis(200);

/// More connections than a listener of backlog 0 keeps on any system.
const MAX_KEPT: usize = 64;

/// One port, by TCP and by UDP, on the loopback. Linux drops what asks for a connection where a
/// listener's backlog is full; a datagram lies unread.
pub struct BlackHole {
    address: SocketAddr,
    _listener: Socket,
    _backlog: Vec<TcpStream>,
    _agent: UdpSocket,
}

impl BlackHole {
    /// Opens one on a port that the system chooses.
    ///
    /// # Errors
    ///
    /// When there is no such port, or connections to it succeed all the same.
    pub fn open() -> io::Result<Self> {
        let agent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = agent.local_addr()?;
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        listener.bind(&address.into())?;
        listener.listen(0)?;
        let mut backlog = Vec::new();
        while backlog.len() < MAX_KEPT {
            match TcpStream::connect_timeout(&address, ACCEPTED_WITHIN) {
                Ok(stream) => backlog.push(stream),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Ok(Self {
                        address,
                        _listener: listener,
                        _backlog: backlog,
                        _agent: agent,
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("the listener's backlog does not fill"))
    }

    /// Where to send what shall be swallowed.
    #[must_use]
    pub fn doors(&self) -> Doors {
        Doors::on(self.address.port())
    }
}
