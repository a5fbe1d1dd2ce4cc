//! Careless and hostile calls to the query API over gRPC.

use jaeger_all_in_one::{AllInOne, Port, Reason};
use tonic::Code;
use tonic::client::Grpc;
use tonic::transport::Channel;

use crate::support::grpc::{connect, stream};
use crate::support::{Open, Packet, UdpSender, get};

const GET_TRACE: &str = "/jaeger.api_v2.QueryService/GetTrace";
const GET_SERVICES: &str = "/jaeger.api_v2.QueryService/GetServices";
const FIND_TRACES: &str = "/jaeger.api_v2.QueryService/FindTraces";
/// The answers of several parts that may be in progress, as the manual says.
const LONG_ANSWERS: usize = 8;

/// A trace with the id 7, whose answer is about a megabyte.
fn filled() -> AllInOne {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for part in 0..60 {
        let ids = part * 200 + 1..=part * 200 + 200;
        let spans = ids.fold(Packet::of("shop"), |packet, id| packet.span(7, id, "buy", 1));
        sender.send_and_wait(&spans.build());
    }
    jaeger
}

/// A question with one field, 1: the id of a trace.
fn one() -> Vec<u8> {
    [&[0x0a, 16][..], &7_u128.to_be_bytes()].concat()
}

#[tokio::test]
async fn a_giant_question_is_refused_and_the_connection_goes_on() {
    let jaeger = AllInOne::start().expect("start");
    let mut client = connect(jaeger.at(Port::QueryGrpc)).await;
    for size in [17 << 10, 5 << 20] {
        let error = stream(&mut client, GET_SERVICES, &vec![0; size]).await.expect_err("refused");
        assert_eq!(error.code(), Code::ResourceExhausted, "{error}");
        stream(&mut client, GET_SERVICES, &[]).await.expect("the next question");
    }
    let stats = jaeger.door(Port::QueryGrpc).expect("the door").stats();
    assert_eq!(stats.refused(Reason::TooLarge), 2);
}

#[tokio::test]
async fn no_limit_in_a_question_decides_how_much_is_allocated() {
    let jaeger = filled();
    let mut client = connect(jaeger.at(Port::QueryGrpc)).await;
    for depth in [i32::MAX, 0, -1, i32::MIN] {
        let mut query = b"\x0a\x04shop\x40".to_vec();
        let mut number = i64::from(depth) as u64;
        while number >= 0x80 {
            query.push(number as u8 | 0x80);
            number >>= 7;
        }
        query.push(number as u8);
        let question = [&[0x0a, query.len() as u8][..], &query].concat();
        let found = stream(&mut client, FIND_TRACES, &question).await.expect("traces");
        assert!(found.len() >= 1_200, "{}", found.len());
        assert!(found.iter().all(|chunk| chunk.len() <= 4_096), "{depth}");
    }
}

/// Opens a call whose answer is not read. Its window is as small as HTTP/2 allows by default.
async fn unread(jaeger: &AllInOne) -> Grpc<Channel> {
    let endpoint = format!("http://{}", jaeger.at(Port::QueryGrpc));
    let endpoint = Channel::from_shared(endpoint).expect("an address");
    let endpoint = endpoint.initial_stream_window_size(1 << 10);
    Grpc::new(endpoint.connect().await.expect("connect"))
}

#[tokio::test]
async fn who_does_not_read_holds_up_no_other() {
    let jaeger = filled();
    let mut clients = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..LONG_ANSWERS {
        let mut client = unread(&jaeger).await;
        client.ready().await.expect("ready");
        let question = tonic::Request::new(one().into());
        let method = GET_TRACE.parse().expect("a method");
        let codec = jaeger_all_in_one::BytesCodec;
        answers.push(client.server_streaming(question, method, codec).await.expect("it begins"));
        clients.push(client);
    }
    let mut client = connect(jaeger.at(Port::QueryGrpc)).await;
    let error = stream(&mut client, GET_TRACE, &one()).await.expect_err("too many");
    assert_eq!(error.code(), Code::Unavailable, "{error}");
    stream(&mut client, GET_SERVICES, &[]).await.expect("a short answer");
    let address = jaeger.at(Port::Query);
    let page = tokio::task::spawn_blocking(move || get(address, "/api/services").status);
    assert_eq!(page.await.expect("an answer"), 200);

    // Where the client goes away, its place is free.
    drop((answers, clients));
    loop {
        match stream(&mut client, GET_TRACE, &one()).await {
            Ok(chunks) => break assert_eq!(chunks.len(), 1_200),
            Err(error) => assert_eq!(error.code(), Code::Unavailable, "{error}"),
        }
    }
}
