//! The query API over gRPC, asked by a client of tonic's; health checks and reflection.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};

use jaeger_all_in_one::{AllInOne, Config, Port, Reason};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use support::{Open, Packet, UdpSender, get, grpc};
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

#[derive(Clone, PartialEq, Message)]
struct Moment {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// A search, in both versions of the API.
#[derive(Clone, PartialEq, Message)]
struct Query {
    #[prost(string, tag = "1")]
    service: String,
    #[prost(string, tag = "2")]
    operation: String,
    #[prost(btree_map = "string, string", tag = "3")]
    tags: BTreeMap<String, String>,
    #[prost(message, tag = "4")]
    earliest: Option<Moment>,
    #[prost(message, tag = "5")]
    latest: Option<Moment>,
    #[prost(message, tag = "6")]
    shortest: Option<Moment>,
    #[prost(message, tag = "7")]
    longest: Option<Moment>,
    #[prost(int32, tag = "8")]
    depth: i32,
}

#[derive(Clone, PartialEq, Message)]
struct FindTraces {
    #[prost(message, tag = "1")]
    query: Option<Query>,
}

#[derive(Clone, PartialEq, Message)]
struct GetTrace {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Process {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    operation: String,
    #[prost(message, tag = "6")]
    start: Option<Moment>,
    #[prost(message, tag = "7")]
    duration: Option<Moment>,
    #[prost(message, tag = "10")]
    process: Option<Process>,
}

#[derive(Clone, PartialEq, Message)]
struct Chunk {
    #[prost(message, repeated, tag = "1")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Operation {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    kind: String,
}

#[derive(Clone, PartialEq, Message)]
struct Operations {
    #[prost(string, repeated, tag = "1")]
    names: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    operations: Vec<Operation>,
}

#[derive(Clone, PartialEq, Message)]
struct Names {
    #[prost(string, repeated, tag = "1")]
    names: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Link {
    #[prost(string, tag = "1")]
    parent: String,
    #[prost(string, tag = "2")]
    child: String,
    #[prost(uint64, tag = "3")]
    calls: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Links {
    #[prost(message, repeated, tag = "1")]
    links: Vec<Link>,
}

#[derive(Clone, PartialEq, Message)]
struct Times {
    #[prost(message, tag = "1")]
    start: Option<Moment>,
    #[prost(message, tag = "2")]
    end: Option<Moment>,
}

const V2: &str = "/jaeger.api_v2.QueryService";
const V3: &str = "/jaeger.api_v3.QueryService";

fn at(seconds: i64) -> Option<Moment> {
    Some(Moment { seconds, nanos: 0 })
}

fn find(query: Query) -> Vec<u8> {
    FindTraces { query: Some(query) }.encode_to_vec()
}

fn shop(depth: i32) -> Query {
    let (earliest, latest) = (at(0), at(4_000_000_000));
    Query { service: "shop".to_owned(), earliest, latest, depth, ..Query::default() }
}

fn id(id: u64) -> Vec<u8> {
    GetTrace { id: u128::from(id).to_be_bytes().to_vec() }.encode_to_vec()
}

async fn ask<M: Message + Default>(
    client: &mut Grpc<Channel>,
    method: &str,
    question: &[u8],
) -> Result<Vec<M>, Status> {
    let messages = grpc::stream(client, method, question).await?;
    Ok(messages.iter().map(|message| M::decode(&**message).expect("a message")).collect())
}

/// A trace of 25 spans of a shop, and one of a shop that calls a bank.
fn filled(config: Config) -> AllInOne {
    let jaeger = AllInOne::start_with(config).expect("start");
    let mut sender = UdpSender::new(&jaeger);
    let many = (1..=25).fold(Packet::of("shop"), |packet, id| packet.span(1, id, "buy", 1_000_000));
    sender.send_and_wait(&many.build());
    sender.send_and_wait(&Packet::of("shop").span(2, 1, "pay", 2_000_000).build());
    sender.send_and_wait(&Packet::of("bank").child(2, 2, 1, "book", 2_000_000, 5).build());
    jaeger
}

#[tokio::test]
async fn the_second_version_answers_as_jaeger_1_35() {
    let jaeger = filled(Config::ephemeral());
    let mut client = grpc::connect(jaeger.at(Port::QueryGrpc)).await;

    let names: Vec<Names> =
        ask(&mut client, &format!("{V2}/GetServices"), &[]).await.expect("names");
    assert_eq!(names[0].names, ["bank", "shop"]);

    let question = Operation { name: "shop".to_owned(), kind: String::new() }.encode_to_vec();
    let operations: Vec<Operations> =
        ask(&mut client, &format!("{V2}/GetOperations"), &question).await.expect("operations");
    assert_eq!(operations[0].names, ["buy", "pay"]);
    assert_eq!(operations[0].operations.len(), 2);

    let chunks: Vec<Chunk> =
        ask(&mut client, &format!("{V2}/GetTrace"), &id(1)).await.expect("a trace");
    let sizes: Vec<_> = chunks.iter().map(|chunk| chunk.spans.len()).collect();
    assert_eq!(sizes, [10, 10, 5]);
    let span = &chunks[0].spans[0];
    assert_eq!(span.trace_id, 1_u128.to_be_bytes());
    assert_eq!(span.span_id, 1_u64.to_be_bytes());
    assert_eq!((&*span.operation, span.start.clone()), ("buy", at(1)));
    assert_eq!(span.process.as_ref().map(|process| &*process.service), Some("shop"));

    let traces = format!("{V2}/FindTraces");
    for (query, spans) in [
        (shop(0), 27),
        (shop(1), 2),
        (shop(-1), 27),
        (Query { earliest: None, latest: None, ..shop(0) }, 27),
        (Query { latest: at(1), ..shop(0) }, 25),
        (Query { earliest: at(2), ..shop(0) }, 2),
        (Query { operation: "pay".to_owned(), ..shop(0) }, 2),
        (Query { shortest: at(1_000), ..shop(0) }, 0),
        (Query { tags: [("no".to_owned(), "such".to_owned())].into(), ..shop(0) }, 0),
        (Query { service: String::new(), ..shop(0) }, 0),
    ] {
        let found: Vec<Chunk> = ask(&mut client, &traces, &find(query.clone())).await.expect("it");
        let count: usize = found.iter().map(|chunk| chunk.spans.len()).sum();
        assert_eq!(count, spans, "{query:?}");
    }

    let times = Times { start: at(0), end: at(3) }.encode_to_vec();
    let links: Vec<Links> =
        ask(&mut client, &format!("{V2}/GetDependencies"), &times).await.expect("links");
    let link = Link { parent: "shop".to_owned(), child: "bank".to_owned(), calls: 1 };
    assert_eq!(links[0].links, [link]);
}

#[tokio::test]
async fn errors_have_the_codes_and_words_of_jaeger() {
    let jaeger = filled(Config::ephemeral());
    let mut client = grpc::connect(jaeger.at(Port::QueryGrpc)).await;
    let wrong_id = GetTrace { id: vec![1; 7] }.encode_to_vec();
    let third = |query: Query| find(query);
    for (method, question, code, why) in [
        (format!("{V2}/GetTrace"), id(77), Code::NotFound, "trace not found: trace not found"),
        (format!("{V2}/GetTrace"), vec![], Code::InvalidArgument, "uninitialized TraceID"),
        (format!("{V2}/GetTrace"), wrong_id, Code::Internal, "invalid length for TraceID"),
        (format!("{V2}/GetTrace"), vec![0x0a, 9], Code::Internal, "unmarshal"),
        (format!("{V2}/FindTraces"), vec![], Code::InvalidArgument, "missing query"),
        (
            format!("{V2}/ArchiveTrace"),
            id(1),
            Code::Internal,
            "failed to archive trace: archive span storage was not configured",
        ),
        (format!("{V2}/ArchiveTrace"), vec![], Code::InvalidArgument, "uninitialized TraceID"),
        (
            format!("{V2}/GetDependencies"),
            vec![],
            Code::InvalidArgument,
            "StartTime and EndTime must be initialized.",
        ),
        (format!("{V2}/Nothing"), vec![], Code::Unimplemented, "unknown method Nothing for"),
        ("/a.B/C".to_owned(), vec![], Code::Unimplemented, "unknown service a.B"),
        (
            "/jaeger.api_v2.metrics.MetricsQueryService/GetLatencies".to_owned(),
            vec![],
            Code::Unimplemented,
            "metrics querying is currently disabled",
        ),
        (
            format!("{V3}/GetTrace"),
            GetTrace { id: b"xyz".to_vec() }.encode_to_vec(),
            Code::Unknown,
            "malform trace ID",
        ),
        (format!("{V3}/FindTraces"), vec![], Code::InvalidArgument, "missing query"),
        (
            format!("{V3}/FindTraces"),
            third(Query { latest: None, ..shop(1) }),
            Code::Unknown,
            "start time min and max are required parameters",
        ),
        (
            format!("{V3}/FindTraces"),
            third(Query { latest: at(-1), ..shop(1) }),
            Code::InvalidArgument,
            "start_time_min must be before start_time_max",
        ),
        (
            format!("{V3}/FindTraces"),
            third(shop(0)),
            Code::InvalidArgument,
            "search depth must be greater than 0",
        ),
    ] {
        let error = grpc::stream(&mut client, &method, &question).await.expect_err(&method);
        assert_eq!(error.code(), code, "{method}: {error}");
        assert!(error.message().contains(why), "{method}: {error}");
    }
    let stats = jaeger.door(Port::QueryGrpc).expect("the door").stats();
    assert_eq!(stats.refused(Reason::Unsupported), 3);
    assert_eq!(stats.packets, 16);
}

#[tokio::test]
async fn the_third_version_answers_as_jaeger_2() {
    let jaeger = filled(Config::ephemeral());
    let mut client = grpc::connect(jaeger.at(Port::QueryGrpc)).await;
    let count = |all: &[TracesData]| {
        let resources = all.iter().flat_map(|data| &data.resource_spans);
        let scopes = resources.flat_map(|resource| &resource.scope_spans);
        scopes.map(|scope| scope.spans.len()).sum::<usize>()
    };
    let one = |id: &str| GetTrace { id: id.into() }.encode_to_vec();
    let get = format!("{V3}/GetTrace");
    let trace: Vec<TracesData> = ask(&mut client, &get, &one("1")).await.expect("a trace");
    assert_eq!(count(&trace), 25);
    let none: Vec<TracesData> = ask(&mut client, &get, &one("77")).await.expect("no trace");
    assert!(none.is_empty());
    let traces = format!("{V3}/FindTraces");
    for (query, spans) in
        [(shop(10), 27), (shop(1), 2), (Query { service: String::new(), ..shop(10) }, 27)]
    {
        let found: Vec<TracesData> = ask(&mut client, &traces, &find(query)).await.expect("it");
        assert_eq!(count(&found), spans);
    }
    let question = Operation { name: "shop".to_owned(), kind: String::new() }.encode_to_vec();
    #[derive(Clone, PartialEq, Message)]
    struct Answer {
        #[prost(message, repeated, tag = "1")]
        operations: Vec<Operation>,
    }
    let operations: Vec<Answer> =
        ask(&mut client, &format!("{V3}/GetOperations"), &question).await.expect("operations");
    let buy = Operation { name: "buy".to_owned(), kind: "internal".to_owned() };
    assert_eq!(operations[0].operations[0], buy);
    let names: Vec<Names> =
        ask(&mut client, &format!("{V3}/GetServices"), &[]).await.expect("names");
    assert_eq!(names[0].names, ["bank", "shop"]);
}

#[tokio::test]
async fn a_long_trace_comes_whole() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    for part in 0..60 {
        let ids = part * 200 + 1..=part * 200 + 200;
        let spans = ids.fold(Packet::of("shop"), |packet, id| packet.span(7, id, "buy", 1));
        sender.send_and_wait(&spans.build());
    }
    let mut client = grpc::connect(jaeger.at(Port::QueryGrpc)).await;
    let chunks: Vec<Chunk> =
        ask(&mut client, &format!("{V2}/GetTrace"), &id(7)).await.expect("a trace");
    let count: usize = chunks.iter().map(|chunk| chunk.spans.len()).sum();
    assert_eq!(count, 12_000);
    assert!(chunks.iter().all(|chunk| chunk.spans.len() <= 10));
}

#[tokio::test]
async fn one_port_takes_http_and_grpc() {
    // Another program may take the number first.
    let jaeger = (0..20).find_map(|_| {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let number = free.expect("a free port").port();
        let config = Config::ephemeral().listen(Port::Query, number);
        let jaeger = AllInOne::start_with(config.listen(Port::QueryGrpc, number)).ok()?;
        let mut sender = UdpSender::new(&jaeger);
        sender.send_and_wait(&Packet::of("shop").span(1, 1, "GET /\"<>", 1_000_000).build());
        drop(sender);
        Some(jaeger)
    });
    let jaeger = jaeger.expect("a port that is free for both");
    let address = jaeger.at(Port::Query);
    assert_eq!(jaeger.at(Port::QueryGrpc), address);
    let mut client = grpc::connect(address).await;
    for _ in 0..3 {
        let answer = tokio::task::spawn_blocking(move || get(address, "/api/services"));
        assert!(answer.await.expect("an answer").text().contains("shop"));
        let names: Vec<Names> =
            ask(&mut client, &format!("{V2}/GetServices"), &[]).await.expect("names");
        assert_eq!(names[0].names, ["shop"]);
        // Its text looks like a request line, which HTTP/1 would have escaped.
        let query = Query { operation: "GET /\"<>".to_owned(), ..shop(1) };
        let found: Vec<Chunk> =
            ask(&mut client, &format!("{V2}/FindTraces"), &find(query)).await.expect("it");
        assert_eq!(found.len(), 1);
    }
    jaeger.shutdown().await;
}

async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("connect")
}

#[tokio::test]
async fn every_grpc_port_has_health_and_reflection() {
    let jaeger = AllInOne::start().expect("start");
    for (port, services, method) in [
        (
            Port::QueryGrpc,
            &["jaeger.api_v2.QueryService", "jaeger.api_v3.QueryService"][..],
            "jaeger.api_v3.QueryService.FindTraces",
        ),
        (
            Port::CollectorGrpc,
            &["jaeger.api_v2.CollectorService", "jaeger.api_v2.SamplingManager"],
            "jaeger.api_v2.SamplingManager",
        ),
        (
            Port::OtlpGrpc,
            &["opentelemetry.proto.collector.trace.v1.TraceService"],
            "opentelemetry.proto.trace.v1.Span",
        ),
    ] {
        let channel = channel(jaeger.at(port)).await;
        let mut health = HealthClient::new(channel.clone());
        for service in ["", services[0]] {
            let question = HealthCheckRequest { service: service.to_owned() };
            let answer = health.check(question).await.expect(service).into_inner();
            assert_eq!(answer.status, 1, "{service} is serving");
        }
        let unknown = HealthCheckRequest { service: "unknown".to_owned() };
        assert_eq!(health.check(unknown).await.expect_err("none").code(), Code::NotFound);

        let mut reflection = ServerReflectionClient::new(channel);
        let questions = [
            MessageRequest::ListServices(String::new()),
            MessageRequest::FileContainingSymbol(method.to_owned()),
        ];
        let questions = questions.map(|message| ServerReflectionRequest {
            host: String::new(),
            message_request: Some(message),
        });
        let questions = tokio_stream::iter(questions);
        let answers = reflection.server_reflection_info(questions).await.expect("answers");
        let mut answers = answers.into_inner();
        let list = answers.message().await.expect("an answer").expect("an answer");
        let Some(MessageResponse::ListServicesResponse(list)) = list.message_response else {
            panic!("{list:?}")
        };
        let names: Vec<_> = list.service.iter().map(|service| &*service.name).collect();
        for service in services.iter().chain(&["grpc.health.v1.Health"]) {
            assert!(names.contains(service), "{service} is not in {names:?}");
        }
        let file = answers.message().await.expect("an answer").expect("an answer");
        let Some(MessageResponse::FileDescriptorResponse(file)) = file.message_response else {
            panic!("{file:?}")
        };
        assert!(!file.file_descriptor_proto.is_empty(), "{method}");
    }
}
