//! A usable root client remains: nobody can lock an organization out of itself.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Caller, Reply, TestServer};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Demands 409 because no usable root client would remain.
fn assert_last(reply: &Reply) {
    reply.assert_error(
        409,
        "The organization would be left without a usable root client",
    );
}

fn path_of(client: &Json) -> String {
    format!("/manage/clients/{}", client["id"].as_str().unwrap())
}

/// The path of the caller's own client.
async fn own_path(caller: &Caller) -> String {
    path_of(&caller.get("/manage/me").await.data()["client"])
}

async fn another_root(server: &TestServer, settings: Json) -> Json {
    let mut body = json!({"name": "Spare", "type": "root"});
    let settings = settings.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(settings);
    server.create_client(body).await
}

/// Everything that would make a root client useless.
fn endings() -> [Json; 5] {
    [
        json!({"enabled": false}),
        json!({"expiresAt": "2020-01-01T00:00:00Z"}),
        // Now is over as well.
        json!({"expiresAt": "2026-01-15T10:30:00.000Z"}),
        json!({"allowedIps": ["192.0.2.1"]}),
        json!({"name": "New", "enabled": true, "allowedIps": ["192.0.2.0/24", "::2"]}),
    ]
}

/// Demands that the caller cannot end its own client, and that the attempts change nothing.
async fn assert_cannot_end(caller: &Caller) {
    let own = own_path(caller).await;
    let before = caller.get(&own).await;
    assert_last(&caller.delete(&own).await);
    for ending in endings() {
        assert_last(&caller.patch(&own, ending).await);
    }
    assert_eq!(caller.get(&own).await.body, before.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_root_client_cannot_be_ended() {
    let server = TestServer::start().await;
    let root = server.root();
    // Clients of other types do not count.
    server.create_project("Shop").await;
    assert_cannot_end(&root).await;

    // What does not end it is allowed.
    let own = own_path(&root).await;
    for change in [
        json!({}),
        json!({"name": "New", "enabled": true}),
        json!({"expiresAt": "2026-01-15T10:30:00.001Z"}),
        json!({"expiresAt": null}),
        json!({"allowedIps": ["127.0.0.1"]}),
        json!({"allowedIps": ["192.0.2.1", "127.0.0.0/8"]}),
        json!({"allowedIps": []}),
    ] {
        let reply = root.patch(&own, change.clone()).await;
        assert_eq!(reply.status, 200, "{change}: {}", reply.text);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_client_beside_another_can_be_ended() {
    let server = TestServer::start().await;
    for ending in endings() {
        let spare = another_root(&server, json!({})).await;
        let caller = server.caller_of(&spare);
        caller.patch(&path_of(&spare), ending).await.data();
        let deleted = server.root().delete(&path_of(&spare)).await;
        assert_eq!(deleted.body, json!({"success": true}));
    }
    let spare = another_root(&server, json!({})).await;
    let spare = server.caller_of(&spare);
    // The first one too, as long as the spare is there.
    let first = own_path(&server.root()).await;
    assert_eq!(spare.delete(&first).await.status, 200);
    assert_cannot_end(&spare).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_allow_list_is_judged_from_where_the_caller_is() {
    let server = TestServer::start().await;
    let root = server.root();
    let own = own_path(&root).await;
    let away = root.with_header("x-forwarded-for", "192.0.2.1");
    let list = json!({"allowedIps": ["192.0.2.0/24"]});
    assert_last(&root.patch(&own, list.clone()).await);
    away.patch(&own, list).await.data();
    root.get("/manage/projects")
        .await
        .assert_error(401, "Address is not allowed for this client");
    assert_last(&away.patch(&own, json!({"allowedIps": ["127.0.0.1"]})).await);
    away.patch(&own, json!({"allowedIps": []})).await.data();
    root.get("/manage/projects").await.data();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_client_that_works_from_elsewhere_counts() {
    let server = TestServer::start().await;
    let spare = another_root(&server, json!({"allowedIps": ["192.0.2.1"]})).await;
    let own = own_path(&server.root()).await;
    assert_eq!(server.root().delete(&own).await.status, 200);
    let spare = server.caller_of(&spare);
    let there = spare.with_header("x-forwarded-for", "192.0.2.1");
    there.get("/manage/projects").await.data();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_client_that_is_disabled_or_expired_does_not_count() {
    let server = TestServer::start().await;
    another_root(&server, json!({"enabled": false})).await;
    another_root(&server, json!({"expiresAt": "2020-01-01"})).await;
    let soon = another_root(&server, json!({"expiresAt": "2026-01-15T10:31:00Z"})).await;
    let own = own_path(&server.root()).await;
    // One that expires soon counts until then.
    let disabled = server.root().patch(&own, json!({"enabled": false})).await;
    assert_eq!(disabled.data()["enabled"], false);
    let soon = server.caller_of(&soon);
    soon.patch(&own, json!({"enabled": true})).await.data();
    server.advance(Duration::from_secs(60));
    assert_cannot_end(&server.root()).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_client_of_another_organization_does_not_count() {
    let server = TestServer::start().await;
    let other = server.create_organization("Other").await;
    assert_cannot_end(&server.root()).await;
    assert_cannot_end(&other).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_client_of_a_deleted_project_does_not_count() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let bound = another_root(&server, json!({"projectId": "shop"})).await;
    let deleted = root.delete("/manage/projects/shop").await;
    assert_eq!(deleted.body, json!({"success": true}));
    assert_cannot_end(&root).await;

    // Restored, it does again.
    root.patch("/manage/projects/shop", json!({})).await.data();
    let own = own_path(&root).await;
    assert_eq!(root.delete(&own).await.status, 200);
    assert_cannot_end(&server.caller_of(&bound)).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_with_the_last_root_client_cannot_be_deleted() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    server.create_project("Blog").await;
    let bound = another_root(&server, json!({"projectId": "shop"})).await;
    let bound = server.caller_of(&bound);
    let first = own_path(&server.root()).await;
    assert_eq!(bound.delete(&first).await.status, 200);

    let before = bound.get("/manage/projects").await;
    assert_last(&bound.delete("/manage/projects/shop").await);
    assert_eq!(bound.get("/manage/projects").await.body, before.body);
    assert_eq!(bound.delete("/manage/projects/blog").await.status, 200);

    // Neither now nor after a day is anything of it purged.
    server.advance(2 * DAY);
    server.do_chores().await;
    let listed = bound.get("/manage/projects?includeDeleted=true").await;
    assert_eq!(listed.ids(), ["shop"]);

    let spare = bound
        .post("/manage/clients", json!({"name": "Spare", "type": "root"}))
        .await;
    let deleted = bound.delete("/manage/projects/shop").await;
    assert_eq!(deleted.body, json!({"success": true}));
    let spare = server.caller_of(spare.data());
    assert_cannot_end(&spare).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_delete_themselves_at_once_one_remains() {
    let server = TestServer::start().await;
    let mut caller = server.root();
    for _ in 0..10 {
        let body = json!({"name": "Spare", "type": "root"});
        let reply = caller.post("/manage/clients", body).await;
        let spare = server.caller_of(reply.data());
        let (first_path, second_path) = (own_path(&caller).await, own_path(&spare).await);
        let (first, second) = tokio::join!(caller.delete(&first_path), spare.delete(&second_path));
        let (deleted, refused) = if first.status == 200 {
            caller = spare;
            (first, second)
        } else {
            (second, first)
        };
        assert_eq!(
            (deleted.status.as_u16(), &deleted.body),
            (200, &json!({"success": true}))
        );
        assert_last(&refused);
        assert_eq!(caller.get("/manage/clients").await.ids().len(), 1);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_end_each_other_at_once_one_remains() {
    let server = TestServer::start().await;
    let mut caller = server.root();
    for round in 0..10 {
        let body = json!({"name": "Spare", "type": "root"});
        let reply = caller.post("/manage/clients", body).await;
        let spare = server.caller_of(reply.data());
        let (first_path, second_path) = (own_path(&caller).await, own_path(&spare).await);
        let disable = json!({"enabled": false});
        let (first, second) = tokio::join!(
            caller.delete(&second_path),
            spare.patch(&first_path, disable)
        );
        let (won, lost) = if first.status == 200 {
            (first, second)
        } else {
            // The disabled one is of no more use.
            caller = spare;
            (second, first)
        };
        assert_eq!(won.status, 200, "{round}: {}", won.text);
        // It was either too late to call at all, or to do it.
        assert!([401, 409].contains(&lost.status.as_u16()), "{}", lost.text);
        caller.get("/manage/clients").await.data();
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_may_end_the_last_root_client() {
    let server = TestServer::start().await;
    let root = server.root();
    let id = root.get("/manage/me").await.data()["client"]["id"].clone();
    let id = id.as_str().unwrap().parse().unwrap();
    server.admin().await.delete_client(id).await.unwrap();
    // The server believes what it knows of a client for five seconds.
    server.advance(Duration::from_secs(5));
    let refused = root.get("/manage/projects").await;
    refused.assert_error(401, "Invalid client credentials");

    // It does not come back, though the configuration still names it.
    let server = server.restart().await;
    let refused = server.root().get("/manage/projects").await;
    refused.assert_error(401, "Invalid client credentials");
    server.stop().await;
}
