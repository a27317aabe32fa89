//! What was wrong with requests to Track, for those who ask: `docs/contract/manage.md` §2.1.

use reqwest::Method;
use serde_json::{Value as Json, json};

use crate::{
    shop::{ORIGIN, Shop, send, track},
    support::{Caller, START, TestServer},
};

const PATH: &str = "/manage/projects/shop/track/diagnostics";

async fn diagnostics(root: &Caller) -> Vec<Json> {
    root.get(PATH).await.data().as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_told_with_its_reason() {
    let filters = json!([{"type": "profile_id", "profileId": "banned"}]);
    let shop = Shop::open_with(json!({"filters": filters})).await;
    let root = shop.server.root();
    assert_eq!(diagnostics(&root).await, [] as [Json; 0]);

    let sale = json!({"name": "revenue", "properties": {"__revenue": 19.5}});
    for _ in 0..3 {
        assert_eq!(track(&shop.backend, sale.clone()).await.status, 400);
    }
    assert_eq!(send(&shop.browser, "identify", json!({})).await.status, 400);
    let refused = track(&shop.browser, json!({"name": "x", "profileId": "banned"})).await;
    assert_eq!(refused.status, 401);
    let page_sale = json!({"name": "revenue", "properties": {"__revenue": 20}});
    assert_eq!(track(&shop.browser, page_sale).await.status, 401);
    let broken = shop
        .browser
        .send_text(Method::POST, "/track", "{\"type\"")
        .await;
    assert_eq!(broken.status, 400);
    let old = shop
        .browser
        .post("/event", json!({"name": "session_end"}))
        .await;
    assert_eq!(old.status, 400);
    let big = json!({"name": "big", "properties": {"x": "y".repeat(1 << 20)}});
    assert_eq!(track(&shop.backend, big).await.status, 413);

    let told = diagnostics(&root).await;
    let of = |field: &str| {
        told.iter()
            .map(|one| one[field].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("event"),
        [
            Json::Null,
            json!("session_end"),
            Json::Null,
            json!("revenue"),
            json!("x"),
            Json::Null,
            json!("revenue")
        ]
    );
    assert_eq!(of("count"), [1, 1, 1, 1, 1, 1, 3]);
    assert!(of("outcome").iter().all(|outcome| outcome == "refused"));
    assert!(of("clientId").iter().all(|id| *id == shop.client["id"]));
    assert_eq!(
        told[0]["message"],
        "The request body is larger than 1048576 bytes"
    );
    assert_eq!(told[3]["code"], "secret_required");
    assert_eq!(told[4]["code"], "blocked_by_filter");
    assert_eq!(
        told[6],
        json!({
            "at": START, "count": 3, "outcome": "refused", "clientId": shop.client["id"],
            "event": "revenue", "code": null, "message": "Invalid request body",
            "details": [{"path": ["payload", "properties", "__revenue"],
                "message": "must be a whole number, at least 0"}],
        })
    );
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_adjusted_is_told_with_its_reason() {
    let shop = Shop::open().await;
    for (name, told) in [
        ("unreadable", json!("yesterday")),
        ("too_early", json!("0001-01-01T00:00:00Z")),
        ("too_late", json!("2031-01-01T00:00:00Z")),
        ("good", json!(START)),
        ("absent", json!("")),
    ] {
        let payload = json!({"name": name, "properties": {"__timestamp": told}});
        assert_eq!(track(&shop.browser, payload).await.status, 200);
    }
    let told = diagnostics(&shop.server.root()).await;
    assert_eq!(told.len(), 3, "{told:?}");
    for (one, name) in told.iter().zip(["too_late", "too_early", "unreadable"]) {
        assert_eq!(one["event"], name);
        assert_eq!(one["code"], name);
        assert_eq!(one["outcome"], "adjusted");
        assert_eq!(one["details"][0]["path"], json!(["__timestamp"]));
    }
    // Nothing that was told is repeated: whoever reads this may see no more than reasons.
    assert!(!json!(told).to_string().contains("yesterday"));
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_or_secret_that_is_not_allowed_is_told_with_the_remedy() {
    let shop = Shop::open().await;
    let id = shop.client["id"].as_str().unwrap();
    let stranger = shop.server.anonymous();
    let stranger = stranger.with_header("openpanel-client-id", id);
    for origin in ["https://evil.example", "https://evil.example", "null"] {
        let page = stranger.with_header("origin", origin);
        assert_eq!(track(&page, json!({"name": "x"})).await.status, 401);
    }
    let wrong = shop.server.caller(id, "sec_wrong");
    assert_eq!(track(&wrong, json!({"name": "x"})).await.status, 401);
    let told = diagnostics(&shop.server.root()).await;
    let told_of = |field: &str| {
        told.iter()
            .map(|one| one[field].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(told_of("count"), [1, 1, 2]);
    let codes = told_of("code");
    assert!(codes.iter().all(|code| code == "invalid_credentials"));
    let clients = told_of("clientId");
    assert!(clients.iter().all(|id| *id == shop.client["id"]));
    assert_eq!(told[2]["details"][0]["path"], json!(["origin"]));
    let remedy = told[2]["details"][0]["message"].as_str().unwrap();
    let expected = "\"https://evil.example\" is not allowed: add it to cors";
    assert!(remedy.starts_with(expected), "{remedy}");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_other_organizations_see_nothing() {
    let shop = Shop::open().await;
    let wrong = json!({"name": 1});
    let unknown = "00000000-0000-4000-8000-000000000000";
    let unknown = shop.server.caller(unknown, "sec_wrong");
    assert_eq!(track(&unknown, wrong.clone()).await.status, 401);
    assert_eq!(diagnostics(&shop.server.root()).await, [] as [Json; 0]);
    assert_eq!(track(&shop.browser, wrong).await.status, 400);

    let other = shop.server.create_organization("Other").await;
    other.get(PATH).await.assert_error(404, "Project not found");
    assert_eq!(shop.server.anonymous().get(PATH).await.status, 401);
    assert_eq!(
        shop.server.caller_of(&shop.client).get(PATH).await.status,
        401
    );
    let read = json!({"name": "Reader", "type": "read", "projectId": "shop"});
    let read = shop.server.create_client(read).await;
    assert_eq!(shop.server.caller_of(&read).get(PATH).await.status, 401);
    let root = shop.server.root();
    assert_eq!(diagnostics(&root).await.len(), 1);
    root.get("/manage/projects/none/track/diagnostics")
        .await
        .assert_error(404, "Project not found");
    let deleted = root.delete("/manage/projects/shop").await;
    assert_eq!(deleted.status, 200, "{}", deleted.text);
    root.get(PATH).await.assert_error(404, "Project not found");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_grows_no_list_and_pushes_out_nothing_of_another_project() {
    let server = TestServer::start_with(&[("RATE_LIMIT_TRACK_VISITOR", "off")]).await;
    let shop = Shop::open_on(server, json!({})).await;
    let root = shop.server.root();
    let body = json!({"name": "Quiet", "cors": [ORIGIN]});
    let made = root.post("/manage/projects", body).await;
    let quiet = shop.server.caller_of(&made.data()["client"]);
    assert_eq!(track(&quiet, json!({"name": 1})).await.status, 400);
    let text = "é".repeat(9_000);
    for number in 0..300 {
        let payload = json!({"name": format!("{number}{text}"), "profileId": [text],
            "properties": {(format!("{number}{text}")): {(text.as_str()): 1}}});
        assert_eq!(track(&shop.browser, payload).await.status, 400);
    }
    let reply = root.get(PATH).await;
    let told = reply.data().as_array().unwrap();
    assert!((10..=50).contains(&told.len()), "{}", told.len());
    assert!(reply.text.len() < 40 * 1024, "{}", reply.text.len());
    let event = told[0]["event"].as_str().unwrap();
    assert!(event.starts_with("299é") && event.len() <= 255, "{event}");
    let quiet = root.get("/manage/projects/quiet/track/diagnostics").await;
    assert_eq!(quiet.data().as_array().unwrap().len(), 1);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_events_has_none() {
    let server = TestServer::start_with(&[("EVENTS_URL", "off")]).await;
    server.create_project("Shop").await;
    let refused = server.root().get(PATH).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.body["code"], "no_event_store");
    server.stop().await;
}
