//! The caller's organization.

use std::time::Duration;

use serde_json::json;

use crate::support::{START, TestServer};

const MINUTE: Duration = Duration::from_secs(60);
const PATH: &str = "/manage/organization";

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_is_shown_to_its_root_clients() {
    let server = TestServer::start().await;
    let acme = json!({"data": {
        "id": "acme", "name": "Acme", "timezone": "UTC", "createdAt": START, "updatedAt": START,
    }});
    assert_eq!(server.root().get(PATH).await.body, acme);
    let under_api = server.root().get("/api/manage/organization").await;
    assert_eq!(under_api.body, acme);

    let project = server.create_project("Shop").await;
    let writer = server.caller_of(&project["client"]);
    for refused in [
        writer.get(PATH).await,
        writer.patch(PATH, json!({"name": "Mine"})).await,
    ] {
        refused.assert_error(
            401,
            "Manage: Only root clients are allowed to manage resources",
        );
    }
    assert_eq!(server.root().get(PATH).await.body, acme);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_leaves_all_other_fields_alone() {
    let server = TestServer::start().await;
    let root = server.root();
    let mut expected = root.get(PATH).await.body;
    for (minute, (field, value)) in [
        ("name", " Åkme & Söner 🚀"),
        ("timezone", "Europe/Stockholm"),
        ("timezone", "America/Argentina/Buenos_Aires"),
        ("timezone", "Etc/GMT+5"),
        ("timezone", "UTC"),
    ]
    .into_iter()
    .enumerate()
    {
        server.advance(MINUTE);
        let reply = root.patch(PATH, json!({field: value})).await;
        expected["data"][field] = json!(value);
        expected["data"]["updatedAt"] = json!(format!("2026-01-15T10:{:02}:00.000Z", 31 + minute));
        assert_eq!(reply.body, expected);
        assert_eq!(root.get(PATH).await.body, expected);
        // Its clients see it at once.
        let me = root.get("/manage/me").await;
        assert_eq!(me.data()["organization"][field], value);
    }
    server.advance(MINUTE);
    for nothing in [json!({}), json!({"id": "other", "createdAt": 0})] {
        assert_eq!(root.patch(PATH, nothing).await.body, expected);
    }
    assert_eq!(root.get(PATH).await.body, expected);

    let server = server.restart().await;
    assert_eq!(server.root().get(PATH).await.body, expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_zone_is_refused() {
    let server = TestServer::start().await;
    let root = server.root();
    let before = root.get(PATH).await;
    for zone in [
        json!("Europe/Gotham"),
        json!("europe/stockholm"),
        json!("+02:00"),
        json!("UTC+2"),
        json!(" UTC"),
        json!("UTC\u{0}"),
        json!(""),
        json!("🚀"),
        json!("../../etc/passwd"),
        json!("x".repeat(10_000)),
        json!(null),
        json!(2),
        json!(["UTC"]),
    ] {
        let body = json!({"name": "New", "timezone": zone});
        let reply = root.patch(PATH, body).await;
        reply.assert_invalid_body(&[json!(["timezone"])]);
    }
    assert_eq!(root.get(PATH).await.body, before.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_leaves_the_id_of_the_organization_alone() {
    let server = TestServer::start().await;
    let root = server.root();
    let changed = root.patch(PATH, json!({"name": "Initech"})).await;
    assert_eq!(changed.data()["id"], "acme");
    let project = server.create_project("Shop").await;
    assert_eq!(project["organizationId"], "acme");
    // It is not made again under its old name when the server starts.
    let server = server.restart().await;
    let found = server.root().get(PATH).await;
    assert_eq!(found.data()["name"], "Initech");
    assert_eq!(
        server
            .admin()
            .await
            .list_organizations()
            .await
            .unwrap()
            .len(),
        1
    );
    server.stop().await;
}
