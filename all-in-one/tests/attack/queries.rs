//! Queries that ask for too much, or for what is not there.

use jaeger_all_in_one::{AllInOne, Port};

use crate::support::{Open, Packet, UdpSender, get};

#[test]
fn no_number_in_a_question_decides_how_much_is_allocated() {
    let jaeger = AllInOne::start().expect("start");
    UdpSender::new(&jaeger).send_and_wait(&Packet::of("shop").span(1, 1, "buy", 1).build());
    for limit in ["0", "-1", "2147483647", "-2147483648"] {
        let answer =
            get(jaeger.at(Port::Query), &format!("/api/traces?service=shop&start=0&limit={limit}"));
        assert_eq!(answer.status, 200, "{limit}");
        assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(1), "{limit}");
    }
    for limit in ["1000000000000", "9223372036854775808", "1e3", "0x10"] {
        let answer =
            get(jaeger.at(Port::Query), &format!("/api/traces?service=shop&limit={limit}"));
        assert_eq!(answer.status, 400, "{limit}");
    }
    let times = "query.startTimeMin=0000-01-01T00:00:00Z&query.startTimeMax=9999-12-31T23:59:59Z";
    for (more, status) in [
        ("query.searchDepth=100000", 200),
        ("query.searchDepth=100001", 500),
        ("query.searchDepth=-9223372036854775808", 500),
        ("query.searchDepth=9223372036854775808", 400),
        ("query.durationMin=-2562047h47m16.854775808s", 200),
        ("query.durationMin=2562047h47m16.854775807s", 200),
        ("query.durationMax=2562048h", 400),
    ] {
        let path = format!("/api/v3/trace-summaries?{times}&{more}");
        assert_eq!(get(jaeger.at(Port::Query), &path).status, status, "{more}");
    }
}

#[test]
fn what_is_not_there_is_said_so() {
    let jaeger = AllInOne::start().expect("start");
    for (path, status) in [
        ("/api/traces/abc", 404),
        ("/api/traces/zz", 400),
        ("/api/traces/000000000000000000000000000000001", 400),
        ("/api/traces/%00", 400),
        ("/api/traces", 400),
        ("/api/traces?service=none", 200),
        ("/api/services/none/operations", 200),
        ("/api/services/%ff%fe/operations", 200),
        ("/api/operations?service=none", 200),
        ("/api/operations", 400),
        ("/api/dependencies?endTs=x", 400),
        ("/api/dependencies?endTs=-9223372036854775808&lookback=9223372036854775807", 200),
    ] {
        let answer = get(jaeger.at(Port::Query), path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        let json = answer.json();
        for field in ["data", "total", "limit", "offset", "errors"] {
            assert!(json.get(field).is_some(), "{path}: no {field} in {json}");
        }
        assert_eq!(json["errors"].is_array(), status != 200, "{path}: {json}");
    }
}
