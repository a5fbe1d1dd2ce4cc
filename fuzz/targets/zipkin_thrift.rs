#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| jaeger_all_in_one::fuzz::zipkin_thrift(bytes));
