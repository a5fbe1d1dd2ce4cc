//! What reflection says of the services. It is compiled from `proto/`, which has the messages of
//! Jaeger and of OpenTelemetry without their comments and options; none of them changes a byte that
//! is sent. `UPDATE_EXPECT=1` writes the compiled files anew.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use prost::Message as _;

/// The compiled files, and the services in each.
const FILES: [(&str, &[&str]); 3] = [
    ("src/query/grpc/descriptors.pb", &["query.proto", "query_service.proto"]),
    ("src/receive/protobuf/descriptors.pb", &["collector.proto", "sampling.proto"]),
    (
        "src/receive/otlp/descriptors.pb",
        &["opentelemetry/proto/collector/trace/v1/trace_service.proto"],
    ),
];

#[test]
fn the_compiled_descriptors_are_those_of_the_proto_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    for (compiled, files) in FILES {
        let mut set = protox::compile(files, [folder.join("proto")]).expect("they compile");
        for file in &mut set.file {
            file.source_code_info = None;
        }
        let bytes = set.encode_to_vec();
        let path = folder.join(compiled);
        if update {
            fs::write(&path, &bytes).expect("written");
        }
        let known = fs::read(&path).unwrap_or_default();
        assert!(known == bytes, "{compiled} is not up to date: run this test with UPDATE_EXPECT=1");
    }
}
