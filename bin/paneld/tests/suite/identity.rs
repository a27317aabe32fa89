//! Who am I: for clients of every type.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{START, TestServer};

const RATES: [(&str, &str); 4] = [
    ("RATE_LIMIT_MANAGE", "20/10s"),
    ("RATE_LIMIT_INSIGHTS", "100/10s"),
    ("RATE_LIMIT_EXPORT", "50/10s"),
    ("RATE_LIMIT_TRACK", "10000/10s"),
];

fn bucket(limit: u32, remaining: u32) -> Json {
    json!({"limit": limit, "windowSeconds": 10, "remaining": remaining})
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_is_told_who_it_is() {
    let server = TestServer::start_with(&RATES).await;
    let root = server.root();
    server.create_project("Shop").await;
    let project = root.get("/manage/projects/shop").await.data().clone();
    for (client_type, project_id, permissions, limits) in [
        (
            "read",
            Some("shop"),
            json!(["insights", "export"]),
            json!({"insights": bucket(100, 100), "export": bucket(50, 50)}),
        ),
        (
            "write",
            Some("shop"),
            json!(["track", "import"]),
            json!({"track": bucket(10_000, 10_000)}),
        ),
        (
            "root",
            None,
            json!(["insights", "export", "track", "import", "manage"]),
            json!({
                "insights": bucket(100, 100), "export": bucket(50, 50),
                "track": bucket(10_000, 10_000), "manage": bucket(20, 19),
            }),
        ),
        (
            "root",
            Some("shop"),
            json!(["insights", "export", "track", "import", "manage"]),
            json!({
                "insights": bucket(100, 100), "export": bucket(50, 50),
                "track": bucket(10_000, 10_000), "manage": bucket(20, 19),
            }),
        ),
    ] {
        let body = json!({"name": "CI", "type": client_type, "projectId": project_id});
        let client = server.create_client(body).await;
        let me = server.caller_of(&client).get("/manage/me").await;
        let expected = json!({"data": {
            "client": {
                "id": client["id"], "name": "CI", "type": client_type, "projectId": project_id,
                "organizationId": "acme", "ignoreCorsAndSecret": false, "enabled": true,
                "expiresAt": null, "allowedIps": [], "cors": null, "rateLimits": null,
                "lastUsedAt": null, "createdAt": START, "updatedAt": START,
            },
            "organization": {"id": "acme", "name": "Acme", "timezone": "UTC"},
            "project": project_id.map(|_| project.clone()),
            "permissions": permissions,
            "limits": limits,
        }});
        assert_eq!(me.body, expected);
        assert_eq!(me.status, 200);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_remains_of_a_limit_is_told_and_charged() {
    let server = TestServer::start_with(&RATES).await;
    let root = server.root();
    for remaining in (16..20).rev() {
        let me = root.get("/manage/me").await;
        assert_eq!(me.data()["limits"]["manage"], bucket(20, remaining));
        assert_eq!(me.header("x-ratelimit-remaining"), remaining.to_string());
    }
    server.advance(Duration::from_secs(1));
    let me = root.get("/manage/me").await;
    assert_eq!(me.data()["limits"]["manage"], bucket(20, 17));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_own_limits_are_told_in_place_of_the_servers() {
    let server = TestServer::start_with(&RATES).await;
    server.create_project("Shop").await;
    let own = json!({"track": {"limit": 50_000, "windowSeconds": 10}});
    let body = json!({"name": "CI", "projectId": "shop", "rateLimits": own});
    let client = server.create_client(body).await;
    let me = server.caller_of(&client).get("/manage/me").await;
    assert_eq!(
        me.data()["limits"],
        json!({"track": bucket(50_000, 50_000)})
    );
    assert_eq!(me.data()["client"]["rateLimits"], own);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_switched_off_is_not_told() {
    let server =
        TestServer::start_with(&[("RATE_LIMIT_INSIGHTS", "off"), ("RATE_LIMIT_EXPORT", "off")])
            .await;
    let me = server.root().get("/manage/me").await;
    assert_eq!(
        me.data()["limits"],
        json!({"track": bucket(10_000, 10_000)})
    );
    assert_eq!(me.header("x-ratelimit-limit"), "");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_client_or_its_project_is_told_at_once() {
    let server = TestServer::start().await;
    let root = server.root();
    let project = server.create_project("Shop").await;
    let caller = server.caller_of(&project["client"]);
    let me = caller.get("/manage/me").await;
    assert_eq!(me.data()["project"]["name"], "Shop");
    assert_eq!(me.data()["client"]["name"], "First client");

    let path = format!(
        "/manage/clients/{}",
        project["client"]["id"].as_str().unwrap()
    );
    root.patch(&path, json!({"name": "Mobile"})).await.data();
    root.patch("/manage/projects/shop", json!({"name": "Store"}))
        .await
        .data();
    let me = caller.get("/api/manage/me").await;
    assert_eq!(me.data()["project"]["name"], "Store");
    assert_eq!(me.data()["client"]["name"], "Mobile");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_nothing() {
    let server = TestServer::start().await;
    for path in ["/manage/me", "/api/manage/me"] {
        let reply = server.anonymous().get(path).await;
        reply.assert_error(401, "Manage: Client ID must be a valid UUIDv4");
        assert_eq!(reply.body["code"], "missing_credentials");
    }
    let post = server.root().post("/manage/me", json!({})).await;
    post.assert_error(405, "Method not allowed");
    assert_eq!(post.header("allow"), "GET, HEAD");
    server.stop().await;
}
