//! Who can reach the ports.

use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};

use crate::support::{Open, Packet, get, until};
use jaeger_all_in_one::{AllInOne, Config, Port};

#[test]
fn only_this_machine_reaches_a_port_unless_others_are_let_in() {
    for (host, loopback) in
        [("localhost", true), ("127.0.0.1", true), ("::1", true), ("0.0.0.0", false)]
    {
        let config = Config::ephemeral().listen_host(host);
        let jaeger = match AllInOne::start_with(config) {
            // Some machines have no IPv6.
            Err(_) if host == "::1" => continue,
            jaeger => jaeger.expect(host),
        };
        let doors = jaeger.doors().iter().map(|door| door.address);
        for address in doors.chain([jaeger.at(Port::Query), jaeger.at(Port::Admin)]) {
            assert_eq!(address.ip().is_loopback(), loopback, "{address}");
        }
    }
    assert_eq!(Config::default().listen_host, "localhost");
}

#[test]
fn each_port_is_on_both_loopback_addresses() {
    let Ok(taken) = TcpListener::bind("[::1]:0") else { return }; // some machines have no IPv6
    let jaeger = AllInOne::start().expect("start");
    let v6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, jaeger.at(port).port()));
    for port in Port::ALL {
        assert!(jaeger.at(port).is_ipv4(), "{port}");
        if !port.is_udp() {
            TcpStream::connect(v6(port)).expect("an open port");
        }
    }
    let socket = UdpSocket::bind("[::1]:0").expect("a socket");
    for (spans, port) in [Port::AgentCompact, Port::AgentZipkin].into_iter().enumerate() {
        let packet = Packet::of("shop").span(spans as u64 + 1, 1, "buy", 1).build();
        socket.send_to(&packet, v6(port)).expect("send");
    }
    let spans = || jaeger.doors().iter().map(|door| door.stats().spans).sum::<u64>();
    until("the spans of both", || spans() == 2);
    let answer = get(v6(Port::Query), "/api/services");
    assert_eq!(answer.json()["data"], serde_json::json!(["shop"]));

    // Where another program has the number on one of them, spans would get lost.
    let number = taken.local_addr().expect("an address").port();
    let config = Config::ephemeral().listen(Port::OtlpHttp, number);
    let error = AllInOne::start_with(config).expect_err("the port is in use").to_string();
    assert!(error.contains(&format!("[::1]:{number}")), "{error}");
}

#[tokio::test]
async fn a_stop_during_a_load_is_soon_done() {
    let jaeger = AllInOne::start().expect("start");
    let agent = jaeger.at(Port::AgentCompact);
    let (done, stop) = std::sync::mpsc::channel::<()>();
    let sender = std::thread::spawn(move || {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let packet = crate::support::Packet::of("load").span(1, 1, "op", 1).build();
        while stop.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            // Once the port is closed, the kernel refuses.
            let _ = socket.send_to(&packet, agent);
        }
    });
    crate::support::until("the load arrives", || jaeger.agent_stats().packets > 100);
    let begin = std::time::Instant::now();
    jaeger.shutdown().await;
    let took = begin.elapsed();
    drop(done);
    sender.join().expect("the sender");
    assert!(took < crate::support::PATIENCE / 2, "{took:?}");
}
