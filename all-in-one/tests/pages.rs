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

/// A folder of this test's own, which is removed at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("pages-{name}-{}", std::process::id()));
        std::fs::create_dir_all(path.join("ui/static")).expect("a folder");
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> std::path::PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("write");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The nonce in the policy of a page, which is that of each of its scripts.
fn nonce(page: &support::Answer) -> String {
    let policy = page.header("Content-Security-Policy").expect("a policy");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next());
    let nonce = nonce.expect("a nonce").to_owned();
    let text = page.text();
    assert_eq!(text.matches("<script").count(), text.matches(&nonce).count());
    nonce
}

#[test]
fn the_page_has_the_settings_of_a_file() {
    let folder = Folder::new("settings");
    let file = folder.write("ui.json", r#"{"menu": [{"label": "</script>"}]}"#);
    let config = Config::ephemeral().base_path("/jaeger").ui_config(&file);
    let jaeger = AllInOne::start_with(config).expect("start");
    let page = |path| get(jaeger.at(Port::Query), path);
    let before = page("/jaeger/search");
    let settings = r#"JAEGER_CONFIG = {"menu":[{"label":"\u003c/script\u003e"}]};"#;
    assert!(before.text().contains(settings), "{}", before.text());
    assert!(before.text().contains(r#"<base href="/jaeger/""#));
    assert_ne!(nonce(&before), nonce(&page("/jaeger/")));
    folder.write("ui.json", r#"{"new": true}"#);
    assert!(page("/jaeger/").text().contains(r#"JAEGER_CONFIG = {"new":true};"#));
    folder.write("ui.json", "{");
    let broken = page("/jaeger/");
    assert_eq!(broken.status, 500);
    assert!(broken.text().contains("it is not JSON"), "{}", broken.text());
    assert_eq!(page("/jaeger/api/services").status, 200);

    let script = folder.write("ui.js", "function UIConfig() { return {}; }");
    let jaeger = AllInOne::start_with(Config::ephemeral().ui_config(script)).expect("start");
    let page = get(jaeger.at(Port::Query), "/");
    assert!(page.text().contains("function UIConfig() { return {}; }"));
    nonce(&page);
}

#[test]
fn another_build_of_the_page_is_served_from_its_folder_alone() {
    let folder = Folder::new("build");
    let secret = folder.write("secret.txt", "secret");
    folder.write(
        "ui/index.html",
        r#"<base href="/" data-inject-target="BASE_URL"/><script>
           const JAEGER_BACKEND_CAPABILITIES = DEFAULT_BACKEND_CAPABILITIES;
           const JAEGER_VERSION = DEFAULT_VERSION;</script><script type="module" src="./static/a.js"></script>"#,
    );
    folder.write("ui/static/a.js", "let one = 1;");
    folder.write("ui/.hidden", "secret");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&secret, folder.0.join("ui/static/link.txt")).expect("a link");
    let config = Config::ephemeral().base_path("/j").static_files(folder.0.join("ui"));
    let jaeger = AllInOne::start_with(config).expect("start");
    let ask = |path: &str| get(jaeger.at(Port::Query), path);
    for path in ["/j/", "/j/search", "/j/trace/1", "/j/index.html", "/j/.hidden"] {
        let page = ask(path);
        assert_eq!(page.status, 200, "{path}");
        let text = page.text();
        assert!(text.contains(r#"<base href="/j/" data"#), "{path}: {text}");
        assert!(text.contains(r#""searchWithoutServiceName":true"#), "{text}");
        assert!(text.contains(r#""gitVersion":"jaeger-all-in-one "#), "{text}");
        nonce(&page);
    }
    let script = ask("/j/static/a.js");
    assert_eq!((script.status, script.text().as_str()), (200, "let one = 1;"));
    assert_eq!(script.header("Content-Type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(script.header("X-Content-Type-Options"), Some("nosniff"));
    for path in [
        "/j/static/",
        "/j/static/b.js",
        "/j/static/link.txt",
        "/j/static/..%2f..%2fsecret.txt",
        "/j/static/%2e%2e/%2e%2e/secret.txt",
        "/j/static/../../secret.txt",
        "/j/../secret.txt",
        "/secret.txt",
    ] {
        let answer = ask(path);
        assert!(answer.status >= 300, "{path}: {}", answer.status);
        assert_ne!(answer.text(), "secret", "{path}");
    }
    assert_eq!(request(jaeger.at(Port::Query), "POST", "/j/static/a.js", &[]).status, 405);
}

#[test]
fn every_answer_has_the_further_headers() {
    let headers = ["X-One: 1", "X-One: 2", "cache-control:no-store"];
    let config = Config::ephemeral().additional_headers(headers);
    let jaeger = AllInOne::start_with(config).expect("start");
    for path in ["/", "/api/services", "/api/traces", "/static/none"] {
        let answer = get(jaeger.at(Port::Query), path);
        let values: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("X-One"))
            .map(|(_, value)| value.as_str())
            .collect();
        assert_eq!(values, ["1", "2"], "{path}");
        assert_eq!(answer.header("Cache-Control"), Some("no-store"), "{path}");
    }
    assert_eq!(get(jaeger.at(Port::Admin), "/").header("X-One"), None);
}

#[test]
fn files_and_headers_that_cannot_be_used_are_said_at_the_start() {
    let folder = Folder::new("faults");
    let file = |name: &str, text: &str| folder.write(name, text);
    let config = Config::ephemeral;
    for (config, why) in [
        (config().ui_config(file("a.json", "[1]")), "a.json\": it must be a JSON object"),
        (
            config().ui_config(file("b.json", "{\n x")),
            "it is not JSON: key must be a string at line 2",
        ),
        (config().ui_config(file("c.yaml", "")), "its name must end in .json or .js"),
        (config().ui_config(file("d.js", "let a;")), "it must define a function UIConfig"),
        (config().ui_config("/dev/zero"), "it is not a file"),
        (config().ui_config(folder.0.join("none.json")), "No such file"),
        (config().static_files(folder.0.join("ui")), "index.html cannot be read: "),
        (config().static_files(folder.0.join("none")), "--query.static-files cannot be "),
        (config().additional_headers(["X"]), "it must have the form \"Name: value\""),
        (config().additional_headers(["a b: c"]), "the name of the header is invalid"),
        (config().additional_headers(["a: b\nc"]), "the value of the header is invalid"),
        (config().additional_headers(["Content-Length: 1"]), "the server itself sets this header"),
    ] {
        let text = AllInOne::start_with(config).expect_err(why).to_string();
        assert!(text.contains(why), "{text}");
    }
}
