//! Who can reach the ports.

use crate::support::Open;
use jaeger_all_in_one::{AllInOne, Config, Port};

#[test]
fn only_this_machine_reaches_a_port_unless_others_are_let_in() {
    for (host, loopback) in [("127.0.0.1", true), ("::1", true), ("0.0.0.0", false)] {
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
    assert_eq!(Config::default().listen_host, "127.0.0.1");
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
