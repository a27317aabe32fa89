//! Timeline references: made, changed, listed and deleted.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{START, TestServer, assert_uuid};

const MINUTE: Duration = Duration::from_secs(60);

/// Makes a reference with this body, and returns what the reply calls `data`.
async fn create(server: &TestServer, body: Json) -> Json {
    let reply = server.root().post("/manage/references", body).await;
    reply.data().clone()
}

fn plain(project: &str, title: &str) -> Json {
    json!({"projectId": project, "title": title, "datetime": "2024-01-15T10:00:00.000Z"})
}

fn path_of(reference: &Json) -> String {
    format!("/manage/references/{}", reference["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_is_made_and_found() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    for description in [json!("v2 🚀\nwith *more*"), json!(""), json!(null)] {
        let body = json!({
            "projectId": "shop", "title": "Launch", "description": description,
            "datetime": "2024-01-15T10:00:00.000Z",
        });
        let made = root.post("/manage/references", body).await;
        let expected = json!({
            "id": assert_uuid(&made.data()["id"]), "title": "Launch", "description": description,
            "date": "2024-01-15T10:00:00.000Z", "datetime": "2024-01-15T10:00:00.000Z",
            "projectId": "shop", "createdAt": START, "updatedAt": START,
        });
        assert_eq!(made.body, json!({"data": expected}));
        let found = root.get(&path_of(&expected)).await;
        assert_eq!(found.body, made.body);
    }
    let without = create(&server, plain("shop", "T")).await;
    assert_eq!(without["description"], json!(null));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_are_read_in_every_form_of_iso_8601() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let reference = create(&server, plain("shop", "T")).await;
    for (given, shown) in [
        ("2024-01-15T10:00:00.000Z", "2024-01-15T10:00:00.000Z"),
        ("2024-01-15T10:00:00Z", "2024-01-15T10:00:00.000Z"),
        ("2024-01-15T10:00Z", "2024-01-15T10:00:00.000Z"),
        ("2024-01-15T12:00:00+02:00", "2024-01-15T10:00:00.000Z"),
        ("2024-01-15T12:00:00+0200", "2024-01-15T10:00:00.000Z"),
        ("2024-01-15T23:30:00-05:30", "2024-01-16T05:00:00.000Z"),
        ("2024-01-15T10:00:00", "2024-01-15T10:00:00.000Z"),
        ("2024-01-15T10:00:00.5", "2024-01-15T10:00:00.500Z"),
        ("2024-01-15T10:00:00.123456789Z", "2024-01-15T10:00:00.123Z"),
        ("2024-01-15", "2024-01-15T00:00:00.000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000Z"),
        ("0001-01-01", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ] {
        let body = json!({"projectId": "shop", "title": "T", "datetime": given});
        let made = create(&server, body).await;
        assert_eq!(
            (&made["date"], &made["datetime"]),
            (&json!(shown), &json!(shown))
        );
        let change = json!({"datetime": given});
        let changed = root.patch(&path_of(&reference), change).await;
        assert_eq!(changed.data()["datetime"], shown);
        let found = root.get(&path_of(&made)).await;
        assert_eq!(*found.data(), made);
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_moment_is_refused() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let reference = create(&server, plain("shop", "T")).await;
    for wrong in [
        "",
        " ",
        "now",
        "yesterday",
        "2024",
        "2024-01",
        "2024-1-5",
        "20240115",
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "2024-01-15  10:00:00",
        "2024-01-15T10:00:00 Z",
        "2024-01-15 UTC",
        "2024-01-15T25:00:00Z",
        "2024-01-15T10:60:00Z",
        "2024-01-15T10:00:60Z",
        "2024-01-15T10:00:00+25:00",
        "2024-01-15T10",
        "2024-01-15T",
        "T10:00:00Z",
        " 2024-01-15",
        "2024-01-15 ",
        "2024-01-15T10:00:00Z ",
        "15.01.2024",
        "01/15/2024",
        "1705312800",
        "1705312800000",
        "Mon, 15 Jan 2024 10:00:00 GMT",
        "2024-W03-1",
        "2024-015",
        "0000-01-01",
        "-0001-01-01",
        "10000-01-01",
        "+2024-01-15",
        "2024-01-15T10:00:00\u{0}Z",
        "２０２４-01-15",
        "🚀",
    ] {
        let body = json!({"projectId": "shop", "title": "T", "datetime": wrong});
        let refused = root.post("/manage/references", body).await;
        assert_eq!(refused.status, 400, "{wrong:?}: {}", refused.text);
        refused.assert_invalid_body(&[json!(["datetime"])]);
        let change = json!({"title": "New", "datetime": wrong});
        let refused = root.patch(&path_of(&reference), change).await;
        refused.assert_invalid_body(&[json!(["datetime"])]);
    }
    let found = root.get(&path_of(&reference)).await;
    assert_eq!(*found.data(), reference);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_leaves_all_other_fields_alone() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let mut expected = create(&server, plain("shop", "Launch")).await;
    let path = path_of(&expected);
    for (minute, change) in [
        json!({"title": " Launch of v2 "}),
        json!({"description": "more"}),
        json!({"datetime": "2024-02-01"}),
        json!({"description": null}),
    ]
    .into_iter()
    .enumerate()
    {
        server.advance(MINUTE);
        let reply = root.patch(&path, change.clone()).await;
        let (field, value) = change.as_object().unwrap().iter().next().unwrap();
        if field == "datetime" {
            expected["date"] = json!("2024-02-01T00:00:00.000Z");
            expected["datetime"] = expected["date"].clone();
        } else {
            expected[field] = value.clone();
        }
        expected["updatedAt"] = json!(format!("2026-01-15T10:{:02}:00.000Z", 31 + minute));
        assert_eq!(reply.body, json!({"data": expected}));
        assert_eq!(root.get(&path).await.body, reply.body);
    }
    server.advance(MINUTE);
    for nothing in [json!({}), json!({"projectId": "x", "date": 5, "id": null})] {
        let reply = root.patch(&path, nothing).await;
        assert_eq!(reply.body, json!({"data": expected}));
    }
    assert_eq!(*root.get(&path).await.data(), expected);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_reference_is_gone_for_good() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let reference = create(&server, plain("shop", "Launch")).await;
    let other = create(&server, plain("shop", "Other")).await;
    let path = path_of(&reference);
    let deleted = root.delete(&path).await;
    assert_eq!(
        (deleted.status.as_u16(), &deleted.body),
        (200, &json!({"success": true}))
    );
    for reply in [
        root.get(&path).await,
        root.patch(&path, json!({})).await,
        root.delete(&path).await,
    ] {
        reply.assert_error(404, "Reference not found");
    }
    let listed = root.get("/manage/references").await;
    assert_eq!(listed.body, json!({"data": [other]}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_listed_newest_first_and_by_project() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    server.create_project("Blog").await;
    let mut of_shop = Vec::new();
    for (title, datetime) in [
        ("1", "2024-03-01"),
        ("2", "2024-01-01"),
        ("3", "2024-02-01"),
    ] {
        server.advance(Duration::from_millis(1));
        let body = json!({"projectId": "shop", "title": title, "datetime": datetime});
        // Newest is by when it was made, not by when it happened.
        of_shop.insert(0, create(&server, body).await);
    }
    server.advance(MINUTE);
    let of_blog = create(&server, plain("blog", "4")).await;

    let listed = root.get("/manage/references?projectId=shop").await;
    assert_eq!(listed.body, json!({"data": of_shop}));
    let listed = root.get("/manage/references?projectId=blog").await;
    assert_eq!(listed.body, json!({"data": [of_blog]}));
    let mut all = vec![of_blog];
    all.extend(of_shop);
    for path in ["/manage/references", "/manage/references?projectId="] {
        assert_eq!(root.get(path).await.body, json!({"data": all}));
    }
    for unknown in ["nothing", "SHOP", "%20", "%FF", "%00"] {
        let path = format!("/manage/references?projectId={unknown}");
        let reply = root.get(&path).await;
        reply.assert_error(404, "Project not found");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_vanish_with_their_project_and_come_back_with_it() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    server.create_project("Blog").await;
    let of_shop = create(&server, plain("shop", "1")).await;
    let of_blog = create(&server, plain("blog", "2")).await;
    let path = path_of(&of_shop);

    root.delete("/manage/projects/shop").await;
    let listed = root.get("/manage/references").await;
    assert_eq!(listed.body, json!({"data": [of_blog]}));
    for reply in [
        root.get(&path).await,
        root.patch(&path, json!({"title": "New"})).await,
        root.delete(&path).await,
    ] {
        reply.assert_error(404, "Reference not found");
    }
    for reply in [
        root.get("/manage/references?projectId=shop").await,
        root.post("/manage/references", plain("shop", "3")).await,
    ] {
        reply.assert_error(404, "Project not found");
    }

    root.patch("/manage/projects/shop", json!({})).await.data();
    assert_eq!(*root.get(&path).await.data(), of_shop);
    assert_eq!(root.get("/manage/references").await.ids().len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_of_an_unknown_project_is_not_made() {
    let server = TestServer::start().await;
    let root = server.root();
    for project in ["nothing", "", "Not an id", "🚀", "a\u{0}b"] {
        let reply = root.post("/manage/references", plain(project, "T")).await;
        reply.assert_error(404, "Project not found");
    }
    let listed = root.get("/manage/references").await;
    assert_eq!(listed.body, json!({"data": []}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_found_under_api_too() {
    let server = TestServer::start().await;
    let root = server.root();
    server.create_project("Shop").await;
    let made = root
        .post("/api/manage/references", plain("shop", "T"))
        .await;
    let path = path_of(made.data());
    let api_path = format!("/api{path}");
    assert_eq!(root.get(&path).await.body, made.body);
    assert_eq!(root.get(&api_path).await.body, made.body);
    let listed = root.get("/api/manage/references").await;
    assert_eq!(listed.body, json!({"data": [made.data()]}));
    let changed = root.patch(&api_path, json!({"title": "New"})).await;
    assert_eq!(changed.data()["title"], "New");
    let deleted = root.delete(&api_path).await;
    assert_eq!(deleted.body, json!({"success": true}));
    let gone = root.get(&path).await;
    gone.assert_error(404, "Reference not found");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn references_survive_a_restart() {
    let server = TestServer::start().await;
    server.create_project("Shop").await;
    let made = create(&server, plain("shop", "T")).await;
    let server = server.restart().await;
    let listed = server.root().get("/manage/references").await;
    assert_eq!(listed.body, json!({"data": [made]}));
    server.stop().await;
}
