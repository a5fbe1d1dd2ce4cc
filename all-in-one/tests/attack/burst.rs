//! More datagrams than can be received: what does not fit into the kernel's buffer is lost, and
//! nothing else happens.

use std::net::{SocketAddr, UdpSocket};

use jaeger_all_in_one::{AllInOne, Port};

use crate::support::{Open, Packet, UdpSender, until};

/// How many datagrams the kernel has dropped at this address, as Linux counts them. The kernel
/// writes its table in pieces: where sockets are opened or closed between two of them, a line can
/// be missing. So the table is read until the line is there.
fn lost(address: SocketAddr) -> u64 {
    let mut drops = None;
    until("the kernel's table lists the door", || {
        drops = listed(address);
        drops.is_some()
    });
    drops.expect("the count")
}

/// The last column of the door's line in one reading of the table.
fn listed(address: SocketAddr) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/net/udp").expect("the kernel's table");
    let port = format!(":{:04X}", address.port());
    let columns = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut ours = columns.filter(|it| it.get(1).is_some_and(|local| local.ends_with(&port)));
    ours.next()?.last()?.parse().ok()
}

#[test]
fn of_ten_thousand_packets_each_is_taken_or_counted_by_the_kernel() {
    const SENT: u64 = 10_000;
    let jaeger = AllInOne::start().expect("start");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for id in 1..=SENT {
        let packet = Packet::of("burst").span(id, 1, "op", id).build();
        socket.send_to(&packet, jaeger.at(Port::AgentCompact)).expect("send");
    }
    let taken = || jaeger.agent_stats().packets;
    until("each is taken or lost", || taken() + lost(jaeger.at(Port::AgentCompact)) >= SENT);
    let (taken, lost) = (taken(), lost(jaeger.at(Port::AgentCompact)));
    println!("of {SENT} packets {taken} were taken and {lost} lost");
    assert_eq!(taken + lost, SENT);
    assert_eq!(jaeger.agent_stats().spans, taken, "each one that was taken is a span");
    UdpSender::new(&jaeger).send_and_wait(&Packet::of("after").span(1, 1, "op", 1).build());
    assert_eq!(jaeger.stored("after").len(), 1);
}
