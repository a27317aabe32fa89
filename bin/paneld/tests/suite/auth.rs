//! Who is let in, and what the others are told: `docs/contract/auth-and-limits.md` §1 and §2.1.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paneld_domain::Clock;
use serde_json::{Value as Json, json};

use crate::support::{Caller, Reply, TestServer};

/// The APIs that demand credentials: their names, a path of each, and the message for a client
/// of the wrong type.
const APIS: [(&str, &str, &str); 4] = [
    (
        "Manage",
        "/manage/nowhere",
        "Manage: Only root clients are allowed to manage resources",
    ),
    (
        "Export",
        "/export/nowhere",
        "Export: Client is not allowed to export",
    ),
    (
        "Insights",
        "/insights/shop/nowhere",
        "Insights: Client is not allowed to read insights",
    ),
    (
        "Import",
        "/import/nowhere",
        "Import: Client is not allowed to import",
    ),
];

const INVALID: (&str, &str) = ("Invalid client credentials", "invalid_credentials");
const UNKNOWN_ID: &str = "0f7c1a52-6a3e-4c8b-9d1e-3b5a7c9e1f20";
const WRONG_SECRET: &str = "a-wrong-secret-0123456789";

/// The client types that an API takes.
fn is_allowed(api: &str, client_type: &str) -> bool {
    match api {
        "Manage" => client_type == "root",
        "Import" => client_type != "read",
        _ => client_type != "write",
    }
}

fn assert_refused(reply: &Reply, message: &str, code: &str) {
    reply.assert_error(401, message);
    assert_eq!(reply.body["code"], json!(code));
    assert_eq!(reply.header("www-authenticate"), "Basic realm=\"paneld\"");
    assert_eq!(reply.header("x-ratelimit-limit"), "", "told to a stranger");
    // Who gave none, or none that could be some, is told how to give them.
    let is_told = reply.body.get("details").is_some();
    let is_about_form = ["missing_credentials", "malformed_client_id"].contains(&code);
    assert_eq!(is_told, is_about_form, "{}", reply.text);
}

/// Demands that a caller was let in, to where nothing is yet.
fn assert_let_in(reply: &Reply) {
    reply.assert_error(404, "Route not found");
    assert_ne!(reply.header("x-ratelimit-limit"), "", "not charged");
}

/// A server with limits nobody reaches, and a project called shop.
async fn start() -> TestServer {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "1000/10s")]).await;
    server.create_project("Shop").await;
    server
}

/// A client of a type, bound to the shop unless it is root, with more of a body.
async fn create(server: &TestServer, client_type: &str, more: Json) -> Json {
    let mut body = json!({"name": client_type, "type": client_type});
    if client_type != "root" {
        body["projectId"] = json!("shop");
    }
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    server.create_client(body).await
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap()
}

fn encode(id: &str, secret: &str) -> String {
    STANDARD.encode(format!("{id}:{secret}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_malformed_id_is_told_first() {
    let server = start().await;
    for (api, path, _) in APIS {
        let message = format!("{api}: Client ID must be a valid UUIDv4");
        let missing = |reply: Reply| {
            assert_refused(&reply, &message, "missing_credentials");
            let forms = reply.body["details"][0]["message"].as_str().unwrap();
            assert!(forms.contains("openpanel-client-secret"), "{forms}");
            assert!(forms.contains("Basic base64(id:secret)"), "{forms}");
        };
        missing(server.anonymous().get(path).await);
        missing(server.anonymous().get(&format!("/api{path}")).await);
        missing(server.caller("", WRONG_SECRET).get(path).await);
        let refused = |reply: Reply| assert_refused(&reply, &message, "malformed_client_id");
        for id in [
            "root",
            "fa0c2780",
            // Versions 1 and 7, another variant, and nil.
            "c232ab00-9414-11ec-b3c8-9f6bdeced846",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "fa0c2780-55f2-4d9e-cea0-da2e02c7b1a9",
            "00000000-0000-0000-0000-000000000000",
            // Other ways to write a UUID.
            "fa0c278055f24d9ebea0da2e02c7b1a9",
            "{fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9}",
            "urn:uuid:fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9",
            "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9x",
        ] {
            refused(server.caller(id, WRONG_SECRET).get(path).await);
        }
        // A secret alone has no id either.
        let secret_only = server.anonymous();
        let secret_only = secret_only.with_header("openpanel-client-secret", WRONG_SECRET);
        missing(secret_only.get(path).await);
    }
    let message = "Manage: Client ID must be a valid UUIDv4";
    let me = server.anonymous().get("/manage/me").await;
    assert_refused(&me, message, "missing_credentials");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_do_not_go_together_are_invalid() {
    let server = start().await;
    let client = create(&server, "root", json!({})).await;
    let other = create(&server, "root", json!({})).await;
    let (id, secret) = (text(&client["id"]), text(&client["secret"]));
    let mut mistyped = secret.to_owned();
    mistyped.replace_range(10..11, if &secret[10..11] == "x" { "y" } else { "x" });
    for (_, path, _) in APIS {
        for (id, secret) in [
            (UNKNOWN_ID, WRONG_SECRET),
            (UNKNOWN_ID, secret),
            (id, WRONG_SECRET),
            (id, text(&other["secret"])),
            (id, mistyped.as_str()),
            (id, &secret.to_uppercase()),
            (id, &secret[..52]),
            (id, ""),
            (id, "short"),
        ] {
            let reply = server.caller(id, secret).get(path).await;
            assert_refused(&reply, INVALID.0, INVALID.1);
        }
        let without = server.anonymous().with_header("openpanel-client-id", id);
        assert_refused(&without.get(path).await, INVALID.0, INVALID.1);
        assert_let_in(&server.caller(id, secret).get(path).await);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_deleted_project_has_invalid_credentials() {
    let server = start().await;
    for client_type in ["read", "write", "root"] {
        let bound = create(&server, client_type, json!({"projectId": "shop"})).await;
        let caller = server.caller_of(&bound);
        assert_eq!(caller.get("/manage/me").await.status, 200);
        let deleted = server.root().delete("/manage/projects/shop").await;
        assert_eq!(deleted.status, 200);
        for path in APIS.map(|(_, path, _)| path).iter().chain(&["/manage/me"]) {
            assert_refused(&caller.get(path).await, INVALID.0, INVALID.1);
        }
        let root = server.root();
        let restored = root.patch("/manage/projects/shop", json!({})).await;
        assert_eq!(restored.status, 200);
        assert_eq!(caller.get("/manage/me").await.status, 200);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_against_a_client_is_told_in_order_and_only_to_who_has_its_secret() {
    let server = start().await;
    let past = "2026-01-15T10:29:59.000Z";
    let elsewhere = json!(["192.0.2.0/24"]);
    for client_type in ["read", "write", "root"] {
        for (settings, message, code) in [
            (
                json!({"enabled": false, "expiresAt": past, "allowedIps": elsewhere}),
                "Client is disabled",
                "client_disabled",
            ),
            (
                json!({"expiresAt": past, "allowedIps": elsewhere}),
                "Client has expired",
                "client_expired",
            ),
            (
                json!({"allowedIps": elsewhere}),
                "Address is not allowed for this client",
                "address_not_allowed",
            ),
        ] {
            let client = create(&server, client_type, settings).await;
            let caller = server.caller_of(&client);
            let stranger = server.caller(text(&client["id"]), WRONG_SECRET);
            // Before it is asked whether its type may call the API at all.
            for path in APIS.map(|(_, path, _)| path).iter().chain(&["/manage/me"]) {
                assert_refused(&caller.get(path).await, message, code);
                assert_refused(&stranger.get(path).await, INVALID.0, INVALID.1);
            }
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_api_takes_the_types_that_the_table_says() {
    let server = start().await;
    for client_type in ["read", "write", "root"] {
        let client = create(&server, client_type, json!({})).await;
        let caller = server.caller_of(&client);
        for (api, path, message) in APIS {
            for path in [path.to_owned(), format!("/api{path}")] {
                let reply = caller.get(&path).await;
                if is_allowed(api, client_type) {
                    assert_let_in(&reply);
                } else {
                    assert_refused(&reply, message, "insufficient_permissions");
                }
            }
        }
        let me = caller.get("/manage/me").await;
        assert_eq!(me.status, 200, "{}", me.text);
        assert_eq!(me.body["data"]["client"]["id"], client["id"]);
        let mut permissions = me.body["data"]["permissions"].as_array().unwrap().clone();
        permissions.retain(|permission| permission != "track");
        let allowed = APIS.iter().filter(|(api, ..)| is_allowed(api, client_type));
        let mut allowed = allowed
            .map(|(api, ..)| json!(api.to_lowercase()))
            .collect::<Vec<_>>();
        permissions.sort_by_key(Json::to_string);
        allowed.sort_by_key(Json::to_string);
        assert_eq!(permissions, allowed);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_expires_at_its_moment() {
    let server = start().await;
    let end = "2026-01-15T10:30:10.000Z";
    let client = create(&server, "read", json!({"expiresAt": end})).await;
    let caller = server.caller_of(&client);
    assert_let_in(&caller.get("/export/nowhere").await);
    server.advance(Duration::from_micros(9_999_999));
    assert_let_in(&caller.get("/export/nowhere").await);
    server.advance(Duration::from_micros(1));
    let reply = caller.get("/export/nowhere").await;
    assert_refused(&reply, "Client has expired", "client_expired");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_read_from_headers_basic_and_bearer() {
    let server = start().await;
    let client = create(&server, "root", json!({})).await;
    let (id, secret) = (text(&client["id"]), text(&client["secret"]));
    let pair = encode(id, secret);
    let anonymous = server.anonymous();
    for (_, path, _) in APIS {
        assert_let_in(&server.caller(id, secret).get(path).await);
        for scheme in ["Basic", "Bearer", "basic", "BEARER"] {
            let authorization = format!("{scheme} {pair}");
            let caller = anonymous.with_header("authorization", &authorization);
            assert_let_in(&caller.get(path).await);
        }
        for (authorization, code) in [
            (format!("Basic {}", encode(id, WRONG_SECRET)), INVALID.1),
            (format!("Bearer {}", encode(id, "")), INVALID.1),
            (format!("Basic {}", STANDARD.encode(id)), INVALID.1),
            (
                format!("Basic {}", STANDARD.encode("x:y")),
                "malformed_client_id",
            ),
            (format!("Digest {pair}"), "missing_credentials"),
            (format!("Bearer {secret}"), "missing_credentials"),
            (format!("Bearer {id}:{secret}"), "missing_credentials"),
            (
                format!("Basic {}", encode(&format!(" {id}"), secret)),
                "missing_credentials",
            ),
            (pair.clone(), "missing_credentials"),
            ("Basic".to_owned(), "missing_credentials"),
            ("Basic !!!".to_owned(), "missing_credentials"),
            ("Basic //79".to_owned(), "missing_credentials"),
        ] {
            let caller = anonymous.with_header("authorization", &authorization);
            let reply = caller.get(path).await;
            assert_eq!(reply.status, 401, "{authorization}");
            assert_eq!(reply.body["code"], json!(code), "{authorization}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_may_hold_colons_in_basic_authorization() {
    let secret = "imported:secret:with:colons";
    let server = TestServer::start_with(&[("BOOTSTRAP_CLIENT_SECRET", secret)]).await;
    let id = "fa0c2780-55f2-4d9e-bea0-da2e02c7b1a9";
    let authorization = format!("Basic {}", encode(id, secret));
    let caller = server.anonymous();
    let caller = caller.with_header("authorization", &authorization);
    assert_eq!(caller.get("/manage/me").await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openpanel_headers_win_over_authorization() {
    let server = start().await;
    let client = create(&server, "root", json!({})).await;
    let (id, secret) = (text(&client["id"]), text(&client["secret"]));
    let good = format!("Basic {}", encode(id, secret));
    let bad = format!("Basic {}", encode(id, WRONG_SECRET));
    for (_, path, _) in APIS {
        let good_headers = server.caller(id, secret);
        assert_let_in(
            &good_headers
                .with_header("authorization", &bad)
                .get(path)
                .await,
        );
        let bad_headers = server.caller(id, WRONG_SECRET);
        let bad_headers = bad_headers.with_header("authorization", &good);
        assert_refused(&bad_headers.get(path).await, INVALID.0, INVALID.1);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_may_be_in_either_letter_case() {
    let server = start().await;
    let client = create(&server, "root", json!({})).await;
    let (id, secret) = (text(&client["id"]).to_uppercase(), text(&client["secret"]));
    let authorization = format!("Basic {}", encode(&id, secret));
    let by_header = server.caller(&id, secret);
    let by_basic = server.anonymous();
    let by_basic = by_basic.with_header("authorization", &authorization);
    for caller in [by_header, by_basic] {
        let me = caller.get("/manage/me").await;
        assert_eq!(me.status, 200, "{}", me.text);
        // It is shown as it was given out.
        assert_eq!(me.body["data"]["client"]["id"], client["id"]);
    }
    server.stop().await;
}

/// What a reply tells, but for what differs between any two.
fn told(mut reply: Reply) -> (u16, Vec<(String, String)>, String) {
    let id = reply.header("request-id").to_owned();
    assert_ne!(id, "");
    let text = reply.text.replace(&id, "-");
    reply.headers.remove("request-id");
    reply.headers.remove("date");
    let headers = reply.headers.iter().map(|(name, value)| {
        let value = value.to_str().unwrap();
        (name.to_string(), value.to_owned())
    });
    let mut headers = headers.collect::<Vec<_>>();
    headers.sort();
    (reply.status.as_u16(), headers, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_a_wrong_secret_and_a_missing_one_look_the_same() {
    let server = start().await;
    let client = create(&server, "read", json!({"enabled": false})).await;
    let id = text(&client["id"]);
    for (_, path, _) in APIS {
        let wrong = told(server.caller(id, WRONG_SECRET).get(path).await);
        assert_eq!(wrong.0, 401);
        for other in [
            server.caller(UNKNOWN_ID, WRONG_SECRET),
            server.anonymous().with_header("openpanel-client-id", id),
            server
                .anonymous()
                .with_header("openpanel-client-id", UNKNOWN_ID),
        ] {
            assert_eq!(told(other.get(path).await), wrong);
        }
    }
    server.stop().await;
}

/// The median time of each caller's failures, taken in turns so that the machine's other work
/// weighs on all alike.
async fn median_times(callers: &[Caller], rounds: usize) -> Vec<Duration> {
    let clock = Clock::system();
    let mut times = vec![Vec::with_capacity(rounds); callers.len()];
    for round in 0..rounds + 20 {
        for (caller, times) in callers.iter().zip(&mut times) {
            let start = clock.elapsed();
            let reply = caller.get("/export/nowhere").await;
            let took = clock.elapsed() - start;
            assert_refused(&reply, INVALID.0, INVALID.1);
            // The first ones open connections.
            if round >= 20 {
                times.push(took);
            }
        }
    }
    let median = |mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2]
    };
    times.into_iter().map(median).collect()
}

fn assert_alike(times: &[Duration]) {
    let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    let allowed = (*least * 3 / 10).max(Duration::from_micros(100));
    assert!(*most - *least <= allowed, "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_a_wrong_secret_and_a_missing_one_take_the_same_time() {
    let server = start().await;
    let client = create(&server, "read", json!({})).await;
    let id = text(&client["id"]);
    let callers = [
        server.caller(id, WRONG_SECRET),
        server.caller(UNKNOWN_ID, WRONG_SECRET),
        server.anonymous().with_header("openpanel-client-id", id),
    ];
    assert_alike(&median_times(&callers, 400).await);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_what_the_nearest_untrusted_hop_has() {
    let server = start().await;
    let settings = json!({"allowedIps": ["192.0.2.0/24", "2001:db8::/32"]});
    let client = create(&server, "read", settings).await;
    let caller = server.caller_of(&client);
    for (name, value, is_allowed) in [
        ("x-forwarded-for", "192.0.2.7", true),
        ("x-forwarded-for", "2001:db8::7", true),
        ("x-forwarded-for", "[2001:db8::7]:4711", true),
        ("x-forwarded-for", "::ffff:192.0.2.7", true),
        ("x-forwarded-for", "198.51.100.1, 192.0.2.7", true),
        ("x-forwarded-for", "192.0.2.7, 127.0.0.1", true),
        ("forwarded", "for=192.0.2.7;proto=https", true),
        ("forwarded", "for=\"[2001:db8::7]:4711\"", true),
        // What a caller says of itself comes before what the proxy says.
        ("x-forwarded-for", "192.0.2.7, 198.51.100.1", false),
        ("forwarded", "for=192.0.2.7, for=198.51.100.1", false),
        ("x-forwarded-for", "198.51.100.1", false),
        ("x-forwarded-for", "garbage", false),
        ("x-forwarded-for", "192.0.2.7, garbage", false),
        ("x-real-ip", "192.0.2.7", false),
        ("openpanel-client-ip", "192.0.2.7", false),
    ] {
        let reply = caller.with_header(name, value).get("/export/nowhere").await;
        if is_allowed {
            assert_let_in(&reply);
        } else {
            let message = "Address is not allowed for this client";
            assert_refused(&reply, message, "address_not_allowed");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_says_which_proxies_are_believed() {
    let proxies = ("TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8,2001:db8:9::1");
    let server = TestServer::start_with(&[proxies]).await;
    server.create_project("Shop").await;
    let client = create(&server, "read", json!({"allowedIps": ["192.0.2.7"]})).await;
    let caller = server.caller_of(&client);
    for (chain, status) in [
        ("192.0.2.7, 10.1.1.1", 404),
        ("192.0.2.7, 2001:db8:9::1, 10.1.1.1, 127.0.0.2", 404),
        ("192.0.2.7, 11.1.1.1", 401),
        ("192.0.2.7, 2001:db8:9::2", 401),
    ] {
        let caller = caller.with_header("x-forwarded-for", chain);
        assert_eq!(caller.get("/export/x").await.status, status, "{chain}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_not_believed_about_addresses() {
    let server = TestServer::start_with(&[("TRUSTED_PROXIES", "198.51.100.0/24")]).await;
    server.create_project("Shop").await;
    let claims = [
        ("x-forwarded-for", "192.0.2.7"),
        ("forwarded", "for=192.0.2.7"),
    ];
    let there = create(&server, "read", json!({"allowedIps": ["192.0.2.7"]})).await;
    let here = create(&server, "read", json!({"allowedIps": ["127.0.0.1"]})).await;
    for (name, value) in claims {
        let there = server.caller_of(&there).with_header(name, value);
        let message = "Address is not allowed for this client";
        let reply = there.get("/export/nowhere").await;
        assert_refused(&reply, message, "address_not_allowed");
        let here = server.caller_of(&here).with_header(name, value);
        assert_let_in(&here.get("/export/nowhere").await);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_the_api_is_heeded_at_once() {
    let server = start().await;
    let client = create(&server, "read", json!({})).await;
    let (id, caller) = (text(&client["id"]), server.caller_of(&client));
    let path = format!("/manage/clients/{id}");
    assert_let_in(&caller.get("/export/nowhere").await);
    server.root().patch(&path, json!({"enabled": false})).await;
    let reply = caller.get("/export/nowhere").await;
    assert_refused(&reply, "Client is disabled", "client_disabled");
    server.root().patch(&path, json!({"enabled": true})).await;
    assert_let_in(&caller.get("/export/nowhere").await);
    let rotate = format!("{path}/rotate");
    let rotated = server.root().post(&rotate, json!({})).await;
    assert_refused(&caller.get("/export/nowhere").await, INVALID.0, INVALID.1);
    let caller = server.caller_of(&rotated.body["data"]);
    assert_let_in(&caller.get("/export/nowhere").await);
    server.root().delete(&path).await;
    assert_refused(&caller.get("/export/nowhere").await, INVALID.0, INVALID.1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_another_process_is_heeded_within_five_seconds() {
    let server = start().await;
    let client = create(&server, "read", json!({})).await;
    let caller = server.caller_of(&client);
    assert_let_in(&caller.get("/export/nowhere").await);

    let admin = server.admin().await;
    let id = text(&client["id"]).parse().unwrap();
    admin.delete_client(id).await.unwrap();
    server.advance(Duration::from_secs(5));
    assert_refused(&caller.get("/export/nowhere").await, INVALID.0, INVALID.1);
    server.stop().await;
}
