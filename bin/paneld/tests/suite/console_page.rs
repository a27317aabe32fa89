//! The files of the console: how they are served, and where.

use std::io::Read as _;

use reqwest::{Method, redirect::Policy};

use crate::support::TestServer;

/// What comes back, without following where it leads.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn ask(server: &TestServer, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let http = reqwest::Client::builder().redirect(Policy::none());
    let http = http.build().unwrap();
    let mut request = http.request(method, format!("{}{path}", server.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await.unwrap().to_vec(),
    }
}

async fn get(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(server, Method::GET, path, headers).await
}

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_led_to_the_page_and_programs_are_not() {
    let server = TestServer::start().await;
    let led = get(&server, "/", &[("accept", BROWSER)]).await;
    assert_eq!((led.status, led.header("location")), (302, "/console/"));
    assert_eq!(led.header("vary"), "Accept");
    for accept in [
        "*/*",
        "application/json",
        "application/json, text/html;q=0.9",
        "text/html;q=0",
    ] {
        let answer = get(&server, "/", &[("accept", accept)]).await;
        assert_eq!(answer.status, 200, "{accept}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    assert_eq!(get(&server, "/", &[]).await.status, 200);
    let led = get(&server, "/console", &[]).await;
    assert_eq!((led.status, led.header("location")), (308, "/console/"));
    // Nothing outside falls back to the page.
    for path in ["/consoles", "/nowhere", "/api/console/", "/manage"] {
        let answer = get(&server, path, &[("accept", BROWSER)]).await;
        assert!(
            matches!(answer.status, 401 | 404),
            "{path}: {}",
            answer.status
        );
        assert_eq!(answer.header("content-type"), "application/json");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_for_all_its_views_and_protects_itself() {
    let server = TestServer::start().await;
    let page = get(&server, "/console/", &[]).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("<title>"), "{}", page.text());
    for path in [
        "/console/shop/overview",
        "/console/share/",
        "/console/index.html",
    ] {
        let view = get(&server, path, &[]).await;
        assert_eq!((view.status, view.body), (200, page.body.clone()), "{path}");
    }
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert_eq!(
        page.header("content-security-policy"),
        "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; \
         connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; \
         object-src 'none'"
    );
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "same-origin");
    for path in [
        "/console/nothing.js",
        "/console/assets/app.css",
        "/console/../Cargo.toml.x",
    ] {
        let missing = get(&server, path, &[]).await;
        assert_eq!(missing.status, 404, "{path}");
        assert_eq!(missing.header("content-type"), "application/json");
    }
    let posted = ask(&server, Method::POST, "/console/", &[]).await;
    assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
    let head = ask(&server, Method::HEAD, "/console/", &[]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_not_sent_again_and_what_is_sent_is_compressed() {
    let server = TestServer::start().await;
    let plain = get(&server, "/console/", &[]).await;
    let tag = plain.header("etag").to_owned();
    assert_eq!(plain.header("vary"), "Accept-Encoding");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}")] {
        let again = get(&server, "/console/", &[("if-none-match", &known)]).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(again.header("etag"), tag);
        assert_ne!(again.header("content-security-policy"), "");
    }
    let other = get(&server, "/console/", &[("if-none-match", "\"x\"")]).await;
    assert_eq!(other.status, 200);

    let packed = get(&server, "/console/", &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_ne!(packed.header("etag"), tag);
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(packed.body.as_slice())
        .read_to_end(&mut unpacked)
        .unwrap();
    assert_eq!(unpacked, plain.body);
    for refusing in ["identity", "gzip;q=0", "br"] {
        let answer = get(&server, "/console/", &[("accept-encoding", refusing)]).await;
        assert_eq!(answer.header("content-encoding"), "", "{refusing}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_there_is_none_and_no_cookie_counts() {
    let server = TestServer::start().await;
    let body = serde_json::json!({"clientId": crate::support::ROOT_ID,
        "clientSecret": crate::support::ROOT_SECRET});
    let page = server.anonymous().with_header("x-paneld-console", "1");
    let reply = page.post("/console/session", body.clone()).await;
    let cookie = reply.header("set-cookie").split(';').next().unwrap();
    let page = page.with_header("cookie", cookie);
    assert_eq!(page.get("/manage/me").await.status, 200);

    let server = server.restart_with(&[("CONSOLE", "off")]).await;
    let page = page.at(&server);
    for path in [
        "/console",
        "/console/",
        "/console/session",
        "/console/index.html",
    ] {
        let reply = page.get(path).await;
        reply.assert_error(404, "Route not found");
    }
    let reply = page.post("/console/session", body).await;
    reply.assert_error(404, "Route not found");
    assert_eq!(page.get("/manage/me").await.status, 401);
    assert_eq!(get(&server, "/", &[("accept", BROWSER)]).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_load_the_scripts_with_which_they_track_whether_anybody_looks_or_not() {
    let mut server = TestServer::start().await;
    for setting in ["on", "off"] {
        server = server.restart_with(&[("CONSOLE", setting)]).await;
        for (path, has) in [("/op1.js", "screen_view"), ("/op1-replay.js", "rrweb")] {
            let origin = ("origin", "https://shop.example");
            let script = get(&server, path, &[origin]).await;
            assert_eq!(script.status, 200, "{path}");
            assert!(script.text().contains(has), "{path}");
            assert_eq!(
                script.header("content-type"),
                "text/javascript; charset=utf-8"
            );
            assert_eq!(script.header("access-control-allow-origin"), "*");
            assert_eq!(
                script.header("cross-origin-resource-policy"),
                "cross-origin"
            );
            assert_eq!(script.header("cache-control"), "public, max-age=86400");
            assert_eq!(script.header("content-security-policy"), "");
            let known = ("if-none-match", script.header("etag"));
            assert_eq!(get(&server, path, &[known]).await.status, 304, "{path}");
            let packed = get(&server, path, &[("accept-encoding", "gzip")]).await;
            assert_eq!(packed.header("content-encoding"), "gzip");
            assert!(packed.body.len() * 2 < script.body.len(), "{path}");
            let posted = ask(&server, Method::POST, path, &[]).await;
            assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
        }
    }
    server.stop().await;
}
