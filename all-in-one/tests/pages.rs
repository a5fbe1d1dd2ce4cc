//! The query port apart from its JSON: the web pages, compression, the Host header, and paths that
//! try to leave the pages.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::io::Read;

use flate2::read::GzDecoder;
use jaeger_all_in_one::{AllInOne, Config, Port};
use support::{Open, Packet, UdpSender, get, request};

const GZIP: (&str, &str) = ("Accept-Encoding", "gzip, deflate");

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).expect("gzip");
    plain
}

/// The files that the page loads.
fn files(index: &str) -> Vec<String> {
    let parts = index.split(['"', '\'']).filter(|part| part.starts_with("./static/"));
    let files = parts.filter(|part| !part.contains("-legacy-"));
    files.map(|part| part.trim_start_matches('.').to_owned()).collect()
}

#[test]
fn the_page_and_what_it_loads_are_served() {
    let jaeger = AllInOne::start().expect("start");
    let address = jaeger.at(Port::Query);
    let index = get(address, "/");
    assert_eq!(index.status, 200);
    assert_eq!(index.header("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(index.header("X-Content-Type-Options"), Some("nosniff"));
    assert!(index.text().contains(r#"<base href="/""#));
    assert!(!index.text().contains("JAEGER_VERSION = DEFAULT_VERSION"));
    let files = files(&index.text());
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        let plain = get(address, &file);
        assert_eq!(plain.status, 200, "{file}");
        assert_eq!(plain.header("Content-Encoding"), None);
        assert_eq!(plain.header("X-Content-Type-Options"), Some("nosniff"));
        let kind = match file.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            _ => "image/x-icon",
        };
        assert_eq!(plain.header("Content-Type"), Some(kind), "{file}");
        let packed = request(address, "GET", &file, &[GZIP]);
        assert_eq!(packed.header("Content-Encoding"), Some("gzip"));
        assert_eq!(gunzip(&packed.body), plain.body, "{file}");
        let etag = packed.header("ETag").expect("an ETag");
        let again = request(address, "GET", &file, &[GZIP, ("If-None-Match", etag)]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{file}");
    }
}

#[test]
fn the_page_runs_its_own_scripts_only() {
    let jaeger = AllInOne::start().expect("start");
    let index = get(jaeger.at(Port::Query), "/search");
    let policy = index.header("Content-Security-Policy").expect("a policy");
    let text = index.text();
    let tags = text.matches("<script").count() - text.matches(" src=").count();
    assert_eq!(policy.matches("'sha256-").count(), tags, "{policy}");
    let scripts = policy.split(';').find(|rule| rule.trim().starts_with("script-src"));
    let scripts = scripts.expect("a rule for scripts");
    for loose in ["'unsafe-inline'", "'unsafe-eval'", "http", "*"] {
        assert!(!scripts.contains(loose), "{scripts}");
    }
    assert_eq!(
        get(jaeger.at(Port::Query), "/api/services").header("Content-Security-Policy"),
        None
    );
}

#[test]
fn the_licence_of_the_pages_comes_with_them() {
    let jaeger = AllInOne::start().expect("start");
    let licence = get(jaeger.at(Port::Query), "/static/LICENSE.txt");
    assert_eq!(licence.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert!(licence.text().contains("Apache License"));
}

#[test]
fn the_page_s_own_paths_give_the_page() {
    let jaeger = AllInOne::start().expect("start");
    let index = get(jaeger.at(Port::Query), "/").body;
    for path in
        ["/search", "/trace/1f00", "/trace/1...2", "/dependencies", "/monitor", "/api/unknown"]
    {
        let page = get(jaeger.at(Port::Query), path);
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.body, index, "{path}");
    }
    assert_eq!(get(jaeger.at(Port::Query), "/static/none.js").status, 404);
    assert_eq!(get(jaeger.at(Port::Query), "/favicon.ico").status, 200);
}

#[test]
fn no_path_leads_out_of_the_pages() {
    let jaeger = AllInOne::start().expect("start");
    let long = format!("/static/{}", "a/".repeat(5_000));
    for path in [
        "/static/../../../../etc/passwd",
        "/static/..%2f..%2f..%2f..%2fetc/passwd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/%00",
        "/static/",
        "//etc/passwd",
        "/..",
        "/api/traces/../../etc/passwd",
        "/static/....//....//etc/passwd",
        &long,
    ] {
        let answer = get(jaeger.at(Port::Query), path);
        let text = answer.text();
        let harmless = text.contains("<title>Jaeger UI</title>") || answer.status >= 300;
        assert!(harmless && !text.contains("root:"), "{path}: {} {text}", answer.status);
    }
}

#[test]
fn under_a_base_path_everything_moves() {
    let config = Config::ephemeral().base_path("/jaeger/ui");
    let jaeger = AllInOne::start_with(config).expect("start");
    let address = jaeger.at(Port::Query);
    assert!(jaeger.query_url().is_ok_and(|url| url.ends_with("/jaeger/ui")));
    let index = get(address, "/jaeger/ui/search").text();
    assert!(index.contains(r#"<base href="/jaeger/ui/""#));
    for file in files(&index) {
        assert_eq!(get(address, &format!("/jaeger/ui{file}")).status, 200, "{file}");
    }
    assert_eq!(get(address, "/jaeger/ui/api/services").json()["total"], 0);
    assert_eq!(get(address, "/api/services").status, 404);
    assert_eq!(get(address, "/jaeger/uix").status, 404);
    let root = get(address, "/");
    assert_eq!((root.status, root.header("Location")), (302, Some("/jaeger/ui/")));
}

#[test]
fn a_foreign_host_header_is_refused() {
    let jaeger = AllInOne::start().expect("start");
    let address = jaeger.at(Port::Query);
    let ask = |host: &str| request(address, "GET", "/api/services", &[("Host", host)]).status;
    for own in ["localhost", "localhost:16686", "127.0.0.1:1", "[::1]:16686", "[::1]", "192.0.2.1"]
    {
        assert_eq!(ask(own), 200, "{own}");
    }
    for foreign in ["evil.example", "evil.example:16686", "127.0.0.1.evil.example"] {
        assert_eq!(ask(foreign), 403, "{foreign}");
    }
}

#[test]
fn answers_are_compressed_where_the_client_takes_it() {
    let jaeger = AllInOne::start().expect("start");
    UdpSender::new(&jaeger).send_and_wait(&Packet::of("zip").span(1, 1, "op", 1).build());
    let plain = get(jaeger.at(Port::Query), "/api/traces/1");
    assert_eq!(plain.header("Content-Encoding"), None);
    assert_eq!(plain.header("Vary"), Some("Accept-Encoding"));
    let packed = request(jaeger.at(Port::Query), "GET", "/api/traces/1", &[GZIP]);
    assert_eq!(packed.header("Content-Encoding"), Some("gzip"));
    assert_eq!(gunzip(&packed.body), plain.body);
}

#[test]
fn numbers_that_json_has_not_do_not_spoil_a_search() {
    let jaeger = AllInOne::start().expect("start");
    let mut sender = UdpSender::new(&jaeger);
    let mut packet = support::Packet::of("nan").span(1, 1, "op", 1).build();
    // One tag, `nan` of type double, inserted before the end of the span.
    let end = packet.len() - 3;
    let mut tag = b"\x19\x1c\x18\x03nan\x15\x02\x27".to_vec();
    tag.extend(f64::NAN.to_le_bytes());
    tag.push(0);
    packet.splice(end..end, tag);
    sender.send_and_wait(&packet);
    let trace = get(jaeger.at(Port::Query), "/api/traces/1");
    assert_eq!(trace.status, 200);
    assert_eq!(trace.json()["data"][0]["spans"][0]["tags"][0]["value"], "NaN");
}

/// The page sends OTLP to `/api/transform`, and reads Jaeger's JSON itself.
#[test]
#[ignore = "needs chromium and chromedriver: make test-browser"]
fn the_page_shows_an_uploaded_file() {
    let sender = AllInOne::start().expect("start");
    let packet = Packet::of("shop").child(7, 1, 0, "buy", 1_000_000, 10);
    UdpSender::new(&sender).send_and_wait(&packet.build());
    let file = std::env::temp_dir().join(format!("upload-{}.json", std::process::id()));
    sender.save(&file).expect("saved");
    let jaeger = AllInOne::start().expect("start");
    let pages = testbed::Pages::open(&jaeger.query_url().expect("open")).expect("a browser");
    pages.upload(&file).expect("a trace is shown");
    let titles = pages.browser().texts(".ResultItemTitle--title").expect("its title");
    assert!(titles.iter().any(|title| title.contains("shop: buy")), "{titles:?}");
    std::fs::remove_file(file).expect("removed");
}
