//! Projects: made, changed, deleted, restored and purged.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{START, TestServer, assert_secret, assert_uuid};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A project as it is made of nothing but a name.
fn plain_project(id: &str, name: &str) -> Json {
    json!({
        "id": id, "name": name, "organizationId": "acme", "domain": null, "cors": [],
        "crossDomain": false, "allowUnsafeRevenueTracking": false, "filters": [], "types": [],
        "eventsCount": 0, "retentionDays": null, "createdAt": START, "updatedAt": START,
        "deleteAt": null,
    })
}

/// Every setting, with a value that is not the default.
fn all_settings() -> Json {
    json!({
        "name": "My Shop", "domain": "https://shop.example", "cors": ["https://shop.example", "*"],
        "crossDomain": true, "allowUnsafeRevenueTracking": true,
        "filters": [
            {"type": "ip", "ip": "192.0.2.0/24"},
            {"type": "profile_id", "profileId": "user-1"},
            {"type": "event", "name": "ping"},
        ],
        "types": ["website", "app", "backend"], "retentionDays": 365,
    })
}

/// `one` with the fields of `other` put over its own.
fn overlay(one: &Json, other: &Json) -> Json {
    let mut all = one.clone();
    let fields = other.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(fields);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_made_with_its_first_client() {
    let server = TestServer::start().await;
    let root = server.root();
    let reply = root
        .post("/manage/projects", json!({"name": "My Shop"}))
        .await;
    let client = reply.data()["client"].clone();
    let id = assert_uuid(&client["id"]);
    let secret = assert_secret(&client["secret"]);
    let expected = overlay(
        &plain_project("my-shop", "My Shop"),
        &json!({"client": {"id": id, "secret": secret, "type": "write"}}),
    );
    assert_eq!(reply.body, json!({"data": expected}));
    assert_eq!(reply.header("cache-control"), "no-store");

    let me = server.caller_of(&client).get("/manage/me").await;
    assert_eq!(me.data()["project"], plain_project("my-shop", "My Shop"));
    let made = root.get(&format!("/manage/clients/{id}")).await;
    assert_eq!(made.data()["name"], "First client");
    assert_eq!(made.data()["type"], "write");
    assert_eq!(made.data()["projectId"], "my-shop");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_made_with_every_setting() {
    let server = TestServer::start().await;
    let root = server.root();
    let reply = root.post("/manage/projects", all_settings()).await;
    let expected = overlay(&plain_project("my-shop", "My Shop"), &all_settings());
    let with_client = overlay(&expected, &json!({"client": reply.data()["client"]}));
    assert_eq!(*reply.data(), with_client);

    let found = root.get("/manage/projects/my-shop").await;
    assert_eq!(found.body, json!({"data": expected}));
    let listed = root.get("/manage/projects").await;
    assert_eq!(listed.body, json!({"data": [expected]}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_project_is_a_slug_of_its_name() {
    let server = TestServer::start().await;
    let long = "a".repeat(100);
    let cut_at_a_hyphen = format!("{} and more", "b".repeat(63));
    for (name, id) in [
        ("Ärlig Blogg & Co!", "arlig-blogg-and-co"),
        ("Cafe\u{301} Crème", "cafe-creme"),
        ("Straße 7", "strasse-7"),
        ("  My -- Shop  ", "my-shop"),
        ("🚀 launch 🚀", "launch"),
        (&long, &long[..64]),
        (&cut_at_a_hyphen, &cut_at_a_hyphen[..63]),
    ] {
        let project = server.create_project(name).await;
        assert_eq!(project["id"], id);
        assert_eq!(project["name"], name);
    }
    for name in ["🚀", "!!!", "Магазин", "🚀"] {
        let project = server.create_project(name).await;
        let random = project["id"].as_str().unwrap().strip_prefix("project-");
        let random = random.unwrap();
        assert_eq!(random.len(), 6, "{random}");
        assert!(
            random
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_was_ever_taken_gets_four_digits() {
    fn assert_suffixed(project: &Json, base: &str) {
        let id = project["id"].as_str().unwrap();
        let digits = id.strip_prefix(base).and_then(|s| s.strip_prefix('-'));
        let digits = digits.unwrap_or_else(|| panic!("{id} is not {base}-…"));
        assert!(digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()));
    }

    let server = TestServer::start().await;
    assert_eq!(server.create_project("Shop").await["id"], "shop");
    assert_suffixed(&server.create_project("Shop").await, "shop");
    assert_suffixed(&server.create_project("SHOP!").await, "shop");

    // A deleted one keeps its id, and so does a purged one.
    let root = server.root();
    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    assert_suffixed(&server.create_project("Shop").await, "shop");
    server.advance(DAY);
    server.do_chores().await;
    let purged = root.get("/manage/projects/shop?includeDeleted=true").await;
    purged.assert_error(404, "Project not found");
    let server = server.restart().await;
    assert_suffixed(&server.create_project("Shop").await, "shop");

    // Ids are the same for all organizations.
    let other = server.create_organization("Other").await;
    let reply = other
        .post("/manage/projects", json!({"name": "Shop"}))
        .await;
    assert_suffixed(reply.data(), "shop");

    let long = "a".repeat(64);
    assert_eq!(server.create_project(&long).await["id"], long);
    assert_suffixed(&server.create_project(&long).await, &long[..59]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_that_are_made_at_once_have_ids_of_their_own() {
    let server = TestServer::start().await;
    let makers = (0..12).map(|_| {
        let root = server.root();
        tokio::spawn(async move { root.post("/manage/projects", json!({"name": "Shop"})).await })
    });
    let mut ids = Vec::new();
    for maker in makers.collect::<Vec<_>>() {
        ids.push(
            maker.await.unwrap().data()["id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
    assert_eq!(ids[0], "shop");
    assert_eq!(server.root().get("/manage/projects").await.ids(), ids);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_once_do_not_undo_each_other() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    let settings = all_settings();
    let changes = settings.as_object().unwrap().iter().map(|(field, value)| {
        let (root, change) = (server.root(), json!({field: value}));
        tokio::spawn(async move { root.patch("/manage/projects/shop", change).await })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap().data();
    }
    let found = server.root().get("/manage/projects/shop").await;
    assert_eq!(*found.data(), overlay(found.data(), &settings));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trailing_slashes_are_dropped() {
    let server = TestServer::start().await;
    let root = server.root();
    let given = json!({
        "name": "Shop", "domain": "https://shop.example///",
        "cors": ["https://a.example/", "b.example//", "*"],
    });
    let kept = json!({
        "domain": "https://shop.example", "cors": ["https://a.example", "b.example", "*"],
    });
    let made = root.post("/manage/projects", given).await;
    assert_eq!(*made.data(), overlay(made.data(), &kept));

    let change = json!({"domain": "http://x.example/path/", "cors": ["https://x.example/"]});
    let changed = root.patch("/manage/projects/shop", change).await;
    assert_eq!(changed.data()["domain"], "http://x.example/path");
    assert_eq!(changed.data()["cors"], json!(["https://x.example"]));
    let found = root.get("/manage/projects/shop").await;
    assert_eq!(found.body, changed.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_that_is_null_or_empty_is_none() {
    let server = TestServer::start().await;
    let root = server.root();
    for nothing in [json!(null), json!("")] {
        let body = json!({"name": "Shop", "domain": nothing});
        let made = root.post("/manage/projects", body).await;
        assert_eq!(made.data()["domain"], json!(null));

        let path = format!("/manage/projects/{}", made.data()["id"].as_str().unwrap());
        let set = root
            .patch(&path, json!({"domain": "https://shop.example"}))
            .await;
        assert_eq!(set.data()["domain"], "https://shop.example");
        let cleared = root.patch(&path, json!({"domain": nothing})).await;
        assert_eq!(cleared.data()["domain"], json!(null));
        assert_eq!(root.get(&path).await.data()["domain"], json!(null));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_entries_have_many_forms() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let entries = json!([
        "*",
        "https://shop.example",
        "http://localhost:3000",
        "shop.example",
        "localhost",
        "localhost:8080",
        "*.shop.example",
        "https://*.shop.example",
        "https://*.shop.example:8443",
        "capacitor://localhost",
        "chrome-extension://abcdefghijklmnop",
        "192.0.2.1",
        "http://[2001:db8::1]:8080",
        "[::1]",
        "bücher.example",
        "HTTPS://Shop.Example",
    ]);
    let body = json!({"cors": entries});
    let reply = root.patch("/manage/projects/shop", body).await;
    assert_eq!(reply.data()["cors"], entries);
    let found = root.get("/manage/projects/shop").await;
    assert_eq!(found.data()["cors"], entries);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_leaves_all_other_fields_alone() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let mut expected = plain_project("shop", "Shop");
    let settings = all_settings();
    for minute in 1..=settings.as_object().unwrap().len() {
        server.advance(MINUTE);
        let (field, value) = settings
            .as_object()
            .unwrap()
            .iter()
            .nth(minute - 1)
            .unwrap();
        let reply = root
            .patch("/manage/projects/shop", json!({field: value}))
            .await;
        expected[field] = value.clone();
        expected["updatedAt"] = json!(format!("2026-01-15T10:{:02}:00.000Z", 30 + minute));
        assert_eq!(reply.body, json!({"data": expected}));
        assert_eq!(root.get("/manage/projects/shop").await.body, reply.body);
    }
    // And back again.
    let defaults = json!({
        "domain": null, "cors": [], "crossDomain": false, "allowUnsafeRevenueTracking": false,
        "filters": [], "types": [], "retentionDays": null,
    });
    let reply = root.patch("/manage/projects/shop", defaults.clone()).await;
    assert_eq!(*reply.data(), overlay(&expected, &defaults));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_change_changes_nothing() {
    let server = TestServer::start().await;
    let root = server.root();
    root.post("/manage/projects", all_settings()).await.data();
    let before = root.get("/manage/projects/my-shop").await;
    server.advance(MINUTE);
    for nothing in [
        json!({}),
        json!({"unknown": 1, "id": "x", "eventsCount": 7}),
    ] {
        let reply = root.patch("/manage/projects/my-shop", nothing).await;
        assert_eq!(reply.body, before.body);
    }
    assert_eq!(root.get("/manage/projects/my-shop").await.body, before.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_stored_as_given_and_types_once() {
    let server = TestServer::start().await;
    let root = server.root();
    let body = json!({"name": "  Zażółć\t🚀 ", "types": ["app", "website", "app"]});
    let made = root.post("/manage/projects", body).await;
    assert_eq!(made.data()["name"], "  Zażółć\t🚀 ");
    assert_eq!(made.data()["types"], json!(["app", "website"]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_project_is_gone_but_can_be_asked_for() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    server.create_project("Blog").await;
    server.advance(MINUTE);
    let reply = root.delete("/manage/projects/shop").await;
    assert_eq!(
        (reply.status.as_u16(), &reply.body),
        (200, &json!({"success": true}))
    );

    let gone = root.get("/manage/projects/shop").await;
    gone.assert_error(404, "Project not found");
    assert_eq!(root.get("/manage/projects").await.ids(), ["blog"]);

    let deleted = overlay(
        &plain_project("shop", "Shop"),
        &json!({
            "deleteAt": "2026-01-16T10:31:00.000Z", "updatedAt": "2026-01-15T10:31:00.000Z",
        }),
    );
    for yes in ["true", "1"] {
        let path = format!("/manage/projects/shop?includeDeleted={yes}");
        let found = root.get(&path).await;
        assert_eq!(found.body, json!({"data": deleted}));
        let path = format!("/manage/projects?includeDeleted={yes}");
        let listed = root.get(&path).await;
        assert_eq!(
            listed.body,
            json!({"data": [plain_project("blog", "Blog"), deleted]})
        );
    }
    for no in ["false", "0", ""] {
        let found = root
            .get(&format!("/manage/projects/shop?includeDeleted={no}"))
            .await;
        found.assert_error(404, "Project not found");
        let listed = root
            .get(&format!("/manage/projects?includeDeleted={no}"))
            .await;
        assert_eq!(listed.ids(), ["blog"]);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_twice_does_not_put_off_the_purge() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    assert_eq!(root.delete("/manage/projects/shop").await.status, 200);
    let before = root.get("/manage/projects/shop?includeDeleted=true").await;
    assert_eq!(before.data()["deleteAt"], "2026-01-16T10:30:00.000Z");
    server.advance(MINUTE);
    let again = root.delete("/manage/projects/shop").await;
    assert_eq!(
        (again.status.as_u16(), &again.body),
        (200, &json!({"success": true}))
    );
    let after = root.get("/manage/projects/shop?includeDeleted=true").await;
    assert_eq!(after.body, before.body);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_change_restores_a_deleted_project() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    for change in [
        json!({}),
        json!({"crossDomain": true}),
        json!({"unknown": 1}),
    ] {
        let before = root.get("/manage/projects/shop").await;
        root.delete("/manage/projects/shop").await;
        server.advance(MINUTE);
        let restored = root.patch("/manage/projects/shop", change.clone()).await;
        assert_eq!(restored.data()["deleteAt"], json!(null));
        let found = root.get("/manage/projects/shop").await;
        assert_eq!(found.body, restored.body);
        let mut expected = before.data().clone();
        expected["updatedAt"] = restored.data()["updatedAt"].clone();
        if let Some(crosses) = change.get("crossDomain") {
            expected["crossDomain"] = crosses.clone();
        }
        assert_eq!(*found.data(), expected);
    }
    // The old date of the purge means nothing any more.
    server.advance(2 * DAY);
    server.do_chores().await;
    root.get("/manage/projects/shop").await.data();

    root.delete("/manage/projects/shop").await;
    let deleted = root.get("/manage/projects/shop?includeDeleted=true").await;
    assert_eq!(deleted.data()["deleteAt"], "2026-01-18T10:33:00.000Z");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_is_wrong_does_not_restore() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    root.delete("/manage/projects/shop").await;
    let refused = root
        .patch("/manage/projects/shop", json!({"name": ""}))
        .await;
    refused.assert_invalid_body(&[json!(["name"])]);
    let gone = root.get("/manage/projects/shop").await;
    gone.assert_error(404, "Project not found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_deleted_project_are_refused_until_it_is_restored() {
    let server = TestServer::start().await;
    let root = server.root();
    let project = server.create_project("Shop").await;
    let writer = server.caller_of(&project["client"]);
    let body = json!({"name": "R", "type": "root", "projectId": "shop"});
    let bound_root = server.caller_of(&server.create_client(body).await);
    // Both are remembered by now.
    writer.get("/manage/me").await.data();
    bound_root.get("/manage/projects").await.data();

    root.delete("/manage/projects/shop").await;
    for caller in [&writer, &bound_root] {
        let refused = caller.get("/manage/me").await;
        refused.assert_error(401, "Invalid client credentials");
        assert_eq!(refused.body["code"], "invalid_credentials");
    }
    let refused = bound_root.patch("/manage/projects/shop", json!({})).await;
    refused.assert_error(401, "Invalid client credentials");

    root.patch("/manage/projects/shop", json!({})).await.data();
    writer.get("/manage/me").await.data();
    bound_root.get("/manage/projects").await.data();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_purge_removes_a_project_with_all_that_is_its() {
    let server = TestServer::start().await;
    let root = server.root();
    let project = server.create_project("Shop").await;
    server.create_project("Blog").await;
    let client = project["client"]["id"].as_str().unwrap();
    let reference = |project: &str| json!({"projectId": project, "title": "T", "datetime": START});
    let reply = root.post("/manage/references", reference("shop")).await;
    let of_shop = reply.data()["id"].as_str().unwrap();
    let reply = root.post("/manage/references", reference("blog")).await;
    let of_blog = reply.data()["id"].as_str().unwrap();
    let before = root.get("/manage/clients").await.ids().len();

    root.delete("/manage/projects/shop").await;
    server.advance(DAY - Duration::from_millis(1));
    server.do_chores().await;
    let deleted = root.get("/manage/projects/shop?includeDeleted=true").await;
    assert_eq!(deleted.data()["id"], "shop");

    server.advance(Duration::from_millis(1));
    server.do_chores().await;
    for query in ["", "?includeDeleted=true"] {
        let gone = root.get(&format!("/manage/projects/shop{query}")).await;
        gone.assert_error(404, "Project not found");
        let listed = root.get(&format!("/manage/projects{query}")).await;
        assert_eq!(listed.ids(), ["blog"]);
    }
    for reply in [
        root.patch("/manage/projects/shop", json!({})).await,
        root.delete("/manage/projects/shop").await,
        root.get("/manage/clients?projectId=shop").await,
    ] {
        reply.assert_error(404, "Project not found");
    }
    let gone = root.get(&format!("/manage/clients/{client}")).await;
    gone.assert_error(404, "Client not found");
    assert_eq!(root.get("/manage/clients").await.ids().len(), before - 1);
    let refused = server.caller_of(&project["client"]).get("/manage/me").await;
    refused.assert_error(401, "Invalid client credentials");
    let gone = root.get(&format!("/manage/references/{of_shop}")).await;
    gone.assert_error(404, "Reference not found");
    assert_eq!(root.get("/manage/references").await.ids(), [of_blog]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_due_cannot_be_restored() {
    let server = TestServer::start().await;
    let root = server.root();
    for name in ["Shop", "Blog"] {
        server.create_project(name).await;
    }
    root.delete("/manage/projects/shop").await;
    root.delete("/manage/projects/blog").await;
    server.advance(DAY - Duration::from_micros(1));
    root.patch("/manage/projects/blog", json!({})).await.data();

    server.advance(Duration::from_micros(1));
    let late = root.patch("/manage/projects/shop", json!({})).await;
    late.assert_error(404, "Project not found");
    let gone = root.get("/manage/projects/shop").await;
    gone.assert_error(404, "Project not found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_listed_newest_first_and_then_by_id() {
    let server = TestServer::start().await;
    for name in ["B", "A"] {
        server.create_project(name).await;
    }
    server.advance(Duration::from_micros(100));
    server.create_project("C").await;
    server.advance(MINUTE);
    for name in ["E", "D"] {
        server.create_project(name).await;
    }
    let listed = server.root().get("/manage/projects").await;
    assert_eq!(listed.ids(), ["d", "e", "c", "a", "b"]);
    assert_eq!(listed.body.as_object().unwrap().len(), 1, "{}", listed.text);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_found_under_api_too() {
    let server = TestServer::start().await;
    let root = server.root();
    let made = root
        .post("/api/manage/projects", json!({"name": "Shop"}))
        .await;
    assert_eq!(made.data()["id"], "shop");
    let changed = root
        .patch("/api/manage/projects/shop", json!({"name": "Store"}))
        .await;
    assert_eq!(changed.data()["name"], "Store");
    for path in ["/manage/projects", "/manage/projects/shop"] {
        let here = root.get(path).await;
        assert_eq!(here.status, 200);
        assert_eq!(root.get(&format!("/api{path}")).await.body, here.body);
    }
    let deleted = root.delete("/api/manage/projects/shop").await;
    assert_eq!(deleted.body, json!({"success": true}));
    let gone = root.get("/manage/projects/shop").await;
    gone.assert_error(404, "Project not found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_survive_a_restart() {
    let server = TestServer::start().await;
    let root = server.root();
    root.post("/manage/projects", all_settings()).await.data();
    let client = server.create_project("Blog").await["client"].clone();
    server.create_project("Old").await;
    root.delete("/manage/projects/old").await;
    let before = root.get("/manage/projects?includeDeleted=true").await;
    assert_eq!(before.ids(), ["blog", "my-shop", "old"]);

    let server = server.restart().await;
    let root = server.root();
    let after = root.get("/manage/projects?includeDeleted=true").await;
    assert_eq!(after.body, before.body);
    let me = server.caller_of(&client).get("/manage/me").await;
    assert_eq!(me.data()["project"]["id"], "blog");
    server.advance(DAY);
    server.do_chores().await;
    let after = root.get("/manage/projects?includeDeleted=true").await;
    assert_eq!(after.ids(), ["blog", "my-shop"]);
    server.stop().await;
}
