//! The spans of each version of OpenTelemetry's SDK read the same.

#![doc = include_str!("../../src/sdk.md")]
#![cfg(test)]

include!("story.rs");

/// The service is the resource's in 0.23, and the parameter in later versions.
macro_rules! version {
    ($name:ident, $opentelemetry:ident, $sdk:ident $(:: $testing:ident)?, $provider:ident, $service:literal) => {
        #[test]
        fn $name() {
            use $sdk $(:: $testing)?::trace::InMemorySpanExporter as Exporter;
            use $sdk::trace::$provider as Provider;

            let exporter = Exporter::default();
            let provider = Provider::builder().with_simple_exporter(exporter.clone());
            let provider = version!(@resource $name, provider).build();
            record_story!($opentelemetry, provider);
            let traces = expect_trace::sdk::traces(&exporter.get_finished_spans().unwrap(), $service);
            assert_eq!(traces.len(), 2);
            assert_eq!(traces[0].to_string(), "shop: order\n");
            assert_eq!(traces[1].to_string().trim(), STORY.trim());
            assert_eq!(traces[1].id().map(str::len), Some(32));
            let buy = traces[1].span("POST /buy").unwrap();
            assert_eq!(buy.start, 1_700_000_000_010_000_000);
            assert_eq!(buy.duration.as_millis(), 40);
        }
    };
    (@resource v0_23, $provider:ident) => {
        $provider.with_config(opentelemetry_sdk_0_23::trace::Config::default().with_resource(
            opentelemetry_sdk_0_23::Resource::new([opentelemetry_0_23::KeyValue::new("service.name", "shop")]),
        ))
    };
    (@resource $name:ident, $provider:ident) => {
        $provider
    };
}

version!(v0_23, opentelemetry_0_23, opentelemetry_sdk_0_23::testing, TracerProvider, "ignored");
version!(v0_27, opentelemetry_0_27, opentelemetry_sdk_0_27::testing, TracerProvider, "shop");
version!(v0_28, opentelemetry_0_28, opentelemetry_sdk_0_28, SdkTracerProvider, "shop");
version!(v0_29, opentelemetry_0_29, opentelemetry_sdk_0_29, SdkTracerProvider, "shop");
version!(v0_30, opentelemetry_0_30, opentelemetry_sdk_0_30, SdkTracerProvider, "shop");
version!(v0_31, opentelemetry_0_31, opentelemetry_sdk_0_31, SdkTracerProvider, "shop");
version!(v0_32, opentelemetry_0_32, opentelemetry_sdk_0_32, SdkTracerProvider, "shop");
version!(v0_33, opentelemetry, opentelemetry_sdk, SdkTracerProvider, "shop");
