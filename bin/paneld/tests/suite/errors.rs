//! What callers are told when something is wrong: `docs/contract/auth-and-limits.md` §3 and §5.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    backends::Backends,
    openapi::Document,
    support::{Caller, Reply, TestServer},
};

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

/// The methods of an `Allow` header.
fn allowed(reply: &Reply) -> BTreeSet<&str> {
    reply.header("allow").split(", ").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_apis_what_is_not_there_is_told_to_everyone() {
    let server = TestServer::start().await;
    for path in ["/api", "/api/", "/nowhere", "/api/nowhere", "/managed"] {
        for caller in [server.anonymous(), server.root()] {
            let reply = caller.get(path).await;
            reply.assert_error(404, "Route not found");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_root_tells_where_to_go() {
    let server = TestServer::start().await;
    let reply = server.anonymous().get("/").await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.body["name"], "paneld");
    let links = reply.body["links"].as_object().unwrap();
    for link in links.values() {
        let there = server.root().get(link.as_str().unwrap()).await;
        assert_ne!(there.status, 404, "{link}");
    }
    let refused = server.anonymous().post("/", json!({})).await;
    refused.assert_error(405, "Method not allowed");
    server.stop().await;
}

/// No browser is to find a page or a script in what we call JSON or text.
#[tokio::test(flavor = "multi_thread")]
async fn no_reply_is_to_be_taken_for_something_else() {
    let server = TestServer::start().await;
    let page = server
        .anonymous()
        .with_header("origin", "https://x.example");
    let preflight = page.with_header("access-control-request-method", "POST");
    for (caller, method, path, status) in [
        (&server.root(), "GET", "/manage/me", 200),
        (&server.root(), "GET", "/manage/nowhere", 404),
        (&server.root(), "PUT", "/manage/projects", 405),
        (&server.root(), "POST", "/manage/projects", 415),
        (&server.anonymous(), "GET", "/export/events", 401),
        (&server.anonymous(), "POST", "/track", 401),
        (&server.anonymous(), "GET", "/healthz/live", 200),
        (&server.anonymous(), "HEAD", "/openapi.json", 200),
        (&server.anonymous(), "GET", "/nowhere", 404),
        (&preflight, "OPTIONS", "/track", 204),
    ] {
        let reply = caller.send(method.parse().unwrap(), path, None).await;
        assert_eq!(reply.status, status, "{method} {path}");
        let told = reply.header("x-content-type-options");
        assert_eq!(told, "nosniff", "{method} {path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_an_api_only_who_may_call_it_is_told_what_is_not_there() {
    let server = TestServer::start().await;
    for path in [
        "/manage",
        "/manage/",
        "/manage/nowhere",
        "/manage/projects/",
        "/manage/projects/x/y",
        "/manage/me/",
        "/manage/me/x",
        "/manage//me",
        "/manage/%6De/x",
        "/manage/projects%2Fx",
        "/export",
        "/export/",
        "/insights/a/b/c",
        "/import",
    ] {
        for path in [path.to_owned(), format!("/api{path}")] {
            let stranger = server.anonymous().get(&path).await;
            assert_eq!(stranger.status, 401, "{path}");
            let reply = server.root().get(&path).await;
            reply.assert_error(404, "Route not found");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_on_a_known_path_is_told_the_ones_it_knows() {
    let server = TestServer::start_with(&[("RATE_LIMIT_INSIGHTS", "off")]).await;
    let mut paths = std::collections::BTreeMap::<_, BTreeSet<_>>::new();
    for endpoint in paneld_http::endpoints() {
        let (path, method) = (endpoint.path().to_owned(), endpoint.method().to_string());
        let methods = paths.entry(path).or_default();
        if method == "GET" {
            methods.insert("HEAD".to_owned());
        }
        methods.insert(method);
    }
    let document = ["GET", "HEAD"].map(str::to_owned);
    paths.insert("/openapi.json".to_owned(), document.into());
    let mut wrong = Vec::new();
    for (path, known) in &paths {
        let closed = ["/manage", "/export", "/insights", "/import", "/v1"];
        let is_open = !closed.iter().any(|prefix| path.starts_with(prefix));
        for prefix in ["", "/api"] {
            let path = format!(
                "{prefix}{}",
                path.replace("{id}", "x").replace("{projectId}", "x")
            );
            for name in [
                "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FROB",
            ] {
                if known.contains(name) {
                    continue;
                }
                let reply = server.root().send(method(name), &path, None).await;
                let told = allowed(&reply);
                let expected = known.iter().map(String::as_str).collect::<BTreeSet<_>>();
                if reply.status != 405 || told != expected {
                    wrong.push(format!("{name} {path}: {} {told:?}", reply.status));
                } else if name != "HEAD" {
                    reply.assert_error(405, "Method not allowed");
                }
                let stranger = server.anonymous().send(method(name), &path, None).await;
                assert_eq!(stranger.status == 401, !is_open, "{name} {path}");
            }
        }
    }
    assert_eq!(wrong, [""; 0]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_may_end_with_a_slash() {
    let server = TestServer::start().await;
    let made = server.create_project("Shop").await;
    let writer = server.caller_of(&made["client"]);
    let event = json!({"type": "track", "payload": {"name": "x"}});
    for path in [
        "//track",
        "/api//track",
        "///track",
        "//api//track",
        "//track?projectId=shop",
    ] {
        let reply = writer.post(path, event.clone()).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    }
    for path in [
        "//manage/me",
        "/api//manage/me?x=%2F%2F",
        "//export/events?projectId=shop",
    ] {
        assert_eq!(server.root().get(path).await.status, 200, "{path}");
    }
    // Elsewhere two slashes are not one.
    for path in ["/manage//me", "/track//", "//nowhere"] {
        server
            .root()
            .get(path)
            .await
            .assert_error(404, "Route not found");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_answers_as_get_does_without_a_body() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "1000/10s")]).await;
    server.create_project("Shop").await;
    for path in [
        "/healthz/live",
        "/healthz/ready",
        "/healthcheck",
        "/openapi.json",
        "/manage/me",
        "/manage/organization",
        "/manage/projects",
        "/manage/projects/shop",
        "/manage/clients?limit=1",
        "/api/manage/references",
    ] {
        let get = server.root().get(path).await;
        let head = server.root().send(Method::HEAD, path, None).await;
        assert_eq!(get.status, 200, "{path}");
        assert_eq!(head.status, 200, "{path}");
        assert_eq!(head.text, "");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_ne!(head.header("request-id"), "");
        let names = |reply: &Reply| {
            let names = reply.headers.keys().map(ToString::to_string);
            names.collect::<BTreeSet<_>>()
        };
        assert_eq!(names(&head), names(&get), "{path}");
    }
    for (caller, path, status) in [
        (server.anonymous(), "/manage/projects", 401),
        (server.root(), "/manage/projects/absent", 404),
        (server.root(), "/nowhere", 404),
    ] {
        let head = caller.send(Method::HEAD, path, None).await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (status, ""));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_nothing_that_lets_pages_call() {
    let server = TestServer::start().await;
    let page = |caller: Caller| {
        let caller = caller.with_header("origin", "https://shop.example");
        caller.with_header("access-control-request-method", "GET")
    };
    for path in ["/manage/me", "/export/x", "/insights/x", "/openapi.json"] {
        for name in ["GET", "OPTIONS"] {
            for caller in [server.root(), server.anonymous()] {
                let reply = page(caller).send(method(name), path, None).await;
                let names = reply.headers.keys().map(ToString::to_string);
                let told = names.filter(|name| name.starts_with("access-control"));
                assert_eq!(told.collect::<Vec<_>>(), [""; 0], "{name} {path}");
            }
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_is_echoed_when_it_is_one() {
    let server = TestServer::start().await;
    let longest = "x".repeat(64);
    for given in ["a", "A-b_c.9", longest.as_str(), "..", "-"] {
        for (caller, path) in [
            (server.root(), "/manage/me"),
            (server.anonymous(), "/manage/me"),
            (server.root(), "/manage/projects/absent"),
            (server.anonymous(), "/nowhere"),
            (server.anonymous(), "/healthz/live"),
        ] {
            let reply = caller.with_header("request-id", given).get(path).await;
            assert_eq!(reply.header("request-id"), given);
            let told = reply.body.get("requestId");
            assert_eq!(told.is_some(), reply.status != 200, "{}", reply.text);
            assert!(told.is_none_or(|id| id == given), "{}", reply.text);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_a_good_id_gets_a_fresh_one() {
    let server = TestServer::start().await;
    let too_long = "x".repeat(65);
    let mut seen = BTreeSet::new();
    for given in [
        None,
        None,
        Some(""),
        Some("a b"),
        Some("a/b"),
        Some("a,b"),
        Some("\"a\""),
        Some("é"),
        Some(too_long.as_str()),
    ] {
        let caller = server.anonymous();
        let caller = given.map_or(caller.clone(), |id| caller.with_header("request-id", id));
        let reply = caller.get("/nowhere").await;
        let id = reply.header("request-id").to_owned();
        assert_eq!(reply.body["requestId"], json!(id));
        assert!((8..=64).contains(&id.len()), "{id}");
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
        assert!(seen.insert(id), "given out twice");
    }
    let ids = server.anonymous().get("/healthz/live").await;
    assert_ne!(ids.header("request-id"), "");
    server.stop().await;
}

/// Sends bytes on a connection of their own, and returns the replies' first lines. The server
/// may hang up before it has read all.
fn send_raw(server: &TestServer, bytes: &[u8]) -> Vec<String> {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    let reply = String::from_utf8_lossy(&reply).into_owned();
    let lines = reply.lines().filter(|line| line.starts_with("HTTP/1."));
    lines.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_http_is_the_callers_fault() {
    let server = TestServer::start().await;
    let long = "x".repeat(300 * 1024);
    for request in [
        "nonsense\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET /manage/me HTTP/7.7\r\nHost: x\r\n\r\n".to_owned(),
        "GET /manage/me HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n".to_owned(),
        "GET /manage/me HTTP/1.1\r\nHost: x\r\nBad name : y\r\n\r\n".to_owned(),
        "GET /man age HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "POST /manage/projects HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n".to_owned(),
        "POST /manage/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx"
            .to_owned(),
        "POST /manage/projects HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            .to_owned(),
        "POST /manage/projects HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: rot13\r\n\r\n".to_owned(),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /manage/me HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n"),
        format!("GET /manage/me HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: y\r\n".repeat(200)),
    ] {
        let replies = send_raw(&server, request.as_bytes());
        let shown = &request[..request.len().min(120)];
        assert_eq!(replies.len(), 1, "{shown:?}: {replies:?}");
        assert!(replies[0].starts_with("HTTP/1.1 4"), "{shown:?}: {replies:?}");
    }
    // And it goes on serving.
    assert_eq!(server.root().get("/manage/me").await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_learns_nothing_about_a_body() {
    let server = TestServer::start().await;
    let big = vec![b'x'; 2 * 1024 * 1024];
    let invalid = server.caller(
        "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9",
        "wrong-secret-012345",
    );
    for caller in [server.anonymous(), invalid] {
        for (name, value, body) in [
            ("content-type", "application/json", b"{garbage".to_vec()),
            ("content-type", "application/json", b"{}".to_vec()),
            ("content-type", "text/html", b"<p>".to_vec()),
            ("content-type", "application/json", big.clone()),
            ("content-encoding", "gzip", b"x".to_vec()),
            ("content-type", "application/json", Vec::new()),
        ] {
            for path in [
                "/manage/projects",
                "/manage/clients/x/rotate",
                "/import/events",
            ] {
                let caller = caller.with_header(name, value);
                let reply = caller.send(Method::POST, path, Some(body.clone())).await;
                assert_eq!(reply.status, 401, "{}", reply.text);
                // Of the body, that is: who gave no credentials is told how to give them.
                let is_told = reply.body.get("details").is_some();
                assert_eq!(is_told, reply.body["code"] == "missing_credentials");
            }
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_over_a_mebibyte_is_too_large_and_one_of_just_that_is_not() {
    let server = TestServer::start().await;
    const LIMIT: usize = 1024 * 1024;
    let body = |size: usize| {
        let frame = json!({"name": "Shop", "x": ""}).to_string();
        let filler = "x".repeat(size - frame.len());
        json!({"name": "Shop", "x": filler}).to_string()
    };
    let (fits, too_large) = (body(LIMIT), body(LIMIT + 1));
    assert_eq!((fits.len(), too_large.len()), (LIMIT, LIMIT + 1));
    let post = async |text: &str| {
        let root = server.root();
        root.send_text(Method::POST, "/manage/projects", text).await
    };
    assert_eq!(post(&fits).await.status, 200);
    let message = "The request body is larger than 1048576 bytes";
    post(&too_large).await.assert_error(413, message);

    // Its length need not be declared.
    let me = server.root();
    let chunk = "x".repeat(LIMIT / 2);
    let chunks = format!("{:x}\r\n{chunk}\r\n", chunk.len()).repeat(3);
    let (id, secret) = (
        "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9",
        "sec_0123456789abcdef0123",
    );
    let request = format!(
        "POST /manage/projects HTTP/1.1\r\nHost: x\r\nopenpanel-client-id: {id}\r\n\
         openpanel-client-secret: {secret}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
    );
    let replies = send_raw(&server, request.as_bytes());
    assert!(replies[0].starts_with("HTTP/1.1 413 "), "{replies:?}");
    let listed = me.get("/manage/projects").await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_not_json_is_told_so() {
    let server = TestServer::start().await;
    let root = server.root();
    let body = || Some(json!({"name": "Shop"}).to_string().into_bytes());
    let post =
        async |caller: &Caller, body| caller.send(Method::POST, "/manage/projects", body).await;
    let unsupported = "The Content-Type must be application/json";
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "json",
        "",
    ] {
        let caller = root.with_header("content-type", content_type);
        post(&caller, body()).await.assert_error(415, unsupported);
    }
    post(&root, body()).await.assert_error(415, unsupported);
    let zipped = root.with_header("content-type", "application/json");
    let zipped = post(&zipped.with_header("content-encoding", "gzip"), body()).await;
    zipped.assert_error(415, "Compressed request bodies are not supported");
    for content_type in [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/merge-patch+json",
    ] {
        let caller = root.with_header("content-type", content_type);
        assert_eq!(post(&caller, body()).await.status, 200, "{content_type}");
    }
    for text in ["", "{", "{\"name\": }", "name=Shop", "{} {}", " \u{feff}{}"] {
        let reply = root.send_text(Method::POST, "/manage/projects", text).await;
        reply.assert_invalid_body(&[json!([])]);
    }
    let broken = root.with_header("content-type", "application/json");
    let broken = post(&broken, Some(b"{\"name\": \"\xff\"}".to_vec())).await;
    broken.assert_invalid_body(&[json!([])]);
    let deep = "[".repeat(100_000);
    let reply = root
        .send_text(Method::POST, "/manage/projects", &deep)
        .await;
    reply.assert_invalid_body(&[json!([])]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_a_body_or_query_is_placed() {
    let server = TestServer::start().await;
    let body = json!({
        "name": " ", "domain": "shop", "cors": ["*", 5, "no origin"], "types": ["website", "tv"],
        "crossDomain": "yes", "retentionDays": -1, "filters": [{"type": "ip", "ip": "x"}],
    });
    let reply = server.root().post("/manage/projects", body).await;
    reply.assert_invalid_body(&[
        json!(["name"]),
        json!(["domain"]),
        json!(["cors", 1]),
        json!(["cors", 2]),
        json!(["types", 1]),
        json!(["crossDomain"]),
        json!(["retentionDays"]),
        json!(["filters", 0, "ip"]),
    ]);
    let query = "/manage/projects?limit=x&cursor=!&includeDeleted=perhaps";
    let reply = server.root().get(query).await;
    reply.assert_error(400, "Invalid query parameters");
    let details = reply.body["details"].as_array().unwrap();
    assert!(!details.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_duplicate_keys_wins_and_unknown_ones_are_ignored() {
    let server = TestServer::start().await;
    let text = r#"{"name": 5, "name": "First", "name": "Last", "nmae": "x"}"#;
    let reply = server.root();
    let reply = reply
        .send_text(Method::POST, "/manage/projects", text)
        .await;
    assert_eq!(reply.data()["name"], json!("Last"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_in_the_envelope() {
    let settings = [
        ("RATE_LIMIT_EXPORT", "1/60s"),
        ("ALLOW_ROOT_CREATION", "false"),
    ];
    let server = TestServer::start_with(&settings).await;
    server.create_project("Shop").await;
    let reader = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let reader = server.create_client(reader).await;
    let root = server.root();
    let me = root.get("/manage/me").await;
    let own = format!(
        "/manage/clients/{}",
        me.data()["client"]["id"].as_str().unwrap()
    );
    let schema = Document::new().validator("Error");
    let big = "x".repeat(2 * 1024 * 1024);

    let mut seen = BTreeSet::new();
    let export = root.get("/export/x").await;
    assert_eq!(export.status, 404);
    for (caller, name, path, body) in [
        (server.anonymous(), "GET", "/nowhere", ""),
        (server.anonymous(), "GET", "/manage/projects", ""),
        (server.anonymous(), "POST", "/healthz/live", ""),
        (server.caller_of(&reader), "GET", "/manage/projects", ""),
        (server.caller_of(&reader), "GET", "/import/x", ""),
        (root.clone(), "GET", "/export/x", ""),
        (root.clone(), "GET", "/manage/nowhere", ""),
        (root.clone(), "GET", "/manage/projects/absent", ""),
        (root.clone(), "GET", "/manage/projects/%00", ""),
        (root.clone(), "GET", "/manage/projects/%FF", ""),
        (root.clone(), "GET", "/manage/clients/absent", ""),
        (root.clone(), "GET", "/manage/references/absent", ""),
        (root.clone(), "GET", "/manage/clients?projectId=absent", ""),
        (root.clone(), "GET", "/manage/projects?limit=1001", ""),
        (root.clone(), "GET", "/manage/projects?cursor=%FF%00", ""),
        (root.clone(), "PUT", "/manage/projects", "{}"),
        (root.clone(), "OPTIONS", "/manage/projects", ""),
        (root.clone(), "POST", "/manage/projects", ""),
        (root.clone(), "POST", "/manage/projects", "{}"),
        (root.clone(), "POST", "/manage/projects", "[]"),
        (root.clone(), "POST", "/manage/projects", "null"),
        (root.clone(), "POST", "/manage/projects", &big),
        (root.clone(), "POST", "/manage/clients", r#"{"name": "x"}"#),
        (
            root.clone(),
            "POST",
            "/manage/clients",
            r#"{"name": "x", "type": "root"}"#,
        ),
        (root.clone(), "PATCH", &own, r#"{"enabled": false}"#),
        (
            root.clone(),
            "PATCH",
            "/manage/organization",
            r#"{"timezone": "Mars"}"#,
        ),
        (root.clone(), "DELETE", &own, ""),
    ] {
        let caller = caller.with_header("content-type", "application/json");
        let body = Some(body.as_bytes().to_vec()).filter(|body| !body.is_empty());
        let reply = caller.send(method(name), path, body).await;
        let what = format!("{name} {path}: {}", reply.text);
        let message = reply.body["message"]
            .as_str()
            .unwrap_or_else(|| panic!("{what}"));
        reply.assert_error(reply.status.as_u16(), message);
        assert!(reply.status.is_client_error(), "{what}");
        schema.assert_valid(&reply.body);
        let known = ["status", "error", "message", "code", "details", "requestId"];
        let keys = reply.body.as_object().unwrap().keys();
        for key in keys {
            assert!(known.contains(&key.as_str()), "{what}");
        }
        for field in ["code", "details"] {
            assert_ne!(reply.body.get(field), Some(&Json::Null), "{what}");
        }
        // 400 tells what is wrong, and where; and who gave no credentials, how to give them.
        let has_details = reply.status == 400 || reply.body["code"] == "missing_credentials";
        assert_eq!(has_details, reply.body.get("details").is_some(), "{what}");
        assert_eq!(
            reply.status == 401,
            reply.body.get("code").is_some(),
            "{what}"
        );
        seen.insert(reply.status.as_u16());
    }
    let unsupported = root.send(Method::POST, "/manage/projects", Some(b"x".to_vec()));
    schema.assert_valid(&unsupported.await.body);
    let expected = [400, 401, 403, 404, 405, 409, 413, 429];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_away_is_our_fault_and_no_details_are_told() {
    let server = TestServer::start().await;
    assert_eq!(server.root().get("/manage/me").await.status, 200);
    server.break_catalog();
    server.advance(Duration::from_secs(6));
    for path in ["/manage/me", "/manage/projects", "/export/x"] {
        let reply = server.root().get(path).await;
        let message = "The service is temporarily unavailable";
        reply.assert_error(503, message);
        assert_eq!(reply.header("retry-after"), "1");
        let text = reply.text.to_lowercase();
        for told in ["sql", "database", "catalog", "/tmp", "malformed", "disk"] {
            assert!(!text.contains(told), "{text}");
        }
    }
    let ready = server.anonymous().get("/healthz/ready").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.body["status"], "unavailable");
    assert_eq!(ready.body["backends"]["catalog"], "down");
    let live = server.anonymous().get("/healthz/live").await;
    assert_eq!(live.status, 200);
    server.stop().await;
}

/// Writing to a file that nobody will find again is no writing.
#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_whose_file_is_gone_takes_no_writes_until_it_is_back() {
    let server = TestServer::start_on(Backends::of_this_process(), &[]).await;
    let file = server.folder().join("data/catalog.sqlite");
    let hidden = server.folder().join("hidden");
    std::fs::rename(&file, &hidden).unwrap();
    let new = json!({"name": "Shop"});
    let refused = server.root().post("/manage/projects", new.clone()).await;
    refused.assert_error(503, "The service is temporarily unavailable");
    let ready = server.anonymous().get("/healthz/ready").await;
    assert_eq!(ready.status, 503);
    assert!(!file.exists(), "an empty catalog was made in its place");

    std::fs::rename(&hidden, &file).unwrap();
    server.advance(Duration::from_secs(1));
    let made = server.root().post("/manage/projects", new).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let ready = server.anonymous().get("/healthz/ready").await;
    assert_eq!(ready.status, 200);
    server.stop().await;
}
