//! Where callers and visitors are: what counts as an address, and whose word on it is believed.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    shop::{CHROME, ORIGIN, Shop, text, track},
    support::{Caller, TestServer},
};

/// A page of the shop, seen by a visitor whose address no header tells.
fn stranger(server: &TestServer, client: &Json) -> Caller {
    server
        .anonymous()
        .with_header("openpanel-client-id", client["id"].as_str().unwrap())
        .with_header("origin", ORIGIN)
        .with_header("user-agent", CHROME)
}

/// A server of the shop, which passes on what the visitor's browser is.
fn backend(shop: &Shop) -> Caller {
    let caller = shop.server.caller_of(&shop.client);
    caller.with_header("user-agent", CHROME)
}

/// Which device tracks an event.
async fn device(caller: &Caller) -> String {
    let reply = track(caller, json!({"name": "x"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    text(&reply.body["deviceId"])
}

async fn device_at(caller: &Caller, address: &str) -> String {
    device(&caller.with_header("x-client-ip", address)).await
}

/// Which device an event is of, whose visitor is told in the event itself.
async fn device_told(backend: &Caller, address: &str) -> String {
    let payload = json!({"name": "x", "properties": {"__ip": address}});
    let reply = track(backend, payload).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    text(&reply.body["deviceId"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_of_ipv4_mapped_addresses_blocks_the_ipv4_ones() {
    for (filter, blocked, passed) in [
        ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.8"),
        ("::ffff:cb00:7107", "::ffff:203.0.113.7", "203.0.113.8"),
        ("::ffff:203.0.113.0/120", "203.0.113.9", "203.0.114.9"),
        ("203.0.113.0/24", "::ffff:203.0.113.9", "::ffff:203.0.114.9"),
    ] {
        let shop = Shop::open_with(json!({"filters": [{"type": "ip", "ip": filter}]})).await;
        let page = stranger(&shop.server, &shop.client);
        let sent = async |header: &str, address: &str| {
            let page = page.with_header(header, address);
            track(&page, json!({"name": "x"})).await
        };
        for header in ["x-client-ip", "x-forwarded-for", "x-real-ip"] {
            let refused = sent(header, blocked).await;
            assert_eq!(refused.status, 401, "{filter} {header}: {}", refused.text);
            assert_eq!(refused.body["code"], "blocked_by_filter");
            assert_eq!(sent(header, passed).await.status, 200, "{filter} {header}");
        }
        let payload = json!({"name": "x", "properties": {"__ip": blocked}});
        assert_eq!(track(&shop.backend, payload).await.status, 401, "{filter}");
        // It is shown as it was given.
        let shown = shop.server.root().get("/manage/projects/shop").await;
        assert_eq!(shown.data()["filters"][0]["ip"], filter);
        shop.server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_allow_list_of_ipv4_mapped_addresses_allows_the_ipv4_ones() {
    let server = TestServer::start().await;
    for (allowed, inside, outside) in [
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"),
        ("::ffff:192.0.2.0/120", "::ffff:192.0.2.9", "192.0.3.9"),
    ] {
        let body = json!({"name": "Root", "type": "root", "allowedIps": [allowed]});
        let client = server.create_client(body).await;
        let status = async |address: &str| {
            let caller = server.caller_of(&client);
            let caller = caller.with_header("x-forwarded-for", address);
            caller.get("/manage/projects").await.status
        };
        assert_eq!(status(inside).await, 200, "{allowed}");
        assert_eq!(status(outside).await, 401, "{allowed}");
    }
    // Wider than all IPv4 addresses together: whoever writes this means something else.
    let body = json!({"name": "Root", "type": "root", "allowedIps": ["::ffff:10.0.0.0/8"]});
    let refused = server.root().post("/manage/clients", body).await;
    refused.assert_invalid_body(&[json!(["allowedIps", 0])]);
    let body = json!({"name": "X", "filters": [{"type": "ip", "ip": "::ffff:10.0.0.0/8"}]});
    let refused = server.root().post("/manage/projects", body).await;
    refused.assert_invalid_body(&[json!(["filters", 0, "ip"])]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_may_be_named_by_an_ipv4_mapped_network() {
    for (proxies, trusted) in [
        ("::ffff:127.0.0.0/104", true),
        ("::ffff:126.0.0.0/104", false),
    ] {
        let server = TestServer::start_with(&[("TRUSTED_PROXIES", proxies)]).await;
        let body = json!({"name": "Root", "type": "root", "allowedIps": ["192.0.2.7"]});
        let client = server.create_client(body).await;
        let caller = server.caller_of(&client);
        let caller = caller.with_header("x-forwarded-for", "192.0.2.7");
        let expected = if trusted { 200 } else { 401 };
        assert_eq!(caller.get("/manage/me").await.status, expected, "{proxies}");
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_events_tell_addresses_in_the_same_spellings() {
    let shop = Shop::open().await;
    let page = stranger(&shop.server, &shop.client);
    let backend = backend(&shop);
    let here = device(&page).await;
    let there = device_at(&page, "81.2.69.160").await;
    assert_ne!(here, there);
    for spelling in [
        "81.2.69.160:80",
        "\"81.2.69.160\"",
        "::ffff:81.2.69.160",
        "[::ffff:5102:45a0]:80",
    ] {
        assert_eq!(device_at(&page, spelling).await, there, "{spelling}");
        assert_eq!(device_told(&backend, spelling).await, there, "{spelling}");
    }
    for nobodys in [
        "100.64.1.2",
        "10.0.0.1",
        "192.0.0.8",
        "198.18.0.1",
        "240.0.0.1",
        "::ffff:100.64.1.2",
        "64:ff9b::5102:45a0",
        "2001::1",
        "2002:5102:45a0::1",
        "fd12:3456::1",
        "fe80::1",
        "unknown",
    ] {
        assert_eq!(device_at(&page, nobodys).await, here, "{nobodys}");
        assert_eq!(device_told(&backend, nobodys).await, here, "{nobodys}");
        let both = page.with_header("x-real-ip", "81.2.69.160");
        assert_eq!(device_at(&both, nobodys).await, there, "{nobodys}");
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_default_everybody_may_tell_where_the_visitor_is() {
    let server = TestServer::start_with(&[("TRUSTED_PROXIES", "none")]).await;
    let shop = Shop::open_on(server, json!({})).await;
    let page = stranger(&shop.server, &shop.client);
    let told = device_at(&page, "198.51.100.8").await;
    assert_ne!(told, device(&page).await);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_only_proxies_are_believed_the_visitors_limit_cannot_be_dodged() {
    let settings = [
        ("VISITOR_ADDRESS", "trusted"),
        ("TRUSTED_PROXIES", "none"),
        ("RATE_LIMIT_TRACK_VISITOR", "8/1h"),
    ];
    let shop = Shop::open_on(TestServer::start_with(&settings).await, json!({})).await;
    let page = stranger(&shop.server, &shop.client);
    let here = device(&page).await;
    let headers = [
        "openpanel-client-ip",
        "true-client-ip",
        "x-client-ip",
        "cf-connecting-ip",
        "x-forwarded-for",
        "x-real-ip",
        "fastly-client-ip",
    ];
    for header in headers {
        let elsewhere = page.with_header(header, "198.51.100.8");
        assert_eq!(device(&elsewhere).await, here, "{header}");
    }
    for header in headers {
        let elsewhere = page.with_header(header, "198.51.100.9");
        let refused = track(&elsewhere, json!({"name": "x"})).await;
        assert_eq!(refused.status, 429, "{header}");
    }
    // Whoever knows the secret may tell, in headers and in events.
    let backend = backend(&shop);
    let there = device_at(&backend, "198.51.100.8").await;
    assert_ne!(there, here);
    assert_eq!(device_told(&backend, "198.51.100.8").await, there);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_only_proxies_are_believed_the_visitor_is_who_they_say() {
    let settings = [("VISITOR_ADDRESS", "trusted")];
    let shop = Shop::open_on(TestServer::start_with(&settings).await, json!({})).await;
    let page = stranger(&shop.server, &shop.client);
    let backend = backend(&shop);
    let visitor = device_told(&backend, "198.51.100.8").await;
    // This machine is a trusted proxy, which reports the last hop; what is before it, and beside,
    // the visitor may have written.
    let proxied = page.with_header("x-forwarded-for", "203.0.113.9, 198.51.100.8");
    assert_eq!(device(&proxied).await, visitor);
    let forged = proxied.with_header("true-client-ip", "203.0.113.9");
    assert_eq!(device(&forged).await, visitor);
    // Where it reports nobody it speaks for its visitors itself, as the SDKs' handlers do.
    let handled = page.with_header("openpanel-client-ip", "198.51.100.8");
    assert_eq!(device(&handled).await, visitor);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_peer_may_tell_of_so_many_new_visitors() {
    // The client's own rate fills up again at once, so that only the new ones run out.
    let settings = [
        ("RATE_LIMIT_TRACK", "5/1s"),
        ("RATE_LIMIT_NEW_VISITORS", "2/1h"),
        ("TRUSTED_PROXIES", "none"),
    ];
    let server = TestServer::start_with(&settings).await;
    let other = server.create_project("Other").await["client"].clone();
    let shop = Shop::open_on(server, json!({})).await;
    let page = stranger(&shop.server, &shop.client);
    let refill = || shop.server.advance(Duration::from_secs(2));
    let here = device(&page).await;
    refill();
    // As many as the client may send at once, though the setting says less.
    let mut devices = Vec::new();
    for number in 1..=5 {
        devices.push(device_at(&page, &format!("198.51.100.{number}")).await);
    }
    assert!(!devices.contains(&here));
    refill();
    for number in 6..=8 {
        let beyond = device_at(&page, &format!("198.51.100.{number}")).await;
        assert_eq!(beyond, here, "the peer is the visitor");
    }
    // Who is known goes on, and so does everybody else.
    refill();
    for (number, device) in (1..).zip(&devices) {
        assert_eq!(
            device_at(&page, &format!("198.51.100.{number}")).await,
            *device
        );
    }
    refill();
    let backend = backend(&shop);
    assert_ne!(device_at(&backend, "198.51.100.200").await, here);
    let body = json!({"cors": [ORIGIN]});
    let root = shop.server.root();
    assert_eq!(root.patch("/manage/projects/other", body).await.status, 200);
    let page = stranger(&shop.server, &other);
    assert_ne!(
        device(&page).await,
        device_at(&page, "198.51.100.201").await
    );
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_device_counts_like_tracking() {
    let settings = [
        ("RATE_LIMIT_TRACK", "1/1s"),
        ("RATE_LIMIT_NEW_VISITORS", "1/1h"),
    ];
    let shop = Shop::open_on(TestServer::start_with(&settings).await, json!({})).await;
    let page = stranger(&shop.server, &shop.client);
    let ask = async |address: &str| {
        let page = page.with_header("x-client-ip", address);
        let reply = page.send(Method::GET, "/track/device-id", None).await;
        shop.server.advance(Duration::from_secs(2));
        text(&reply.body["deviceId"])
    };
    let first = ask("198.51.100.1").await;
    let (second, third) = (ask("198.51.100.2").await, ask("198.51.100.3").await);
    assert_ne!(first, second);
    assert_eq!(second, third);
    shop.server.stop().await;
}
