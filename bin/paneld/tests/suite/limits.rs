//! How often callers may call: `docs/contract/auth-and-limits.md` §4.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value as Json, json};

use crate::support::{Caller, Reply, TestServer};

const WRONG_SECRET: &str = "a-wrong-secret-0123456789";

fn assert_limited(reply: &Reply, retry_after: &str) {
    let message = "You have exceeded the rate limit for this endpoint.";
    reply.assert_error(429, message);
    assert_eq!(reply.header("retry-after"), retry_after);
    let keys = reply.body.as_object().unwrap().keys();
    let keys = keys.map(String::as_str).collect::<Vec<_>>();
    // Who failed too often is told that this is why.
    let has_reason = reply.body["code"] == "too_many_failed_logins";
    let expected = if has_reason { 6 } else { 4 };
    assert_eq!(keys.len(), expected, "{}", reply.text);
    assert!(reply.header("www-authenticate").is_empty());
}

/// The same for a caller who was told before. On another connection, which its client may open
/// whenever it likes, it waits for a token of its own, some tokens later.
fn assert_limited_again(reply: &Reply, seconds: u64, token: u64) {
    let told = reply.header("retry-after").parse::<u64>().unwrap();
    assert!(
        told >= seconds && (told - seconds).is_multiple_of(token),
        "{told}"
    );
    assert_limited(reply, &told.to_string());
}

/// What a reply says of the bucket: `x-ratelimit-limit`, `-remaining` and `-reset`,
/// `RateLimit-Policy` and `RateLimit`.
fn bucket(reply: &Reply) -> [&str; 5] {
    [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "ratelimit-policy",
        "ratelimit",
    ]
    .map(|name| reply.header(name))
}

async fn statuses(caller: &Caller, path: &str, calls: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..calls {
        statuses.push(caller.get(path).await.status.as_u16());
    }
    statuses
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|&&s| s == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_25_calls_back_to_back_20_pass() {
    // Slow, for the clock of a Redis goes on during the test.
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "20/1000s")]).await;
    let root = server.root();
    let first = root.get("/manage/projects").await;
    let policy = "\"manage\";q=20;w=1000";
    let expected = ["20", "19", "50", policy, "\"manage\";r=19;t=50"];
    assert_eq!(bucket(&first), expected);
    assert_eq!(first.header("retry-after"), "");
    for left in (0..19).rev() {
        let reply = root.get("/manage/projects").await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("x-ratelimit-remaining"), left.to_string());
        let reset = (20 - left) * 50;
        assert_eq!(reply.header("x-ratelimit-reset"), reset.to_string());
        let state = format!("\"manage\";r={left};t={reset}");
        assert_eq!(reply.header("ratelimit"), state);
    }
    for _ in 0..5 {
        let denied = root.get("/manage/projects").await;
        assert_limited_again(&denied, 50, 50);
        // Who waits on another connection is told another time.
        let state = format!("\"manage\";r=0;t={}", denied.header("retry-after"));
        let expected = ["20", "0", "1000", policy, state.as_str()];
        assert_eq!(bucket(&denied), expected);
    }
    // Being denied cost nothing: fifty seconds are enough, and not one less.
    server.advance(Duration::from_secs(49));
    assert_limited_again(&root.get("/manage/projects").await, 1, 50);
    server.advance(Duration::from_secs(1));
    assert_eq!(statuses(&root, "/manage/projects", 2).await, [200, 429]);
    server.advance(Duration::from_secs(1000));
    let all = statuses(&root, "/manage/projects", 25).await;
    assert_eq!((count(&all, 200), count(&all, 429)), (20, 5));
    server.stop().await;
}

/// Terraform makes forty projects with ten workers, and tries each four times more as its SDK does:
/// after as many seconds as it is told.
#[tokio::test(flavor = "multi_thread")]
async fn forty_resources_of_ten_workers_pass_on_default_limits() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "20/10s")]).await;
    let root = server.root();
    // A worker has a connection of its own.
    let workers = (0..10).map(|_| {
        let headers = root.headers().iter();
        headers.fold(server.anonymous(), |worker, (name, value)| {
            worker.with_header(name, value)
        })
    });
    let workers = workers.collect::<Vec<_>>();
    let mut waiting = (0..10)
        .map(|worker| (0, worker, 0))
        .collect::<BTreeSet<_>>();
    let (mut now, mut begun, mut made, mut told) = (0, 10, 0, BTreeSet::new());
    // Whoever waits least goes on.
    while let Some((at, worker, retries)) = waiting.pop_first() {
        server.advance(Duration::from_secs(at - now));
        now = at;
        let body = json!({"name": format!("Project of {worker}")});
        let reply = workers[worker].post("/manage/projects", body).await;
        if reply.status == 200 {
            made += 1;
            if begun < 40 {
                begun += 1;
                waiting.insert((at, worker, 0));
            }
            continue;
        }
        assert_eq!(reply.status, 429, "{}", reply.text);
        assert!(
            retries < 4,
            "{made} were made, and one gave up after {at} s"
        );
        let after = reply.header("retry-after").parse::<u64>().unwrap();
        told.insert(after);
        waiting.insert((at + after, worker, retries + 1));
    }
    assert_eq!(made, 40);
    assert!(told.len() > 3, "{told:?}");
    assert!(now <= 15, "it took {now} s");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_retry_after_seconds_one_request_passes() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "5/10s")]).await;
    let root = server.root();
    assert_eq!(statuses(&root, "/manage/me", 5).await, [200; 5]);
    let denied = root.get("/manage/me").await;
    assert_limited(&denied, "2");
    let expected = ["5", "0", "10", "\"manage\";q=5;w=10", "\"manage\";r=0;t=2"];
    assert_eq!(bucket(&denied), expected);
    server.advance(Duration::from_secs(1));
    assert_limited_again(&root.get("/manage/me").await, 1, 2);
    server.advance(Duration::from_secs(1));
    assert_eq!(statuses(&root, "/manage/me", 3).await, [200, 429, 429]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_api_and_every_client_has_a_bucket_of_its_own() {
    let settings = [
        ("RATE_LIMIT_MANAGE", "6/10s"),
        ("RATE_LIMIT_EXPORT", "2/10s"),
        ("RATE_LIMIT_INSIGHTS", "3/10s"),
        ("RATE_LIMIT_TRACK", "4/10s"),
    ];
    let server = TestServer::start_with(&settings).await;
    let root = server.root();
    let body = json!({"name": "Other", "type": "root"});
    let other = server.create_client(body).await;
    server.advance(Duration::from_secs(10));
    for caller in [root, server.caller_of(&other)] {
        for (path, group, limit) in [
            ("/export/nowhere", "export", 2),
            ("/insights/shop", "insights", 3),
            ("/import/nowhere", "track", 4),
            ("/manage/nowhere", "manage", 6),
        ] {
            for left in (0..limit).rev() {
                let reply = caller.get(path).await;
                reply.assert_error(404, "Route not found");
                let policy = format!("\"{group}\";q={limit};w=10");
                assert_eq!(reply.header("ratelimit-policy"), policy);
                assert_eq!(reply.header("x-ratelimit-limit"), limit.to_string());
                assert_eq!(reply.header("x-ratelimit-remaining"), left.to_string());
            }
            assert_eq!(caller.get(path).await.status, 429);
            // The same bucket under the other prefix.
            assert_eq!(caller.get(&format!("/api{path}")).await.status, 429);
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_can_be_switched_off() {
    let settings = [("RATE_LIMIT_MANAGE", "off"), ("RATE_LIMIT_EXPORT", "1/10s")];
    let server = TestServer::start_with(&settings).await;
    let root = server.root();
    assert_eq!(statuses(&root, "/manage/me", 50).await, [200; 50]);
    let reply = root.get("/manage/me").await;
    assert_eq!(bucket(&reply), [""; 5]);
    assert!(reply.body["data"]["limits"].get("manage").is_none());
    assert_eq!(statuses(&root, "/export/x", 2).await, [404, 429]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_behind_the_gate_is_charged() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "100/1h")]).await;
    let root = server.root();
    let mut left = 100;
    for (method, path, body, status) in [
        ("GET", "/manage/nowhere", "", 404),
        ("GET", "/manage", "", 404),
        ("GET", "/manage/projects/absent", "", 404),
        ("PUT", "/manage/projects", "", 405),
        ("OPTIONS", "/manage/projects", "", 405),
        ("DELETE", "/manage/me", "", 405),
        ("HEAD", "/manage/projects", "", 200),
        ("POST", "/manage/projects", "{", 400),
        ("POST", "/manage/projects", "{}", 400),
        ("GET", "/manage/projects?limit=0", "", 400),
        ("GET", "/manage/me", "", 200),
        ("GET", "/api/manage/me", "", 200),
    ] {
        let caller = root.with_header("content-type", "application/json");
        let body = Some(body.as_bytes().to_vec()).filter(|body| !body.is_empty());
        let reply = caller.send(method.parse().unwrap(), path, body).await;
        assert_eq!(reply.status, status, "{method} {path}");
        left -= 1;
        let remaining = reply.header("x-ratelimit-remaining");
        assert_eq!(remaining, left.to_string(), "{method} {path}");
    }
    let free = server.anonymous().get("/healthz/live").await;
    assert_eq!(bucket(&free), [""; 5]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_am_i_tells_and_takes_from_the_manage_bucket() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "20/10s")]).await;
    server.create_project("Shop").await;
    let body = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let reader = server.create_client(body).await;
    let reader = server.caller_of(&reader);
    assert_eq!(reader.get("/export/x").await.status, 404);
    let me = reader.get("/manage/me").await;
    assert_eq!(me.header("ratelimit"), "\"manage\";r=19;t=1");
    let limits = &me.body["data"]["limits"];
    let bucket = |left| json!({"limit": 100, "windowSeconds": 10, "remaining": left});
    assert_eq!(limits["export"], bucket(99));
    assert_eq!(limits["insights"], bucket(100));

    let me = server.root().get("/manage/me").await;
    let left = me.header("x-ratelimit-remaining").parse::<u64>().unwrap();
    let own = &me.body["data"]["limits"]["manage"];
    let expected = json!({"limit": 20, "windowSeconds": 10, "remaining": left});
    assert_eq!(own, &expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_have_limits_of_its_own() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "20/10s")]).await;
    let limits = json!({"manage": {"limit": 3, "windowSeconds": 60}});
    let body = json!({"name": "Slow", "type": "root", "rateLimits": limits});
    let slow = server.create_client(body).await;
    let slow = server.caller_of(&slow);
    let reply = slow.get("/manage/me").await;
    let expected = ["3", "2", "20", "\"manage\";q=3;w=60", "\"manage\";r=2;t=20"];
    assert_eq!(bucket(&reply), expected);
    assert_eq!(statuses(&slow, "/manage/me", 3).await, [200, 200, 429]);
    assert_limited_again(&slow.get("/manage/me").await, 20, 20);
    let other = slow.get("/export/x").await;
    assert_eq!(other.header("x-ratelimit-limit"), "100");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_request_does_nothing() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "2/10s")]).await;
    let root = server.root();
    assert_eq!(statuses(&root, "/manage/me", 2).await, [200, 200]);
    let denied = root.post("/manage/projects", json!({"name": "Shop"})).await;
    assert_limited(&denied, "5");
    server.advance(Duration::from_secs(10));
    let listed = root.get("/manage/projects").await;
    assert_eq!(listed.body["data"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_know_the_secret_cannot_drain_a_bucket() {
    let server = TestServer::start_with(&[("RATE_LIMIT_MANAGE", "20/10s")]).await;
    let me = server.root().get("/manage/me").await;
    let id = me.body["data"]["client"]["id"].as_str().unwrap().to_owned();
    let stranger = server.caller(&id, WRONG_SECRET);
    assert_eq!(statuses(&stranger, "/manage/me", 30).await, [401; 30]);
    let me = server.root().get("/manage/me").await;
    assert_eq!(me.header("x-ratelimit-remaining"), "18");
    server.stop().await;
}

/// A server that counts failures, and a read client.
async fn counting_failures() -> (TestServer, Json) {
    let settings = [("RATE_LIMIT_AUTH_FAILURES", "30/60s")];
    let server = TestServer::start_with(&settings).await;
    server.create_project("Shop").await;
    let body = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let reader = server.create_client(body).await;
    (server, reader)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_30_failures_an_address_is_told_to_wait() {
    let (server, reader) = counting_failures().await;
    let good = server.caller_of(&reader);
    let bad = server.caller(reader["id"].as_str().unwrap(), WRONG_SECRET);
    // Every kind of failure counts, in every API.
    let none = server.anonymous();
    for (caller, path) in [
        (&bad, "/export/x"),
        (&bad, "/insights/x"),
        (&bad, "/import/x"),
        (&bad, "/api/manage/me"),
        (&none, "/manage/projects"),
        (&good, "/manage/projects"),
    ] {
        assert_eq!(statuses(caller, path, 5).await, [401; 5]);
    }
    for caller in [&bad, &none, &good] {
        let denied = caller.get("/manage/projects").await;
        assert_limited(&denied, "2");
        assert_eq!(bucket(&denied), [""; 5]);
    }
    // Good credentials are never refused for their neighbours' failures.
    assert_eq!(statuses(&good, "/manage/me", 3).await, [200; 3]);
    assert_eq!(
        statuses(&server.root(), "/manage/projects", 3).await,
        [200; 3]
    );
    // Other addresses are none of its business.
    let elsewhere = bad.with_header("x-forwarded-for", "192.0.2.7");
    assert_eq!(elsewhere.get("/export/x").await.status, 401);

    server.advance(Duration::from_secs(2));
    assert_eq!(statuses(&bad, "/export/x", 2).await, [401, 429]);
    server.advance(Duration::from_secs(60));
    let all = statuses(&bad, "/export/x", 35).await;
    assert_eq!((count(&all, 401), count(&all, 429)), (30, 5));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_from_one_ipv6_network_count_together() {
    let (server, reader) = counting_failures().await;
    let bad = server.caller(reader["id"].as_str().unwrap(), WRONG_SECRET);
    for host in 1..=30 {
        let address = format!("2001:db8:1:2:{host:x}::{host:x}");
        let caller = bad.with_header("x-forwarded-for", &address);
        assert_eq!(caller.get("/export/x").await.status, 401, "{address}");
    }
    for (address, status) in [
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", 429),
        ("[2001:db8:1:2::]:4711", 429),
        ("2001:db8:1:3::1", 401),
        ("192.0.2.7", 401),
    ] {
        let caller = bad.with_header("x-forwarded-for", address);
        assert_eq!(caller.get("/export/x").await.status, status, "{address}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_from_ipv4_count_by_address_however_it_is_written() {
    let (server, reader) = counting_failures().await;
    let bad = server.caller(reader["id"].as_str().unwrap(), WRONG_SECRET);
    let here = bad.with_header("x-forwarded-for", "192.0.2.7");
    assert_eq!(statuses(&here, "/export/x", 30).await, [401; 30]);
    for (name, value, status) in [
        ("x-forwarded-for", "::ffff:192.0.2.7", 429),
        ("x-forwarded-for", "198.51.100.1, 192.0.2.7:80", 429),
        ("forwarded", "for=192.0.2.7", 429),
        ("x-forwarded-for", "192.0.2.8", 401),
    ] {
        let caller = bad.with_header(name, value);
        assert_eq!(caller.get("/export/x").await.status, status, "{value}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_failures_can_be_switched_off() {
    let settings = [("RATE_LIMIT_AUTH_FAILURES", "off")];
    let server = TestServer::start_with(&settings).await;
    let all = statuses(&server.anonymous(), "/manage/me", 50).await;
    assert_eq!(all, [401; 50]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_own_question_is_no_failure() {
    let settings = [("RATE_LIMIT_AUTH_FAILURES", "1/60s")];
    let server = TestServer::start_with(&settings).await;
    let page = server
        .anonymous()
        .with_header("origin", "https://shop.example")
        .with_header("access-control-request-method", "GET");
    let ask = async |caller: &Caller| {
        let asked = caller.send("OPTIONS".parse().unwrap(), "/export/events", None);
        asked.await.status.as_u16()
    };
    for _ in 0..3 {
        assert_eq!(ask(&page).await, 401);
    }
    // With credentials it is a guess like any other.
    let guess = page.with_header("openpanel-client-secret", WRONG_SECRET);
    assert_eq!([ask(&guess).await, ask(&guess).await], [401, 429]);
    assert_eq!(ask(&page).await, 401, "nor is it charged for others");
    server.stop().await;
}
