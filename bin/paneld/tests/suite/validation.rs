//! Bad input beside good: every problem is told, and nothing is changed.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::support::{Caller, ROOT_ID, ROOT_SECRET, Reply, START, TestServer};

const MEBIBYTE: usize = 1024 * 1024;

/// A request that takes a body.
#[derive(Clone)]
struct Target {
    method: Method,
    path: String,
    /// A body that it accepts.
    good: Json,
}

impl Target {
    async fn send(&self, caller: &Caller, body: &Json) -> Reply {
        self.send_text(caller, &body.to_string()).await
    }

    async fn send_text(&self, caller: &Caller, text: &str) -> Reply {
        caller
            .send_text(self.method.clone(), &self.path, text)
            .await
    }

    /// The good body with this field in place of its own.
    fn body_with(&self, field: &str, value: &Json) -> Json {
        let mut body = self.good.clone();
        body[field] = value.clone();
        body
    }

    /// Demands that the body with this field is refused, for problems at these paths.
    async fn assert_refuses(&self, caller: &Caller, field: &str, value: &Json, paths: &[Json]) {
        let reply = self.send(caller, &self.body_with(field, value)).await;
        assert_eq!(
            reply.status, 400,
            "{} {}: {field} = {value:.100}: {}",
            self.method, self.path, reply.text
        );
        reply.assert_invalid_body(paths);
    }

    async fn assert_accepts(&self, caller: &Caller, field: &str, value: &Json) -> Json {
        let reply = self.send(caller, &self.body_with(field, value)).await;
        assert_eq!(reply.status, 200, "{field} = {value:.100}: {}", reply.text);
        reply.data().clone()
    }
}

/// A project, a client and a reference, and the requests that make and change such things.
struct Targets {
    create_project: Target,
    update_project: Target,
    create_client: Target,
    update_client: Target,
    rotate: Target,
    create_reference: Target,
    update_reference: Target,
    update_organization: Target,
}

impl Targets {
    async fn make(server: &TestServer) -> Self {
        let target = |method: Method, path: &str, good: Json| Target {
            method,
            path: path.to_owned(),
            good,
        };
        server.create_project("Shop").await;
        let client = server
            .create_client(json!({"name": "CI", "projectId": "shop"}))
            .await;
        let client_path = format!("/manage/clients/{}", client["id"].as_str().unwrap());
        let reference = json!({"projectId": "shop", "title": "T", "datetime": START});
        let root = server.root();
        let made = root.post("/manage/references", reference.clone()).await;
        let reference_path = format!("/manage/references/{}", made.data()["id"].as_str().unwrap());
        Self {
            create_project: target(Method::POST, "/manage/projects", json!({"name": "X"})),
            update_project: target(Method::PATCH, "/manage/projects/shop", json!({})),
            create_client: target(
                Method::POST,
                "/manage/clients",
                json!({"name": "CI", "projectId": "shop"}),
            ),
            update_client: target(Method::PATCH, &client_path, json!({})),
            rotate: target(Method::POST, &format!("{client_path}/rotate"), json!({})),
            create_reference: target(Method::POST, "/manage/references", reference),
            update_reference: target(Method::PATCH, &reference_path, json!({})),
            update_organization: target(Method::PATCH, "/manage/organization", json!({})),
        }
    }

    fn all(&self) -> [&Target; 8] {
        [
            &self.create_project,
            &self.update_project,
            &self.create_client,
            &self.update_client,
            &self.rotate,
            &self.create_reference,
            &self.update_reference,
            &self.update_organization,
        ]
    }
}

/// All that the organization shows.
async fn everything(root: &Caller) -> Vec<Json> {
    let mut all = Vec::new();
    for path in [
        "/manage/organization",
        "/manage/projects?includeDeleted=true",
        "/manage/clients",
        "/manage/references",
    ] {
        all.push(root.get(path).await.data().clone());
    }
    all
}

fn nested(open: &str, close: &str, levels: usize) -> String {
    format!("{}1{}", open.repeat(levels), close.repeat(levels))
}

/// A body of so many bytes.
fn body_of(target: &Target, bytes: usize) -> Vec<u8> {
    let body = target.body_with("padding", &json!("")).to_string();
    let padding = "x".repeat(bytes - body.len());
    target
        .body_with("padding", &json!(padding))
        .to_string()
        .into_bytes()
}

/// A body in the form of `Transfer-Encoding: chunked`.
fn in_chunks(body: &[u8]) -> Vec<u8> {
    let mut chunked = Vec::new();
    for chunk in body.chunks(60_000) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    chunked
}

/// A request as bytes, with the root client's credentials.
fn raw_request(method: &str, path: &[u8], headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        " HTTP/1.1\r\nhost: x\r\nconnection: close\r\nopenpanel-client-id: {ROOT_ID}\r\n\
         openpanel-client-secret: {ROOT_SECRET}\r\n{headers}\r\n"
    );
    [method.as_bytes(), b" ", path, head.as_bytes(), body].concat()
}

/// The status line and the JSON body of a raw reply.
fn read_raw(reply: &str) -> (u16, Json) {
    let status = reply.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = reply.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or(Json::Null))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_must_be_json() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    let before = everything(&root).await;
    let deep_lists = nested("[", "]", 10_000);
    let deep_objects = nested("{\"a\":", "}", 10_000);
    let deep_field = format!("{{\"name\":{}}}", nested("[", "]", 10_000));
    let unclosed = "[".repeat(100_000);
    for target in targets.all() {
        for text in [
            " ",
            "\n\t",
            "{",
            "}",
            "{\"name\":}",
            "{\"name\":\"x\",}",
            "{'name':'x'}",
            "{name:\"x\"}",
            "{\"name\":\"x\"} x",
            "{} {}",
            "nul",
            "NaN",
            "{\"name\":NaN}",
            "{\"name\":1e999}",
            "{\"name\":01}",
            "{\"name\":\"x",
            "{\"name\":\"\\ud800\"}",
            "{\"name\":\"\\x\"}",
            "{\"name\":\"a\u{1}b\"}",
            "\u{feff}{}",
            "name=x",
            "<name>x</name>",
            "// x\n{}",
            &deep_lists,
            &deep_objects,
            &deep_field,
            &unclosed,
        ] {
            let reply = target.send_text(&root, text).await;
            assert_eq!(reply.status, 400, "{} {text:.50}", target.path);
            reply.assert_invalid_body(&[json!([])]);
        }
        for bytes in [
            &b"{\"name\":\"\xff\"}"[..],
            b"\xff\xfe{\0}\0",
            b"{\"\xc3\x28\":1}",
            b"{\"name\":\"\xed\xa0\x80\"}",
            b"\0",
            b"{\"name\":\"a\0b\"}",
        ] {
            let json = root.with_header("content-type", "application/json");
            let reply = json
                .send(target.method.clone(), &target.path, Some(bytes.to_vec()))
                .await;
            reply.assert_invalid_body(&[json!([])]);
        }
    }
    assert_eq!(everything(&root).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_must_be_there() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    for target in targets.all() {
        // Only a rotation has nothing that it needs to be told.
        if target.path == targets.rotate.path {
            continue;
        }
        let reply = target.send_text(&root, "").await;
        reply.assert_invalid_body(&[json!([])]);
        let reply = root.send(target.method.clone(), &target.path, None).await;
        reply.assert_error(415, "The Content-Type must be application/json");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_must_be_an_object() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    let before = everything(&root).await;
    for target in targets.all() {
        for body in [
            json!(null),
            json!([]),
            json!([target.good]),
            json!("x"),
            json!(target.good.to_string()),
            json!(5),
            json!(-0.5),
            json!(true),
        ] {
            let reply = target.send(&root, &body).await;
            reply.assert_invalid_body(&[json!([])]);
        }
    }
    assert_eq!(everything(&root).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_must_say_that_it_is_json() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    for target in targets.all() {
        let body = target.good.to_string().into_bytes();
        let send = async |caller: &Caller| {
            let body = Some(body.clone());
            caller.send(target.method.clone(), &target.path, body).await
        };
        let before = everything(&root).await;
        send(&root)
            .await
            .assert_error(415, "The Content-Type must be application/json");
        for wrong in [
            "text/plain",
            "text/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/xml",
            "application/jsonp",
            "application/x-ndjson",
            "application/",
            "json",
            "",
            ";",
            "text/html; application/json",
            "*/*",
        ] {
            let reply = send(&root.with_header("content-type", wrong)).await;
            assert_eq!(reply.status, 415, "{wrong}: {}", reply.text);
            reply.assert_error(415, "The Content-Type must be application/json");
        }
        let json = root.with_header("content-type", "application/json");
        for encoding in ["gzip", "br", "deflate", "x"] {
            let reply = send(&json.with_header("content-encoding", encoding)).await;
            reply.assert_error(415, "Compressed request bodies are not supported");
        }
        assert_eq!(everything(&root).await, before);
        for right in [
            "application/json",
            "application/json; charset=utf-8",
            "APPLICATION/JSON",
            "application/vnd.api+json",
        ] {
            let reply = send(&root.with_header("content-type", right)).await;
            assert_eq!(reply.status, 200, "{right}: {}", reply.text);
        }
        send(&json.with_header("content-encoding", "identity"))
            .await
            .data();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_at_most_a_mebibyte() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    let json = root.with_header("content-type", "application/json");
    for target in targets.all() {
        let full = body_of(target, MEBIBYTE);
        assert_eq!(full.len(), MEBIBYTE);
        let reply = json
            .send(target.method.clone(), &target.path, Some(full))
            .await;
        assert_eq!(reply.status, 200, "{}: {:.200}", target.path, reply.text);
    }
    // Whether the length is told before or not.
    for (target, bytes, is_told, status) in [
        (&targets.create_project, MEBIBYTE, true, 200),
        (&targets.create_project, MEBIBYTE, false, 200),
        (&targets.create_project, MEBIBYTE + 1, true, 413),
        (&targets.create_project, MEBIBYTE + 1, false, 413),
        (&targets.update_client, MEBIBYTE + 1, false, 413),
        (&targets.rotate, MEBIBYTE, false, 200),
        (&targets.rotate, MEBIBYTE + 1, false, 413),
        (&targets.update_reference, 3 * MEBIBYTE, true, 413),
        (&targets.update_reference, 3 * MEBIBYTE, false, 413),
    ] {
        let body = body_of(target, bytes);
        let (headers, body) = if is_told {
            (format!("content-length: {bytes}\r\n"), body)
        } else {
            (
                "transfer-encoding: chunked\r\n".to_owned(),
                in_chunks(&body),
            )
        };
        let headers = format!("content-type: application/json\r\n{headers}");
        let path = target.path.as_bytes();
        let request = raw_request(target.method.as_str(), path, &headers, &body);
        let (found, reply) = read_raw(&server.send_bytes(&request));
        assert_eq!(found, status, "{bytes} {is_told}: {reply}");
        if status == 413 {
            assert_eq!(reply["error"], "Payload Too Large");
            assert_eq!(
                reply["message"],
                "The request body is larger than 1048576 bytes"
            );
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_of_a_body_before_it_is_known_who_asks() {
    let server = TestServer::start().await;
    let targets = Targets::make(&server).await;
    let project = server.create_project("Blog").await;
    let writer = server.caller_of(&project["client"]);
    for target in targets.all() {
        for text in ["", "{", "[]", "{\"name\":5}"] {
            let reply = target.send_text(&server.anonymous(), text).await;
            reply.assert_error(401, "Manage: Client ID must be a valid UUIDv4");
            let reply = target.send_text(&writer, text).await;
            reply.assert_error(
                401,
                "Manage: Only root clients are allowed to manage resources",
            );
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_keys_are_ignored() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    for target in targets.all() {
        for (key, value) in [
            ("unknown", json!({"a": [null, {"b": "c"}]})),
            ("", json!(1)),
            ("🚀", json!("🚀")),
            ("__proto__", json!({"admin": true})),
            ("Name", json!(5)),
            ("a\u{0}b", json!("\u{0}")),
        ] {
            let shown = target.assert_accepts(&root, key, &value).await;
            assert_eq!(shown.get(key), None);
        }
        let shallow = nested("[", "]", 100);
        let text = target.good.to_string().replacen('{', "{\"deep\":DEEP,", 1);
        let text = text.replace(",}", "}").replace("DEEP", &shallow);
        target.send_text(&root, &text).await.data();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_duplicate_keys_the_last_wins() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    for (target, text, field) in [
        (
            &targets.create_project,
            "{\"name\":5,\"name\":\"Last\"}",
            "name",
        ),
        (
            &targets.update_project,
            "{\"name\":\"A\",\"name\":\"Last\"}",
            "name",
        ),
        (
            &targets.create_client,
            "{\"type\":\"x\",\"name\":\"A\",\"type\":\"root\",\"name\":\"Last\"}",
            "name",
        ),
        (
            &targets.update_client,
            "{\"name\":null,\"name\":\"Last\"}",
            "name",
        ),
        (
            &targets.create_reference,
            "{\"title\":\"\",\"projectId\":\"none\",\"projectId\":\"shop\",\"title\":\"Last\",\
             \"datetime\":\"2024-01-01\"}",
            "title",
        ),
        (
            &targets.update_reference,
            "{\"title\":\"\",\"title\":\"Last\"}",
            "title",
        ),
        (
            &targets.update_organization,
            "{\"name\":\"A\",\"name\":\"Last\"}",
            "name",
        ),
    ] {
        let reply = target.send_text(&root, text).await;
        assert_eq!(reply.data()[field], "Last");
    }
    let reply = targets
        .update_project
        .send_text(&root, "{\"name\":\"Good\",\"name\":5}")
        .await;
    reply.assert_invalid_body(&[json!(["name"])]);
    let text = "{\"graceSeconds\":\"x\",\"graceSeconds\":60}";
    let reply = targets.rotate.send_text(&root, text).await;
    assert_eq!(
        reply.data()["previousSecretExpiresAt"],
        "2026-01-15T10:31:00.000Z"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn required_fields_are_required() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    let name = json!(["name"]);
    for (target, body, paths) in [
        (&targets.create_project, json!({}), vec![name.clone()]),
        (
            &targets.create_project,
            json!({"domain": ""}),
            vec![name.clone()],
        ),
        (
            &targets.create_client,
            json!({"type": "root"}),
            vec![name.clone()],
        ),
        (
            &targets.create_client,
            json!({}),
            vec![name.clone(), json!(["projectId"])],
        ),
        (
            &targets.create_reference,
            json!({}),
            vec![json!(["projectId"]), json!(["title"]), json!(["datetime"])],
        ),
        (
            &targets.create_reference,
            json!({"projectId": "shop", "title": "T"}),
            vec![json!(["datetime"])],
        ),
        (
            &targets.create_reference,
            json!({"projectId": "shop", "datetime": START}),
            vec![json!(["title"])],
        ),
        (
            &targets.create_reference,
            json!({"title": "T", "datetime": START}),
            vec![json!(["projectId"])],
        ),
    ] {
        let reply = target.send(&root, &body).await;
        reply.assert_invalid_body(&paths);
        let details = reply.body["details"].as_array().unwrap();
        assert!(details.iter().all(|detail| {
            detail["message"]
                .as_str()
                .unwrap()
                .starts_with("is required")
        }));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_titles_and_descriptions_have_their_limits() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    let before = everything(&root).await;
    let named = [
        (&targets.create_project, "name"),
        (&targets.update_project, "name"),
        (&targets.create_client, "name"),
        (&targets.update_client, "name"),
        (&targets.create_reference, "title"),
        (&targets.update_reference, "title"),
        (&targets.update_organization, "name"),
    ];
    let described = [
        (&targets.create_reference, "description"),
        (&targets.update_reference, "description"),
    ];
    for (target, field) in named {
        for wrong in [
            json!(""),
            json!(" "),
            json!("\t\r\n\u{a0}\u{2003}"),
            json!("x".repeat(256)),
            json!("🚀".repeat(256)),
            json!(format!("x{}", " ".repeat(255))),
            json!("x".repeat(100_000)),
            json!("\u{0}"),
            json!("a\u{0}b"),
            json!(null),
            json!(5),
            json!(1.5),
            json!(true),
            json!([]),
            json!(["x"]),
            json!({}),
        ] {
            target
                .assert_refuses(&root, field, &wrong, &[json!([field])])
                .await;
        }
    }
    for (target, field) in described {
        for wrong in [
            json!("x".repeat(10_001)),
            json!("🚀".repeat(10_001)),
            json!("a\u{0}b"),
            json!(5),
            json!(false),
            json!([]),
            json!({}),
        ] {
            target
                .assert_refuses(&root, field, &wrong, &[json!([field])])
                .await;
        }
    }
    assert_eq!(everything(&root).await, before);

    for (target, field) in named {
        for right in [
            json!("x"),
            json!("🚀"),
            json!("x".repeat(255)),
            json!("🚀".repeat(255)),
            json!(" \u{1}<script>'; DROP TABLE clients; --\u{202e}\u{7f}\u{10ffff} "),
        ] {
            let shown = target.assert_accepts(&root, field, &right).await;
            assert_eq!(shown[field], right);
        }
    }
    for (target, field) in described {
        for right in [
            json!(null),
            json!(""),
            json!("x".repeat(10_000)),
            json!("🚀".repeat(10_000)),
        ] {
            let shown = target.assert_accepts(&root, field, &right).await;
            assert_eq!(shown[field], right);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_of_a_project_are_checked() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    let before = everything(&root).await;
    let mut wrong = Vec::new();
    for value in [
        json!(5),
        json!(true),
        json!([]),
        json!(["https://shop.example"]),
        json!({}),
        json!("shop.example"),
        json!("//shop.example"),
        json!("ftp://shop.example"),
        json!("javascript:alert(1)"),
        json!("http:shop.example"),
        json!("http://"),
        json!("https://a b.example"),
        json!("https://shop.example\u{0}"),
        json!("https://shop.example\n"),
        json!("https://[::1"),
        json!("https://shop.example:99999"),
        json!("/"),
        json!("🚀"),
        json!(format!("https://shop.example/{}", "x".repeat(2_048))),
    ] {
        wrong.push(("domain", value, json!(["domain"])));
    }
    for value in [
        json!(null),
        json!("*"),
        json!(5),
        json!({}),
        json!(vec!["*"; 101]),
    ] {
        wrong.push(("cors", value, json!(["cors"])));
    }
    for entry in [
        json!(null),
        json!(5),
        json!({}),
        json!(["*"]),
        json!(""),
        json!(" "),
        json!("/"),
        json!("a b"),
        json!(" https://shop.example"),
        json!("https://"),
        json!("://shop.example"),
        json!("https://shop.example/path"),
        json!("https://shop.example?x"),
        json!("https://shop.example#x"),
        json!("https://user@shop.example"),
        json!("**"),
        json!("*."),
        json!("*.*"),
        json!("*shop.example"),
        json!("shop.*"),
        json!("a.*.example"),
        json!("shop.example:"),
        json!("shop.example:99999"),
        json!("shop.example:-1"),
        json!("shop.example:80:80"),
        json!("a,b"),
        json!("a\u{0}b"),
        json!("1://shop.example"),
        json!("[::1"),
        json!(format!("https://{}", "x".repeat(256))),
    ] {
        wrong.push(("cors", json!(["*", entry]), json!(["cors", 1])));
    }
    for field in ["crossDomain", "allowUnsafeRevenueTracking"] {
        for value in [
            json!(null),
            json!("true"),
            json!(""),
            json!(1),
            json!(0),
            json!([]),
            json!({}),
        ] {
            wrong.push((field, value, json!([field])));
        }
    }
    for value in [json!(null), json!("app"), json!(5), json!({})] {
        wrong.push(("types", value, json!(["types"])));
    }
    for entry in [
        json!("web"),
        json!("Website"),
        json!(" app"),
        json!(""),
        json!(null),
        json!(5),
        json!(["app"]),
    ] {
        wrong.push(("types", json!(["app", entry]), json!(["types", 1])));
    }
    for value in [
        json!(0),
        json!(-1),
        json!(36_501),
        json!(1.5),
        json!(30.0),
        json!(1e100),
        json!(u64::MAX),
        json!(i64::MIN),
        json!("30"),
        json!(""),
        json!(true),
        json!([30]),
        json!({}),
    ] {
        wrong.push(("retentionDays", value, json!(["retentionDays"])));
    }
    for (field, value, path) in &wrong {
        for target in [&targets.create_project, &targets.update_project] {
            target
                .assert_refuses(&root, field, value, std::slice::from_ref(path))
                .await;
        }
    }
    assert_eq!(everything(&root).await, before);

    for (field, value) in [
        ("cors", json!([])),
        ("cors", json!(vec!["*"; 100])),
        ("types", json!([])),
        ("retentionDays", json!(1)),
        ("retentionDays", json!(36_500)),
        ("retentionDays", json!(null)),
        ("domain", json!("https://bücher.example:8443/a?b=c#d")),
        (
            "domain",
            json!(format!("https://shop.example/{}", "x".repeat(2_027))),
        ),
    ] {
        for target in [&targets.create_project, &targets.update_project] {
            let shown = target.assert_accepts(&root, field, &value).await;
            assert_eq!(shown[field], value);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_filters_of_a_project_are_checked() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    let before = everything(&root).await;
    let ip = json!({"type": "ip", "ip": "192.0.2.1"});
    for value in [
        json!(null),
        json!("ip"),
        json!(5),
        json!({}),
        ip.clone(),
        json!(vec![ip.clone(); 101]),
    ] {
        for target in [&targets.create_project, &targets.update_project] {
            target
                .assert_refuses(&root, "filters", &value, &[json!(["filters"])])
                .await;
        }
    }
    let long = "x".repeat(256);
    for (entry, at) in [
        (json!(null), None),
        (json!("ip"), None),
        (json!(5), None),
        (json!([]), None),
        (json!({}), Some("type")),
        (json!({"ip": "192.0.2.1"}), Some("type")),
        (json!({"type": null}), Some("type")),
        (json!({"type": 5}), Some("type")),
        (json!({"type": "unknown"}), Some("type")),
        (json!({"type": "Ip", "ip": "192.0.2.1"}), Some("type")),
        (json!({"type": "ip"}), Some("ip")),
        (json!({"type": "ip", "ip": null}), Some("ip")),
        (json!({"type": "ip", "ip": 5}), Some("ip")),
        (json!({"type": "ip", "ip": ""}), Some("ip")),
        (json!({"type": "ip", "ip": "localhost"}), Some("ip")),
        (json!({"type": "ip", "ip": "192.0.2"}), Some("ip")),
        (json!({"type": "ip", "ip": "192.0.2.0/33"}), Some("ip")),
        (json!({"type": "profile_id"}), Some("profileId")),
        (
            json!({"type": "profile_id", "profile_id": "x"}),
            Some("profileId"),
        ),
        (
            json!({"type": "profile_id", "profileId": ""}),
            Some("profileId"),
        ),
        (
            json!({"type": "profile_id", "profileId": " "}),
            Some("profileId"),
        ),
        (
            json!({"type": "profile_id", "profileId": 5}),
            Some("profileId"),
        ),
        (
            json!({"type": "profile_id", "profileId": long}),
            Some("profileId"),
        ),
        (
            json!({"type": "profile_id", "profileId": "a\u{0}b"}),
            Some("profileId"),
        ),
        (json!({"type": "event"}), Some("name")),
        (json!({"type": "event", "name": ""}), Some("name")),
        (json!({"type": "event", "name": ["x"]}), Some("name")),
        (json!({"type": "event", "name": long}), Some("name")),
    ] {
        let path = match at {
            Some(field) => json!(["filters", 1, field]),
            None => json!(["filters", 1]),
        };
        let value = json!([ip, entry]);
        for target in [&targets.create_project, &targets.update_project] {
            let path = std::slice::from_ref(&path);
            target.assert_refuses(&root, "filters", &value, path).await;
        }
    }
    assert_eq!(everything(&root).await, before);

    let unknown = json!({"filters": [{"type": "referrer", "name": "x"}]});
    let reply = targets.update_project.send(&root, &unknown).await;
    assert_eq!(
        reply.body["details"],
        json!([{
            "path": ["filters", 0, "type"], "message": "must be one of ip, profile_id, event",
        }])
    );

    let filters = json!([
        {"type": "ip", "ip": "192.0.2.0/24"},
        {"type": "ip", "ip": "2001:db8::1"},
        {"type": "profile_id", "profileId": "x".repeat(255)},
        {"type": "event", "name": "🚀".repeat(255)},
    ]);
    let shown = targets
        .update_project
        .assert_accepts(&root, "filters", &filters)
        .await;
    assert_eq!(shown["filters"], filters);
    let hundred = json!(vec![ip; 100]);
    let target = &targets.update_project;
    target.assert_accepts(&root, "filters", &hundred).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fields_of_a_client_are_checked() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    let before = everything(&root).await;
    let mut wrong = Vec::new();
    for field in ["enabled", "ignoreCorsAndSecret"] {
        for value in [json!(null), json!("true"), json!(1), json!([]), json!({})] {
            wrong.push((field, value, json!([field])));
        }
    }
    for value in [
        json!(5),
        json!(1_768_473_000_000_u64),
        json!(true),
        json!([]),
        json!({}),
        json!(""),
        json!("never"),
        json!("2026-02-30"),
        json!("2026-01-15 25:30:00"),
    ] {
        wrong.push(("expiresAt", value, json!(["expiresAt"])));
    }
    for value in [
        json!(null),
        json!("192.0.2.1"),
        json!(5),
        json!({}),
        json!(vec!["192.0.2.1"; 101]),
    ] {
        wrong.push(("allowedIps", value, json!(["allowedIps"])));
    }
    for entry in [
        json!(null),
        json!(5),
        json!(""),
        json!("*"),
        json!("localhost"),
        json!("192.0.2"),
        json!("192.0.2.256"),
        json!("192.0.2.0/33"),
        json!("192.0.2.0/"),
        json!("192.0.2.0/-1"),
        json!("192.0.2.0/24/24"),
        json!(" 192.0.2.1"),
        json!("192.0.2.1:80"),
        json!("[2001:db8::1]"),
        json!("2001:db8::/129"),
        json!("192.0.2.1\u{0}"),
    ] {
        wrong.push((
            "allowedIps",
            json!(["192.0.2.1", entry]),
            json!(["allowedIps", 1]),
        ));
    }
    for value in [json!("*"), json!(5), json!({}), json!(vec!["*"; 101])] {
        wrong.push(("cors", value, json!(["cors"])));
    }
    for entry in [json!(null), json!(""), json!("a b"), json!(5)] {
        wrong.push(("cors", json!(["*", entry]), json!(["cors", 1])));
    }
    for value in [json!(5), json!("20/10s"), json!(true), json!([])] {
        wrong.push(("rateLimits", value, json!(["rateLimits"])));
    }
    for group in ["manage", "export", "insights", "track"] {
        for rate in [
            json!(5),
            json!("20/10s"),
            json!([20, 10]),
            json!({"limit": 0, "windowSeconds": 10}),
            json!({"limit": 10, "windowSeconds": 0}),
            json!({"limit": u32::MAX, "windowSeconds": u32::MAX}),
        ] {
            let value = json!({group: rate});
            wrong.push(("rateLimits", value, json!(["rateLimits", group])));
        }
        for value in [
            json!(null),
            json!(-1),
            json!(1.5),
            json!("10"),
            json!(u64::from(u32::MAX) + 1),
            json!(u64::MAX),
            json!([]),
        ] {
            let limit = json!({group: {"limit": value, "windowSeconds": 10}});
            wrong.push(("rateLimits", limit, json!(["rateLimits", group, "limit"])));
            let window = json!({group: {"limit": 10, "windowSeconds": value}});
            let path = json!(["rateLimits", group, "windowSeconds"]);
            wrong.push(("rateLimits", window, path));
        }
        let without_limit = json!({group: {"windowSeconds": 10}});
        let path = json!(["rateLimits", group, "limit"]);
        wrong.push(("rateLimits", without_limit, path));
    }
    for (field, value, path) in &wrong {
        for target in [&targets.create_client, &targets.update_client] {
            target
                .assert_refuses(&root, field, value, std::slice::from_ref(path))
                .await;
        }
    }
    for value in [
        json!(null),
        json!(5),
        json!(""),
        json!("admin"),
        json!("Root"),
        json!(["root"]),
        json!({}),
    ] {
        targets
            .create_client
            .assert_refuses(&root, "type", &value, &[json!(["type"])])
            .await;
    }
    for value in [
        json!(5),
        json!(true),
        json!(["shop"]),
        json!({}),
        json!("x".repeat(256)),
    ] {
        let paths = [json!(["projectId"])];
        for target in [&targets.create_client, &targets.create_reference] {
            target
                .assert_refuses(&root, "projectId", &value, &paths)
                .await;
        }
    }
    let paths = [json!(["projectId"])];
    targets
        .create_reference
        .assert_refuses(&root, "projectId", &json!(null), &paths)
        .await;
    for value in [json!(null), json!(5), json!(true), json!([]), json!({})] {
        let paths = [json!(["datetime"])];
        for target in [&targets.create_reference, &targets.update_reference] {
            target
                .assert_refuses(&root, "datetime", &value, &paths)
                .await;
        }
    }
    assert_eq!(everything(&root).await, before);

    for (field, value) in [
        ("allowedIps", json!(vec!["192.0.2.1"; 100])),
        (
            "allowedIps",
            json!(["0.0.0.0/0", "::/0", "192.0.2.1/32", "::ffff:192.0.2.1"]),
        ),
        ("cors", json!(vec!["*"; 100])),
        ("rateLimits", json!({})),
        (
            "rateLimits",
            json!({"export": {"limit": 1, "windowSeconds": 3600}}),
        ),
        ("rateLimits", json!(null)),
        ("expiresAt", json!("9999-12-31T23:59:59.999Z")),
        ("expiresAt", json!("0001-01-01T00:00:00.000Z")),
    ] {
        for target in [&targets.create_client, &targets.update_client] {
            let shown = target.assert_accepts(&root, field, &value).await;
            assert_eq!(shown[field], value);
        }
    }
    // A group that is null is the server's.
    let nulls = json!({"track": null, "export": {"limit": 1, "windowSeconds": 1}});
    let target = &targets.update_client;
    let shown = target.assert_accepts(&root, "rateLimits", &nulls).await;
    assert_eq!(
        shown["rateLimits"],
        json!({"export": {"limit": 1, "windowSeconds": 1}})
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_told_at_once() {
    let server = TestServer::start().await;
    let root = server.root();
    let targets = Targets::make(&server).await;
    let project = json!({
        "name": " ", "domain": 5, "cors": ["*", "", 7], "crossDomain": 1,
        "allowUnsafeRevenueTracking": null, "filters": [{"type": "ip"}, 5], "types": ["x", "y"],
        "retentionDays": 0,
    });
    for target in [&targets.create_project, &targets.update_project] {
        let reply = target.send(&root, &project).await;
        reply.assert_invalid_body(&[
            json!(["name"]),
            json!(["domain"]),
            json!(["cors", 1]),
            json!(["cors", 2]),
            json!(["crossDomain"]),
            json!(["allowUnsafeRevenueTracking"]),
            json!(["filters", 0, "ip"]),
            json!(["filters", 1]),
            json!(["types", 0]),
            json!(["types", 1]),
            json!(["retentionDays"]),
        ]);
    }
    let client = json!({
        "name": "", "enabled": 1, "expiresAt": "x", "allowedIps": ["x", "y"], "cors": "x",
        "rateLimits": {"track": {}, "manage": 5}, "ignoreCorsAndSecret": "x",
    });
    let paths = vec![
        json!(["name"]),
        json!(["enabled"]),
        json!(["expiresAt"]),
        json!(["allowedIps", 0]),
        json!(["allowedIps", 1]),
        json!(["cors"]),
        json!(["rateLimits", "track", "limit"]),
        json!(["rateLimits", "track", "windowSeconds"]),
        json!(["rateLimits", "manage"]),
        json!(["ignoreCorsAndSecret"]),
    ];
    let reply = targets.update_client.send(&root, &client).await;
    reply.assert_invalid_body(&paths);
    let mut with_kind = client;
    with_kind["type"] = json!("x");
    with_kind["projectId"] = json!(5);
    let reply = targets.create_client.send(&root, &with_kind).await;
    let kind_paths = [json!(["type"]), json!(["projectId"])];
    reply.assert_invalid_body(&[&paths[..], &kind_paths].concat());

    let reference = json!({"projectId": 5, "title": "", "description": 5, "datetime": "x"});
    let reply = targets.create_reference.send(&root, &reference).await;
    reply.assert_invalid_body(&[
        json!(["projectId"]),
        json!(["title"]),
        json!(["description"]),
        json!(["datetime"]),
    ]);
    let organization = json!({"name": 5, "timezone": "x"});
    let target = &targets.update_organization;
    let reply = target.send(&root, &organization).await;
    reply.assert_invalid_body(&[json!(["name"]), json!(["timezone"])]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_cannot_be_one_is_not_found() {
    let server = TestServer::start().await;
    let root = server.root();
    Targets::make(&server).await;
    let before = everything(&root).await;
    let long = "x".repeat(5_000);
    for (kind, name) in [
        ("projects", "Project"),
        ("clients", "Client"),
        ("references", "Reference"),
    ] {
        for id in [
            "none",
            "SHOP",
            "shop%20",
            "shop%00",
            "%20",
            "%F0%9F%9A%80",
            "%FF",
            "%C3%28",
            "%2Fetc%2Fpasswd",
            "..%2F..",
            "%ZZ",
            "%",
            "shop%2Fx",
            "'%20OR%201=1%20--",
            "{id}",
            "1af09627-2dd7-4b37-9e5c-6ffa7e450e85",
            "1af096272dd74b379e5c6ffa7e450e85",
            "{1af09627-2dd7-4b37-9e5c-6ffa7e450e85}",
            "00000000-0000-0000-0000-000000000000",
            "1af09627-2dd7-1b37-9e5c-6ffa7e450e85",
            &long,
        ] {
            let path = format!("/manage/{kind}/{id}");
            for reply in [
                root.get(&path).await,
                root.patch(&path, json!({})).await,
                root.delete(&path).await,
            ] {
                assert_eq!(reply.status, 404, "{path:.100}: {}", reply.text);
                reply.assert_error(404, &format!("{name} not found"));
            }
        }
    }
    // What is only written otherwise is the same.
    let found = root.get("/manage/projects/%73%68op").await;
    assert_eq!(found.data()["id"], "shop");
    assert_eq!(everything(&root).await, before);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_leads_nowhere_is_not_found() {
    let server = TestServer::start().await;
    let root = server.root();
    Targets::make(&server).await;
    for path in [
        "/manage",
        "/manage/",
        "/manage/projects/",
        "/manage/projects/shop/",
        "/manage/projects/shop/clients",
        "/manage/Projects",
        "/manage//projects",
        "/manage/clients/rotate/x/y",
        "/manage/unknown",
        "/api/api/manage/projects",
    ] {
        root.get(path).await.assert_error(404, "Route not found");
    }
    for raw in [
        &b"/manage/projects/../projects/shop"[..],
        b"/manage/projects/%2e%2e",
        b"/manage/projects/\xff\xfe",
        b"/manage/projects/\"<>",
        b"/manage/projects/shop;x",
    ] {
        let request = raw_request("GET", raw, "", b"");
        let (status, body) = read_raw(&server.send_bytes(&request));
        let shown = String::from_utf8_lossy(raw);
        assert!([400, 404].contains(&status), "{shown}: {status} {body}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn query_parameters_are_checked() {
    let server = TestServer::start().await;
    let root = server.root();
    Targets::make(&server).await;
    for flag in [
        "maybe", "yes", "TRUE", "2", "%20true", "null", "%FF", "%00", "🚀",
    ] {
        for path in ["/manage/projects", "/manage/projects/shop"] {
            let reply = root.get(&format!("{path}?includeDeleted={flag}")).await;
            assert_eq!(reply.status, 400, "{flag}: {}", reply.text);
            reply.assert_invalid_query(&[json!(["includeDeleted"])]);
        }
    }
    let long = "x".repeat(256);
    for path in ["/manage/clients", "/manage/references"] {
        let reply = root.get(&format!("{path}?projectId={long}")).await;
        reply.assert_invalid_query(&[json!(["projectId"])]);
    }
    // Unknown ones are ignored, and so is what is no parameter at all.
    for path in [
        "/manage/projects",
        "/manage/clients",
        "/manage/references",
        "/manage/projects/shop",
        "/manage/organization",
        "/manage/me",
    ] {
        let plain = root.get(path).await;
        for query in [
            "unknown=1",
            "LIMIT=0",
            "Cursor=x",
            "limit[]=0",
            "=",
            "&&&",
            "%",
            "%FF=%FF",
            "a=b=c",
            "?",
        ] {
            let reply = root.get(&format!("{path}?{query}")).await;
            assert_eq!(reply.status, 200, "{path}?{query}: {}", reply.text);
            assert_eq!(reply.body, plain.body);
        }
    }
    // The last of several counts.
    let reply = root
        .get("/manage/projects?includeDeleted=maybe&includeDeleted=true")
        .await;
    assert_eq!(reply.ids(), ["shop"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn escapes_and_text_of_every_script_are_kept() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let text = "{\"name\":\"\\ud83d\\ude80 \\u00e9 \\\"\\\\\\/\\n\"}";
    let reply = root
        .send_text(Method::PATCH, "/manage/projects/shop", text)
        .await;
    assert_eq!(reply.data()["name"], "🚀 é \"\\/\n");
    for name in ["日本語", "עברית", "e\u{301}", "\u{fffd}", "👩‍👩‍👧‍👦", "ﷺ"]
    {
        let reply = root
            .patch("/manage/projects/shop", json!({"name": name}))
            .await;
        assert_eq!(reply.data()["name"], name);
        let found = root.get("/manage/projects/shop").await;
        assert_eq!(found.body, reply.body);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_resource_exists_is_told_before_what_is_wrong_with_the_body() {
    let server = TestServer::start().await;
    let root = server.root();
    let unknown = "00000000-0000-4000-8000-000000000000";
    for (path, message) in [
        ("/manage/projects/nope".to_owned(), "Project not found"),
        (format!("/manage/clients/{unknown}"), "Client not found"),
        (
            format!("/manage/references/{unknown}"),
            "Reference not found",
        ),
    ] {
        let reply = root.patch(&path, json!({"name": 1, "title": 1})).await;
        reply.assert_error(404, message);
    }
    let rotate = format!("/manage/clients/{unknown}/rotate");
    let reply = root.post(&rotate, json!({"graceSeconds": -1})).await;
    reply.assert_error(404, "Client not found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_a_query_is_told_at_once() {
    let server = TestServer::start().await;
    let root = server.root();
    let projects = root
        .get("/manage/projects?limit=0&includeDeleted=maybe&cursor=x")
        .await;
    projects.assert_invalid_query(&[
        json!(["cursor"]),
        json!(["includeDeleted"]),
        json!(["limit"]),
    ]);
    let long = "x".repeat(256);
    for list in ["clients", "references"] {
        let reply = root
            .get(&format!("/manage/{list}?limit=0&projectId={long}"))
            .await;
        reply.assert_invalid_query(&[json!(["limit"]), json!(["projectId"])]);
    }
    server.stop().await;
}
